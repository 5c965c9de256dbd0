import type { BreakerPolicy, CooldownPolicy, OutlierPolicy } from '#core/plan.ts'
import type { Rest, Rests } from '#core/rest.ts'
import type { Learned, SharedFact } from '#core/shared.ts'
import type { Clock } from '#ports/clock.ts'
import { Outliers } from './outlier.ts'

/**
 * What failures taught us about routes: who cools down, whose circuit is open and who is ejected. Lives outside the snapshot, keyed by
 * `Candidate.stateKey`; every limit comes as an argument, so a reload changes limits without touching what was learned.
 * Holds entries for troubled routes only: a healthy one costs a lookup that finds nothing.
 */
export class Breakers implements Rests {
  readonly outliers = new Outliers()
  /** Other processes are to know of rests; undefined: there are none. */
  learned: Learned | undefined
  readonly #entries = new Map<string, Entry>()
  #known: ReadonlySet<string> | undefined
  #sweepDueMs = 0

  /**
   * May the route be tried now? In a half-open circuit a yes takes the one probe; a verdict gives it back, or `release` by
   * the same prober.
   */
  mayTry(key: string, nowMs: number, policy: BreakerPolicy | undefined, prober = ''): boolean {
    if (this.#entries.size === 0) return true
    const entry = this.#entries.get(key)
    if (entry === undefined) return true
    if (restsUntil(entry, nowMs, policy) !== undefined) return false
    if (policy !== undefined && entry.openUntilMs !== undefined) {
      entry.probeSinceMs = nowMs
      entry.probedBy = prober
    }
    return true
  }

  /** Monotonic time until which the route rests, or undefined when it may be tried. */
  restsUntil(key: string, nowMs: number, policy: BreakerPolicy | undefined): number | undefined {
    const entry = this.#entries.get(key)
    return entry === undefined ? undefined : restsUntil(entry, nowMs, policy)
  }

  /** The same with the reason, ejections included. Asking takes no probe. */
  restOf(key: string, nowMs: number, policy: BreakerPolicy | undefined, outlier?: OutlierPolicy): Rest | undefined {
    const own = this.#entries.size === 0 ? undefined : this.#ownRestOf(key, nowMs, policy)
    return this.#orEjection(own, key, nowMs, outlier)
  }

  outageOf(
    key: string,
    nowMs: number,
    policy: BreakerPolicy | undefined,
    outlier: OutlierPolicy | undefined,
  ): Rest | undefined {
    const entry = policy === undefined || this.#entries.size === 0 ? undefined : this.#entries.get(key)
    const untilMs = entry === undefined ? 0 : circuitRestMs(entry, nowMs)
    const isOut = entry !== undefined && untilMs > nowMs
    return this.#orEjection(isOut ? { why: whyOut(entry, nowMs), untilMs } : undefined, key, nowMs, outlier)
  }

  /** The longer one of the two. */
  #orEjection(own: Rest | undefined, key: string, nowMs: number, outlier: OutlierPolicy | undefined): Rest | undefined {
    const ejectedMs = outlier === undefined ? undefined : this.outliers.ejectedUntil(key, nowMs)
    if (ejectedMs === undefined || (own !== undefined && own.untilMs >= ejectedMs)) return own
    return { why: 'ejected', untilMs: ejectedMs }
  }

