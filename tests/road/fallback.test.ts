import { describe, expect, test } from 'bun:test'
import { broken, chatAnswer, eventStream, openRoad, type Upstream } from '../support/road.ts'

const backends = `
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
  - { name: c, url: "http://c/v1" }
`

const ladder = `${backends}
models:
  m:
    routes:
      - { backend: a, model: ma, priority: 1 }
      - { backend: b, model: mb, priority: 2 }
`

function failing(statusOf: Record<string, number | 'dead'>): Upstream {
  return (request) => {
    const status = statusOf[request.url.hostname] ?? 200
    if (status === 'dead') return broken('connect', 'refused')
    if (status === 200) return chatAnswer(`from ${request.url.hostname}`)
    return Response.json({ error: { message: `status ${status}` } }, { status, headers: { 'retry-after': '7' } })
  }
}

describe('one alias (L1)', () => {
  test.each([
    { name: 'B07: a 500 moves on to the next priority', a: 500, status: 200, tried: ['a/ma', 'b/mb'] },
    { name: 'B07: a 429 moves on to the next priority', a: 429, status: 200, tried: ['a/ma', 'b/mb'] },
    {
      name: 'N112: a refused connection moves on to the next priority',
      a: 'dead',
      status: 200,
      tried: ['a/ma', 'b/mb'],
    },
    { name: 'B08: while the best route answers, no other is asked', a: 200, status: 200, tried: ['a/ma'] },
  ] as const)('$name', async ({ a, status, tried }) => {
    const road = await openRoad(ladder, failing({ a }))
    const response = await road.chat('m')
    expect([response.status, road.tried()]).toEqual([status, [...tried]])
    await response.text()
    expect(road.settled.map((exchange) => exchange.outcome)).toEqual(['complete'])
    expect(road.gateway.live.size).toBe(0)
  })

  test('B15: routes of equal priority share the load', async () => {
    const road = await openRoad(
      `${backends}models: { m: { routes: [{ backend: a, model: x, priority: 1 }, { backend: b, model: x, priority: 1 }, { backend: c, model: x, priority: 2 }] } }`,
      failing({}),
    )
    for (let turn = 0; turn < 200; turn += 1) await (await road.chat('m')).text()
    const count = (name: string): number => road.tried().filter((tried) => tried.startsWith(name)).length
    expect(count('a')).toBeWithin(70, 131)
    expect(count('b')).toBeWithin(70, 131)
    // B16: the lower tier rests while the upper one answers.
    expect(count('c')).toBe(0)
  })
})

describe('other aliases (L2)', () => {
  test('B10, B11, B12: fallback aliases are asked in order and in turn', async () => {
    const road = await openRoad(
      `${backends}
models:
  first: { routes: [{ backend: a, model: one }] }
  second: { routes: [{ backend: b, model: two }] }
  third: { routes: [{ backend: c, model: three }] }
fallback: { max_retries: 0, alias_fallback: { first: [second], second: [third] } }`,
      failing({ a: 500, b: 503 }),
    )
    const response = await road.chat('first')
    expect(response.status).toBe(200)
    expect(road.tried()).toEqual(['a/one', 'b/two', 'c/three'])
  })
})

describe('what the client is told when all failed', () => {
  test.each([
    { name: 'N103: an upstream’s 429 is not hidden by a dead route', a: 429, b: 'dead', status: 429 },
    { name: 'N103: in whichever order they failed', a: 'dead', b: 429, status: 429 },
    { name: 'a lone dead route is a 502', a: 'dead', b: 'dead', status: 502 },
    { name: 'the upstream’s refusal of our key is not the client’s 401', a: 401, b: 401, status: 502 },
  ] as const)('$name', async ({ a, b, status }) => {
    const road = await openRoad(ladder, failing({ a, b }))
    const response = await road.chat('m')
    expect(response.status).toBe(status)
    // N104: with the headers that tell the client what to do.
    if (status === 429) expect(response.headers.get('retry-after')).toBe('7')
    expect(response.headers.get('content-type')).toContain('application/json')
  })

  test('B26: max_retries counts attempts, and the first error is what the client gets', async () => {
    const road = await openRoad(`${ladder}\nfallback: { max_retries: 1 }`, failing({ a: 500 }))
    const response = await road.chat('m')
    expect([response.status, road.tried()]).toEqual([500, ['a/ma']])
  })

  test('B24, N102: when every route rests the answer is 503 with the soonest recovery', async () => {
    const road = await openRoad(
      `${ladder}\nfallback: { cooldown_seconds: 60, respect_retry_after: false }`,
      failing({ a: 500, b: 500 }),
    )
    await road.chat('m')
    await road.clock.advance(10_000)
    const response = await road.chat('m')
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '50'])
    expect(road.sent.length).toBe(2)
  })
})

describe('streams', () => {
  const good = [
    'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
  ]

  test('B41: the bytes are the upstream’s', async () => {
    const road = await openRoad(ladder, () => eventStream(good))
    const response = await road.chat('m', { stream: true })
    expect(await response.text()).toBe(good.join(''))
  })

  test('B34: an error in the first event is never seen by the client', async () => {
    const road = await openRoad(ladder, (request) =>
      request.url.hostname === 'a' ? eventStream(['data: {"error":{"message":"quota"}}\n\n']) : eventStream(good),
    )
    const response = await road.chat('m', { stream: true })
    expect(await response.text()).toBe(good.join(''))
    expect(road.tried()).toEqual(['a/ma', 'b/mb'])
  })

  test('B44: a cut stream ends with an error event and without [DONE]', async () => {
    const road = await openRoad(ladder, () => eventStream(good.slice(0, 1), 'cut'))
    const response = await road.chat('m', { stream: true })
    const reader = response.body?.getReader()
    let text = ''
    const reading = (async () => {
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true }
        if (done || value === undefined) break
        text += new TextDecoder().decode(value)
      }
    })().catch(() => 'reset')
    for (let step = 0; step < 10; step += 1) await road.clock.advance(20)
    expect(await reading).toBe('reset')
    expect(text).toStartWith(good[0] ?? '')
    expect(text).toContain('"error"')
    expect(text).not.toContain('[DONE]')
    expect(road.settled[0]?.outcome).toBe('upstream_broke')
  })
})
