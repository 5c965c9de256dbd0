import { describe, expect, test } from 'bun:test'
import { chatAnswer, eventStream, openRoad, type Road } from '../support/road.ts'
import { settled } from '../support/fake-clock.ts'

const yaml = `
allow_unauthenticated: true
backends:
  - { name: one, url: "http://one.test" }
  - { name: two, url: "http://two.test", protocol: gemini }
  - { name: three, url: "http://three.test", protocol: ollama }
  - { name: four, url: "http://four.test", protocol: anthropic }
models:
  m: { routes: [{ backend: one, model: up }] }
  g: { routes: [{ backend: two, model: up }] }
  o: { routes: [{ backend: three, model: up }] }
  a: { routes: [{ backend: four, model: up }] }
cache: { enabled: true }
`

async function post(road: Road, path: string, body: object): Promise<string | null> {
  const response = await road.fetch(path, { method: 'POST', body: JSON.stringify(body) })
  const text = response.text().catch(String)
  await road.clock.advance(1000)
  await settled()
  await text
  return response.headers.get('x-cache')
}

async function twice(road: Road, path: string, body: object): Promise<(string | null)[]> {
  return [await post(road, path, body), await post(road, path, body)]
}

const messages = [{ role: 'user', content: 'hi' }]
const contents = [{ role: 'user', parts: [{ text: 'hi' }] }]
const choice = (finish: string | null): object => ({
  choices: [{ index: 0, message: { role: 'assistant', content: 'half' }, finish_reason: finish }],
})

