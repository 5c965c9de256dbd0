import { describe, expect, test } from 'bun:test'
import { settled } from '../support/fake-clock.ts'
import { broken, chatAnswer, eventStream, openRoad } from '../support/road.ts'

const two = `
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
models:
  m: { routes: [{ backend: a, model: ma, priority: 1 }, { backend: b, model: mb, priority: 2 }] }
  other: { routes: [{ backend: a, model: another, priority: 1 }] }
`

const failing = (): Response => Response.json({ error: { message: 'no' } }, { status: 503 })

describe('rest after a failure', () => {
  test('B20, B21, B22: a pair rests for cooldown_seconds to the millisecond, and its siblings do not', async () => {
    const road = await openRoad(`${two}fallback: { cooldown_seconds: 300 }`, (request) =>
      request.url.hostname === 'a' && road.tried().at(-1) !== 'a/another' ? failing() : chatAnswer(),
    )
    await road.chat('m')
    expect(road.tried()).toEqual(['a/ma', 'b/mb'])
    await road.clock.advance(299_999)
    await road.chat('m')
    await road.chat('other')
    expect(road.tried().slice(2)).toEqual(['b/mb', 'a/another'])
    await road.clock.advance(1)
    await road.chat('m')
    expect(road.tried().slice(4)).toEqual(['a/ma', 'b/mb'])
  })

  test.each([
    { name: 'seconds', headers: { 'retry-after': '7' }, restsMs: 7000 },
    { name: 'milliseconds', headers: { 'retry-after-ms': '1500', 'retry-after': '7' }, restsMs: 1500 },
    { name: 'a date', headers: { 'retry-after': 'Tue, 13 Jan 2026 09:41:20 GMT' }, restsMs: 20_000 },
    { name: 'more than retry_after_max', headers: { 'retry-after': '9999' }, restsMs: 60_000 },
    { name: 'nonsense', headers: { 'retry-after': 'soon' }, restsMs: 40_000 },
  ])('B25: a backend that asks for $name is given that', async ({ headers, restsMs }) => {
    const settings = 'fallback: { cooldown_seconds: 40, retry_after_max: 60s }'
    const road = await openRoad(`${two}${settings}`, () => new Response('{}', { status: 429, headers: { ...headers } }))
    await road.chat('other')
    await road.clock.advance(restsMs - 1)
    expect((await road.chat('other')).status).toBe(503)
    expect(road.sent.length).toBe(1)
    await road.clock.advance(1)
    await road.chat('other')
    expect(road.sent.length).toBe(2)
  })
})

describe('B108: attempts again at one backend', () => {
  test('come after growing pauses, and the next backend at once', async () => {
    const at: number[] = []
    const road = await openRoad(
      `${two}retry: { max_retries: 3, base_delay: 200ms, max_delay: 500ms, jitter: none }\nfallback: { max_retries: 0 }`,
      (request) => {
        at.push(road.clock.monotonicMs())
        return request.url.hostname === 'a' ? failing() : chatAnswer()
      },
    )
    const response = road.chat('m')
    await settled()
    await road.clock.advance(2000)
    expect((await response).status).toBe(200)
    expect(road.tried()).toEqual(['a/ma', 'a/ma', 'a/ma', 'a/ma', 'b/mb'])
    expect(at).toEqual([0, 200, 600, 1100, 1100])
  })

  test('full jitter keeps every pause below its bound', async () => {
    const pauses: number[] = []
    for (let seed = 1; seed <= 20; seed += 1) {
      let firstMs: number | undefined
      const road = await openRoad(
        `${two}retry: { max_retries: 1, base_delay: 1s }`,
        (request) => {
          if (firstMs !== undefined && request.url.hostname === 'a') pauses.push(road.clock.monotonicMs() - firstMs)
          firstMs ??= road.clock.monotonicMs()
          return request.url.hostname === 'a' ? failing() : chatAnswer()
        },
        seed,
      )
      const response = road.chat('m')
      await settled()
      await road.clock.advance(1000)
      await response
    }
    expect(pauses.length).toBe(20)
    for (const pause of pauses) expect(pause).toBeWithin(0, 1001)
    expect(new Set(pauses).size).toBeGreaterThan(15)
  })

  test('are off by default, and never made for what would fail again', async () => {
    const road = await openRoad(two, failing)
    await road.chat('other')
    expect(road.sent.length).toBe(1)
    const wrong = await openRoad(`${two}retry: { max_retries: 3 }`, () => new Response('{}', { status: 400 }))
    await wrong.chat('other')
    expect(wrong.sent.length).toBe(1)
  })
})

test('B109: five failures open the circuit, after a minute a probe goes through, two successes close it', async () => {
  let isUp = false
  const road = await openRoad(
    `${two}fallback: { cooldown_seconds: 0 }\ncircuit_breaker: { failure_threshold: 5, open_timeout: 60s, success_threshold: 2 }`,
    (request) => (isUp || request.url.hostname === 'b' ? chatAnswer() : failing()),
  )
  const asked = async (): Promise<string[]> => {
    const before = road.sent.length
    await (await road.chat('m')).text()
    return road.tried().slice(before)
  }
  for (let turn = 0; turn < 5; turn += 1) expect(await asked()).toEqual(['a/ma', 'b/mb'])
  expect(await asked()).toEqual(['b/mb'])
  await road.clock.advance(59_999)
  expect(await asked()).toEqual(['b/mb'])
  await road.clock.advance(1)
  // Half open: a probe that fails opens it again, for twice as long.
  expect(await asked()).toEqual(['a/ma', 'b/mb'])
  await road.clock.advance(119_999)
  expect(await asked()).toEqual(['b/mb'])
  await road.clock.advance(1)
  isUp = true
  expect(await asked()).toEqual(['a/ma'])
  expect(await asked()).toEqual(['a/ma'])
  isUp = false
  // Closed: it takes five failures again.
  for (let turn = 0; turn < 5; turn += 1) expect(await asked()).toEqual(['a/ma', 'b/mb'])
  expect(await asked()).toEqual(['b/mb'])
  const events = road.lines.map((line) => line.event).filter((event) => event.startsWith('circuit_'))
  expect(events).toEqual(['circuit_opened', 'circuit_opened', 'circuit_closed', 'circuit_opened'])
})

