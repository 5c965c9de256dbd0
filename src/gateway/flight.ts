import { isAnswer, type Answer } from '#core/answer.ts'
import type { Attempt, Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import type { Form } from '#core/talk.ts'
import { Stop } from '#kit/stop.ts'
import { Deadline, type DeadlineOwner } from '#ports/timer-wheel.ts'
import type { Ride } from '#route/figures.ts'
import { textOf } from '#upstream/decode.ts'
import type { Trip } from '#upstream/send.ts'
import type { Translation } from '#translate/asked.ts'
import type { CredentialUse } from './credential-use.ts'
import type { Gateway } from './gateway.ts'
import { learn } from './verdict.ts'
import type { Turn } from './walk.ts'

/** What one attempt may take, in milliseconds, and how it is put. */
export interface FlightLimits {
  /** Until the deadline of the whole request; Infinity when it has none. */
  readonly leftMs: number
  /** Until the first content of a stream; 0 = no limit. */
  readonly firstContentMs: number
  /** How the call is put to a backend that does not know its form. */
  readonly translation?: Translation | undefined
}

/** What one attempt needs around it: its record, its time limits, the means to end it, and the lesson at its end. */
export class Flight implements Trip, DeadlineOwner {
  readonly stop = new Stop()
  readonly record: Attempt
  readonly isSeen: boolean
  readonly credential: CredentialUse | undefined
  readonly translation: Translation | undefined
  readonly #gateway: Gateway
  readonly #plan: Plan
  readonly #exchange: Exchange
  readonly #turn: Turn
  readonly #limitMs: number
  /** Undefined where the first content has no limit of its own. */
  #firstContent: Deadline | undefined
  /** Undefined where nobody goes by load and speed. */
  readonly #ride: Ride | undefined
  #hasContent = false
  /** The limit that ended it. */
  #passed: 'whole' | 'first_content' | undefined
  #cancelLimit: (() => void) | undefined

  constructor(
    gateway: Gateway,
    plan: Plan,
    exchange: Exchange,
    turn: Turn,
    { leftMs, firstContentMs, translation }: FlightLimits,
  ) {
    this.#gateway = gateway
    this.#plan = plan
    this.#exchange = exchange
    this.#turn = turn
    this.record = startRecord(gateway, exchange, turn)
    this.isSeen = exchange.seen !== undefined
    this.credential = turn.credential
    this.translation = translation
    if (translation !== undefined)
      noteTranslation(gateway, exchange, this.record, translation, turn.candidate.translation?.form ?? '')
    const { totalMs } = turn.candidate.backend.timeouts
    this.#limitMs = totalMs === 0 ? leftMs : Math.min(leftMs, totalMs)
    if (this.#limitMs !== Infinity) this.#endAfter(this.#limitMs)
    if (firstContentMs > 0) gateway.wheel.arm((this.#firstContent = new Deadline(this)), firstContentMs)
    if (plan.balance?.isMeasured !== true) return
    this.#ride = gateway.figures.begin(turn.candidate.stateKey, exchange.stream, turn.tier.candidates)
    exchange.ride = this.#ride
    exchange.debts.owe(this.#ride)
  }

  contentCame(): void {
    this.#hasContent = true
    if (this.#firstContent !== undefined) this.#gateway.wheel.disarm(this.#firstContent)
  }

  /** The first content did not come in time. */
  onDue(): void {
    // This process may have been the one that stood still: what has come meanwhile is read before the limit counts.
    this.#gateway.clock.soon(() => {
      if (this.#hasContent) return
      this.#passed = 'first_content'
      this.stop.ask()
    })
  }

  /** Takes what `send` brought, closes the record and remembers what it says about the route. */
  land(outcome: Answer | Failure): Answer | Failure {
    const { log } = this.#gateway
    if (this.record.isRepeated === true && log.keeps('debug')) {
      const { backend, model } = this.record
      log.write('debug', 'attempt_repeated', { requestId: this.#exchange.id, backend, model })
    }
    this.contentCame()
    const landed = isAnswer(outcome) ? this.#arrive(outcome) : this.#crash(outcome)
    if (this.translation?.local !== undefined) {
      // Nobody was asked, so nothing is known of the route.
      this.#gateway.breakers.release(this.#turn.candidate.stateKey, this.#exchange.id)
      this.#ride?.pay()
      return landed
    }
    learn(this.#gateway, this.#plan, this.#turn, this.#exchange, landed)
    // What its credential failed by says nothing about the route.
    if (!isAnswer(landed) && this.credential?.isToBlame === true) this.#ride?.pay()
    else this.#ride?.land(landed, this.record.durationMs, this.record.startedMs + this.record.durationMs)
    return landed
  }

  #arrive(answer: Answer): Answer {
    this.#close(answer.status)
    const { affinity, credential } = this.#turn
    if (affinity !== undefined) {
      const nowMs = this.record.startedMs + this.record.durationMs
      const repinned = affinity.keep(answer, credential?.credential.name, nowMs, textOf)
      this.#exchange.repinned ??= repinned
    }
    // A deadline is about the commit point, which is here; the limit for the whole attempt goes on over the body.
    this.#cancelLimit?.()
    const { totalMs } = this.#turn.candidate.backend.timeouts
    if (totalMs > 0 && answer.rest !== undefined) this.#endBodyAfter(Math.max(0, totalMs - this.record.durationMs))
    return answer
  }

  #endBodyAfter(ms: number): void {
    this.#exchange.debts.owe({ pay: this.#gateway.clock.after(ms, () => this.stop.ask()) })
  }

  #crash(failure: Failure): Failure {
    this.#cancelLimit?.()
    // Whatever of the failed exchange is still open must not go on behind the next one.
    this.stop.ask()
    const why =
      this.#passed !== undefined && failure.reason === 'client_closed' ? this.#outOfTime(this.#passed) : failure
    this.#close(why.status)
    this.record.failure = why
    return why
  }

  #endAfter(ms: number): void {
    this.#cancelLimit = this.#gateway.clock.after(ms, () => {
      this.#passed ??= 'whole'
      this.stop.ask()
    })
  }

  #outOfTime(passed: 'whole' | 'first_content'): Failure {
    const isFirst = passed === 'first_content'
    return {
      kind: 'failure',
      side: 'upstream',
      reason: isFirst ? 'first_content_timeout' : 'total_timeout',
      tryNext: true,
      retrySame: false,
      // Only a route's own limit is held against it: a deadline may have been used up by those before it.
      cools: isFirst || this.#limitMs === this.#turn.candidate.backend.timeouts.totalMs,
      message: isFirst
        ? 'no content within streaming.time_to_first_token'
        : `no answer within ${Math.round(this.#limitMs)} ms`,
    }
  }

  #close(status: number | undefined): void {
    this.record.durationMs = this.#gateway.clock.monotonicMs() - this.record.startedMs
    this.record.status = status
  }
}

function noteTranslation(
  { log }: Gateway,
  { id: requestId }: Exchange,
  record: Attempt,
  { warnings, usage, parts }: Translation,
  form: Form,
): void {
  record.translation = {
    form,
    // Some losses are found only while the answer comes.
    get warnings() {
      return warnings.codes
    },
    usage,
    parts: parts?.count,
  }
  if (!log.keeps('debug')) return
  const { backend, model } = record
  // Of several requests each may have lost the same.
  const told = new Set(warnings.fields.map(([code, field]) => (field === '' ? code : `${code} (${field})`)))
  log.write('debug', 'request_translated', {
    requestId,
    backend,
    model,
    form,
    parts: parts?.count,
    warnings: [...told].join(', '),
  })
}

function startRecord({ clock, log }: Gateway, exchange: Exchange, { candidate, tier, credential }: Turn): Attempt {
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
  if (credential !== undefined) {
    const { index, number } = credential.turn
    const { name } = credential.credential
    record.credential = { name, number, index }
    const { backend } = record
    log.write('debug', 'credential_used', { requestId: exchange.id, backend, credential: name, number, index })
  }
  return record
}
