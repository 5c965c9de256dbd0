import { afterAll, describe, expect, test } from 'bun:test'
import Anthropic, { APIError, RateLimitError } from '@anthropic-ai/sdk'
import { servedMock } from '../../support/mock.ts'

const mock = servedMock()
afterAll(async () => await mock.stop())

const client = new Anthropic({ baseURL: mock.url, apiKey: 'sk-ant-test', maxRetries: 0 })
const ask = { max_tokens: 100, messages: [{ role: 'user' as const, content: 'hi' }] }
const greeting = 'Hello from the mock backend. You said: hi'
const weather = {
  name: 'get_weather',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } },
}

describe('the Anthropic SDK reads', () => {
  test('a message', async () => {
    const message = await client.messages.create({ model: 'claude-opus-4-5', ...ask })
    expect(message.content).toEqual([{ type: 'text', text: greeting, citations: null }])
    expect([message.stop_reason, message.usage.input_tokens, message.usage.output_tokens]).toEqual(['end_turn', 1, 8])
  })

  test('a stream', async () => {
    const stream = client.messages.stream({ model: 'ok', ...ask })
    const message = await stream.finalMessage()
    expect(message.content).toMatchObject([{ type: 'text', text: greeting }])
    expect([message.stop_reason, message.usage.output_tokens]).toEqual(['end_turn', 8])
  })

  test.each([{ stream: true }, { stream: false }])(
    'tool calls, and the answer to their results (stream: $stream)',
    async ({ stream }) => {
      const request = { model: 'tools=2', ...ask, tools: [weather] }
      const message = stream
        ? await client.messages.stream(request).finalMessage()
        : await client.messages.create(request)
      expect(message.stop_reason).toBe('tool_use')
      expect(message.content).toMatchObject([
        { type: 'tool_use', name: 'get_weather', input: { city: 'mock' } },
        { type: 'tool_use', name: 'get_weather', input: { city: 'mock' } },
      ])
      const results = message.content.map((block) => ({
        type: 'tool_result' as const,
        tool_use_id: block.type === 'tool_use' ? block.id : '',
        content: 'sunny',
      }))
      const next = await client.messages.create({
        ...request,
        messages: [
          ...ask.messages,
          { role: 'assistant', content: message.content },
          { role: 'user', content: results },
        ],
      })
      expect(next.content).toMatchObject([{ text: 'Hello from the mock backend. The tool answered: sunny\nsunny' }])
    },
  )

  test('a cut by the limit', async () => {
    const message = await client.messages.stream({ model: 'ok', ...ask, max_tokens: 2 }).finalMessage()
    expect([message.stop_reason, message.content[0]?.type === 'text' && message.content[0].text]).toEqual([
      'max_tokens',
      'Hello from',
    ])
  })

  test('token counts and models', async () => {
    const { input_tokens } = await client.messages.countTokens({
      model: 'ok',
      system: 'be kind',
      messages: ask.messages,
    })
    expect(input_tokens).toBe(3)
    const ids: string[] = []
    for await (const model of client.models.list()) ids.push(model.id)
    expect(ids).toContain('stall')
  })

  test('errors as its own classes', async () => {
    const limited = await client.messages.create({ model: 'e429', ...ask }).catch((reason: unknown) => reason)
    expect(limited).toBeInstanceOf(RateLimitError)
    const broken = await client.messages
      .stream({ model: 'serr', ...ask })
      .finalMessage()
      .catch((reason: unknown) => reason)
    expect(broken).toBeInstanceOf(APIError)
  })

  test.each(['scut', 'nodone'])('"%s" as a failed stream', async (model) => {
    const ended = client.messages.stream({ model, ...ask }).finalMessage()
    expect(await ended.catch((reason: unknown) => reason)).toBeInstanceOf(Error)
  })
})
