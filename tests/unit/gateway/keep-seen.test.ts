import { expect, test } from 'bun:test'
import type { BodySource } from '#core/answer.ts'
import { keepAnswered, keepReceived } from '#gateway/keep-seen.ts'
import { attemptOf, bytesOf, settledExchange } from '../../support/exchange.ts'

const seen = { method: 'POST', target: '/x', headers: [], body: undefined }

function sourceOf(...chunks: string[]): BodySource {
  const left = chunks.map(bytesOf)
  return {
    async read() {
      const value = await Promise.resolve(left.shift())
      return value === undefined ? { done: true } : { done: false, value }
    },
    cancel: async () => await Promise.resolve(),
    explain: (error) => error,
  }
}

test('B116: keepReceived() adds what comes later to what was held, and hands every chunk on', async () => {
  const attempt = attemptOf({ received: { headers: [['a', 'b']], body: bytesOf('he') } })
  const exchange = settledExchange({ seen, attempts: [attempt] })
  const source = keepReceived(exchange, sourceOf('l', 'lo'))
  const passed: string[] = []
  for (let step = await source.read(); !step.done; step = await source.read())
    passed.push(Buffer.from(step.value).toString())
  exchange.debts.settle()
  expect(passed).toEqual(['l', 'lo'])
  expect(Buffer.from(attempt.received?.body ?? []).toString()).toBe('hello')
  expect(attempt.received?.headers).toEqual([['a', 'b']])
})

test('keepReceived() and keepAnswered() do nothing while no log wants to see the request', () => {
  const exchange = settledExchange()
  const source = sourceOf('x')
  expect(keepReceived(exchange, source)).toBe(source)
  keepAnswered(exchange, new Headers({ a: 'b' }))
  expect(exchange.answered).toBeUndefined()
})

test('B116: keepAnswered() notes what the client gets', () => {
  const exchange = settledExchange({ seen })
  keepAnswered(exchange, new Headers({ a: 'b' }), bytesOf('{}'))
  expect(exchange.answered).toEqual({ headers: [['a', 'b']], body: bytesOf('{}') })
})
