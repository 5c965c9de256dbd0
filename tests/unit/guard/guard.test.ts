import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import * as v from 'valibot'
import type { Call } from '#core/call.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import { compileGuards, type Guards } from '#guard/compile.ts'
import { guard } from '#guard/guard.ts'
import { ValidationSchema } from '#guard/schema.ts'
import { talkOfPath } from '#wire/talk.ts'

const paths = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  responses: '/v1/responses',
  messages: '/v1/messages',
  gemini: '/v1beta/models/m:generateContent',
  ollama: '/api/chat',
  generate: '/api/generate',
} as const

function guardsOf(section: v.InferInput<typeof ValidationSchema>): Guards {
  const guards = compileGuards(v.parse(ValidationSchema, section))
  if (guards === undefined) throw new Error('Nothing is guarded')
  return guards
}

function callOf(path: string, body: string, beside: Partial<Call> = {}): Call {
  const bytes = Buffer.from(body)
  const model = bytes.indexOf('"m"')
  return {
    endpoint: {
      path,
      dialect: 'openai',
      reads: path.includes(':') ? 'path' : 'json',
      stream: undefined,
      talk: talkOfPath(path),
    },
    method: 'POST',
    path,
    query: '',
    headers: new Headers(),
    model: 'm',
    stream: false,
    body: new Uint8Array(bytes),
    modelAt: model === -1 ? { start: 0, end: 0 } : { start: model, end: model + 3 },
    client: { address: '127.0.0.1' } as Call['client'],
    ...beside,
  }
}

function judged(section: v.InferInput<typeof ValidationSchema>, path: string, body: unknown): string | undefined {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = guard(guardsOf(section), callOf(path, text))
  return isRefusal(answer) ? `${answer.status} ${answer.code} ${answer.param ?? '-'}: ${answer.message}` : undefined
}

function sentWith(section: v.InferInput<typeof ValidationSchema>, path: string, body: string): string {
  const answer = guard(guardsOf(section), callOf(path, body))
  if (isRefusal(answer)) throw new Error(answer.message)
  return Buffer.from(answer.body ?? []).toString()
}

const hi = [{ role: 'user', content: 'hi' }]

