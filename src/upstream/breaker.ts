import type { BreakerPolicy, CooldownPolicy } from '#core/plan.ts'
import type { Rest, Rests } from '#core/rest.ts'

/**
 * What failures taught us about routes: who cools down and whose circuit is open. Lives outside the snapshot, keyed by
 * `Candidate.stateKey`; every limit comes as an argument, so a reload changes limits without touching what was learned.
 * Holds entries for troubled routes only: a healthy one costs a lookup that finds nothing.
 */
export class Breakers implements Rests {
  readonly #entries = new Map<string, Entry>()
  #known: ReadonlySet<string> | undefined
  #sweepDueMs = 0

  /** May the route be tried now? In a half-open circuit a yes takes the one probe; its verdict or `release` gives it back. */
  mayTry(key: string, nowMs: number, policy: BreakerPolicy | undefined): boolean {
    if (this.#entries.size === 0) return true
    const entry = this.#entries.get(key)
    if (entry === undefined) return true
    if (restsUntil(entry, nowMs, policy) !== undefined) return false
    if (policy !== undefined && entry.openUntilMs !== undefined) entry.probeSinceMs = nowMs
    return true
  }

  /** Monotonic time until which the route rests, or undefined when it may be tried. */
  restsUntil(key: string, nowMs: number, policy: BreakerPolicy | undefined): number | undefined {
    const entry = this.#entries.get(key)
    return entry === undefined ? undefined : restsUntil(entry, nowMs, policy)
  }

  /** The same with the reason. Asking takes no probe. */
  restOf(key: string, nowMs: number, policy: BreakerPolicy | undefined): Rest | undefined {
    if (this.#entries.size === 0) return undefined
    const entry = this.#entries.get(key)
    const untilMs = entry === undefined ? undefined : restsUntil(entry, nowMs, policy)
    if (entry === undefined || untilMs === undefined) return undefined
    return { why: whyResting(entry, untilMs, nowMs), untilMs }
  }

  /** The route gave an answer. A cooldown is not shortened by it: the success may have begun before the failure. */
  succeeded(key: string, policy: BreakerPolicy | undefined): 'closed' | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    entry.failures = 0
    if (entry.openUntilMs === undefined) return undefined
    if (policy === undefined) {
      closeCircuit(entry)
      return undefined
    }
    // Without a probe on its way this is a late answer from before the circuit opened; it proves nothing.
    if (entry.probeSinceMs === undefined) return undefined
    entry.probeSinceMs = undefined
    entry.successes += 1
    if (entry.successes < policy.successThreshold) return undefined
    closeCircuit(entry)
    return 'closed'
  }

  /** The route failed by its own doing. Tells what that started, so that the caller can log it. */
  failed(
    key: string,
    nowMs: number,
    cooldown: CooldownPolicy,
    policy: BreakerPolicy | undefined,
    retryAfterMs?: number,
  ): FailureEffect {
    if (nowMs >= this.#sweepDueMs) this.sweep(nowMs)
    const entry = this.#entryFor(key)
    if (entry === undefined) return noEffect
    const cooledMs = cool(entry, nowMs, restMsFor(cooldown, retryAfterMs))
    const openedMs = policy === undefined ? 0 : countFailure(entry, nowMs, policy)
    return cooledMs === 0 && openedMs === 0 ? noEffect : { cooledMs, openedMs }
  }

  /** An attempt ended without a verdict on its route: the client left, or the request was at fault. */
  release(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) entry.probeSinceMs = undefined
  }

  /** How one route is doing, for people. */
  look(key: string, nowMs: number, policy: BreakerPolicy | undefined): RouteHealth {
    const entry = this.#entries.get(key)
    if (entry === undefined) return healthy
    const untilMs = restsUntil(entry, nowMs, policy)
    return {
      restsForMs: untilMs === undefined ? 0 : untilMs - nowMs,
      circuit: circuitOf(entry, nowMs, policy),
      failures: entry.failures,
    }
  }

  /** Routes that rest or whose circuit is not closed, for people. */
  list(nowMs: number, policy: BreakerPolicy | undefined): readonly RouteRest[] {
    const rests: RouteRest[] = []
    for (const [key, entry] of this.#entries) {
      const untilMs = restsUntil(entry, nowMs, policy)
      const circuit = circuitOf(entry, nowMs, policy)
      if (untilMs !== undefined || circuit !== 'closed') {
        rests.push({ key, restsForMs: untilMs === undefined ? 0 : untilMs - nowMs, circuit })
      }
    }
    return rests
  }

  /** After a reload: forgets routes that are no longer configured; nothing is learned about others from now on. */
  retain(keys: ReadonlySet<string>): void {
    this.#known = keys
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key)
  }

