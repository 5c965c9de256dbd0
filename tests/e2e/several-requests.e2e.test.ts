import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { openaiAt, raised, vercelAt } from '../support/sdk.ts'
import { embedMany } from 'ai'

/*
 * What one request of a provider is too little for is asked for in several: batches of vectors, lists of prompts, several
 * answers. The official SDKs learn nothing of it.
 */

let running = 0
let most = 0
let left = 0
const seen: string[] = []

/** Gemini, Cohere, Bedrock and Claude, by path; what the text says decides how it answers. */
const origin = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  idleTimeout: 30,
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const body = asObject(await request.json()) ?? {}
    const texts = textsOf(body)
    seen.push(pathname)
    most = Math.max(most, (running += 1))
    request.signal.addEventListener('abort', () => void (left += 1), { once: true })
    try {
      return await answerTo(pathname, body, texts, request.signal)
    } finally {
      running -= 1
    }
  },
})

async function answerTo(
  path: string,
  body: JsonObject,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Response> {
  if (texts.includes('odd'))
    return Response.json({ message: 'this one is odd', error: { message: 'this one is odd' } }, { status: 400 })
  if (texts.includes('endless')) await gone(signal)
  // Later ones are answered first.
  await Bun.sleep(texts.some((text) => /[02468]$/.test(text)) ? 20 : 1)
  const vectors = texts.map(vectorFor)
  if (path.endsWith(':batchEmbedContents')) return Response.json({ embeddings: vectors.map((values) => ({ values })) })
  if (path.endsWith('/v2/embed')) {
    return Response.json({ embeddings: { float: vectors }, meta: { billed_units: { input_tokens: texts.length } } })
  }
  if (path.endsWith('/invoke')) return Response.json({ embedding: vectors[0], inputTextTokenCount: 1 })
  const text = `re ${texts[0] ?? ''}`
  if (path.includes('generateContent')) {
    return Response.json({
      candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP', index: 0 }],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 },
    })
  }
  if (path.includes('streamGenerateContent')) return geminiStream(text)
  if (path.endsWith('/converse')) {
    return Response.json({
      output: { message: { role: 'assistant', content: [{ text }] } },
      stopReason: 'end_turn',
      usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 },
    })
  }
  if (body['stream'] === true) return cohereStream(text)
  return Response.json({
    id: 'c',
    finish_reason: 'COMPLETE',
    message: { role: 'assistant', content: [{ type: 'text', text }] },
    usage: { tokens: { input_tokens: 3, output_tokens: 2 } },
  })
}

async function gone(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function geminiStream(text: string): Response {
  return events(
    text.split(' ').map((word, at, words) => ({
      candidates: [
        {
          content: { role: 'model', parts: [{ text: at === 0 ? word : ` ${word}` }] },
          index: 0,
          ...(at === words.length - 1 && { finishReason: 'STOP' }),
        },
      ],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 },
    })),
  )
}

function cohereStream(text: string): Response {
  return events([
    { type: 'message-start', id: 'c', delta: { message: { role: 'assistant', content: [] } } },
    { type: 'content-start', index: 0, delta: { message: { content: { type: 'text', text: '' } } } },
    ...text
      .split(/(?= )/)
      .map((word) => ({ type: 'content-delta', index: 0, delta: { message: { content: { text: word } } } })),
    { type: 'content-end', index: 0 },
    {
      type: 'message-end',
      delta: { finish_reason: 'COMPLETE', usage: { tokens: { input_tokens: 3, output_tokens: 2 } } },
    },
  ])
}

/** Each in a piece of its own, after a moment. */
function events(all: readonly object[]): Response {
  const body = async function* (): AsyncGenerator<Uint8Array> {
    for (const event of all) {
      await Bun.sleep(2)
      yield new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`)
    }
  }
  return new Response(body(), { headers: { 'content-type': 'text/event-stream' } })
}

function textsOf(body: JsonObject): string[] {
  const only = asText(body['inputText'])
  if (only !== undefined) return [only]
  if (body['texts'] !== undefined) return asList(body['texts']).map((text) => asText(text) ?? '')
  const turns = asList(body['requests'] ?? body['contents'] ?? body['messages'])
  return turns.map((value) => {
    const turn = asObject(value) ?? {}
    const content = asObject(turn['content']) ?? turn
    const [part] = asList(content['parts'] ?? content['content'])
    return asText(content['content']) ?? asText(asObject(part)?.['text']) ?? ''
  })
}

/** Exact in 32 bits, so that base64 loses nothing. */
function vectorFor(text: string): number[] {
  return [Number(text.replace(/\D/g, '')), -0.25]
}

let gateway: RunningGateway

beforeAll(async () => {
  const url = `http://127.0.0.1:${origin.port}`
  gateway = await startGateway(`
proxy_api_key: sk-test
compat: { n: fanout }
backends:
  - { name: google, url: "${url}", protocol: gemini }
  - { name: single, url: "${url}", protocol: gemini, max_connections: 1 }
  - { name: cohere, url: "${url}/v2", protocol: cohere }
  - { name: amazon, url: "${url}", protocol: bedrock }
models:
  of-google: { routes: [{ backend: google, model: gemini-embedding-001 }] }
  of-cohere: { routes: [{ backend: cohere, model: embed-v4.0 }] }
  of-amazon: { routes: [{ backend: amazon, model: "amazon.titan-embed-text-v2:0" }] }
  by-google: { routes: [{ backend: google, model: gemini-2.5-flash }] }
  by-single: { routes: [{ backend: single, model: gemini-2.5-flash }] }
  by-cohere: { routes: [{ backend: cohere, model: command-a-03-2025 }] }
  by-amazon: { routes: [{ backend: amazon, model: "amazon.nova-pro-v1:0" }] }
`)
})

beforeEach(async () => {
  await eventually(() => running === 0)
  seen.length = 0
  most = 0
  left = 0
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await origin.stop(true)
})

function inputs(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `t${at}`)
}

