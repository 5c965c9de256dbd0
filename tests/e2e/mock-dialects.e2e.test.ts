import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'

type Json = ReturnType<typeof JSON.parse>

// Strict backends of every dialect: what a client gets is only right if the request was.
const mock = servedMock()
let gateway: RunningGateway

const backends = ['openai', 'anthropic', 'gemini', 'cohere', 'ollama', 'bedrock'] as const
/** Models whose names choose a form and a behaviour. */
const behaviours = { say: 'ok', call: 'tools=2', cut: 'scut=3', fail: 'e429', broken: 'serr=2' }

/** Bedrock is asked for Claude by InvokeModel, for others by Converse. */
const claude = { name: 'claude', of: 'bedrock', prefix: 'anthropic.claude-sonnet-4-5+' }

beforeAll(async () => {
  const list = backends.map((name) => `  - { name: ${name}, url: "${mock.url}", protocol: ${name}, api_key: sk-up }`)
  const aliases = [...backends.map((name) => ({ name, of: name, prefix: '' })), claude].flatMap(
    ({ name, of, prefix }) =>
      Object.entries(behaviours).map(
        ([alias, model]) => `  ${name}-${alias}: { routes: [{ backend: ${of}, model: "${prefix}${model}" }] }`,
      ),
  )
  gateway = await startGateway(
    `proxy_api_key: sk-test\nbackends:\n${list.join('\n')}\nmodels:\n${aliases.join('\n')}\nfallback: { cooldown_seconds: 0 }\n`,
  )
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await mock.stop()
})

const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }

interface Client {
  path(model: string, stream: boolean): string
  body(model: string): Json
  readonly tools: object
  /** The same talk, with the calls of this answer answered in order. */
  next(body: Json, answer: Json, results: readonly string[]): Json
  text(answer: Json): string
  calls(answer: Json): readonly unknown[]
}

