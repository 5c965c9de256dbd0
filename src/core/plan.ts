import type { Candidate } from './candidate.ts'
import type { CompatPolicy } from './compat.ts'

/** Everything an alias needs to be answered: tiers in order, fallback aliases included, and its policies. */
export interface Plan {
  readonly alias: string
  readonly tiers: readonly Tier[]
  /** Total attempts for one request; Infinity = no limit. */
  readonly attemptsMax: number
  /** Milliseconds for the whole request until the commit point, 0 = none. */
  readonly deadlineMs: number
  readonly whenAllCooling: 'refuse' | 'wait' | 'least_bad'
  readonly detection: Detection
  readonly cooldown: CooldownPolicy
  /** Undefined = off. */
  readonly breaker: BreakerPolicy | undefined
  /** Undefined = off. */
  readonly outlier?: OutlierPolicy | undefined
  /** Where nobody may be asked but backends that fail their health checks, they are asked. */
  readonly failsOpen: boolean
  /** Milliseconds in which a route that comes back gets from a tenth of its weight to all of it; 0 = at once. */
  readonly slowStartMs: number
  readonly retry: RetryPolicy
  readonly streaming: StreamPolicy
  /** How requests are translated; undefined: never. */
  readonly compat?: CompatPolicy | undefined
  /** What the choice goes by beside weights and chance; undefined where they are all. */
  readonly balance?: Balance | undefined
}

/** Candidates of equal rank. */
export interface Tier {
  /** The alias whose routes these are: the asked one (L1) or one of its fallbacks (L2). */
  readonly alias: string
  readonly level: 'l1' | 'l2'
  readonly priority: number
  /** In the order of the file. */
  readonly candidates: readonly Candidate[]
  /** How they are ordered; undefined: by weight and chance. */
  readonly strategy?: Strategy | undefined
}

export type Strategy = 'round_robin' | 'least_connections' | 'latency' | 'cost' | 'hash' | 'random'

/** What is asked of the past when a plan's candidates are ordered. */
export interface Balance {
  /** Load and speed of its routes are measured: this plan goes by them, or another one that has such a route. */
  readonly isMeasured: boolean
  /** Undefined: a request is like any other. */
  readonly affinity: AffinityPolicy | undefined
}

/** Which requests belong together. */
export interface AffinityPolicy {
  readonly by: 'auto' | 'ip' | 'user' | 'system' | 'header'
  /** In lower case; empty unless it is the header that tells. */
  readonly header: string
  /** Milliseconds for which they stay with the route that answered, after each answer; 0 = they are only told apart. */
  readonly ttlMs: number
}

/** What counts as a failure that another route may mend. */
export interface Detection {
  /** For an upstream status: may the next route be tried? */
  matchesStatus(status: number): boolean
  /** First configured pattern found in the (decompressed) text, or undefined. */
  findPattern(text: string): string | undefined
}

export interface CooldownPolicy {
  /** Rest of a route after a failure of its own; 0 = none. */
  readonly cooldownMs: number
  /** Upper bound for a `Retry-After` that an upstream asked for. */
  readonly retryAfterMsMax: number
  readonly respectRetryAfter: boolean
  /** Statuses that cool beyond the default rule. */
  cools(status: number): boolean
}

export interface BreakerPolicy {
  readonly failureThreshold: number
  /** Doubled each time that the circuit opens again before it proved itself. */
  readonly openMs: number
  /** Upper bound of the doubling. */
  readonly openMsMax: number
  readonly successThreshold: number
  /** Per cent of an alias's routes that may be out at once. */
  readonly outPercentMax: number
}

/** Who does clearly worse than its siblings is left out for a while. */
export interface OutlierPolicy {
  /** Milliseconds that are looked back. */
  readonly windowMs: number
  /** Requests within them below which nothing is concluded. */
  readonly requestsMin: number
  /** Of them, in per cent, at least so many failed. */
  readonly failurePercent: number
  /** Times the ejections in a row. */
  readonly ejectionMs: number
  readonly ejectionMsMax: number
  /** Per cent of an alias's routes that may be out at once. */
  readonly outPercentMax: number
}

/** Attempts again on the *same* route. */
export interface RetryPolicy {
  /** Extra attempts on one route, 0 = none. */
  readonly retriesMax: number
  readonly baseMs: number
  readonly delayMsMax: number
  readonly multiplier: number
  /** Share of the delay that chance may take away, 0–1; 1 = full jitter. */
  readonly jitter: number
  retriesStatus(status: number): boolean
}

/** What is promised to the client of a stream. */
export interface StreamPolicy {
  /** Silence towards the client after which it gets a keep-alive, in milliseconds; 0 = none. */
  readonly heartbeatMs: number
  /** Answers that are no streams get blanks as keep-alives, at the price of a status that is told before it is known. */
  readonly jsonKeepAlive: boolean
  /** What is tried when a stream breaks after its first content. */
  readonly rescue: RescueMode
  /** The whole answer is awaited and found complete before its first byte is sent. */
  readonly holds: boolean
  /** What becomes of the upstream's stream when its client leaves. */
  readonly onDisconnect: 'cancel' | 'finish'
  /** Milliseconds for which a client may leave what was sent to it lying; 0 = no limit. */
  readonly clientStallMs: number
}

export type RescueMode = 'off' | 'match' | 'prefill' | 'match_then_prefill'
