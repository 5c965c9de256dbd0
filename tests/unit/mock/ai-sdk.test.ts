import { afterAll, describe, expect, test } from 'bun:test'
import { createOpenAI } from '@ai-sdk/openai'
import { embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import { servedMock } from '../../support/mock.ts'

const mock = servedMock()
afterAll(async () => await mock.stop())

const openai = createOpenAI({ baseURL: `${mock.url}/v1`, apiKey: 'sk-test' })
const greeting = 'Hello from the mock backend. You said: hi'

describe.each([
  { api: 'chat', model: (name: string) => openai.chat(name) },
  { api: 'responses', model: (name: string) => openai.responses(name) },
])('the AI SDK reads by $api', ({ model }) => {
  test('an answer', async () => {
    const { text, usage, finishReason } = await generateText({ model: model('ok'), prompt: 'hi', maxRetries: 0 })
    expect({ text, finishReason, input: usage.inputTokens, output: usage.outputTokens }).toEqual({
      text: greeting,
      finishReason: 'stop',
      input: 1,
      output: 8,
    })
  })

  test('a stream with a tool loop', async () => {
    const weather = tool({
      inputSchema: jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } } }),
      execute: async ({ city }) => `sunny in ${city}`,
    })
    const result = streamText({
      model: model('tools'),
      prompt: 'hi',
      tools: { weather },
      stopWhen: stepCountIs(3),
      maxRetries: 0,
    })
    expect(await result.text).toBe('Hello from the mock backend. The tool answered: sunny in mock')
    expect(await result.steps).toHaveLength(2)
    expect(await result.finishReason).toBe('stop')
  })
})

test('the AI SDK reads embeddings', async () => {
  const { embeddings } = await embedMany({ model: openai.embedding('ok'), values: ['a', 'b'], maxRetries: 0 })
  expect(embeddings.map((vector) => vector.length)).toEqual([8, 8])
})
