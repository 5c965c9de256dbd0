import type { Clock } from '#ports/clock.ts'
import type { Link, OutgoingRequest, Transport, Upgraded } from '#ports/transport.ts'
import { systemResolver, type Resolver } from './dns.ts'
import { Exchange, type HeadOutcome } from './exchange.ts'
import { transportFailure } from './failure.ts'
import { Pool, type DialClocks, type PoolGauges, type PoolPorts } from './pool.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import { Turn } from './turn.ts'
import { framingOf, requestHead } from './writer.ts'

export interface ClientPorts {
  readonly clock: Clock
  /** Shared with others where there is one. */
  readonly wheel?: TimerWheel
  readonly resolver?: Resolver
}

/** Where requests to a URL go, worked out once. */
interface Way {
  readonly link: Link
  /** Of the pool. */
  readonly key: string
  readonly target: string
  readonly host: string
}

/**
 * HTTP/1.1 over the platform's sockets: one pool of connections for each origin and identity. It sends what it is given
 * and hands on what comes; it retries, follows, decodes and adds nothing.
 */
export class Http1Client implements Transport {
  readonly #ports: PoolPorts
  readonly #pools = new Map<string, Pool>()
  /** Callers keep the URLs they use again. */
  readonly #ways = new WeakMap<URL, Way>()
  readonly #identities = new WeakMap<Link, string>()

  constructor({ clock, wheel, resolver }: ClientPorts) {
    this.#ports = {
      clock,
      wheel: wheel ?? new TimerWheel(clock),
      turn: new Turn(clock),
      resolver: resolver ?? systemResolver(clock),
    }
  }

  // oxlint-disable-next-line typescript/promise-function-async -- each async layer would be paid for with each request
  send(request: OutgoingRequest): Promise<HeadOutcome> {
    return new Promise((resolve) => this.#begin(request, resolve))
  }

  async upgrade(request: OutgoingRequest): Promise<HeadOutcome | Upgraded> {
    return await new Promise((resolve) => this.#begin(request, resolve, resolve))
  }

  /** Opens connections to the origin of `url` before they are needed. */
  async warm(url: URL, link: Link, clocks: DialClocks): Promise<void> {
    const way = this.#wayTo(url, link)
    if (way !== undefined) await this.#poolOf(way, url).warm(link, clocks)
  }

  /** Figures of every pool that holds anything. */
  gauges(): PoolGauges[] {
    return [...this.#pools.values()].filter((pool) => !pool.isEmpty).map((pool) => pool.gauges())
  }

  /** Closes every idle connection. */
  closeIdle(): void {
    for (const pool of this.#pools.values()) pool.closeIdle()
  }

  #begin(
    request: OutgoingRequest,
    resolve: (outcome: HeadOutcome) => void,
    resolveUpgrade?: (outcome: Upgraded) => void,
  ): void {
    if (request.stop.isAsked) return resolve(givenUp)
    const way = this.#wayTo(request.url, request.link)
    if (way === undefined) return resolve(noSuchScheme)
    const head = requestHead(request.method, way.target, way.host, headersOf(request), framing(request))
    if (head === undefined) return resolve(notWritable)
    this.#poolOf(way, request.url).take(new Exchange(request, head, resolve, resolveUpgrade))
  }

  #wayTo(url: URL, link: Link): Way | undefined {
    const known = this.#ways.get(url)
    if (known !== undefined && known.link === link) return known
    const { protocol, host } = url
    if (protocol !== 'http:' && protocol !== 'https:') return undefined
    const key = `${protocol}//${host} ${this.#identityOf(link)}`
    const path = `${url.pathname}${url.search}`
    const isAbsolute = protocol === 'http:' && link.proxy !== undefined && link.unixPath === undefined
    const way = { link, key, host, target: isAbsolute ? `${url.origin}${path}` : path }
    this.#ways.set(url, way)
    return way
  }

  #poolOf({ key, link }: Way, url: URL): Pool {
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    // Origins come and go with the configuration.
    for (const [old, pool] of this.#pools) if (pool.isEmpty) this.#pools.delete(old)
    const pool = new Pool(this.#ports, url, link)
    this.#pools.set(key, pool)
    return pool
  }

  /** Links of equal content share their connections; limits are no part of it. */
  #identityOf(link: Link): string {
    let identity = this.#identities.get(link)
    if (identity === undefined) {
      const { owner, tls, unixPath, proxy } = link
      const { verify, ca, cert, key, serverName, minVersion } = tls
      const route = proxy === undefined ? null : [proxy.url.href, proxy.authorization ?? null]
      identity = JSON.stringify([verify, ca, cert, key, serverName, minVersion, unixPath, route, owner])
      this.#identities.set(link, identity)
    }
    return identity
  }
}

function framing({ method, body, bodyBytes }: OutgoingRequest): ReturnType<typeof framingOf> {
  if (body === undefined) return framingOf(method, undefined)
  if (body instanceof ReadableStream) return bodyBytes ?? 'chunked'
  let bytes = 0
  for (const piece of body) bytes += piece.byteLength
  return framingOf(method, bytes)
}

/** A proxy that sees plain requests wants its own credentials with each of them. */
function headersOf({ url, link, headers }: OutgoingRequest): OutgoingRequest['headers'] {
  const authorization = link.proxy?.authorization
  if (authorization === undefined || url.protocol !== 'http:' || link.unixPath !== undefined) return headers
  return [...headers, ['Proxy-Authorization', authorization]]
}

const givenUp = transportFailure('connect', 'aborted', 'the exchange was given up')
const noSuchScheme = transportFailure(
  'write',
  'other',
  'the request cannot be sent: its address is neither http nor https',
)
const notWritable = transportFailure(
  'write',
  'other',
  'the request cannot be sent: a header or its path holds what HTTP forbids',
)