describe('C426 B121: validation.schema names what is wrong', () => {
  const wrong: readonly { readonly form: keyof typeof paths; readonly body: unknown; readonly says: string }[] = [
    {
      form: 'chat',
      body: { model: 'm', messages: [...hi, ...hi, { role: 'robot', content: 'x' }] },
      says: '400 invalid_parameter messages[2].role: Cannot accept "messages[2].role": expected "system", "developer", "user", "assistant", "tool" or "function"',
    },
    {
      form: 'chat',
      body: { model: 'm', messages: [] },
      says: '400 invalid_parameter messages: Cannot accept "messages": expected a list that is not empty',
    },
    {
      form: 'chat',
      body: { model: 'm' },
      says: '400 invalid_parameter messages: Cannot accept "messages": it is missing, expected an array',
    },
    {
      form: 'chat',
      body: { model: 'm', messages: [{ role: 'user' }] },
      says: '400 invalid_parameter messages[0].content: Cannot accept "messages[0].content": it is missing, expected a string or an array',
    },
    {
      form: 'chat',
      body: { model: 'm', messages: [{ role: 'user', content: 7 }] },
      says: '400 invalid_parameter messages[0].content: Cannot accept "messages[0].content": expected a string or an array, not a number',
    },
    {
      form: 'chat',
      body: { model: 'm', messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      says: '400 invalid_parameter messages[0].content[0].image_url: Cannot accept "messages[0].content[0].image_url": it is missing, which "type": "image_url" needs',
    },
    {
      form: 'chat',
      body: { model: 'm', messages: [...hi, { role: 'tool', content: 'x' }] },
      says: '400 invalid_parameter messages[1].tool_call_id: Cannot accept "messages[1].tool_call_id": it is missing, which "role": "tool" needs',
    },
    {
      form: 'chat',
      body: { model: 'm', messages: hi, temperature: 2.5 },
      says: '400 invalid_parameter temperature: Cannot accept "temperature": expected a number from 0 to 2',
    },
    {
      form: 'chat',
      body: { model: 'm', messages: hi, top_p: '0.5' },
      says: '400 invalid_parameter top_p: Cannot accept "top_p": expected a number, not a string',
    },
    {
      form: 'chat',
      body: { model: 'm', messages: hi, max_tokens: -5 },
      says: '400 invalid_parameter max_tokens: Cannot accept "max_tokens": expected a whole number of at least 0',
    },
    {
      form: 'chat',
      body: { model: 'm', messages: hi, tools: [{ type: 'function', function: {} }] },
      says: '400 invalid_parameter tools[0].function.name: Cannot accept "tools[0].function.name": it is missing, expected a string',
    },
    {
      form: 'completions',
      body: { model: 'm', prompt: { text: 'x' } },
      says: '400 invalid_parameter prompt: Cannot accept "prompt": expected a string or an array, not an object',
    },
    {
      form: 'responses',
      body: { model: 'm', input: [{ role: 'robot', content: 'x' }] },
      says: '400 invalid_parameter input[0].role: Cannot accept "input[0].role": expected "user", "assistant", "system" or "developer"',
    },
    {
      form: 'messages',
      body: { model: 'm', messages: hi },
      says: '400 invalid_parameter max_tokens: Cannot accept "max_tokens": it is missing, expected a number',
    },
    {
      form: 'messages',
      body: { model: 'm', max_tokens: 1, messages: hi, temperature: 1.5 },
      says: '400 invalid_parameter temperature: Cannot accept "temperature": expected a number from 0 to 1',
    },
    {
      form: 'gemini',
      body: { contents: [{ role: 'assistant', parts: [{ text: 'x' }] }] },
      says: '400 invalid_parameter contents[0].role: Cannot accept "contents[0].role": expected "user", "model", "function", "system" or ""',
    },
    {
      form: 'gemini',
      body: { contents: [{ parts: [{ text: 'x' }] }], generationConfig: { topP: 2 } },
      says: '400 invalid_parameter generationConfig.topP: Cannot accept "generationConfig.topP": expected a number from 0 to 1',
    },
    {
      form: 'ollama',
      body: { model: 'm', messages: [{ role: 'user', content: 'x', images: [1] }] },
      says: '400 invalid_parameter messages[0].images[0]: Cannot accept "messages[0].images[0]": expected a string, not a number',
    },
    {
      form: 'ollama',
      body: '{"model":"m","messages":[],"Messages":[]}',
      says: '400 invalid_parameter messages: Cannot accept "messages": it can be read in two ways, write it once and in these letters',
    },
    {
      form: 'gemini',
      body: '[1]',
      says: '400 invalid_parameter -: Cannot accept the body: it must be a JSON object',
    },
    { form: 'gemini', body: '{"contents": [', says: '400 invalid_json -: Cannot read the body: it is no valid JSON' },
  ]
  test.each(wrong)('$form: $says', ({ form, body, says }) => {
    expect(judged({ schema: true }, paths[form], body)).toBe(says)
  })

  const right: readonly { readonly name: string; readonly form: keyof typeof paths; readonly body: unknown }[] = [
    {
      name: 'a whole conversation with tools, images and members that nobody here knows',
      form: 'chat',
      body: {
        model: 'm',
        messages: [
          { role: 'developer', content: 'x', name: 'n' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'x', cache_control: { type: 'ephemeral' } },
              { type: 'image_url', image_url: { url: 'data:' } },
              { type: 'video_of_tomorrow', video: 1 },
            ],
          },
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
          },
          { role: 'tool', tool_call_id: 'a', content: 'x' },
        ],
        tools: [
          { type: 'function', function: { name: 'f', parameters: { type: 'object' }, strict: true } },
          { type: 'custom', custom: {} },
        ],
        temperature: 2,
        top_p: null,
        stop: ['x'],
        response_format: { type: 'json_object' },
        of_tomorrow: { messages: 1 },
      },
    },
    { name: 'tokens as prompts', form: 'completions', body: { model: 'm', prompt: [[1, 2], [3]] } },
    { name: 'a list of texts', form: 'completions', body: { model: 'm', prompt: ['a', 'b'], logprobs: 5 } },
    {
      name: 'items of every kind',
      form: 'responses',
      body: {
        model: 'm',
        input: [
          { role: 'user', content: 'x' },
          { type: 'function_call_output', call_id: 'a', output: 'x' },
          { id: 'msg_1' },
          { type: 'item_reference', id: 'a' },
        ],
      },
    },
    { name: 'a text', form: 'responses', body: { model: 'm', input: 'x', text: { format: { type: 'text' } } } },
    {
      name: 'blocks',
      form: 'messages',
      body: {
        model: 'm',
        max_tokens: 5,
        system: [{ type: 'text', text: 'x' }],
        messages: [
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'a', content: 'x' },
              { type: 'search_result', source: 'https://example.com', title: 'x', content: [] },
              { type: 'server_tool_of_tomorrow' },
            ],
          },
        ],
        tools: [{ type: 'web_search_20250305', name: 'web_search' }],
      },
    },
    {
      name: 'a role that is left out',
      form: 'gemini',
      body: { contents: [{ parts: [{ text: 'x' }, { inlineData: {} }] }], tools: [{ googleSearch: {} }] },
    },
    { name: 'a model that is loaded', form: 'ollama', body: { model: 'm' } },
    {
      name: 'no end of tokens',
      form: 'generate',
      body: { model: 'm', prompt: 'x', options: { num_predict: -1 }, format: 'json' },
    },
  ]
  test.each(right)('$form: $name goes through', ({ form, body }) => {
    expect(judged({ schema: true }, paths[form], body)).toBeUndefined()
  })
})

