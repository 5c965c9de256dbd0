import type { Clock } from './clock.ts'
import { explainFetchError } from './fetch-errors.ts'
import { Origins, type Origin } from './fetch-origins.ts'
import type { IncomingResponse, OutgoingRequest, Transport, TransportFailure } from './transport.ts'

/**
 * Transport over the platform's fetch, with its own ideas switched off: it follows no redirect, decodes nothing, has no
 * timeouts and heeds no proxy variables. What it cannot switch off: a request without `accept` is sent one that
 * takes all types. A request that went down with an idle connection, closed by the upstream at that very moment, is
 * sent once more over a fresh one: fetch does so for GET only.
 */
export function fetchTransport(clock: Clock): Transport {
  const session = new Bun.FetchSession({ keepAlive: { idleTimeout: idleSeconds } })
  const origins = new Origins(clock)
  return {
    send: async (request) => await new Exchange(clock, session, origins.of(request.url), request).run(),
  }
}

/** Seconds for which an unused connection is kept; less than what load balancers and NAT tables keep silent ones. */
const idleSeconds = 50

/** Limit: bodies up to this size are handed over in one piece; larger ones are sent in slices, so that progress shows. */
const wholeBodyBytesMax = 1_048_576

const sliceBytes = 262_144

/** Milliseconds within which the end of an idle connection shows: more than the longest way around the world and back. */
const swallowedMsMax = 500

/** One request on its way, its clocks, and what broke it. */
class Exchange {
  readonly #clock: Clock
  readonly #session: Bun.FetchSession
  readonly #origin: Origin
  readonly #request: OutgoingRequest
  readonly #startedMs: number
  /** Set once, by whatever ended the exchange early. */
  #broken: TransportFailure | undefined
  #disarm: (() => void) | undefined
  #headArrived = false
  #hasOutcome = false
  /** A slice of the body was asked for, so there is a connection; with bodies in one piece nothing tells. */
  #isSending = false
  #sentMs: number | undefined

  constructor(clock: Clock, session: Bun.FetchSession, origin: Origin, request: OutgoingRequest) {
    this.#clock = clock
    this.#session = session
    this.#origin = origin
    this.#request = request
    this.#startedMs = clock.monotonicMs()
  }

  async run(): Promise<IncomingResponse | TransportFailure> {
    const { abort, body } = this.#request
    if (abort.signal.aborted) return aborted('connect')
    const isSliced = body !== undefined && body.byteLength > wholeBodyBytesMax
    this.#watchConnect()
    const mayBeStale = this.#origin.mayHaveIdle(idleSeconds * 1000)
    let outcome = await this.#fetch(isSliced, true)
    if (mayBeStale && outcome.kind === 'transport_failure' && this.#wasSwallowed(outcome)) {
      if (this.#isSending) this.#startOver()
      outcome = await this.#fetch(isSliced, false)
    }
    this.#hasOutcome = true
    this.#disarm?.()
    return outcome
  }

  async #fetch(isSliced: boolean, mayReuse: boolean): Promise<IncomingResponse | TransportFailure> {
    try {
      const response = await fetch(this.#request.url, this.#init(isSliced, mayReuse))
      this.#headArrived = true
      this.#disarm?.()
      this.#origin.answered()
      return this.#accept(response)
    } catch (error) {
      return this.#whatBroke() ?? explainFetchError(error, 'head')
    }
  }

  /** The next connection has yet to be made. */
  #startOver(): void {
    this.#isSending = false
    this.#sentMs = undefined
    this.#disarm?.()
    this.#watchConnect()
  }

