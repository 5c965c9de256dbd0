import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan, Tier } from '#core/plan.ts'
import { orderTier } from '#route/order.ts'
import { retryDelayMs } from '#upstream/backoff.ts'
import type { Gateway } from './gateway.ts'
import { isRequestsFault, type Miss } from './no-answer.ts'

/** A candidate whose turn it is. */
export interface Turn {
  readonly candidate: Candidate
  readonly tier: Tier
  /** Pause before it; only a retry on the same route has one. */
  readonly pauseMs: number
}

/** Limit: how long `when_all_cooling: wait` waits when the plan has no deadline of its own. */
const waitMsMax = 60_000

/** One request's way through its plan: whose turn is next, and when it is over. Sends nothing itself. */
export class Walk {
  readonly misses: Miss[] = []
  /** The resting candidate that recovers first. */
  soonest: { readonly candidate: Candidate; readonly tier: Tier; readonly untilMs: number } | undefined
  readonly #gateway: Gateway
  readonly #plan: Plan
  readonly #call: Call
  readonly #exchange: Exchange
  readonly #startedMs: number
  #tierAt = 0
  #candidates: readonly Candidate[] | undefined
  #candidateAt = 0
  #retries = 0
  #retry: Turn | undefined
  #turns = 0
  #isOver = false

  constructor(gateway: Gateway, plan: Plan, call: Call, exchange: Exchange) {
    this.#gateway = gateway
    this.#plan = plan
    this.#call = call
    this.#exchange = exchange
    this.#startedMs = gateway.clock.monotonicMs()
  }

  /** Milliseconds until the plan's deadline; without one, until waiting for a resting route makes no sense. */
  leftMs(): number {
    const limitMs = this.#plan.deadlineMs === 0 ? waitMsMax : this.#plan.deadlineMs
    return this.#startedMs + limitMs - this.#gateway.clock.monotonicMs()
  }

  /** Whose turn is next, best first; undefined when nobody is left or the limits are reached. */
  next(): Turn | undefined {
    if (!this.#mayGoOn()) return undefined
    const retry = this.#retry
    this.#retry = undefined
    if (retry !== undefined) return this.#take(retry)
    this.#retries = 0
    const { tiers } = this.#plan
    for (; this.#tierAt < tiers.length; this.#tierAt += 1) {
      const tier = tiers[this.#tierAt]
      if (tier === undefined) break
      this.#candidates ??= orderTier(tier.candidates, this.#gateway.random)
      while (this.#candidateAt < this.#candidates.length) {
        const candidate = this.#candidates[this.#candidateAt]
        this.#candidateAt += 1
        if (candidate !== undefined && !this.#skips(candidate, tier)) return this.#take({ candidate, tier, pauseMs: 0 })
      }
      this.#candidates = undefined
      this.#candidateAt = 0
    }
    return undefined
  }

  /** The turn did not bring an answer: is the same route asked again, another one, or nobody? */
  missed({ candidate, tier }: Turn, failure: Failure): void {
    this.misses.push({ candidate, failure })
    const pauseMs = this.#pauseBeforeRetry(failure)
    if (pauseMs === undefined) {
      if (!failure.tryNext || isRequestsFault(this.misses)) this.#isOver = true
      return
    }
    this.#retries += 1
    this.#retry = { candidate, tier, pauseMs }
    this.#gateway.log.write('debug', 'retry_waits', {
      requestId: this.#exchange.id,
      backend: candidate.backend.name,
      waitMs: pauseMs,
    })
  }

  /** Milliseconds, or undefined when asking the same route again makes no sense. */
  #pauseBeforeRetry(failure: Failure): number | undefined {
    const { retry, deadlineMs } = this.#plan
    const mayMend = failure.retrySame && (failure.status === undefined || retry.retriesStatus(failure.status))
    if (!mayMend || this.#retries >= retry.retriesMax || !this.#mayGoOn()) return undefined
    const pauseMs = retryDelayMs(retry, this.#retries, this.#gateway.random)
    // Another route may answer in time; this one cannot.
    return deadlineMs !== 0 && pauseMs >= this.leftMs() ? undefined : pauseMs
  }

  /** From the best tier on again, after a wait for a resting route. */
  startOver(): void {
    this.#tierAt = 0
    this.soonest = undefined
  }

  #take(turn: Turn): Turn {
    this.#turns += 1
    return turn
  }

  #mayGoOn(): boolean {
    if (this.#isOver || this.#turns >= this.#plan.attemptsMax) return false
    return this.#plan.deadlineMs === 0 || this.leftMs() > 0 || this.misses.length === 0
  }

  #skips(candidate: Candidate, tier: Tier): boolean {
    const { dialect } = this.#call.endpoint
    if (!candidate.dialects.has(dialect)) return this.#skip(candidate, `it does not speak the ${dialect} dialect`)
    const { breakers, clock } = this.#gateway
    const nowMs = clock.monotonicMs()
    if (breakers.mayTry(candidate.stateKey, nowMs, this.#plan.breaker)) return false
    const untilMs = breakers.restsUntil(candidate.stateKey, nowMs, this.#plan.breaker) ?? nowMs
    if (this.soonest === undefined || untilMs < this.soonest.untilMs) this.soonest = { candidate, tier, untilMs }
    return this.#skip(candidate, 'it is cooling down')
  }

  #skip({ backend, model }: Candidate, reason: string): true {
    const { log } = this.#gateway
    if (log.keeps('debug')) {
      log.write('debug', 'route_skipped', { requestId: this.#exchange.id, backend: backend.name, model, reason })
    }
    return true
  }
}
