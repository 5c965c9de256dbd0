import { describe, expect, test } from 'bun:test'
import { chatBackend } from '#translate/chat/backend.ts'
import { chatClient } from '#translate/chat/client.ts'
import type { Choice, CommonResponse, Part } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { sealed } from '#translate/opaque.ts'
import { answerContext, answerFacts, readAll } from '../../support/answering.ts'

const signature = { form: 'messages', family: 'claude', kind: 'signature', payload: 'SIG' } as const
const call: Part = {
  kind: 'tool_call',
  id: 'c1',
  name: 'f',
  args: { raw: '{"a":1.0}' },
  isCustom: false,
  tool: 'function',
}

function response(parts: readonly Part[], finish: Choice['finish'] = { reason: 'stop' }): CommonResponse {
  return {
    id: 'msg_1',
    model: 'up',
    createdAt: undefined,
    choices: [{ index: 0, parts, finish }],
    usage: { input: 5, output: 3 },
    tier: undefined,
    fingerprint: undefined,
  }
}

function messageOf(
  parts: readonly Part[],
  finish?: Choice['finish'],
  ...context: Parameters<typeof answerContext>
): unknown {
  const body = chatClient.writeBody(response(parts, finish), answerContext(...context))
  return (body['choices'] as { message: unknown }[])[0]?.message
}

describe('writeBody() of Chat (§7)', () => {
  test('a body is complete for its clients (§7.7)', () => {
    expect(chatClient.writeBody(response([{ kind: 'text', text: 'hi' }]), answerContext())).toEqual({
      id: `chatcmpl-${'1'.padStart(29, '0')}`,
      object: 'chat.completion',
      created: 1_790_000_000,
      model: 'alias',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'hi', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 5,
        completion_tokens: 3,
        total_tokens: 8,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    })
  })

  test('the id, the tier and the fingerprint of a backend of the same form stay', () => {
    const own = { ...response([]), id: 'chatcmpl-X', tier: 'standard', fingerprint: 'fp', createdAt: 7 }
    expect(chatClient.writeBody(own, answerContext())).toMatchObject({
      id: 'chatcmpl-X',
      created: 7,
      service_tier: 'default',
      system_fingerprint: 'fp',
    })
  })

  test.each<{ name: string; parts: Part[]; message: object }>([
    { name: 'texts without anything between them', parts: [said('a'), said('b')], message: { content: 'ab' } },
    { name: 'nothing at all', parts: [], message: { content: '' } },
    {
      name: 'a call, its arguments as they came',
      parts: [call],
      message: {
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1.0}' } }],
      },
    },
    {
      name: 'a call without arguments',
      parts: [{ ...call, args: { raw: '' } }],
      message: { tool_calls: [{ function: { arguments: '{}' } }] },
    },
    {
      name: 'a call with an object',
      parts: [{ ...call, args: { value: { b: 1, a: [2] } } }],
      message: { tool_calls: [{ function: { arguments: '{"b":1,"a":[2]}' } }] },
    },
    {
      name: 'a custom call',
      parts: [{ ...call, isCustom: true, args: { raw: 'free' } }],
      message: { tool_calls: [{ id: 'c1', type: 'custom', custom: { name: 'f', input: 'free' } }] },
    },
    { name: 'no call that was taken back', parts: [{ ...call, isVoid: true }], message: { content: '' } },
    { name: 'a refusal', parts: [{ kind: 'refusal', text: 'No.' }], message: { content: null, refusal: 'No.' } },
    {
      name: 'a signed thought, told once more at the first call (§6.2)',
      parts: [{ kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, opaque: signature }, call],
      message: {
        reasoning_content: 'hm',
        reasoning_details: [{ type: 'reasoning.text', text: 'hm', signature: sealed(signature), index: 0 }],
        tool_calls: [{ id: 'c1', extra_content: { google: { thought_signature: sealed(signature) } } }],
      },
    },
    {
      name: 'a redacted thought',
      parts: [
        { kind: 'reasoning', text: '', style: 'raw', isRedacted: true, opaque: { ...signature, kind: 'redacted' } },
      ],
      message: {
        reasoning_details: [
          { type: 'reasoning.encrypted', data: sealed({ ...signature, kind: 'redacted' }), index: 0 },
        ],
      },
    },
    {
      name: 'an image',
      parts: [{ kind: 'media', medium: 'image', mime: 'image/png', source: { base64: 'AAAA' } }],
      message: { images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] },
    },
    {
      name: 'audio',
      parts: [{ kind: 'media', medium: 'audio', mime: '', source: { base64: 'AAAA' }, transcript: 'hi' }],
      message: { content: null, audio: { data: 'AAAA', transcript: 'hi', expires_at: 1_790_003_600 } },
    },
    {
      name: 'a citation without a place, which is all of its text',
      parts: [said('ab'), { kind: 'text', text: 'cde', annotations: [{ kind: 'url', url: 'https://x.test' }] }],
      message: {
        annotations: [
          { type: 'url_citation', url_citation: { start_index: 2, end_index: 5, url: 'https://x.test', title: '' } },
        ],
      },
    },
    {
      name: 'nothing of what only its own API knows',
      parts: [said('a'), { kind: 'native', form: 'messages', type: 'server_tool_use', value: {} }],
      message: { content: 'a' },
    },
  ])('$name', ({ parts, message }) => {
    expect(messageOf(parts)).toMatchObject(message)
  })

  test('two signed thoughts are not told at the call, where they could not be told apart', () => {
    const thought: Part = { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, opaque: signature }
    expect(JSON.stringify(messageOf([thought, thought, call]))).not.toContain('extra_content')
  })

  test('why a filter stopped is a refusal; clients of functions get one of them', () => {
    const filtered = { reason: 'content_filter', explanation: 'bad' } as const
    expect(messageOf([], filtered)).toMatchObject({ content: null, refusal: 'bad' })
    expect(messageOf([call], undefined, {}, {}, { functions: [{}] })).toMatchObject({
      function_call: { name: 'f', arguments: '{"a":1.0}' },
    })
  })

  test('thoughts are hidden where the config or the client says so', () => {
    const thought: Part = { kind: 'reasoning', text: 'hm', style: 'raw', isRedacted: false, opaque: signature }
    expect(JSON.stringify(messageOf([thought], undefined, {}, { chatReasoning: 'off' }))).not.toContain('hm')
    expect(JSON.stringify(messageOf([thought], undefined, { reasoning: { visibility: 'none' } }))).not.toContain('hm')
  })

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['tool_calls', 'tool_calls'],
    ['content_filter', 'content_filter'],
    ['pause', 'stop'],
    ['other', 'stop'],
  ] as const)('#17.3 finish %s is told as %s, which clients know (§7.1)', (reason, word) => {
    const body = chatClient.writeBody(response([], { reason, native: 'strange' }), answerContext())
    expect(body['choices']).toMatchObject([{ finish_reason: word }])
  })
})

