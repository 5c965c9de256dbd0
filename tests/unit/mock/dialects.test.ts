import { describe, expect, test } from 'bun:test'
import { answerMock } from '#mock/answer.ts'
import { seededRandom } from '#ports/random.ts'
import { framesOf } from '../../support/aws-read.ts'

type Json = ReturnType<typeof JSON.parse>

interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
}

function ask(path: string, body: object): Asked {
  const [plain = '', query = ''] = path.split('?')
  const request = {
    method: 'POST',
    path: plain,
    query,
    headers: new Headers(),
    body: Buffer.from(JSON.stringify(body)),
  }
  const answer = answerMock(request, { name: 'unit', wallMs: 0, random: seededRandom(1) })
  if (answer.kind !== 'response') throw new Error(`The mock backend did not respond: ${answer.kind}`)
  return { ...answer, bytes: Buffer.concat([...answer.body.frames].map(({ bytes }) => bytes)) }
}

const json = ({ bytes }: Asked): Json => JSON.parse(bytes.toString())
const events = ({ bytes }: Asked): Json[] =>
  bytes
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)))

const greeting = 'Hello from the mock backend. You said: hi'
const thought = 'Let me think about this for a moment.'
const schema = { type: 'object', properties: { city: { type: 'string' } } }

const asked = {
  chat: {
    path: () => '/v1/chat/completions',
    body: (model: string) => ({ model, messages: [{ role: 'user', content: 'hi' }] }),
    tools: { tools: [{ type: 'function', function: { name: 'sky', parameters: schema } }] },
  },
  responses: {
    path: () => '/v1/responses',
    body: (model: string) => ({ model, input: 'hi' }),
    tools: { tools: [{ type: 'function', name: 'sky', parameters: schema }] },
  },
  messages: {
    path: () => '/v1/messages',
    body: (model: string) => ({ model, max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] }),
    tools: { tools: [{ name: 'sky', input_schema: schema }] },
  },
  gemini: {
    path: (model: string) => `/v1beta/models/${model}:generateContent`,
    body: () => ({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }),
    tools: { tools: [{ functionDeclarations: [{ name: 'sky', parametersJsonSchema: schema }] }] },
  },
  converse: {
    path: (model: string) => `/model/${model}/converse`,
    body: () => ({ messages: [{ role: 'user', content: [{ text: 'hi' }] }] }),
    tools: { toolConfig: { tools: [{ toolSpec: { name: 'sky', inputSchema: { json: schema } } }] } },
  },
  invoke: {
    path: (model: string) => `/model/${model}/invoke`,
    body: () => ({
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'hi' }],
    }),
    tools: { tools: [{ name: 'sky', input_schema: schema }] },
  },
  cohere: {
    path: () => '/v2/chat',
    body: (model: string) => ({ model, messages: [{ role: 'user', content: 'hi' }] }),
    tools: { tools: [{ type: 'function', function: { name: 'sky', parameters: schema } }] },
  },
  ollama: {
    path: () => '/api/chat',
    body: (model: string) => ({ model, stream: false, messages: [{ role: 'user', content: 'hi' }] }),
    tools: { tools: [{ type: 'function', function: { name: 'sky', parameters: schema } }] },
  },
} as const

type Dialect = keyof typeof asked

function say(dialect: Dialect, model: string, more: object = {}): Json {
  return json(ask(asked[dialect].path(model), { ...asked[dialect].body(model), ...more }))
}

