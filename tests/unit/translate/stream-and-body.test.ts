import { describe, expect, test } from 'bun:test'
import type { Call } from '#core/call.ts'
import type { Form } from '#core/talk.ts'
import { encode } from '#kit/bytes.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import type { Translation } from '#translate/asked.ts'
import { carriers } from '#translate/carrier.ts'
import { isRejection } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { translate } from '#translate/translate.ts'
import { awsEvent } from '../../support/aws-frames.ts'
import { plainPolicy } from '../../support/common-request.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const ids = { base62: (length: number) => 'x'.repeat(length), hex: (length: number) => '0'.repeat(length) }

const requests: Readonly<Record<string, object>> = {
  chat: { model: 'alias', messages: [{ role: 'user', content: 'hi' }] },
  messages: { model: 'alias', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] },
  responses: { model: 'alias', input: 'hi' },
  gemini: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
}

async function translation(from: string, to: Form, more: object = {}, stream = false): Promise<Translation> {
  const call: Call = {
    endpoint: { path: '/', dialect: 'openai', reads: 'json', stream: from === 'messages' ? 'messages' : undefined },
    method: 'POST',
    path: '/v1beta/models/alias:generateContent',
    query: '',
    headers: new Headers(),
    model: 'alias',
    stream,
    body: encode(JSON.stringify({ ...requests[from], ...(stream && { stream }) })),
    modelAt: { start: 0, end: 0 },
    client: { peer: undefined, tls: false } as unknown as Call['client'],
  }
  const asked = await translate(
    {
      call,
      talk: { form: from, does: 'generate' },
      form: to,
      model: 'anthropic.claude-sonnet-4-5',
      backend: 'b',
      protocol: 'any',
      profile: profileOf(to, 'any', 'm'),
      policy: plainPolicy,
      requestId: 'req_1',
      ...more,
    },
    { ids, clock: new FakeClock() },
  )
  if (isRejection(asked)) throw new Error(asked.message)
  return asked
}

function response(body: Uint8Array, type: string): IncomingResponse {
  const headers = HeaderList.from([['content-type', type]])
  return { kind: 'response', status: 200, headers, sentMs: undefined, body: new WholeBody(body) }
}

const sse = (events: readonly object[], tail = ''): Uint8Array =>
  encode(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('') + tail)

/** The same answer as body and stream, in the shapes of each provider: thoughts, text, two calls of which the second is empty. */
const answers: Readonly<Record<string, { readonly body: object; readonly stream: Uint8Array }>> = {
  chat: {
    body: {
      id: 'c1',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            reasoning_content: 'Let me check.',
            content: 'Checking.',
            tool_calls: [
              { id: 'call_A1', type: 'function', function: { name: 'w', arguments: '{"city":"Paris"}' } },
              { id: 'call_B2', type: 'function', function: { name: 't', arguments: '{}' } },
            ],
          },
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 },
    },
    stream: sse(
      [
        { role: 'assistant', content: '' },
        { reasoning_content: 'Let me ' },
        { reasoning_content: 'check.' },
        { content: 'Check' },
        { content: 'ing.' },
        { tool_calls: [{ index: 0, id: 'call_A1', type: 'function', function: { name: 'w', arguments: '' } }] },
        { tool_calls: [{ index: 1, id: 'call_B2', type: 'function', function: { name: 't', arguments: '' } }] },
        { tool_calls: [{ index: 0, function: { arguments: '{"city"' } }] },
        { tool_calls: [{ index: 1, function: { arguments: '{}' } }] },
        { tool_calls: [{ index: 0, function: { arguments: ':"Paris"}' } }] },
      ]
        .map((delta): object => ({
          id: 'c1',
          created: 1,
          model: 'm',
          choices: [{ index: 0, delta, finish_reason: null }],
        }))
        .concat([
          { id: 'c1', model: 'm', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
          { id: 'c1', model: 'm', choices: [], usage: { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 } },
        ]),
      'data: [DONE]\n\n',
    ),
  },
  messages: {
    body: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [
        { type: 'thinking', thinking: 'Let me check.', signature: 'c2ln' },
        { type: 'text', text: 'Checking.' },
        { type: 'tool_use', id: 'toolu_1', name: 'w', input: { city: 'Paris' } },
        { type: 'tool_use', id: 'toolu_2', name: 't', input: {} },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: { input_tokens: 12, output_tokens: 7 },
    },
    stream: sse([
      { type: 'message_start', message: { id: 'msg_1', model: 'm', usage: { input_tokens: 12, output_tokens: 1 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Let me check.' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'c2ln' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Checking.' } },
      { type: 'content_block_stop', index: 1 },
      {
        type: 'content_block_start',
        index: 2,
        content_block: { type: 'tool_use', id: 'toolu_1', name: 'w', input: {} },
      },
      { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"city":' } },
      { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '"Paris"}' } },
      { type: 'content_block_stop', index: 2 },
      {
        type: 'content_block_start',
        index: 3,
        content_block: { type: 'tool_use', id: 'toolu_2', name: 't', input: {} },
      },
      { type: 'content_block_stop', index: 3 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 7 } },
      { type: 'message_stop' },
    ]),
  },
  gemini: {
    body: {
      candidates: [
        {
          content: {
            role: 'model',
            parts: [
              { text: 'Let me check.', thought: true },
              { text: 'Checking.' },
              { functionCall: { id: 'f1', name: 'w', args: { city: 'Paris' } }, thoughtSignature: 'c2ln' },
              { functionCall: { id: 'f2', name: 't', args: {} } },
            ],
          },
          finishReason: 'STOP',
          index: 0,
        },
      ],
      usageMetadata: { promptTokenCount: 12, candidatesTokenCount: 7, totalTokenCount: 19 },
      modelVersion: 'm',
      responseId: 'r1',
    },
    stream: sse([
      {
        candidates: [{ content: { role: 'model', parts: [{ text: 'Let me ', thought: true }] }, index: 0 }],
        responseId: 'r1',
      },
      { candidates: [{ content: { role: 'model', parts: [{ text: 'check.', thought: true }, { text: 'Check' }] } }] },
      { candidates: [{ content: { role: 'model', parts: [{ text: 'ing.' }] } }] },
      {
        candidates: [
          {
            content: {
              parts: [
                { functionCall: { id: 'f1', name: 'w', args: { city: 'Paris' } }, thoughtSignature: 'c2ln' },
                { functionCall: { id: 'f2', name: 't', args: {} } },
              ],
            },
            finishReason: 'STOP',
          },
        ],
        usageMetadata: { promptTokenCount: 12, candidatesTokenCount: 7, totalTokenCount: 19 },
        modelVersion: 'm',
      },
    ]),
  },
}

