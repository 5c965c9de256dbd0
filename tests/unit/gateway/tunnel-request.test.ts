import { expect, test } from 'bun:test'
import { hideKey, offerOf, tunnelPlan } from '#gateway/tunnel-request.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { settledExchange } from '../../support/exchange.ts'
import { planOf } from '../../support/upstream.ts'

test('offerOf() takes the key out of what is offered', () => {
  const headers = new Headers({ 'sec-websocket-protocol': 'realtime, openai-insecure-api-key.sk-1, x' })
  expect(offerOf(headers)).toEqual({ protocols: ['realtime', 'x'], key: 'sk-1' })
  expect(offerOf(new Headers())).toEqual({ protocols: [], key: undefined })
})

test('hideKey() leaves no key for the log', () => {
  const seen = {
    method: 'GET',
    target: '/v1/realtime',
    headers: [
      ['host', 'x'],
      ['sec-websocket-protocol', 'realtime, openai-insecure-api-key.my secret,openai-insecure-api-key.two'],
    ] as const,
    body: undefined,
  }
  const exchange = settledExchange({ seen })
  hideKey(exchange)
  expect(exchange.seen?.headers).toEqual([
    ['host', 'x'],
    ['sec-websocket-protocol', 'realtime, openai-insecure-api-key.****, openai-insecure-api-key.****'],
  ])
})

test('tunnelPlan() keeps the routes that a WebSocket can be opened on', () => {
  const open = candidateOf('open', 'm')
  const shut = candidateOf('shut', 'm', { backend: backendOf('shut', { websocket: false }) })
  const tier = { alias: 'alias', level: 'l1', priority: 1 } as const
  const plan = tunnelPlan({
    ...planOf(),
    tiers: [
      { ...tier, candidates: [shut] },
      { ...tier, priority: 2, candidates: [shut, open] },
    ],
  })
  expect(plan).toMatchObject({ tiers: [{ priority: 2, candidates: [open] }] })
  expect(tunnelPlan({ ...planOf(), tiers: [{ ...tier, candidates: [shut] }] })).toMatchObject({
    kind: 'refusal',
    code: 'unsupported_by_backend',
  })
})