  #ownRestOf(key: string, nowMs: number, policy: BreakerPolicy | undefined): Rest | undefined {
    const entry = this.#entries.get(key)
    const untilMs = entry === undefined ? undefined : restsUntil(entry, nowMs, policy)
    if (entry === undefined || untilMs === undefined) return undefined
    return { why: whyResting(entry, untilMs, nowMs), untilMs }
  }

  backSinceMs(key: string, nowMs: number): number | undefined {
    const closedMs = this.#entries.size === 0 ? undefined : this.#entries.get(key)?.closedAtMs
    const readmittedMs = this.outliers.backSinceMs(key, nowMs)
    if (closedMs === undefined || readmittedMs === undefined) return closedMs ?? readmittedMs
    return Math.max(closedMs, readmittedMs)
  }

  /** The route gave an answer. A cooldown is not shortened by it: the success may have begun before the failure. */
  succeeded(key: string, policy: BreakerPolicy | undefined, clock: Pick<Clock, 'monotonicMs'>): 'closed' | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    entry.failures = 0
    if (entry.openUntilMs === undefined) return undefined
    if (policy === undefined) {
      closeCircuit(entry, clock.monotonicMs())
      return undefined
    }
    // Without a probe on its way this is a late answer from before the circuit opened; it proves nothing.
    if (entry.probeSinceMs === undefined) return undefined
    entry.probeSinceMs = undefined
    entry.successes += 1
    if (entry.successes < policy.successThreshold) return undefined
    closeCircuit(entry, clock.monotonicMs())
    this.learned?.({ kind: 'circuit', key, forMs: 0 })
    return 'closed'
  }

  /** The same came to light in another process. */
  hear({ kind, key, forMs }: Extract<SharedFact, { kind: 'cooldown' | 'circuit' }>, nowMs: number): void {
    const entry = forMs > 0 ? this.#entryFor(key) : this.#entries.get(key)
    if (entry === undefined) return
    if (kind === 'cooldown') {
      cool(entry, nowMs, forMs)
      entry.coolToldMs = Math.max(entry.coolToldMs, nowMs + forMs)
    } else if (forMs > 0) {
      // Several processes see the same failures: it is the same opening.
      if (isOpen(entry, nowMs)) entry.openUntilMs = Math.max(entry.openUntilMs, nowMs + forMs)
      else openCircuit(entry, nowMs, forMs)
    } else if (entry.openUntilMs !== undefined) closeCircuit(entry, nowMs)
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
    if (this.learned !== undefined) tellRest(this.learned, key, entry, nowMs)
    const openedMs = policy === undefined ? 0 : countFailure(entry, nowMs, policy)
    if (openedMs > 0) this.learned?.({ kind: 'circuit', key, forMs: openedMs })
    return cooledMs === 0 && openedMs === 0 ? noEffect : { cooledMs, openedMs }
  }

  /** An attempt ended without a verdict on its route: the client left, or the request was at fault. */
  release(key: string, prober = ''): void {
    const entry = this.#entries.get(key)
    // Others may be asked beside the probe, where too many routes would be out.
    if (entry?.probedBy === prober) entry.probeSinceMs = undefined
  }

  /** How one route is doing, for people. */
  look(key: string, nowMs: number, policy: BreakerPolicy | undefined, outlier?: OutlierPolicy): RouteHealth {
    const entry = this.#entries.get(key)
    const ejectedUntilMs = outlier === undefined ? undefined : this.outliers.ejectedUntil(key, nowMs)
    if (entry === undefined && ejectedUntilMs === undefined) return healthy
    const restsUntilMs = entry === undefined ? undefined : restsUntil(entry, nowMs, policy)
    return {
      restsForMs: Math.max(0, (restsUntilMs ?? nowMs) - nowMs, (ejectedUntilMs ?? nowMs) - nowMs),
      circuit: entry === undefined ? 'closed' : circuitOf(entry, nowMs, policy),
      failures: entry?.failures ?? 0,
      ejectedForMs: ejectedUntilMs === undefined ? 0 : ejectedUntilMs - nowMs,
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
    this.outliers.retain(keys)
  }

  /** Nothing is known of these any more. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#entries.delete(key)
      this.outliers.forget(key)
    }
  }

  /** Drops entries that say nothing any more. Runs by itself while failures come in. */
  sweep(nowMs: number): void {
    this.#sweepDueMs = nowMs + sweepEveryMs
    for (const [key, entry] of this.#entries) {
      if (saysNothing(entry, nowMs)) this.#entries.delete(key)
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
    const fresh: Entry = {
      coolUntilMs: 0,
      coolToldMs: 0,
      failures: 0,
      openUntilMs: undefined,
      successes: 0,
      probeSinceMs: undefined,
      probedBy: '',
      openings: 0,
      openedForMs: 0,
      closedAtMs: undefined,
    }
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
  /** 0: it is not ejected. */
  readonly ejectedForMs: number
}

const healthy: RouteHealth = { restsForMs: 0, circuit: 'closed', failures: 0, ejectedForMs: 0 }

/** A route that is not in its normal state. */
export interface RouteRest {
  readonly key: string
  readonly restsForMs: number
  readonly circuit: 'closed' | 'open' | 'half_open'
}

interface Entry {
  coolUntilMs: number
  /** Until when other processes know that it does. */
  coolToldMs: number
  /** In a row, while the circuit is closed. */
  failures: number
  /** Defined while the circuit is open or, once this time has passed, half-open. */
  openUntilMs: number | undefined
  /** In a row, while half-open. */
  successes: number
  probeSinceMs: number | undefined
  /** Whose probe the last one was. */
  probedBy: string
  /** In a row, without a quiet time in between. */
  openings: number
  /** Milliseconds that the last of them was for. */
  openedForMs: number
  /** Defined once an open circuit has closed, until it opens again. */
  closedAtMs: number | undefined
}

const noEffect: FailureEffect = { cooledMs: 0, openedMs: 0 }

const sweepEveryMs = 60_000

/** Limit: how long it is remembered that a circuit has closed; no `load_balancing.slow_start` is longer. */
export const returnKeptMs = 3_600_000

/** Limit: a half-open circuit whose probe says nothing for this long lets another one through. */
const probeMsMax = 60_000

/** While a probe is on its way nobody knows when the circuit closes; waiters look again after this long. */
const probeLookAgainMs = 1000

function restsUntil(entry: Entry, nowMs: number, policy: BreakerPolicy | undefined): number | undefined {
  const untilMs = Math.max(entry.coolUntilMs, policy === undefined ? 0 : circuitRestMs(entry, nowMs))
  return untilMs > nowMs ? untilMs : undefined
}

function isOpen(entry: Entry, nowMs: number): entry is Entry & { openUntilMs: number } {
  return entry.openUntilMs !== undefined && entry.openUntilMs > nowMs
}

function whyResting(entry: Entry, untilMs: number, nowMs: number): Rest['why'] {
  if (untilMs === entry.coolUntilMs) return 'cooling'
  return whyOut(entry, nowMs)
}

function whyOut(entry: Entry, nowMs: number): 'circuit_open' | 'probed' {
  return isOpen(entry, nowMs) ? 'circuit_open' : 'probed'
}

function circuitRestMs(entry: Entry, nowMs: number): number {
  if (entry.openUntilMs === undefined) return 0
  if (isOpen(entry, nowMs)) return entry.openUntilMs
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

/** That a rest lasts a little longer is no news. */
function tellRest(learned: Learned, key: string, entry: Entry, nowMs: number): void {
  const { coolUntilMs, coolToldMs } = entry
  if (coolUntilMs <= nowMs || (coolToldMs > nowMs && coolUntilMs - coolToldMs <= untoldMsMax)) return
  entry.coolToldMs = coolUntilMs
  learned({ kind: 'cooldown', key, forMs: coolUntilMs - nowMs })
}

/** Limit: milliseconds that a rest may end later than other processes know. */
const untoldMsMax = 1000

function countFailure(entry: Entry, nowMs: number, policy: BreakerPolicy): number {
  if (entry.openUntilMs === undefined) {
    entry.failures += 1
    if (entry.failures < policy.failureThreshold) return 0
  } else if (entry.openUntilMs > nowMs) {
    // Attempts from before the circuit opened; it is open already.
    return 0
  }
  const forMs = grown(policy.openMs, openingsWith(entry, nowMs), policy.openMsMax)
  openCircuit(entry, nowMs, forMs)
  return forMs
}

/** A circuit that stayed closed for as long as it was open has proved itself. */
function openingsWith({ openings, closedAtMs, openedForMs }: Entry, nowMs: number): number {
  const wasQuiet = closedAtMs !== undefined && nowMs - closedAtMs >= openedForMs
  return wasQuiet ? 1 : openings + 1
}

function openCircuit(entry: Entry, nowMs: number, forMs: number): void {
  entry.openings = openingsWith(entry, nowMs)
  entry.openedForMs = forMs
  entry.failures = 0
  entry.successes = 0
  entry.probeSinceMs = undefined
  entry.closedAtMs = undefined
  entry.openUntilMs = nowMs + forMs
}

/** Doubled by each time in a row after the first; a bound below the first length is none. */
function grown(firstMs: number, times: number, msMax: number): number {
  return Math.min(firstMs * 2 ** (times - 1), Math.max(firstMs, msMax))
}

function saysNothing({ coolUntilMs, openUntilMs, failures, openedForMs, closedAtMs }: Entry, nowMs: number): boolean {
  if (coolUntilMs > nowMs || openUntilMs !== undefined || failures > 0) return false
  return closedAtMs === undefined || nowMs - closedAtMs > Math.max(openedForMs, returnKeptMs)
}

function closeCircuit(entry: Entry, nowMs: number): void {
  entry.closedAtMs = nowMs
  entry.openUntilMs = undefined
  entry.successes = 0
  entry.probeSinceMs = undefined
  entry.failures = 0
}
