import type { StreamForm } from '#core/endpoint.ts'
import type { Exchange } from '#core/exchange.ts'
import type { StreamPolicy } from '#core/plan.ts'
import type { Clock } from '#ports/clock.ts'
import { Deadline, type DeadlineOwner, type TimerWheel } from '#ports/timer-wheel.ts'
import { keepAlive, keepAliveJson } from '#wire/keep-alive.ts'
import { streamError, type StreamFault } from '#wire/stream-error.ts'

/** What stands behind a client's stream: fills it, and decides what its clocks mean. */
export interface Feeder {
  /** The client's side is ready to take something. */
  onReady(): void
  /** Enough waits for the client: nothing more is wanted until `onRoom`. */
  onFull(): void
  onRoom(): void
  onClientLeft(): void
  /** It left what waits for it lying for longer than its limit. */
  onClientStalled(): void
  /** Nothing came for a moment, or longer. True when nothing is awaited any more: the stream is over then. */
  onQuiet(stillMs: number): boolean
  /** Nothing came for longer than the limit. */
  onSilence(): void
  /** It goes on for longer than the limit. */
  onTooLong(): void
  /** Whole events were sent so far, so that something may stand between them. */
  readonly isBetweenEvents: boolean
}

type Controller = ReadableStreamDefaultController<Uint8Array>

/** Framing of what the client awaits; `json`: one answer, which is no stream. */
export type AwaitedForm = StreamForm | 'json'

/**
 * The client's end of an answer whose body is on its way: takes pieces at the client's pace, gives signs of life while
 * there are none, and ends so that a broken answer never looks complete. One clock for all of it.
 */
export class ClientStream implements DeadlineOwner {
  readonly #clock: Clock
  readonly #wheel: TimerWheel
  readonly #exchange: Exchange
  readonly #policy: StreamPolicy
  readonly #form: AwaitedForm | undefined
  readonly #feeder: Feeder
  readonly #look = new Deadline(this)
  #controller: Controller | undefined
  #isFull = false
  #isClosed = false
  #isResting = false
  /** When the side that has the move was last seen to move: the upstream, or, while `#isFull`, the client. */
  #movedMs: number
  #sentMs: number
  #idleMs = 0
  #endDueMs = 0

  constructor(
    clock: Clock,
    wheel: TimerWheel,
    exchange: Exchange,
    policy: StreamPolicy,
    form: AwaitedForm | undefined,
    feeder: Feeder,
  ) {
    this.#clock = clock
    this.#wheel = wheel
    this.#exchange = exchange
    this.#policy = policy
    this.#form = form
    this.#feeder = feeder
    this.#movedMs = this.#sentMs = clock.monotonicMs()
  }

  /** The body for the response. */
  open(): ReadableStream<Uint8Array> {
    return new ReadableStream(this, buffer)
  }

