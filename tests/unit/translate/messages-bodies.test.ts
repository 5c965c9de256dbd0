import { expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import type { CommonRequest, CommonResponse, Finish, Part } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { messagesBackend } from '#translate/messages/backend.ts'
import { messagesClient } from '#translate/messages/client.ts'
import { sealed } from '#translate/opaque.ts'
import { commonEvents } from '../../support/common-events.ts'
import { answerContext, answerFacts, claude45 } from '../../support/messages-codec.ts'

const message: JsonObject = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: claude45,
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 10, cache_read_input_tokens: 5, cache_creation_input_tokens: 2, output_tokens: 3 },
}

function read(body: JsonObject): ReturnType<typeof messagesBackend.readBody> {
  return messagesBackend.readBody(body, answerFacts(claude45))
}

function partsOf(...content: readonly JsonObject[]): readonly Part[] {
  const response = read({ ...message, content })
  return 'choices' in response ? (response.choices[0]?.parts ?? []) : []
}

test.each<{ name: string; block: JsonObject; part: object | undefined }>([
  { name: 'a text', block: { type: 'text', text: 'a', citations: null }, part: { kind: 'text', text: 'a' } },
  { name: 'an empty text is nothing', block: { type: 'text', text: '' }, part: undefined },
  {
    name: 'a text with its sources',
    block: {
      type: 'text',
      text: 'a🙂',
      citations: [{ type: 'page_location', document_title: 'D', cited_text: 'c', start_page_number: 1 }],
    },
    part: { annotations: [{ kind: 'other', title: 'D', citedText: 'c', start: 0, end: 2 }] },
  },
  {
    name: 'a thought',
    block: { type: 'thinking', thinking: 'hm', signature: 'Ev==' },
    part: { kind: 'reasoning', text: 'hm', opaque: { kind: 'signature', payload: 'Ev==', family: 'claude' } },
  },
  {
    name: 'a thought that nobody may read',
    block: { type: 'redacted_thinking', data: 'Em==' },
    part: { isRedacted: true, opaque: { kind: 'redacted', payload: 'Em==' } },
  },
  {
    name: 'a call',
    block: { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } },
    part: { kind: 'tool_call', id: 't', name: 'f', args: { value: { a: 1 } }, isCustom: false },
  },
  {
    name: 'a call that code of the provider made',
    block: { type: 'tool_use', id: 't', name: 'f', input: {}, caller: { type: 'code_execution_20260120' } },
    part: { kind: 'native', form: 'messages', type: 'tool_use' },
  },
  {
    name: 'a block that only Anthropic understands',
    block: { type: 'container_upload', file_id: 'x' },
    part: { kind: 'native', type: 'container_upload', value: { file_id: 'x' } },
  },
])('a message of Claude’s: $name', ({ block, part }) => {
  const parts = partsOf(block)
  if (part === undefined) expect(parts).toEqual([])
  else expect(parts).toMatchObject([part])
})

test('the usage of a message includes what was cached (§7.2)', () => {
  expect(read({ ...message, content: [] })).toMatchObject({
    id: 'msg_1',
    model: claude45,
    createdAt: 1_790_000_000,
    choices: [{ index: 0, finish: { reason: 'stop', native: 'end_turn' } }],
    usage: { input: 17, cacheRead: 5, cacheWrite: 2, output: 3 },
  })
})

test('calls of a message that was refused are void (§7.1-5)', () => {
  const response = read({
    ...message,
    stop_reason: 'refusal',
    stop_details: { type: 'refusal', explanation: 'why' },
    content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }],
  })
  expect(response).toMatchObject({
    choices: [{ parts: [{ isVoid: true }], finish: { reason: 'content_filter', explanation: 'why' } }],
  })
})

test.each<{ name: string; body: JsonObject; error: object }>([
  {
    name: 'an error with a good status',
    body: { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } },
    error: { kind: 'rate_limit', message: 'slow down' },
  },
  { name: 'no message', body: { ok: true }, error: { kind: 'upstream_failed' } },
  {
    name: 'a message in which there is nothing and that does not end',
    body: { ...message, stop_reason: null, content: [] },
    error: { kind: 'upstream_failed' },
  },
])('no answer: $name', ({ body, error }) => {
  expect(read(body)).toMatchObject(error)
})

