import type { Backend } from '#core/candidate.ts'
import type { Protocol } from '#core/dialect.ts'
import type { HealthPolicy } from '#core/health.ts'
import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import { expandWildcard } from '#kit/wildcard.ts'
import { listPlaces, listUrl, urlBehind } from '#upstream/model-list.ts'
import type { HealthPages, Snapshot } from './snapshot.ts'

/** What of a backend decides how it is checked. */
export interface HealthSubject extends Pick<Backend, 'url' | 'apiVersion'> {
  readonly protocol: Protocol
  /** Where it stands in the file. Those of services are checked unasked. */
  readonly of: 'backends' | 'services' | 'passthrough'
}

type CheckSettings = Config['backends'][number]['health_check']

/** The `health_check` sections, of the file and of each backend, compiled. */
export class HealthTable {
  readonly #common: CheckSettings | undefined
  readonly #commonExpect: Expectation | undefined
  readonly #problems: CompileProblem[]

  /** `problems` is added to. */
  constructor(common: Config['health_check'], problems: CompileProblem[]) {
    this.#common = common
    this.#problems = problems
    this.#commonExpect = this.#expectation(common?.expect, ['health_check'])
  }

  /** `own`: what the backend says itself, found at `path`. Undefined: it is not checked. */
  policyFor(
    own: CheckSettings,
    { url, apiVersion, protocol, of }: HealthSubject,
    path: CompileProblem['path'],
  ): HealthPolicy | undefined {
    const isOfService = of === 'services'
    const ownExpect = this.#expectation(own?.expect, [...path, 'health_check'])
    const wasNamed = this.#common !== undefined || own !== undefined
    const isAsked = own?.enabled ?? this.#common?.enabled ?? (isOfService || wasNamed)
    // Those that only pretend are always well.
    if (!isAsked || url.protocol === 'mock:') return undefined
    const settings = { ...this.#common, ...own }
    const { dialect, shortQuery } = listPlaces[protocol]
    const target = settings.path ?? (isOfService ? '/health' : undefined)
    return {
      method: settings.method ?? 'GET',
      url: target === undefined ? listUrl({ url, apiVersion }, protocol, shortQuery) : urlBehind(url, target),
      protocol,
      dialect: of === 'backends' ? dialect : 'raw',
      headers: mergedHeaders(this.#common?.headers, own?.headers),
      expects: ownExpect ?? this.#commonExpect ?? (isOfService ? justOk : anySuccess),
      intervalMs: settings.interval ?? 30_000,
      timeoutMs: settings.timeout ?? 5000,
      failureThreshold: settings.failure_threshold ?? 3,
      successThreshold: settings.success_threshold ?? 2,
    }
  }

  #expectation(codes: readonly string[] | undefined, path: CompileProblem['path']): Expectation | undefined {
    if (codes === undefined) return undefined
    const table = new Uint8Array(1000)
    for (const [index, code] of codes.entries()) {
      const statuses = expandWildcard(code)
      if (statuses === undefined) {
        const message = `"${code}" is no status code, write one such as 200 or "2xx"`
        this.#problems.push({ severity: 'error', path: [...path, 'expect', index], message })
      } else for (const status of statuses) table[status] = 1
    }
    return (status) => table[status] === 1
  }
}

type Expectation = HealthPolicy['expects']

type Headers = Readonly<Record<string, string>>

/** Those of the backend in place of the common ones of the same name, however it is spelt. */
function mergedHeaders(common: Headers = {}, own: Headers = {}): HealthPolicy['headers'] {
  const names = new Set(Object.keys(own).map((name) => name.toLowerCase()))
  return [...Object.entries(common).filter(([name]) => !names.has(name.toLowerCase())), ...Object.entries(own)]
}

function justOk(status: number): boolean {
  return status === 200
}

function anySuccess(status: number): boolean {
  return status >= 200 && status <= 299
}

/** Every backend of a snapshot that is checked, by its name: those of `backends`, of services and of `passthrough`. */
export function checkedBackends({ backends }: Pick<Snapshot, 'backends'>): ReadonlyMap<string, Backend> {
  return new Map(backends.entries().filter(([, { health }]) => health !== undefined))
}

/** Is a backend that stayed where it was asked the same, and are the same answers good? */
export function areSameChecks(one: HealthPolicy | undefined, other: HealthPolicy | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  const isJudgedAlike = statuses.every((status) => one.expects(status) === other.expects(status))
  return isJudgedAlike && JSON.stringify(one) === JSON.stringify(other)
}

/** The same of a backend with all that its checks depend on. */
export function areCheckedAlike(one: Backend, other: Backend): boolean {
  return areSameChecks(one.health, other.health) && wayTo(one) === wayTo(other)
}

/** How it is reached and what proves a check, keys included. */
function wayTo({ apiKey, authMode, credentials, headers, link }: Backend): string {
  const secrets = credentials?.secrets.map((secret) => secret.reveal())
  return JSON.stringify([apiKey?.reveal(), authMode, credentials?.names, secrets, headers, link])
}

const statuses = Array.from({ length: 900 }, (_, index) => index + 100)

type PageType = 'liveness' | 'readiness' | 'verbose'

/** Where probes look as long as nobody says otherwise. */
const builtInPages: Readonly<Record<PageType, readonly string[]>> = {
  liveness: ['/health', '/healthz', '/livez'],
  readiness: ['/ready', '/readyz'],
  verbose: ['/health/verbose'],
}

/** The `health` section. A type that is named there has the named paths alone. */
export function compileHealthPages(config: Config, problems: CompileProblem[]): HealthPages {
  const { endpoints, verbose } = config.health
  const byPath = new Map<string, PageType>()
  for (const [index, { path, type }] of endpoints.entries()) {
    const other = byPath.get(path)
    const objection =
      takenBy(path, config) ?? (other === undefined || other === type ? undefined : `is the page for ${other} already`)
    if (objection !== undefined) {
      const message = `"${path}" ${objection}, take another path`
      problems.push({ severity: 'error', path: ['health', 'endpoints', index, 'path'], message })
    } else byPath.set(path, type)
  }
  const named = new Set(endpoints.map(({ type }) => type))
  for (const type of ['liveness', 'readiness', 'verbose'] as const) {
    if (named.has(type)) continue
    for (const path of builtInPages[type]) if (!byPath.has(path)) byPath.set(path, type)
  }
  return {
    byPath,
    showUpstream: verbose.show_upstream_status,
    showCache: verbose.show_cache_status,
    showRateLimit: verbose.show_rate_limit_status,
  }
}

/** Why it cannot be there; undefined: it can. */
function takenBy(path: string, { admin, services }: Config): string | undefined {
  const [, first = ''] = path.split('/')
  if (/^\/(?:v1(?:beta|alpha)?|models|api|static)(?:\/|$)/.test(path))
    return 'stands where clients ask for other things'
  if (path === admin.path || path.startsWith(`${admin.path}/`)) return 'stands among the admin pages'
  return Object.hasOwn(services, first) ? `stands where the service "${first}" is` : undefined
}
