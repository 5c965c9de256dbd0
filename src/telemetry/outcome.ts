import type { Exchange, Outcome } from '#core/exchange.ts'
import type { RequestState } from './messages.ts'

/** How a settled exchange ended, in one word. */
export function stateOf({ outcome, status }: Exchange): RequestState {
  if (outcome === 'complete') return status < 400 ? 'success' : 'failed'
  return outcome === undefined ? 'failed' : states[outcome]
}

const states: Readonly<Record<Exclude<Outcome, 'complete'>, RequestState>> = {
  client_closed: 'client_closed',
  upstream_broke: 'broken',
  stalled: 'broken',
  shut_down: 'broken',
  failed: 'failed',
  refused: 'failed',
}

/** Why it failed, for people; undefined when nothing is known. */
export function reasonOf(exchange: Exchange): string | undefined {
  const failure = exchange.attempts.at(-1)?.failure
  return exchange.refusal?.message ?? exchange.brokenBy ?? failure?.message
}

/** Whole milliseconds from the request's arrival to its end. */
export function durationMsOf(exchange: Exchange): number {
  return Math.round((exchange.endedMs ?? exchange.startedMs) - exchange.startedMs)
}
