import type { Converters } from '#translate/converter/converters.ts'
import type { Backend, Candidate, Price } from '#core/candidate.ts'
import type { Plan } from '#core/plan.ts'
import { Secret } from '#core/secret.ts'
import type { Link } from '#ports/transport.ts'
import { strategyName } from '#route/strategy.ts'
import { areSameChecks } from './health.ts'
import { formatListen } from './listen.ts'
import type { Snapshot } from './snapshot.ts'

/** What a reload changed, in words and by name; a secret is said to have changed, never what it is. */
export function describeChanges(old: Snapshot, next: Snapshot): readonly string[] {
  const changes = [
    ...restartKeys(old, next).map((key) => `${key} changed, after a restart`),
    ...describeSettings(old, next),
    ...compareNamed('', identitiesOf(old), identitiesOf(next), (before, after) => {
      return before === after ? [] : ['changed']
    }),
    ...compareNamed('backend', toldByName(old, next), toldByName(next, old), (before, after) => {
      const told = {
        timeouts: isSectionChanged('timeout', old, next),
        proxy: isSectionChanged('outbound_proxy', old, next),
        checks: isSectionChanged('health_check', old, next),
      }
      const parts = describeBackend(before, after, told)
      return credentialIds(old, before) === credentialIds(next, after) ? parts : [...parts, 'credentials changed']
    }),
    ...compareNamed('converter', convertersOf(old), convertersOf(next), (before, after) => {
      return before.digest === after.digest ? [] : ['changed']
    }),
    ...compareNamed('alias', old.plans, next.plans, (before, after) => {
      return describePlan(before, after, isSectionChanged('load_balancing', old, next))
    }),
    ...compareNamed('service', old.services.plans, next.services.plans, describePool),
    ...compareNamed('', passthroughOf(old), passthroughOf(next), describePool),
    ...describeLists(old, next),
  ]
  if (changes.length <= changesMax) return changes
  return [...changes.slice(0, changesMax), `and ${changes.length - changesMax} more`]
}

function identitiesOf({ identities }: Snapshot): ReadonlyMap<string, string> {
  return new Map(identities.map(({ name, digest }) => [name, digest]))
}

function convertersOf({ converters }: Snapshot): Converters['byName'] {
  return converters?.byName ?? new Map()
}

/** Keys whose change takes a restart; until then the old value holds. */
export function restartKeys(old: BootOnly, next: BootOnly): readonly string[] {
  const keys: string[] = []
  if (formatListen(old.listen) !== formatListen(next.listen)) keys.push('listen')
  if (old.sharing.withOthers !== next.sharing.withOthers) keys.push('server.reuse_port')
  if (old.sharing.workers !== next.sharing.workers) keys.push('server.workers')
  if (old.idleSeconds !== next.idleSeconds) keys.push('server.idle_timeout')
  if (old.admin.path !== next.admin.path) keys.push('admin.path')
  if (!areEqual(old.admin.listen, next.admin.listen)) keys.push('admin.listen')
  if (!areEqual(old.metricsListen, next.metricsListen)) keys.push('metrics.listen')
  return keys
}

/** What holds from the start of the process to its end. */
export interface BootOnly extends Pick<Snapshot, 'listen' | 'sharing' | 'idleSeconds' | 'metricsListen'> {
  readonly admin: Pick<Snapshot['admin'], 'path' | 'listen'>
}

export function bootOnlyOf({ listen, sharing, idleSeconds, metricsListen, admin }: BootOnly): BootOnly {
  return { listen, sharing, idleSeconds, metricsListen, admin: { path: admin.path, listen: admin.listen } }
}

/** A boot-only key keeps its old value, so that what is shown is what is true. */
export function withBootOnly(
  next: Snapshot,
  { listen, sharing, idleSeconds, metricsListen, admin }: BootOnly,
): Snapshot {
  const ownAddress = { metricsListen }
  return {
    ...next,
    ...ownAddress,
    listen,
    sharing,
    idleSeconds,
    admin: { ...next.admin, path: admin.path, listen: admin.listen },
  }
}

/** Limit: changes told in one line of the log. */
const changesMax = 50

function describeSettings(old: Snapshot, next: Snapshot): readonly string[] {
  const changes: string[] = []
  for (const key of new Set([...old.settings.keys(), ...next.settings.keys()])) {
    const before = old.settings.get(key)
    const after = next.settings.get(key)
    if (plain(before) === plain(after)) continue
    if (before === undefined) changes.push(`${key} set${after instanceof Secret ? '' : ` to ${after}`}`)
    else if (after === undefined) changes.push(`${key} removed`)
    else if (after instanceof Secret) changes.push(`${key} changed`)
    else changes.push(`${key} ${String(before)} → ${after}`)
  }
  return changes
}

