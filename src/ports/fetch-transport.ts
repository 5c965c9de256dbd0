import { concat } from '#kit/bytes.ts'
import { HeaderList, type HeaderPair } from '#kit/header-list.ts'
import type { Clock } from './clock.ts'
import { explainFetchError } from './fetch-errors.ts'
import { FetchLinks, type FetchLink } from './fetch-link.ts'
import { Origins, type Origin } from './fetch-origins.ts'
import { slicedUpload, watchedUpload, type UploadWatch } from './fetch-upload.ts'
import { StreamBody, type StreamOwner } from './stream-body.ts'
import type { IncomingResponse, OutgoingRequest, Transport, TransportFailure } from './transport.ts'
import { WholeBody } from './whole-body.ts'

/**
 * Transport over the platform's fetch, with its own ideas switched off: it follows no redirect, decodes nothing, has no
 * timeouts and heeds no variables of the environment. What cannot be had with it:
 * - Headers as given: it sends them sorted by name, joins those of one name, and adds `connection`, `accept` and
 *   `user-agent` where they are missing. Those of an answer come sorted and joined, too.
 * - Any method, and a body with GET or HEAD: it would send others as GET, so they are refused here.
 * - Clocks of their own for looking up the name, connecting and TLS: the three limits are one, and whether it passed is
 *   found out by a probe. With bodies in one piece there is no sign of writing either.
 * - `connectionsMax`, `waitingMax` and `queueMs`: it queues by itself, unseen, behind 256 requests of the whole process
 *   (boot/request-limit.ts lifts that). `ageMs`: it knows no age. `idleMax` holds for all plain origins together, at
 *   most 64; `idleMs` in steps of four seconds. `prewarm` is not tried.
 * - No repeat at all: a GET that an idle connection took down with it is sent again over a fresh one. Other requests are
 *   not; whether such a connection was the reason is a guess, from how soon it broke.
 * - The strictest reading of an answer: where both lengths are told, chunks win; an equal length may be told twice.
 */
export function fetchTransport(clock: Clock): Transport {
  const links = new FetchLinks()
  const origins = new Origins(clock)
  return {
    async send(request) {
      const { url, link, stop } = request
      if (stop.isAsked) return aborted('connect')
      const refused = refusal(request)
      if (refused !== undefined) return failure('write', 'other', refused)
      return await new Exchange(clock, links.of(link), origins.of(url, link), request).run()
    },
  }
}

/** Those that fetch sends as they are. */
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'])

/** fetch also reads files and data URLs, and does not tell when it sends another method than it was given. */
function refusal({ url: { protocol }, method, link }: OutgoingRequest): string | undefined {
  if (protocol !== 'http:' && protocol !== 'https:') return 'only http and https URLs can be asked'
  if (link.http2 && protocol !== 'https:') return 'HTTP/2 needs https'
  return methods.has(method) ? undefined : 'fetch cannot send this method'
}

/** Limit: bodies up to this size are handed over in one piece; larger ones are sent in slices, so that progress shows. */
const wholeBodyBytesMax = 1_048_576

/** One request on its way, its clocks, and what broke it. */
class Exchange implements StreamOwner, UploadWatch {
  readonly #clock: Clock
  readonly #link: FetchLink
  readonly #origin: Origin
  readonly #request: OutgoingRequest
  readonly #startedMs: number
  readonly #abort = new AbortController()
  /** Of the request's body; undefined where nobody knows. */
  readonly #bytes: number | undefined
  /** Set once, by whatever ended the exchange early. */
  #broken: TransportFailure | undefined
  #disarm: (() => void) | undefined
  #headArrived = false
  #hasOutcome = false
  /** A slice of the body was asked for, so there is a connection; with bodies in one piece nothing tells. */
  #isSending = false
  #sentMs: number | undefined
  #body: StreamBody | undefined

  constructor(clock: Clock, link: FetchLink, origin: Origin, request: OutgoingRequest) {
    this.#clock = clock
    this.#link = link
    this.#origin = origin
    this.#request = request
    this.#startedMs = clock.monotonicMs()
    this.#bytes = lengthOf(request.body)
    request.stop.tell(this)
  }

