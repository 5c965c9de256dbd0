/** Counts wrong keys by the address they come from, so that guessing takes for ever. */
export class WrongKeys {
  /** Oldest first. */
  readonly #tries = new Map<string, Tries>()

  /** Milliseconds until this address may try again; 0 = now. */
  waitMs(address: string, nowMs: number): number {
    const tries = this.#tries.get(address)
    if (tries === undefined || tries.count < triesMax) return 0
    return Math.max(0, tries.sinceMs + windowMs - nowMs)
  }

  note(address: string, nowMs: number): void {
    const tries = this.#tries.get(address)
    if (tries !== undefined && nowMs < tries.sinceMs + windowMs) {
      tries.count += 1
      return
    }
    this.#tries.delete(address)
    if (this.#tries.size >= addressesMax) this.#forgetOldest()
    this.#tries.set(address, { count: 1, sinceMs: nowMs })
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#tries.size
  }

  #forgetOldest(): void {
    const [oldest] = this.#tries.keys()
    if (oldest !== undefined) this.#tries.delete(oldest)
  }
}

interface Tries {
  count: number
  readonly sinceMs: number
}

/** Limit: wrong keys from one address within {@link windowMs}. */
const triesMax = 10
const windowMs = 60_000

/** Limit: addresses that are remembered. */
const addressesMax = 1000
