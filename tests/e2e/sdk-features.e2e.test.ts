import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { FunctionCallingConfigMode, Type } from '@google/genai'
import { embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import { toFile } from 'openai'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { anthropicAt, geminiAt, greeting, openaiAt, question, vercelAt } from '../support/sdk.ts'

// Every alias fails at its first backend, so that each feature is seen to survive the fallback.
const mock = servedMock()
let gateway: RunningGateway

beforeAll(async () => {
  const models = { 'acme/chat': 'ok', 'acme/tools': 'tools=2', 'acme/zipped': 'ok+gz' }
  const aliases = Object.entries(models).map(
    ([alias, model]) =>
      `  "${alias}": { routes: [{ backend: first, model: e500, priority: 1 }, { backend: second, model: "${model}", priority: 2 }] }`,
  )
  gateway = await startGateway(`
proxy_api_key: sk-test
backends:
  - { name: first, url: "${mock.url}/v1", protocol: any }
  - { name: second, url: "${mock.url}", protocol: any }
models:
${aliases.join('\n')}
  hidden: { enabled: false, routes: [{ backend: second, model: ok }] }
fallback: { cooldown_seconds: 0 }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await mock.stop()
})

const messages = [{ role: 'user' as const, content: question }]
const parameters = {
  type: 'object' as const,
  properties: { city: { type: 'string' }, unit: { enum: ['celsius', 'kelvin'] } },
  required: ['city', 'unit'],
  additionalProperties: false,
}
const toolInput = { city: 'mock', unit: 'celsius' }
const toolAnswer = 'Hello from the mock backend. The tool answered: sunny'

describe('openai', () => {
  const client = () => openaiAt({ url: gateway.url })

  test('B69, N118: a loop of tool calls, streamed', async () => {
    const seen: unknown[] = []
    const runner = client().chat.completions.runTools({
      model: 'acme/tools',
      stream: true,
      messages,
      tools: [
        {
          type: 'function',
          function: {
            name: 'get_weather',
            description: 'The weather of a city',
            parameters,
            parse: JSON.parse,
            function: (input: unknown) => {
              seen.push(input)
              return 'sunny'
            },
          },
        },
      ],
    })
    expect(await runner.finalContent()).toBe(toolAnswer)
    expect(seen).toEqual([toolInput, toolInput])
  })

  test('B69: a forced tool and a structured answer', async () => {
    const completion = await client().chat.completions.create({
      model: 'acme/chat',
      messages,
      tools: [{ type: 'function', function: { name: 'get_weather', parameters } }],
      tool_choice: 'required',
    })
    const [call] = completion.choices[0]?.message.tool_calls ?? []
    expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual(toolInput)
    const parsed = await client().chat.completions.parse({
      model: 'acme/chat',
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'weather', schema: parameters, strict: true } },
    })
    expect(parsed.choices[0]?.message.parsed).toEqual(toolInput)
  })

  test('N118: three choices of one stream', async () => {
    const completion = await client()
      .chat.completions.stream({ model: 'acme/chat', messages, n: 3 })
      .finalChatCompletion()
    expect(completion.choices.map((choice) => choice.message.content)).toEqual([greeting, greeting, greeting])
    expect(completion.system_fingerprint).toBe('fp_mock')
  })

  test('B70: responses with tool calls, streamed, and one cut by its limit', async () => {
    const weather = { type: 'function' as const, name: 'get_weather', parameters, strict: true }
    const called = await client()
      .responses.stream({ model: 'acme/tools', input: question, tools: [weather] })
      .finalResponse()
    expect(called.output.map((item) => item.type === 'function_call' && JSON.parse(item.arguments))).toEqual([
      toolInput,
      toolInput,
    ])
    const cut = await client()
      .responses.stream({ model: 'acme/chat', input: question, max_output_tokens: 2 })
      .finalResponse()
    expect([cut.status, cut.output_text]).toEqual(['incomplete', 'Hello from'])
  })

  test('B70: embeddings', async () => {
    const { data, model } = await client().embeddings.create({ model: 'acme/chat', input: ['a', 'b'], dimensions: 4 })
    expect(data.map((row) => row.embedding.length)).toEqual([4, 4])
    expect(model).toBe('ok')
  })

  test('B70: an image, speech and moderations', async () => {
    const image = await client().images.generate({ model: 'acme/chat', prompt: 'a pixel' })
    expect(Buffer.from(image.data?.[0]?.b64_json ?? '', 'base64').toString('latin1', 1, 4)).toBe('PNG')
    const speech = await client().audio.speech.create({ model: 'acme/chat', voice: 'alloy', input: 'hi' })
    expect(speech.headers.get('content-type')).toBe('audio/wav')
    expect((await speech.arrayBuffer()).byteLength).toBe(844)
    const moderation = await client().moderations.create({ model: 'acme/chat', input: ['a', 'b'] })
    expect(moderation.results.map((result) => result.flagged)).toEqual([false, false])
  })

  test('B70: uploads keep their bytes, and get the name that the backend knows', async () => {
    const sound = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7) % 256))
    const before = mock.diary.requests.length
    const file = await toFile(sound, 'ein "Ton" ü.wav', { type: 'audio/wav' })
    const transcript = await client().audio.transcriptions.create({ model: 'acme/chat', file, language: 'de' })
    expect(transcript.text).toMatch(/^The mock backend heard \d+ bytes\.$/)
    const edited = await client().images.edit({ model: 'acme/chat', prompt: 'brighter', image: file })
    expect(edited.data).toHaveLength(1)
    const asked = mock.diary.requests.slice(before)
    expect(asked.map((request) => request.model)).toEqual(['e500', 'ok', 'e500', 'ok'])
    for (const { body } of asked) expect(Buffer.from(body).includes(sound)).toBe(true)
  })

  test('N007: an answer that the backend compressed', async () => {
    const completion = client().chat.completions.create({ model: 'acme/zipped', messages })
    expect((await completion).choices[0]?.message.content).toBe(greeting)
    expect((await completion.asResponse()).headers.get('content-encoding')).toBe('gzip')
  })

  test('B67: the models', async () => {
    const ids: string[] = []
    for await (const model of client().models.list()) ids.push(model.id)
    expect(ids).toEqual(['acme/chat', 'acme/tools', 'acme/zipped'])
    expect((await client().models.retrieve('acme/chat')).id).toBe('acme/chat')
  })

  test('B85: every answer has a request id of its own', async () => {
    const first = await client().chat.completions.create({ model: 'acme/chat', messages }).withResponse()
    const second = await client().chat.completions.create({ model: 'acme/chat', messages }).withResponse()
    expect(first.request_id).toMatch(/^req_[0-9a-f]{24}$/)
    expect(second.request_id).not.toBe(first.request_id)
  })
})

describe('anthropic', () => {
  const client = () => anthropicAt({ url: gateway.url })
  const weather = { name: 'get_weather', input_schema: parameters }

  test.each([{ stream: true }, { stream: false }])('tool calls and their results (stream: $stream)', async (how) => {
    const request = { model: 'acme/tools', max_tokens: 100, messages, tools: [weather] }
    const message = how.stream
      ? await client().messages.stream(request).finalMessage()
      : await client().messages.create(request)
    expect(message.stop_reason).toBe('tool_use')
    expect(message.content).toMatchObject([{ input: toolInput }, { input: toolInput }])
    const results = message.content.map((block) => ({
      type: 'tool_result' as const,
      tool_use_id: block.type === 'tool_use' ? block.id : '',
      content: 'sunny',
    }))
    const next = await client().messages.create({
      ...request,
      messages: [...messages, { role: 'assistant', content: message.content }, { role: 'user', content: results }],
    })
    expect(next.content).toMatchObject([{ text: `${toolAnswer}\nsunny` }])
  })

  test('token counts', async () => {
    const count = await client().messages.countTokens({ model: 'acme/chat', system: 'be kind', messages })
    expect(count.input_tokens).toBe(3)
  })

  test('the models, and one by its name', async () => {
    const ids: string[] = []
    for await (const model of client().models.list()) ids.push(model.id)
    expect(ids).toEqual(['acme/chat', 'acme/tools', 'acme/zipped'])
    expect(await client().models.retrieve('acme/chat')).toMatchObject({ type: 'model', id: 'acme/chat' })
  })

  test('B37, B74: beta headers and the query reach the backend', async () => {
    const request = { model: 'acme/chat', max_tokens: 9, messages, betas: ['context-1m'] }
    await client().beta.messages.create(request, { query: { beta: 'true' } })
    const { headers, query } = mock.diary.requests.at(-1) ?? { headers: new Headers(), query: '' }
    expect([headers.get('anthropic-beta'), query]).toEqual(['context-1m', 'beta=true'])
    expect(headers.get('anthropic-version')).toMatch(/^\d{4}-\d\d-\d\d$/)
  })
})

describe('genai', () => {
  const models = () => geminiAt({ url: gateway.url }).models
  const weather = {
    functionDeclarations: [
      { name: 'get_weather', parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } } } },
    ],
  }

  test('function calls, streamed and not, and their results', async () => {
    const config = { tools: [weather], toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.AUTO } } }
    const ask = { model: 'acme/tools', contents: question, config }
    const called = [{ args: { city: 'mock' } }, { args: { city: 'mock' } }]
    expect((await models().generateContent(ask)).functionCalls).toMatchObject(called)
    const streamed: unknown[] = []
    for await (const chunk of await models().generateContentStream(ask)) streamed.push(...(chunk.functionCalls ?? []))
    expect(streamed).toMatchObject(called)
    const next = await models().generateContent({
      ...ask,
      contents: [
        { role: 'user', parts: [{ text: question }] },
        { role: 'model', parts: [{ functionCall: { name: 'get_weather', args: { city: 'mock' } } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'get_weather', response: { sky: 'blue' } } }] },
      ],
    })
    expect(next.text).toBe('Hello from the mock backend. The tool answered: {"sky":"blue"}')
  })

  test('token counts', async () => {
    expect((await models().countTokens({ model: 'acme/chat', contents: 'one two three' })).totalTokens).toBe(3)
  })

  test('embeddings, each request of the batch under the name that the backend knows', async () => {
    const { embeddings } = await models().embedContent({ model: 'acme/chat', contents: ['a', 'b'] })
    expect(embeddings?.map((embedding) => embedding.values?.length)).toEqual([8, 8])
    const { path, body } = mock.diary.requests.at(-1) ?? { path: '', body: new Uint8Array() }
    expect(path).toEndWith('/models/ok:batchEmbedContents')
    const { requests } = JSON.parse(Buffer.from(body).toString()) as { requests: { model: string }[] }
    expect(requests.map((request) => request.model)).toEqual(['models/ok', 'models/ok'])
  })

  test('the models, and one by its name', async () => {
    const names: (string | undefined)[] = []
    for await (const model of await models().list()) names.push(model.name)
    expect(names).toEqual(['models/acme/chat', 'models/acme/tools', 'models/acme/zipped'])
    expect((await models().get({ model: 'acme/chat' })).name).toBe('models/acme/chat')
  })
})

describe('ai', () => {
  const openai = () => vercelAt({ url: gateway.url })

  test.each(['chat', 'responses'] as const)('a loop of tool calls by %s, streamed and not', async (api) => {
    const weather = tool({
      inputSchema: jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } } }),
      execute: async ({ city }) => `sunny in ${city}`,
    })
    const ask = {
      model: openai()[api]('acme/tools'),
      prompt: question,
      tools: { weather },
      stopWhen: stepCountIs(3),
      maxRetries: 0,
    }
    const answer = /^Hello from the mock backend\. The tool answered: sunny in mock/
    expect((await generateText(ask)).text).toMatch(answer)
    const streamed = streamText(ask)
    expect(await streamed.text).toMatch(answer)
    expect(await streamed.steps).toHaveLength(2)
  })

  test('embeddings', async () => {
    const { embeddings } = await embedMany({
      model: openai().embedding('acme/chat'),
      values: ['a', 'b'],
      maxRetries: 0,
    })
    expect(embeddings.map((vector) => vector.length)).toEqual([8, 8])
  })
})
