import type { CredentialBook } from './credential.ts'
import type { HealthBook } from './health.ts'
import type { BreakerPolicy, OutlierPolicy } from './plan.ts'

/** Why a route is not to be asked now, and until when. */
export interface Rest {
  readonly why: 'cooling' | 'circuit_open' | 'probed' | 'ejected'
  /** Monotonic time. */
  readonly untilMs: number
}

/** What traffic taught about routes, as far as a choice needs it. */
export interface Rests {
  /** Undefined when the route may be asked. Without a policy, what it is about counts for nothing. */
  restOf(stateKey: string, nowMs: number, breaker: BreakerPolicy | undefined, outlier?: OutlierPolicy): Rest | undefined
  /** The same of its circuit and its ejection alone, whether it cools down or not. */
  outageOf(
    stateKey: string,
    nowMs: number,
    breaker: BreakerPolicy | undefined,
    outlier: OutlierPolicy | undefined,
  ): Rest | undefined
  /** Monotonic time since which a route is back whose circuit was open or that was ejected; undefined where none was, or it is long ago. */
  backSinceMs(stateKey: string, nowMs: number): number | undefined
}

/** Everybody is well. */
export const noRests: Rests = { restOf: () => undefined, outageOf: () => undefined, backSinceMs: () => undefined }

/** All that was learned about routes and is asked for when one is chosen. */
export interface RouteBooks {
  readonly breakers: Rests
  readonly health?: HealthBook
  readonly credentials?: CredentialBook
}

/** Nothing is known of anybody. */
export const noBooks: RouteBooks = { breakers: noRests }
