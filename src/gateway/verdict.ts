import { isAnswer, type Answer } from '#core/answer.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import type { Gateway } from './gateway.ts'
import type { Turn } from './walk.ts'

/** What an attempt teaches about its route, remembered and told. A body that still comes has its say at its end. */
export function learn(
  gateway: Gateway,
  plan: Plan,
  candidate: Candidate,
  exchange: Exchange,
  outcome: Answer | Failure,
): void {
  if (isAnswer(outcome)) {
    if (outcome.rest === undefined) succeed(gateway, plan, candidate)
    return
  }
  if (outcome.side === 'client') {
    gateway.breakers.release(candidate.stateKey)
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
  if (outcome.cools) fail(gateway, plan, candidate, exchange, outcome.message, outcome.retryAfterMs)
  else gateway.breakers.release(candidate.stateKey)
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
  if (ending === 'good') succeed(gateway, plan, candidate)
  else if (ending === 'bad') fail(gateway, plan, candidate, exchange, reason)
  else gateway.breakers.release(candidate.stateKey)
}

function succeed({ breakers, log }: Gateway, plan: Plan, { stateKey, backend, model }: Candidate): void {
  if (breakers.succeeded(stateKey, plan.breaker) === 'closed') {
    log.write('info', 'circuit_closed', { backend: backend.name, model })
  }
}

function fail(
  { breakers, clock, log }: Gateway,
  plan: Plan,
  { stateKey, backend, model }: Candidate,
  exchange: Exchange,
  reason: string,
  retryAfterMs?: number,
): void {
  const { cooledMs, openedMs } = breakers.failed(
    stateKey,
    clock.monotonicMs(),
    plan.cooldown,
    plan.breaker,
    retryAfterMs,
  )
  const route = { requestId: exchange.id, backend: backend.name, model }
  if (cooledMs > 0) log.write('warn', 'route_cooled', { ...route, forMs: Math.round(cooledMs), reason })
  if (openedMs > 0) log.write('warn', 'circuit_opened', { ...route, forMs: Math.round(openedMs) })
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
