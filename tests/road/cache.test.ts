import { describe, expect, test } from 'bun:test'
import { chatAnswer, eventStream, openRoad, type Road } from '../support/road.ts'
import { settled } from '../support/fake-clock.ts'
import { sentBy } from '../support/upstream.ts'

const backends = `
backends: [{ name: one, url: "http://one.test" }, { name: two, url: "http://two.test" }]
models:
  m: { routes: [{ backend: one, model: up }] }
  other: { routes: [{ backend: one, model: up }] }
`
const on = (more = '', rest = ''): string => `
allow_unauthenticated: true
${backends}
cache: { enabled: true${more === '' ? '' : `, ${more}`} }
${rest}`

const stream = (text: string, end = true): string[] => [
  `data: ${JSON.stringify({ id: 'chatcmpl-9', object: 'chat.completion.chunk', created: 7, model: 'up', choices: [{ index: 0, delta: { role: 'assistant', content: text }, finish_reason: null }] })}\n\n`,
  ...(end
    ? [
        `data: ${JSON.stringify({ id: 'chatcmpl-9', object: 'chat.completion.chunk', created: 7, model: 'up', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\n`,
        'data: [DONE]\n\n',
      ]
    : []),
]

const smart: Parameters<typeof openRoad>[1] = (request) => {
  return sentBy(request).toString().includes('"stream":true') ? eventStream(stream('hello')) : chatAnswer()
}

async function said(response: Response, road?: Road): Promise<string> {
  const text = response.text().catch((error: unknown) => String(error))
  // The words behind a broken stream go out a moment later.
  await road?.clock.advance(1000)
  await settled()
  return await text
}

async function asks(
  road: Road,
  ...extras: (Record<string, unknown> | [Record<string, unknown>, RequestInit])[]
): Promise<string[]> {
  const told: string[] = []
  for (const extra of extras) {
    const [body, init] = Array.isArray(extra) ? extra : [extra, {}]
    const { model = 'm', ...rest } = body
    const response = await road.chat(String(model), rest, init)
    told.push(response.headers.get('x-cache') ?? '-')
    await said(response, String(model) === 'm' && rest['stream'] === true ? road : undefined)
  }
  return told
}

