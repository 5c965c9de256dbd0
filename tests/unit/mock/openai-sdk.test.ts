import { afterAll, describe, expect, test } from 'bun:test'
import OpenAI, { APIError, BadRequestError, InternalServerError, RateLimitError, toFile } from 'openai'
import { servedMock } from '../../support/mock.ts'

const mock = servedMock()
afterAll(async () => await mock.stop())

const client = new OpenAI({ baseURL: `${mock.url}/v1`, apiKey: 'sk-test', maxRetries: 0 })
const messages = [{ role: 'user' as const, content: 'hi' }]
const greeting = 'Hello from the mock backend. You said: hi'
const weather = {
  name: 'get_weather',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, unit: { enum: ['celsius', 'kelvin'] } },
    required: ['city', 'unit'],
    additionalProperties: false,
  },
}
const weatherInput = { city: 'mock', unit: 'celsius' }

describe('the OpenAI SDK reads', () => {
  test('a chat completion', async () => {
    const completion = await client.chat.completions.create({ model: 'gpt-5', messages })
    expect(completion.choices[0]?.message.content).toBe(greeting)
    expect(completion.usage?.total_tokens).toBe(9)
    expect(completion.id).toMatch(/^chatcmpl-\w{29}$/)
  })

  test('a chat stream, with usage when asked for', async () => {
    const stream = client.chat.completions.stream({ model: 'ok', messages, stream_options: { include_usage: true } })
    const completion = await stream.finalChatCompletion()
    expect(completion.choices[0]?.message.content).toBe(greeting)
    expect(completion.choices[0]?.finish_reason).toBe('stop')
    expect((await stream.totalUsage()).completion_tokens).toBe(8)
  })

  test('a chat tool loop, streamed', async () => {
    const seen: unknown[] = []
    const runner = client.chat.completions.runTools({
      model: 'tools=2',
      stream: true,
      messages,
      tools: [
        {
          type: 'function',
          function: {
            ...weather,
            description: 'The weather of a city',
            parse: JSON.parse,
            function: (input: unknown) => {
              seen.push(input)
              return 'sunny'
            },
          },
        },
      ],
    })
    expect(await runner.finalContent()).toBe('Hello from the mock backend. The tool answered: sunny')
    expect(seen).toEqual([weatherInput, weatherInput])
  })

  test('a tool that is forced, without a stream', async () => {
    const completion = await client.chat.completions.create({
      model: 'ok',
      messages,
      tools: [
        { type: 'function', function: { name: 'other' } },
        { type: 'function', function: weather },
      ],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
    })
    const [call] = completion.choices[0]?.message.tool_calls ?? []
    expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual(weatherInput)
    expect(completion.choices[0]?.finish_reason).toBe('tool_calls')
  })

  test('a structured answer', async () => {
    const completion = await client.chat.completions.parse({
      model: 'ok',
      messages,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'weather', schema: weather.parameters, strict: true },
      },
    })
    expect(completion.choices[0]?.message.parsed).toEqual(weatherInput)
  })

  test('a legacy completion, streamed and not', async () => {
    const completion = await client.completions.create({ model: 'ok', prompt: 'hi' })
    expect(completion.choices[0]?.text).toBe(greeting)
    let text = ''
    for await (const chunk of await client.completions.create({ model: 'ok', prompt: 'hi', stream: true })) {
      text += chunk.choices[0]?.text ?? ''
    }
    expect(text).toBe(greeting)
  })

  test('a response', async () => {
    const response = await client.responses.create({ model: 'ok', input: 'hi', instructions: 'be kind' })
    expect(response.output_text).toBe(greeting)
    expect(response.usage?.input_tokens).toBe(3)
  })

  test('a response stream', async () => {
    const stream = client.responses.stream({ model: 'ok', input: [{ role: 'user', content: 'hi' }] })
    let text = ''
    stream.on('response.output_text.delta', (event) => (text += event.delta))
    const response = await stream.finalResponse()
    expect(text).toBe(greeting)
    expect(response.output_text).toBe(greeting)
    expect(response.status).toBe('completed')
  })

  test('a response stream with tool calls, and one that is cut by its limit', async () => {
    const tool = { type: 'function' as const, ...weather, strict: true }
    const called = await client.responses.stream({ model: 'tools', input: 'hi', tools: [tool] }).finalResponse()
    const [call] = called.output
    expect(call?.type === 'function_call' && JSON.parse(call.arguments)).toEqual(weatherInput)
    const cut = await client.responses.stream({ model: 'ok', input: 'hi', max_output_tokens: 2 }).finalResponse()
    expect([cut.status, cut.incomplete_details?.reason, cut.output_text]).toEqual([
      'incomplete',
      'max_output_tokens',
      'Hello from',
    ])
  })

  test('embeddings, which the SDK asks for in base64, equal for equal texts', async () => {
    const { data, usage } = await client.embeddings.create({ model: 'ok', input: ['a b', 'c', 'a b'], dimensions: 4 })
    const vectors = data.map((row) => row.embedding)
    expect(vectors.map((vector) => vector.length)).toEqual([4, 4, 4])
    expect(vectors[0]).toEqual(vectors[2] ?? [])
    expect(vectors[0]).not.toEqual(vectors[1] ?? [])
    expect(Math.hypot(...(vectors[0] ?? []))).toBeCloseTo(1, 5)
    expect(usage.prompt_tokens).toBe(5)
    const asFloats = await client.embeddings.create({
      model: 'ok',
      input: 'c',
      dimensions: 4,
      encoding_format: 'float',
    })
    expect(asFloats.data[0]?.embedding[0]).toBeCloseTo(vectors[1]?.[0] ?? 9, 5)
  })

  test('an image, speech, a transcript and a moderation', async () => {
    const image = await client.images.generate({ model: 'ok', prompt: 'a pixel' })
    expect(Buffer.from(image.data?.[0]?.b64_json ?? '', 'base64').toString('latin1', 1, 4)).toBe('PNG')
    const speech = await client.audio.speech.create({ model: 'ok', voice: 'alloy', input: 'hi' })
    expect(Buffer.from(await speech.arrayBuffer()).toString('latin1', 0, 4)).toBe('RIFF')
    const file = await toFile(Buffer.from('RIFF'), 'a.wav')
    const transcript = await client.audio.transcriptions.create({ model: 'whisper+ok', file })
    expect(transcript.text).toMatch(/^The mock backend heard \d+ bytes\.$/)
    expect(mock.diary.requests.at(-1)?.model).toBe('whisper+ok')
    const moderation = await client.moderations.create({ model: 'ok', input: ['a', 'b'] })
    expect(moderation.results.map((result) => result.flagged)).toEqual([false, false])
  })

  test('the models', async () => {
    const ids: string[] = []
    for await (const model of client.models.list()) ids.push(model.id)
    expect(ids).toContain('scut')
    expect((await client.models.retrieve('gpt-5')).id).toBe('gpt-5')
  })

  test.each([
    { model: 'e400', error: BadRequestError },
    { model: 'e429', error: RateLimitError },
    { model: 'e503', error: InternalServerError },
  ])('"$model" as its own class of error', async ({ model, error }) => {
    expect(await client.chat.completions.create({ model, messages }).catch((reason: unknown) => reason)).toBeInstanceOf(
      error,
    )
  })

  test('an error in a stream as an error', async () => {
    const reading = (async () => {
      const stream = await client.chat.completions.create({ model: 'serr', messages, stream: true })
      for await (const chunk of stream) expect(chunk).toBeUndefined()
    })()
    expect(await reading.catch((reason: unknown) => reason)).toBeInstanceOf(APIError)
  })
})
