import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { HeadJudge, type HeadVerdict } from '#wire/stream-head.ts'
import {
  bytesOf,
  chatChunk,
  cutInTwo,
  dataEvent,
  inPieces,
  jsonLine,
  namedEvent,
  ollamaLine,
  sampleStreams,
} from '../../support/streams.ts'

const encoder = new TextEncoder()

/** The first verdict that is more than `more`, or that of the end. */
function judge(form: StreamForm, chunks: readonly Uint8Array[]): HeadVerdict | 'empty' {
  const head = new HeadJudge(form)
  for (const chunk of chunks) {
    const verdict = head.push(chunk)
    if (verdict !== 'more') return verdict
  }
  return head.end()
}

const gemini = (candidate: object): string => dataEvent({ candidates: [candidate] })
const part = (value: object): string => gemini({ content: { parts: [value] } })

const content: { name: string; form: StreamForm; event: string }[] = [
  { name: 'chat text', form: 'chat', event: chatChunk({ content: 'a' }) },
  { name: 'chat text in parts', form: 'chat', event: chatChunk({ content: [{ type: 'text', text: 'a' }] }) },
  { name: 'chat reasoning', form: 'chat', event: chatChunk({ content: null, reasoning_content: 'a' }) },
  { name: 'chat refusal', form: 'chat', event: chatChunk({ refusal: 'a' }) },
  { name: 'a chat tool call', form: 'chat', event: chatChunk({ tool_calls: [{ index: 0, id: 'x' }] }) },
  { name: 'chat audio', form: 'chat', event: chatChunk({ audio: { data: 'AA' } }) },
  { name: 'an empty chat answer that ends', form: 'chat', event: chatChunk({}, 'stop') },
  { name: 'a content filter end', form: 'chat', event: chatChunk({}, 'content_filter') },
  { name: 'data that is no JSON', form: 'chat', event: 'data: hello\n\n' },
  { name: 'a chunk of an unknown shape', form: 'chat', event: dataEvent({ type: 'message-start' }) },
  { name: 'completion text', form: 'completions', event: dataEvent({ choices: [{ index: 0, text: 'a' }] }) },
  { name: 'responses text', form: 'responses', event: namedEvent({ type: 'response.output_text.delta', delta: 'a' }) },
  { name: 'responses refusal', form: 'responses', event: namedEvent({ type: 'response.refusal.delta', delta: 'a' }) },
  {
    name: 'a responses call',
    form: 'responses',
    event: namedEvent({ type: 'response.output_item.added', item: { type: 'function_call' } }),
  },
  {
    name: 'a responses end',
    form: 'responses',
    event: namedEvent({ type: 'response.incomplete', response: { error: null } }),
  },
  {
    name: 'messages text',
    form: 'messages',
    event: namedEvent({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'a' } }),
  },
  {
    name: 'a messages tool',
    form: 'messages',
    event: namedEvent({ type: 'content_block_start', content_block: { type: 'tool_use' } }),
  },
  {
    name: 'messages text at once',
    form: 'messages',
    event: namedEvent({ type: 'content_block_start', content_block: { type: 'text', text: 'a' } }),
  },
  {
    name: 'a messages end',
    form: 'messages',
    event: namedEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' } }),
  },
  { name: 'Gemini text', form: 'gemini_sse', event: part({ text: 'a' }) },
  { name: 'Gemini thoughts', form: 'gemini_sse', event: part({ text: 'a', thought: true }) },
  { name: 'a Gemini call', form: 'gemini_sse', event: part({ functionCall: {} }) },
  { name: 'a Gemini end', form: 'gemini_sse', event: gemini({ finishReason: 'SAFETY' }) },
  {
    name: 'a refused Gemini prompt',
    form: 'gemini_sse',
    event: dataEvent({ promptFeedback: { blockReason: 'SAFETY' } }),
  },
  { name: 'Ollama text', form: 'ndjson', event: ollamaLine({ content: 'a' }) },
  { name: 'Ollama thoughts', form: 'ndjson', event: ollamaLine({ thinking: 'a' }) },
  { name: 'an Ollama call', form: 'ndjson', event: ollamaLine({ tool_calls: [{ function: { name: 'f' } }] }) },
  { name: 'an Ollama picture', form: 'ndjson', event: ollamaLine({ images: ['AA'] }) },
  { name: 'an Ollama completion', form: 'ndjson', event: jsonLine({ response: 'a', done: false }) },
  { name: 'an Ollama end', form: 'ndjson', event: ollamaLine({}, true) },
  { name: 'a line that is no JSON', form: 'ndjson', event: 'hello\n' },
  { name: 'a line of an unknown shape', form: 'ndjson', event: jsonLine({ status: 'pulling' }) },
  { name: 'a Gemini element', form: 'gemini_array', event: '[{"candidates":[{"finishReason":"STOP"}]}' },
]

