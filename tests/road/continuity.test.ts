import { beforeAll, describe, expect, test } from 'bun:test'
import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { eventStream, openRoad, type Road } from '../support/road.ts'
import { dataEvent, namedEvent } from '../support/streams.ts'
import { sentBy } from '../support/upstream.ts'

/*
 * §5.7-8, §6.3: models that want back what they thought before their calls get it, also from clients that never bring it.
 * Two rounds: the model thinks and calls, then gets the result.
 */

const thought = 'The user wants the weather, so I look.'
const city = { city: 'Graz' }

// What is loaded with the first translated request takes real time, and that of these tests is not.
beforeAll(async () => {
  await twoRounds('gemini', models[0], false)
})

interface Model {
  readonly name: string
  readonly backend: string
  /** What it answers in the first round. */
  readonly calls: (stream: boolean) => Response
  /** The thoughts in front of the call, as the second round brings them back. */
  readonly back: (body: JsonObject) => unknown
}

const chat = (name: string, field = 'reasoning_content', more = ''): Model => ({
  name,
  backend: `{ name: b, url: "http://b/v1", apis: [chat]${more} }`,
  calls: (stream) => chatCalls(stream, { [field]: thought }),
  back: (body) => assistantIn(body)[field],
})

const tagged = (name: string): Model => ({
  ...chat(name),
  calls: (stream) => chatCalls(stream, { content: `<think>${thought}</think>` }),
})

const claudeLike = (name: string): Model => ({
  name: `${name} in Anthropic’s form`,
  backend: '{ name: b, url: "http://b", protocol: anthropic }',
  calls: (stream) => messagesCalls(stream),
  back: (body) => asObject(asList(assistantIn(body)['content'])[0]),
})

const models = [
  chat('deepseek-reasoner', 'reasoning_content', ', protocol: deepseek'),
  chat('deepseek-v4'),
  chat('kimi-k2-thinking'),
  chat('kimi-k2.5'),
  chat('glm-4.6'),
  chat('qwen3-32b'),
  chat('qwen-plus'),
  chat('gpt-oss-120b', 'reasoning'),
  tagged('qwen3-235b-a22b-thinking-2507'),
  tagged('MiniMax-M2'),
  {
    name: 'qwen3 on Ollama',
    backend: '{ name: b, url: "http://b", protocol: ollama }',
    calls: ollamaCalls,
    back: (body) => assistantIn(body)['thinking'],
  },
  ...['deepseek-chat', 'kimi-k2.5', 'glm-4.6', 'MiniMax-M2'].map(claudeLike),
] as const satisfies readonly Model[]

function chatCalls(stream: boolean, said: JsonObject): Response {
  const call = { id: 'call_0', type: 'function', function: { name: 'look', arguments: JSON.stringify(city) } }
  const head = { id: 'c1', created: 1, model: 'up' }
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
  if (!stream) {
    const message = { role: 'assistant', content: null, ...said, tool_calls: [call] }
    return Response.json({
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
      usage,
    })
  }
  const chunk = (delta: object, finish: string | null = null): string =>
    dataEvent({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })
  const pieces = Object.entries(said).flatMap(([field, text]) =>
    [String(text).slice(0, 12), String(text).slice(12)].map((part) => chunk({ [field]: part })),
  )
  return eventStream([
    chunk({ role: 'assistant' }),
    ...pieces,
    chunk({ tool_calls: [{ index: 0, ...call }] }),
    chunk({}, 'tool_calls'),
    'data: [DONE]\n\n',
  ])
}

function messagesCalls(stream: boolean): Response {
  const head = { id: 'msg_1', type: 'message', role: 'assistant', model: 'up', stop_sequence: null }
  const usage = { input_tokens: 1, output_tokens: 1 }
  const use = { type: 'tool_use', id: 'toolu_1', name: 'look' }
  if (!stream) {
    const content = [
      { type: 'thinking', thinking: thought, signature: '' },
      { ...use, input: city },
    ]
    return Response.json({ ...head, content, stop_reason: 'tool_use', usage })
  }
  const events = [
    { type: 'message_start', message: { ...head, content: [], stop_reason: null, usage } },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: thought } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { ...use, input: {} } },
    { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: JSON.stringify(city) } },
    { type: 'content_block_stop', index: 1 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage },
    { type: 'message_stop' },
  ]
  return eventStream(events.map((event) => namedEvent(event)))
}