describe('C317 a good status alone makes no answer', () => {
  test.each([
    {},
    { detail: 'Not Found' },
    { code: 500, message: 'boom', data: null },
    { errors: [{ message: 'no' }] },
    { base_resp: { status_code: 1001 }, choices: null },
    { choices: [] },
    choice(null),
    choice('insufficient_system_resource'),
    choice('network_error'),
    choice('sensitive'),
  ])('Chat: %j', async (answer) => {
    const road = await openRoad(yaml, () => Response.json(answer))
    expect(await twice(road, '/v1/chat/completions', { model: 'm', messages })).toEqual(['MISS', 'MISS'])
  })

  test.each(['stop', 'length', 'tool_calls', 'eos'])('Chat that ended with %p is one', async (finish) => {
    const road = await openRoad(yaml, () => Response.json(choice(finish)))
    expect(await twice(road, '/v1/chat/completions', { model: 'm', messages })).toEqual(['MISS', 'HIT'])
  })

  test.each([
    { path: '/v1/messages', body: { model: 'a', max_tokens: 5, messages }, answer: { message: 'busy' } },
    { path: '/v1/messages', body: { model: 'a', max_tokens: 5, messages }, answer: { content: [], stop_reason: null } },
    { path: '/v1/responses', body: { model: 'm', input: 'hi', store: false }, answer: { msg: 'busy' } },
    {
      path: '/v1/responses',
      body: { model: 'm', input: 'hi', store: false },
      answer: { output: [], status: 'queued' },
    },
    { path: '/v1beta/models/g:generateContent', body: { contents }, answer: { usageMetadata: {} } },
    { path: '/v1beta/models/g:generateContent', body: { contents }, answer: { candidates: [{ content: {} }] } },
    { path: '/api/chat', body: { model: 'o', messages, stream: false }, answer: { message: {}, done: false } },
    { path: '/v1/embeddings', body: { model: 'm', input: 'hi' }, answer: { data: [] } },
    { path: '/v1/completions', body: { model: 'm', prompt: 'hi' }, answer: { choices: [{ text: 'half' }] } },
  ])('$path: $answer', async ({ path, body, answer }) => {
    const road = await openRoad(yaml, () => Response.json(answer))
    expect(await twice(road, path, body)).not.toContain('HIT')
    expect(road.sent).toHaveLength(2)
  })

  test.each([
    { name: 'without a reason', end: null },
    { name: 'for want of a machine', end: 'insufficient_system_resource' },
  ])('a stream that ends $name is none', async ({ end }) => {
    const chunk = (delta: object, finish: string | null): string =>
      `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
    const parts = [chunk({ content: 'half' }, null), chunk({}, end), 'data: [DONE]\n\n']
    const road = await openRoad(yaml, () => eventStream(parts))
    expect(await twice(road, '/v1/chat/completions', { model: 'm', messages, stream: true })).not.toContain('HIT')
  })

  test('what loads a model of Ollama, or lets go of it, always reaches it', async () => {
    const road = await openRoad(yaml, () =>
      Response.json({ model: 'up', message: { role: 'assistant', content: '' }, done: true, done_reason: 'unload' }),
    )
    const asked = { model: 'o', messages: [], stream: false }
    expect(await post(road, '/api/chat', asked)).toBe('BYPASS')
    expect(await post(road, '/api/chat', { ...asked, keep_alive: 0 })).toBe('BYPASS')
    expect(road.sent).toHaveLength(2)
  })
})

describe('B81 nobody gets what another was answered, nor what another model answered', () => {
  test('keys in the query tell clients apart as those in headers do', async () => {
    const road = await openRoad(yaml, () =>
      Response.json({ candidates: [{ content: { role: 'model', parts: [{ text: 'hi' }] }, finishReason: 'STOP' }] }),
    )
    const told: (string | null)[] = []
    for (const key of ['a', 'a', 'b', '%62'])
      told.push(await post(road, `/v1beta/models/g:generateContent?key=${key}`, { contents }))
    expect(told).toEqual(['MISS', 'HIT', 'MISS', 'HIT'])
  })

  test('B82 what can be read in two ways has no answer in common with either', async () => {
    const road = await openRoad(yaml, () => chatAnswer())
    const ask = async (message: string): Promise<string | null> => {
      const body = `{"model":"m","messages":[{"role":"user",${message}}]}`
      const response = await road.fetch('/v1/chat/completions', { method: 'POST', body })
      await response.text()
      await settled()
      return response.headers.get('x-cache')
    }
    expect(await ask('"content":"evil","content":"hi"')).toBe('BYPASS')
    expect(await ask(String.raw`"content":"evil","cont\u0065nt":"hi"`)).toBe('BYPASS')
    expect(await ask('"content":"hi"')).toBe('MISS')
    expect(await ask(String.raw`"content":"a: \"b\\\":\\"`)).toBe('MISS')
  })

  test('models that no alias names, and one plan answers for, are told apart', async () => {
    const road = await openRoad(`${yaml}passthrough: { backends: [{ id: rest, url: "http://rest.test" }] }\n`, () =>
      chatAnswer(),
    )
    const told: (string | null)[] = []
    for (const model of ['x', 'x', 'y']) told.push(await post(road, '/v1/chat/completions', { model, messages }))
    expect(told).toEqual(['MISS', 'HIT', 'MISS'])
  })

  test('vectors are those of their model, whatever cache.scope.cache_by_model says', async () => {
    const any = yaml
      .replace('enabled: true }', 'enabled: true, scope: { cache_by_model: false } }')
      .replace('models:', 'models:\n  n: { routes: [{ backend: one, model: other }] }')
    const road = await openRoad(any, () => Response.json({ data: [{ embedding: [1] }] }))
    expect(await post(road, '/v1/embeddings', { model: 'm', input: 'hi' })).toBe('MISS')
    expect(await post(road, '/v1/embeddings', { model: 'n', input: 'hi' })).toBe('MISS')
  })
})

test('a hit counts its tokens towards limits also where usage is not accounted for', async () => {
  const road = await openRoad(
    `${yaml}usage: { enabled: false }\nrate_limiting: { per_ip: { enabled: true, tokens_per_minute: 1000 } }\n`,
    () => chatAnswer(),
  )
  expect(await twice(road, '/v1/chat/completions', { model: 'm', messages })).toEqual(['MISS', 'HIT'])
  expect(road.settled.at(-1)).toMatchObject({ cache: 'hit', usage: { inputTokens: 1, outputTokens: 1 } })
})

test('C312 a whole answer of Chat has the id of its stream', async () => {
  const chunk = (delta: object, finish: string | null): string =>
    `data: ${JSON.stringify({ id: 'gen-1', object: 'chat.completion.chunk', created: 1, model: 'x', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  const parts = [chunk({ role: 'assistant', content: 'hi' }, null), chunk({}, 'stop'), 'data: [DONE]\n\n']
  const road = await openRoad(yaml, () => eventStream(parts))
  await post(road, '/v1/chat/completions', { model: 'm', messages, stream: true })
  const whole: unknown = await (await road.chat('m')).json()
  expect(whole).toMatchObject({ id: 'gen-1', choices: [{ message: { content: 'hi' } }] })
})
