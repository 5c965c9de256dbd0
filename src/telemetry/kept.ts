import { seenBytesMax, type Exchange, type SeenMessage } from '#core/exchange.ts'

/** An exchange that may wait in the background: bodies shortened to what will be shown, so that big ones can be freed. */
export interface KeptExchange {
  readonly exchange: Exchange
  /** Bytes that it holds in memory, about. */
  readonly weight: number
}

/** A settled exchange as request files and dumps need it. */
export function keptExchange(settled: Exchange): KeptExchange {
  const exchange: Exchange = {
    ...settled,
    seen: settled.seen === undefined ? undefined : shortened(settled.seen),
    answered: settled.answered === undefined ? undefined : shortened(settled.answered),
    attempts: settled.attempts.map((attempt) => ({
      ...attempt,
      sent: attempt.sent === undefined ? undefined : shortened(attempt.sent),
      received: attempt.received === undefined ? undefined : shortened(attempt.received),
    })),
  }
  const bodies = exchange.attempts.flatMap(({ sent, received, failure }) => [
    sent?.body,
    received?.body,
    failure?.held?.body,
  ])
  const bytes = [exchange.seen?.body, exchange.answered?.body, ...bodies].map((body) => body?.byteLength ?? 0)
  return { exchange, weight: bytes.reduce((sum, count) => sum + count, headBytes) }
}

/** Headers and facts, estimated. */
const headBytes = 4096

function shortened<T extends SeenMessage>(message: T): T {
  if (message.body === undefined || message.body.byteLength <= seenBytesMax) return message
  // A copy, as a part of the old buffer would keep all of it.
  return { ...message, body: message.body.slice(0, seenBytesMax) }
}
