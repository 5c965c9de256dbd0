import type { BodySource } from '#core/answer.ts'
import { seenBytesMax, type Exchange } from '#core/exchange.ts'
import { FirstBytes } from '#kit/first-bytes.ts'

/** Notes what the client gets, while the log wants to see it. Without `body` it gets the last attempt's bytes. */
export function keepAnswered(exchange: Exchange, headers: Headers, body?: Uint8Array): void {
  if (exchange.seen === undefined) return
  exchange.answered = { headers: [...headers], body }
}

/** The same source; while the log wants to see it, the beginning of what the last attempt received is kept. */
export function keepReceived(exchange: Exchange, rest: BodySource): BodySource {
  const attempt = exchange.attempts.at(-1)
  if (exchange.seen === undefined || attempt?.received === undefined) return rest
  const { headers, body } = attempt.received
  const first = new FirstBytes(seenBytesMax)
  if (body !== undefined) first.add(body)
  // Debts are paid just before the exchange is told.
  exchange.debts.owe(() => {
    attempt.received = { headers, body: first.bytes() }
  })
  return {
    async read() {
      const step = await rest.read()
      if (!step.done) first.add(step.value)
      return step
    },
    cancel: async () => await rest.cancel(),
    explain: (error) => rest.explain(error),
  }
}
