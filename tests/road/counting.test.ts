import { describe, expect, test } from 'bun:test'
import { openRoad, type Road } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

const backends = {
  openai: 'url: "http://o/v1", protocol: openai',
  anthropic: 'url: "http://a", protocol: anthropic',
  gemini: 'url: "http://g", protocol: gemini',
  vertex: 'url: "http://v/v1/projects/p/locations/l", protocol: vertex',
  ollama: 'url: "http://l", protocol: ollama',
  bedrock: 'url: "http://b", protocol: bedrock',
}

async function roadTo(backend: keyof typeof backends, model: string, answer: object, status = 200): Promise<Road> {
  const yaml = `
backends: [{ name: a, ${backends[backend]} }]
models: { m: { routes: [{ backend: a, model: "${model}" }] } }`
  return await openRoad(yaml, () => Response.json(answer, { status }))
}

function sentOn(road: Road): { readonly url: string; readonly body: unknown } {
  const [request] = road.sent
  if (request === undefined) throw new Error('The upstream was not asked')
  return { url: request.url.href, body: JSON.parse(sentBy(request).toString()) }
}

interface Told {
  readonly totalTokens?: number
  readonly input_tokens?: number
}

async function told(response: Response): Promise<Told> {
  return (await response.json()) as Told
}

async function tokensIn(response: Response): Promise<number | undefined> {
  const { totalTokens, input_tokens } = await told(response)
  return totalTokens ?? input_tokens
}

async function count(road: Road, path: string, body: object): Promise<Response> {
  return await road.fetch(path, { method: 'POST', body: JSON.stringify(body) })
}

const ofMessages = {
  path: '/v1/messages/count_tokens',
  body: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
}
const ofGemini = {
  path: '/v1beta/models/m:countTokens',
  body: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
}
const ofResponses = { path: '/v1/responses/input_tokens', body: { model: 'm', input: 'hi' } }

describe('§14.3: a backend that counts is asked', () => {
  test('Gemini, by a client of Anthropic', async () => {
    const road = await roadTo('gemini', 'gemini-2.5-pro', { totalTokens: 31 })
    const response = await count(road, ofMessages.path, { ...ofMessages.body, system: 'be brief' })
    expect(await response.json()).toEqual({ input_tokens: 31 })
    const { url, body } = sentOn(road)
    expect(url).toBe('http://g/v1beta/models/gemini-2.5-pro:countTokens')
    expect(body).toMatchObject({
      generateContentRequest: {
        model: 'models/gemini-2.5-pro',
        contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
        systemInstruction: { parts: [{ text: 'be brief' }] },
      },
    })
  })

  test('Gemini at Vertex, which takes the request without what is around it', async () => {
    const road = await roadTo('vertex', 'gemini-2.5-pro', { totalTokens: 31 })
    const response = await count(road, ofResponses.path, ofResponses.body)
    expect(await response.json()).toEqual({ object: 'response.input_tokens', input_tokens: 31 })
    const { url, body } = sentOn(road)
    expect(url).toBe('http://v/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:countTokens')
    expect(body).toMatchObject({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] })
    expect(body).not.toHaveProperty('generateContentRequest')
  })

  test('Gemini at Vertex by a client of Gemini, in the same words', async () => {
    const road = await roadTo('vertex', 'gemini-2.5-pro', { totalTokens: 31 })
    const generateContentRequest = { model: 'models/m', ...ofGemini.body, toolConfig: {} }
    expect(await (await count(road, ofGemini.path, { generateContentRequest })).json()).toEqual({ totalTokens: 31 })
    expect(sentOn(road).body).toEqual(ofGemini.body)
  })

  test.each([ofGemini, ofResponses])('Anthropic, by a client of $path', async ({ path, body }) => {
    const road = await roadTo('anthropic', 'claude-sonnet-4-5', { input_tokens: 12 })
    expect(await tokensIn(await count(road, path, body))).toBe(12)
    const { url, body: sent } = sentOn(road)
    expect(url).toBe('http://a/v1/messages/count_tokens')
    expect(sent).toEqual({ model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hi' }] })
  })

  test('Claude at Bedrock, whose count is of what would be invoked', async () => {
    const model = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
    const road = await roadTo('bedrock', model, { inputTokens: 12 })
    expect(await (await count(road, ofGemini.path, ofGemini.body)).json()).toMatchObject({ totalTokens: 12 })
    const { url, body } = sentOn(road)
    expect(url).toBe(`http://b/model/${encodeURIComponent(model)}/count-tokens`)
    const { input } = body as { input: { invokeModel: { body: string } } }
    expect(JSON.parse(Buffer.from(input.invokeModel.body, 'base64').toString())).toMatchObject({
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: expect.any(Number),
      messages: [{ role: 'user', content: 'hi' }],
    })
  })

  test('OpenAI, for a model that is asked by Responses only', async () => {
    const road = await roadTo('openai', 'gpt-5-pro', { object: 'response.input_tokens', input_tokens: 8 })
    expect(await (await count(road, ofMessages.path, ofMessages.body)).json()).toEqual({ input_tokens: 8 })
    const { url, body } = sentOn(road)
    expect(url).toBe('http://o/v1/responses/input_tokens')
    expect(body).not.toHaveProperty('store')
    expect(body).not.toHaveProperty('stream')
  })

  test('and what it refuses is told in the client’s form', async () => {
    const road = await roadTo(
      'gemini',
      'gemini-2.5-pro',
      { error: { code: 400, message: 'odd', status: 'INVALID_ARGUMENT' } },
      400,
    )
    const response = await count(road, ofMessages.path, ofMessages.body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } })
  })
})

