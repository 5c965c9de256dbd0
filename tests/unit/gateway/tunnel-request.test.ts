import { describe, expect, test } from 'bun:test'
import { anonymous } from '#core/caller.ts'
import type { Endpoint } from '#core/endpoint.ts'
import { Secret } from '#core/secret.ts'
import type { Incoming } from '#gateway/incoming.ts'
import { hideKey, identifyOpener, offerOf, tunnelPlan } from '#gateway/tunnel-request.ts'
import { KeyRing } from '#identity/key-ring.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { snapshotOf } from '../../support/compiled.ts'
import { settledExchange } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { planOf } from '../../support/upstream.ts'

test('offerOf() takes the key out of what is offered', () => {
  const headers = new Headers({ 'sec-websocket-protocol': 'realtime, openai-insecure-api-key.sk-1, x' })
  expect(offerOf(headers)).toEqual({ protocols: ['realtime', 'x'], key: 'sk-1' })
  expect(offerOf(new Headers())).toEqual({ protocols: [], key: undefined })
  expect(offerOf(new Headers({ 'sec-websocket-protocol': 'openai-insecure-api-key.' })).key).toBeUndefined()
  const two = new Headers({ 'sec-websocket-protocol': 'openai-insecure-api-key.a, openai-insecure-api-key.b' })
  expect(['a', 'b', undefined]).not.toContain(offerOf(two).key)
})

describe('identifyOpener()', () => {
  const realtime: Endpoint = { path: '/v1/realtime', dialect: 'openai', reads: 'json', stream: undefined }
  const incoming = (headers: Record<string, string>, query = ''): Incoming =>
    ({
      request: new Request('http://gateway', { headers }),
      endpoint: realtime,
      path: realtime.path,
      query,
    }) as Incoming

  test.each([
    { origin: 'http://localhost:3000', host: 'gateway.test', isLetIn: true },
    { origin: 'http://127.0.0.2', host: 'gateway.test', isLetIn: true },
    { origin: 'http://app.localhost:3000', host: 'gateway.test', isLetIn: true },
    { origin: 'vscode-webview://0abc', host: 'gateway.test', isLetIn: true },
    { origin: 'app://obsidian.md', host: 'gateway.test', isLetIn: true },
    { origin: 'https://chat.example.com', host: 'gateway.test', isLetIn: true },
    { origin: 'http://[::1]:5173', host: 'gateway.test', isLetIn: true },
    { origin: undefined, host: 'gateway.test', isLetIn: true },
    { origin: 'http://evil.test', host: 'gateway.test', isLetIn: false },
    // Its name may lead to this machine.
    { origin: 'http://evil.test:8080', host: 'evil.test:8080', isLetIn: false },
    { origin: 'http://192.168.0.7', host: '192.168.0.7', isLetIn: false },
    { origin: 'http://127.0.0.1.evil.test', host: 'localhost', isLetIn: false },
    { origin: 'http://localhost.evil.test', host: 'localhost', isLetIn: false },
    { origin: 'http://[::2]', host: '[::2]', isLetIn: false },
    { origin: 'null', host: 'localhost', isLetIn: false },
    { origin: '', host: 'localhost', isLetIn: false },
  ])('lets a page of $origin at $host in without a key: $isLetIn', ({ origin, host, isLetIn }) => {
    const headers = { host, ...(origin !== undefined && { origin }) }
    const open = snapshotOf({ cors: { allowed_origins: ['https://chat.example.com'] } })
    const opener = identifyOpener(incoming(headers), undefined, open, { clock: new FakeClock() })
    if (isLetIn) expect(opener).toBe(anonymous)
    else expect(opener).toMatchObject({ kind: 'refusal', code: 'missing_api_key' })
  })

  test.each<{ query: string; key?: string; header?: string; is: string }>([
    { query: 'api-key=sk-1', is: 'the caller' },
    { query: 'key=&x', key: 'sk-1', is: 'the caller' },
    { query: 'key=', header: 'sk-1', is: 'the caller' },
    { query: 'key=sk-1', key: 'sk-1', header: 'sk-1', is: 'the caller' },
    { query: 'key=sk-2', key: 'sk-1', is: 'ambiguous_credentials' },
    { query: 'api-key=sk-2', header: 'sk-1', is: 'ambiguous_credentials' },
    { query: 'key=sk-1&api-key=sk-2', is: 'invalid_api_key' },
    { query: 'key=', is: 'missing_api_key' },
  ])('takes "$query", beside whatever else is offered, for $is', async ({ query, key, header, is }) => {
    const keys = new KeyRing([{ key: new Secret('sk-1'), caller: { id: 'the caller' } }])
    const origin = { origin: 'https://app.test' }
    const asked = incoming({ ...origin, ...(header && { 'api-key': header }) }, query)
    const opener = await identifyOpener(asked, key, { keys, cors: undefined }, { clock: new FakeClock() })
    expect('code' in opener ? opener.code : opener.id).toBe(is)
  })
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
