import { isAnswer, type Answer } from '#core/answer.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan, Tier } from '#core/plan.ts'
import type { Gateway } from './gateway.ts'

/** What an attempt teaches about its route, remembered and told. */
export function learn(
  gateway: Gateway,
  plan: Plan,
  candidate: Candidate,
  exchange: Exchange,
  outcome: Answer | Failure,
): void {
  const { breakers, clock, log } = gateway
  const nowMs = clock.monotonicMs()
  if (isAnswer(outcome)) {
    const change = breakers.succeeded(candidate.stateKey, plan.breaker)
    if (change === 'closed') {
      log.write('info', 'circuit_closed', { backend: candidate.backend.name, model: candidate.model })
    }
    return
  }
  if (outcome.side === 'client') {
    breakers.release(candidate.stateKey)
    return
  }
  log.write('warn', 'attempt_failed', {
    requestId: exchange.id,
    backend: candidate.backend.name,
    model: candidate.model,
    reason: outcome.message,
    status: outcome.status,
    durationMs: Math.round(nowMs - (exchange.attempts.at(-1)?.startedMs ?? nowMs)),
  })
  if (!outcome.cools) {
    breakers.release(candidate.stateKey)
    return
  }
  const change = breakers.failed(candidate.stateKey, nowMs, plan.cooldown, plan.breaker, outcome.retryAfterMs)
  if (change.cooledMs > 0) {
    log.write('warn', 'route_cooled', {
      requestId: exchange.id,
      backend: candidate.backend.name,
      model: candidate.model,
      forMs: Math.round(change.cooledMs),
      reason: outcome.message,
    })
  }
  if (change.openedMs > 0) {
    log.write('warn', 'circuit_opened', {
      backend: candidate.backend.name,
      model: candidate.model,
      forMs: Math.round(change.openedMs),
    })
  }
}

/** Tells that the request goes on to another route. */
export function tellSwitch(gateway: Gateway, exchange: Exchange, candidate: Candidate, tier: Tier): void {
  const last = exchange.attempts.at(-1)
  if (last === undefined || (last.backend === candidate.backend.name && last.model === candidate.model)) return
  gateway.log.write('info', 'backend_switched', {
    requestId: exchange.id,
    from: `${last.backend}/${last.model}`,
    to: candidate.id,
    level: tier.level,
  })
}