  /** Nobody takes anything any more. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  // Called by the platform's stream.

  start(controller: Controller): void {
    this.#controller = controller
    this.#wait()
    this.#feeder.onReady()
  }

  /** The client took something. Not every piece that it takes is worth waking the upstream. */
  pull(): void {
    if (!this.#isFull || this.#isClosed || this.#room() < buffer.highWaterMark / 2) return
    this.#isFull = false
    this.#movedMs = this.#clock.monotonicMs()
    this.#feeder.onRoom()
  }

  cancel(): void {
    this.#isClosed = true
    this.#isFull = false
    this.#feeder.onClientLeft()
  }

  // Called by the feeder.

  /** Somebody is to be heard from, at least every `idleMs`; 0 = no limit. */
  awaitFor(idleMs: number): void {
    if (!this.#isFull) this.#movedMs = this.#clock.monotonicMs()
    this.#idleMs = idleMs
    this.#wait()
  }

  /** All of it may take so long from now on; 0 = no limit. */
  endAfter(durationMs: number): void {
    this.#endDueMs = durationMs === 0 ? 0 : this.#clock.monotonicMs() + durationMs
    this.#wait()
  }

  /** More waits for the client than it is given to hold. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Something came, whether or not it can be sent yet. */
  heard(): void {
    if (!this.#isFull) this.#movedMs = this.#clock.monotonicMs()
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed) return
    this.#sentMs = this.#movedMs
    this.#controller?.enqueue(bytes)
    if (this.#isFull || this.#room() > 0) return
    this.#isFull = true
    this.#movedMs = this.#clock.monotonicMs()
    this.#feeder.onFull()
  }

  /** A sign of life, now. */
  beat(): void {
    if (this.#form === undefined || this.#isClosed) return
    this.#sentMs = this.#clock.monotonicMs()
    if (!this.#feeder.isBetweenEvents || this.#room() <= 0) return
    this.#exchange.heartbeats += 1
    this.#controller?.enqueue(this.#form === 'json' ? keepAliveJson : keepAlive(this.#form))
  }

  /** No clock runs any more; what is to be said is said by `close`, `fail` or `reset`. */
  rest(): void {
    this.#isResting = true
    this.#wheel.disarm(this.#look)
  }

  close(): void {
    this.rest()
    if (!this.#isClosed) this.#controller?.close()
    this.#isClosed = true
  }

  reset(message: string): void {
    this.rest()
    if (!this.#isClosed) this.#controller?.error(new Error(message))
    this.#isClosed = true
  }

  /** Ends a stream with an error that its client can read, then with a reset, so that nobody takes it for complete. */
  async fail(form: StreamForm, fault: StreamFault): Promise<void> {
    this.rest()
    for (const piece of streamError(form, fault)) {
      if (this.#isClosed) return
      this.#controller?.enqueue(piece)
      // Gemini clients need each piece in a packet of its own.
      await this.#clock.sleep(pieceGapMs)
    }
    // The reset may overtake what was just written; a client that still takes something must have read it by then.
    let room = this.#room()
    for (
      let stillMs = 0;
      stillMs < lingerMsMax && !this.#isClosed && room < buffer.highWaterMark;
      stillMs += lingerMs
    ) {
      await this.#clock.sleep(lingerMs)
      if (this.#room() > room) stillMs = 0
      room = this.#room()
    }
    await this.#clock.sleep(lingerMs)
    // Its clients know by its last event that it failed, and some show another error where the connection breaks too.
    if (form === 'responses') return this.close()
    this.reset(fault.message)
  }

  // Called by the wheel.

  onDue(): void {
    const nowMs = this.#clock.monotonicMs()
    const stillMs = nowMs - this.#movedMs
    if (this.#isFull) {
      const { clientStallMs } = this.#policy
      if (clientStallMs > 0 && stillMs >= clientStallMs) return this.#feeder.onClientStalled()
    } else {
      if (stillMs >= quietMs && this.#feeder.onQuiet(stillMs)) return
      if (this.#idleMs > 0 && stillMs >= this.#idleMs) {
        // This process may have been the one that stood still: what has come meanwhile is read before it counts.
        const sinceMs = this.#movedMs
        return this.#clock.soon(() => this.#tellSilence(sinceMs))
      }
    }
    if (this.#endDueMs > 0 && nowMs >= this.#endDueMs) return this.#feeder.onTooLong()
    const { heartbeatMs } = this.#policy
    if (heartbeatMs > 0 && nowMs - this.#sentMs >= heartbeatMs) this.beat()
    this.#wait()
  }

  #tellSilence(sinceMs: number): void {
    if (this.#isResting) return
    if (this.#movedMs === sinceMs) this.#feeder.onSilence()
    else this.#wait()
  }

  /** Looks again soon: whose move it is may change meanwhile. Most looks have the same length, which costs one timer for all. */
  #wait(): void {
    const nowMs = this.#clock.monotonicMs()
    const { heartbeatMs, clientStallMs } = this.#policy
    let nextMs = quietMs
    if (this.#idleMs > 0) nextMs = sooner(nextMs, this.#movedMs + this.#idleMs - nowMs, this.#idleMs)
    if (clientStallMs > 0) nextMs = sooner(nextMs, this.#movedMs + clientStallMs - nowMs, clientStallMs)
    if (heartbeatMs > 0) nextMs = sooner(nextMs, this.#sentMs + heartbeatMs - nowMs, heartbeatMs)
    if (this.#endDueMs > 0) nextMs = sooner(nextMs, this.#endDueMs - nowMs, this.#endDueMs)
    this.#wheel.arm(this.#look, nextMs)
  }

  /** Bytes that may still wait for the client. */
  #room(): number {
    return this.#controller?.desiredSize ?? 0
  }
}

/** A limit that is over already concerns the side that does not have the move; it starts anew when it gets it. */
function sooner(nextMs: number, leftMs: number, limitMs: number): number {
  return Math.min(nextMs, leftMs > 0 ? leftMs : limitMs)
}

/** Limit: what waits for a slow client before its upstream is paused; a piece or two may still come on top. */
const buffer = { highWaterMark: 65_536, size: (piece?: Uint8Array): number => piece?.byteLength ?? 0 }

/** Milliseconds of silence after which a stream that has said all is over, although its upstream does not end it. */
const quietMs = 1000

/** Milliseconds between the pieces of a stream error. */
const pieceGapMs = 5

/** Milliseconds between the error event and the reset of the connection. */
const lingerMs = 50

/** Limit: milliseconds for which a client may take nothing of what waits for it, the error event at its end. */
const lingerMsMax = 15_000
