import { describe, expect, test } from 'bun:test'
import { codeOf, limitedAliases, limitedKeys } from '../support/limiting.ts'
import { chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { answering, errorAnswer, whenDone } from '../support/scripted.ts'

const plain = 'fallback: { cooldown_seconds: 0 }\n'

/** Two aliases, and this section. */
async function keyedRoad(section: string, upstream: Upstream, sections = ''): Promise<Road> {
  return await openRoad(`${limitedAliases}${plain}${sections}\n${section}`, upstream)
}

interface Way {
  readonly key?: string
  readonly model?: string
  readonly extra?: Record<string, unknown>
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

async function ask(road: Road, { key = 'k1', model = 'gpt-4', extra = {}, headers = {}, signal }: Way = {}) {
  const init = { headers: { 'idempotency-key': key, ...headers }, ...(signal && { signal }) }
  return await road.chat(model, extra, init)
}

/** Answers that are told apart by their number, the first of them by these. */
function counting(...first: readonly (() => Response)[]): Upstream {
  let count = 0
  return () => {
    count += 1
    return first[count - 1]?.() ?? chatAnswer(`answer ${count}`)
  }
}

/** Answers when it is let. */
function holding(): { readonly upstream: Upstream; next(answer?: Response): void; readonly asked: () => number } {
  const waiting: ((answer: Response) => void)[] = []
  let asked = 0
  return {
    upstream: async () => {
      asked += 1
      const { promise, resolve } = Promise.withResolvers<Response>()
      waiting.push(resolve)
      return await promise
    },
    next: (answer = chatAnswer('held')) => waiting.shift()?.(answer),
    asked: () => asked,
  }
}

async function turns(): Promise<void> {
  for (let left = 20; left > 0; left -= 1) await Bun.sleep(0)
}

const stream = (...end: string[]): Response =>
  eventStream([
    'data: {"choices":[{"delta":{"content":"hel"}}]}\n\n',
    'data: {"choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\n',
    ...end,
  ])

describe('idempotency: the same key and the same request', () => {
  test('are done once: status, headers and bytes come again, with a mark', async () => {
    const road = await keyedRoad(
      'idempotency: {}',
      counting(() => Response.json({ n: 1 }, { headers: { 'x-own': 'o', 'x-request-id': 'up_1' } })),
    )
    const first = await ask(road)
    const again = await ask(road)
    expect(road.sent).toHaveLength(1)
    expect([again.status, await again.text()]).toEqual([200, await first.text()])
    expect(again.headers.get('x-own')).toBe('o')
    expect([first.headers.get('idempotent-replayed'), again.headers.get('idempotent-replayed')]).toEqual([null, 'true'])
    const [one, other] = road.settled
    expect(again.headers.get('x-request-id')).toBe(other?.id ?? '')
    expect(again.headers.get('x-llm-proxy-original-request-id')).toBe(one?.id ?? '')
    expect(other).toMatchObject({ status: 200, outcome: 'complete', attempts: [] })
    expect(other?.usage).toBeUndefined()
  })

  test('the header goes to the provider', async () => {
    const road = await keyedRoad('idempotency: {}', counting())
    await ask(road)
    expect(new Headers(road.sent[0]?.headers.map(([name, value]) => [name, value])).get('idempotency-key')).toBe('k1')
  })

  test('a complete stream comes again whole, and without signs of life', async () => {
    const road = await keyedRoad(
      'idempotency: {}',
      counting(() => stream('data: [DONE]\n\n')),
      'streaming: { heartbeat: 1s }',
    )
    const first = await (await ask(road, { extra: { stream: true } })).text()
    const again = await ask(road, { extra: { stream: true } })
    expect(first).toContain('[DONE]')
    expect(await again.text()).toBe(first)
    expect(again.headers.get('content-type')).toBe('text/event-stream')
    expect(road.sent).toHaveLength(1)
  })

  test('a stream whose head went out before its answer comes again without the comments', async () => {
    const held = holding()
    const road = await keyedRoad('idempotency: {}', held.upstream, 'streaming: { heartbeat: 1s }')
    const asking = ask(road, { extra: { stream: true } })
    await road.clock.advance(3500)
    held.next(stream('data: [DONE]\n\n'))
    const first = await (await asking).text()
    expect(first).toContain(': ')
    const again = await (await ask(road, { extra: { stream: true } })).text()
    expect(again).toBe(first.slice(first.indexOf('data: ')))
    expect(road.sent).toHaveLength(1)
  })

  test.each([
    { name: 'an error of the request', answer: () => errorAnswer(400), asked: 1 },
    { name: 'an error of the backend', answer: () => errorAnswer(500), asked: 2 },
    { name: 'an account that is empty', answer: () => errorAnswer(402), asked: 2 },
    { name: 'a limit of the backend', answer: () => errorAnswer(429), asked: 2 },
    {
      name: 'a stream that broke',
      answer: () => eventStream(['data: {"choices":[{"delta":{"content":"a"}}]}\n\n'], 'cut'),
      asked: 2,
    },
    { name: 'a stream with an error in it', answer: () => stream('data: {"error":{"message":"no"}}\n\n'), asked: 2 },
  ])('$name is asked for $asked times', async ({ answer, asked }) => {
    const road = await keyedRoad('idempotency: {}', counting(answer))
    const first = ask(road, { extra: { stream: true } })
    await whenDone(
      road.clock,
      first.then(async (response) => await response.text().catch(() => '')),
    )
    const again = await ask(road, { extra: { stream: true } })
    await again.text()
    expect(road.sent).toHaveLength(asked)
    expect(again.headers.has('idempotent-replayed')).toBe(asked === 1)
    expect(again.status).toBe(asked === 1 ? 400 : 200)
  })

  test('what the gateway refuses is not remembered', async () => {
    const road = await keyedRoad('idempotency: {}', counting())
    expect((await ask(road, { model: 'later' })).status).toBe(404)
    expect((await ask(road, { model: 'later' })).headers.has('idempotent-replayed')).toBe(false)
    expect(road.gateway.repeats).toMatchObject({ size: 0, bytes: 0 })
  })

  test('limits do not count what was answered before', async () => {
    const road = await keyedRoad('idempotency: {}', counting(), 'rate_limiting: { global: { requests_per_minute: 1 } }')
    expect((await ask(road)).headers.get('x-ratelimit-remaining-requests')).toBe('0')
    const again = await ask(road)
    expect([again.status, again.headers.get('x-ratelimit-remaining-requests')]).toEqual([200, null])
    expect((await ask(road, { key: 'k2' })).status).toBe(429)
  })
})

describe('B78: the same key with something else', () => {
  test.each([
    {
      dialect: 'OpenAI',
      path: '/v1/chat/completions',
      says: { error: { type: 'invalid_request_error', param: 'Idempotency-Key', code: 'idempotency_mismatch' } },
    },
    { dialect: 'Anthropic', path: '/v1/messages', says: { type: 'error', error: { type: 'invalid_request_error' } } },
    {
      dialect: 'Gemini',
      path: '/v1beta/models/gpt-4:generateContent',
      says: { error: { code: 422, status: 'INVALID_ARGUMENT' } },
    },
  ])('is refused with 422 idempotency_mismatch in the words of $dialect', async ({ path, says }) => {
    const road = await keyedRoad('idempotency: {}', counting())
    await ask(road, { extra: { temperature: 1 } })
    const body = JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'hi' }], max_tokens: 5 })
    const refused = await road.fetch(path, { method: 'POST', body, headers: { 'idempotency-key': 'k1' } })
    expect(refused.status).toBe(422)
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect(await refused.json()).toMatchObject(says)
    expect(road.sent).toHaveLength(1)
  })

  test('another path or query is something else too', async () => {
    const road = await keyedRoad('idempotency: {}', counting())
    await ask(road)
    const [{ body } = { body: undefined }] = road.sent
    expect(body).toBeDefined()
    const init = {
      method: 'POST',
      body: JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'hi' }] }),
      headers: { 'idempotency-key': 'k1' },
    }
    expect((await road.fetch('/v1/chat/completions?a=1', init)).status).toBe(422)
    expect((await road.fetch('/v1/chat/completions', init)).headers.get('idempotent-replayed')).toBe('true')
  })

  test('is told while the first is under way, too', async () => {
    const held = holding()
    const road = await keyedRoad('idempotency: {}', held.upstream)
    const first = ask(road)
    await turns()
    expect((await ask(road, { extra: { n: 1 } })).status).toBe(422)
    held.next()
    expect((await first).status).toBe(200)
  })
})

