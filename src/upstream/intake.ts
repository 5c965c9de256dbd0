import type { ReadableStreamDefaultReader } from 'node:stream/web'
import type { BodySource } from '#core/answer.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse, TransportFailure } from '#ports/transport.ts'

/** Limits in milliseconds, 0 = none. */
export interface IntakeClocks {
  /** Monotonic time by which the first byte of a body must be there, and the first content of a stream. */
  readonly firstDueMs: number
  /** Between two chunks after the first. */
  readonly idleMs: number
  /** How long bytes may be held back at all, from the first byte of a body or the first event of a stream on. */
  readonly holdMs: number
}

/**
 * What a read waits for, and so how long: more of a body, or, in a stream that had no content yet, its first event at
 * all (comments and pings are none) or the content after such an event.
 */
export type Awaited = 'body' | 'event' | 'content'

/**
 * What came next. `late`: the time to hold bytes back is over. `silent`: nothing came in time. `overdue`: things came,
 * but not the awaited one.
 */
export type Step = Uint8Array | 'end' | 'late' | 'silent' | 'overdue' | TransportFailure

/**
 * The beginning of an upstream's body, read and kept while it is judged. What was kept goes out first, then `rest`,
 * which starts with the chunk that a read was waiting for when judging ended.
 */
export class Intake {
  readonly held: Uint8Array[] = []
  heldBytes = 0
  readonly #response: IncomingResponse
  readonly #clock: Clock
  readonly #clocks: IntakeClocks
  readonly #abort: AbortController
  #pending: ReturnType<BodySource['read']> | undefined
  #hasBytes = false
  #holdDueMs: number | undefined
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  /** `whole` has the body. */
  #isTaken = false

  /** `abort` ends the exchange. */
  constructor(response: IncomingResponse, clock: Clock, clocks: IntakeClocks, abort: AbortController) {
    this.#response = response
    this.#clock = clock
    this.#clocks = clocks
    this.#abort = abort
  }

  /**
   * Reads the whole body of a response that is known to be small; there is no `rest` then. What tells its length has
   * nothing more to think about, so all of it may take no longer than a pause.
   */
  async whole(): Promise<Step> {
    this.#isTaken = true
    const { firstDueMs, idleMs } = this.#clocks
    const limitMs = idleMs !== 0 || firstDueMs === 0 ? idleMs : this.#until(firstDueMs)
    let isLate = false
    const cancel =
      limitMs === 0
        ? undefined
        : this.#clock.after(limitMs, () => {
            isLate = true
            this.#abort.abort()
          })
    try {
      const bytes = (await this.#response.whole?.()) ?? nothing
      if (bytes.byteLength > 0) this.held.push(bytes)
      this.heldBytes = bytes.byteLength
      return 'end'
    } catch (error) {
      return isLate ? 'silent' : asTransportFailure(this.#explain(error))
    } finally {
      cancel?.()
    }
  }

  /** Reads on and keeps what comes. After anything but a chunk or `late` there is nothing more to read. */
  async next(awaited: Awaited = 'body'): Promise<Step> {
    const limit = this.#limit(awaited)
    this.#pending ??= this.#source().read()
    let cancel: (() => void) | undefined
    try {
      const arrived = await (limit === undefined
        ? this.#pending
        : Promise.race([
            this.#pending,
            new Promise<Limit['says']>((resolve) => (cancel = this.#clock.after(limit.ms, () => resolve(limit.says)))),
          ]))
      if (typeof arrived === 'string') return arrived
      this.#pending = undefined
      if (arrived.done) return 'end'
      this.#hasBytes = true
      this.held.push(arrived.value)
      this.heldBytes += arrived.value.byteLength
      return arrived.value
    } catch (error) {
      return asTransportFailure(this.#explain(error))
    } finally {
      cancel?.()
    }
  }

  /** What was not read yet. Every chunk of a stream comes this way, so nothing is wrapped around a read. */
  rest(): BodySource {
    const reader = this.#source()
    let pending = this.#pending
    return {
      // oxlint-disable-next-line typescript/promise-function-async -- an async layer would be paid for with each chunk
      read: () => {
        const first = pending
        pending = undefined
        return first ?? reader.read()
      },
      cancel: async () => await reader.cancel(),
      explain: (error) => this.#explain(error),
    }
  }

  /** Closes the exchange; nothing of it is wanted. */
  discard(): void {
    // The platform gives no reader for a body that is read at once; aborting the attempt closes it.
    if (this.#isTaken) return
    // A body that broke rejects here, too: there is nothing left to close then.
    this.#pending?.catch(() => {})
    this.#source()
      .cancel()
      .catch(() => {})
  }

  #source(): ReadableStreamDefaultReader<Uint8Array> {
    this.#reader ??= this.#response.body.getReader()
    return this.#reader
  }

  #explain(error: unknown): unknown {
    return this.#response.explain?.(error) ?? error
  }

  #limit(awaited: Awaited): Limit | undefined {
    const { firstDueMs, idleMs, holdMs } = this.#clocks
    if (!this.#hasBytes) return firstDueMs === 0 ? undefined : { ms: this.#until(firstDueMs), says: 'silent' }
    let limit: Limit | undefined = idleMs === 0 ? undefined : { ms: idleMs, says: 'silent' }
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

function soonest(before: Limit | undefined, other: Limit): Limit {
  return before === undefined || other.ms <= before.ms ? other : before
}

const nothing = new Uint8Array()

interface Limit {
  readonly ms: number
  readonly says: 'late' | 'silent' | 'overdue'
}

function asTransportFailure(error: unknown): TransportFailure {
  if (isTransportFailure(error)) return error
  return { kind: 'transport_failure', phase: 'body', cause: 'other', message: 'the answer could not be read' }
}

function isTransportFailure(error: unknown): error is TransportFailure {
  return typeof error === 'object' && error !== null && 'kind' in error && error.kind === 'transport_failure'
}