const clients: Readonly<Record<string, Client>> = {
  chat: {
    path: () => '/v1/chat/completions',
    body: (model) => ({ model, messages: [{ role: 'user', content: 'hi' }] }),
    tools: { tools: [{ type: 'function', function: { name: 'sky', parameters: schema } }] },
    next(body, answer, results) {
      const { message } = answer.choices[0]
      const told = results.map((content, at) => ({ role: 'tool', tool_call_id: message.tool_calls[at].id, content }))
      return { ...body, messages: [...body.messages, message, ...told] }
    },
    text: (answer) => answer.choices[0].message.content,
    calls: (answer) =>
      answer.choices[0].message.tool_calls.map((call: Json) => [
        call.function.name,
        JSON.parse(call.function.arguments),
      ]),
  },
  responses: {
    path: () => '/v1/responses',
    body: (model) => ({ model, store: false, input: [{ role: 'user', content: 'hi' }] }),
    tools: { tools: [{ type: 'function', name: 'sky', parameters: schema, strict: false }] },
    next(body, answer, results) {
      const asked = answer.output.filter((item: Json) => item.type === 'function_call')
      const told = results.map((output, at) => ({ type: 'function_call_output', call_id: asked[at].call_id, output }))
      return { ...body, input: [...body.input, ...answer.output, ...told] }
    },
    text: (answer) => answer.output.find((item: Json) => item.type === 'message').content[0].text,
    calls: (answer) =>
      answer.output
        .filter((item: Json) => item.type === 'function_call')
        .map((item: Json) => [item.name, JSON.parse(item.arguments)]),
  },
  messages: {
    path: () => '/v1/messages',
    body: (model) => ({ model, max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] }),
    tools: { tools: [{ name: 'sky', input_schema: schema }] },
    next(body, { content }, results) {
      const asked = content.filter((block: Json) => block.type === 'tool_use')
      const told = results.map((result, at) => ({ type: 'tool_result', tool_use_id: asked[at].id, content: result }))
      return { ...body, messages: [...body.messages, { role: 'assistant', content }, { role: 'user', content: told }] }
    },
    text: (answer) => answer.content.find((block: Json) => block.type === 'text').text,
    calls: (answer) =>
      answer.content.filter((block: Json) => block.type === 'tool_use').map((block: Json) => [block.name, block.input]),
  },
  gemini: {
    path: (model, stream) => `/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: () => ({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }),
    tools: { tools: [{ functionDeclarations: [{ name: 'sky', parametersJsonSchema: schema }] }] },
    next(body, answer, results) {
      const { content } = answer.candidates[0]
      const asked = content.parts.filter((part: Json) => part.functionCall !== undefined)
      const told = results.map((sky, at) => {
        const { id, name } = asked[at].functionCall
        return { functionResponse: { id, name, response: { output: sky } } }
      })
      return { ...body, contents: [...body.contents, content, { role: 'user', parts: told }] }
    },
    text: (answer) => answer.candidates[0].content.parts.map(({ text }: Json) => text ?? '').join(''),
    calls: (answer) =>
      answer.candidates[0].content.parts
        .filter((part: Json) => part.functionCall !== undefined)
        .map((part: Json) => [part.functionCall.name, part.functionCall.args]),
  },
}

async function send(client: Client, model: string, body: Json, stream = false): Promise<Response> {
  const isGemini = client === clients['gemini']
  return await fetch(gateway.url + client.path(model, stream), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-test' },
    body: JSON.stringify(stream && !isGemini ? { ...body, stream } : body),
  })
}

async function answerOf(response: Response): Promise<Json> {
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  return JSON.parse(text)
}

/** What arrived before the connection broke, if it did. */
async function receivedOf(response: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  try {
    for await (const piece of response.body ?? []) pieces.push(piece)
  } catch {
    // A broken stream is broken for the client too, after it was told.
  }
  return Buffer.concat(pieces).toString()
}

const greeting = 'Hello from the mock backend. You said: hi'

describe.each(Object.keys(clients))('a client of %s', (name) => {
  const client = clients[name]
  if (client === undefined) throw new Error(`There is no client of ${name}`)
  const others = [...backends, 'claude']

  test.each(others)('is answered by %s', async (backend) => {
    const model = `${backend}-say`
    expect(client.text(await answerOf(await send(client, model, client.body(model))))).toBe(greeting)
  })

  test.each(others)('has a loop of two calls with %s', async (backend) => {
    const model = `${backend}-call`
    const body = { ...client.body(model), ...client.tools }
    const answer = await answerOf(await send(client, model, body))
    expect(client.calls(answer)).toEqual([
      ['sky', { city: 'mock' }],
      ['sky', { city: 'mock' }],
    ])
    const last = await answerOf(await send(client, model, client.next(body, answer, ['blue', 'grey'])))
    expect(client.text(last)).toMatch(/The tool answered: .*grey/s)
  })

  test.each(others)('has a stream of %s', async (backend) => {
    const model = `${backend}-say`
    const text = await (await send(client, model, client.body(model), true)).text()
    const said = text.matchAll(/"(?:content|delta|text)":"((?:Hello|[: ]+\w+|[ .]\w*| ?\w+[.:]?)*)"/g)
    expect([...said].map((match) => match[1]).join('')).toContain(greeting)
    expect(text).not.toContain('"error":{')
  })

  test.each(others)('is told when the stream of %s fails', async (backend) => {
    for (const end of ['cut', 'broken']) {
      const model = `${backend}-${end}`
      const text = await receivedOf(await send(client, model, client.body(model), true))
      expect(text).toMatch(/"error"/)
    }
  })

  test.each(others)('is told of the limit of %s', async (backend) => {
    const model = `${backend}-fail`
    const response = await send(client, model, client.body(model))
    expect(response.status).toBe(429)
    expect(await response.json()).toHaveProperty('error')
  })
})