const more: { name: string; form: StreamForm; event: string }[] = [
  { name: 'a role', form: 'chat', event: chatChunk({ role: 'assistant', content: '', tool_calls: [] }) },
  {
    name: 'what a filter thinks of the prompt',
    form: 'chat',
    event: dataEvent({ choices: [], prompt_filter_results: [{}] }),
  },
  { name: '[DONE] alone', form: 'chat', event: 'data: [DONE]\n\n' },
  { name: 'a role and [DONE]', form: 'chat', event: `${chatChunk({ role: 'assistant' })}data: [DONE]\n\n` },
  {
    name: 'a role and [DONE] without line ends',
    form: 'chat',
    event: `${chatChunk({ role: 'assistant' })}data: [DONE]`,
  },
  {
    name: 'response.created and [DONE]',
    form: 'responses',
    event: `${namedEvent({ type: 'response.created' })}data: [DONE]\n\n`,
  },
  { name: 'an empty Gemini array', form: 'gemini_array', event: '[{"candidates":[]}]' },
  { name: 'half a line behind an empty one', form: 'ndjson', event: `${ollamaLine({})}{"mess` },
  { name: 'comments', form: 'chat', event: ': a\n\n: b\n\n' },
  { name: 'a ping', form: 'messages', event: namedEvent({ type: 'ping' }) },
  { name: 'message_start', form: 'messages', event: namedEvent({ type: 'message_start', message: {} }) },
  {
    name: 'an empty thinking block',
    form: 'messages',
    event: namedEvent({
      type: 'content_block_start',
      content_block: { type: 'thinking', thinking: '', signature: '' },
    }),
  },
  {
    name: 'an empty delta',
    form: 'messages',
    event: namedEvent({ type: 'content_block_delta', delta: { type: 'input_json_delta', partial_json: '' } }),
  },
  {
    name: 'response.created',
    form: 'responses',
    event: namedEvent({ type: 'response.created', response: { error: null } }),
  },
  {
    name: 'an announced message',
    form: 'responses',
    event: namedEvent({ type: 'response.output_item.added', item: { type: 'message' } }),
  },
  { name: 'an empty Gemini part', form: 'gemini_sse', event: part({ text: '' }) },
  { name: 'Gemini usage', form: 'gemini_sse', event: dataEvent({ usageMetadata: {} }) },
  { name: 'an empty Ollama message', form: 'ndjson', event: ollamaLine({ thinking: '' }) },
  { name: 'blank lines', form: 'ndjson', event: ' \n\r\n\n' },
  { name: 'an empty Gemini element', form: 'gemini_array', event: '[{"candidates":[]}' },
]

