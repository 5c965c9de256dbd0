import { concat } from '#kit/bytes.ts'
import type { Clock } from '#ports/clock.ts'
import type { BodySink, IncomingBody, TransportFailure } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'

/** Limits in milliseconds, 0 = none. */
export interface IntakeClocks {
  /** Monotonic time by which the first byte of a body must be there, and the first content of a stream. */
  readonly firstDueMs: number
  /** Between two pieces after the first, while a stream had no content yet. */
  readonly idleMs: number
  /** Between two pieces after the first of a body, and after the first content of a stream that is held. */
  readonly bodyIdleMs: number
  /** How long bytes may be held back at all, from the first byte of a body or the first event of a stream on. */
  readonly holdMs: number
}

/**
 * What a read waits for, and so how long: more of a body, or, in a stream that had no content yet, its first event at
 * all (comments and pings are none) or the content after such an event. `lull`: more of a body, or a moment of silence,
 * in which a stream may turn out to be over.
 */
export type Awaited = 'body' | 'event' | 'content' | 'lull'

/**
 * What came next. `late`: the time to hold bytes back is over. `silent`: nothing came in time. `overdue`: things came,
 * but not the awaited one. `lull`: nothing came for a moment, and reading goes on.
 */
export type Step = Uint8Array | 'end' | 'late' | 'silent' | 'overdue' | 'lull' | TransportFailure

/**
 * The beginning of an upstream's body, read and kept while it is judged. What was kept goes out first, then `rest`,
 * which starts with the piece that a read was waiting for when judging ended.
 */
export class Intake {
  readonly held: Uint8Array[] = []
  heldBytes = 0
  readonly #body: IncomingBody
  readonly #clock: Clock
  readonly #clocks: IntakeClocks
  #pending: ReturnType<IncomingBody['read']> | undefined
  #holdDueMs: number | undefined
  #hasEnded = false

  constructor(body: IncomingBody, clock: Clock, clocks: IntakeClocks) {
    this.#body = body
    this.#clock = clock
    this.#clocks = clocks
  }

  /** Reads on and keeps what comes. After anything but a piece or `late` there is nothing more to read. */
  async next(awaited: Awaited = 'body'): Promise<Step> {
    if (this.#hasEnded) return 'end'
    const { whole } = this.#body
    if (whole !== undefined) {
      this.#hasEnded = true
      return whole.byteLength === 0 ? 'end' : this.#keep(whole)
    }
    const limit = this.#limit(awaited)
    const pending = (this.#pending ??= this.#body.read())
    const step = await (limit === undefined ? pending : this.#within(limit, pending))
    if (typeof step === 'string' && step !== 'end') return step
    this.#pending = undefined
    if (step instanceof Uint8Array) return this.#keep(step)
    if (step === 'end') this.#hasEnded = true
    return step
  }

  /** Keeps a body that came with its head; there is no need to wait for `next` then. */
  takeWhole(body: Uint8Array): void {
    this.#hasEnded = true
    this.#keep(body)
  }

  /** Instead of what was kept. */
  keepOnly(pieces: readonly Uint8Array[]): void {
    this.held.splice(0, this.held.length, ...pieces)
  }

  /** What was kept, in one piece. */
  bytes(): Uint8Array {
    const [only] = this.held
    return this.held.length === 1 && only !== undefined ? only : concat(this.held)
  }

  /** Nothing is left to be read. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** What was not read yet. */
  rest(): IncomingBody {
    if (this.#hasEnded) return ended
    return this.#pending === undefined ? this.#body : new BodyUnderRead(this.#body, this.#pending)
  }

  /** Closes the exchange; nothing of it is wanted. */
  discard(): void {
    if (!this.#hasEnded) this.#body.cancel()
  }

  #keep(piece: Uint8Array): Uint8Array {
    this.held.push(piece)
    this.heldBytes += piece.byteLength
    return piece
  }

  async #within(limit: Limit, pending: ReturnType<IncomingBody['read']>): Promise<Step> {
    const { promise, resolve } = Promise.withResolvers<Step>()
    // This process may have been the one that stood still: what has come meanwhile is read before the limit counts.
    const cancel = this.#clock.after(limit.ms, () => this.#clock.soon(() => resolve(limit.says)))
    void pending.then(resolve)
    const step = await promise
    cancel()
    return step
  }

  #limit(awaited: Awaited): Limit | undefined {
    const { firstDueMs, bodyIdleMs, holdMs } = this.#clocks
    const idleMs = awaited === 'body' || awaited === 'lull' ? bodyIdleMs : this.#clocks.idleMs
    if (this.heldBytes === 0) return firstDueMs === 0 ? undefined : { ms: this.#until(firstDueMs), says: 'silent' }
    let limit: Limit | undefined = idleMs === 0 ? undefined : { ms: idleMs, says: 'silent' }
    if (awaited === 'lull') return soonest(limit, { ms: lullMs, says: 'lull' })
    if (awaited !== 'body' && firstDueMs !== 0) {
      limit = soonest(limit, { ms: this.#until(firstDueMs), says: 'overdue' })
    }
    if (awaited !== 'event' && holdMs !== 0) {
      this.#holdDueMs ??= this.#clock.monotonicMs() + holdMs
      limit = soonest(limit, { ms: this.#until(this.#holdDueMs), says: 'late' })
    }
    return limit
  }

  /** At least a moment, since 0 would be no limit. */
  #until(dueMs: number): number {
    return Math.max(1, dueMs - this.#clock.monotonicMs())
  }
}

/** Milliseconds of silence after which a stream that has said all is over, although its upstream does not end it. */
const lullMs = 1000

function soonest(before: Limit | undefined, other: Limit): Limit {
  return before === undefined || other.ms <= before.ms ? other : before
}

interface Limit {
  readonly ms: number
  readonly says: 'late' | 'silent' | 'overdue' | 'lull'
}

const ended = new WholeBody(new Uint8Array())

/** A body whose next piece is being read already: it comes first, then the body flows. */
class BodyUnderRead implements IncomingBody {
  readonly whole = undefined
  readonly #body: IncomingBody
  #pending: ReturnType<IncomingBody['read']> | undefined
  #isFlowing = false
  #isPaused = false
  #isCancelled = false

  constructor(body: IncomingBody, pending: ReturnType<IncomingBody['read']>) {
    this.#body = body
    this.#pending = pending
  }

  async read(): ReturnType<IncomingBody['read']> {
    const pending = this.#pending
    this.#pending = undefined
    return await (pending ?? this.#body.read())
  }

  flow(sink: BodySink): void {
    void this.read().then((step) => this.#goOn(step, sink))
  }

  pause(): void {
    this.#isPaused = true
    if (this.#isFlowing) this.#body.pause()
  }

  resume(): void {
    this.#isPaused = false
    if (this.#isFlowing) this.#body.resume()
  }

  cancel(): void {
    this.#isCancelled = true
    this.#body.cancel()
  }

  #goOn(step: Uint8Array | 'end' | TransportFailure, sink: BodySink): void {
    if (this.#isCancelled) return
    if (step === 'end') return sink.onEnd()
    if (!(step instanceof Uint8Array)) return sink.onBreak(step)
    sink.onPiece(step)
    if (this.#isCancelled) return
    this.#isFlowing = true
    this.#body.flow(sink)
    if (this.#isPaused) this.#body.pause()
  }
}
