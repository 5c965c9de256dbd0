import { seenBytesMax, type Exchange } from '#core/exchange.ts'
import { FirstBytes } from '#kit/first-bytes.ts'
import type { HeaderPair } from '#kit/header-list.ts'

/** Notes what the client gets, for those who want to see it. Without `body` it gets the last attempt's bytes. */
export function keepAnswered(exchange: Exchange, headers: readonly HeaderPair[], body?: Uint8Array): void {
  exchange.copy?.head(headers, body)
  if (exchange.seen === undefined) return
  exchange.answered = { headers, body }
}

/**
 * While the log wants to see it: where the rest of the last attempt's body is to be added as it goes by. The beginning
 * of all of it is noted when the exchange ends.
 */
export function keepReceived(exchange: Exchange): FirstBytes | undefined {
  const attempt = exchange.attempts.at(-1)
  if (exchange.seen === undefined || attempt?.received === undefined) return undefined
  const { headers, body } = attempt.received
  const first = new FirstBytes(seenBytesMax)
  if (body !== undefined) first.add(body)
  // Debts are paid just before the exchange is told.
  exchange.debts.owe({
    pay: () => {
      attempt.received = { headers, body: first.bytes() }
    },
  })
  return first
}