describe('B68: validation.caps', () => {
  test.each([
    { path: paths.chat, cap: 'n', body: { n: 100_000 }, at: 'n' },
    { path: paths.chat, cap: 'best_of', body: { best_of: 9 }, at: 'best_of' },
    { path: paths.chat, cap: 'logprobs', body: { logprobs: true, top_logprobs: 9 }, at: 'top_logprobs' },
    { path: paths.chat, cap: 'max_tokens', body: { max_tokens: 1e9 }, at: 'max_tokens' },
    {
      path: paths.chat,
      cap: 'max_tokens',
      body: { max_tokens: 1, max_completion_tokens: 9 },
      at: 'max_completion_tokens',
    },
    { path: paths.completions, cap: 'logprobs', body: { logprobs: 9 }, at: 'logprobs' },
    { path: paths.responses, cap: 'max_tokens', body: { max_output_tokens: 9 }, at: 'max_output_tokens' },
    { path: paths.messages, cap: 'max_tokens', body: { max_tokens: 9 }, at: 'max_tokens' },
    {
      path: paths.gemini,
      cap: 'n',
      body: { generationConfig: { candidateCount: 9 } },
      at: 'generationConfig.candidateCount',
    },
    {
      path: paths.gemini,
      cap: 'max_tokens',
      body: { generation_config: { maxOutputTokens: 9 } },
      at: 'generation_config.maxOutputTokens',
    },
    { path: paths.ollama, cap: 'max_tokens', body: { options: { num_predict: 9 } }, at: 'options.num_predict' },
  ])('$cap in $path: $at is refused when it is larger, and not when it is as large', ({ path, cap, body, at }) => {
    const said = judged({ caps: { [cap]: { max: 8 } } }, path, { model: 'm', ...body })
    expect(said).toBe(`400 invalid_parameter ${at}: Cannot accept "${at}": expected at most 8`)
    const small = JSON.stringify({ model: 'm', ...body }).replaceAll(/\b(?:9|100000|1000000000)\b/g, '8')
    expect(judged({ caps: { [cap]: { max: 8 } } }, path, small)).toBeUndefined()
  })

  test.each([
    ['-1, which to some servers means no limit', { max_tokens: -1 }, 'expected at most 8'],
    ['a text, which some servers read', { max_tokens: '100000' }, 'expected a number'],
    ['a list', { max_tokens: [1] }, 'expected a number'],
  ])('B67: %s is refused', (_, body, says) => {
    expect(judged({ caps: { max_tokens: { max: 8 } } }, paths.chat, body)).toEndWith(`"max_tokens": ${says}`)
  })

  test('B67: null, a number like 8.0, and what has no cap goes through', () => {
    for (const body of ['{"max_tokens":null}', '{"max_tokens":8.0}', '{"max_tokens":0}', '{"n":100000}'])
      expect(judged({ caps: { max_tokens: { max: 8 } } }, paths.chat, body)).toBeUndefined()
  })

  test.each([
    ['twice', '{"n":1,"n":100}'],
    ['with an escape', String.raw`{"\u006e":100}`],
    ['in a capital letter', '{"N":100}'],
    ['in a capital letter within options', '{"options":{"NUM_PREDICT":100}}'],
    ['in a capital options', '{"Options":{"num_predict":100}}'],
  ])('a number that stands there %s does not get past its cap', (_, body) => {
    const path = body.includes('ptions') ? paths.ollama : paths.chat
    const caps = { n: { max: 8 }, max_tokens: { max: 8 } }
    expect(judged({ caps }, path, body)).toContain('it can be read in two ways')
  })

  test('clamp changes the bytes of these numbers only, and the model is found where it moved to', () => {
    const body = `{ "n" : 1e3,"max_tokens":100000 ,"model":"m","é":1.0, "max_completion_tokens":9,"messages":[] }`
    const section = { caps: { n: { max: 4, action: 'clamp' }, max_tokens: { max: 8, action: 'clamp' } } } as const
    const call = guard(guardsOf(section), callOf(paths.chat, body))
    if (isRefusal(call)) throw new Error(call.message)
    const sent = Buffer.from(call.body ?? [])
    expect(sent.toString()).toBe(
      `{ "n" : 4,"max_tokens":8 ,"model":"m","é":1.0, "max_completion_tokens":8,"messages":[] }`,
    )
    expect(sent.toString('utf8', call.modelAt.start, call.modelAt.end)).toBe('"m"')
  })

  test('clamp within generationConfig and options', () => {
    const caps = { max_tokens: { max: 8, action: 'clamp' }, n: { max: 1, action: 'clamp' } } as const
    expect(sentWith({ caps }, paths.gemini, '{"generationConfig":{"candidateCount":3,"maxOutputTokens":99}}')).toBe(
      '{"generationConfig":{"candidateCount":1,"maxOutputTokens":8}}',
    )
    expect(sentWith({ caps }, paths.ollama, '{"options":{"num_predict": -1}}')).toBe('{"options":{"num_predict": 8}}')
  })

  test('a body within its caps is the same one', () => {
    const call = callOf(paths.chat, '{"model":"m","n":2}')
    expect(guard(guardsOf({ caps: { n: { max: 8, action: 'clamp' } } }), call)).toBe(call)
  })

  test('whatever the numbers are, a clamped body says the same but for them', () => {
    const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null))
    const property = fc.property(number, number, fc.jsonValue(), (n, tokens, other) => {
      const body = { n, other, model: 'm', max_tokens: tokens }
      const sent = JSON.parse(
        sentWith(
          { caps: { n: { max: 4, action: 'clamp' }, max_tokens: { max: 8, action: 'clamp' } } },
          paths.chat,
          JSON.stringify(body),
        ),
      ) as unknown
      const clamped = (value: number | null, max: number): number | null =>
        value === null || (value >= 0 && value <= max) ? value : max
      const kept = JSON.parse(JSON.stringify(body)) as typeof body
      expect(sent).toEqual({ ...kept, n: clamped(kept.n, 4), max_tokens: clamped(kept.max_tokens, 8) })
    })
    fc.assert(property, { numRuns: 300 })
  })
})