const errors: { name: string; form: StreamForm; event: string; error: object }[] = [
  {
    name: 'an error chunk',
    form: 'chat',
    event: dataEvent({ error: { message: 'no', type: 'server_error', code: 'x' } }),
    error: { message: 'no', type: 'server_error', code: 'x', status: 500 },
  },
  {
    name: 'an error with choices',
    form: 'chat',
    event: dataEvent({
      error: { code: 400, message: 'no' },
      choices: [{ delta: { content: '' }, finish_reason: 'error' }],
    }),
    error: { message: 'no', status: 400 },
  },
  { name: 'a choice that ends with an error', form: 'chat', event: chatChunk({}, 'error'), error: {} },
  {
    name: 'an error as text',
    form: 'chat',
    event: dataEvent({ error: 'overloaded' }),
    error: { message: 'overloaded' },
  },
  {
    name: "Groq's event: error",
    form: 'chat',
    event: `event: error\n${dataEvent({ error: { message: 'no', type: 'invalid_request_error' } })}`,
    error: { message: 'no', status: 400 },
  },
  {
    name: 'event: error with a bare object',
    form: 'chat',
    event: `event: error\n${dataEvent({ message: 'no' })}`,
    error: { message: 'no' },
  },
  {
    name: 'event: error with text',
    form: 'chat',
    event: 'event: error\ndata: broken\n\n',
    error: { message: 'broken' },
  },
  { name: 'event: error with nothing', form: 'chat', event: 'event: error\ndata:\n\n', error: {} },
  {
    name: 'an Anthropic error',
    form: 'messages',
    event: namedEvent({ type: 'error', error: { type: 'overloaded_error', message: 'no' } }),
    error: { message: 'no', type: 'overloaded_error', status: 529 },
  },
  {
    name: 'a flat responses error',
    form: 'responses',
    event: namedEvent({ type: 'error', code: 'server_error', message: 'no' }),
    error: { message: 'no', code: 'server_error', type: undefined, status: 500 },
  },
  {
    name: 'a nested responses error',
    form: 'responses',
    event: namedEvent({ type: 'error', error: { message: 'no', code: 'rate_limit_exceeded' } }),
    error: { message: 'no', status: 429 },
  },
  {
    name: 'response.failed',
    form: 'responses',
    event: namedEvent({ type: 'response.failed', response: { error: { code: 'server_error', message: 'no' } } }),
    error: { message: 'no', status: 500 },
  },
  {
    name: 'response.failed without words',
    form: 'responses',
    event: namedEvent({ type: 'response.failed', response: {} }),
    error: {},
  },
  {
    name: 'a Gemini error',
    form: 'gemini_sse',
    event: dataEvent({ error: { code: 503, message: 'no', status: 'UNAVAILABLE' } }),
    error: { message: 'no', status: 503, type: 'UNAVAILABLE' },
  },
  {
    name: 'a Gemini error in a list',
    form: 'gemini_sse',
    event: dataEvent([{ error: { code: 429, message: 'no' } }]),
    error: { message: 'no', status: 429 },
  },
  {
    name: 'a Gemini error as element',
    form: 'gemini_array',
    event: '[{"error":{"code":500,"message":"no"}}]',
    error: { message: 'no', status: 500 },
  },
  { name: 'an Ollama error', form: 'ndjson', event: jsonLine({ error: 'no' }), error: { message: 'no' } },
  {
    name: 'an Ollama error without a line end',
    form: 'ndjson',
    event: jsonLine({ error: 'model runner has unexpectedly stopped' }).trim(),
    error: { message: 'model runner has unexpectedly stopped' },
  },
  {
    name: 'an error of OpenAI in a stream of lines',
    form: 'ndjson',
    event: jsonLine({ error: { message: 'no', code: 503 } }),
    error: { message: 'no', status: 503 },
  },
  {
    name: 'a completion that ends with an error',
    form: 'completions',
    event: dataEvent({ choices: [{ index: 0, text: '', finish_reason: 'error' }] }),
    error: {},
  },
  {
    name: 'an Anthropic error without its name',
    form: 'messages',
    event: dataEvent({ type: 'error', error: { type: 'rate_limit_error', message: 'no' } }),
    error: { message: 'no', status: 429 },
  },
  {
    name: 'a responses error without its name',
    form: 'responses',
    event: dataEvent({ type: 'error', code: 'rate_limit_exceeded', message: 'no', sequence_number: 3 }),
    error: { message: 'no', status: 429 },
  },
  {
    name: "vLLM's flat error",
    form: 'chat',
    event: dataEvent({ object: 'error', message: 'no', type: 'BadRequestError', code: 400 }),
    error: { message: 'no', status: 400 },
  },
  {
    name: 'an error in several data lines',
    form: 'chat',
    event: 'data: {"error":\ndata: {"message":"no"}}\n\n',
    error: { message: 'no' },
  },
  {
    name: 'a Gemini error without array',
    form: 'gemini_array',
    event: '{"error":{"code":500,"message":"no"}}',
    error: { message: 'no', status: 500 },
  },
]