describe('a body', () => {
  const rows: readonly { dialect: Dialect; model: string; more?: 'tools'; has: object }[] = [
    {
      dialect: 'chat',
      model: 'think',
      has: { choices: [{ message: { reasoning_content: thought, content: greeting } }] },
    },
    {
      dialect: 'chat',
      model: 'refuse',
      has: {
        choices: [{ message: { content: null, refusal: expect.stringContaining('refuse') }, finish_reason: 'stop' }],
      },
    },
    {
      dialect: 'chat',
      model: 'cached=5',
      has: { usage: { prompt_tokens: 6, prompt_tokens_details: { cached_tokens: 5 } } },
    },
    {
      dialect: 'responses',
      model: 'think',
      has: {
        output: [
          { type: 'reasoning', summary: [{ text: thought }], encrypted_content: expect.stringMatching(/^EqMock/) },
          { type: 'message' },
        ],
      },
    },
    {
      dialect: 'responses',
      model: 'refuse',
      has: { output: [{ content: [{ type: 'refusal', refusal: expect.any(String) }] }] },
    },
    {
      dialect: 'messages',
      model: 'think+cached=5',
      has: {
        content: [
          { type: 'thinking', thinking: thought, signature: expect.stringMatching(/^EqMock/) },
          { type: 'text', text: greeting },
        ],
        usage: { input_tokens: 1, cache_read_input_tokens: 5 },
      },
    },
    {
      dialect: 'messages',
      model: 'refuse',
      has: { content: [], stop_reason: 'refusal', stop_details: { type: 'refusal' } },
    },
    {
      dialect: 'gemini',
      model: 'think+cached=5',
      has: {
        candidates: [
          {
            content: {
              parts: [
                { text: thought, thought: true },
                { text: greeting, thoughtSignature: expect.any(String) },
              ],
            },
          },
        ],
        usageMetadata: {
          promptTokenCount: 6,
          cachedContentTokenCount: 5,
          candidatesTokenCount: 8,
          thoughtsTokenCount: 8,
        },
      },
    },
    {
      dialect: 'gemini',
      model: 'think+tools=2',
      more: 'tools',
      has: {
        candidates: [
          {
            content: {
              parts: [
                { thought: true },
                { functionCall: { name: 'sky', args: { city: 'mock' } }, thoughtSignature: expect.any(String) },
                { functionCall: { name: 'sky' } },
              ],
            },
          },
        ],
      },
    },
    { dialect: 'gemini', model: 'refuse', has: { candidates: [{ finishReason: 'SAFETY' }] } },
    {
      dialect: 'converse',
      model: 'us.anthropic.claude%3A0',
      has: {
        output: { message: { role: 'assistant', content: [{ text: greeting }] } },
        stopReason: 'end_turn',
        usage: { inputTokens: 1, outputTokens: 8, totalTokens: 9 },
      },
    },
    {
      dialect: 'converse',
      model: 'think+cached=5',
      has: {
        output: {
          message: {
            content: [
              { reasoningContent: { reasoningText: { text: thought, signature: expect.any(String) } } },
              { text: greeting },
            ],
          },
        },
        usage: { inputTokens: 1, cacheReadInputTokens: 5, totalTokens: 22 },
      },
    },
    {
      dialect: 'converse',
      model: 'tools',
      more: 'tools',
      has: {
        output: {
          message: {
            content: [
              { toolUse: { toolUseId: expect.stringMatching(/^tooluse_/), name: 'sky', input: { city: 'mock' } } },
            ],
          },
        },
        stopReason: 'tool_use',
      },
    },
    { dialect: 'converse', model: 'refuse', has: { stopReason: 'content_filtered' } },
    {
      dialect: 'invoke',
      model: 'think',
      has: { type: 'message', content: [{ type: 'thinking' }, { type: 'text', text: greeting }] },
    },
    {
      dialect: 'invoke',
      model: 'tools',
      more: 'tools',
      has: { content: [{ type: 'tool_use', name: 'sky', input: { city: 'mock' } }], stop_reason: 'tool_use' },
    },
    {
      dialect: 'cohere',
      model: 'think',
      has: {
        message: {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: thought },
            { type: 'text', text: greeting },
          ],
        },
        finish_reason: 'COMPLETE',
      },
    },
    {
      dialect: 'cohere',
      model: 'think+tools+cached=5',
      more: 'tools',
      has: {
        message: {
          tool_plan: thought,
          tool_calls: [{ type: 'function', function: { name: 'sky', arguments: '{"city":"mock"}' } }],
        },
        finish_reason: 'TOOL_CALL',
        usage: { tokens: { input_tokens: 6 }, cached_tokens: 5 },
      },
    },
    { dialect: 'ollama', model: 'think', has: { message: { thinking: thought, content: greeting } } },
  ]
  test.each(rows)('of $dialect for "$model"', ({ dialect, model, more, has }) => {
    expect(say(dialect, model, more && asked[dialect].tools)).toMatchObject(has)
  })

  test('of Cohere for texts has a vector for each', () => {
    const body = { model: 'ok', texts: ['a', 'b'], input_type: 'search_document', embedding_types: ['float'] }
    expect(json(ask('/v2/embed', body)).embeddings.float.map((vector: unknown[]) => vector.length)).toEqual([8, 8])
  })

  test('of Vertex for Claude is a message', () => {
    const body = { ...asked.invoke.body(), anthropic_version: 'vertex-2023-10-16' }
    expect(json(ask('/v1/projects/p/locations/l/publishers/anthropic/models/ok:rawPredict', body)).type).toBe('message')
  })

  test('of a count of tokens is the number of words', () => {
    expect(json(ask('/model/ok/count-tokens', asked.converse.body()))).toEqual({ inputTokens: 1 })
  })
})