describe('C422: validation.max_messages', () => {
  test.each([
    [paths.chat, { messages: [...hi, ...hi, ...hi] }, 'messages'],
    [paths.messages, { messages: [...hi, ...hi, ...hi] }, 'messages'],
    [paths.responses, { input: [...hi, ...hi, ...hi] }, 'input'],
    [paths.gemini, { contents: [{}, {}, {}] }, 'contents'],
    [paths.ollama, { messages: [...hi, ...hi, ...hi] }, 'messages'],
    [paths.completions, { prompt: ['a', 'b', 'c'] }, 'prompt'],
  ])('%s: three are more than two', (path, body, at) => {
    const says = `400 invalid_parameter ${at}: Cannot accept "${at}": expected at most 2 of them, not 3`
    expect(judged({ max_messages: 2 }, path, body)).toBe(says)
    expect(judged({ max_messages: 3 }, path, body)).toBeUndefined()
  })

  test('B69: a hundred thousand are counted at once', () => {
    const body = JSON.stringify({ messages: Array.from({ length: 100_000 }, () => hi[0]) })
    const startedMs = performance.now()
    expect(judged({ max_messages: 1000 }, paths.chat, body)).toContain('not 100000')
    expect(performance.now() - startedMs).toBeLessThan(1000)
  })
})

