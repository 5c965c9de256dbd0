import { GoogleGenAI, type Content } from '@google/genai'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type OpenAI from 'openai'
import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { openaiAt, raised } from '../support/sdk.ts'

/*
 * What official SDKs ask for after an answer that was translated: the answer again, by its id, and the next round of a
 * model that wants its thoughts back.
 */

const thought = 'I should look at the weather.'

/** DeepSeek, as far as it matters here: in its thinking mode it refuses calls that come back without their thoughts. */
class DeepSeek implements AsyncDisposable {
  readonly asked: JsonObject[] = []
  readonly #server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      const body = asObject(await request.json()) ?? {}
      this.asked.push(body)
      const messages = asList(body['messages']).map((message) => asObject(message) ?? {})
      const calls = messages.filter((message) => 'tool_calls' in message)
      if (calls.some((message) => message['reasoning_content'] !== thought)) {
        const message = 'The `reasoning_content` in the thinking mode must be passed back to the API.'
        return Response.json({ error: { message, type: 'invalid_request_error' } }, { status: 400 })
      }
      return said(calls.length > 0 || body['tools'] === undefined, body['stream'] === true)
    },
  })

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }
}

function said(isLast: boolean, stream: boolean): Response {
  const call = { id: 'call_0', type: 'function', function: { name: 'look', arguments: '{"city":"Graz"}' } }
  const message = isLast
    ? { role: 'assistant', content: 'It is sunny.' }
    : { role: 'assistant', content: '', reasoning_content: thought, tool_calls: [call] }
  const finish = isLast ? 'stop' : 'tool_calls'
  const head = { id: 'c1', created: 1_790_000_000, model: 'deepseek-reasoner' }
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  if (!stream) {
    const choices = [{ index: 0, message, finish_reason: finish }]
    return Response.json({ ...head, object: 'chat.completion', choices, usage })
  }
  const { tool_calls: calls, ...rest } = { tool_calls: undefined, ...message }
  const delta = { ...rest, ...(calls !== undefined && { tool_calls: [{ index: 0, ...call }] }) }
  const chunks = [
    { ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: null }] },
    { ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta: {}, finish_reason: finish }] },
  ]
  const text = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')
  return new Response(`${text}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } })
}

let deepseek: DeepSeek
let gateway: RunningGateway
let openai: OpenAI

beforeAll(async () => {
  deepseek = new DeepSeek()
  gateway = await startGateway(`
proxy_api_key: sk-test
backends: [{ name: deepseek, url: "${deepseek.url}", protocol: deepseek, api_key: sk-up }]
models: { m: { routes: [{ backend: deepseek, model: deepseek-reasoner }] } }
fallback: { cooldown_seconds: 0 }
`)
  openai = openaiAt({ url: gateway.url })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await deepseek[Symbol.asyncDispose]()
})

describe('§6.3: a Gemini client that drops thoughts, as gemini-cli does', () => {
  const tools = [
    {
      functionDeclarations: [
        { name: 'look', parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } } } },
      ],
    },
  ]

  test.each([false, true])('goes through a loop of tools with DeepSeek (stream: %p)', async (stream) => {
    const ai = new GoogleGenAI({ apiKey: 'sk-test', httpOptions: { baseUrl: gateway.url } })
    const contents: Content[] = [{ role: 'user', parts: [{ text: 'Weather in Graz?' }] }]
    const ask = async (): Promise<Content[]> => {
      const wish = { model: 'm', contents, config: { tools } }
      if (!stream)
        return (await ai.models.generateContent(wish)).candidates?.flatMap(({ content }) => content ?? []) ?? []
      const told: Content[] = []
      for await (const chunk of await ai.models.generateContentStream(wish)) {
        for (const { content } of chunk.candidates ?? []) if (content !== undefined) told.push(content)
      }
      return told
    }
    const first = (await ask()).flatMap(({ parts }) => parts ?? []).filter((part) => part.thought !== true)
    const call = first.find(({ functionCall }) => functionCall !== undefined)?.functionCall
    expect(call).toMatchObject({ name: 'look', args: { city: 'Graz' } })
    contents.push({
      role: 'model',
      parts: first.flatMap(({ functionCall, text }) =>
        functionCall ? { functionCall } : text === undefined ? [] : { text },
      ),
    })
    const { id, name } = call ?? {}
    contents.push({
      role: 'user',
      parts: [
        {
          functionResponse: {
            ...(id !== undefined && { id }),
            ...(name !== undefined && { name }),
            response: { output: 'sunny' },
          },
        },
      ],
    })
    const last = (await ask()).flatMap(({ parts }) => parts ?? []).map(({ text }) => text ?? '')
    expect(last.join('')).toBe('It is sunny.')
  })
})

describe('§5.11: the openai SDK and an answer that was translated', () => {
  test.each([false, true])('gets it again, lists what led to it, and deletes it (stream: %p)', async (stream) => {
    const response = await made(stream)
    const again = await openai.responses.retrieve(response.id)
    expect(again.output_text).toBe('It is sunny.')
    expect(again).toMatchObject(response)
    const { data, has_more: hasMore } = await openai.responses.inputItems.list(response.id)
    expect(hasMore).toBe(false)
    expect(data).toMatchObject([{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Weather?' }] }])
    const next = await openai.responses.create({ model: 'm', input: 'And now?', previous_response_id: response.id })
    const texts: string[] = []
    // The SDK asks for one page after the other.
    for await (const item of openai.responses.inputItems.list(next.id, { limit: 1, order: 'asc' })) {
      texts.push(...('content' in item ? asList(item.content) : []).map((part) => String(asObject(part)?.['text'])))
    }
    expect(texts).toEqual(['Weather?', 'It is sunny.', 'And now?'])
    await openai.responses.delete(response.id)
    expect(await raised(openai.responses.retrieve(response.id))).toMatchObject({ status: 404, name: 'Error' })
    const later = openai.responses.create({ model: 'm', input: 'Later?', previous_response_id: next.id })
    expect(await raised(later)).toMatchObject({ status: 400, code: 'previous_response_not_found' })
  })

  test('cannot cancel it, nor have it as a stream', async () => {
    const { id } = await made(false)
    expect(await raised(openai.responses.cancel(id))).toMatchObject({ status: 400 })
    expect(await raised(openai.responses.retrieve(id, { stream: true }))).toMatchObject({
      status: 400,
      param: 'stream',
    })
    const before = deepseek.asked.length
    expect(await raised(openai.responses.retrieve('resp_of_nobody_0001'))).toMatchObject({ status: 404 })
    expect(deepseek.asked.length).toBe(before)
  })

  async function made(stream: boolean) {
    const wish = { model: 'm', input: 'Weather?' }
    if (!stream) return await openai.responses.create(wish)
    for await (const event of await openai.responses.create({ ...wish, stream: true })) {
      if (event.type === 'response.completed') return event.response
    }
    throw new Error('The stream did not come to its end')
  }
})
