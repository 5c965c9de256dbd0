import type { Clock } from '#ports/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly place: number
  readonly action: () => void
}

/** Time that jumps from timer to timer; between two of them everything that needs no time happens. */
export class SimClock implements Clock {
  #nowMs = 0
  #places = 0
  /** Soonest first; timers of one moment in the order in which they were set. */
  readonly #timers: Timer[] = []

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return wallStartMs + this.#nowMs
  }

  /** Timers that have not run and were not taken back. */
  get pending(): number {
    return this.#timers.length
  }

  /** When those timers are due. */
  get dueTimes(): readonly number[] {
    return this.#timers.map(({ dueMs }) => dueMs)
  }

  after(ms: number, action: () => void): () => void {
    if (Number.isNaN(ms)) throw new Error('Cannot set a timer: its time is no number')
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, ms), place: (this.#places += 1), action }
    this.#timers.splice(this.#placeFor(timer), 0, timer)
    return () => {
      const at = this.#timers.indexOf(timer)
      if (at !== -1) this.#timers.splice(at, 1)
    }
  }

  soon(action: () => void): void {
    this.after(0, action)
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return
    await new Promise<void>((resolve) => {
      const cancel = this.after(ms, resolve)
      signal?.addEventListener('abort', () => (cancel(), resolve()), { once: true })
    })
  }

  /** Lets time pass until `isDone`, or until nothing is left that time could bring; false when `withinMs` was not enough. */
  async runUntil(isDone: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.#nowMs + withinMs
    for (;;) {
      await quiet()
      if (isDone()) return true
      const [next] = this.#timers
      if (next === undefined || next.dueMs > endMs) {
        await quiet()
        await quiet()
        if (isDone()) return true
        if (this.#timers[0] === undefined || this.#timers[0].dueMs > endMs) {
          this.#nowMs = endMs
          return false
        }
        continue
      }
      this.#timers.shift()
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.action()
    }
  }

  /** Lets this much time pass. */
  async pass(ms: number): Promise<void> {
    await this.runUntil(() => false, ms)
  }

  #placeFor({ dueMs }: Timer): number {
    let from = 0
    let to = this.#timers.length
    while (from < to) {
      const middle = (from + to) >> 1
      if ((this.#timers[middle]?.dueMs ?? 0) <= dueMs) from = middle + 1
      else to = middle
    }
    return from
  }
}

const wallStartMs = Date.UTC(2026, 0, 13, 9, 41, 0)

/** Every promise that can settle without time passing has settled, those of the platform's streams too. */
async function quiet(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve))
}