describe('C421: validation.max_message_length', () => {
  const long = 'x'.repeat(11)
  test.each([
    ['a text', paths.chat, { messages: [...hi, { role: 'user', content: long }] }, 'messages[1]'],
    [
      'parts together',
      paths.chat,
      {
        messages: [
          {
            content: [
              { type: 'text', text: 'xxxxxx' },
              { type: 'text', text: 'xxxxx' },
            ],
          },
        ],
      },
      'messages[0]',
    ],
    [
      'arguments of a call',
      paths.chat,
      { messages: [{ tool_calls: [{ function: { arguments: long } }] }] },
      'messages[0]',
    ],
    ['a system prompt', paths.messages, { system: long, messages: hi }, 'system'],
    [
      'a document in plain text',
      paths.messages,
      { messages: [{ content: [{ type: 'document', source: { type: 'text', data: long } }] }] },
      'messages[0]',
    ],
    ['a text for itself', paths.responses, { input: long }, 'input'],
    ['instructions', paths.responses, { instructions: long, input: 'x' }, 'instructions'],
    ['parts', paths.gemini, { contents: [{ parts: [{ text: long }] }] }, 'contents[0]'],
    ['a prompt', paths.generate, { prompt: long }, 'prompt'],
    ['one of several prompts', paths.completions, { prompt: ['x', long] }, 'prompt[1]'],
  ])('%s in %s', (_, path, body, at) => {
    const says = `400 invalid_parameter ${at}: Cannot accept "${at}": expected at most 10 characters of text, not 11`
    expect(judged({ max_message_length: 10 }, path, body)).toBe(says)
    expect(judged({ max_message_length: 11 }, path, body)).toBeUndefined()
  })

  test.each([
    ['messages[0]', paths.messages, { messages: [{ content: [{ type: 'tool_use', input: { data: long } }] }] }],
    ['messages[0]', paths.messages, { messages: [{ content: [{ type: 'tool_use', input: { [long]: 1 } }] }] }],
    ['messages[0]', paths.ollama, { messages: [{ tool_calls: [{ function: { arguments: { url: [long] } } }] }] }],
    ['contents[0]', paths.gemini, { contents: [{ parts: [{ functionCall: { args: { id: long } } }] }] }],
    ['contents[0]', paths.gemini, { contents: [{ parts: [{ functionResponse: { response: { images: long } } }] }] }],
  ])('what tools take and give counts whatever it is called: %s of %s, %j', (at, path, body) => {
    expect(judged({ max_message_length: 10 }, path, body)).toStartWith(`400 invalid_parameter ${at}: `)
    expect(judged({ max_message_length: 20 }, path, body)).toBeUndefined()
  })

  test('an escaped letter hides no document', () => {
    const body = String.raw`{"messages":[{"content":[{"type":"document","source":{"t\u0079pe":"text","data":"xxxxxxxxxxx"}}]}]}`
    expect(judged({ max_message_length: 10 }, paths.messages, body)).toContain('not 11')
  })

  test('what is nested deep takes no longer than what is not', () => {
    const lengthMsAt = (depth: number): number => {
      const list = `${'['.repeat(depth)}${'1,'.repeat(1_000_000)}1${']'.repeat(depth)}`
      const call = callOf(paths.chat, `{"model":"m","messages":[${list}]}`)
      const guards = guardsOf({ max_message_length: 10 })
      const startedMs = performance.now()
      expect(guard(guards, call)).toBe(call)
      return performance.now() - startedMs
    }
    lengthMsAt(1)
    expect(lengthMsAt(60)).toBeLessThan(4 * lengthMsAt(1) + 20)
  })

  test('images and files do not count, nor do bytes of a letter or of an escape', () => {
    const image = 'A'.repeat(1000)
    const body = {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: image } },
            { type: 'text', text: 'éééééééééé' },
          ],
        },
        { role: 'user', content: [{ type: 'image', source: { type: 'base64', data: image } }] },
        { role: 'user', content: [], images: [image] },
      ],
    }
    expect(judged({ max_message_length: 10 }, paths.chat, body)).toBeUndefined()
    const escapes = String.raw`{"messages":[{"content":"\u0041\n\n\n\n\"\\\/\t\b"}]}`
    expect(judged({ max_message_length: 10 }, paths.chat, escapes)).toBeUndefined()
    expect(judged({ max_message_length: 9 }, paths.chat, escapes)).toContain('not 10')
  })

  test('B69: an image of 50 MB is passed over', () => {
    const url = 'A'.repeat(50_000_000)
    const body = JSON.stringify({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] })
    const call = callOf(paths.chat, body)
    const guards = guardsOf({ schema: true, max_messages: 5, max_message_length: 10 })
    const startedMs = performance.now()
    expect(guard(guards, call)).toBe(call)
    expect(performance.now() - startedMs).toBeLessThan(1500)
  })
})

