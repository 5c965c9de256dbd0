import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { embedMany } from 'ai'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { anthropicAt, geminiAt, openaiAt, vercelAt } from '../support/sdk.ts'

interface Seen {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
}

/** Answers as Gemini, OpenAI and Ollama do, by path. */
const seen: Seen[] = []
const origin = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    const { pathname: path } = new URL(request.url)
    const body = (await request.json()) as Seen['body']
    seen.push({ path, body })
    if (path.endsWith(':batchEmbedContents')) {
      const { requests } = body as { requests: object[] }
      return Response.json({ embeddings: requests.map((_, index) => ({ values: vectorAt(index) })) })
    }
    if (path.endsWith(':countTokens')) return Response.json({ totalTokens: 41 })
    if (path === '/api/embed') {
      const { input } = body as { input: string[] }
      return Response.json({ embeddings: input.map((_, index) => vectorAt(index)), prompt_eval_count: 6 })
    }
    const { input } = body as { input: string[] }
    const data = input.map((_, index) => ({ object: 'embedding', index, embedding: vectorAt(index) })).toReversed()
    return Response.json({ object: 'list', data, model: 'x', usage: { prompt_tokens: 5, total_tokens: 5 } })
  },
})

// Exact in 32 bits, so that base64 loses nothing.
function vectorAt(index: number): number[] {
  return [0.5, -0.25, index]
}

let gateway: RunningGateway

beforeAll(async () => {
  const url = `http://127.0.0.1:${origin.port}`
  gateway = await startGateway(`
proxy_api_key: sk-test
backends:
  - { name: google, url: "${url}", protocol: gemini }
  - { name: oai, url: "${url}/v1", protocol: openai }
  - { name: llama, url: "${url}", protocol: ollama }
models:
  of-google: { routes: [{ backend: google, model: gemini-embedding-001 }] }
  of-openai: { routes: [{ backend: oai, model: text-embedding-3-small }] }
  of-ollama: { routes: [{ backend: llama, model: nomic-embed-text }] }
`)
})

beforeEach(() => void (seen.length = 0))

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await origin.stop(true)
})

describe('§14.2: vectors, by SDKs of another provider than the backend’s', () => {
  test.each(['of-google', 'of-ollama'])('openai, which asks for base64 by itself, and %s', async (model) => {
    const { data, usage } = await openaiAt(gateway).embeddings.create({ model, input: ['a', 'b'] })
    expect(data.map(({ embedding }) => Array.from(embedding))).toEqual([vectorAt(0), vectorAt(1)])
    expect(usage.prompt_tokens).toBeGreaterThan(0)
    expect(seen).toHaveLength(1)
  })

  test('openai with floats, and the name that was asked for', async () => {
    const asked = { model: 'of-google', input: 'a', encoding_format: 'float', dimensions: 3 } as const
    const answer = await openaiAt(gateway).embeddings.create(asked)
    expect(answer).toMatchObject({ model: 'of-google', data: [{ index: 0, embedding: vectorAt(0) }] })
    expect(seen[0]?.body).toMatchObject({ requests: [{ outputDimensionality: 3 }] })
  })

  test('the AI SDK and Gemini', async () => {
    const { embeddings } = await embedMany({
      model: vercelAt(gateway).textEmbeddingModel('of-google'),
      values: ['a', 'b', 'c'],
    })
    expect(embeddings).toEqual([vectorAt(0), vectorAt(1), vectorAt(2)])
  })

  test.each(['of-openai', 'of-ollama'])('genai and %s', async (model) => {
    const { embeddings } = await geminiAt(gateway).models.embedContent({ model, contents: ['a', 'b'] })
    expect(embeddings?.map(({ values }) => values)).toEqual([vectorAt(0), vectorAt(1)])
    expect(seen[0]?.body['input']).toEqual(['a', 'b'])
  })
})

describe('§14.3: tokens are counted', () => {
  const messages = [{ role: 'user' as const, content: 'hi there' }]

  test('for Anthropic’s SDK by Gemini', async () => {
    const counted = await anthropicAt(gateway).messages.countTokens({ model: 'of-google', messages })
    expect(counted.input_tokens).toBe(41)
    expect(seen[0]?.path).toBe('/v1beta/models/gemini-embedding-001:countTokens')
  })

  test('for Anthropic’s and Google’s SDK by nobody, where the backend does not count', async () => {
    const counted = await anthropicAt(gateway).messages.countTokens({ model: 'of-ollama', messages })
    const { totalTokens } = await geminiAt(gateway).models.countTokens({ model: 'of-ollama', contents: 'hi there' })
    const ofResponses = await openaiAt(gateway).responses.inputTokens.count({ model: 'of-ollama', input: 'hi there' })
    expect(counted.input_tokens).toBeGreaterThan(2)
    expect(totalTokens).toBe(counted.input_tokens)
    expect(ofResponses).toEqual({ object: 'response.input_tokens', input_tokens: counted.input_tokens })
    expect(seen).toEqual([])
  })
})
