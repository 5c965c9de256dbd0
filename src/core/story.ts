import type { Dialect } from './dialect.ts'
import type { Usage } from './usage.ts'
import type { AttemptCredential, AttemptTranslation, Outcome, Repinned } from './exchange.ts'

/**
 * A past request as `llm-proxy why` tells it and the admin pages give it as JSON: facts and decisions, never texts,
 * keys or addresses of backends. Times in milliseconds, rounded.
 */
export interface Story {
  readonly id: string
  /** When it came, ISO 8601 in UTC. */
  readonly at: string
  readonly method: string
  readonly path: string
  readonly dialect: Dialect
  /** The alias that was asked for; undefined when the request did not get so far. */
  readonly model: string | undefined
  readonly stream: boolean
  readonly caller: string | undefined
  readonly client: string | undefined
  /** What chance was drawn from, so that the choice can be repeated. */
  readonly seed: number
  readonly configVersion: number
  readonly status: number
  readonly outcome: Outcome
  readonly refusal: { readonly code: string; readonly message: string } | undefined
  /** Why a stream ended early. */
  readonly brokenBy: string | undefined
  readonly skips: readonly StorySkip[]
  /** It left the route that it had stayed with so far. */
  readonly repinned?: Repinned | undefined
  readonly attempts: readonly StoryAttempt[]
  /** From the request's arrival. */
  readonly firstByteMs: number | undefined
  readonly totalMs: number
  readonly bytesOut: number
  readonly chunksOut: number
  readonly heartbeats: number
  readonly rescuedAtBytes: readonly number[]
  /** What became of it at the cache of answers; undefined: nothing was looked for there. */
  readonly cache?: 'hit' | 'miss' | 'bypass' | undefined
  /** What it took, and what that cost in US dollars; undefined where nobody knows. */
  readonly usage?: Usage | undefined
  readonly costUsd?: number | undefined
}

export interface StorySkip {
  readonly backend: string
  readonly model: string
  readonly reason: string
}

export interface StoryAttempt {
  readonly backend: string
  readonly model: string
  readonly alias: string
  readonly level: 'l1' | 'l2'
  /** From the request's arrival. */
  readonly startedMs: number
  readonly durationMs: number
  readonly status: number | undefined
  /** `FailureReason` and its sentence; undefined when the attempt brought the answer. */
  readonly reason: string | undefined
  readonly message: string | undefined
  readonly rescue: 'match' | 'prefill' | undefined
  readonly isRepeated: boolean
  /** Absent where the request went out as it came. */
  readonly translation?: AttemptTranslation | undefined
  /** Absent where the backend has its one key, or none. */
  readonly credential?: AttemptCredential | undefined
}
