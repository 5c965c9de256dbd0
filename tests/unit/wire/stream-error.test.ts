import { GoogleGenAI } from '@google/genai'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { HeadJudge } from '#wire/stream-head.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { faultOf, streamError, type StreamFault } from '#wire/stream-error.ts'
import { bytesOf, sampleStreams } from '../../support/streams.ts'

const decoder = new TextDecoder()
const fault: StreamFault = {
  code: 'stream_incomplete',
  message: 'Cannot go on: the "upstream" broke\n\u2028',
  requestId: 'req_1',
  position: 'between',
}
const spelled = JSON.stringify(fault.message).replace('\u2028', '\\u2028')

function textsOf(form: StreamForm, more: Partial<StreamFault> = {}): string[] {
  return streamError(form, { ...fault, ...more }).map((piece) => decoder.decode(piece))
}

const openaiError = `data: {"error":{"message":${spelled},"type":"server_error","code":"stream_incomplete","param":null}}\n\n`
const geminiError = `{"error":{"code":503,"message":${spelled},"status":"UNAVAILABLE"}}`

const forms: { form: StreamForm; pieces: string[] }[] = [
  { form: 'chat', pieces: [openaiError] },
  { form: 'completions', pieces: [openaiError] },
  {
    form: 'messages',
    pieces: [
      `event: error\ndata: {"type":"error","error":{"type":"api_error","message":${spelled}},"request_id":"req_1"}\n\n`,
    ],
  },
  { form: 'gemini_sse', pieces: [`data: ${geminiError}\n\n`, geminiError] },
  { form: 'gemini_array', pieces: [`,\r\n${geminiError}]`] },
  { form: 'ndjson', pieces: [`{"error":${spelled}}\n`] },
]

interface Names {
  readonly openai: string
  readonly responses: string
  readonly anthropic: string
  readonly gemini: string
}

const busy: Names = {
  openai: 'server_error',
  responses: 'server_error',
  anthropic: 'overloaded_error',
  gemini: '503 UNAVAILABLE',
}
const late: Names = {
  openai: 'timeout_error',
  responses: 'server_error',
  anthropic: 'timeout_error',
  gemini: '504 DEADLINE_EXCEEDED',
}
const limited: Names = {
  openai: 'rate_limit_error',
  responses: 'rate_limit_exceeded',
  anthropic: 'rate_limit_error',
  gemini: '429 RESOURCE_EXHAUSTED',
}

const named: { name: string; more: Partial<StreamFault>; names: Names }[] = [
  { name: 'a rate limit', more: { code: 'rate_limit_exceeded', status: 429 }, names: limited },
  { name: 'a rate limit of whatever code', more: { code: 'tokens', status: 429 }, names: limited },
  { name: 'an overload', more: { code: 'upstream_error', status: 529 }, names: { ...busy, gemini: '529 UNAVAILABLE' } },
  { name: 'no backend', more: { code: 'no_backend_available' }, names: busy },
  { name: 'a shutdown', more: { code: 'shutting_down' }, names: busy },
  { name: 'a timeout by its code', more: { code: 'upstream_timeout' }, names: late },
  { name: 'a timeout by its status', more: { code: 'x', status: 504 }, names: late },
  {
    name: 'a broken connection',
    more: { code: 'upstream_error' },
    names: {
      openai: 'upstream_error',
      responses: 'server_error',
      anthropic: 'api_error',
      gemini: '502 UNAVAILABLE',
    },
  },
  {
    name: 'an unknown code without a status',
    more: { code: 'x' },
    names: { openai: 'server_error', responses: 'server_error', anthropic: 'api_error', gemini: '503 UNAVAILABLE' },
  },
  {
    name: 'a bad request',
    more: { code: 'x', status: 400 },
    names: {
      openai: 'invalid_request_error',
      responses: 'invalid_prompt',
      anthropic: 'invalid_request_error',
      gemini: '400 INVALID_ARGUMENT',
    },
  },
]

