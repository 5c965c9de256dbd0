import { expect, test } from 'bun:test'
import { keepAnswered, keepReceived } from '#gateway/keep-seen.ts'
import { attemptOf, bytesOf, settledExchange } from '../../support/exchange.ts'

const seen = { method: 'POST', target: '/x', headers: [], body: undefined }

test('B116: keepReceived() adds what comes later to what was held', () => {
  const attempt = attemptOf({ received: { headers: [['a', 'b']], body: bytesOf('he') } })
  const exchange = settledExchange({ seen, attempts: [attempt] })
  const kept = keepReceived(exchange)
  for (const piece of ['l', 'lo']) kept?.add(bytesOf(piece))
  exchange.debts.settle()
  expect(Buffer.from(attempt.received?.body ?? []).toString()).toBe('hello')
  expect(attempt.received?.headers).toEqual([['a', 'b']])
})

test('keepReceived() and keepAnswered() do nothing while no log wants to see the request', () => {
  const exchange = settledExchange()
  expect(keepReceived(exchange)).toBeUndefined()
  keepAnswered(exchange, [['a', 'b']])
  expect(exchange.answered).toBeUndefined()
})

test('B116: keepAnswered() notes what the client gets', () => {
  const exchange = settledExchange({ seen })
  keepAnswered(exchange, [['a', 'b']], bytesOf('{}'))
  expect(exchange.answered).toEqual({ headers: [['a', 'b']], body: bytesOf('{}') })
})