function said(text: string): Part {
  return { kind: 'text', text }
}

function read(
  message: object,
  more: object = {},
  choice: object = { finish_reason: 'stop' },
): ReturnType<typeof chatBackend.readBody> {
  return chatBackend.readBody(
    { id: 'x', model: 'up', choices: [{ index: 0, message, ...choice }], ...more },
    answerFacts(),
  )
}

describe('readBody() of Chat (§7, §12.6)', () => {
  test('a body comes to the same as the stream that says it (§11.9)', () => {
    const message = {
      role: 'assistant',
      content: 'a',
      reasoning_content: 'hm',
      tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }],
    }
    const usage = { prompt_tokens: 3, completion_tokens: 2 }
    const body = {
      id: 'x',
      model: 'up',
      created: 5,
      choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
      usage,
    }
    const fold = new Fold()
    const { content, reasoning_content, tool_calls } = message
    const frames = [
      { id: 'x', model: 'up', created: 5, choices: [{ index: 0, delta: { reasoning_content } }] },
      { choices: [{ index: 0, delta: { content } }] },
      { choices: [{ index: 0, delta: { tool_calls }, finish_reason: 'tool_calls' }], usage },
    ]
    for (const event of readAll(chatBackend.openReader(answerFacts()), frames)) fold.take(event)
    const folded = fold.result()
    const told = chatBackend.readBody(body, answerFacts())
    expect(folded).toEqual(told)
    if (folded === undefined || !('choices' in folded) || !('choices' in told)) throw new Error('an error')
    expect(chatClient.writeBody(folded, answerContext())).toEqual(chatClient.writeBody(told, answerContext()))
  })

  test.each<{ name: string; usage: object; is: object }>([
    {
      name: 'with everything',
      usage: {
        prompt_tokens: 1000,
        completion_tokens: 10,
        total_tokens: 1010,
        prompt_tokens_details: { cached_tokens: 300, cache_write_tokens: 200, audio_tokens: 1 },
        completion_tokens_details: {
          reasoning_tokens: 4,
          audio_tokens: 2,
          accepted_prediction_tokens: 1,
          rejected_prediction_tokens: 3,
        },
      },
      is: {
        input: 1000,
        cacheRead: 300,
        cacheWrite: 200,
        output: 10,
        reasoning: 4,
        audioInput: 1,
        audioOutput: 2,
        acceptedPrediction: 1,
        rejectedPrediction: 3,
      },
    },
    {
      name: 'of DeepSeek',
      usage: { prompt_tokens: 9, completion_tokens: 1, prompt_cache_hit_tokens: 4, prompt_cache_miss_tokens: 5 },
      is: { input: 9, output: 1, cacheRead: 4 },
    },
    {
      name: 'of Moonshot',
      usage: { prompt_tokens: 20, completion_tokens: 30, total_tokens: 50, cached_tokens: 10 },
      is: { input: 20, output: 30, cacheRead: 10 },
    },
    {
      name: 'of xAI, thoughts beside the completion',
      usage: {
        prompt_tokens: 12,
        completion_tokens: 2,
        total_tokens: 354,
        completion_tokens_details: { reasoning_tokens: 340 },
      },
      is: { input: 12, output: 342, reasoning: 340 },
    },
    {
      name: 'of Gemini, thoughts only in the total',
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 10 },
      is: { input: 5, output: 5, reasoning: 3 },
    },
    {
      name: 'whose total says something else',
      usage: {
        prompt_tokens: 5,
        completion_tokens: 9,
        total_tokens: 20,
        completion_tokens_details: { reasoning_tokens: 4 },
      },
      is: { input: 5, output: 9, reasoning: 4 },
    },
  ])('usage $name (§7.2, #17.10)', ({ usage, is }) => {
    expect(read({ content: 'a' }, { usage })).toMatchObject({ usage: is })
    expect(Object.keys((read({ content: 'a' }, { usage }) as CommonResponse).usage ?? {}).toSorted()).toEqual(
      Object.keys(is).toSorted(),
    )
  })

  test('C1417: timings of llama.cpp are usage where there is no other, and fill what it does not say', () => {
    const timings = { prompt_n: 4, cache_n: 6, predicted_n: 3, predicted_ms: 9.5 }
    expect(read({ content: 'a' }, { timings })).toMatchObject({ usage: { input: 10, cacheRead: 6, output: 3 } })
    const usage = { prompt_tokens: 11, completion_tokens: 2 }
    expect(read({ content: 'a' }, { timings, usage })).toMatchObject({ usage: { input: 11, cacheRead: 6, output: 2 } })
  })

  test.each<{ name: string; message: object; parts: object[] }>([
    {
      name: 'reasoning',
      message: { content: 'a', reasoning: 'hm' },
      parts: [{ kind: 'reasoning', text: 'hm' }, said('a')],
    },
    {
      name: '#17.21 thoughts in details are not dropped',
      message: {
        content: 'a',
        reasoning: 'hm',
        reasoning_details: [{ type: 'reasoning.text', text: 'hm', format: 'unknown', index: 0 }],
      },
      parts: [{ kind: 'reasoning', text: 'hm' }, said('a')],
    },
    {
      name: "Mistral's parts",
      message: {
        content: [
          { type: 'thinking', thinking: 'hm' },
          { type: 'text', text: 'a' },
        ],
      },
      parts: [{ kind: 'reasoning', text: 'hm' }, said('a')],
    },
    {
      name: 'a call whose arguments were cut stays as it is',
      message: { content: null, tool_calls: [{ id: 'c1', function: { name: 'f', arguments: '{"a": "Par' } }] },
      parts: [{ kind: 'tool_call', id: 'c1', args: { raw: '{"a": "Par' } }],
    },
    {
      name: 'arguments as an object',
      message: { tool_calls: [{ id: 'c1', function: { name: 'f', arguments: { a: 1 } } }] },
      parts: [{ kind: 'tool_call', args: { value: { a: 1 } } }],
    },
    {
      name: 'the same id twice',
      message: {
        tool_calls: [
          { id: 'c1', function: { name: 'f' } },
          { id: 'c1', function: { name: 'g' } },
        ],
      },
      parts: [
        { id: 'c1', name: 'f' },
        { id: `call_${'1'.padStart(24, '0')}`, name: 'g' },
      ],
    },
    {
      name: 'the older call',
      message: { content: null, function_call: { name: 'f', arguments: '{}' } },
      parts: [{ kind: 'tool_call', id: `call_${'1'.padStart(24, '0')}`, name: 'f' }],
    },
    {
      name: 'refusal, image and audio',
      message: {
        refusal: 'No.',
        images: [{ image_url: { url: 'https://x.test/a.png' } }],
        audio: { id: 'a', data: 'AAAA', transcript: 't' },
      },
      parts: [
        { kind: 'refusal', text: 'No.' },
        { kind: 'media', medium: 'image', source: { url: 'https://x.test/a.png' } },
        { kind: 'media', medium: 'audio', source: { base64: 'AAAA' }, transcript: 't' },
      ],
    },
  ])('$name', ({ message, parts }) => {
    const told = read(message)
    expect('choices' in told && told.choices[0]?.parts).toMatchObject(parts)
  })

  test('a finish that is missing is a stop where something was said, else an error (§7.1)', () => {
    expect(read({ content: 'a' }, {}, {})).toMatchObject({ choices: [{ finish: { reason: 'stop' } }] })
    expect(read({ content: '' }, {}, {})).toMatchObject({ kind: 'upstream_failed', status: 502 })
  })

  test('the stop sequence of vLLM is known', () => {
    expect(read({ content: 'a' }, {}, { finish_reason: 'stop', stop_reason: '###' })).toMatchObject({
      choices: [{ finish: { reason: 'stop', stopSequence: '###' } }],
    })
  })

  test.each<{ name: string; body: Record<string, unknown>; error: object }>([
    { name: 'an envelope', body: { error: { message: 'm', type: 't' } }, error: { message: 'm' } },
    { name: 'a text', body: { error: 'm' }, error: { message: 'm' } },
    { name: "Mistral's flat form", body: { object: 'error', message: 'm', code: 3 }, error: { message: 'm' } },
    { name: 'in a choice', body: { choices: [{ error: { message: 'm', code: 429 } }] }, error: { kind: 'rate_limit' } },
    { name: 'as a finish', body: { choices: [{ finish_reason: 'error', message: {} }] }, error: { status: 502 } },
    { name: 'no choices', body: { id: 'x' }, error: { kind: 'upstream_failed' } },
    { name: "FastAPI's detail", body: { detail: 'Not Found' }, error: { message: 'Not Found' } },
  ])('an error with a good status: $name', ({ body, error }) => {
    expect(chatBackend.readBody(body, answerFacts())).toMatchObject(error)
  })

  test('nothing throws, whatever stands in the fields', () => {
    const values: unknown[] = [null, 5, '', 'x', [], [null], [[]], {}, [{}], true]
    for (const name of ['choices', 'usage', 'error', 'timings', 'id', 'created', 'service_tier']) {
      for (const value of values)
        chatBackend.readBody({ choices: [{ message: { content: 'a' } }], [name]: value }, answerFacts())
    }
    const names = [
      'content',
      'tool_calls',
      'reasoning_details',
      'refusal',
      'annotations',
      'images',
      'audio',
      'function_call',
    ]
    for (const name of names) for (const value of values) read({ [name]: value })
  })
})

describe('readError() of Chat (§8)', () => {
  test.each<{ name: string; status: number; body: unknown; error: object }>([
    {
      name: 'a numeric code is the status, not a word',
      status: 429,
      body: { error: { code: 429, message: 'Provider returned error', metadata: { raw: 'slow down' } } },
      error: { kind: 'rate_limit', status: 429, message: 'slow down' },
    },
    {
      name: 'a context that is too long',
      status: 400,
      body: { error: { message: 'too long', code: 'context_length_exceeded', type: 'invalid_request_error' } },
      error: { kind: 'context_overflow', status: 400, code: 'context_length_exceeded' },
    },
    {
      name: 'a page',
      status: 502,
      body: '<html>secret host</html>',
      error: { message: 'the backend answered with status 502' },
    },
    { name: 'nothing', status: 503, body: undefined, error: { message: 'the backend answered with status 503' } },
  ])('$name', ({ status, body, error }) => {
    expect(chatBackend.readError(status, new Headers(), body)).toMatchObject(error)
  })
})
