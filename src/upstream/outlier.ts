import type { OutlierPolicy } from '#core/plan.ts'
import type { Learned } from '#core/shared.ts'

/**
 * Who fails much more often than its siblings, and is left out for a while. Counts requests by `Candidate.stateKey`, but only
 * where a plan has such a policy; every limit comes as an argument.
 */
export class Outliers {
  /** Other processes are to know of ejections; undefined: there are none. */
  learned: Learned | undefined
  readonly #windows = new Map<string, Window>()
  readonly #ejections = new Map<string, Ejection>()
  #known: ReadonlySet<string> | undefined

  /** Monotonic time until which the route is left out; undefined when it is not. */
  ejectedUntil(key: string, nowMs: number): number | undefined {
    const untilMs = this.#ejections.size === 0 ? undefined : this.#ejections.get(key)?.untilMs
    return untilMs !== undefined && untilMs > nowMs ? untilMs : undefined
  }

  /** Monotonic time since which a route is back that was ejected. */
  backSinceMs(key: string, nowMs: number): number | undefined {
    const untilMs = this.#ejections.size === 0 ? undefined : this.#ejections.get(key)?.untilMs
    return untilMs !== undefined && untilMs <= nowMs ? untilMs : undefined
  }

  /** The route gave an answer; `readmitted`: the first one since it is back. */
  succeeded(key: string, nowMs: number, { windowMs }: OutlierPolicy): 'readmitted' | undefined {
    this.#windowOf(key, windowMs)?.add(nowMs, false)
    const ejection = this.#ejections.get(key)
    if (ejection === undefined || ejection.wasTold || ejection.untilMs > nowMs) return undefined
    ejection.wasTold = true
    return 'readmitted'
  }

  /** The route failed by its own doing. Is it clearly worse now than `siblings`, the other routes of its alias? */
  failed(key: string, siblings: Iterable<string>, nowMs: number, policy: OutlierPolicy): boolean {
    const window = this.#windowOf(key, policy.windowMs)
    if (window === undefined) return false
    window.add(nowMs, true)
    // Attempts from before it was left out, or of those who have nobody else to ask.
    if (this.ejectedUntil(key, nowMs) !== undefined) return false
    const own = window.countAt(nowMs)
    const requests = own.good + own.bad
    if (requests < policy.requestsMin || 100 * own.bad < policy.failurePercent * requests) return false
    return isClearlyWorse(own, this.#countOf(siblings, nowMs))
  }

  /** Leaves the route out, and tells for how many milliseconds. Its count begins anew. */
  eject(key: string, nowMs: number, { ejectionMs, ejectionMsMax }: OutlierPolicy): number {
    const before = this.#ejections.get(key)
    const times = timesAfter(before, nowMs)
    const forMs = Math.min(ejectionMs * times, Math.max(ejectionMs, ejectionMsMax))
    this.#ejections.set(key, { untilMs: nowMs + forMs, forMs, times, wasTold: false })
    this.#windows.delete(key)
    this.learned?.({ kind: 'ejection', key, forMs })
    return forMs
  }

  /** Another process left the route out. */
  hear(key: string, forMs: number, nowMs: number): void {
    if (this.#known?.has(key) === false || this.ejectedUntil(key, nowMs) !== undefined) return
    const times = timesAfter(this.#ejections.get(key), nowMs)
    this.#ejections.set(key, { untilMs: nowMs + forMs, forMs, times, wasTold: false })
    this.#windows.delete(key)
  }

  /** After a reload: forgets routes that are no longer configured; nothing is learned about others from now on. */
  retain(keys: ReadonlySet<string>): void {
    this.#known = keys
    for (const key of this.#windows.keys()) if (!keys.has(key)) this.#windows.delete(key)
    for (const key of this.#ejections.keys()) if (!keys.has(key)) this.#ejections.delete(key)
  }

  forget(key: string): void {
    this.#windows.delete(key)
    this.#ejections.delete(key)
  }

  /** Routes that something is known of. Limit: one per configured route. */
  get size(): number {
    return Math.max(this.#windows.size, this.#ejections.size)
  }

  /** Of all requests to them together, so that one with few requests does not weigh as much as one with many. */
  #countOf(keys: Iterable<string>, nowMs: number): Count {
    let good = 0
    let bad = 0
    for (const key of keys) {
      const count = this.#windows.get(key)?.countAt(nowMs)
      good += count?.good ?? 0
      bad += count?.bad ?? 0
    }
    return { good, bad }
  }

  #windowOf(key: string, lengthMs: number): Window | undefined {
    const known = this.#windows.get(key)
    if (known?.lengthMs === lengthMs) return known
    // An old exchange may still report a route that a reload removed.
    if (this.#known?.has(key) === false) return undefined
    const fresh = new Window(lengthMs)
    this.#windows.set(key, fresh)
    return fresh
  }
}

interface Ejection {
  readonly untilMs: number
  readonly forMs: number
  /** In a row. */
  readonly times: number
  /** It was told that the route is back. */
  wasTold: boolean
}

/** Who stayed well for as long as it was left out has proved itself. */
function timesAfter(before: Ejection | undefined, nowMs: number): number {
  return before === undefined || nowMs - before.untilMs >= before.forMs ? 1 : before.times + 1
}

interface Count {
  readonly good: number
  readonly bad: number
}

/** Where all of them fail, none of them is the odd one out; and chance alone makes one look worse that had few requests. */
function isClearlyWorse(own: Count, others: Count): boolean {
  const owns = own.good + own.bad
  const theirs = others.good + others.bad
  if (theirs === 0) return true
  const lead = own.bad / owns - others.bad / theirs
  const common = (own.bad + others.bad) / (owns + theirs)
  const chance = Math.sqrt(common * (1 - common) * (1 / owns + 1 / theirs))
  return lead >= leadMin && lead >= Math.min(leadEnough, deviations * chance)
}

/** Share of failures by which it must be ahead of the others. */
const leadMin = 0.2

/** Share that is enough, however few the requests: how few may be judged says the policy. */
const leadEnough = 0.5

/** So many times what chance makes of equals on the average. */
const deviations = 3

/** Requests of the last while, in slots of time that are used in turn. */
class Window {
  readonly lengthMs: number
  readonly #good = new Uint32Array(slots)
  readonly #bad = new Uint32Array(slots)
  /** Number of the slot that was used last, counted from the beginning of time. */
  #slot = -slots

  constructor(lengthMs: number) {
    this.lengthMs = lengthMs
  }

  add(nowMs: number, isBad: boolean): void {
    this.#moveTo(nowMs)
    const counts = isBad ? this.#bad : this.#good
    const at = this.#slot % slots
    counts[at] = (counts[at] ?? 0) + 1
  }

  countAt(nowMs: number): Count {
    this.#moveTo(nowMs)
    let good = 0
    let bad = 0
    for (let at = 0; at < slots; at += 1) {
      good += this.#good[at] ?? 0
      bad += this.#bad[at] ?? 0
    }
    return { good, bad }
  }

  #moveTo(nowMs: number): void {
    const slot = Math.floor(nowMs / (this.lengthMs / slots))
    if (slot <= this.#slot) return
    for (let next = Math.max(this.#slot + 1, slot - slots + 1); next <= slot; next += 1) {
      this.#good[next % slots] = 0
      this.#bad[next % slots] = 0
    }
    this.#slot = slot
  }
}

/** A window is forgotten by tenths. */
const slots = 10
