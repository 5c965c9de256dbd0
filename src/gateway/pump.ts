import type { Answer } from '#core/answer.ts'
import type { Cuttable, Exchange, Outcome } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import type { FirstBytes } from '#kit/first-bytes.ts'
import type { BodySink, IncomingBody, TransportFailure } from '#ports/transport.ts'
import { openGate } from '#wire/gate.ts'
import type { Gate } from '#wire/sse.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { streamError } from '#wire/stream-error.ts'
import type { Gateway } from './gateway.ts'
import { keepReceived } from './keep-seen.ts'
import type { Presence } from './presence.ts'
import { settle } from './settle.ts'
import { StallClock } from './stall-clock.ts'
import { learnEnd, type Ending } from './verdict.ts'

/**
 * The one wrapper on a response body: hands every piece on in the moment it comes, at the client's pace, and sees to it
 * that a stream which breaks never looks complete. Streams of a known form end with an in-protocol error, all others
 * with a reset.
 */
export function pump(
  gateway: Gateway,
  plan: Plan,
  answer: Answer,
  rest: IncomingBody,
  exchange: Exchange,
  presence: Presence,
): ReadableStream<Uint8Array> {
  return new ReadableStream(new Pump(gateway, plan, answer, rest, exchange, presence), buffer)
}

/** Limit: what waits for a slow client before its upstream is paused; a piece or two may still come on top. */
const buffer = { highWaterMark: 65_536, size: (piece?: Uint8Array): number => piece?.byteLength ?? 0 }

type Controller = ReadableStreamDefaultController<Uint8Array>

/** Why a body ends before its time. */
interface Break {
  readonly outcome: Outcome
  readonly ending: Ending
  readonly code: string
  readonly message: string
}

class Pump implements BodySink, Cuttable {
  readonly #gateway: Gateway
  readonly #plan: Plan
  readonly #answer: Answer
  readonly #rest: IncomingBody
  readonly #exchange: Exchange
  readonly #presence: Presence
  readonly #gate: Gate | undefined
  readonly #end: StreamEnd | undefined
  readonly #kept: FirstBytes | undefined
  readonly #stall: StallClock
  #controller: Controller | undefined
  #isPaused = false
  #isCut = false
  /** Its end is told; at most an error event is still on its way. */
  #isOver = false
  /** Nobody takes anything any more. */
  #isClosed = false

  constructor(
    gateway: Gateway,
    plan: Plan,
    answer: Answer,
    rest: IncomingBody,
    exchange: Exchange,
    presence: Presence,
  ) {
    const { form, candidate } = answer
    this.#gateway = gateway
    this.#plan = plan
    this.#answer = answer
    this.#rest = rest
    this.#exchange = exchange
    this.#presence = presence
    this.#gate = form === undefined ? undefined : openGate(form)
    this.#end = form === undefined ? undefined : new StreamEnd(form)
    this.#kept = keepReceived(exchange)
    const limits = { upstreamMs: candidate.backend.timeouts.idleMs, clientMs: clientStallMs }
    this.#stall = new StallClock(gateway.clock, limits, () => this.#onStall())
    exchange.cut = this
  }

  // The client's side, called by the stream.