describe('§14.2: batches of vectors beyond the limit of a model', () => {
  test.each([
    { model: 'of-google', count: 250, requests: 3 },
    { model: 'of-cohere', count: 200, requests: 3 },
    { model: 'of-amazon', count: 12, requests: 12 },
  ])('openai and $count inputs for $model, which takes $requests requests', async ({ model, count, requests }) => {
    const { data, usage } = await openaiAt(gateway).embeddings.create({ model, input: inputs(count) })
    expect(data.map(({ embedding }) => Array.from(embedding))).toEqual(inputs(count).map(vectorFor))
    expect(data.map(({ index }) => index)).toEqual(data.map((_, at) => at))
    expect(usage.prompt_tokens).toBeGreaterThanOrEqual(count / 2)
    expect(seen).toHaveLength(requests)
    expect(most).toBeLessThanOrEqual(4)
  })

  test('the AI SDK', async () => {
    const model = vercelAt(gateway).textEmbeddingModel('of-amazon')
    const { embeddings } = await embedMany({ model, values: inputs(7) })
    expect(embeddings).toEqual(inputs(7).map(vectorFor))
  })

  test('one that fails fails all, with its own error', async () => {
    const input = [...inputs(5), 'odd', ...inputs(5)]
    const asking = openaiAt(gateway).embeddings.create({ model: 'of-amazon', input })
    expect(await raised(asking)).toMatchObject({ status: 400, message: expect.stringContaining('this one is odd') })
    expect(seen.length).toBeLessThan(11)
  })

  test('a client that leaves ends all of them', async () => {
    const leaving = new AbortController()
    const asked = { model: 'of-amazon', input: ['endless', 'endless', 'endless', 'endless', 'endless'] }
    const asking = raised(openaiAt(gateway).embeddings.create(asked, { signal: leaving.signal }))
    await eventually(() => seen.length === 4)
    leaving.abort()
    await asking
    await eventually(() => left === 4)
    expect(seen).toHaveLength(4)
  })
})

describe('§14.1: several prompts', () => {
  const prompt = inputs(6)

  test.each(['by-google', 'by-cohere', 'by-amazon', 'by-single'])('openai and %s', async (model) => {
    const { choices, usage } = await openaiAt(gateway).completions.create({ model, prompt })
    expect(choices.map(({ text, index, finish_reason }) => [index, text, finish_reason])).toEqual(
      prompt.map((text, at) => [at, `re ${text}`, 'stop']),
    )
    expect(usage).toMatchObject({ prompt_tokens: 18, completion_tokens: 12 })
    expect([seen.length, most]).toEqual([6, model === 'by-single' ? 1 : 4])
  })

  test.each(['by-google', 'by-cohere', 'by-single'])('openai and %s, streamed', async (model) => {
    const stream = await openaiAt(gateway).completions.create({
      model,
      prompt,
      stream: true,
      stream_options: { include_usage: true },
    })
    const said = prompt.map(() => '')
    const finished = new Set<number>()
    let total = 0
    for await (const { choices, usage } of stream) {
      for (const { index, text, finish_reason: reason } of choices) {
        expect(finished.has(index)).toBe(false)
        said[index] = (said[index] ?? '') + text
        if ((reason as string | null) !== null) finished.add(index)
      }
      total = usage?.total_tokens ?? total
    }
    expect(said).toEqual(prompt.map((text) => `re ${text}`))
    expect([finished.size, total]).toEqual([6, 30])
  })

  test('one that is refused before any content is told with its own status', async () => {
    const asked = { model: 'by-cohere', prompt: ['endless', 'odd'], stream: true as const }
    expect(await raised(openaiAt(gateway).completions.create(asked))).toMatchObject({ status: 400 })
  })

  test('a client that leaves ends all of them', async () => {
    const leaving = new AbortController()
    const asked = { model: 'by-google', prompt: ['endless', 'endless', 'endless'] }
    const asking = raised(openaiAt(gateway).completions.create(asked, { signal: leaving.signal }))
    await eventually(() => seen.length === 3)
    leaving.abort()
    await asking
    await eventually(() => left === 3)
  })
})

test('§3: compat.n: fanout, openai, three answers of Cohere, streamed and not', async () => {
  const asked = { model: 'by-cohere', n: 3, messages: [{ role: 'user' as const, content: 't1' }] }
  const { choices } = await openaiAt(gateway).chat.completions.create(asked)
  expect(choices.map(({ index, message }) => [index, message.content])).toEqual([0, 1, 2].map((at) => [at, 're t1']))
  const final = await openaiAt(gateway).chat.completions.stream(asked).finalChatCompletion()
  expect(final.choices.map(({ message }) => message.content)).toEqual(['re t1', 're t1', 're t1'])
})

test('the line that ends the request tells how many it took', async () => {
  await openaiAt(gateway).embeddings.create({ model: 'of-amazon', input: inputs(5) })
  await gateway.told(/parts=5/)
})