describe('§14.3: without a backend that counts, the answer is an estimate, and nobody is asked', () => {
  const clients = [ofMessages, ofGemini, ofResponses]
  const others = [
    { backend: 'openai', model: 'gpt-5' },
    { backend: 'ollama', model: 'llama' },
    { backend: 'bedrock', model: 'amazon.nova-pro-v1:0' },
  ] as const
  const pairs = others
    .flatMap(({ backend, model }) => clients.map(({ path, body }) => ({ backend, model, path, body })))
    // It knows the path, whatever its model.
    .filter(({ backend, path }) => backend !== 'openai' || path !== ofResponses.path)

  test.each(pairs)('$backend for $path', async ({ backend, model, path, body }) => {
    const road = await roadTo(backend, model, {})
    const response = await count(road, path, body)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain('application/json')
    const tokens = await tokensIn(response)
    expect(tokens).toBeGreaterThan(2)
    expect(tokens).toBeLessThan(20)
    expect(road.sent).toEqual([])
  })

  test('#17.12: it is rather too high than too low', async () => {
    const road = await roadTo('ollama', 'llama', {})
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(100)
    const body = { model: 'm', messages: [{ role: 'user', content: text }] }
    const tokens = await tokensIn(await count(road, ofMessages.path, body))
    // Each word and each full stop is a token.
    expect(tokens).toBeGreaterThan(1000)
    expect(tokens).toBeLessThan(2000)
  })

  test('is an attempt at which nothing went out', async () => {
    const road = await roadTo('ollama', 'llama', {})
    await (await count(road, ofMessages.path, ofMessages.body)).text()
    const [exchange] = road.settled
    expect(exchange?.attempts).toHaveLength(1)
    expect(exchange?.attempts[0]).toMatchObject({ status: 200, sent: undefined })
  })

  test('also where the backend has the form and does not count in it', async () => {
    const road = await roadTo('anthropic', 'x', { error: { message: 'no such path' } }, 404)
    const response = await count(road, ofGemini.path, ofGemini.body)
    expect(response.status).toBe(200)
    expect(await tokensIn(response)).toBeGreaterThan(2)
    expect(road.sent).toHaveLength(1)
  })
})