  /** Drops entries that say nothing any more. Runs by itself while failures come in. */
  sweep(nowMs: number): void {
    this.#sweepDueMs = nowMs + sweepEveryMs
    for (const [key, entry] of this.#entries) {
      if (entry.coolUntilMs <= nowMs && entry.openUntilMs === undefined && entry.failures === 0)
        this.#entries.delete(key)
    }
  }

  /** Entries held. Limit: one per configured route. */
  get size(): number {
    return this.#entries.size
  }

  #entryFor(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry !== undefined) return entry
    // An old exchange may still report a route that a reload removed.
    if (this.#known?.has(key) === false) return undefined
    const fresh: Entry = { coolUntilMs: 0, failures: 0, openUntilMs: undefined, successes: 0, probeSinceMs: undefined }
    this.#entries.set(key, fresh)
    return fresh
  }
}

/** What a failure started; 0 = nothing new. */
export interface FailureEffect {
  readonly cooledMs: number
  readonly openedMs: number
}

/** How a route is doing. */
export interface RouteHealth {
  /** 0: it may be asked now. */
  readonly restsForMs: number
  readonly circuit: 'closed' | 'open' | 'half_open'
  /** In a row, as far as the circuit counts them. */
  readonly failures: number
}

const healthy: RouteHealth = { restsForMs: 0, circuit: 'closed', failures: 0 }

/** A route that is not in its normal state. */
export interface RouteRest {
  readonly key: string
  readonly restsForMs: number
  readonly circuit: 'closed' | 'open' | 'half_open'
}

interface Entry {
  coolUntilMs: number
  /** In a row, while the circuit is closed. */
  failures: number
  /** Defined while the circuit is open or, once this time has passed, half-open. */
  openUntilMs: number | undefined
  /** In a row, while half-open. */
  successes: number
  probeSinceMs: number | undefined
}

const noEffect: FailureEffect = { cooledMs: 0, openedMs: 0 }

const sweepEveryMs = 60_000

/** Limit: a half-open circuit whose probe says nothing for this long lets another one through. */
const probeMsMax = 60_000

/** While a probe is on its way nobody knows when the circuit closes; waiters look again after this long. */
const probeLookAgainMs = 1000

function restsUntil(entry: Entry, nowMs: number, policy: BreakerPolicy | undefined): number | undefined {
  const untilMs = Math.max(entry.coolUntilMs, policy === undefined ? 0 : circuitRestMs(entry, nowMs))
  return untilMs > nowMs ? untilMs : undefined
}

function whyResting(entry: Entry, untilMs: number, nowMs: number): Rest['why'] {
  if (untilMs === entry.coolUntilMs) return 'cooling'
  return entry.openUntilMs !== undefined && entry.openUntilMs > nowMs ? 'circuit_open' : 'probed'
}

function circuitRestMs(entry: Entry, nowMs: number): number {
  if (entry.openUntilMs === undefined) return 0
  if (entry.openUntilMs > nowMs) return entry.openUntilMs
  const isProbed = entry.probeSinceMs !== undefined && nowMs - entry.probeSinceMs < probeMsMax
  return isProbed ? nowMs + probeLookAgainMs : 0
}

function circuitOf(entry: Entry, nowMs: number, policy: BreakerPolicy | undefined): RouteRest['circuit'] {
  if (policy === undefined || entry.openUntilMs === undefined) return 'closed'
  return entry.openUntilMs > nowMs ? 'open' : 'half_open'
}

/** A `Retry-After` takes the place of the configured rest, shorter or longer; `cooldownMs` 0 switches rests off. */
function restMsFor(cooldown: CooldownPolicy, retryAfterMs: number | undefined): number {
  const { cooldownMs, respectRetryAfter, retryAfterMsMax } = cooldown
  if (cooldownMs === 0 || !respectRetryAfter || retryAfterMs === undefined || retryAfterMs <= 0) return cooldownMs
  return Math.min(retryAfterMs, retryAfterMsMax)
}

/** A rest is only ever extended. Gives its length when it is news: the route did not rest before. */
function cool(entry: Entry, nowMs: number, forMs: number): number {
  const rested = entry.coolUntilMs > nowMs
  entry.coolUntilMs = Math.max(entry.coolUntilMs, nowMs + forMs)
  return rested ? 0 : forMs
}

function countFailure(entry: Entry, nowMs: number, policy: BreakerPolicy): number {
  if (entry.openUntilMs === undefined) {
    entry.failures += 1
    if (entry.failures < policy.failureThreshold) return 0
  } else if (entry.openUntilMs > nowMs) {
    // Attempts from before the circuit opened; it is open already.
    return 0
  }
  entry.failures = 0
  entry.successes = 0
  entry.probeSinceMs = undefined
  entry.openUntilMs = nowMs + policy.openMs
  return policy.openMs
}

function closeCircuit(entry: Entry): void {
  entry.openUntilMs = undefined
  entry.successes = 0
  entry.probeSinceMs = undefined
  entry.failures = 0
}
