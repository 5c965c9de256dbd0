import type { Status } from '#core/status.ts'
import type { Browser, BrowserAnswer } from './browser.ts'

/** What came of a question. Errors are values: each kind wants something else of the viewer. */
export type Reply<Value> = { readonly kind: 'ok'; readonly value: Value } | Trouble

export type Trouble =
  | { readonly kind: 'wrong_key' }
  | { readonly kind: 'locked_out'; readonly forSeconds: number }
  /** The admin pages are not open to this browser. */
  | { readonly kind: 'no_pages' }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  | { readonly kind: 'unreachable' }

/** What everybody may see: `/static/health.json` and `/api/health/status`. */
export interface OpenStatus {
  /** When this was told, by the clock of the gateway. */
  readonly at: string | undefined
  readonly version: string
  readonly backends: number
  readonly models: number
  /** Service → model → targets. */
  readonly services: Readonly<Record<string, Readonly<Record<string, readonly OpenTarget[]>>>>
}

export interface OpenTarget {
  readonly id: string
  readonly name: string
  readonly weight: number
  readonly status: 'healthy' | 'unhealthy' | 'unknown'
  readonly checkedAt: string | undefined
  readonly error: string | undefined
  readonly latencyMs: number | undefined
}

export interface ReloadResult {
  readonly version: number
  readonly isNew: boolean
  readonly problems: readonly string[]
}

/** The gateway that this page comes from. Paths are relative, so that it may stand below a path of a proxy. */
export class Api {
  readonly #browser: Browser
  readonly #adminPath: string

  /** `adminPath`: such as `/admin`; empty: there are no admin pages for this browser. */
  constructor(browser: Browser, adminPath: string) {
    this.#browser = browser
    this.#adminPath = adminPath.replace(/^\//, '')
  }

  get hasAdminPages(): boolean {
    return this.#adminPath !== ''
  }

  async open(signal: AbortSignal): Promise<Reply<OpenStatus>> {
    const [health, services] = await Promise.all([
      // A path of the page's own: those for probes stand where the configuration wants them.
      this.#ask('GET', 'static/health.json', undefined, signal),
      this.#ask('GET', 'api/health/status', undefined, signal),
    ])
    if (health.kind !== 'ok') return health
    // A gateway at an address of its own for the admin pages tells nothing of services to strangers.
    if (services.kind !== 'ok' && !(services.kind === 'refused' && services.status === 404)) return services
    const { at, version, backends, models } = recordOf(health.value)
    return {
      kind: 'ok',
      value: {
        at: textOf(at),
        version: textOf(version) ?? '',
        backends: numberOf(backends) ?? 0,
        models: numberOf(models) ?? 0,
        services: services.kind === 'ok' ? servicesOf(recordOf(services.value)['data']) : {},
      },
    }
  }

  async status(key: string, signal: AbortSignal): Promise<Reply<Status>> {
    const reply = await this.#ask('GET', `${this.#adminPath}/status`, key, signal)
    if (reply.kind !== 'ok') return reply
    return isStatus(reply.value)
      ? { kind: 'ok', value: reply.value }
      : { kind: 'refused', status: 200, message: 'this is not the status of a gateway' }
  }

  async reload(key: string, signal: AbortSignal): Promise<Reply<ReloadResult>> {
    const reply = await this.#ask('POST', `${this.#adminPath}/reload`, key, signal)
    if (reply.kind !== 'ok') return reply
    const { version, isNew, problems } = recordOf(reply.value)
    const told = Array.isArray(problems) ? problems.map(String) : []
    return { kind: 'ok', value: { version: numberOf(version) ?? 0, isNew: isNew === true, problems: told } }
  }

  async resetCredential(key: string, backend: string, name: string, signal: AbortSignal): Promise<Reply<unknown>> {
    const query = new URLSearchParams({ backend, name }).toString()
    return await this.#ask('POST', `${this.#adminPath}/credentials/reset?${query}`, key, signal)
  }

  async #ask(
    method: 'GET' | 'POST',
    path: string,
    key: string | undefined,
    signal: AbortSignal,
  ): Promise<Reply<unknown>> {
    const headers = { accept: 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) }
    try {
      const answer = await this.#browser.fetch(path, { method, headers, signal })
      return answer.status === 200
        ? { kind: 'ok', value: await answer.json() }
        : await troubleOf(answer, key !== undefined)
    } catch {
      // The browser tells nobody why; a key that cannot stand in a header fails here as well.
      return { kind: 'unreachable' }
    }
  }
}

async function troubleOf(answer: BrowserAnswer, hasKey: boolean): Promise<Trouble> {
  const { status } = answer
  if (hasKey && status === 401) return { kind: 'wrong_key' }
  if (hasKey && status === 404) return { kind: 'no_pages' }
  if (hasKey && status === 429) return { kind: 'locked_out', forSeconds: Number(answer.header('retry-after') ?? 60) }
  return { kind: 'refused', status, message: await messageOf(answer) }
}

async function messageOf(answer: BrowserAnswer): Promise<string> {
  try {
    const { error } = recordOf(await answer.json())
    return textOf(recordOf(error)['message']) ?? textOf(error) ?? ''
  } catch {
    // Not ours, but that of something in between.
    return ''
  }
}

function servicesOf(data: unknown): OpenStatus['services'] {
  return mapped(recordOf(data), (models) => mapped(recordOf(models), targetsOf))
}

function targetsOf(targets: unknown): OpenTarget[] {
  return Array.isArray(targets) ? targets.map((target: unknown) => targetOf(recordOf(target))) : []
}

function targetOf(target: Readonly<Record<string, unknown>>): OpenTarget {
  const { id, name, weight, status, last_check: checkedAt, error_message: error, response_time_ms: latency } = target
  return {
    id: textOf(id) ?? '',
    name: textOf(name) ?? textOf(id) ?? '',
    weight: numberOf(weight) ?? 1,
    status: status === 'healthy' || status === 'unhealthy' ? status : 'unknown',
    checkedAt: textOf(checkedAt),
    error: textOf(error),
    latencyMs: numberOf(latency),
  }
}

/** Names of services come from outside, `__proto__` included. */
function mapped<Value>(
  record: Readonly<Record<string, unknown>>,
  to: (value: unknown) => Value,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]))
}

function isStatus(value: unknown): value is Status {
  const { aliases, services, backends, credentials, config } = recordOf(value)
  return [aliases, services, backends, credentials].every((list) => Array.isArray(list)) && typeof config === 'object'
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