const pairs = Object.keys(requests).flatMap((from) =>
  Object.keys(answers)
    .filter((to) => to !== from)
    .map((to) => ({ from, to })),
)

describe('a stream that is folded is the body that it might have been (§11.9)', () => {
  test.each(pairs)('from $to for a client of $from', async ({ from, to }) => {
    const { answer } = await translation(from, to)
    const { body, stream } = answers[to] ?? { body: {}, stream: new Uint8Array() }
    const whole = jsonOf(answer(response(encode(JSON.stringify(body)), 'application/json')))
    const folded = jsonOf(answer(response(stream, 'text/event-stream')))
    expect(folded).toEqual(whole)
    const text = JSON.stringify(whole)
    for (const said of ['Checking.', 'Paris', 'alias']) expect(text).toContain(said)
  })
})

function jsonOf({ body }: IncomingResponse): unknown {
  return JSON.parse(new TextDecoder().decode(body.whole))
}

describe('Claude at Bedrock', () => {
  const carrier = carriers.bedrock_invoke
  const { body, stream } = answers['messages'] ?? { body: {}, stream: new Uint8Array() }
  const events = new TextDecoder()
    .decode(stream)
    .split('\n\n')
    .filter((text) => text !== '')
    .map((text) => text.slice('data: '.length))
  const frames = Buffer.concat(events.map((data) => awsEvent('chunk', { bytes: Buffer.from(data).toString('base64') })))

  test('answers a client of Chat out of its frames', async () => {
    const { answer, call } = await translation('chat', 'messages', { carrier })
    expect(call.path).toBe('/model/anthropic.claude-sonnet-4-5/invoke')
    const whole = jsonOf(answer(response(encode(JSON.stringify(body)), 'application/json')))
    expect(jsonOf(answer(response(frames, 'application/vnd.amazon.eventstream')))).toEqual(whole)
  })

  test('answers a client of Messages in its own words, taken out of the frames', async () => {
    const { answer, call } = await translation('messages', 'messages', { carrier }, true)
    expect(call.path).toBe('/model/anthropic.claude-sonnet-4-5/invoke-with-response-stream')
    expect(JSON.parse(new TextDecoder().decode(call.body))).toEqual({
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'hi' }],
    })
    const streamed = answer(response(frames, 'application/vnd.amazon.eventstream'))
    expect(streamed.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const named = events.map((data) => `event: ${(JSON.parse(data) as { type: string }).type}\ndata: ${data}\n\n`)
    expect(new TextDecoder().decode(streamed.body.whole)).toBe(named.join(''))
    expect(jsonOf(answer(response(encode(JSON.stringify(body)), 'application/json')))).toEqual(body)
  })

  test('tells its errors as Anthropic would', async () => {
    const { answer } = await translation('messages', 'messages', { carrier }, true)
    const headers = HeaderList.from([['x-amzn-errortype', 'ThrottlingException:http://x']])
    const error = new WholeBody(encode('{"message":"Too many requests"}'))
    const told = answer({ kind: 'response', status: 429, headers, sentMs: undefined, body: error })
    expect(told.status).toBe(429)
    expect(jsonOf(told)).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } })
  })
})
