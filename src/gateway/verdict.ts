import { isAnswer, type Answer } from '#core/answer.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { OutlierPolicy, Plan } from '#core/plan.ts'
import { mayEject, routesBeside } from '#route/ejection.ts'
import type { Breakers } from '#upstream/breaker.ts'
import type { Break } from './break.ts'
import type { CredentialRested, CredentialUse } from './credential-use.ts'
import type { Errand } from './errand.ts'
import type { Gateway } from './gateway.ts'
import type { Turn } from './walk.ts'

/** What an attempt teaches about its route, remembered and told. A body that still comes has its say at its end. */
export function learn(
  gateway: Gateway,
  plan: Plan,
  { candidate, credential }: Pick<Turn, 'candidate' | 'credential'>,
  exchange: Exchange,
  outcome: Answer | Failure,
): void {
  if (isAnswer(outcome)) {
    const rested = outcome.status < 400 ? credential?.succeeded(gateway.clock.monotonicMs()) : undefined
    if (rested !== undefined) tellRested(gateway, exchange, candidate.backend.name, rested)
    if (outcome.rest === undefined) succeed(gateway, plan, candidate)
    return
  }
  if (outcome.side === 'client') {
    gateway.breakers.release(candidate.stateKey, exchange.id)
    return
  }
  gateway.log.write('warn', 'attempt_failed', {
    requestId: exchange.id,
    backend: candidate.backend.name,
    model: candidate.model,
    reason: outcome.message,
    status: outcome.status,
    durationMs: Math.round(exchange.attempts.at(-1)?.durationMs ?? 0),
  })
  const isCredentials = credential !== undefined && isCredentialsFault(gateway, plan, credential, exchange, outcome)
  if (outcome.cools && !isCredentials) fail(gateway, plan, candidate, exchange, outcome.message, outcome.retryAfterMs)
  else gateway.breakers.release(candidate.stateKey, exchange.id)
}

/** A credential that is refused rests by itself; its route does not, since another one may be let in. */
function isCredentialsFault(
  gateway: Gateway,
  plan: Plan,
  use: CredentialUse,
  exchange: Exchange,
  failure: Failure,
): boolean {
  const forMs = use.failed(failure, plan.cooldown, gateway.clock.monotonicMs())
  if (forMs === undefined) return false
  if (forMs > 0) {
    const { status, message: reason } = failure
    tellRested(gateway, exchange, exchange.attempts.at(-1)?.backend, {
      name: use.credential.name,
      status,
      forMs,
      reason,
    })
  }
  return true
}

function tellRested(
  { log }: Gateway,
  exchange: Exchange,
  backend: string | undefined,
  { name, status, forMs, reason }: CredentialRested,
): void {
  const rest = { credential: name, status, forMs: Math.round(forMs), reason }
  log.write('warn', 'credential_rested', { requestId: exchange.id, backend, ...rest })
}

/** How a body ended, from its route's point of view; `neither`: by someone else's doing. */
export type Ending = 'good' | 'bad' | 'neither'

/** What the end of a body teaches: an answer that breaks off is no success, however well it began. */
export function learnEnd(
  gateway: Gateway,
  plan: Plan,
  candidate: Candidate,
  exchange: Exchange,
  ending: Ending,
  reason = '',
): void {
  exchange.ride?.pay()
  if (ending === 'good') succeed(gateway, plan, candidate)
  else if (ending === 'bad') fail(gateway, plan, candidate, exchange, reason)
  else gateway.breakers.release(candidate.stateKey, exchange.id)
}

function succeed({ breakers, clock, log }: Gateway, plan: Plan, { stateKey, backend, model }: Candidate): void {
  if (breakers.succeeded(stateKey, plan.breaker, clock) === 'closed') {
    log.write('info', 'circuit_closed', { backend: backend.name, model })
  }
  if (plan.outlier === undefined) return
  if (breakers.outliers.succeeded(stateKey, clock.monotonicMs(), plan.outlier) === 'readmitted') {
    log.write('info', 'route_readmitted', { backend: backend.name, model })
  }
}

function fail(
  { breakers, clock, log }: Gateway,
  plan: Plan,
  candidate: Candidate,
  exchange: Exchange,
  reason: string,
  retryAfterMs?: number,
): void {
  const { stateKey, backend, model } = candidate
  const nowMs = clock.monotonicMs()
  const { cooledMs, openedMs } = breakers.failed(stateKey, nowMs, plan.cooldown, plan.breaker, retryAfterMs)
  const route = { requestId: exchange.id, backend: backend.name, model }
  if (cooledMs > 0) log.write('warn', 'route_cooled', { ...route, forMs: Math.round(cooledMs), reason })
  if (openedMs > 0) log.write('warn', 'circuit_opened', { ...route, forMs: Math.round(openedMs) })
  if (plan.outlier === undefined) return
  const ejectedMs = ejectOutlier(breakers, plan, plan.outlier, candidate, nowMs)
  if (ejectedMs > 0) log.write('warn', 'route_ejected', { ...route, forMs: ejectedMs })
}

/** Gives the milliseconds for which it is left out; 0: it is not. */
function ejectOutlier(
  breakers: Breakers,
  plan: Plan,
  policy: OutlierPolicy,
  candidate: Candidate,
  nowMs: number,
): number {
  const { stateKey } = candidate
  const { outliers } = breakers
  const siblings = new Set(routesBeside(candidate, plan))
  siblings.delete(stateKey)
  if (!outliers.failed(stateKey, siblings, nowMs, policy) || !mayEject(candidate, plan, breakers, nowMs)) return 0
  return outliers.eject(stateKey, nowMs, policy)
}

/** What broke after its answer had begun, and what another route shall go on with, is a failed attempt after all. */
export function noteBreak({ gateway, exchange }: Pick<Errand, 'gateway' | 'exchange'>, { code, message }: Break): void {
  const attempt = exchange.attempts.at(-1)
  if (attempt === undefined) return
  const reason = code === 'upstream_timeout' ? 'idle_timeout' : code === 'stream_incomplete' ? 'incomplete' : 'reset'
  attempt.failure = {
    kind: 'failure',
    side: 'upstream',
    reason,
    tryNext: true,
    retrySame: false,
    cools: true,
    message: message.replace(/^Cannot complete the answer: /, ''),
  }
  attempt.durationMs = gateway.clock.monotonicMs() - attempt.startedMs
  gateway.log.write('warn', 'attempt_failed', {
    requestId: exchange.id,
    backend: attempt.backend,
    model: attempt.model,
    reason: attempt.failure.message,
    status: attempt.status,
    durationMs: Math.round(attempt.durationMs),
  })
}

/** Tells that the request goes on to another route. */
export function tellSwitch(gateway: Gateway, exchange: Exchange, { candidate, tier }: Turn): void {
  const last = exchange.attempts.at(-1)
  if (last === undefined || (last.backend === candidate.backend.name && last.model === candidate.model)) return
  gateway.log.write('info', 'backend_switched', {
    requestId: exchange.id,
    from: `${last.backend}/${last.model}`,
    to: candidate.id,
    level: tier.level,
  })
}
