import type { CheckStatus, Condition, CredentialStatus, RouteStatus, ServiceStatus, Status } from '#core/status.ts'
import type { OpenStatus, OpenTarget } from './api.ts'
import { momentOf } from './format.ts'

/** One line of a table: a route, a backend, a target of a service or a credential. */
export interface Row {
  readonly key: string
  readonly name: string
  /** Smaller, below the name. */
  readonly detail: string
  readonly chips: readonly Chip[]
  readonly state: State
  /** Milliseconds, as of when it was told. */
  readonly restsForMs: number
  readonly latencyMs: number | undefined
  readonly firstContentMs: number | undefined
  readonly inFlight: number | undefined
  readonly attempts: number | undefined
  readonly failures: number | undefined
  readonly setbacks?: number
  readonly checkedMs: number | undefined
  readonly error: RowError | undefined
}

/** `unseen`: nobody checks it, or no check has ended yet; without the key no more is told. */
export type State = Condition | CredentialStatus['state'] | 'unseen'

/** What stands beside a name, for the words of the page to tell. */
export type Chip =
  | { readonly kind: 'priority' | 'weight' | 'routes'; readonly count: number }
  | { readonly kind: 'fallback'; readonly alias: string }
  | { readonly kind: 'hasKey' | 'hasNoKey' }

export interface RowError {
  readonly text: string
  readonly atMs: number | undefined
}

/** Rows that answer for the same thing. */
export interface Group {
  readonly key: string
  readonly name: string
  readonly isHidden?: boolean
  readonly rows: readonly Row[]
}

export interface ServiceGroup {
  readonly service: string
  readonly models: readonly Group[]
}

export function servicesOf(status: Status): ServiceGroup[] {
  return status.services.map((service) => ({ service: service.service, models: modelsOf(service, status) }))
}

function modelsOf({ service, models }: ServiceStatus, status: Status): Group[] {
  return models.map(({ model, routes }) => {
    const key = keyOf(service, model)
    // They have one priority, and the head says what their name is about.
    const rows = routes.map((route) => ({ ...rowOf(route, status, key), detail: '', chips: [weightOf(route)] }))
    return { key, name: model, rows }
  })
}

export function openServicesOf({ services }: OpenStatus): ServiceGroup[] {
  return Object.entries(services).map(([service, models]) => ({
    service,
    models: Object.entries(models).map(([model, targets]) => {
      const key = keyOf(service, model)
      return { key, name: model, rows: targets.map((target) => openRowOf(target, key)) }
    }),
  }))
}

export function aliasesOf(status: Status): Group[] {
  return status.aliases.map(({ alias, isListed, routes }) => ({
    key: keyOf('alias', alias),
    name: alias,
    isHidden: !isListed,
    rows: routes.map((route) => rowOf(route, status, keyOf('alias', alias))),
  }))
}

export function passthroughOf(status: Status): Row[] {
  return status.passthrough.map((route) => rowOf(route, status, 'passthrough'))
}

export function backendsOf(status: Status): Row[] {
  return status.backends.map(({ backend, url, hasKey, state, restsForMs, routes, traffic, check }) => ({
    key: keyOf('backend', backend),
    name: backend,
    detail: url,
    chips: [{ kind: 'routes', count: routes }, { kind: hasKey ? 'hasKey' : 'hasNoKey' }],
    state,
    restsForMs,
    ...figuresOf(traffic),
    latencyMs: latencyOf(traffic, check),
    checkedMs: momentOf(check?.at),
    error: errorOf(check?.fault, check?.at, traffic.lastError),
  }))
}

/** By backend. */
export function credentialsOf({ credentials }: Status): Group[] {
  return Array.from(
    Map.groupBy(credentials, ({ backend }) => backend),
    ([backend, own]) => ({
      key: backend,
      name: backend,
      rows: own.map(({ name, weight, state, restsForMs, turns, setbacks, reason }, place) => ({
        ...plainRow,
        key: keyOf(backend, String(place)),
        name,
        chips: [weightOf({ weight })],
        state,
        restsForMs,
        attempts: turns,
        setbacks,
        error: reason === undefined ? undefined : { text: reason, atMs: undefined },
      })),
    }),
  )
}

/** Everything that can answer, each once. */
export function targetsOf(status: Status): Row[] {
  const { services, aliases, passthrough } = status
  const routes = [
    ...services.flatMap(({ models }) => models.flatMap((model) => model.routes)),
    ...aliases.flatMap((alias) => alias.routes),
    ...passthrough,
  ]
  const byTarget = new Map(routes.map((route) => [keyOf(route.backend, route.model), route]))
  return Array.from(byTarget, ([key, route]) => ({ ...rowOf(route, status, ''), key, chips: [] }))
}

export interface Tally {
  readonly up: number
  readonly unseen: number
  readonly all: number
}

/** How many of them may be asked, and of how many nobody can tell. */
export function tallyOf(rows: readonly Row[]): Tally {
  const unseen = rows.filter(({ state }) => state === 'unseen').length
  return { up: rows.filter(({ state }) => isAvailable(state)).length, unseen, all: rows.length }
}

/** How many groups have somebody who may be asked. */
export function tallyOfGroups(groups: readonly Group[]): Tally {
  const tallies = groups.map(({ rows }) => tallyOf(rows))
  return {
    up: tallies.filter(({ up }) => up > 0).length,
    unseen: tallies.filter(({ up, unseen }) => up === 0 && unseen > 0).length,
    all: groups.length,
  }
}