describe('a tool', () => {
  test.each<{ dialect: Dialect; none: object }>([
    { dialect: 'chat', none: { tool_choice: 'none' } },
    { dialect: 'messages', none: { tool_choice: { type: 'none' } } },
    { dialect: 'gemini', none: { toolConfig: { functionCallingConfig: { mode: 'NONE' } } } },
    { dialect: 'cohere', none: { tool_choice: 'NONE' } },
  ])('is not called where $dialect forbids it', ({ dialect, none }) => {
    expect(JSON.stringify(say(dialect, 'tools', { ...asked[dialect].tools, ...none }))).toContain(greeting)
  })

  test.each<{ dialect: Dialect; forced: object }>([
    { dialect: 'chat', forced: { tool_choice: { type: 'function', function: { name: 'sky' } } } },
    { dialect: 'responses', forced: { tool_choice: 'required' } },
    { dialect: 'messages', forced: { tool_choice: { type: 'tool', name: 'sky' } } },
    {
      dialect: 'gemini',
      forced: { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['sky'] } } },
    },
    { dialect: 'converse', forced: { toolConfig: { ...asked.converse.tools.toolConfig, toolChoice: { any: {} } } } },
    {
      dialect: 'converse',
      forced: { toolConfig: { ...asked.converse.tools.toolConfig, toolChoice: { tool: { name: 'sky' } } } },
    },
    { dialect: 'cohere', forced: { tool_choice: 'REQUIRED' } },
  ])('is called where $dialect forces it', ({ dialect, forced }) => {
    expect(JSON.stringify(say(dialect, 'ok', { ...asked[dialect].tools, ...forced }))).toMatch(/"name":"sky".*mock/)
  })

  test('is called once where only one call is allowed', () => {
    const more = { ...asked.chat.tools, parallel_tool_calls: false }
    expect(say('chat', 'tools=3', more).choices[0].message.tool_calls).toHaveLength(1)
  })

  test.each<{ dialect: Dialect; messages: readonly object[] }>([
    {
      dialect: 'converse',
      messages: [
        { role: 'user', content: [{ text: 'hi' }] },
        { role: 'assistant', content: [{ toolUse: { toolUseId: 'a', name: 'sky', input: {} } }] },
        { role: 'user', content: [{ toolResult: { toolUseId: 'a', content: [{ text: 'blue' }] } }] },
      ],
    },
    {
      dialect: 'cohere',
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'sky', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 'a', content: [{ type: 'document', document: { data: 'blue' } }] },
      ],
    },
  ])('of $dialect that answered is quoted', ({ dialect, messages }) => {
    const answer = say(dialect, 'tools', { ...asked[dialect].tools, messages })
    expect(JSON.stringify(answer)).toContain('The tool answered: blue')
  })
})