describe('what is looked at', () => {
  const strict = guardsOf({ schema: true, caps: { n: { max: 1 } } })
  const refused = (call: Call): Refusal['code'] | undefined => {
    const answer = guard(strict, call)
    return isRefusal(answer) ? answer.code : undefined
  }

  test.each(['/v1/embeddings', '/v1/messages/count_tokens', '/v1/models', '/v1/rerank'])('%s is not', (path) => {
    expect(refused(callOf(path, 'no JSON'))).toBeUndefined()
  })

  test('a path of a service is, by its end, and one with a slash too many as well', () => {
    for (const path of [
      '/v1/chat/completions',
      '/v1/chat/completions/',
      '/v1//chat/completions',
      '/v1/chat%2fcompletions',
      '/v1/Chat/Completions',
      '/v1/chat/completions;x=1',
      '/openai/v1/chat/completions',
      '/openai/deployments/gpt-5/chat/completions',
      '/api/v3/chat/completions',
    ]) {
      const raw = { endpoint: { path: '/*', dialect: 'raw', reads: 'nothing', stream: undefined } } as const
      expect(refused(callOf(path, '{"n":2}', raw))).toBe('invalid_parameter')
    }
  })

  test.each(['/v1/threads/t-1/messages', '/v2/chat', '/rooms/7/responses', '/x/api/chat'])(
    '%s only looks like one, and is not',
    (path) => {
      const raw = { endpoint: { path: '/*', dialect: 'raw', reads: 'nothing', stream: undefined } } as const
      expect(refused(callOf(path, '{"n":2}', raw))).toBeUndefined()
    },
  )

  test('a form in place of JSON does not get around it', () => {
    const call = callOf(paths.chat, 'n=5')
    expect(refused({ ...call, endpoint: { ...call.endpoint, reads: 'multipart' } })).toBe('unsupported_media_type')
  })

  test('B53: keys like __proto__ are like any other', () => {
    const body =
      '{"__proto__":{"n":5},"constructor":1,"toString":2,"messages":[{"role":"user","content":"x","__proto__":{}}]}'
    expect(judged({ schema: true, caps: { n: { max: 1 } } }, paths.chat, body)).toBeUndefined()
  })

  test('nothing throws, whatever JSON comes', () => {
    const section = {
      schema: true,
      max_messages: 2,
      max_message_length: 5,
      caps: { n: { max: 1 }, max_tokens: { max: 1, action: 'clamp' } },
    } as const
    const member = fc.constantFrom(
      'messages',
      'input',
      'contents',
      'prompt',
      'system',
      'n',
      'max_tokens',
      'tools',
      'options',
      'generationConfig',
      'temperature',
    )
    const property = fc.property(
      fc.constantFrom(...Object.values(paths)),
      fc.dictionary(member, fc.jsonValue()),
      (path, body) => {
        void judged(section, path, body)
      },
    )
    fc.assert(property, { numRuns: 500 })
  })

  test('an empty section, and one of zeros, is none', () => {
    expect(compileGuards(v.parse(ValidationSchema, {}))).toBeUndefined()
    expect(compileGuards(v.parse(ValidationSchema, { max_messages: 0, schema: false }))).toBeUndefined()
    expect(compileGuards(undefined)).toBeUndefined()
  })
})
