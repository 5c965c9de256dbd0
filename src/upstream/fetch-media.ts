import { isIP } from 'node:net'
import { Http1Client } from '#http1/client.ts'
import { systemResolver, type Resolver } from '#http1/dns.ts'
import { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { TimerWheel } from '#ports/timer-wheel.ts'
import type { IncomingBody, IncomingResponse, Link, TransportClocks } from '#ports/transport.ts'
import type { Fetched, FetchMedia } from '#translate/fetched-media.ts'
import { mimeOf } from '#translate/media.ts'
import { GuardedResolver, isPublicAddress } from './public-address.ts'

export interface MediaPorts {
  readonly clock: Clock
  readonly wheel?: TimerWheel
  readonly resolver?: Resolver
}

/** Whom files may be fetched from. */
export interface MediaReach {
  /** `https:` */
  readonly protocols: ReadonlySet<string>
  /** May a connection go to this IP address? */
  allows(address: string): boolean
}

/** Clients choose the addresses: nothing may be reached that they could not reach themselves. */
export const publicInternet: MediaReach = { protocols: new Set(['https:']), allows: isPublicAddress }

/**
 * Fetches the images and files that clients name by address, for backends that do not. It goes straight to the internet,
 * through no proxy, since only then the address is known that is connected to.
 */
export class MediaFetcher {
  readonly #clock: Clock
  readonly #reach: MediaReach
  readonly #client: Http1Client

  constructor({ clock, wheel, resolver }: MediaPorts, reach: MediaReach = publicInternet) {
    const guarded = new GuardedResolver(resolver ?? systemResolver(clock), (address) => reach.allows(address))
    this.#clock = clock
    this.#reach = reach
    this.#client = new Http1Client({ clock, resolver: guarded, ...(wheel !== undefined && { wheel }) })
  }

  /** For one request of a client: each address is asked once, however many backends are, and all share one allowance. */
  forRequest(): FetchMedia {
    const known = new Map<string, Promise<Fetched | string>>()
    const allowance = { bytes: requestBytesMax }
    // oxlint-disable-next-line typescript/promise-function-async -- whoever asks again gets the same promise
    return (url) => {
      let found = known.get(url)
      if (found === undefined) {
        found = this.#fetch(url, allowance)
        known.set(url, found)
      }
      return found
    }
  }

  async #fetch(address: string, allowance: Allowance): Promise<Fetched | string> {
    const stop = new Stop()
    const cancelLimit = this.#clock.after(wholeMsMax, () => stop.ask())
    const found = await this.#follow(address, stop, allowance)
    cancelLimit()
    return stop.isAsked ? `it did not come within ${wholeMsMax / 1000} seconds` : found
  }

  async #follow(address: string, stop: Stop, allowance: Allowance): Promise<Fetched | string> {
    let at = address
    let from: URL | undefined
    for (let hop = 0; hop <= redirectsMax; hop += 1) {
      const url = this.#checked(at, from)
      if (typeof url === 'string') return url
      const response = await this.#client.send({ method: 'GET', url, headers, body: undefined, clocks, link, stop })
      if (response.kind !== 'response') return response.message
      const next = redirectOf(response)
      if (next === undefined) return await fileIn(response, allowance)
      response.body.cancel()
      at = next
      from = url
    }
    return `it is redirected more than ${redirectsMax} times`
  }

  #checked(address: string, base: URL | undefined): URL | string {
    const url = URL.parse(address, base?.href)
    if (url === null) return 'its address is none'
    const { protocol, hostname, username, password } = url
    if (!this.#reach.protocols.has(protocol)) return 'its address does not begin with https://'
    if (username !== '' || password !== '') return 'its address holds a user name'
    // Names are looked up, and what is found is looked at then.
    const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
    if (isIP(host) !== 0 && !this.#reach.allows(host)) return 'its host is not on the public internet'
    return url
  }
}

interface Allowance {
  bytes: number
}

/** Limit: bytes of one file. */
const fileBytesMax = 20 * 1024 * 1024

/** Limit: bytes of all files of one request; they stand in memory until it is answered. */
const requestBytesMax = 64 * 1024 * 1024

/** Limit: one file, redirects included. */
const wholeMsMax = 10_000

/** Limit: redirects of one file. */
const redirectsMax = 3

const headers = [
  ['accept', '*/*'],
  ['accept-encoding', 'identity'],
  ['user-agent', 'llm-proxy'],
] as const

const clocks: TransportClocks = {
  queueMs: wholeMsMax,
  dnsMs: 5000,
  connectMs: wholeMsMax,
  tlsMs: wholeMsMax,
  writeMs: wholeMsMax,
  firstByteMs: wholeMsMax,
  idleMs: wholeMsMax,
}

const link: Link = {
  owner: 'media',
  tls: { verify: true, ca: undefined, cert: undefined, key: undefined, serverName: undefined, minVersion: '1.2' },
  unixPath: undefined,
  proxy: undefined,
  // Limit: as many at once from one host. None is kept: one that the host closes meanwhile would be asked in vain.
  pool: { connectionsMax: 16, idleMax: 0, idleMs: 1000, ageMs: 0, waitingMax: 256, prewarm: 0 },
  http2: false,
  transport: 'own',
}

function redirectOf({ status, headers: answered }: IncomingResponse): string | undefined {
  return redirects.has(status) ? (answered.get('location') ?? undefined) : undefined
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

async function fileIn(
  { status, headers: answered, body }: IncomingResponse,
  allowance: Allowance,
): Promise<Fetched | string> {
  const refused = objection(status, answered.get('content-length'), answered.get('content-encoding'), allowance)
  if (refused !== undefined) {
    body.cancel()
    return refused
  }
  const bytes = await readAll(body, allowance)
  if (typeof bytes === 'string') return bytes
  if (bytes.byteLength === 0) return 'it is empty'
  const base64 = bytes.toString('base64')
  return { mime: mimeOf(base64, answered.get('content-type') ?? ''), base64 }
}

function objection(
  status: number,
  length: string | null,
  encoding: string | null,
  { bytes }: Allowance,
): string | undefined {
  if (status !== 200) return `its host answered with status ${status}`
  if (encoding !== null && encoding.trim().toLowerCase() !== 'identity') return 'its host sent it compressed'
  const announced = Number(length ?? 0)
  if (announced > fileBytesMax) return tooLarge
  return announced > bytes ? tooMuch : undefined
}

const tooLarge = `it is larger than ${fileBytesMax / 1024 / 1024} MiB`
const tooMuch = `the files of the request are larger than ${requestBytesMax / 1024 / 1024} MiB together`

async function readAll(body: IncomingBody, allowance: Allowance): Promise<Buffer | string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const piece = await body.read()
    if (piece === 'end') return Buffer.concat(pieces, bytes)
    if ('kind' in piece) return piece.message
    bytes += piece.byteLength
    allowance.bytes -= piece.byteLength
    if (bytes > fileBytesMax || allowance.bytes < 0) {
      body.cancel()
      return bytes > fileBytesMax ? tooLarge : tooMuch
    }
    pieces.push(piece)
  }
}
