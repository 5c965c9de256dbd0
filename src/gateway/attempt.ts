import { isAnswer, type Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Attempt, Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan, Tier } from '#core/plan.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { orderTier } from '#route/order.ts'
import { retryDelayMs } from '#upstream/backoff.ts'
import { send } from '#upstream/send.ts'
import type { Gateway } from './gateway.ts'
import { isRequestsFault, noAnswer, restingRefusal, type Miss } from './no-answer.ts'
import { learn, tellSwitch } from './verdict.ts'

/** Walks the plan until a candidate gives an answer that may be sent. Nothing has reached the client before it returns. */
export async function attempt(
  gateway: Gateway,
  plan: Plan,
  call: Call,
  exchange: Exchange,
  clientSignal: AbortSignal,
): Promise<Answer | Refusal> {
  const walk = new Walk(gateway, plan, call, exchange, clientSignal)
  for (;;) {
    let answer = await walk.once()
    const rest = walk.soonest
    if (answer === undefined && walk.misses.length === 0 && rest !== undefined && plan.whenAllCooling === 'least_bad')
      answer = await walk.try(rest.candidate, rest.tier)
    if (answer !== undefined) return answer
    if (clientSignal.aborted) return clientLeft
    if (walk.isCut) return shuttingDown
    if (walk.misses.length > 0) return noAnswer(plan, walk.misses)
    if (rest === undefined) return nobodySpeaks(plan, call)
    const waitMs = Math.max(0, rest.untilMs - gateway.clock.monotonicMs())
    if (plan.whenAllCooling === 'refuse' || waitMs > walk.leftMs()) return restingRefusal(plan, waitMs)
    await gateway.clock.sleep(waitMs, clientSignal)
    if (clientSignal.aborted) return clientLeft
  }
}

const clientLeft = refuse('client_closed', 'Cannot answer: the client closed the connection')
const shuttingDown = refuse('shutting_down', 'Cannot answer: the server is shutting down', { retryAfterMs: 1000 })

/** Limit: how long `when_all_cooling: wait` waits when the plan has no deadline of its own. */
const waitMsMax = 60_000

/** One request's way through its plan. */
class Walk {
  readonly misses: Miss[] = []
  /** The resting candidate that recovers first. */
  soonest: { readonly candidate: Candidate; readonly tier: Tier; readonly untilMs: number } | undefined
  readonly #gateway: Gateway
  readonly #plan: Plan
  readonly #call: Call
  readonly #exchange: Exchange
  readonly #clientSignal: AbortSignal
  readonly #startedMs: number
  /** The gateway stops and waits no longer. */
  isCut = false
  #ended = false

  constructor(gateway: Gateway, plan: Plan, call: Call, exchange: Exchange, clientSignal: AbortSignal) {
    this.#gateway = gateway
    this.#plan = plan
    this.#call = call
    this.#exchange = exchange
    this.#clientSignal = clientSignal
    this.#startedMs = gateway.clock.monotonicMs()
  }

  /** Milliseconds left until the deadline. */
  leftMs(): number {
    const limitMs = this.#plan.deadlineMs === 0 ? waitMsMax : this.#plan.deadlineMs
    return this.#startedMs + limitMs - this.#gateway.clock.monotonicMs()
  }

