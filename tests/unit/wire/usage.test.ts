import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { StreamForm } from '#core/endpoint.ts'
import { usageOfBody, usageOfStream } from '#wire/usage.ts'

function bytes(value: unknown): Uint8Array {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

const bodies: readonly { readonly name: string; readonly body: unknown; readonly told: object | undefined }[] = [
  {
    name: 'Chat, with what was cached and thought',
    body: {
      choices: [{ message: { content: 'hi' } }],
      usage: {
        prompt_tokens: 120,
        completion_tokens: 45,
        total_tokens: 165,
        prompt_tokens_details: { cached_tokens: 100 },
        completion_tokens_details: { reasoning_tokens: 12 },
      },
      system_fingerprint: 'fp',
    },
    told: { inputTokens: 120, outputTokens: 45, cachedTokens: 100, reasoningTokens: 12 },
  },
  {
    name: 'Chat whose completion leaves thoughts out, as its total tells',
    body: { usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 35 } },
    told: { inputTokens: 10, outputTokens: 25, reasoningTokens: 20 },
  },
  {
    name: 'DeepSeek, with its own name for what was cached',
    body: { usage: { prompt_tokens: 10, completion_tokens: 5, prompt_cache_hit_tokens: 8 } },
    told: { inputTokens: 10, outputTokens: 5, cachedTokens: 8 },
  },
  {
    name: 'Groq, which tells it in a place of its own',
    body: { choices: [], x_groq: { id: 'x', usage: { prompt_tokens: 3, completion_tokens: 4 } } },
    told: { inputTokens: 3, outputTokens: 4 },
  },
  {
    name: 'Responses',
    body: {
      output: [],
      tools: [{ parameters: { properties: { usage: { type: 'object', input_tokens: 9 } } } }],
      usage: {
        input_tokens: 50,
        input_tokens_details: { cached_tokens: 20, cache_write_tokens: 10 },
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 3 },
      },
      metadata: {},
    },
    told: { inputTokens: 50, outputTokens: 7, cachedTokens: 20, cacheWriteTokens: 10, reasoningTokens: 3 },
  },
  {
    name: 'Messages, whose input is without its cache',
    body: {
      content: [{ type: 'tool_use', input: { usage: { input_tokens: 1, output_tokens: 1 } } }],
      usage: { input_tokens: 20, cache_read_input_tokens: 100, cache_creation_input_tokens: 5, output_tokens: 45 },
    },
    told: { inputTokens: 125, outputTokens: 45, cachedTokens: 100, cacheWriteTokens: 5 },
  },
  {
    name: 'Messages, where a call of a tool says "usage" and nobody else does',
    body: { content: [{ type: 'tool_use', input: { usage: { input_tokens: 1, output_tokens: 1 } } }] },
    told: undefined,
  },
  {
    name: 'Gemini, whose candidates are without their thoughts',
    body: {
      usageMetadata: {
        promptTokenCount: 120,
        candidatesTokenCount: 33,
        thoughtsTokenCount: 12,
        cachedContentTokenCount: 100,
      },
    },
    told: { inputTokens: 120, outputTokens: 45, cachedTokens: 100, reasoningTokens: 12 },
  },
  {
    name: 'Ollama',
    body: {
      message: { content: '"eval_count": 3' },
      done: true,
      prompt_eval_count: 26,
      eval_duration: 1,
      eval_count: 298,
    },
    told: { inputTokens: 26, outputTokens: 298 },
  },
  {
    name: 'Converse, whose input is without its cache',
    body: { output: {}, usage: { inputTokens: 10, outputTokens: 4, cacheReadInputTokens: 6, totalTokens: 20 } },
    told: { inputTokens: 16, outputTokens: 4, cachedTokens: 6 },
  },
  {
    name: 'Cohere',
    body: { message: {}, usage: { billed_units: { input_tokens: 5 }, tokens: { input_tokens: 71, output_tokens: 9 } } },
    told: { inputTokens: 71, outputTokens: 9 },
  },
  {
    name: "Cohere's older API",
    body: { text: 'x', meta: { tokens: { input_tokens: 7, output_tokens: 2 } } },
    told: { inputTokens: 7, outputTokens: 2 },
  },
  {
    name: 'embeddings, whose usage stands in front of their vectors',
    body: {
      usage: { total_tokens: 12, prompt_tokens: 12 },
      data: [{ embedding: Array.from({ length: 9000 }, (_, at) => at / 7) }],
    },
    told: { inputTokens: 12, outputTokens: 0 },
  },
  { name: 'a ranking', body: { usage: { total_tokens: 12 }, results: [] }, told: { inputTokens: 12, outputTokens: 0 } },
  {
    name: 'a ranking that is billed by searches',
    body: { meta: { billed_units: { search_units: 1 } } },
    told: undefined,
  },
  {
    name: 'C1417: llama.cpp, which tells its measurements alone',
    body: { content: 'x', timings: { prompt_n: 4, cache_n: 96, predicted_n: 30 } },
    told: { inputTokens: 100, outputTokens: 30, cachedTokens: 96 },
  },
  {
    name: 'C1417: llama.cpp, whose usage comes before its measurements',
    body: { usage: { prompt_tokens: 1, completion_tokens: 2 }, timings: { prompt_n: 4, predicted_n: 30 } },
    told: { inputTokens: 1, outputTokens: 2 },
  },
  {
    name: 'C1417: llama.cpp, whose usage says nothing beside its measurements',
    body: { usage: {}, timings: { prompt_n: 4, predicted_n: 30 } },
    told: { inputTokens: 4, outputTokens: 30 },
  },
  {
    name: 'Chat, whose text is about "usage" and its usage in front of it',
    body: {
      usage: { prompt_tokens: 11, completion_tokens: 7 },
      choices: [{ message: { content: '{"usage": {"prompt_tokens": 1}} usage "usage" '.repeat(40) } }],
    },
    told: { inputTokens: 11, outputTokens: 7 },
  },
  { name: 'a text that speaks of usage', body: { text: '"usage": {"prompt_tokens": 3}' }, told: undefined },
  { name: 'null', body: { usage: null }, told: undefined },
  // F104
  {
    name: 'F104: too large for a number',
    body: '{"usage":{"prompt_tokens":1e400,"completion_tokens":4}}',
    told: { outputTokens: 4 },
  },
  {
    name: 'F104: less than nothing',
    body: { usage: { prompt_tokens: -4, completion_tokens: 4 } },
    told: { outputTokens: 4 },
  },
  { name: 'F104: a text', body: { usage: { prompt_tokens: '12', completion_tokens: {} } }, told: undefined },
  {
    name: 'F104: more cached than there is',
    body: { usage: { prompt_tokens: 4, completion_tokens: 1, cached_tokens: 9 } },
    told: { inputTokens: 4, outputTokens: 1 },
  },
  {
    name: 'F104: Ollama with a number that is none',
    body: '{"done":true,"prompt_eval_count":1e999,"eval_count":-1}',
    told: undefined,
  },
]

