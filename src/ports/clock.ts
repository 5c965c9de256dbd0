/** Time as the program may see it. Durations and deadlines come from the monotonic clock, stamps from the wall clock. */
export interface Clock {
  /** Milliseconds that only grow; for durations, deadlines, cooldowns. */
  monotonicMs(): number
  /** Milliseconds since 1970; for log lines, file names, token claims. */
  wallMs(): number
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Runs `action` once after `ms`; the returned function takes it back. */
  after(ms: number, action: () => void): () => void
  /** Runs `action` once, when everything that is there to be read now has been read. */
  soon(action: () => void): void
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  async sleep(ms, signal) {
    if (signal?.aborted === true) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, { once: true })
    })
  },
  after(ms, action) {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
  soon: (action) => void setImmediate(action),
}
