import type { BreakerPolicy } from './plan.ts'

/** Why a route is not to be asked now, and until when. */
export interface Rest {
  readonly why: 'cooling' | 'circuit_open' | 'probed'
  /** Monotonic time. */
  readonly untilMs: number
}

/** What traffic taught about routes, as far as a choice needs it. */
export interface Rests {
  /** Undefined when the route may be asked. */
  restOf(stateKey: string, nowMs: number, policy: BreakerPolicy | undefined): Rest | undefined
}

/** Everybody is well. */
export const noRests: Rests = { restOf: () => undefined }