describe('streamError()', () => {
  test.each(forms)('B44: ends a $form stream in its own protocol', ({ form, pieces }) => {
    expect(textsOf(form)).toEqual(pieces)
  })

  test.each(named)('B44: names $name as each dialect does', ({ more, names }) => {
    const [chat, responses, messages, gemini] = (['chat', 'responses', 'messages', 'gemini_sse'] as const).map((form) =>
      JSON.parse(/^data: (.*)$/m.exec(textsOf(form, more)[0] ?? '')?.[1] ?? ''),
    )
    expect(chat.error).toMatchObject({ type: names.openai, code: more.code })
    expect(responses).toMatchObject({ code: names.responses, error: { type: names.openai, code: names.responses } })
    expect(textsOf('responses', more)[0]).toContain(`"error":{"code":"${names.responses}","message"`)
    expect(messages.error).toMatchObject({ type: names.anthropic })
    expect(`${gemini.error.code} ${gemini.error.status}`).toBe(names.gemini)
  })

  test("B44: an upstream's own type goes before ours", () => {
    expect(textsOf('chat', { status: 500, type: 'tokens' })[0]).toContain('"type":"tokens"')
    expect(textsOf('responses', { status: 500, type: 'tokens' })[0]).toContain('"type":"tokens"')
    expect(textsOf('messages', { status: 500, type: 'billing_error' })[0]).toContain('"type":"billing_error"')
    expect(textsOf('gemini_sse', { status: 400, type: 'FAILED_PRECONDITION' })[0]).toContain(
      '"status":"FAILED_PRECONDITION"',
    )
  })

  test('B44: tells a responses stream flat and nested, then as a failed response', () => {
    const [text = '', ...others] = textsOf('responses')
    expect(others).toEqual([])
    const [first = '', second = '', rest] = text.split('\n\n')
    expect(rest).toBe('')
    const [error, failed] = [first, second].map((event) => JSON.parse(event.replace(/^event: .*\ndata: /, '')))
    expect(first).toStartWith('event: error\n')
    expect(error).toMatchObject({
      type: 'error',
      code: 'server_error',
      message: fault.message,
      param: null,
      sequence_number: 0,
    })
    expect(error.error).toEqual({ type: 'server_error', code: 'server_error', message: fault.message, param: null })
    expect(second).toStartWith('event: response.failed\n')
    expect(failed).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error', message: fault.message }, output: [] },
    })
  })

  test('ends half a line of a stream of lines', () => {
    expect(textsOf('ndjson', { position: 'inside' })).toEqual([`\n{"error":${spelled}}\n`])
    expect(textsOf('ndjson', { position: 'start' })).toEqual([`{"error":${spelled}}\n`])
  })

  test.each(forms.filter(({ form }) => form !== 'gemini_array' && form !== 'ndjson'))(
    'closes half an event of a $form stream with a blank line',
    ({ form, pieces }) => {
      const [first, ...rest] = pieces
      expect(textsOf(form, { position: 'inside' })).toEqual([`\n\n${first}`, ...rest])
      expect(textsOf(form, { position: 'start' })).toEqual(pieces)
    },
  )

  test('opens an array that had not begun, and has no way into the middle of an element', () => {
    expect(textsOf('gemini_array', { position: 'start' })).toEqual([`[${geminiError}]`])
    expect(textsOf('gemini_array', { position: 'inside' })).toEqual([])
  })

  test('is understood as an error by our own readers, at the head and at the end of a stream', () => {
    for (const { form, events, contentAt } of sampleStreams) {
      const head = new HeadJudge(form)
      const position = form === 'gemini_array' ? 'start' : 'between'
      const [first = new Uint8Array()] = streamError(form, { ...fault, position })
      expect(head.push(first)).toMatchObject({ message: fault.message })
      const end = new StreamEnd(form)
      end.see(bytesOf(events.slice(0, contentAt + 1)))
      for (const piece of streamError(form, fault)) end.see(piece)
      expect(end.verdict()).toBe('errored')
    }
  })
})

const reports = [
  {
    name: 'OpenAI',
    dialect: 'openai',
    status: 429,
    body: { error: { message: 'slow down', type: 'tokens', param: null, code: 'rate_limit_exceeded' } },
    fault: { code: 'rate_limit_exceeded', message: 'slow down', status: 429, type: 'tokens' },
  },
  {
    name: 'Anthropic',
    dialect: 'anthropic',
    status: 529,
    body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' }, request_id: 'r' },
    fault: { code: 'upstream_error', message: 'Overloaded', status: 529, type: 'overloaded_error' },
  },
  {
    name: 'Google',
    dialect: 'gemini',
    status: 429,
    body: { error: { code: 429, message: 'quota', status: 'RESOURCE_EXHAUSTED' } },
    fault: { code: 'rate_limit_exceeded', message: 'quota', status: 429, type: 'RESOURCE_EXHAUSTED' },
  },
  {
    name: 'Google in a list',
    dialect: 'gemini',
    status: 400,
    body: [{ error: { code: 400, message: 'no', status: 'FAILED_PRECONDITION' } }],
    fault: { code: 'upstream_error', message: 'no', status: 400, type: 'FAILED_PRECONDITION' },
  },
  {
    name: 'Ollama',
    dialect: 'ollama',
    status: 404,
    body: { error: 'model "x" not found' },
    fault: { code: 'upstream_error', message: 'model "x" not found', status: 404, type: undefined },
  },
  {
    name: 'a server that answers Google clients in the words of OpenAI',
    dialect: 'gemini',
    status: 503,
    body: { error: { message: 'busy', type: 'server_error' } },
    fault: { code: 'upstream_error', message: 'busy', status: 503, type: undefined },
  },
  {
    name: 'a server without an envelope',
    dialect: 'openai',
    status: 422,
    body: { detail: 'max_tokens is too large' },
    fault: { code: 'upstream_error', message: 'max_tokens is too large', status: 422, type: undefined },
  },
  {
    name: 'an error under the status 200',
    dialect: 'openai',
    status: 200,
    body: { error: { message: 'pay', code: 402 } },
    fault: { code: 'upstream_error', message: 'pay', status: 402, type: undefined },
  },
  {
    name: 'an error with addresses',
    dialect: 'openai',
    status: 429,
    body: { error: { message: 'see https://platform.test/limits?org=1, or (HTTP://10.0.0.1:80/x)' } },
    fault: {
      code: 'rate_limit_exceeded',
      message: 'see (address removed) or ((address removed))',
      status: 429,
      type: undefined,
    },
  },
] as const