function plain(value: string | Secret | undefined): string | undefined {
  return value instanceof Secret ? value.reveal() : value
}

function compareNamed<Thing>(
  kind: string,
  old: ReadonlyMap<string, Thing>,
  next: ReadonlyMap<string, Thing>,
  describe: (before: Thing, after: Thing) => readonly string[],
): readonly string[] {
  const changes: string[] = []
  const named = (name: string): string => (kind === '' ? name : `${kind} ${name}`)
  for (const name of old.keys()) if (!next.has(name)) changes.push(`${named(name)} removed`)
  for (const [name, after] of next) {
    const before = old.get(name)
    if (before === undefined) {
      changes.push(`${named(name)} added`)
      continue
    }
    const parts = describe(before, after)
    if (parts.length > 0) changes.push(`${named(name)}: ${parts.join(', ')}`)
  }
  return changes
}

/** Those of a service come and go with it, or as its members. */
function toldByName(snapshot: Snapshot, other: Snapshot): ReadonlyMap<string, Backend> {
  const pooled = new Set<string>()
  for (const plan of [...snapshot.services.plans.values(), ...passthroughOf(snapshot).values()]) {
    for (const { id, backend } of candidatesOf(plan)) if (backend.name === id) pooled.add(id)
  }
  if (pooled.size === 0) return snapshot.backends
  return new Map([...snapshot.backends].filter(([name]) => !pooled.has(name) || other.backends.has(name)))
}

function passthroughOf({ passthrough }: Snapshot): ReadonlyMap<string, Plan> {
  return new Map(passthrough === undefined ? [] : [[passthrough.alias, passthrough]])
}

function candidatesOf({ tiers }: Plan): Candidate[] {
  return tiers.flatMap(({ candidates }) => candidates)
}

/** A change of what backends have in common is told once, as a setting, and not again by each of them. */
function isSectionChanged(section: string, old: Snapshot, next: Snapshot): boolean {
  return [...next.settings].some(
    ([key, value]) => key.startsWith(`${section}.`) && plain(old.settings.get(key)) !== plain(value),
  )
}

export interface ToldAlready {
  readonly timeouts: boolean
  readonly proxy: boolean
  readonly checks: boolean
}

/** What is another about a backend, in words. */
export function describeBackend(before: Backend, after: Backend, told: ToldAlready): readonly string[] {
  const parts: string[] = []
  if (before.url.href !== after.url.href) parts.push('url changed')
  if (before.apiKey?.reveal() !== after.apiKey?.reveal()) parts.push('api_key changed')
  if (before.authMode !== after.authMode) parts.push(`auth_mode ${before.authMode} → ${after.authMode}`)
  if (!areEqual(before.headers, after.headers)) parts.push('headers changed')
  if (before.apiVersion !== after.apiVersion) parts.push(`api_version ${before.apiVersion} → ${after.apiVersion}`)
  if (!told.timeouts && !areEqual(before.timeouts, after.timeouts)) parts.push('timeout changed')
  // Where it is asked moves with the url.
  if (!told.checks && parts[0] !== 'url changed' && !areSameChecks(before.health, after.health)) {
    parts.push('health_check changed')
  }
  parts.push(...describeLink(before.link, after.link, told.proxy))
  // Where fetch came or went, that is why.
  if (before.websocket !== after.websocket && before.link.transport === after.link.transport) {
    parts.push(`websocket ${before.websocket} → ${after.websocket}`)
  }
  return parts
}

/** Which ones, in what order and with what weight; the id of one changes with all that it is made of. */
function credentialIds({ credentials }: Snapshot, { name }: Backend): string {
  const { specs = [] } = credentials.find(({ backend }) => backend === name) ?? {}
  return JSON.stringify(specs.map(({ id, weight }) => [id, weight]))
}

/** Keys of TLS and passwords of proxies are among it, so that of most it is told only that they changed. */
function describeLink(before: Link, after: Link, skipProxy: boolean): readonly string[] {
  const parts: string[] = []
  // What changes it besides is told as `http2`.
  if (before.transport !== after.transport && before.http2 === after.http2) {
    parts.push(`transport ${before.transport} → ${after.transport}`)
  }
  if (before.http2 !== after.http2) parts.push(`http2 ${before.http2} → ${after.http2}`)
  const { connectionsMax: maxBefore, ...poolBefore } = before.pool
  const { connectionsMax: maxAfter, ...poolAfter } = after.pool
  if (maxBefore !== maxAfter) parts.push(`max_connections ${maxBefore} → ${maxAfter}`)
  if (!areEqual(poolBefore, poolAfter)) parts.push('pool changed')
  const { verify: verifyBefore, ...tlsBefore } = before.tls
  const { verify: verifyAfter, ...tlsAfter } = after.tls
  if (verifyBefore !== verifyAfter) parts.push(`tls.verify ${verifyBefore} → ${verifyAfter}`)
  if (!areEqual(tlsBefore, tlsAfter)) parts.push('tls changed')
  if (before.unixPath !== after.unixPath) parts.push('unix_socket changed')
  if (!skipProxy && !areEqual(before.proxy, after.proxy)) parts.push('outbound_proxy changed')
  return parts
}

function areEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function describePlan(before: Plan, after: Plan, skipStrategy: boolean): readonly string[] {
  const routesBefore = ownRoutes(before)
  const routesAfter = ownRoutes(after)
  const parts: string[] = []
  for (const id of routesBefore.keys()) if (!routesAfter.has(id)) parts.push(`route ${id} removed`)
  for (const [id, route] of routesAfter) {
    const old = routesBefore.get(id)
    if (old === undefined) {
      parts.push(`route ${id} added`)
      continue
    }
    if (old.priority !== route.priority) parts.push(`route ${id} priority ${old.priority} → ${route.priority}`)
    if (old.weight !== route.weight) parts.push(`route ${id} weight ${old.weight} → ${route.weight}`)
    if (!areEqual(old.price, route.price)) parts.push(`route ${id} cost changed`)
    if (old.protocol !== route.protocol) parts.push(`route ${id} protocol ${old.protocol} → ${route.protocol}`)
  }
  if (!skipStrategy && strategyOf(before) !== strategyOf(after)) {
    parts.push(`strategy ${strategyOf(before)} → ${strategyOf(after)}`)
  }
  if (!areEqual(before.balance?.affinity, after.balance?.affinity)) parts.push('affinity changed')
  const chainBefore = fallbackNames(before)
  const chainAfter = fallbackNames(after)
  if (chainBefore !== chainAfter) {
    parts.push(chainAfter === '' ? 'falls back to nothing now' : `falls back to ${chainAfter} now`)
  }
  return parts
}

/** Of a service or of `passthrough`, by the ids of its backends. */
function describePool(before: Plan, after: Plan): readonly string[] {
  const entriesBefore = entriesOf(before)
  const entriesAfter = entriesOf(after)
  const parts: string[] = []
  for (const id of entriesBefore.keys()) if (!entriesAfter.has(id)) parts.push(`backend ${id} removed`)
  for (const [id, { weight, entry, backend }] of entriesAfter) {
    const old = entriesBefore.get(id)
    if (old === undefined) {
      parts.push(`backend ${id} added`)
      continue
    }
    if (old.weight !== weight) parts.push(`backend ${id} weight ${old.weight} → ${weight}`)
    if (old.entry?.name !== entry?.name) parts.push(`backend ${id} name changed`)
    if (old.backend.name !== backend.name) parts.push(`backend ${id} is another one`)
  }
  // With one alone there is nothing to share.
  if (entriesBefore.size < 2 || entriesAfter.size < 2) return parts
  if (strategyOf(before) !== strategyOf(after)) parts.push(`strategy ${strategyOf(before)} → ${strategyOf(after)}`)
  if (!areEqual(before.balance?.affinity, after.balance?.affinity)) parts.push('affinity changed')
  return parts
}

function entriesOf(plan: Plan): ReadonlyMap<string, Candidate> {
  return new Map(candidatesOf(plan).map((candidate) => [candidate.entry?.id ?? candidate.id, candidate]))
}

interface OwnRoute {
  readonly priority: number
  readonly weight: number
  readonly protocol: string
  readonly price: Price | undefined
}

function ownRoutes(plan: Plan): ReadonlyMap<string, OwnRoute> {
  const routes = new Map<string, OwnRoute>()
  for (const { level, priority, candidates } of plan.tiers) {
    if (level === 'l2') continue
    for (const { id, weight, protocol, price } of candidates) routes.set(id, { priority, weight, protocol, price })
  }
  return routes
}

/** Of its own routes; where no priority has two, there is nothing to share. */
function strategyOf({ tiers }: Plan): string {
  const shared = tiers.find(({ level, candidates }) => level === 'l1' && candidates.length > 1)
  return strategyName(shared?.strategy)
}

function fallbackNames(plan: Plan): string {
  const names = plan.tiers.filter(({ level }) => level === 'l2').map(({ alias }) => alias)
  return [...new Set(names)].join(', ')
}

/** Aliases that went into or out of sight while their plan lives on. */
function describeLists(old: Snapshot, next: Snapshot): readonly string[] {
  const before = new Set(old.aliases)
  const after = new Set(next.aliases)
  const changes: string[] = []
  for (const alias of before)
    if (!after.has(alias) && next.plans.has(alias)) changes.push(`alias ${alias} hidden from lists`)
  for (const alias of after)
    if (!before.has(alias) && old.plans.has(alias)) changes.push(`alias ${alias} back in lists`)
  return changes
}