describe('B111: two limits at once', () => {
  const event = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'

  /** What a stream that never ends gives a client, and how the exchange ends, when time goes on. */
  async function outcomeAfter(ms: number, settings: string): Promise<string | undefined> {
    const road = await openRoad(`${two}${settings}`, ({ stop }) => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(Buffer.from(event))
          stop.tell({ onStop: () => controller.error(broken('body', 'aborted')) })
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    })
    const response = await road.chat('m', { stream: true })
    const reading = response.text().catch(() => 'reset')
    await settled()
    await road.clock.advance(ms)
    const outcome = road.settled[0]?.outcome
    await road.clock.advance(1_000_000)
    await reading
    return outcome
  }

  test.each([
    {
      name: 'a deadline ends where the answer begins',
      settings: 'fallback: { deadline: 1s }\nstreaming: { idle_timeout: 0 }',
      ms: 60_000,
      outcome: undefined,
    },
    { name: 'a total limit goes on', settings: 'timeout: { total: 2s }', ms: 2000, outcome: 'stalled' },
    {
      name: 'a total limit goes on behind a shorter deadline',
      settings: 'timeout: { total: 2s }\nfallback: { deadline: 1s }',
      ms: 2000,
      outcome: 'stalled',
    },
    {
      name: 'and not before its time',
      settings: 'timeout: { total: 2s }\nfallback: { deadline: 1s }',
      ms: 1999,
      outcome: undefined,
    },
    {
      name: 'a total limit shorter than the deadline',
      settings: 'timeout: { total: 1s }\nfallback: { deadline: 9s }',
      ms: 1000,
      outcome: 'stalled',
    },
  ])('$name', async ({ settings, ms, outcome }) => {
    expect(await outcomeAfter(ms, settings)).toBe(outcome)
  })
})

describe('B119: a mistake inside the gateway', () => {
  test.each([
    { path: '/v1/chat/completions', shape: { error: { type: 'server_error', code: 'internal_error' } } },
    { path: '/v1/messages', shape: { type: 'error', error: { type: 'api_error' } } },
    { path: '/v1beta/models/m:generateContent', shape: { error: { code: 500, status: 'INTERNAL' } } },
  ])('is a 500 in the words of $path, told with its stack, and the next request works', async ({ path, shape }) => {
    let isBroken = true
    const road = await openRoad(two.replaceAll('/v1" }', '/v1", protocol: any }'), () => {
      if (isBroken) throw new TypeError('"quoted"\nand secret details')
      return chatAnswer()
    })
    const init = { method: 'POST', body: '{"model":"m"}' }
    const response = await road.fetch(path, init)
    expect([response.status, response.headers.get('content-type')]).toEqual([500, 'application/json'])
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject(shape)
    expect(text).not.toContain('secret details')
    expect(response.headers.get('x-request-id')).toBe(road.settled[0]?.id ?? '')
    expect(road.settled.map((exchange) => exchange.outcome)).toEqual(['failed'])
    expect(road.gateway.live.size).toBe(0)
    const told = road.lines.filter((line) => line.event === 'internal_error')
    expect(told.map((line) => [line.level, String(line.fields['stack']).includes('TypeError')])).toEqual([
      ['error', true],
    ])
    isBroken = false
    expect((await road.fetch(path, init)).status).toBe(200)
  })
})

describe('what the client is told', () => {
  test('N009: texts with quotes and line breaks stay JSON', async () => {
    const road = await openRoad(two, () => broken('head'))
    for (const model of ['no"such\nmodel', '\u2028', '</script>']) {
      const response = await road.chat(model)
      expect(response.status).toBe(404)
      expect(await response.json()).toHaveProperty('error.message')
    }
  })

  test('N113: nothing is sent before an upstream has answered', async () => {
    const gate = Promise.withResolvers<void>()
    const road = await openRoad(two, async () => {
      await gate.promise
      return failing()
    })
    const state = { answered: false }
    const response = road.chat('other', { stream: true })
    void response.then(() => (state.answered = true))
    await settled()
    expect(state.answered).toBe(false)
    gate.resolve()
    expect((await response).status).toBe(503)
    expect((await response).headers.get('content-type')).toContain('application/json')
  })

  test('N107: a client that leaves settles the exchange once, as its own doing', async () => {
    const road = await openRoad(two, () =>
      eventStream(['data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'], 'open'),
    )
    const response = await road.chat('m', { stream: true })
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    expect(road.settled.map((exchange) => exchange.outcome)).toEqual(['client_closed'])
    expect(road.gateway.live.size).toBe(0)
    expect(road.lines.filter((line) => line.event === 'route_cooled')).toEqual([])
  })
})
