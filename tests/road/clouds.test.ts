import { describe, expect, test } from 'bun:test'
import type { OutgoingRequest } from '#ports/transport.ts'
import { awsChunk, awsEvent, awsException } from '../support/aws-frames.ts'
import { chatAnswer, openRoad, type Road, type Upstream } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

const bedrock = 'https://bedrock-runtime.us-east-1.amazonaws.com'
const vertex = 'https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1'
const claude = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const claudePath = '/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0'

async function roadTo(backend: string, model: string, upstream: Upstream, hasSpare = true): Promise<Road> {
  const spare = hasSpare ? ', { backend: spare, model: s, priority: 2 }' : ''
  const routes = `{ backend: a, model: "${model}", priority: 1 }${spare}`
  const yaml = `
backends: [{ name: a, ${backend} }, { name: spare, url: "http://spare/v1" }]
models: { m: { routes: [${routes}] } }`
  return await openRoad(yaml, async (request, road) =>
    request.url.hostname === 'spare' ? chatAnswer('spare') : await upstream(request, road),
  )
}

async function messages(road: Road, extra: object = {}): Promise<Response> {
  const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }], ...extra })
  return await road.fetch('/v1/messages', { method: 'POST', body })
}

async function generate(road: Road, verb: string): Promise<Response> {
  const body = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] })
  return await road.fetch(`/v1beta/models/m:${verb}`, { method: 'POST', body })
}

function first({ sent }: Road): OutgoingRequest {
  const [request] = sent
  if (request === undefined) throw new Error('The upstream was not asked')
  return request
}

function bodyOf(road: Road): unknown {
  return JSON.parse(sentBy(first(road)).toString())
}

function headerOf(road: Road, name: string): string | undefined {
  return first(road).headers.find(([own]) => own.toLowerCase() === name)?.[1]
}

/** Cut at places that mean nothing. */
function awsStream(...frames: readonly Uint8Array[]): Response {
  const bytes = Buffer.concat(frames)
  const chunks = Array.from({ length: Math.ceil(bytes.length / 37) }, (_, at) => bytes.subarray(at * 37, (at + 1) * 37))
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.shift()
      if (chunk === undefined) controller.close()
      else controller.enqueue(new Uint8Array(chunk))
    },
  })
  return new Response(body, { headers: { 'content-type': 'application/vnd.amazon.eventstream' } })
}

const conversed = [
  awsEvent('messageStart', { role: 'assistant', p: 'abc' }),
  awsEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'hel' }, p: 'a' }),
  awsEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'lo' } }),
  awsEvent('contentBlockStop', { contentBlockIndex: 0 }),
  awsEvent('messageStop', { stopReason: 'end_turn' }),
  awsEvent('metadata', { usage: { inputTokens: 3, outputTokens: 2 } }),
]

/** Text of a Chat stream, and how it ended. */
function chatText(stream: string): string {
  return stream
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice('data: '.length))
    .map((data) => (data === '[DONE]' ? '.' : (JSON.parse(data).choices[0]?.delta.content ?? '')))
    .join('')
}