test.each<{ name: string; status: number; body: unknown; error: object; headers?: Record<string, string> }>([
  {
    name: 'overloaded',
    status: 529,
    body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    error: { kind: 'overloaded', status: 529, message: 'Overloaded' },
  },
  {
    name: 'a prompt that is too long',
    status: 400,
    body: {
      type: 'error',
      error: { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens > 8 maximum' },
    },
    error: { kind: 'context_overflow', status: 400 },
  },
  {
    name: 'a balance that is too low',
    status: 400,
    body: { type: 'error', error: { type: 'invalid_request_error', message: 'Your credit balance is too low' } },
    error: { kind: 'quota' },
  },
  {
    name: 'too many requests, with a time to wait',
    status: 429,
    headers: { 'retry-after': '3' },
    body: { type: 'error', error: { type: 'rate_limit_error', message: 'slow' } },
    error: { kind: 'rate_limit', status: 429, retryAfterMs: 3000 },
  },
  {
    name: 'a key that is refused',
    status: 401,
    body: { type: 'error', error: { type: 'authentication_error', message: 'invalid x-api-key' } },
    error: { kind: 'upstream_auth' },
  },
  {
    name: 'a model that there is not',
    status: 404,
    body: { type: 'error', error: { type: 'not_found_error', message: 'model: x' }, request_id: 'req_9' },
    error: { message: 'model: x' },
  },
  {
    name: 'what the newest API says of it',
    status: 400,
    body: {
      type: 'error',
      error: { type: 'invalid_request_error', message: 'big', details: { error_code: 'image_dimensions_too_large' } },
    },
    error: { kind: 'invalid_request', code: 'image_dimensions_too_large' },
  },
  { name: 'nothing that can be read', status: 503, body: undefined, error: { status: 503 } },
])('an error of Anthropic’s: $name (§8.2)', ({ status, body, error, headers = {} }) => {
  expect(messagesBackend.readError(status, { get: (name) => headers[name] ?? null }, body)).toMatchObject(error)
})

function answered(
  parts: readonly Part[],
  finish: Finish = { reason: 'stop' },
  own: Partial<CommonResponse> = {},
): CommonResponse {
  return {
    id: 'chatcmpl-1',
    model: 'gpt',
    createdAt: 1,
    choices: [{ index: 0, parts, finish }],
    usage: { input: 100, cacheRead: 60, cacheWrite: 10, output: 5, reasoning: 2 },
    tier: undefined,
    fingerprint: undefined,
    ...own,
  }
}

function write(response: CommonResponse, request: Partial<CommonRequest> = {}): JsonObject {
  return messagesClient.writeBody(response, answerContext(request))
}

const googles = { form: 'gemini', family: 'gemini', kind: 'signature', payload: 'G' } as const

test('a body has every member that clients expect (§7.7)', () => {
  expect(write(answered([{ kind: 'text', text: 'hi' }]))).toEqual({
    id: `msg_${'A'.repeat(24)}`,
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text: 'hi', citations: null }],
    model: 'alias',
    stop_reason: 'end_turn',
    stop_sequence: null,
    stop_details: null,
    container: null,
    usage: {
      input_tokens: 30,
      cache_creation_input_tokens: 10,
      cache_read_input_tokens: 60,
      output_tokens: 5,
      output_tokens_details: { thinking_tokens: 2 },
      server_tool_use: null,
      cache_creation: null,
      inference_geo: null,
      service_tier: null,
      speed: null,
    },
  })
})