describe('what was answered is given again', () => {
  test('C301 C314 cache.enabled: the second equal request is a hit with the same bytes, and nobody is asked', async () => {
    const road = await openRoad(on(), () => chatAnswer())
    const first = await road.chat('m')
    const text = await said(first)
    await road.clock.advance(3500)
    const second = await road.chat('m')
    expect(await said(second)).toBe(text)
    expect([first.headers.get('x-cache'), second.headers.get('x-cache')]).toEqual(['MISS', 'HIT'])
    expect(second.headers.get('age')).toBe('3')
    expect(second.headers.get('content-type')).toContain('application/json')
    expect(second.headers.get('x-request-id')).toMatch(/^req_/)
    expect(road.sent).toHaveLength(1)
    expect(road.settled.at(-1)).toMatchObject({
      outcome: 'complete',
      status: 200,
      cache: 'hit',
      costUsd: 0,
      attempts: [],
    })
    expect(road.settled.at(-1)?.usage).toMatchObject({ inputTokens: 1, outputTokens: 1 })
    expect(road.gateway.live.size).toBe(0)
  })

  test('C304 cache.ttl: after ttl 1 it is a miss, and a fraction of a second counts', async () => {
    const road = await openRoad(on('ttl: 1'), () => chatAnswer())
    expect(await asks(road, {}, {})).toEqual(['MISS', 'HIT'])
    await road.clock.advance(999)
    expect(await asks(road, {})).toEqual(['HIT'])
    await road.clock.advance(1)
    expect(await asks(road, {})).toEqual(['MISS'])
    await road.reload(on('ttl: 0.5'))
    await road.clock.advance(500)
    expect(await asks(road, {})).toEqual(['MISS'])
  })

  test('C305 N217 cache.max_size: of three entries with room for two the oldest is gone', async () => {
    const road = await openRoad(on('max_size: 2'), () => chatAnswer())
    const [a, b, c] = [{ seed: 1 }, { seed: 2 }, { seed: 3 }]
    expect(await asks(road, a, b, a, c)).toEqual(['MISS', 'MISS', 'HIT', 'MISS'])
    expect(await asks(road, a, c, b)).toEqual(['HIT', 'HIT', 'MISS'])
    expect(road.gateway.cache?.size).toBe(2)
  })

  test('N217 cache.max_bytes and cache.max_entry_bytes bound what is kept', async () => {
    const road = await openRoad(on('max_bytes: 1500'), () => chatAnswer())
    expect(await asks(road, { seed: 1 }, { seed: 2 }, { seed: 3 })).toEqual(['MISS', 'MISS', 'MISS'])
    expect(road.gateway.cache?.bytes).toBeLessThanOrEqual(1500)
    expect(road.gateway.cache?.evictions).toBeGreaterThan(0)
    const small = await openRoad(on('max_entry_bytes: 100'), smart)
    expect(await asks(small, {}, {}, { stream: true }, { stream: true })).toEqual(['MISS', 'MISS', 'MISS', 'MISS'])
  })

  test.each([
    { key: 'cache_by_model', without: { model: 'm' }, differs: { model: 'other' } },
    {
      key: 'cache_by_system_prompt',
      without: { messages: [{ role: 'user', content: 'hi' }] },
      differs: {
        messages: [
          { role: 'system', content: 'be kind' },
          { role: 'user', content: 'hi' },
        ],
      },
    },
    {
      key: 'cache_by_tools',
      without: {},
      differs: { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'auto' },
    },
  ])('C308 C309 C310 cache.scope.$key: true tells them apart, false does not', async ({ key, without, differs }) => {
    for (const [setting, then] of [
      [true, 'MISS'],
      [false, 'HIT'],
    ] as const) {
      const road = await openRoad(on(`scope: { ${key}: ${setting} }`), () => chatAnswer())
      expect(await asks(road, without, differs)).toEqual(['MISS', then])
    }
  })

  test('C306 cache.key_generation.include_headers: another value of the header is a miss', async () => {
    const road = await openRoad(on('key_generation: { include_headers: [X-Team] }'), () => chatAnswer())
    const by = (team: string): [Record<string, unknown>, RequestInit] => [{}, { headers: { 'x-team': team } }]
    expect(await asks(road, by('a'), by('a'), by('b'), {})).toEqual(['MISS', 'HIT', 'MISS', 'MISS'])
  })

  test('C307 cache.key_generation.normalize: order and plain defaults make no difference; false: they do', async () => {
    const pairs = [
      [
        { seed: 1, temperature: 0.5 },
        { temperature: 0.5, seed: 1 },
      ],
      [{}, { n: 1, presence_penalty: 0, tools: [], stop: null }],
    ] as const
    for (const [one, same] of pairs) {
      const road = await openRoad(on(), () => chatAnswer())
      expect(await asks(road, one, same)).toEqual(['MISS', 'HIT'])
      const exact = await openRoad(on('key_generation: { normalize: false }'), () => chatAnswer())
      expect(await asks(exact, one, same)).toEqual(['MISS', 'MISS'])
    }
  })

  test('C311 what changes the answer is a miss; C313 ids of requests and users are none of it', async () => {
    const road = await openRoad(on(), () => chatAnswer())
    expect(await asks(road, { temperature: 0 }, { temperature: 1 }, { max_tokens: 5 }, { max_tokens: 6 })).toEqual(
      Array.from({ length: 4 }, () => 'MISS'),
    )
    const ids = {
      user: 'u',
      metadata: { request_id: 'r', user_id: 'u' },
      prompt_cache_key: 'k',
      safety_identifier: 's',
    }
    expect(await asks(road, {}, ids, { metadata: { request_id: 'other' } })).toEqual(['MISS', 'HIT', 'HIT'])
  })

  test('C319 B81 each caller has answers of its own, unless cache.scope.shared', async () => {
    const keys = `
auth:
  enabled: true
  providers: [{ type: api_key, keys: [{ key: alice-key-123456, user_id: alice }, { key: bob-key-12345678, user_id: bob }] }]
`
    const by = (key: string): [Record<string, unknown>, RequestInit] => [
      {},
      { headers: { authorization: `Bearer ${key}` } },
    ]
    for (const [more, then] of [
      ['', 'MISS'],
      ['scope: { shared: true }', 'HIT'],
    ] as const) {
      const yaml = on(more, keys).replace('allow_unauthenticated: true', '')
      const road = await openRoad(yaml, () => chatAnswer())
      expect(await asks(road, by('alice-key-123456'), by('alice-key-123456'), by('bob-key-12345678'))).toEqual([
        'MISS',
        'HIT',
        then,
      ])
    }
  })

  test('B81 where everybody may come, clients with keys of their own are told apart by them', async () => {
    const road = await openRoad(on(), () => chatAnswer())
    const by = (key: string): [Record<string, unknown>, RequestInit] => [{}, { headers: { 'x-api-key': key } }]
    expect(await asks(road, by('a'), by('a'), by('b'), {})).toEqual(['MISS', 'HIT', 'MISS', 'MISS'])
  })

  test('C314 cache.hit_response.headers are those of a hit; without X-Cache nobody is told of a miss', async () => {
    const road = await openRoad(on('hit_response: { headers: { X-From: "the cache" } }'), () => chatAnswer())
    const first = await road.chat('m')
    await said(first)
    const second = await road.chat('m')
    expect([first.headers.get('x-cache'), second.headers.get('x-cache'), second.headers.get('x-from')]).toEqual([
      null,
      null,
      'the cache',
    ])
  })

  test('C315 cache.hit_response.latency_improvement_tracking: what a hit saved is in its account', async () => {
    for (const [setting, saved] of [
      [true, 700],
      [false, undefined],
    ] as const) {
      const road = await openRoad(
        on(`hit_response: { latency_improvement_tracking: ${setting} }`),
        async (_request, { clock }) => {
          await clock.advance(700)
          return chatAnswer()
        },
      )
      await asks(road, {}, {})
      expect(road.settled.at(-1)?.cache).toBe('hit')
      expect(road.settled.at(-1)?.savedMs).toBe(saved)
    }
  })

  test('cache.enabled: false, or no section, asks every time and tells nothing', async () => {
    for (const yaml of [on().replace('enabled: true', 'enabled: false'), `allow_unauthenticated: true${backends}`]) {
      const road = await openRoad(yaml, () => chatAnswer())
      expect(await asks(road, {}, {})).toEqual(['-', '-'])
      expect(road.settled.at(-1)?.cache).toBeUndefined()
    }
  })
})