describe('§12.2: Bedrock', () => {
  test('a Chat client streams from Converse', async () => {
    const road = await roadTo(`url: "${bedrock}", protocol: bedrock, api_key: k`, 'amazon.nova-pro-v1:0', () =>
      awsStream(...conversed),
    )
    const response = await road.chat('m', { stream: true })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(chatText(await response.text())).toBe('hello.')
    expect(first(road).url.href).toBe(`${bedrock}/model/amazon.nova-pro-v1%3A0/converse-stream`)
    expect(bodyOf(road)).toEqual({ messages: [{ role: 'user', content: [{ text: 'hi' }] }] })
    expect(headerOf(road, 'authorization')).toBe('Bearer k')
    expect(headerOf(road, 'accept')).toBe('application/vnd.amazon.eventstream')
  })

  test('a Messages client gets a body of Converse as one of its own', async () => {
    const road = await roadTo(`url: "${bedrock}", protocol: aws`, 'amazon.nova-pro-v1:0', () =>
      Response.json({
        output: { message: { role: 'assistant', content: [{ text: 'hello' }] } },
        stopReason: 'end_turn',
        usage: { inputTokens: 3, outputTokens: 2 },
      }),
    )
    expect(await (await messages(road)).json()).toMatchObject({
      type: 'message',
      model: 'm',
      content: [{ type: 'text', text: 'hello' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 3, output_tokens: 2 },
    })
    expect(bodyOf(road)).toMatchObject({ inferenceConfig: { maxTokens: 9 } })
  })

  const events = [
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        content: [],
        model: 'c',
        usage: { input_tokens: 3, output_tokens: 1 },
      },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hello' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ]
  const invoked = events.map((event) =>
    awsChunk(event.type === 'message_stop' ? { ...event, 'amazon-bedrock-invocationMetrics': {} } : event),
  )

  test('a Messages client gets the events of Claude as Claude wrote them', async () => {
    const road = await roadTo(`url: "${bedrock}", protocol: bedrock`, claude, () => awsStream(...invoked))
    const text = await (await messages(road, { stream: true })).text()
    expect(text).toBe(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''))
    expect(first(road).url.href).toBe(`${bedrock}${claudePath}/invoke-with-response-stream`)
    expect(bodyOf(road)).toEqual({
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'hi' }],
    })
  })

  test('a Chat client is served by Claude too, in a body and in a stream', async () => {
    const road = await roadTo(`url: "${bedrock}", protocol: bedrock`, claude, ({ url }) =>
      url.pathname.endsWith('/invoke')
        ? Response.json({ ...events[0]?.message, content: [{ type: 'text', text: 'hello' }], stop_reason: 'end_turn' })
        : awsStream(...invoked),
    )
    expect(await (await road.chat('m', { max_tokens: 9 })).json()).toMatchObject({
      choices: [{ message: { content: 'hello' } }],
    })
    expect(chatText(await (await road.chat('m', { stream: true, max_tokens: 9 })).text())).toBe('hello.')
    expect(road.sent.map(({ url }) => url.pathname)).toEqual([
      `${claudePath}/invoke`,
      `${claudePath}/invoke-with-response-stream`,
    ])
    expect(bodyOf(road)).toMatchObject({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 9 })
    expect(bodyOf(road)).not.toHaveProperty('model')
  })

  test('requests are signed where the backend has keys of AWS', async () => {
    const keys = 'access_key_id: AKIAIOSFODNN7EXAMPLE, secret_access_key: wJalrXUtnFEMI'
    const road = await roadTo(`url: "${bedrock}", protocol: bedrock, credentials: [{ ${keys} }]`, claude, () =>
      awsStream(...invoked),
    )
    await (await messages(road, { stream: true })).text()
    expect(headerOf(road, 'authorization')).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/\d{8}\/us-east-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/,
    )
  })

  test.each([
    {
      name: 'an exception in place of content',
      answer: () => awsStream(awsException('serviceUnavailableException', { message: 'busy' })),
    },
    {
      name: 'a stream that is none',
      answer: () => new Response('<html>', { headers: { 'content-type': 'application/vnd.amazon.eventstream' } }),
    },
    {
      name: 'an error',
      answer: () =>
        Response.json(
          { message: 'slow down' },
          { status: 429, headers: { 'x-amzn-errortype': 'ThrottlingException:http://x' } },
        ),
    },
  ])('$name is a failure: the next route is asked', async ({ answer }) => {
    const road = await roadTo(`url: "${bedrock}", protocol: bedrock`, 'amazon.nova-pro-v1:0', answer)
    expect(await (await road.chat('m', { stream: true })).text()).toContain('spare')
    expect(road.sent).toHaveLength(2)
  })

  test('an error that is the client’s to see is told in its form', async () => {
    const road = await roadTo(
      `url: "${bedrock}", protocol: bedrock`,
      claude,
      () =>
        Response.json(
          { message: 'Input is too long for requested model.' },
          { status: 400, headers: { 'x-amzn-errortype': 'ValidationException' } },
        ),
      false,
    )
    const response = await road.chat('m')
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: 'context_length_exceeded' } })
  })
})