function ollamaCalls(stream: boolean): Response {
  const head = { model: 'up', created_at: '2026-01-01T00:00:00Z' }
  const calls = [{ function: { name: 'look', arguments: city } }]
  const end = { done: true, done_reason: 'stop', prompt_eval_count: 1, eval_count: 1 }
  const say = (message: object, more: object): object => ({
    ...head,
    message: { role: 'assistant', ...message },
    ...more,
  })
  if (!stream) return Response.json(say({ content: '', thinking: thought, tool_calls: calls }, end))
  const lines = [
    say({ content: '', thinking: thought }, { done: false }),
    say({ content: '', tool_calls: calls }, { done: false }),
    say({ content: '' }, end),
  ]
  const headers = { 'content-type': 'application/x-ndjson' }
  return new Response(lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { headers })
}

/** The assistant's message of a history in the form of Chat, Ollama or Anthropic. */
function assistantIn(body: JsonObject): JsonObject {
  const found = asList(body['messages']).find((message) => asObject(message)?.['role'] === 'assistant')
  return asObject(found) ?? {}
}

interface Client {
  readonly form: string
  readonly path: (stream: boolean) => string
  readonly first: (stream: boolean) => JsonObject
  /** The same with the call and its result, and nothing else of what was answered. */
  readonly second: (stream: boolean, answer: string) => JsonObject
}

const schema = { type: 'object', properties: { city: { type: 'string' } } }
const chatTools = [{ type: 'function', function: { name: 'look', parameters: schema } }]
const question = { role: 'user', content: 'Weather?' }

/** The first match of a pattern in what a client read, whatever was around it. */
function foundIn(answer: string, pattern: RegExp): string {
  return pattern.exec(answer)?.[1] ?? 'nothing'
}

const clients: readonly Client[] = [
  {
    form: 'gemini',
    path: (stream) => `/v1beta/models/m:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    first: () => ({
      contents: [{ role: 'user', parts: [{ text: 'Weather?' }] }],
      tools: [{ functionDeclarations: [{ name: 'look', parametersJsonSchema: schema }] }],
    }),
    second: (_, answer) => {
      const id = foundIn(answer, /"functionCall":\{"id":"([^"]+)"/)
      return {
        contents: [
          { role: 'user', parts: [{ text: 'Weather?' }] },
          { role: 'model', parts: [{ functionCall: { id, name: 'look', args: city } }] },
          { role: 'user', parts: [{ functionResponse: { id, name: 'look', response: { output: 'sunny' } } }] },
        ],
        tools: [{ functionDeclarations: [{ name: 'look', parametersJsonSchema: schema }] }],
      }
    },
  },
  {
    form: 'ollama',
    path: () => '/api/chat',
    first: (stream) => ({ model: 'm', messages: [question], tools: chatTools, stream }),
    second: (stream, answer) => {
      const id = foundIn(answer, /"id":"((?:call|toolu)_[^"]+)"/)
      const messages = [
        question,
        { role: 'assistant', content: '', tool_calls: [{ id, function: { name: 'look', arguments: city } }] },
        { role: 'tool', tool_name: 'look', tool_call_id: id, content: 'sunny' },
      ]
      return { model: 'm', messages, tools: chatTools, stream }
    },
  },
  {
    form: 'chat',
    path: () => '/v1/chat/completions',
    first: (stream) => ({ model: 'm', messages: [question], tools: chatTools, stream }),
    second: (stream, answer) => {
      const id = foundIn(answer, /"id":"((?:call|toolu)_[^"]+)"/)
      const call = { id, type: 'function', function: { name: 'look', arguments: JSON.stringify(city) } }
      const messages = [
        question,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: id, content: 'sunny' },
      ]
      return { model: 'm', messages, tools: chatTools, stream }
    },
  },
  {
    form: 'messages',
    path: () => '/v1/messages',
    first: (stream) => ({
      model: 'm',
      max_tokens: 4096,
      messages: [question],
      tools: [{ name: 'look', input_schema: schema }],
      stream,
    }),
    second: (stream, answer) => {
      const id = foundIn(answer, /"id":"((?:call|toolu)_[^"]+)"/)
      const messages = [
        question,
        { role: 'assistant', content: [{ type: 'tool_use', id, name: 'look', input: city }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'sunny' }] },
      ]
      return { model: 'm', max_tokens: 4096, messages, tools: [{ name: 'look', input_schema: schema }], stream }
    },
  },
  {
    form: 'responses',
    path: () => '/v1/responses',
    first: (stream) => ({
      model: 'm',
      input: 'Weather?',
      store: false,
      tools: [{ type: 'function', name: 'look', parameters: schema }],
      stream,
    }),
    second: (stream, answer) => {
      const id = foundIn(answer, /"call_id":"([^"]+)"/)
      const input = [
        question,
        { type: 'function_call', call_id: id, name: 'look', arguments: JSON.stringify(city) },
        { type: 'function_call_output', call_id: id, output: 'sunny' },
      ]
      const tools = [{ type: 'function', name: 'look', parameters: schema }]
      return { model: 'm', input, store: false, tools, stream }
    },
  },
]

function clientOf(form: string): Client {
  const client = clients.find((other) => other.form === form)
  if (client === undefined) throw new Error(`Cannot find the client: nobody speaks ${form}`)
  return client
}

function configOf({ name, backend }: Model, more = ''): string {
  const [model = ''] = name.split(' ')
  return `
backends: [${backend}]
models: { m: { routes: [{ backend: b, model: ${model} }] } }
${more}`
}

async function roadTo(model: Model): Promise<Road> {
  return await openRoad(configOf(model), (request) => {
    const body = asObject(JSON.parse(sentBy(request).toString())) ?? {}
    return model.calls(body['stream'] === true)
  })
}

async function ask(road: Road, path: string, body: JsonObject, key = 'sk-a'): Promise<string> {
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${key}`,
    'anthropic-version': '2023-06-01',
  }
  const response = await road.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
  return await response.text()
}