describe('whose keys they are', () => {
  test('each caller has its own', async () => {
    const road = await keyedRoad('idempotency: {}', counting(), limitedKeys)
    for (const who of ['ann', 'bob']) {
      const answer = await ask(road, { headers: { authorization: `Bearer key-of-${who}` } })
      expect([answer.status, answer.headers.get('idempotent-replayed')]).toEqual([200, null])
    }
    const again = await ask(road, { headers: { authorization: 'Bearer key-of-bob' } })
    expect(await again.text()).toContain('answer 2')
  })

  test('where callers have none, each address has its own', async () => {
    const road = await keyedRoad('idempotency: {}', counting(), 'trusted_proxies: ["127.0.0.1"]')
    for (const from of ['192.0.2.1', '192.0.2.2']) await ask(road, { headers: { 'x-forwarded-for': from } })
    expect(road.sent).toHaveLength(2)
    await ask(road, { headers: { 'x-forwarded-for': '192.0.2.1' } })
    expect(road.sent).toHaveLength(2)
  })

  test.each([
    { name: 'none', key: '', status: 400 },
    { name: '255 characters', key: 'k'.repeat(255), status: 200 },
    { name: '256 characters', key: 'k'.repeat(256), status: 400 },
  ])('B78: a key of $name is answered with $status', async ({ key, status }) => {
    const road = await keyedRoad('idempotency: {}', counting())
    const answer = await ask(road, { key })
    expect(answer.status).toBe(status)
    if (status === 400) expect(await answer.json()).toMatchObject({ error: { param: 'Idempotency-Key' } })
  })

  test('without a key, and by another method, nothing is remembered', async () => {
    const road = await keyedRoad('idempotency: {}', counting())
    await road.chat('gpt-4')
    await road.fetch('/v1/models', { headers: { 'idempotency-key': 'k1' } })
    expect(road.gateway.repeats?.size).toBe(0)
  })

  test('idempotency.enabled: false, and a file without the section, pass the header on and no more', async () => {
    for (const section of ['idempotency: { enabled: false }', '']) {
      const road = await keyedRoad(section, counting())
      await ask(road)
      expect(await (await ask(road)).text()).toContain('answer 2')
      expect((await ask(road, { key: 'k'.repeat(300) })).status).toBe(200)
    }
  })
})