describe('C318 what a client says in Cache-Control', () => {
  const says = (value: string): [Record<string, unknown>, RequestInit] => [{}, { headers: { 'cache-control': value } }]

  test('no-cache asks anew and replaces what is kept; no-store leaves it as it is', async () => {
    let count = 0
    const road = await openRoad(on(), () => chatAnswer(`answer ${(count += 1)}`))
    await asks(road, {})
    expect(await asks(road, says('no-cache'))).toEqual(['BYPASS'])
    expect(await said(await road.chat('m'))).toContain('answer 2')
    expect(await asks(road, says('no-store'))).toEqual(['BYPASS'])
    expect(await said(await road.chat('m'))).toContain('answer 2')
    expect(road.settled.map(({ cache }) => cache)).toEqual(['miss', 'bypass', 'hit', 'bypass', 'hit'])
  })

  test('max-age takes nothing older, only-if-cached nothing but what is kept: else 504', async () => {
    const road = await openRoad(on(), () => chatAnswer())
    const refused = await road.chat('m', {}, { headers: { 'cache-control': 'only-if-cached' } })
    expect(refused.status).toBe(504)
    expect(await refused.text()).toContain('not_cached')
    expect(road.sent).toHaveLength(0)
    await asks(road, {})
    expect(await asks(road, says('only-if-cached'))).toEqual(['HIT'])
    await road.clock.advance(5000)
    expect(await asks(road, says('max-age=5'), says('max-age=4'), says('max-age=junk, x="'))).toEqual([
      'HIT',
      'MISS',
      'HIT',
    ])
  })
})

