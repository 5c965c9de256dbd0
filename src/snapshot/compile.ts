import { compileCache } from '#cache/compile.ts'
import type { Backend } from '#core/candidate.ts'
import type { Plan } from '#core/plan.ts'
import type { RequestFilter } from '#core/filter.ts'
import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import type { Config } from '#config/schema.ts'
import { secretStandIn } from '#config/stand-in.ts'
import { compileGuards } from '#guard/compile.ts'
import { nothingOutside, type Outside } from '#credential/outside.ts'
import type { CompiledCredentials } from '#credential/spec.ts'
import { compileIdempotency } from '#idempotency/compile.ts'
import type { Hooks } from '#hook/hook.ts'
import { compileIdentity } from '#identity/compile.ts'
import { KeyRing } from '#identity/key-ring.ts'
import { AddressList } from '#kit/address-list.ts'
import { noPromptSources, type PromptSources } from '#rules/prompt-files.ts'
import { compileBudgets } from '#limit/budget-compile.ts'
import { compileLimits } from '#limit/compile.ts'
import { compileRules } from '#rules/rules.ts'
import { compileLogging } from '#telemetry/compile.ts'
import { compileFilters } from '#upstream/filter.ts'
import { compileUsage } from '#usage/compile.ts'
import type { Form } from '#core/talk.ts'
import type { Converters } from '#translate/converter/converters.ts'
import { BackendCompiler, collectSecrets, compileBackends, type BackendTable } from './backends.ts'
import { compileCors } from './cors.ts'
import { compileForwarding, compileStrangeName } from './forward.ts'
import { compileHealthPages } from './health.ts'
import { compileHomes } from './homes.ts'
import { hintFor } from './name-hint.ts'
import { LinkTable } from './links.ts'
import { isLocal, parseListen } from './listen.ts'
import { compileListenTls, keysOfTls } from './listen-tls.ts'
import { compileMetrics } from './metrics.ts'
import { compilePlans } from './plans.ts'
import { compilePolicies } from './policies.ts'
import { clientSegments } from './reserved.ts'
import { compileServices } from './services.ts'
import { collectSettings } from './settings.ts'
import { compileSharing } from './sharing.ts'
import type { AdminPolicy, ListenAddress, Snapshot } from './snapshot.ts'

/** What a snapshot is told about its source. */
export interface CompileContext {
  readonly version: number
  readonly digest: string
  readonly file: string | undefined
  /** Names of backends that an unset variable switched off. */
  readonly offBackends: ReadonlySet<string>
  /** Values that must be masked beside those of the configuration's own secret keys, such as contents of files. */
  readonly secrets: readonly string[]
  /** What credentials of backends name outside of the file; by default nothing is there. */
  readonly outside?: Outside
  /** Files of `system_prompts`, and what their variables stand for; by default nothing is there. */
  readonly prompts?: PromptSources | undefined
  /** Those of `converters`, and what is wrong with them. */
  readonly converters?: { readonly converters: Converters; readonly problems: readonly CompileProblem[] } | undefined
  /** Those of `hooks`, and what is wrong with them. */
  readonly hooks?: { readonly hooks: Hooks | undefined; readonly problems: readonly CompileProblem[] } | undefined
  /** For what ends on a day, such as certificates; absent: nothing has ended. */
  readonly nowWallMs?: number
  /** Nobody asked for the address in `listen`. */
  readonly listenIsDefault?: boolean
  /** What opens the listener to other machines, where no keys of the configuration were written that could. */
  readonly openedBy?: string | undefined
}

/** What compiling gave: a snapshot, or, with an error among the problems, none. */
export interface Compilation {
  readonly snapshot: Snapshot | undefined
  readonly problems: readonly CompileProblem[]
}

