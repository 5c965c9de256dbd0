import { GoogleGenAI } from '@google/genai'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { HeadJudge } from '#wire/stream-head.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { streamError, type StreamFault } from '#wire/stream-error.ts'
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
]

describe('streamError()', () => {
  test.each(forms)('B44: ends a $form stream in its own protocol', ({ form, pieces }) => {
    expect(textsOf(form)).toEqual(pieces)
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

  test.each(forms.filter(({ form }) => form !== 'gemini_array'))(
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
