import type { Dialect, Protocol } from './dialect.ts'

/** How a backend is asked whether it is well. Costs no tokens. */
export interface HealthPolicy {
  readonly method: string
  /** At the backend's own address. */
  readonly url: URL
  /** In which form it reads its key. */
  readonly protocol: Protocol
  readonly dialect: Dialect
  /** Sent beside what proves every request to this backend. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Does this status mean that it is well? */
  expects(status: number): boolean
  /** Milliseconds from one check to the next. */
  readonly intervalMs: number
  /** Milliseconds for one check. */
  readonly timeoutMs: number
  /** Failed checks in a row after which it counts as down. */
  readonly failureThreshold: number
  /** Good checks in a row after which it counts as well again. */
  readonly successThreshold: number
}

export type HealthState = 'healthy' | 'unhealthy' | 'unknown'

/** What the checks of one backend have found. */
export interface HealthRecord {
  readonly state: HealthState
  /** Wall clock of the last check that ended; undefined before the first. */
  readonly checkedAtMs: number | undefined
  /** Milliseconds of the last good check. */
  readonly latencyMs: number | undefined
  /** Why the last check failed, in words without addresses; undefined when it did not. */
  readonly fault: string | undefined
  /** Monotonic time of the next check. */
  readonly nextDueMs: number
}

/** What one check found. `undecided`: it could not be made, which says nothing about the backend. */
export type Finding =
  | { readonly kind: 'well'; readonly latencyMs: number }
  /** `status`: of the answer, where there was one. */
  | { readonly kind: 'fault'; readonly reason: string; readonly status?: number }
  | { readonly kind: 'undecided'; readonly reason: string }

/** What checks taught about backends, as far as a choice needs it. */
export interface HealthBook {
  /** Monotonic time of the next look at a backend that is down; undefined when it may be asked. */
  downUntil(backend: string): number | undefined
  /** Monotonic time since which a backend is well again that was down; undefined when it never was, or is down. */
  backSinceMs(backend: string): number | undefined
  /** Undefined for backends that are not checked. */
  recordOf(backend: string): HealthRecord | undefined
}

/** Nobody is checked. */
export const noHealth: HealthBook = {
  downUntil: () => undefined,
  backSinceMs: () => undefined,
  recordOf: () => undefined,
}