describe('C317 what is not whole and well is not kept', () => {
  const finish = (reason: string): Response =>
    Response.json({
      id: 'x',
      choices: [{ index: 0, message: { role: 'assistant', content: 'no' }, finish_reason: reason }],
    })

  test.each([
    { name: 'a stream that is cut', answer: () => eventStream(stream('hel', false), 'cut'), ask: { stream: true } },
    { name: 'a stream without an end', answer: () => eventStream(stream('hel', false)), ask: { stream: true } },
    {
      name: 'a stream that ends with an error',
      answer: () =>
        eventStream([stream('hel', false)[0] ?? '', 'data: {"error":{"message":"no","type":"server_error"}}\n\n']),
      ask: { stream: true },
    },
    {
      name: 'an error',
      answer: () => Response.json({ error: { message: 'no', type: 'invalid_request_error' } }, { status: 400 }),
      ask: {},
    },
    { name: 'a filtered answer', answer: () => finish('content_filter'), ask: {} },
    {
      name: 'an answer that is no JSON',
      answer: () => new Response('hello', { headers: { 'content-type': 'text/plain' } }),
      ask: {},
    },
    {
      name: 'an error in a good answer',
      answer: () => Response.json({ error: { message: 'no' }, choices: [] }),
      ask: {},
    },
  ])('$name: the second request asks again', async ({ answer, ask }) => {
    const road = await openRoad(on(), answer)
    expect(await asks(road, ask, ask)).not.toContain('HIT')
    expect(road.gateway.cache?.size).toBe(0)
  })

  test('a client that leaves has nothing kept; with streaming.on_disconnect: finish what was read on is', async () => {
    for (const [setting, kept] of [
      ['cancel', 0],
      ['finish', 1],
    ] as const) {
      const left = Promise.withResolvers<void>()
      const [first = '', ...rest] = stream('hello')
      const answer = async function* (): AsyncGenerator<Uint8Array> {
        yield Buffer.from(first)
        await left.promise
        for (const part of rest) yield Buffer.from(part)
      }
      const road = await openRoad(on('', `streaming: { on_disconnect: ${setting} }`), () => {
        return new Response(answer(), { headers: { 'content-type': 'text/event-stream' } })
      })
      const response = await road.chat('m', { stream: true })
      const reader = response.body?.getReader()
      await reader?.read()
      await reader?.cancel()
      left.resolve()
      for (let turn = 0; turn < 5; turn += 1) await settled()
      expect([setting, road.gateway.cache?.size]).toEqual([setting, kept])
      expect(road.settled.at(-1)?.outcome).toBe('client_closed')
    }
  })
})

describe('what cannot be repeated is never kept', () => {
  const post = async (road: Road, path: string, body: object): Promise<string> => {
    const response = await road.fetch(path, { method: 'POST', body: JSON.stringify({ model: 'm', ...body }) })
    await said(response)
    return response.headers.get('x-cache') ?? '-'
  }

  test.each([
    { path: '/v1/responses', body: { input: 'hi' }, told: 'BYPASS' },
    { path: '/v1/responses', body: { input: 'hi', store: true }, told: 'BYPASS' },
    { path: '/v1/responses', body: { input: 'hi', store: false, previous_response_id: 'resp_1' }, told: 'BYPASS' },
    { path: '/v1/responses', body: { input: 'hi', store: false, background: true }, told: 'BYPASS' },
    { path: '/v1/responses', body: { input: 'hi', store: false, tools: [{ type: 'web_search' }] }, told: 'BYPASS' },
    { path: '/v1/responses', body: { input: 'hi', store: false, prompt: { id: 'pmpt_1' } }, told: 'BYPASS' },
    { path: '/v1/chat/completions', body: { messages: [], store: true }, told: 'BYPASS' },
    { path: '/v1/chat/completions', body: { messages: [], modalities: ['text', 'audio'] }, told: 'BYPASS' },
    { path: '/v1/chat/completions', body: { messages: [], web_search_options: {} }, told: 'BYPASS' },
    { path: '/v1/audio/speech', body: { input: 'hi', voice: 'x' }, told: '-' },
    { path: '/v1/images/generations', body: { prompt: 'hi' }, told: '-' },
    { path: '/v1/moderations', body: { input: 'hi' }, told: '-' },
  ])('$path $body', async ({ path, body, told }) => {
    const road = await openRoad(on(), () => Response.json({ id: 'x', object: 'y', data: [] }))
    expect([await post(road, path, body), await post(road, path, body)]).toEqual([told, told])
    expect(road.sent).toHaveLength(2)
  })

  test('embeddings are kept, and so are Responses with store: false', async () => {
    const road = await openRoad(on(), () =>
      Response.json({ id: 'x', object: 'y', status: 'completed', output: [], data: [{}] }),
    )
    for (const [path, body] of [
      ['/v1/embeddings', { input: 'hi' }],
      ['/v1/responses', { input: 'hi', store: false }],
    ] as const) {
      expect([await post(road, path, body), await post(road, path, body)]).toEqual(['MISS', 'HIT'])
    }
  })
})