/** What the backend was sent in the second round. */
function lastSent(road: Road): JsonObject {
  const last = road.sent.at(-1)
  return asObject(last && JSON.parse(sentBy(last).toString())) ?? {}
}

async function twoRounds(form: string, model: Model, stream: boolean): Promise<JsonObject> {
  const road = await roadTo(model)
  const client = clientOf(form)
  const answer = await ask(road, client.path(stream), client.first(stream))
  await ask(road, client.path(stream), client.second(stream, answer))
  expect(road.sent).toHaveLength(2)
  return lastSent(road)
}

/** Same form means same bytes: nothing is put into a request that goes out as it came. */
function isTranslated(form: string, { backend }: Model): boolean {
  if (backend.includes('anthropic')) return form !== 'messages'
  return backend.includes('ollama') ? form !== 'ollama' : form !== 'chat'
}

describe.each(models)('$name gets its thoughts back from a client that drops them', (model) => {
  const forms = clients.map(({ form }) => form).filter((form) => isTranslated(form, model))
  test.each(forms.flatMap((form) => [false, true].map((stream) => ({ form, stream }))))(
    'of the form $form (stream: $stream)',
    async ({ form, stream }) => {
      const back = model.back(await twoRounds(form, model, stream))
      if (model.backend.includes('anthropic')) {
        expect(back).toEqual({ type: 'thinking', thinking: thought, signature: '' })
      } else expect(back).toBe(thought)
    },
  )
})

describe('thoughts that nobody signed', () => {
  const [deepseek] = models

  test('are put into no request that is not the same tenant’s', async () => {
    const road = await roadTo(deepseek)
    const client = clientOf('gemini')
    const answer = await ask(road, client.path(false), client.first(false))
    // Who was nobody has a name now.
    await road.reload(configOf(deepseek, 'proxy_api_key: sk-client-key-1234'))
    await ask(road, client.path(false), client.second(false, answer), 'sk-client-key-1234')
    expect(deepseek.back(lastSent(road))).toBe('')
    await road.reload(configOf(deepseek))
    await ask(road, client.path(false), client.second(false, answer))
    expect(deepseek.back(lastSent(road))).toBe(thought)
  })

  test('are forgotten after an hour', async () => {
    const road = await roadTo(deepseek)
    const client = clientOf('gemini')
    const answer = await ask(road, client.path(false), client.first(false))
    await road.clock.advance(60 * 60 * 1000 + 1)
    await ask(road, client.path(false), client.second(false, answer))
    expect(deepseek.back(lastSent(road))).toBe('')
  })

  test('are not for a model that does not want them, whoever thought them', async () => {
    const road = await roadTo(deepseek)
    const client = clientOf('gemini')
    const answer = await ask(road, client.path(false), client.first(false))
    await road.reload(`
backends: [{ name: b, url: "http://b/v1", profile: { reasoning_history: drop } }]
models: { m: { routes: [{ backend: b, model: llama-3 }] } }`)
    await ask(road, client.path(false), client.second(false, answer))
    const message = assistantIn(lastSent(road))
    expect(asList(message['tool_calls'])).toHaveLength(1)
    expect(Object.keys(message)).not.toContain('reasoning_content')
  })

  test('that a client brings back are taken as it tells them', async () => {
    const road = await roadTo(deepseek)
    const client = clientOf('ollama')
    const answer = await ask(road, client.path(false), client.first(false))
    const second = client.second(false, answer)
    const [asked, called, ...rest] = asList(second['messages'])
    const messages = [asked, { ...asObject(called), thinking: 'shorter' }, ...rest]
    await ask(road, client.path(false), { ...second, messages })
    expect(asText(deepseek.back(lastSent(road)))).toBe('shorter')
  })
})