  /** Every tier once, best first. */
  async once(): Promise<Answer | undefined> {
    this.soonest = undefined
    for (const tier of this.#plan.tiers) {
      for (const candidate of orderTier(tier.candidates, this.#gateway.random)) {
        if (!this.#mayGoOn()) return undefined
        if (this.#skips(candidate, tier)) continue
        const answer = await this.try(candidate, tier)
        if (answer !== undefined) return answer
      }
    }
    return undefined
  }

  /** One candidate, with its retries. */
  async try(candidate: Candidate, tier: Tier): Promise<Answer | undefined> {
    for (let retry = 0; ; retry += 1) {
      tellSwitch(this.#gateway, this.#exchange, candidate, tier)
      const outcome = await this.#send(candidate, tier)
      if (isAnswer(outcome)) return outcome
      this.misses.push({ candidate, failure: outcome })
      if (!outcome.tryNext || isRequestsFault(this.misses)) this.#ended = true
      const { retry: policy } = this.#plan
      const again = outcome.retrySame && (outcome.status === undefined || policy.retriesStatus(outcome.status))
      if (!again || retry >= policy.retriesMax || !this.#mayGoOn()) return undefined
      const waitMs = retryDelayMs(policy, retry, this.#gateway.random)
      this.#gateway.log.write('debug', 'retry_waits', {
        requestId: this.#exchange.id,
        backend: candidate.backend.name,
        waitMs,
      })
      await this.#gateway.clock.sleep(waitMs, this.#clientSignal)
      if (!this.#mayGoOn()) return undefined
    }
  }

  #mayGoOn(): boolean {
    if (this.#clientSignal.aborted || this.isCut) {
      this.#ended = true
      return false
    }
    if (this.#ended || this.#exchange.attempts.length >= this.#plan.attemptsMax) return false
    return this.#plan.deadlineMs === 0 || this.leftMs() > 0 || this.misses.length === 0
  }

  #skips(candidate: Candidate, tier: Tier): boolean {
    const { breakers, clock, log } = this.#gateway
    const skip = (reason: string): boolean => {
      if (log.keeps('debug')) {
        log.write('debug', 'route_skipped', {
          requestId: this.#exchange.id,
          backend: candidate.backend.name,
          model: candidate.model,
          reason,
        })
      }
      return true
    }
    if (!candidate.dialects.has(this.#call.endpoint.dialect))
      return skip(`it does not speak the ${this.#call.endpoint.dialect} dialect`)
    const nowMs = clock.monotonicMs()
    if (breakers.mayTry(candidate.stateKey, nowMs, this.#plan.breaker)) return false
    const untilMs = breakers.restsUntil(candidate.stateKey, nowMs, this.#plan.breaker) ?? nowMs
    if (this.soonest === undefined || untilMs < this.soonest.untilMs) this.soonest = { candidate, tier, untilMs }
    return skip('it is cooling down')
  }

  async #send(candidate: Candidate, tier: Tier): Promise<Answer | Failure> {
    const gateway = this.#gateway
    const exchange = this.#exchange
    const record = startAttempt(gateway, exchange, candidate, tier)
    const controller = new AbortController()
    const leave = (): void => controller.abort()
    this.#clientSignal.addEventListener('abort', leave, { once: true })
    exchange.cut = (): void => {
      this.isCut = true
      leave()
    }
    const deadlineMs = this.#plan.deadlineMs === 0 ? Infinity : this.leftMs()
    const { totalMs } = candidate.backend.timeouts
    const limitMs = Math.min(deadlineMs, totalMs === 0 ? Infinity : totalMs)
    let late = false
    const cancelLimit =
      limitMs === Infinity ? undefined : gateway.clock.after(limitMs, () => ((late = true), controller.abort()))

    const outcome = await send(
      gateway,
      this.#call,
      candidate,
      this.#plan,
      controller.signal,
      exchange.seen === undefined ? undefined : record,
    )
    record.durationMs = gateway.clock.monotonicMs() - record.startedMs
    if (isAnswer(outcome)) {
      record.status = outcome.status
      // The total limit goes on over the body, the deadline ends here: it is about the commit point.
      if (totalMs === 0 || deadlineMs < totalMs) cancelLimit?.()
      exchange.debts.owe(() => {
        cancelLimit?.()
        this.#clientSignal.removeEventListener('abort', leave)
      })
      learn(gateway, this.#plan, candidate, exchange, outcome)
      return outcome
    }
    cancelLimit?.()
    this.#clientSignal.removeEventListener('abort', leave)
    // Whatever of the failed exchange is still open must not go on behind the next one.
    controller.abort()
    const failure = late && outcome.reason === 'client_closed' ? outOfTime(limitMs) : outcome
    record.status = failure.status
    record.failure = failure
    learn(gateway, this.#plan, candidate, exchange, failure)
    return failure
  }
}

function startAttempt(gateway: Gateway, exchange: Exchange, candidate: Candidate, tier: Tier): Attempt {
  const record: Attempt = {
    backend: candidate.backend.name,
    model: candidate.model,
    alias: tier.alias,
    level: tier.level,
    url: candidate.backend.url.href,
    startedMs: gateway.clock.monotonicMs(),
    durationMs: 0,
    status: undefined,
    failure: undefined,
    sent: undefined,
    received: undefined,
  }
  exchange.attempts.push(record)
  if (gateway.log.keeps('debug')) {
    gateway.log.write('debug', 'attempt_started', {
      requestId: exchange.id,
      backend: record.backend,
      model: record.model,
      attempt: exchange.attempts.length,
      url: record.url,
    })
  }
  return record
}

function outOfTime(limitMs: number): Failure {
  return {
    kind: 'failure',
    side: 'upstream',
    reason: 'total_timeout',
    tryNext: true,
    retrySame: false,
    cools: true,
    message: `no answer within ${Math.round(limitMs)} ms`,
  }
}

function nobodySpeaks(plan: Plan, call: Call): Refusal {
  if (plan.tiers.length === 0) {
    return refuse(
      'no_backend_available',
      `Cannot answer with model "${plan.alias.slice(0, 64)}": every route of it is switched off`,
    )
  }
  return refuse(
    'unsupported_by_backend',
    `Cannot answer with model "${plan.alias.slice(0, 64)}": none of its backends speaks the ${call.endpoint.dialect} dialect, set "protocol" on one that does`,
  )
}