describe('while the first is under way', () => {
  test('others wait for it and get the same, and it is done once', async () => {
    const held = holding()
    const road = await keyedRoad('idempotency: {}', held.upstream)
    const all = Array.from({ length: 6 }, async () => await (await ask(road)).text())
    await turns()
    expect(held.asked()).toBe(1)
    held.next(chatAnswer('one'))
    expect(new Set(await Promise.all(all)).size).toBe(1)
    expect(held.asked()).toBe(1)
  })

  test('when it fails, one of them does it', async () => {
    const held = holding()
    const road = await keyedRoad('idempotency: {}', held.upstream)
    const all = Array.from({ length: 4 }, async () => (await ask(road)).status)
    await turns()
    held.next(errorAnswer(500))
    await turns()
    expect(held.asked()).toBe(2)
    held.next(chatAnswer('second'))
    expect(await Promise.all(all)).toEqual([500, 200, 200, 200])
    expect(held.asked()).toBe(2)
  })

  test('when its client leaves, one of them does it; who leaves while it waits, waits no more', async () => {
    const road = await keyedRoad('idempotency: {}', answering({ a: ['hang', () => chatAnswer('third')] }))
    const [leaving, leavingToo] = [new AbortController(), new AbortController()]
    const first = ask(road, { signal: leaving.signal })
    await turns()
    const second = ask(road, { signal: leavingToo.signal })
    const third = ask(road)
    await turns()
    await road.clock.advance(100)
    leavingToo.abort()
    await turns()
    expect(road.settled.map(({ outcome }) => outcome)).toEqual(['client_closed'])
    leaving.abort()
    await turns()
    expect(await (await third).text()).toContain('third')
    await Promise.allSettled([first, second])
    expect(road.gateway.repeats?.size).toBe(1)
  })

  test('idempotency.wait_timeout is how long they wait; 0: not at all', async () => {
    const held = holding()
    const road = await keyedRoad('idempotency: { wait_timeout: 5s }', held.upstream)
    const first = ask(road)
    await turns()
    const { value, tookMs } = await whenDone(road.clock, ask(road), 20_000)
    expect([value.status, tookMs]).toEqual([409, 5000])
    expect(await codeOf(value)).toBe('idempotency_in_progress')
    expect([value.headers.get('retry-after'), value.headers.get('x-should-retry')]).toEqual(['1', 'true'])
    await road.reload(`${limitedAliases}${plain}idempotency: { wait_timeout: 0 }`)
    expect((await ask(road)).status).toBe(409)
    held.next()
    expect((await first).status).toBe(200)
    expect((await ask(road)).headers.get('idempotent-replayed')).toBe('true')
  })

  test('at most 100 wait for one', async () => {
    const held = holding()
    const road = await keyedRoad('idempotency: {}', held.upstream)
    const all = Array.from({ length: 102 }, async () => (await ask(road)).status)
    await turns()
    expect(road.settled.map(({ status }) => status)).toEqual([409])
    held.next()
    const statuses = await Promise.all(all)
    expect(statuses.filter((status) => status === 200)).toHaveLength(101)
  })
})

