/** Which route answered a key last. Limit: {@link pinsMax} keys; the one that was used longest ago makes room. */
export class Pins {
  /** Moved to the end with each use. */
  readonly #pins = new Map<string, Pin>()
  readonly #max: number
  #repinned = 0

  constructor(max = pinsMax) {
    this.#max = max
  }

  /** The route's state key. */
  find(key: string, nowMs: number): string | undefined {
    const pin = this.#pins.get(key)
    return pin !== undefined && pin.untilMs > nowMs ? pin.stateKey : undefined
  }

  /** The route answered: the key stays with it for so long. */
  keep(key: string, stateKey: string, nowMs: number, ttlMs: number): void {
    const before = this.#pins.get(key)
    if (before !== undefined) {
      if (before.stateKey !== stateKey && before.untilMs > nowMs) this.#repinned += 1
      this.#pins.delete(key)
    }
    this.#pins.set(key, { stateKey, untilMs: nowMs + ttlMs })
    this.#drop(nowMs)
  }

  /** Forgets the keys of routes that are no longer configured. */
  retain(stateKeys: ReadonlySet<string>): void {
    for (const [key, { stateKey }] of this.#pins) if (!stateKeys.has(stateKey)) this.#pins.delete(key)
  }

  /** Keys that went over to another route while they still had one: each time its cache of their prompts was lost. */
  get repinned(): number {
    return this.#repinned
  }

  get size(): number {
    return this.#pins.size
  }

  /** The oldest go when they have had their time or there are too many; a few at once, so that it never takes long. */
  #drop(nowMs: number): void {
    let left = droppedMax
    for (const [key, { untilMs }] of this.#pins) {
      if (left === 0 || (untilMs > nowMs && this.#pins.size <= this.#max)) return
      this.#pins.delete(key)
      left -= 1
    }
  }
}

interface Pin {
  readonly stateKey: string
  readonly untilMs: number
}

/** Limit: keys that are remembered, about 20 MB. */
const pinsMax = 100_000

const droppedMax = 4