/** Config → Snapshot. Pure: names become objects, addresses are parsed, patterns compiled, and everything wrong is told at once. */
export function compileSnapshot(config: Config, context: CompileContext): Compilation {
  const problems: CompileProblem[] = []
  const identity = compileIdentity({
    auth: config.auth,
    commonKey: config.proxy_api_key ?? '',
    standIn: secretStandIn,
    linkTo: (url) => new LinkTable(config).plainLinkTo(url),
  })
  const { ring: keys } = identity
  problems.push(...identity.problems)
  const wasAsked = context.listenIsDefault !== true
  const listen = compileListen(config, keys, { wasAsked, openedBy: context.openedBy }, problems)
  const sharing = compileSharing(config.server, listen, problems)
  const trustedProxies = compileTrustedProxies(config, problems)
  const admin = compileAdmin(config, problems)
  const hasPort = listen?.kind !== 'unix' || admin.listen?.kind === 'tcp'
  const tls = compileListenTls(config.tls, { hasPort, nowWallMs: context.nowWallMs }, problems)
  const healthPages = compileHealthPages(config, problems)
  const metrics = compileMetrics(config, { admin, healthPages, isOpen: keys.isOpen && admin.keys.isOpen }, problems)
  const policies = compilePolicies(config)
  const off = context.offBackends
  const { converters } = context
  const compiler = new BackendCompiler(config, {
    hidden: context.secrets,
    outside: context.outside ?? nothingOutside,
    converters: (converters?.problems ?? []).length > 0 ? undefined : (converters?.converters.byName ?? noConverters),
  })
  problems.push(...(converters?.problems ?? []), ...(context.hooks?.problems ?? []))
  const backends = compileBackends(config, compiler, off)
  const table = compilePlans(config, backends, off, policies.value)
  const pooled = compileServices(config, { compiler, table: backends, off, policies: policies.value })
  const forwarding = compileForwarding(config, pooled.passthrough, problems)
  const cors = compileCors(config, keys.isOpen, problems)
  checkFilters(config, backends, problems)
  const logging = compileLogging(config.logging)
  const prompts = context.prompts ?? noPromptSources
  const rules = compileRules(config, prompts, logging.zone, problems)
  const budgets = compileBudgets(
    config.budgets,
    { usage: config.usage, workers: sharing.workers, logZone: config.logging.timezone },
    problems,
  )
  const limits = compileLimits(config, { plans: table.plans, workers: sharing.workers }, problems)
  problems.push(...policies.problems, ...compiler.problems, ...table.problems, ...pooled.problems)
  if (listen === undefined || trustedProxies === undefined || problems.some(({ severity }) => severity === 'error')) {
    return { snapshot: undefined, problems }
  }

  const usable = new Map([...ownBackends(backends), ...pooled.backends])
  const credentials = [...backends.credentials, ...pooled.credentials]
  const snapshot: Snapshot = {
    version: context.version,
    digest: context.digest,
    file: context.file,
    listen,
    sharing,
    tls,
    idleSeconds: Math.ceil(config.server.idle_timeout / 1000),
    listenAsked: wasAsked && isKeptToLoopback(config, keys, parseListen(config.listen)) ? config.listen : undefined,
    keys,
    identities: identity.named,
    modelsRequireAuth: config.models_require_auth,
    admin,
    plans: table.plans,
    services: pooled.services,
    passthrough: pooled.passthrough,
    forwarding,
    isStrangeName: compileStrangeName(config, keys.isOpen, listen),
    cors,
    guards: compileGuards(config.validation),
    idempotency: compileIdempotency(config.idempotency, sharing.workers, problems),
    filters: withClientHeaders(compileFilters(config.filters), config),
    rules,
    hooks: context.hooks?.hooks,
    healthPages,
    aliases: table.aliases,
    limits,
    budgets,
    homes: compileHomes(table.plans.values(), usable, policies.value),
    ownedIds: {
      max: config.owned_ids.max,
      ttlMs: config.owned_ids.ttl,
      resources: config.owned_ids.resources,
    },
    backends: usable,
    converters: converters?.converters,
    credentials: credentials.filter(({ backend }) => usable.has(backend)),
    bodyBytesMax: config.max_body_size,
    uploadBytesMax: config.max_upload_size,
    memoryBytesMax: config.server.memory_limit,
    unknownModelStatus: config.errors.unknown_model_status,
    trustedProxies,
    debugHeaders: config.headers.debug,
    drainMs: config.shutdown.drain_timeout,
    // The names of hooks tell their files apart, too.
    cache: compileCache(config.cache, [
      config.middleware,
      config.compat,
      config.hooks,
      [...(context.hooks?.hooks?.ids ?? [])],
    ]),
    usage: compileUsage(config.usage),
    logging,
    ...metrics,
    secrets: collectSecrets(config, [...context.secrets, ...secretsOf(credentials), ...keysOfTls(tls)]),
    settings: collectSettings(config, prompts),
  }
  return { snapshot, problems }
}

const noConverters: Converters['byName'] = new Map()

function checkFilters({ filters }: Config, { names }: BackendTable, problems: CompileProblem[]): void {
  for (const [index, { match }] of filters.entries()) {
    for (const [at, name] of (match.backends ?? []).entries()) {
      if (names.has(name)) continue
      const message = `no backend is named "${name}"${hintFor(name, names)}`
      problems.push({ severity: 'error', path: ['filters', index, 'match', 'backends', at], message })
    }
  }
}

function ownBackends({ usable }: BackendTable): readonly (readonly [name: string, backend: Backend])[] {
  return Array.from(usable, ([name, { backend }]) => [name, backend])
}

function secretsOf(credentials: readonly CompiledCredentials[]): readonly string[] {
  return credentials.flatMap(({ secrets }) => secrets.map((secret) => secret.reveal()))
}

/** Every route of a snapshot, for state that is kept by route. */
export function stateKeysOf(snapshot: Snapshot): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const { tiers } of everyPlanOf(snapshot)) {
    for (const { candidates } of tiers) for (const { stateKey } of candidates) keys.add(stateKey)
  }
  return keys
}

/**
 * Routes that lead to another address now, or are asked by a converter that was changed: what was learned of the old one
 * says nothing about it.
 */
export function movedKeysOf(old: Snapshot, next: Snapshot): ReadonlySet<string> {
  const before = addressesOf(old)
  const moved = new Set<string>()
  for (const [key, address] of addressesOf(next)) if ((before.get(key) ?? address) !== address) moved.add(key)
  return moved
}

