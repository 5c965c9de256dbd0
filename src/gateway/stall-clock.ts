import type { Clock } from '#ports/clock.ts'

/** Milliseconds, 0 = no limit. */
export interface StallLimits {
  /** For the upstream: from one piece to the next. */
  readonly upstreamMs: number
  /** For the client: while it takes nothing of what waits for it. */
  readonly clientMs: number
}

/** Watches a body for a side that does not go on. One timer for the whole body, not one for each piece. */
export class StallClock {
  /** Who fell silent for the whole limit. */
  stalled: 'upstream' | 'client' | undefined
  readonly #clock: Clock
  readonly #limits: StallLimits
  readonly #onStall: () => void
  /** Whose move it is. */
  #mover: 'upstream' | 'client' = 'upstream'
  #sinceMs: number
  #cancel: (() => void) | undefined

  constructor(clock: Clock, limits: StallLimits, onStall: () => void) {
    this.#clock = clock
    this.#limits = limits
    this.#onStall = onStall
    this.#sinceMs = clock.monotonicMs()
    this.#look()
  }

  /** It is this side that the other one waits for, from now on. */
  isUpTo(mover: 'upstream' | 'client'): void {
    this.#mover = mover
    this.#sinceMs = this.#clock.monotonicMs()
  }

  stop(): void {
    this.#cancel?.()
  }

  #look(): void {
    const { upstreamMs, clientMs } = this.#limits
    const limitMs = this.#mover === 'upstream' ? upstreamMs : clientMs
    const leftMs = limitMs === 0 ? Infinity : limitMs - (this.#clock.monotonicMs() - this.#sinceMs)
    if (leftMs <= 0) {
      this.stalled = this.#mover
      this.#onStall()
      return
    }
    // The move may change hands meanwhile, so it looks again when the shorter of both limits could be over.
    const nextMs = Math.min(leftMs, upstreamMs === 0 ? Infinity : upstreamMs, clientMs === 0 ? Infinity : clientMs)
    if (nextMs !== Infinity) this.#cancel = this.#clock.after(nextMs, () => this.#look())
  }
}
