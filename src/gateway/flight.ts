import { isAnswer, type Answer } from '#core/answer.ts'
import type { Attempt, Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import { Stop } from '#kit/stop.ts'
import type { Trip } from '#upstream/send.ts'
import type { Gateway } from './gateway.ts'
import { learn } from './verdict.ts'
import type { Turn } from './walk.ts'

/** What one attempt needs around it: its record, its time limit, the means to end it, and the lesson at its end. */
export class Flight implements Trip {
  readonly stop = new Stop()
  readonly record: Attempt
  readonly isSeen: boolean
  readonly #gateway: Gateway
  readonly #plan: Plan
  readonly #exchange: Exchange
  readonly #turn: Turn
  readonly #limitMs: number
  #isLate = false
  #cancelLimit: (() => void) | undefined

  /** `leftMs`: until the deadline of the whole request; Infinity when it has none. */
  constructor(gateway: Gateway, plan: Plan, exchange: Exchange, turn: Turn, leftMs: number) {
    this.#gateway = gateway
    this.#plan = plan
    this.#exchange = exchange
    this.#turn = turn
    this.record = startRecord(gateway, exchange, turn)
    this.isSeen = exchange.seen !== undefined
    const { totalMs } = turn.candidate.backend.timeouts
    this.#limitMs = totalMs === 0 ? leftMs : Math.min(leftMs, totalMs)
    if (this.#limitMs !== Infinity) this.#endAfter(this.#limitMs)
  }

  /** Takes what `send` brought, closes the record and remembers what it says about the route. */
  land(outcome: Answer | Failure): Answer | Failure {
    const { log } = this.#gateway
    if (this.record.isRepeated === true && log.keeps('debug')) {
      const { backend, model } = this.record
      log.write('debug', 'attempt_repeated', { requestId: this.#exchange.id, backend, model })
    }
    const landed = isAnswer(outcome) ? this.#arrive(outcome) : this.#crash(outcome)
    learn(this.#gateway, this.#plan, this.#turn.candidate, this.#exchange, landed)
    return landed
  }

  #arrive(answer: Answer): Answer {
    this.#close(answer.status)
    // A deadline is about the commit point, which is here; the limit for the whole attempt goes on over the body.
    this.#cancelLimit?.()
    const { totalMs } = this.#turn.candidate.backend.timeouts
    if (totalMs > 0 && answer.rest !== undefined) {
      const leftMs = Math.max(0, totalMs - this.record.durationMs)
      this.#exchange.debts.owe({ pay: this.#gateway.clock.after(leftMs, () => this.stop.ask()) })
    }
    return answer
  }

  #crash(failure: Failure): Failure {
    this.#cancelLimit?.()
    // Whatever of the failed exchange is still open must not go on behind the next one.
    this.stop.ask()
    const why = this.#isLate && failure.reason === 'client_closed' ? this.#outOfTime() : failure
    this.#close(why.status)
    this.record.failure = why
    return why
  }

  #endAfter(ms: number): void {
    this.#cancelLimit = this.#gateway.clock.after(ms, () => {
      this.#isLate = true
      this.stop.ask()
    })
  }

  /** Only a route's own limit is held against it: a deadline may have been used up by those before it. */
  #outOfTime(): Failure {
    return {
      kind: 'failure',
      side: 'upstream',
      reason: 'total_timeout',
      tryNext: true,
      retrySame: false,
      cools: this.#limitMs === this.#turn.candidate.backend.timeouts.totalMs,
      message: `no answer within ${Math.round(this.#limitMs)} ms`,
    }
  }

  #close(status: number | undefined): void {
    this.record.durationMs = this.#gateway.clock.monotonicMs() - this.record.startedMs
    this.record.status = status
  }
}

function startRecord({ clock, log }: Gateway, exchange: Exchange, { candidate, tier }: Turn): Attempt {
  const record: Attempt = {
    backend: candidate.backend.name,
    model: candidate.model,
    alias: tier.alias,
    level: tier.level,
    url: candidate.backend.url.href,
    startedMs: clock.monotonicMs(),
    durationMs: 0,
    status: undefined,
    failure: undefined,
    sent: undefined,
    received: undefined,
  }
  exchange.attempts.push(record)
  if (log.keeps('debug')) {
    const { backend, model, url } = record
    log.write('debug', 'attempt_started', {
      requestId: exchange.id,
      backend,
      model,
      attempt: exchange.attempts.length,
      url,
    })
  }
  return record
}
