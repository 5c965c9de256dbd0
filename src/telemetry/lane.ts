import { BoundedQueue, type QueueLimits } from '#kit/bounded-queue.ts'
import type { Clock } from '#ports/clock.ts'

/** How much a {@link Lane} carries at once, and how stubbornly. */
export interface LaneSizes {
  readonly limits: QueueLimits
  /** Writing begins when this much waits, or after {@link batchDelayMs}. */
  readonly startWeight: number
  /** What one write takes at most. More than `startWeight` lets a backlog go in fewer, larger steps. */
  readonly batchWeight: number
  /** How often a batch is tried before it is given up and counted; Infinity = until it works. */
  readonly triesMax: number
}

/** What a {@link Lane} needs; `T` is what it carries. */
export interface LaneOptions<T> extends LaneSizes {
  readonly clock: Clock
  /** How many records a value holds. */
  countOf(value: T): number
  write(batch: readonly T[]): Promise<void>
  /** Told once when writing begins to fail. */
  onFailed(reason: string): void
  /** Told once when it works again. */
  onRecovered(): void
  /** Told after a write that worked, when records were lost before it. */
  onDropped(count: number): void
}

/**
 * A road into the background: whoever pushes goes on at once, one writer carries batches away. Pushing neither waits nor
 * throws; what does not fit is dropped and counted; a destination that fails is tried again with growing pauses.
 */
export class Lane<T> {
  readonly #options: LaneOptions<T>
  readonly #queue: BoundedQueue<T>
  #held: readonly T[] | undefined
  #tries = 0
  #lost = 0
  #lostEver = 0
  #retryMs = 0
  #running: Promise<void> | undefined
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor(options: LaneOptions<T>) {
    this.#options = options
    this.#queue = new BoundedQueue<T>(options.limits)
  }

  /** True while the destination cannot be written. */
  get isFailing(): boolean {
    return this.#retryMs > 0
  }

  /** Records that were dropped or given up since the start. */
  get dropped(): number {
    return this.#lostEver + this.#queue.dropped
  }

  /** Does nothing once the lane is closed. */
  push(value: T, weight: number, isImportant: boolean): void {
    if (this.#isClosed) return
    this.#queue.push(value, weight, isImportant, this.#options.countOf(value))
    this.#plan()
  }

  /** Resolves when everything pushed so far was tried once. */
  async flush(): Promise<void> {
    await this.#running
    if (this.#waiting() > 0) await this.#start()
  }

  /** Writes what waits, then gives up what cannot be written; resolves with the number of records lost for good. */
  async close(): Promise<number> {
    await this.flush()
    this.#isClosed = true
    this.#cancelTimer?.()
    return this.#waiting() + this.#lost + this.#queue.takeDropped()
  }

  #waiting(): number {
    return this.#queue.count + (this.#held === undefined ? 0 : this.#countOf(this.#held))
  }

  #countOf(batch: readonly T[]): number {
    return batch.reduce((sum, value) => sum + this.#options.countOf(value), 0)
  }

  #plan(): void {
    if (this.#running !== undefined) return
    if (!this.isFailing && this.#queue.weight >= this.#options.startWeight) void this.#start()
    else
      this.#cancelTimer ??= this.#options.clock.after(
        this.isFailing ? this.#retryMs : batchDelayMs,
        () => void this.#start(),
      )
  }

  /** Joins the round that runs, or begins one. */
  async #start(): Promise<void> {
    this.#running ??= this.#round()
    await this.#running
  }

  async #round(): Promise<void> {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    await this.#writeWaiting()
    this.#running = undefined
    if (this.#waiting() > 0) this.#plan()
  }

  /** Everything that waits now. What comes meanwhile gathers for the next round, or batches would be of one record each. */
  async #writeWaiting(): Promise<void> {
    for (let left = this.#waiting(); left > 0;) {
      const batch = this.#held ?? this.#queue.take(this.#options.batchWeight)
      this.#held = batch
      try {
        await this.#options.write(batch)
      } catch (error) {
        this.#failed(batch, error)
        return
      }
      this.#held = undefined
      left -= this.#countOf(batch)
      this.#worked()
    }
  }

  #worked(): void {
    this.#tries = 0
    if (this.isFailing) {
      this.#retryMs = 0
      this.#options.onRecovered()
    }
    const dropped = this.#queue.takeDropped() + this.#lost
    this.#lost = 0
    if (dropped > 0) this.#options.onDropped(dropped)
  }

  #failed(batch: readonly T[], error: unknown): void {
    const isFirst = !this.isFailing
    this.#retryMs = Math.min(isFirst ? retryMsMin : this.#retryMs * 2, retryMsMax)
    this.#tries += 1
    if (this.#tries >= this.#options.triesMax) {
      this.#lost += this.#countOf(batch)
      this.#lostEver += this.#countOf(batch)
      this.#held = undefined
      this.#tries = 0
    }
    if (isFirst) this.#options.onFailed(error instanceof Error ? error.message : String(error))
  }
}

/** Milliseconds that a small value waits for company. */
const batchDelayMs = 100

/** Milliseconds before a failed write is tried again: the first pause, and the longest. */
const retryMsMin = 200
const retryMsMax = 10_000
