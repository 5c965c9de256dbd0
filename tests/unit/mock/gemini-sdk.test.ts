import { afterAll, describe, expect, test } from 'bun:test'
import { ApiError, FunctionCallingConfigMode, GoogleGenAI, Type } from '@google/genai'
import { servedMock } from '../../support/mock.ts'

const mock = servedMock()
afterAll(async () => await mock.stop())

const { models } = new GoogleGenAI({ apiKey: 'AIza-test', httpOptions: { baseUrl: mock.url } })
const greeting = 'Hello from the mock backend. You said: hi'
const weather = {
  functionDeclarations: [
    { name: 'get_weather', parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } } } },
  ],
}

describe('the Google SDK reads', () => {
  test('an answer', async () => {
    const answer = await models.generateContent({
      model: 'gemini-3-pro',
      contents: 'hi',
      config: { systemInstruction: 'be kind' },
    })
    expect(answer.text).toBe(greeting)
    expect(answer.usageMetadata).toMatchObject({ promptTokenCount: 3, candidatesTokenCount: 8, totalTokenCount: 11 })
    expect(answer.modelVersion).toBe('gemini-3-pro')
  })

  test('a stream', async () => {
    const parts: string[] = []
    let finish: string | undefined
    for await (const chunk of await models.generateContentStream({ model: 'ok', contents: 'hi' })) {
      parts.push(chunk.text ?? '')
      finish = chunk.candidates?.[0]?.finishReason
    }
    expect(parts.join('')).toBe(greeting)
    expect(parts.length).toBeGreaterThan(5)
    expect(finish).toBe('STOP')
  })

  test.each([
    { name: 'asked for by the model', model: 'tools', mode: FunctionCallingConfigMode.AUTO },
    { name: 'forced by the request', model: 'ok', mode: FunctionCallingConfigMode.ANY },
  ])('a tool call $name, and the answer to its result', async ({ model, mode }) => {
    const config = { tools: [weather], toolConfig: { functionCallingConfig: { mode } } }
    const answer = await models.generateContent({ model, contents: 'hi', config })
    expect(answer.functionCalls).toMatchObject([{ name: 'get_weather', args: { city: 'mock' } }])
    const next = await models.generateContent({
      model,
      config,
      contents: [
        { role: 'user', parts: [{ text: 'hi' }] },
        { role: 'model', parts: [{ functionCall: { name: 'get_weather', args: { city: 'mock' } } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'get_weather', response: { sky: 'blue' } } }] },
      ],
    })
    expect(next.text).toBe('Hello from the mock backend. The tool answered: {"sky":"blue"}')
  })

  test('a structured answer and a cut by the limit', async () => {
    const responseSchema = { type: Type.OBJECT, properties: { n: { type: Type.INTEGER } } }
    const config = { responseMimeType: 'application/json', responseSchema }
    expect((await models.generateContent({ model: 'ok', contents: 'hi', config })).text).toBe('{"n":1}')
    const cut = await models.generateContent({ model: 'ok', contents: 'hi', config: { maxOutputTokens: 2 } })
    expect([cut.text, String(cut.candidates?.[0]?.finishReason)]).toEqual(['Hello from', 'MAX_TOKENS'])
  })

  test('token counts, embeddings and models', async () => {
    expect((await models.countTokens({ model: 'ok', contents: 'one two three' })).totalTokens).toBe(3)
    const { embeddings } = await models.embedContent({
      model: 'ok',
      contents: ['a', 'b'],
      config: { outputDimensionality: 4 },
    })
    expect(embeddings?.map((embedding) => embedding.values?.length)).toEqual([4, 4])
    const names: string[] = []
    for await (const model of await models.list()) names.push(model.name ?? '')
    expect(names).toContain('models/ok')
  })

  test.each(['e429', 'serr'])('"%s" as an error', async (model) => {
    const reading = (async () => {
      for await (const _ of await models.generateContentStream({ model, contents: 'hi' })) continue
    })()
    expect(await reading.catch((reason: unknown) => reason)).toBeInstanceOf(ApiError)
  })
})

test('without alt=sse a stream is one JSON array', async () => {
  const url = `${mock.url}/v1beta/models/ok:streamGenerateContent`
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ contents: [{ parts: [{ text: 'hi' }] }] }),
  })
  const chunks: unknown = await response.json()
  expect(chunks).toBeArrayOfSize(9)
})