  onStop(): void {
    this.#break(aborted(this.#headArrived ? 'body' : 'head'))
  }

  async run(): Promise<IncomingResponse | TransportFailure> {
    const mayBeStale = this.#request.fresh !== true && this.#origin.mayHaveIdle(this.#link.idleMsMax)
    this.#watchConnect()
    const outcome = await this.#fetch(mayBeStale)
    this.#hasOutcome = true
    this.#disarm?.()
    if (outcome.kind === 'transport_failure') this.#request.stop.forget(this)
    return outcome
  }

  async #fetch(mayBeStale: boolean): Promise<IncomingResponse | TransportFailure> {
    try {
      const response = await fetch(this.#request.url, this.#init())
      this.#headArrived = true
      this.#disarm?.()
      this.#origin.answered()
      return this.#accept(response)
    } catch (error) {
      if (this.#broken !== undefined) return this.#broken
      const why = explainFetchError(error, 'head')
      return mayBeStale ? this.#traced(why) : why
    }
  }

  #init(): BunFetchRequestInit {
    const { method, url, headers, link, body, bodyBytes, fresh } = this.#request
    const { session, proxy, protocol, tls } = this.#link
    const init: BunFetchRequestInit = {
      method,
      headers: withAgent(headers),
      redirect: 'manual',
      decompress: false,
      timeout: false,
      proxy,
      protocol,
      session,
      signal: this.#abort.signal,
    }
    if (link.unixPath !== undefined) init.unix = link.unixPath
    if (fresh === true) init.keepalive = false
    if (url.protocol === 'https:') init.tls = tls
    if (body instanceof ReadableStream) {
      init.headers = unframed(withAgent(headers))
      if (bodyBytes !== undefined) init.headers.push(['content-length', String(bodyBytes)])
      init.body = watchedUpload(body, this, bodyBytes)
    } else if (body !== undefined && this.#bytes !== undefined && this.#bytes > wholeBodyBytesMax) {
      // With a length of its own a streamed body is not sent in chunks, which many upstreams refuse.
      init.headers = [...unframed(withAgent(headers)), ['content-length', String(this.#bytes)]]
      init.body = slicedUpload(body, this)
    } else if (body !== undefined && this.#bytes !== 0) {
      init.body = body.length === 1 && body[0] !== undefined ? body[0] : concat(body)
    }
    return init
  }

  #accept(response: Response): IncomingResponse | TransportFailure {
    const { status } = response
    // The client may have left while the head was on its way; an unread body would keep the upstream at work.
    if (this.#broken !== undefined) {
      discard(response.body)
      return this.#broken
    }
    if (status < 200 || status > 599) {
      discard(response.body)
      return failure('head', 'malformed', `its status ${status} is none of HTTP`)
    }
    const headers = HeaderList.from(response.headers)
    const stream = response.body
    const sentMs = this.#sentMs
    if (stream === null || (headers.get('content-length') === '0' && !headers.has('transfer-encoding'))) {
      this.#request.stop.forget(this)
      return { kind: 'response', status, headers, sentMs, body: emptyBody }
    }
    this.#body = new StreamBody(stream, this)
    return { kind: 'response', status, headers, sentMs, body: this.#body }
  }

  /**
   * What a reset means that an idle connection may have brought. Limit: fetch tells neither which connection it was nor
   * whether the beginning of a head came over it.
   */
  #traced(why: TransportFailure): TransportFailure {
    if (why.phase !== 'head' || why.cause !== 'reset' || this.#bytes === undefined) return why
    const afterMs = this.#clock.monotonicMs() - this.#startedMs
    return { ...why, trace: { bytesSent: Math.max(1, this.#bytes), bytesReceived: 0, wasReused: true, afterMs } }
  }

  #break(why: TransportFailure): void {
    if (this.#broken !== undefined) return
    this.#broken = why
    this.#disarm?.()
    this.#abort.abort(why)
    this.#body?.breakOff(why)
  }

  // What its body tells.

  explain(error: unknown): TransportFailure {
    return this.#broken ?? explainFetchError(error, 'body')
  }

  release(): void {
    this.#request.stop.forget(this)
  }

  // What the request's body tells, where it is pulled.

  onAsked(): void {
    this.#isSending = true
    this.#disarm?.()
  }

  onHandedOver(): void {
    const { writeMs } = this.#request.clocks
    if (writeMs === 0 || this.#headArrived) return
    this.#disarm = this.#clock.after(writeMs, () =>
      this.#break(failure('write', 'timeout', `the request could not be sent on for ${writeMs} ms`)),
    )
  }

  onSent(): void {
    this.#sentMs = this.#clock.monotonicMs()
    this.#watchFirstByte(this.#sentMs)
  }

  onUnreadable(): void {
    this.#break(failure('write', 'other', 'the body of the request could not be read'))
  }

  /**
   * fetch does not tell when it is connected; it only asks for no slice of a body before. So a request without an answer
   * after the connect limit is looked into once: unless the origin answered others meanwhile, or still takes connections,
   * it counts as not connected.
   */
  #watchConnect(): void {
    const { firstByteMs } = this.#request.clocks
    const connectMs = this.#connectMs()
    if (connectMs === 0 || (firstByteMs !== 0 && firstByteMs <= connectMs)) return this.#watchFirstByte(this.#startedMs)
    this.#disarm = this.#clock.after(connectMs, () => void this.#doubtConnection(connectMs))
  }

  /** Until there should be a connection. */
  #connectMs(): number {
    const { dnsMs, connectMs, tlsMs } = this.#request.clocks
    if (connectMs === 0) return 0
    return dnsMs + connectMs + (this.#request.url.protocol === 'https:' ? tlsMs : 0)
  }

  async #doubtConnection(connectMs: number): Promise<void> {
    const isReachable = await this.#origin.isReachable(this.#startedMs)
    if (this.#isSending || this.#headArrived || this.#hasOutcome) return
    if (isReachable) return this.#watchFirstByte(this.#startedMs)
    this.#break(failure('connect', 'timeout', `no connection within ${connectMs} ms`))
  }

  #watchFirstByte(sinceMs: number): void {
    const { firstByteMs } = this.#request.clocks
    if (firstByteMs === 0 || this.#headArrived) return
    const leftMs = Math.max(0, sinceMs + firstByteMs - this.#clock.monotonicMs())
    this.#disarm = this.#clock.after(leftMs, () =>
      this.#break(failure('head', 'timeout', `no answer within ${firstByteMs} ms`)),
    )
  }
}

const emptyBody = new WholeBody(new Uint8Array())

function lengthOf(body: OutgoingRequest['body']): number | undefined {
  if (body instanceof ReadableStream) return undefined
  let bytes = 0
  if (body !== undefined) for (const piece of body) bytes += piece.byteLength
  return bytes
}

/** The platform would call itself by name; an empty product is the nearest to none that it can send. */
function withAgent(headers: readonly HeaderPair[]): [string, string][] {
  const all = headers.map(([name, value]): [string, string] => [name, value])
  if (!all.some(([name]) => name.toLowerCase() === 'user-agent')) all.push(['user-agent', ''])
  return all
}

/** The framing of a streamed body is not the caller's. */
function unframed(headers: readonly HeaderPair[]): [string, string][] {
  const kept: [string, string][] = []
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (lower !== 'content-length' && lower !== 'transfer-encoding') kept.push([name, value])
  }
  return kept
}

function failure(
  phase: TransportFailure['phase'],
  cause: TransportFailure['cause'],
  message: string,
): TransportFailure {
  return { kind: 'transport_failure', phase, cause, message }
}

function aborted(phase: TransportFailure['phase']): TransportFailure {
  return failure(phase, 'aborted', 'the exchange was given up')
}

function discard(body: ReadableStream<Uint8Array> | null): void {
  // Cancelling a body that broke already rejects; there is nothing left to close then.
  body?.cancel().catch(() => {})
}