test.each<{ name: string; parts: readonly Part[]; content: readonly object[]; request?: Partial<CommonRequest> }>([
  {
    name: 'a call whose arguments are a text',
    parts: [{ kind: 'tool_call', id: 'c', name: 'f', args: { raw: '{"a":1}' }, isCustom: false, tool: 'function' }],
    content: [{ type: 'tool_use', id: 'c', name: 'f', input: { a: 1 } }],
  },
  {
    name: 'a call whose arguments were cut: an object all the same (§7.4, #17.6)',
    parts: [
      { kind: 'tool_call', id: 'c', name: 'f', args: { raw: '{"a":"x","b":"y' }, isCustom: false, tool: 'function' },
    ],
    content: [{ input: { a: 'x' } }],
  },
  {
    name: 'a call of a custom tool',
    parts: [{ kind: 'tool_call', id: 'c', name: 'f', args: { raw: 'free "text"' }, isCustom: true, tool: 'function' }],
    content: [{ input: { input: 'free "text"' } }],
  },
  {
    name: 'a call that a refusal took back',
    parts: [
      { kind: 'tool_call', id: 'c', name: 'f', args: { raw: '' }, isCustom: false, tool: 'function', isVoid: true },
    ],
    content: [],
  },
  {
    name: 'a call that Google signed',
    parts: [
      { kind: 'tool_call', id: 'c', name: 'f', args: { raw: '' }, isCustom: false, tool: 'function', opaque: googles },
    ],
    content: [
      { type: 'thinking', thinking: '', signature: sealed({ ...googles, id: 'c' }) },
      { type: 'tool_use', input: {} },
    ],
  },
  {
    name: 'a text that Google signed',
    parts: [{ kind: 'text', text: 'a', opaque: googles }],
    content: [
      { type: 'thinking', signature: sealed({ ...googles, id: 'text' }) },
      { type: 'text', text: 'a' },
    ],
  },
  {
    name: 'a thought that nobody signed',
    parts: [{ kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false }],
    content: [{ type: 'thinking', thinking: 'hm', signature: expect.stringMatching(/^lp1\./) }],
  },
  {
    name: 'a thought of OpenAI without a summary',
    parts: [
      {
        kind: 'reasoning',
        text: '',
        style: 'summary',
        isRedacted: false,
        opaque: { form: 'responses', family: 'gpt', kind: 'encrypted', payload: 'X' },
      },
    ],
    content: [{ type: 'redacted_thinking', data: expect.stringMatching(/^lp1\./) }],
  },
  {
    name: 'a thought that the client does not want to see',
    request: { reasoning: { visibility: 'none' } },
    parts: [
      {
        kind: 'reasoning',
        text: 'hm',
        style: 'summary',
        isRedacted: false,
        opaque: { form: 'messages', family: 'claude', kind: 'signature', payload: 'Ev==' },
      },
    ],
    content: [{ type: 'thinking', thinking: '', signature: 'Ev==' }],
  },
  {
    name: 'sources on the web',
    parts: [{ kind: 'text', text: 'a', annotations: [{ kind: 'url', url: 'https://a.b', title: 'T' }] }],
    content: [{ citations: [{ type: 'web_search_result_location', url: 'https://a.b', title: 'T' }] }],
  },
  {
    name: 'what only another API understands',
    parts: [
      { kind: 'native', form: 'gemini', type: 'x', value: {} },
      { kind: 'native', form: 'messages', type: 'y', value: { type: 'y' } },
    ],
    content: [{ type: 'y' }],
  },
])('a body for a client of Anthropic’s: $name', ({ parts, content, request }) => {
  const written = write(answered(parts), request)['content'] as object[]
  expect(written).toHaveLength(content.length)
  expect(written).toMatchObject(content)
})

test('a refusal in words stops with a refusal, and how long caches last is told', () => {
  const usage = { input: 9, cacheWrite: 3, cacheWrite5m: 1, cacheWrite1h: 2, output: 1 }
  expect(
    write(answered([{ kind: 'refusal', text: 'no' }], { reason: 'stop' }, { usage, tier: 'default' })),
  ).toMatchObject({
    content: [{ type: 'text', text: 'no' }],
    stop_reason: 'refusal',
    usage: {
      input_tokens: 6,
      cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 2 },
      service_tier: 'standard',
    },
  })
})

test('where nobody counted, the counts are estimated (§7.2)', () => {
  const { usage } = write(answered([{ kind: 'text', text: 'words' }], { reason: 'stop' }, { usage: undefined }))
  expect(usage).toMatchObject({ input_tokens: 120, output_tokens: expect.any(Number) })
})

test.each(Array.from({ length: 40 }, (_, seed) => seed))('a body says what its stream says: %d (§11.9)', (seed) => {
  const events = commonEvents(seed, { hasMeta: true })
  const fold = new Fold()
  for (const event of events) fold.take(event)
  const response = fold.result()
  if (response === undefined || !('choices' in response)) throw new Error('no answer')
  const writer = messagesClient.openWriter(answerContext())
  const reader = messagesBackend.openReader(answerFacts(claude45))
  const again = new Fold()
  for (const event of events) {
    for (const { data } of writer.write(event)) for (const told of reader.push('', data)) again.take(told)
  }
  const streamed = again.result()
  if (streamed === undefined || !('choices' in streamed)) throw new Error('no stream')
  const { content, stop_reason } = write(streamed)
  // A signature that was put into an envelope stays in it.
  expect({ content, stop_reason }).toEqual({
    content: write(response)['content'],
    stop_reason: write(response)['stop_reason'],
  })
})