describe('HeadJudge', () => {
  test.each(content)('commits at $name', ({ form, event }) => {
    expect(judge(form, [encoder.encode(event)])).toBe('content')
  })

  test.each(more)('holds back $name, and says so when nothing follows', ({ form, event }) => {
    expect(new HeadJudge(form).push(encoder.encode(event))).toBe('more')
    expect(judge(form, [encoder.encode(event)])).toBe('empty')
  })

  test.each(errors)('B34: sees $name, cut at any byte', ({ form, event, error }) => {
    for (const chunks of cutInTwo(encoder.encode(event))) expect(judge(form, chunks)).toMatchObject(error)
  })

  test.each(errors)('sees $name behind a handshake', ({ form, event, error }) => {
    const { events, contentAt } = sampleStreams.find((sample) => sample.form === form) ?? { events: [], contentAt: 0 }
    const [first, ...rest] = [...events.slice(0, form === 'gemini_array' ? 0 : contentAt), event]
    expect(judge(form, [encoder.encode(first), encoder.encode(rest.join(''))])).toMatchObject(error)
  })

  test.each([...sampleStreams])(
    'commits to $name exactly with its first content, however it is cut',
    ({ form, events, contentAt }) => {
      const before = bytesOf(events.slice(0, contentAt))
      const upTo = bytesOf(events.slice(0, contentAt + 1))
      for (const size of [1, 2, 7, 64, 100_000]) {
        const early = new HeadJudge(form)
        for (const piece of inPieces(before, size)) expect(early.push(piece)).toBe('more')
        expect(judge(form, inPieces(upTo, size))).toBe('content')
      }
    },
  )

  test('N109: takes a whole JSON body for what it is, although a stream was asked for', () => {
    expect(judge('chat', [encoder.encode('{"error":{"message":"no"}}')])).toMatchObject({ message: 'no' })
    expect(judge('chat', [encoder.encode('{\n "choices": []\n}')])).toBe('content')
    expect(judge('gemini_array', [encoder.encode('[]')])).toBe('empty')
    expect(judge('chat', [encoder.encode('<html></html>')])).toBe('empty')
    expect(judge('chat', [])).toBe('empty')
  })

  test('sees an event at the end that lacks its blank line', () => {
    expect(judge('chat', [encoder.encode('data: {"error":{"message":"no"}}')])).toMatchObject({ message: 'no' })
    expect(judge('chat', [encoder.encode('data: {"choi')])).toBe('empty')
  })

  test('commits after 64 events without content', () => {
    const head = new HeadJudge('chat')
    const role = encoder.encode(chatChunk({ role: 'assistant' }))
    for (let count = 1; count < 64; count++) expect(head.push(role)).toBe('more')
    expect(head.push(role)).toBe('content')
  })

  test.each([
    { name: 'comments', form: 'chat' as const, event: ': busy\n\n' },
    { name: 'pings of Messages', form: 'messages' as const, event: namedEvent({ type: 'ping' }) },
    { name: 'keepalives of Responses', form: 'responses' as const, event: namedEvent({ type: 'keepalive' }) },
  ])('$name are no events, however many come', ({ form, event }) => {
    const head = new HeadJudge(form)
    for (let count = 0; count < 100; count++) expect(head.push(encoder.encode(event))).toBe('more')
    expect(head.hasEvents).toBe(false)
    expect(head.end()).toBe('empty')
  })

  test('a role is an event, though without content', () => {
    const head = new HeadJudge('chat')
    head.push(encoder.encode(chatChunk({ role: 'assistant' })))
    expect(head.hasEvents).toBe(true)
  })

  test('commits after 256 KiB without content', () => {
    const head = new HeadJudge('chat')
    const comment = encoder.encode(`: ${'x'.repeat(1020)}\n\n`)
    for (let count = 0; count < 256; count++) expect(head.push(comment)).toBe('more')
    expect(head.push(comment)).toBe('content')
    expect(head.push(comment)).toBe('content')
    expect(head.end()).toBe('content')
  })
})