  /** An idle connection that the upstream was just closing looks like this: reset at once, without a byte. */
  #wasSwallowed({ phase, cause }: TransportFailure): boolean {
    return phase === 'head' && cause === 'reset' && this.#clock.monotonicMs() - this.#startedMs < swallowedMsMax
  }

  #init(isSliced: boolean, mayReuse: boolean): BunFetchRequestInit {
    const { method, url, headers, verifyTls, body } = this.#request
    const init: BunFetchRequestInit = {
      method,
      headers: isSliced ? withLength(headers, body?.byteLength ?? 0) : pairs(headers),
      redirect: 'manual',
      decompress: false,
      timeout: false,
      proxy: false,
      session: this.#session,
      signal: this.#request.abort.signal,
    }
    if (body !== undefined) init.body = isSliced ? this.#slices(body) : body
    if (!mayReuse) init.keepalive = false
    // Always said: left open, a variable of the environment would decide.
    if (url.protocol === 'https:') init.tls = verifyTls ? verified : unverified
    return init
  }

  #accept(response: Response): IncomingResponse | TransportFailure {
    const { status, headers } = response
    // The client may have left while the head was on its way; an unread body would keep the upstream at work.
    const broken = this.#whatBroke()
    if (broken !== undefined) {
      discard(response.body)
      return broken
    }
    if (status < 200 || status > 599) {
      discard(response.body)
      return failure('head', 'malformed', `its status ${status} is none of HTTP`)
    }
    return {
      kind: 'response',
      status,
      headers,
      sentMs: this.#sentMs,
      // Made only when it is asked for: a stream costs more than reading a small body at once.
      get body() {
        return response.body ?? emptyBody()
      },
      whole: async () => await response.bytes(),
      explain: (error: unknown) => this.#whatBroke() ?? explainFetchError(error, 'body'),
    }
  }

  /** A clock of ours, or someone outside who gave the exchange up. */
  #whatBroke(): TransportFailure | undefined {
    if (this.#broken === undefined && this.#request.abort.signal.aborted) {
      this.#broken = aborted(this.#headArrived ? 'body' : 'head')
    }
    return this.#broken
  }

  #break(why: TransportFailure): void {
    if (this.#broken !== undefined) return
    this.#broken = why
    this.#disarm?.()
    this.#request.abort.abort(why)
  }

  /**
   * fetch does not tell when it is connected; it only asks for no slice of a body before. So a request without an answer
   * after the connect limit is looked into once: unless the origin answered others meanwhile, or still takes connections,
   * it counts as not connected.
   */
  #watchConnect(): void {
    const { connectMs, firstByteMs } = this.#request.clocks
    if (connectMs === 0 || (firstByteMs !== 0 && firstByteMs <= connectMs)) return this.#watchFirstByte(this.#startedMs)
    this.#disarm = this.#clock.after(connectMs, () => void this.#doubtConnection())
  }

  async #doubtConnection(): Promise<void> {
    const isReachable = await this.#origin.isReachable(this.#startedMs)
    if (this.#isSending || this.#headArrived || this.#hasOutcome) return
    if (isReachable) return this.#watchFirstByte(this.#startedMs)
    this.#break(failure('connect', 'timeout', `no connection within ${this.#request.clocks.connectMs} ms`))
  }

  #watchFirstByte(sinceMs: number): void {
    const { firstByteMs } = this.#request.clocks
    if (firstByteMs === 0 || this.#headArrived) return
    const leftMs = Math.max(0, sinceMs + firstByteMs - this.#clock.monotonicMs())
    this.#disarm = this.#clock.after(leftMs, () =>
      this.#break(failure('head', 'timeout', `no answer within ${firstByteMs} ms`)),
    )
  }

  /** The body as a stream that is pulled: each pull is progress, and the last one ends the request. */
  #slices(body: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
    let sent = 0
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          this.#isSending = true
          this.#disarm?.()
          if (sent < body.byteLength) {
            controller.enqueue(body.subarray(sent, sent + sliceBytes))
            sent += sliceBytes
            return this.#watchWrite()
          }
          this.#sentMs = this.#clock.monotonicMs()
          this.#watchFirstByte(this.#sentMs)
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
  }

  #watchWrite(): void {
    const { writeMs } = this.#request.clocks
    if (writeMs === 0 || this.#headArrived) return
    this.#disarm = this.#clock.after(writeMs, () =>
      this.#break(failure('write', 'timeout', `the request could not be sent on for ${writeMs} ms`)),
    )
  }
}

const verified = { rejectUnauthorized: true }
const unverified = { rejectUnauthorized: false }

type HeaderList = OutgoingRequest['headers']

function pairs(headers: HeaderList): [string, string][] {
  return headers.map(([name, value]) => [name, value])
}

/** With a length of its own a streamed body is not sent in chunks, which many upstreams refuse. */
function withLength(headers: HeaderList, bytes: number): [string, string][] {
  const kept = pairs(headers).filter(([name]) => name.toLowerCase() !== 'content-length')
  return [...kept, ['content-length', String(bytes)]]
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

function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() })
}
