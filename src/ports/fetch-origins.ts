import type { Clock } from './clock.ts'
import type { Link } from './transport.ts'

/** The origins that requests went to, so that late doubts about one of them are settled once for all its requests. */
export class Origins {
  readonly #clock: Clock
  readonly #originOf = new Map<string, Origin>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  of(url: URL, link: Link): Origin {
    const { unixPath, proxy } = link
    const via = unixPath ?? proxy?.url.href
    const key = via === undefined ? url.origin : `${url.origin} ${via}`
    const known = this.#originOf.get(key)
    if (known !== undefined) return known
    // Limit: forgetting all of them costs no more than a probe too many.
    if (this.#originOf.size >= originsMax) this.#originOf.clear()
    const origin = new Origin(this.#clock, proxy?.url ?? url, unixPath)
    this.#originOf.set(key, origin)
    return origin
  }
}

const originsMax = 1024

/** Milliseconds that a probe may take, after a connect limit has passed already. */
const graceMs = 1000

/** What is known about one scheme, host and port, as reached in one way. */
export class Origin {
  readonly #clock: Clock
  /** Who takes its connections: itself or a proxy. */
  readonly #url: URL
  readonly #unixPath: string | undefined
  #answeredMs = -1
  #probe: Promise<boolean> | undefined

  constructor(clock: Clock, url: URL, unixPath: string | undefined) {
    this.#clock = clock
    this.#url = url
    this.#unixPath = unixPath
  }

  /** A response head came from it. */
  answered(): void {
    this.#answeredMs = this.#clock.monotonicMs()
  }

  /** Could a connection of an earlier exchange still be kept for the next one, if such are kept for `ms`? */
  mayHaveIdle(ms: number): boolean {
    return this.#answeredMs >= 0 && this.#clock.monotonicMs() - this.#answeredMs < ms
  }

  /** True when it answered anything since, or takes a connection (with TLS its handshake, too) now. */
  async isReachable(sinceMs: number): Promise<boolean> {
    if (this.#answeredMs >= sinceMs) return true
    this.#probe ??= this.#connect().finally(() => (this.#probe = undefined))
    return await this.#probe
  }

  async #connect(): Promise<boolean> {
    const { hostname, port, protocol } = this.#url
    const isTls = protocol === 'https:'
    const host = hostname.replace(/^\[|\]$/g, '')
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const cancel = this.#clock.after(graceMs, () => resolve(false))
    const options = {
      // Whether a certificate is right is for the request itself to judge; here it only matters that one is shown.
      ...(isTls && { tls: { rejectUnauthorized: false, serverName: host } }),
      socket: {
        open: () => (isTls ? undefined : resolve(true)),
        handshake: () => resolve(true),
        connectError: () => resolve(false),
        close: () => resolve(false),
        data: () => {},
      },
    }
    const connecting =
      this.#unixPath === undefined
        ? Bun.connect({ hostname: host, port: port === '' ? (isTls ? 443 : 80) : Number(port), ...options })
        : Bun.connect({ unix: this.#unixPath, ...options })
    // Limit: a connection that comes after the grace is closed as well.
    connecting.then(
      (socket) => void promise.then(() => socket.terminate()),
      () => resolve(false),
    )
    const reachable = await promise
    cancel()
    return reachable
  }
}