function isAvailable(state: State): boolean {
  return state !== 'unseen' && toneOf(state) !== 'bad'
}

export type Tone = 'good' | 'fair' | 'idle' | 'bad'

/** How a state is shown. */
export function toneOf(state: State): Tone {
  if (state === 'healthy' || state === 'ready') return 'good'
  if (state === 'unknown' || state === 'unseen') return 'idle'
  return state === 'circuit_half_open' ? 'fair' : 'bad'
}

/** How many of them together are shown. */
export function toneOfTally({ up, unseen, all }: Tally): Tone {
  if (unseen === all) return 'idle'
  if (up === all) return 'good'
  return up === 0 ? 'bad' : 'fair'
}

export type Order = 'file' | 'name' | 'state' | 'latency'

/** What the viewer wants to see of the rows. */
export interface Wish {
  readonly search: string
  readonly order: Order
  readonly onlyTroubled: boolean
}

/** `names`: of what the rows stand in; whoever looks for one of these sees all its rows. */
export function wanted(
  rows: readonly Row[],
  { search, order, onlyTroubled }: Wish,
  names: readonly string[] = [],
): Row[] {
  const sought = search.trim().toLowerCase()
  const isSought = (text: string): boolean => text.toLowerCase().includes(sought)
  const isNamed = names.some(isSought)
  const found = rows.filter(
    ({ name, detail, state }) =>
      (isNamed || isSought(name) || isSought(detail)) && (!onlyTroubled || isTroubled(state)),
  )
  return order === 'file' ? found : found.toSorted(comparing[order])
}

function isTroubled(state: State): boolean {
  return ['fair', 'bad'].includes(toneOf(state))
}

/** What somebody should look after, the worst first. */
export function troubledOf(rows: readonly Row[]): Row[] {
  return wanted(rows, { search: '', order: 'state', onlyTroubled: true })
}

const comparing: Readonly<Record<Exclude<Order, 'file'>, (a: Row, b: Row) => number>> = {
  name: (a, b) => a.name.localeCompare(b.name) || a.detail.localeCompare(b.detail),
  state: (a, b) => badnessOf(b.state) - badnessOf(a.state) || b.restsForMs - a.restsForMs,
  latency: (a, b) => (b.latencyMs ?? b.firstContentMs ?? -1) - (a.latencyMs ?? a.firstContentMs ?? -1),
}

const badness: readonly State[] = [
  'ready',
  'healthy',
  'unknown',
  'unseen',
  'circuit_half_open',
  'cooling',
  'resting',
  'no_credential',
  'ejected',
  'circuit_open',
  'unhealthy',
]

function badnessOf(state: State): number {
  return badness.indexOf(state)
}

function rowOf(route: RouteStatus, { backends }: Status, inside: string): Row {
  const { backend, name, model, alias, level, priority, state, restsForMs, traffic } = route
  const check = backends.find((other) => other.backend === backend)?.check
  const chips: Chip[] = [
    ...(level === 'l2' ? [{ kind: 'fallback', alias } as const] : []),
    { kind: 'priority', count: priority },
    weightOf(route),
  ]
  return {
    key: keyOf(inside, level, alias, String(priority), backend, model),
    name,
    detail: name === backend ? model : backend,
    chips,
    state,
    restsForMs,
    ...figuresOf(traffic),
    latencyMs: latencyOf(traffic, check),
    checkedMs: momentOf(check?.at),
    error: errorOf(check?.fault, check?.at, traffic.lastError),
  }
}

function figuresOf(
  traffic: RouteStatus['traffic'],
): Pick<Row, 'firstContentMs' | 'inFlight' | 'attempts' | 'failures'> {
  const { firstContentMs, inFlight, attempts, failures } = traffic
  return { firstContentMs, inFlight, attempts, failures }
}

/** That of requests is another thing than that of checks, which stands in for it as long as there was none. */
function latencyOf(
  { attempts, latencyMs }: RouteStatus['traffic'],
  check: CheckStatus | undefined,
): number | undefined {
  return attempts === 0 ? check?.latencyMs : latencyMs
}

/** What fails now goes before what failed once. */
function errorOf(
  fault: string | undefined,
  at: string | undefined,
  last: RouteStatus['traffic']['lastError'],
): RowError | undefined {
  if (fault !== undefined) return { text: fault, atMs: momentOf(at) }
  if (last === undefined) return undefined
  const { status, message, at: lastAt } = last
  const isTold = status === undefined || message.includes(String(status))
  return { text: isTold ? message : `${status}: ${message}`, atMs: momentOf(lastAt) }
}

function openRowOf({ id, name, weight, status, checkedAt, error, latencyMs }: OpenTarget, inside: string): Row {
  const checkedMs = momentOf(checkedAt)
  return {
    ...plainRow,
    key: keyOf(inside, id),
    name,
    detail: name === id ? '' : id,
    chips: [weightOf({ weight })],
    state: status === 'unknown' ? 'unseen' : status,
    latencyMs,
    checkedMs,
    error: error === undefined ? undefined : { text: error, atMs: checkedMs },
  }
}

function weightOf({ weight }: Pick<RouteStatus, 'weight'>): Chip {
  return { kind: 'weight', count: weight }
}

/** Of whom nothing but a name is known. */
const plainRow = {
  detail: '',
  restsForMs: 0,
  latencyMs: undefined,
  firstContentMs: undefined,
  inFlight: undefined,
  attempts: undefined,
  failures: undefined,
  checkedMs: undefined,
} as const satisfies Partial<Row>

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}