describe('how much is remembered', () => {
  test('idempotency.ttl: after it, it is done again', async () => {
    const road = await keyedRoad('idempotency: { ttl: 1h }', counting())
    await ask(road)
    await road.clock.advance(3_599_000)
    expect(await (await ask(road)).text()).toContain('answer 1')
    await road.clock.advance(1000)
    expect(await (await ask(road)).text()).toContain('answer 2')
  })

  test('idempotency.max_entries: the oldest is forgotten, but nothing that is under way', async () => {
    const road = await keyedRoad('idempotency: { max_entries: 2 }', counting())
    for (const key of ['k1', 'k2', 'k3']) await ask(road, { key })
    expect((await ask(road, { key: 'k3' })).headers.has('idempotent-replayed')).toBe(true)
    expect((await ask(road, { key: 'k2' })).headers.has('idempotent-replayed')).toBe(true)
    expect((await ask(road, { key: 'k1' })).headers.has('idempotent-replayed')).toBe(false)
    const held = holding()
    const busy = await keyedRoad('idempotency: { max_entries: 2 }', held.upstream)
    const both = ['k1', 'k2'].map(async (key) => await ask(busy, { key }))
    await turns()
    expect(await codeOf(await ask(busy, { key: 'k3' }))).toBe('overloaded')
    held.next()
    held.next()
    await Promise.all(both)
  })

  test('idempotency.max_answer_bytes: a larger answer is given, and not again', async () => {
    for (const extra of [{}, { stream: true }]) {
      const long = `data: {"choices":[{"delta":{"content":"${'x'.repeat(900)}"}}]}\n\n`
      const road = await keyedRoad('idempotency: { max_answer_bytes: 1kb }', () =>
        'stream' in extra ? eventStream([long, long, 'data: [DONE]\n\n']) : chatAnswer('x'.repeat(2000)),
      )
      expect((await (await ask(road, { extra })).text()).length).toBeGreaterThan(1500)
      const again = await ask(road, { extra })
      expect([again.status, again.headers.get('x-should-retry')]).toEqual([409, 'false'])
      expect(await codeOf(again)).toBe('idempotency_not_kept')
      expect(road.sent).toHaveLength(1)
      expect(road.gateway.repeats?.bytes).toBe(512)
    }
  })

  test('idempotency.max_answer_bytes: headers count, and what is too large by them was done all the same', async () => {
    const road = await keyedRoad(
      'idempotency: { max_answer_bytes: 1kb }',
      counting(() => Response.json({ n: 1 }, { headers: { 'x-own': 'x'.repeat(1100) } })),
    )
    expect((await ask(road)).status).toBe(200)
    expect(await codeOf(await ask(road))).toBe('idempotency_not_kept')
    expect(road.sent).toHaveLength(1)
    expect(road.gateway.repeats?.bytes).toBe(512)
  })

  test('idempotency.ttl: a shorter one counts behind answers that are kept for longer', async () => {
    const road = await keyedRoad('idempotency: { ttl: 24h }', counting())
    await ask(road)
    await road.reload(`${limitedAliases}${plain}idempotency: { ttl: 1s }`)
    await ask(road, { key: 'k2' })
    await road.clock.advance(1000)
    expect((await ask(road, { key: 'k2' })).headers.has('idempotent-replayed')).toBe(false)
    expect((await ask(road)).headers.has('idempotent-replayed')).toBe(true)
    expect(road.gateway.repeats?.size).toBe(2)
  })

  test('idempotency.max_bytes: the oldest answers make room', async () => {
    const road = await keyedRoad('idempotency: { max_bytes: 64kb }', () => chatAnswer('x'.repeat(30_000)))
    for (const key of ['k1', 'k2', 'k3']) await ask(road, { key })
    expect(road.gateway.repeats?.bytes).toBeLessThan(65_536)
    expect((await ask(road, { key: 'k3' })).headers.has('idempotent-replayed')).toBe(true)
    expect((await ask(road, { key: 'k1' })).headers.has('idempotent-replayed')).toBe(false)
  })

  test('a reload without the section forgets everything, one with smaller limits the oldest', async () => {
    const road = await keyedRoad('idempotency: {}', counting())
    for (const key of ['k1', 'k2', 'k3']) await ask(road, { key })
    await road.reload(`${limitedAliases}${plain}idempotency: { max_entries: 1 }`)
    expect(road.gateway.repeats?.size).toBe(1)
    await road.reload(`${limitedAliases}${plain}`)
    expect(road.gateway.repeats).toMatchObject({ size: 0, bytes: 0 })
  })
})