describe('C312 a stream and a whole answer stand for each other', () => {
  test('a stream is replayed byte for byte, with x-stream-status: cached', async () => {
    const road = await openRoad(on(), smart)
    const first = await said(await road.chat('m', { stream: true }))
    const again = await road.chat('m', { stream: true })
    expect(again.headers.get('x-stream-status')).toBe('cached')
    expect(again.headers.get('content-type')).toContain('text/event-stream')
    expect(await said(again)).toBe(first)
    expect(road.sent).toHaveLength(1)
  })

  test('asked whole, then as a stream: a stream of the same answer', async () => {
    const road = await openRoad(on(), smart)
    await said(await road.chat('m'))
    const again = await road.chat('m', { stream: true })
    expect(again.headers.get('x-cache')).toBe('HIT')
    const text = await said(again)
    expect(text).toContain('"content":"hello"')
    expect(text).toContain('chatcmpl-1')
    expect(text.trimEnd()).toEndWith('data: [DONE]')
    expect(road.sent).toHaveLength(1)
  })

  test('asked as a stream, then whole: one body of the same answer', async () => {
    const road = await openRoad(on(), smart)
    await said(await road.chat('m', { stream: true }))
    const again = await road.chat('m')
    expect(again.headers.get('x-cache')).toBe('HIT')
    expect(again.headers.get('content-type')).toContain('application/json')
    expect(JSON.parse(await said(again))).toMatchObject({
      id: 'chatcmpl-9',
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
    })
    expect(road.sent).toHaveLength(1)
  })

  test('forms that are only written keep each for itself', async () => {
    const road = await openRoad(on(), () =>
      Response.json({ id: 'x', choices: [{ text: 'hi', index: 0, finish_reason: 'stop' }] }),
    )
    const ask = async (body: object): Promise<string | null> => {
      const response = await road.fetch('/v1/completions', {
        method: 'POST',
        body: JSON.stringify({ model: 'm', prompt: 'x', ...body }),
      })
      await said(response)
      return response.headers.get('x-cache')
    }
    expect([await ask({}), await ask({}), await ask({ stream: true })]).toEqual(['MISS', 'HIT', 'MISS'])
  })
})

describe('a new configuration', () => {
  test('keeps what is kept, and forgets what an alias said that leads elsewhere now', async () => {
    const road = await openRoad(on(), () => chatAnswer())
    await asks(road, {})
    await road.reload(on('ttl: 2h'))
    expect(await asks(road, {})).toEqual(['HIT'])
    await road.reload(on().replace('m: { routes: [{ backend: one', 'm: { routes: [{ backend: two'))
    expect(await asks(road, {})).toEqual(['MISS'])
  })

  test('without a cache nothing stays in memory', async () => {
    const road = await openRoad(on(), () => chatAnswer())
    await asks(road, {})
    await road.reload(`allow_unauthenticated: true${backends}`)
    expect(road.gateway.cache?.size).toBe(0)
  })

  test('the block of the older proxy loads as it is', async () => {
    const road = await openRoad(
      `allow_unauthenticated: true${backends}
cache:
  enabled: true
  backend: "memory" # memory, redis, memcached
  redis:
    url: "redis://localhost:6379"
    db: 0
  ttl: 3600
  max_size: 10000
  key_generation:
    include_headers: ["Authorization"]
    normalize: true
  scope:
    cache_by_model: true
    cache_by_system_prompt: true
    cache_by_tools: true
  hit_response:
    headers:
      X-Cache: "HIT"
    latency_improvement_tracking: true
`,
      () => chatAnswer(),
    )
    expect(await asks(road, {}, {})).toEqual(['MISS', 'HIT'])
    const by = (key: string): [Record<string, unknown>, RequestInit] => [
      {},
      { headers: { authorization: `Bearer ${key}` } },
    ]
    expect(await asks(road, by('a'), by('b'))).toEqual(['MISS', 'MISS'])
  })
})