  start(controller: Controller): void {
    this.#controller = controller
    for (const piece of this.#answer.held) this.#pass(piece)
    this.#rest.flow(this)
  }

  /** The client took something. Not every piece that it takes is worth waking the upstream. */
  pull(): void {
    if (!this.#isPaused || this.#isOver || this.#room() < buffer.highWaterMark / 2) return
    this.#isPaused = false
    this.#stall.isUpTo('upstream')
    this.#rest.resume()
  }

  cancel(): void {
    this.#isClosed = true
    this.#finish('client_closed', 'neither')
    this.#rest.cancel()
  }

  // The upstream's side, called by its body.

  onPiece(bytes: Uint8Array): void {
    if (this.#isOver) return
    if (!this.#isPaused) this.#stall.isUpTo('upstream')
    this.#kept?.add(bytes)
    this.#pass(bytes)
  }

  onEnd(): void {
    if (!this.#isOver) this.#conclude()
  }

  onBreak(failure: TransportFailure): void {
    if (this.#isOver) return
    if (this.#presence.hasLeft) return this.#finish('client_closed', 'neither')
    // A stream that said all it has to say is whole, however its connection ended.
    if (this.#end?.verdict() === 'complete') return this.#conclude()
    void this.#breakOff(breakOf[failure.cause] ?? connectionBroke)
  }

  /** Nothing goes out yet while a gate keeps the beginning of an event, until the event is whole. */
  #pass(piece: Uint8Array): void {
    this.#end?.see(piece)
    const ready = this.#gate === undefined ? piece : this.#gate.push(piece)
    if (ready === undefined || ready.byteLength === 0) return
    this.#exchange.firstByteMs ??= this.#gateway.clock.monotonicMs()
    this.#exchange.bytesOut += ready.byteLength
    this.#controller?.enqueue(ready)
    if (!this.#isPaused && this.#room() <= 0) this.#pause()
  }

  /** Bytes that may still wait for the client. */
  #room(): number {
    return this.#controller?.desiredSize ?? 0
  }

  #pause(): void {
    this.#isPaused = true
    this.#stall.isUpTo('client')
    this.#rest.pause()
  }

  /** Nothing more comes from the upstream. */
  #conclude(): void {
    const why = this.#whyIncomplete()
    if (why !== undefined) return void this.#breakOff(why)
    const tail = this.#gate?.end()
    if (tail !== undefined) this.#controller?.enqueue(tail)
    if (this.#end?.verdict() === 'errored')
      this.#finish('upstream_broke', 'neither', 'the upstream sent an error event')
    else this.#finish('complete', 'good')
    this.#controller?.close()
  }

  #whyIncomplete(): Break | undefined {
    const verdict = this.#end?.verdict()
    // A stream that said all it has to say is whole, even if its connection stayed open.
    if (verdict === 'complete') return undefined
    if (this.#isCut) return shuttingDown
    if (this.#stall.stalled === 'upstream') return fellSilent
    return verdict === 'incomplete' ? endedEarly : undefined
  }

  async #breakOff({ outcome, ending, code, message }: Break): Promise<void> {
    const { clock } = this.#gateway
    const { form } = this.#answer
    this.#finish(outcome, ending, message)
    if (form !== undefined && this.#gate !== undefined) {
      const fault = { code, message, requestId: this.#exchange.id, position: this.#gate.position }
      for (const piece of streamError(form, fault)) {
        if (this.#isClosed) return
        this.#controller?.enqueue(piece)
        // Gemini clients need each piece in a packet of its own.
        await clock.sleep(pieceGapMs)
      }
      // The reset below may overtake what was just written; the client must have read it by then.
      for (
        let leftMs = lingerMsMax;
        leftMs > 0 && !this.#isClosed && this.#room() < buffer.highWaterMark;
        leftMs -= lingerMs
      ) {
        await clock.sleep(lingerMs)
      }
      await clock.sleep(lingerMs)
    }
    this.#controller?.error(new Error(message))
  }

  #finish(outcome: Outcome, ending: Ending, brokenBy?: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stall.stop()
    this.#exchange.brokenBy = brokenBy
    learnEnd(this.#gateway, this.#plan, this.#answer.candidate, this.#exchange, ending, brokenBy)
    settle(this.#gateway, this.#exchange, outcome)
  }

  #onStall(): void {
    this.#rest.cancel()
    if (this.#stall.stalled === 'upstream') return this.#conclude()
    this.#finish('client_closed', 'neither', 'the client took nothing for too long')
    this.#controller?.error(new Error('Cannot go on: the client takes nothing'))
  }

  cut(): void {
    this.#isCut = true
    this.#rest.cancel()
    this.#conclude()
  }
}

const shuttingDown: Break = {
  outcome: 'shut_down',
  ending: 'neither',
  code: 'shutting_down',
  message: 'Cannot complete the answer: the server is shutting down',
}
const fellSilent: Break = {
  outcome: 'stalled',
  ending: 'bad',
  code: 'upstream_timeout',
  message: 'Cannot complete the answer: the upstream fell silent for longer than timeout.idle',
}
const tookTooLong: Break = {
  outcome: 'stalled',
  ending: 'neither',
  code: 'upstream_timeout',
  message: 'Cannot complete the answer: it took longer than timeout.total',
}
const endedEarly: Break = {
  outcome: 'upstream_broke',
  ending: 'bad',
  code: 'stream_incomplete',
  message: 'Cannot complete the answer: the upstream ended the stream before it was complete',
}
const connectionBroke: Break = {
  outcome: 'upstream_broke',
  ending: 'bad',
  code: 'upstream_error',
  message: 'Cannot complete the answer: the upstream connection broke',
}

/** Aborted: only our own clock ends an exchange whose client is still there. */
const breakOf: Readonly<Partial<Record<TransportFailure['cause'], Break>>> = {
  aborted: tookTooLong,
  timeout: fellSilent,
}

/** Limit: milliseconds for which a client may leave what was sent to it lying; then its upstream is let go. */
const clientStallMs = 300_000

/** Milliseconds between the pieces of a stream error. */
const pieceGapMs = 5

/** Milliseconds between the error event and the reset of the connection. */
const lingerMs = 50

/** Limit: milliseconds that a slow client is given to take what waits for it, the error event at its end. */
const lingerMsMax = 5000
