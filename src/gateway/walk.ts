import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan, Tier } from '#core/plan.ts'
import { Course, objectionTo, reasonOf, waitMsMax, type Objection } from '#route/course.ts'
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
  #course: Course
  #retries = 0
  #retry: Turn | undefined
  #turns = 0
  #isOver = false
  #hasBegun = false

  constructor(gateway: Gateway, plan: Plan, call: Call, exchange: Exchange) {
    this.#gateway = gateway
    this.#plan = plan
    this.#call = call
    this.#exchange = exchange
    this.#startedMs = gateway.clock.monotonicMs()
    this.#course = new Course(plan, exchange.seed)
  }

  /** Milliseconds until the plan's deadline; without one, until waiting for a resting route makes no sense. */
  leftMs(): number {
    const limitMs = this.#plan.deadlineMs === 0 ? waitMsMax : this.#plan.deadlineMs
    return this.#startedMs + limitMs - this.#gateway.clock.monotonicMs()
  }

  /** Whose turn is next, best first; undefined when nobody is left or the limits are reached. */
  next(): Turn | undefined {
    if (!this.#mayGoOn()) return undefined
    const turn = this.#retry ?? this.#takeNext() ?? this.#takeLeastBad()
    if (turn !== undefined) this.#turns += 1
    this.#retry = undefined
    return turn
  }

  /** The turn did not bring an answer: is the same route asked again, another one, or nobody? */
  missed({ candidate, tier }: Turn, failure: Failure): void {
    this.misses.push({ candidate, failure })
    const pauseMs = this.#pauseBeforeRetry(failure)
    if (pauseMs === undefined) {
      if (!failure.tryNext || this.#isRequestsFault()) this.#isOver = true
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

  /** The turn was not used: it is no attempt, and what it took is given back. */
  declined({ candidate }: Turn, reason: string): void {
    this.#turns -= 1
    this.#gateway.breakers.release(candidate.stateKey)
    this.#note(candidate, reason)
  }

  /** The deadline was kept, and is of no concern to what comes after it. */
  answerBegan(): void {
    this.#hasBegun = true
  }

  /** From the best tier on again, after a wait for a resting route. */
  startOver(): void {
    this.#course = new Course(this.#plan, this.#exchange.seed)
    this.soonest = undefined
  }

  #takeNext(): Turn | undefined {
    this.#retries = 0
    const { breakers, clock } = this.#gateway
    const { breaker } = this.#plan
    for (;;) {
      const candidate = this.#course.next()
      const { tier } = this.#course
      if (candidate === undefined || tier === undefined) return undefined
      const nowMs = clock.monotonicMs()
      const objection = objectionTo(candidate, this.#call.endpoint.dialect, breakers, nowMs, breaker)
      if (objection === undefined && breakers.mayTry(candidate.stateKey, nowMs, breaker)) {
        return { candidate, tier, pauseMs: 0 }
      }
      if (objection !== undefined) this.#passOver(candidate, tier, objection, nowMs)
    }
  }

  /** Better than giving up, where the operator says so; also when others were asked before and failed. */
  #takeLeastBad(): Turn | undefined {
    if (this.soonest === undefined || this.#plan.whenAllCooling !== 'least_bad') return undefined
    const { candidate, tier } = this.soonest
    this.soonest = undefined
    return { candidate, tier, pauseMs: 0 }
  }

  /**
   * Two backends that refuse a request in the same way are right, unless they speak of themselves: a key without money
   * may be told by a 400 too.
   */
  #isRequestsFault(): boolean {
    return isRequestsFault(this.misses.filter((miss) => !miss.failure.cools))
  }

  /** Milliseconds, or undefined when asking the same route again makes no sense. */
  #pauseBeforeRetry(failure: Failure): number | undefined {
    const { retry, cooldown, deadlineMs } = this.#plan
    const mayMend = failure.retrySame && (failure.status === undefined || retry.retriesStatus(failure.status))
    if (!mayMend || this.#retries >= retry.retriesMax || !this.#mayGoOn()) return undefined
    const askedMs = cooldown.respectRetryAfter ? (failure.retryAfterMs ?? 0) : 0
    // Who asks for a longer pause than we would make is not asked again, but another one.
    if (askedMs > retry.delayMsMax) return undefined
    const pauseMs = Math.max(askedMs, retryDelayMs(retry, this.#retries, this.#gateway.random))
    // Another route may answer in time; this one cannot.
    return deadlineMs !== 0 && !this.#hasBegun && pauseMs >= this.leftMs() ? undefined : pauseMs
  }

  #mayGoOn(): boolean {
    if (this.#isOver || this.#turns >= this.#plan.attemptsMax) return false
    return this.#plan.deadlineMs === 0 || this.#hasBegun || this.leftMs() > 0 || this.misses.length === 0
  }

  #passOver(candidate: Candidate, tier: Tier, objection: Objection, nowMs: number): void {
    if (objection.why !== 'dialect' && !(this.soonest !== undefined && this.soonest.untilMs <= objection.untilMs)) {
      this.soonest = { candidate, tier, untilMs: objection.untilMs }
    }
    this.#note(candidate, reasonOf(objection, this.#call.endpoint.dialect, nowMs))
  }

  #note({ backend, model }: Candidate, reason: string): void {
    const skips = (this.#exchange.skips ??= [])
    if (skips.length >= skipsMax) return
    skips.push({ backend: backend.name, model, reason })
    const { log } = this.#gateway
    if (log.keeps('debug')) {
      log.write('debug', 'route_skipped', { requestId: this.#exchange.id, backend: backend.name, model, reason })
    }
  }
}

/** Limit: candidates of one request whose passing over is told. */
const skipsMax = 50