test.each([...bodies])('usageOfBody() reads $name', ({ body, told }) => {
  expect(usageOfBody(bytes(body))).toEqual(told as never)
})

const sse = (...events: readonly object[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const start = {
  type: 'message_start',
  message: { id: 'm', usage: { input_tokens: 20, cache_read_input_tokens: 100, output_tokens: 1 } },
}

describe('usageOfStream() reads', () => {
  const rows: readonly {
    name: string
    form: StreamForm
    text: string
    beginning?: string
    told: object | undefined
  }[] = [
    {
      name: 'the last event of Chat that tells it, also behind events with null',
      form: 'chat',
      text: `${sse({ choices: [{}], usage: null }, { choices: [], usage: { prompt_tokens: 5, completion_tokens: 6 } }, { choices: [], usage: null })}data: [DONE]\n\n`,
      told: { inputTokens: 5, outputTokens: 6 },
    },
    {
      name: 'nothing where Chat tells nothing',
      form: 'chat',
      text: `${sse({ choices: [{}] })}data: [DONE]\n\n`,
      told: undefined,
    },
    {
      name: '#7241: a response that is incomplete',
      form: 'responses',
      text: sse({
        type: 'response.incomplete',
        response: { output: [], usage: { input_tokens: 4, output_tokens: 2 } },
      }),
      told: { inputTokens: 4, outputTokens: 2 },
    },
    {
      name: 'a response that tells much behind it',
      form: 'responses',
      text: sse({
        type: 'response.completed',
        response: { output: [], usage: { input_tokens: 4, output_tokens: 2 }, metadata: { text: 'x'.repeat(6000) } },
      }),
      told: { inputTokens: 4, outputTokens: 2 },
    },
    {
      name: 'a last event of Chat with many citations behind it',
      form: 'chat',
      text: `${sse({ choices: [{ index: 0, delta: { content: 'x' } }], usage: { prompt_tokens: 5, completion_tokens: 6 }, citations: Array.from({ length: 200 }, (_, at) => `https://example.com/${at}/page`) })}data: [DONE]\n\n`,
      told: { inputTokens: 5, outputTokens: 6 },
    },
    {
      name: 'Chat: a usage that says nothing behind one that does',
      form: 'chat',
      text: `${sse({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 6 } }, { choices: [], usage: {} })}data: [DONE]\n\n`,
      told: { inputTokens: 5, outputTokens: 6 },
    },
    {
      name: 'Messages: the prompt at the beginning, the answer at the end',
      form: 'messages',
      beginning: sse(start),
      text: sse({ type: 'message_delta', delta: {}, usage: { output_tokens: 45 } }, { type: 'message_stop' }),
      told: { inputTokens: 120, outputTokens: 45, cachedTokens: 100 },
    },
    {
      name: 'Messages: what the end tells of the prompt counts, and null does not',
      form: 'messages',
      beginning: sse(start),
      text: sse({
        type: 'message_delta',
        usage: { input_tokens: 21, cache_read_input_tokens: null, output_tokens: 3 },
      }),
      told: { inputTokens: 121, outputTokens: 3, cachedTokens: 100 },
    },
    {
      name: 'Messages without its end: the prompt alone',
      form: 'messages',
      beginning: sse(start),
      text: sse(start, { type: 'content_block_delta', delta: { text: 'x' } }),
      told: { inputTokens: 120, cachedTokens: 100 },
    },
    {
      name: 'Gemini, which tells it again and again',
      form: 'gemini_sse',
      text: sse(
        { usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 1 } },
        { candidates: [], usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 9 } },
      ),
      told: { inputTokens: 3, outputTokens: 9 },
    },
    {
      name: 'an element of a list, printed over several lines',
      form: 'gemini_array',
      text: `,\r\n${JSON.stringify({ candidates: [], usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 9 }, modelVersion: 'x' }, undefined, 2)}`,
      told: { inputTokens: 3, outputTokens: 9 },
    },
    {
      name: 'the last line of Ollama',
      form: 'ndjson',
      text: '{"message":{"content":"a"},"done":false}\n{"done":true,"prompt_eval_count":26,"eval_count":9}\n',
      told: { inputTokens: 26, outputTokens: 9 },
    },
  ]
  test.each([...rows])('$name', ({ form, text, beginning, told }) => {
    const tail = bytes(text)
    expect(usageOfStream(form, tail, beginning === undefined ? tail : bytes(beginning))).toEqual(told as never)
    // Line ends of the other kind say the same.
    if (form !== 'ndjson')
      expect(usageOfStream(form, bytes(text.replaceAll('\n\n', '\r\n\r\n')), bytes(beginning ?? text))).toEqual(
        told as never,
      )
  })
})

test('no bytes make it throw, or tell what is no number', () => {
  const piece = fc.constantFrom(
    '"usage"',
    ':',
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    '1e400',
    '"prompt_tokens":',
    '"eval_count":',
    '-1',
    '7',
    ',',
    '\n',
    '__proto__',
    '"timings"',
    'null',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const text = bytes(pieces.join(''))
      for (const told of [
        usageOfBody(text),
        usageOfStream('messages', text, text),
        usageOfStream('ndjson', text, text),
      ]) {
        for (const count of Object.values(told ?? {})) expect(Number.isInteger(count) && count >= 0).toBe(true)
      }
    }),
  )
})

test('what stands around it does not matter', () => {
  const usage = { prompt_tokens: 11, completion_tokens: 7 }
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 }), fc.boolean(), (others, isPretty) => {
      const { usage: _usage, ...rest } = others
      const text = JSON.stringify({ ...rest, usage, model: 'x' }, undefined, isPretty ? 1 : undefined)
      expect(usageOfBody(bytes(text))).toMatchObject({ inputTokens: 11, outputTokens: 7 })
    }),
  )
})