describe('§12.3: Vertex', () => {
  const said = {
    candidates: [{ content: { role: 'model', parts: [{ text: 'hello' }] }, finishReason: 'STOP', index: 0 }],
  }

  test('a Gemini client is served as by the Gemini API', async () => {
    const road = await roadTo(`url: "${vertex}", protocol: vertex, api_key: k`, 'gemini-2.5-pro', () =>
      Response.json(said),
    )
    expect(await (await generate(road, 'generateContent')).json()).toEqual(said)
    expect(first(road).url.href).toBe(`${vertex}/publishers/google/models/gemini-2.5-pro:generateContent`)
    expect(bodyOf(road)).toEqual({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] })
    expect(headerOf(road, 'x-goog-api-key')).toBe('k')
  })

  test('a Chat client streams from Gemini', async () => {
    const stream = `data: ${JSON.stringify(said)}\r\n\r\n`
    const road = await roadTo(`url: "${vertex}", protocol: vertex_ai`, 'gemini-2.5-pro', () => {
      return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
    })
    expect(chatText(await (await road.chat('m', { stream: true })).text())).toBe('hello.')
    expect(first(road).url.href).toBe(`${vertex}/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse`)
  })

  test.each([
    { client: messages, verb: 'rawPredict' },
    { client: async (road: Road) => await road.chat('m', { max_tokens: 9 }), verb: 'rawPredict' },
  ])('Claude is asked at its publisher', async ({ client, verb }) => {
    const road = await roadTo(`url: "${vertex}", protocol: vertex`, 'claude-sonnet-4-5@20250929', () =>
      Response.json({
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'c',
        content: [{ type: 'text', text: 'hello' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 1, output_tokens: 1 },
      }),
    )
    expect(await (await client(road)).text()).toContain('hello')
    expect(first(road).url.href).toBe(`${vertex}/publishers/anthropic/models/claude-sonnet-4-5@20250929:${verb}`)
    expect(bodyOf(road)).toMatchObject({ anthropic_version: 'vertex-2023-10-16', messages: [{ role: 'user' }] })
    expect(bodyOf(road)).not.toHaveProperty('model')
  })

  test('models of others are asked as OpenAI’s are', async () => {
    const road = await roadTo(`url: "${vertex}", protocol: google_vertex`, 'meta/llama-4', () => chatAnswer('hello'))
    expect(await (await road.chat('m')).json()).toMatchObject({ choices: [{ message: { content: 'hello' } }] })
    expect(first(road).url.href).toBe(`${vertex}/endpoints/openapi/chat/completions`)
    expect(bodyOf(road)).toMatchObject({ model: 'meta/llama-4' })
  })
})

describe('§12.1: Azure', () => {
  test('Claude is asked beside OpenAI’s models, in its own form', async () => {
    const road = await roadTo(
      'url: "https://x.services.ai.azure.com/anthropic", protocol: azure, api_key: k',
      'claude-opus-4-5',
      () =>
        Response.json({
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model: 'c',
          content: [{ type: 'text', text: 'hello' }],
          stop_reason: 'end_turn',
          usage: { input_tokens: 1, output_tokens: 1 },
        }),
    )
    expect(await (await road.chat('m')).json()).toMatchObject({ choices: [{ message: { content: 'hello' } }] })
    expect(first(road).url.href).toBe('https://x.services.ai.azure.com/anthropic/v1/messages')
    expect(headerOf(road, 'x-api-key')).toBe('k')
    expect(bodyOf(road)).toMatchObject({ model: 'claude-opus-4-5' })
  })

  test('a model that has no Chat is asked by Responses', async () => {
    const road = await roadTo('url: "https://x.openai.azure.com/openai/v1", protocol: azure', 'gpt-5-pro', () =>
      Response.json({
        id: 'resp_1',
        object: 'response',
        created_at: 1,
        status: 'completed',
        model: 'gpt-5-pro',
        output: [
          {
            type: 'message',
            id: 'msg_1',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text: 'hello', annotations: [] }],
          },
        ],
        usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
      }),
    )
    expect(await (await road.chat('m')).json()).toMatchObject({ choices: [{ message: { content: 'hello' } }] })
    expect(first(road).url.href).toBe('https://x.openai.azure.com/openai/v1/responses')
  })
})