test.each<{ dialect: Dialect; format: object }>([
  { dialect: 'cohere', format: { response_format: { type: 'json_object', json_schema: schema } } },
  {
    dialect: 'converse',
    format: {
      outputConfig: {
        textFormat: { type: 'json_schema', structure: { jsonSchema: { schema: JSON.stringify(schema), name: 'n' } } },
      },
    },
  },
])('$dialect answers with JSON of the schema', ({ dialect, format }) => {
  expect(JSON.stringify(say(dialect, 'ok', format))).toContain(String.raw`{\"city\":\"mock\"}`)
})

describe('a stream of Converse', () => {
  const stream = (model: string, more: object = {}): Asked =>
    ask(`/model/${model}/converse-stream`, { ...asked.converse.body(), ...more })

  test('is frames with right checksums', () => {
    const answer = stream('ok')
    expect(answer.headers.get('content-type')).toBe('application/vnd.amazon.eventstream')
    const frames = framesOf(answer.bytes)
    const types = frames.map(({ headers }) => headers[':event-type'])
    expect(types.filter((type) => type !== 'contentBlockDelta')).toEqual([
      'messageStart',
      'contentBlockStop',
      'messageStop',
      'metadata',
    ])
    expect(frames.map(({ json: { delta } }) => delta?.text ?? '').join('')).toBe(greeting)
    expect(frames.at(-1)?.json.usage).toMatchObject({ inputTokens: 1, outputTokens: 8 })
  })

  test('has thoughts, a signature and calls, each in a block of its own', () => {
    const frames = framesOf(stream('think+tools=2', asked.converse.tools).bytes)
    const deltas = frames.map(({ json: { delta } }) => delta)
    expect(deltas.map((delta) => delta?.reasoningContent?.text ?? '').join('')).toBe(thought)
    expect(deltas.find((delta) => delta?.reasoningContent?.signature !== undefined)).toBeDefined()
    const starts = frames.filter(({ json: { start } }) => start !== undefined)
    expect(starts.map(({ json: { contentBlockIndex, start } }) => [contentBlockIndex, start.toolUse.name])).toEqual([
      [1, 'sky'],
      [2, 'sky'],
    ])
    expect(deltas.map((delta) => delta?.toolUse?.input ?? '').join('')).toBe('{"city":"mock"}'.repeat(2))
  })

  test.each([
    { model: 'nodone', lacks: 'metadata' },
    { model: 'nofinish', lacks: 'messageStop' },
  ])('with "$model" has no $lacks', ({ model, lacks }) => {
    expect(framesOf(stream(model).bytes).map(({ headers }) => headers[':event-type'])).not.toContain(lacks)
  })

  test('with "serr=3" says three words and then an exception', () => {
    const frames = framesOf(stream('serr=3').bytes)
    expect(frames.map(({ headers }) => headers[':event-type'] ?? headers[':exception-type'])).toEqual([
      'messageStart',
      'contentBlockDelta',
      'contentBlockDelta',
      'contentBlockDelta',
      'internalServerException',
    ])
    expect(frames.at(-1)?.headers[':message-type']).toBe('exception')
  })

  test('with "scut=2+torn" stops in the middle of a frame', () => {
    expect(() => framesOf(stream('scut=2+torn').bytes)).toThrow('torn')
  })
})

test('a stream of InvokeModel carries the events of Messages', () => {
  const answer = ask('/model/think/invoke-with-response-stream', asked.invoke.body())
  const inner = framesOf(answer.bytes).map(({ headers, json: { bytes } }) => {
    expect(headers[':event-type']).toBe('chunk')
    return JSON.parse(Buffer.from(bytes, 'base64').toString())
  })
  expect(inner.at(0)?.type).toBe('message_start')
  expect(inner.map(({ delta }) => delta?.text ?? '').join('')).toBe(greeting)
  expect(inner.map(({ delta }) => delta?.thinking ?? '').join('')).toBe(thought)
  expect(inner.at(-1)).toMatchObject({
    type: 'message_stop',
    'amazon-bedrock-invocationMetrics': { inputTokenCount: 1 },
  })
})

