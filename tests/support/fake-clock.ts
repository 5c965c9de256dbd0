import type { Clock } from '#ports/clock.ts'

/** Time that moves only when told. */
export class FakeClock implements Clock {
  #nowMs = 0
  #wallStartMs: number
  #timers: { readonly dueMs: number; readonly action: () => void }[] = []

  constructor(wallStartMs = Date.UTC(2026, 0, 13, 9, 41, 0)) {
    this.#wallStartMs = wallStartMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs
  }

  /** Timers that have not run and were not taken back. */
  get pending(): number {
    return this.#timers.length
  }

  after(ms: number, action: () => void): () => void {
    const timer = { dueMs: this.#nowMs + ms, action }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  soon(action: () => void): void {
    queueMicrotask(action)
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return
    await new Promise<void>((resolve) => {
      const cancel = this.after(ms, resolve)
      signal?.addEventListener('abort', () => (cancel(), resolve()), { once: true })
    })
  }

  /** Runs every timer due within `ms`, oldest first, letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const next = this.#timers.filter((timer) => timer.dueMs <= untilMs).toSorted((a, b) => a.dueMs - b.dueMs)[0]
      if (next === undefined) break
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      this.#timers = this.#timers.filter((other) => other !== next)
      next.action()
      await settled()
    }
    this.#nowMs = untilMs
    await settled()
  }
}

/** Lets every promise that can settle without time passing do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}
