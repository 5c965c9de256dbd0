import type { Counting, Rate } from './policy.ts'

/**
 * How much was taken of one limit. It remembers what was taken and not what is left, and is told the limit at each use:
 * a reload that changes the limit gives nothing back.
 */
export interface Meter {
  /** Milliseconds until `amount` may be taken; 0 = now. More than the limit is let in when nothing else is. */
  waitMs(nowMs: number, rate: Rate, counting: Counting, amount: number): number
  take(nowMs: number, rate: Rate, amount: number): void
  /** Some of what was taken at `takenMs` was not needed. */
  giveBack(nowMs: number, rate: Rate, amount: number, takenMs: number): void
  /** What counts now. */
  used(nowMs: number, rate: Rate): number
  /** Milliseconds until nothing counts any more, if nothing else is taken. */
  resetMs(nowMs: number, rate: Rate): number
}

/** A rate that fell into the hands of nobody: what is no number, or more than anybody can take, counts as this. */
const amountMax = 1_000_000_000_000

/** F104: what a provider tells may be no number. */
export function saneAmount(amount: number): number {
  if (Number.isNaN(amount) || amount <= 0) return 0
  return Math.min(amount, amountMax)
}

/** Entries of a window: those closer together than this part of it are one, which counts from its last. */
const parts = 60

/**
 * Counts what was taken in the last window, whenever that begins. Seldom used it is exact; what is taken within a
 * sixtieth of the window counts as long as the last of it, so never too short.
 */
export class SlidingWindow implements Meter {
  #times: number[] = []
  #amounts: number[] = []
  #head = 0
  #sum = 0
  /** When the last entry began. */
  #beganMs = -Infinity

  waitMs(nowMs: number, rate: Rate, _counting: Counting, amount: number): number {
    this.#expire(nowMs, rate.windowMs)
    let over = this.#sum + Math.min(amount, rate.limit) - rate.limit
    if (over <= 0) return 0
    for (let at = this.#head; at < this.#times.length; at += 1) {
      over -= this.#amounts[at] ?? 0
      if (over <= 0) return Math.max(1, (this.#times[at] ?? nowMs) + rate.windowMs - nowMs)
    }
    return rate.windowMs
  }

  take(nowMs: number, { windowMs }: Rate, amount: number): void {
    if (amount === 0) return
    this.#expire(nowMs, windowMs)
    this.#sum += amount
    const last = this.#times.length - 1
    if (last >= this.#head && nowMs - this.#beganMs < windowMs / parts) {
      this.#times[last] = nowMs
      this.#amounts[last] = (this.#amounts[last] ?? 0) + amount
      return
    }
    this.#beganMs = nowMs
    this.#times.push(nowMs)
    this.#amounts.push(amount)
  }

  giveBack(nowMs: number, { windowMs }: Rate, amount: number, takenMs: number): void {
    this.#expire(nowMs, windowMs)
    let left = amount
    // It stands in the first entry that does not end before it; one that is gone took it with it.
    for (let at = this.#head; at < this.#times.length && left > 0; at += 1) {
      if ((this.#times[at] ?? 0) < takenMs) continue
      if ((this.#times[at] ?? 0) + windowMs <= nowMs) return
      const back = Math.min(left, this.#amounts[at] ?? 0)
      this.#amounts[at] = (this.#amounts[at] ?? 0) - back
      this.#sum -= back
      left -= back
      return
    }
  }

  used(nowMs: number, { windowMs }: Rate): number {
    this.#expire(nowMs, windowMs)
    return this.#sum
  }

  resetMs(nowMs: number, { windowMs }: Rate): number {
    this.#expire(nowMs, windowMs)
    const last = this.#times.at(-1)
    return last === undefined || this.#head === this.#times.length ? 0 : last + windowMs - nowMs
  }

  #expire(nowMs: number, windowMs: number): void {
    const { length } = this.#times
    while (this.#head < length && (this.#times[this.#head] ?? 0) + windowMs <= nowMs) {
      this.#sum -= this.#amounts[this.#head] ?? 0
      this.#head += 1
    }
    if (this.#head === length && length > 0) {
      this.#times = []
      this.#amounts = []
      this.#head = 0
      // What adding and taking away of fractions leaves behind.
      this.#sum = 0
    } else if (this.#head > parts) {
      this.#times = this.#times.slice(this.#head)
      this.#amounts = this.#amounts.slice(this.#head)
      this.#head = 0
    }
  }
}

/** Limit: windows for which a bucket can be overdrawn: a provider that tells nonsense must not shut anybody out for good. */
export const windowsMax = 160

/** Counts what was taken and flows off at the pace of the limit; as much as the bucket holds may be taken at once. */
export class TokenBucket implements Meter {
  #level = 0
  #atMs = -Infinity

  waitMs(nowMs: number, rate: Rate, { burst }: Counting, amount: number): number {
    this.#flowOff(nowMs, rate)
    // Less than one request fits into no bucket.
    const holds = Math.max(rate.limit * burst, Math.min(1, amount))
    const over = this.#level + Math.min(amount, holds) - holds
    // Fractions do not add up to the last digit.
    return over <= 1e-9 ? 0 : Math.max(1, (over * rate.windowMs) / rate.limit)
  }

  take(nowMs: number, rate: Rate, amount: number): void {
    this.#flowOff(nowMs, rate)
    this.#level = Math.min(this.#level + amount, rate.limit * windowsMax)
  }

  giveBack(nowMs: number, rate: Rate, amount: number): void {
    this.#flowOff(nowMs, rate)
    this.#level = Math.max(0, this.#level - amount)
  }

  used(nowMs: number, rate: Rate): number {
    this.#flowOff(nowMs, rate)
    return this.#level
  }

  resetMs(nowMs: number, rate: Rate): number {
    this.#flowOff(nowMs, rate)
    return (this.#level * rate.windowMs) / rate.limit
  }

  #flowOff(nowMs: number, { limit, windowMs }: Rate): void {
    const forMs = nowMs - this.#atMs
    this.#atMs = nowMs
    if (forMs > 0) this.#level = this.#level === 0 ? 0 : Math.max(0, this.#level - (forMs * limit) / windowMs)
  }
}

/**
 * The meters of one kind of limit, by whose they are. Limit: {@link metersMax}. Those that were used last stand in front;
 * when they are half as many as may be, they move behind, and whoever still stood there is forgotten. So nothing is moved
 * or looked for at each use, however many there are.
 */
export class MeterShelf {
  #front = new Map<string, Meter>()
  #behind = new Map<string, Meter>()
  readonly #max: number

  constructor(max = metersMax) {
    this.#max = max
  }

  meterOf(id: string, { algorithm }: Counting): Meter {
    // Who counts in another way from now on begins anew.
    const key = algorithm === 'token_bucket' ? `b${id}` : id
    const near = this.#front.get(key)
    if (near !== undefined) return near
    const far = this.#behind.get(key)
    if (far !== undefined) this.#behind.delete(key)
    const meter = far ?? (algorithm === 'token_bucket' ? new TokenBucket() : new SlidingWindow())
    if (this.#front.size >= this.#max / 2) {
      this.#behind = this.#front
      this.#front = new Map()
    }
    this.#front.set(key, meter)
    return meter
  }

  get size(): number {
    return this.#front.size + this.#behind.size
  }
}

/** Limit: callers or addresses of which it is remembered what they took, about 30 MB. */
const metersMax = 100_000