function addressesOf(snapshot: Snapshot): ReadonlyMap<string, string> {
  const digests = new Map<Form, string>()
  for (const { form, digest } of snapshot.converters?.byName.values() ?? []) digests.set(form, digest)
  const addresses = new Map<string, string>()
  for (const { tiers } of everyPlanOf(snapshot)) {
    for (const { candidates } of tiers) {
      for (const { stateKey, backend, translation } of candidates) {
        const digest = translation && digests.get(translation.form)
        addresses.set(stateKey, digest === undefined ? backend.url.href : `${backend.url.href} ${digest}`)
      }
    }
  }
  return addresses
}

/** The names of its plans, for state that is kept by them. */
export function planNamesOf(snapshot: Snapshot): ReadonlySet<string> {
  return new Set(Array.from(everyPlanOf(snapshot), ({ alias }) => alias))
}

function* everyPlanOf({ plans, services, passthrough, forwarding, homes }: Snapshot): Generator<Plan> {
  yield* plans.values()
  yield* services.plans.values()
  if (passthrough !== undefined) yield passthrough
  if (forwarding !== undefined) yield* forwarding.plans
  for (const plansOfBackend of homes.byBackend.values()) yield* plansOfBackend.values()
}

/** A header of its own for keys of clients is no business of backends. */
function withClientHeaders(filters: Snapshot['filters'], { auth }: Config): Snapshot['filters'] {
  const headers = auth.enabled ? auth.providers.flatMap(({ header = '' }) => (header === '' ? [] : [header])) : []
  if (headers.length === 0) return filters
  const hiding: RequestFilter = {
    matches: (_method, _path, received) => headers.some((header) => received.has(header)),
    isFor: undefined,
    bodyPaths: [],
    headers: headers.map((header) => header.toLowerCase()),
    queryNames: [],
  }
  return [...(filters ?? []), hiding]
}

/** Those with the common key; clients by name have their own business. */
function clientKeysOf({ proxy_api_key: key = '' }: Config): ConstructorParameters<typeof KeyRing>[0] {
  return key === '' ? [] : [{ key: new Secret(key), caller: { id: 'default' } }]
}

function compileAdmin(config: Config, problems: CompileProblem[]): AdminPolicy {
  const clientKeys = new KeyRing(clientKeysOf(config))
  const { key, path, listen, page, keep_requests: keepRequests, config_with_client_key: opensToClients } = config.admin
  const [, first = ''] = path.split('/')
  if (clientSegments.has(first) || first === 'static' || (first === 'api' && path !== '/api/admin')) {
    const message = `"${path}" stands where clients and probes ask for other things, take another such as "/admin"`
    problems.push({ severity: 'error', path: ['admin', 'path'], message })
  }
  const own = key === undefined ? [] : [{ key: new Secret(key), caller: { id: 'admin' } }]
  const keys = key === undefined ? clientKeys : new KeyRing(own)
  const door = { keys, isLocalOnly: key === undefined }
  const bothKeys = (): KeyRing => (key === undefined ? clientKeys : new KeyRing([...own, ...clientKeysOf(config)]))
  return {
    ...door,
    configDoor: opensToClients ? { keys: bothKeys(), isLocalOnly: false } : door,
    path,
    listen: listen === undefined ? undefined : parseListen(listen),
    hasPage: page,
    keepRequests: keys.isOpen ? 0 : keepRequests,
  }
}

/** Without a client key only this machine may connect, unless the operator takes the risk in so many words. */
function compileListen(
  config: Config,
  keys: KeyRing,
  { wasAsked, openedBy }: { readonly wasAsked: boolean; readonly openedBy: string | undefined },
  problems: CompileProblem[],
): ListenAddress | undefined {
  const listen = parseListen(config.listen)
  if (listen === undefined) {
    const message = `"${config.listen}" is no address, write one such as ":8080", "127.0.0.1:8080" or "unix:/path"`
    problems.push({ severity: 'error', path: ['listen'], message })
    return undefined
  }
  if (listen.kind === 'unix' || !isKeptToLoopback(config, keys, listen)) return listen
  const message = wasAsked
    ? `listening on loopback only, although "${config.listen}" was asked for: set ${openedBy ?? '"proxy_api_key" or "allow_unauthenticated: true"'}`
    : 'without "proxy_api_key" only programs of this machine can connect: set it, or "allow_unauthenticated: true"'
  problems.push({ severity: 'note', path: ['listen'], message })
  return { ...listen, host: '127.0.0.1' }
}

function isKeptToLoopback(config: Config, keys: KeyRing, listen: ListenAddress | undefined): boolean {
  return keys.isOpen && !config.allow_unauthenticated && listen !== undefined && !isLocal(listen)
}

function compileTrustedProxies(config: Config, problems: CompileProblem[]): AddressList | undefined {
  try {
    return new AddressList(config.trusted_proxies)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    problems.push({ severity: 'error', path: ['trusted_proxies'], message })
    return undefined
  }
}