describe('faultOf()', () => {
  test.each([...reports])(
    'B44: takes what $name says for the end of a stream',
    ({ body, status, dialect, fault: wanted }) => {
      expect(faultOf(Buffer.from(JSON.stringify(body)), status, dialect)).toEqual(wanted)
    },
  )

  test.each([
    { name: 'a web page', body: '<html>https://x</html>', status: 502 },
    { name: 'nothing', body: '', status: 500 },
    { name: 'an answer', body: '{"choices":[],"message":"hi"}', status: 200 },
    { name: 'an error without words', body: '{"status":500}', status: 500 },
    { name: 'an error that is too large', body: JSON.stringify({ error: 'x'.repeat(70_000) }), status: 500 },
  ])('has no words of its own for $name', ({ body, status }) => {
    expect(faultOf(Buffer.from(body), status, 'openai')).toBeUndefined()
  })

  test('is as short as it must be, whatever the upstream says', () => {
    const long = 'x'.repeat(10_000)
    const body = JSON.stringify({ error: { message: long, type: long, code: `${long}\n` } })
    expect(faultOf(Buffer.from(body), 429, 'openai')).toEqual({
      code: 'rate_limit_exceeded',
      message: 'x'.repeat(500),
      status: 429,
      type: undefined,
    })
  })
})

/** What a client gets: a stream up to its first content, then the error in its pieces. */
function brokenStream(form: StreamForm): Response {
  const { events, contentAt } = sampleStreams.find((sample) => sample.form === form) ?? { events: [], contentAt: 0 }
  const pieces = [bytesOf(events.slice(0, contentAt + 1)), ...streamError(form, fault)]
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces.shift()
      if (piece === undefined) controller.close()
      else controller.enqueue(piece)
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

/** What reading a stream to its end throws. */
async function failureOf(stream: AsyncIterable<unknown>): Promise<unknown> {
  let count = 0
  try {
    for await (const _ of stream) count++
  } catch (error) {
    return error
  }
  return `no failure in ${count} events`
}

function expectFailure(failure: unknown): void {
  expect(failure).toBeInstanceOf(Error)
  expect(String(failure)).toContain('Cannot go on')
}

function openai(form: StreamForm): OpenAI {
  const fetch = async (): Promise<Response> => brokenStream(form)
  return new OpenAI({ apiKey: 'k', baseURL: 'http://loopback.invalid/v1', maxRetries: 0, fetch })
}

describe('official clients raise the error that ends a stream', () => {
  test('openai, chat', async () => {
    const stream = await openai('chat').chat.completions.create({ model: 'm', messages: [], stream: true })
    expectFailure(await failureOf(stream))
  })

  test('openai, responses', async () => {
    const stream = await openai('responses').responses.create({ model: 'm', input: 'x', stream: true })
    expectFailure(await failureOf(stream))
  })

  test('anthropic', async () => {
    const client = new Anthropic({
      apiKey: 'k',
      baseURL: 'http://loopback.invalid',
      maxRetries: 0,
      fetch: async () => brokenStream('messages'),
    })
    const stream = await client.messages.create({ model: 'm', max_tokens: 1, messages: [], stream: true })
    expectFailure(await failureOf(stream))
  })

  test('google', async () => {
    using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => brokenStream('gemini_sse') })
    const client = new GoogleGenAI({ apiKey: 'k', httpOptions: { baseUrl: server.url.href } })
    const stream = await client.models.generateContentStream({ model: 'm', contents: 'x' })
    expectFailure(await failureOf(stream))
  })
})