describe('a stream of Cohere', () => {
  const stream = (model: string, more: object = {}): Json[] =>
    events(ask('/v2/chat', { ...asked.cohere.body(model), stream: true, ...more }))

  test('has thoughts and text as two contents, and ends with its usage', () => {
    const all = stream('think')
    expect(all.at(0)).toMatchObject({ type: 'message-start', delta: { message: { role: 'assistant' } } })
    const content = all.filter(({ type }) => type === 'content-delta').map(({ delta }) => delta.message.content)
    expect(content.map(({ thinking = '' }) => thinking).join('')).toBe(thought)
    expect(content.map(({ text = '' }) => text).join('')).toBe(greeting)
    expect(all.at(-1)).toMatchObject({
      type: 'message-end',
      delta: { finish_reason: 'COMPLETE', usage: { tokens: { output_tokens: 16 } } },
    })
  })

  test('has a plan and calls', () => {
    const all = stream('think+tools', asked.cohere.tools)
    expect(all.map(({ delta }) => delta?.message?.tool_plan ?? '').join('')).toBe(thought)
    const pieces = all.filter(({ type }) => type === 'tool-call-delta')
    expect(pieces.map(({ delta }) => delta.message.tool_calls.function.arguments).join('')).toBe('{"city":"mock"}')
  })

  test('with "serr=1" ends with an error', () => {
    expect(stream('serr=1').at(-1)).toMatchObject({ type: 'message-end', delta: { finish_reason: 'ERROR' } })
  })
})

describe('a stream that fails after two words', () => {
  test.each([
    { path: '/v1/chat/completions', body: asked.chat.body('serr=2'), ends: /You|from"|data: \{"error":/ },
    {
      path: '/v1/responses',
      body: asked.responses.body('serr=2'),
      ends: /event: error\ndata: \{"type":"error".*\n\n$/,
    },
    {
      path: '/v1/messages',
      body: asked.messages.body('serr=2'),
      ends: /event: error\ndata: \{"type":"error","error".*\n\n$/,
    },
    { path: '/api/chat', body: asked.ollama.body('serr=2'), ends: /\n\{"error":"[^"]+"\}\n$/ },
  ])('ends $path with its error', ({ path, body, ends }) => {
    const text = ask(path, { ...body, stream: true }).bytes.toString()
    expect(text).toContain(' from')
    expect(text).not.toContain(' mock"')
    expect(text).toMatch(ends)
  })

  test.each([
    { query: '?alt=sse', ends: /\n\ndata: \{"error":\{"code":500.*\n\n$/ },
    { query: '', ends: /,\r\n\{"error":\{"code":500.*\}\]$/ },
  ])('ends Gemini with its error ("$query")', ({ query, ends }) => {
    const text = ask(`/v1beta/models/serr=2:streamGenerateContent${query}`, asked.gemini.body()).bytes.toString()
    expect(text).toContain(' from')
    expect(text).toMatch(ends)
  })
})

test.each([
  { model: 'e429', status: 429, name: 'ThrottlingException' },
  { model: 'e403', status: 403, name: 'AccessDeniedException' },
  { model: 'e424', status: 424, name: 'ModelErrorException' },
  { model: 'e500', status: 500, name: 'InternalServerException' },
])('Bedrock fails with $status in its own words', ({ model, status, name }) => {
  const answer = ask(`/model/${model}/converse`, asked.converse.body())
  expect(answer.status).toBe(status)
  expect(answer.headers.get('x-amzn-errortype')).toStartWith(`${name}:`)
  expect(json(answer)).toEqual({ message: expect.any(String) })
})

test('Cohere fails in its own words', () => {
  expect(json(ask('/v2/chat', asked.cohere.body('e429')))).toEqual({
    id: expect.any(String),
    message: expect.any(String),
  })
})
