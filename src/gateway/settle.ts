import type { Exchange, Outcome } from '#core/exchange.ts'
import type { Gateway } from './gateway.ts'

/** The one exit: whatever happened, debts are paid and the exchange is told, once. */
export function settle(gateway: Gateway, exchange: Exchange, outcome: Outcome): void {
  if (exchange.endedMs !== undefined) return
  exchange.outcome = outcome
  exchange.endedMs = gateway.clock.monotonicMs()
  exchange.cut = undefined
  exchange.debts.settle()
  gateway.live.delete(exchange)
  for (const sink of gateway.sinks) sink.settled(exchange)
}
