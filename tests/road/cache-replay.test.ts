import { describe, expect, test } from 'bun:test'
import { Ollama } from 'ollama'
import { systemClock } from '#ports/clock.ts'
import { watchedMock } from '../support/mock.ts'
import { openRoad, type Road } from '../support/road.ts'
import { greeting, surfaceAt, type FetchLike } from '../support/sdk.ts'
import { settled } from '../support/fake-clock.ts'

/** What of the mock backend is in the models' names: an answer with a text, with calls of tools, with thoughts. */
const yaml = `
allow_unauthenticated: true
backends: [{ name: one, url: "mock://one", protocol: any }]
models:
  plain: { routes: [{ backend: one, model: ok }] }
  calls: { routes: [{ backend: one, model: tools=2 }] }
cache: { enabled: true }
`

interface Client {
  readonly road: Road
  readonly fetch: FetchLike
  /** Of each answer, in order. */
  readonly told: (string | null)[]
}

async function clientOf(): Promise<Client> {
  const { transport } = watchedMock(systemClock)
  const road = await openRoad(yaml, async (request) => await transport.send(request))
  const told: (string | null)[] = []
  return {
    road,
    told,
    async fetch(input, init = {}) {
      const url = new URL(input instanceof Request ? input.url : input)
      const written = typeof init.body === 'string' ? init.body : undefined
      // What is not to be kept by the provider must be said.
      const body = url.pathname.endsWith('/responses') ? written?.replace(/\}$/, ',"store":false}') : written
      const response = await road.fetch(url.pathname + url.search, { ...init, ...(body !== undefined && { body }) })
      told.push(response.headers.get('x-cache'))
      return response
    },
  }
}

const surfaces = ['openai chat', 'openai responses', 'anthropic messages', 'genai generate', 'ai chat', 'ai responses']

describe('C312 official clients read what is given again', () => {
  test.each(surfaces)('%s: whole, then as a stream, then whole', async (name) => {
    const { fetch, told, road } = await clientOf()
    const surface = surfaceAt(name, { url: 'http://gateway', fetch })
    const whole = await surface.ask('plain')
    await settled()
    const stream = await surface.stream('plain')
    const again = await surface.ask('plain')
    expect(told).toEqual(['MISS', 'HIT', 'HIT'])
    expect(whole.text).toBe(greeting)
    expect(again).toEqual(whole)
    expect(stream).toMatchObject({ text: greeting, finish: surface.finished, model: whole.model })
    expect([stream.inputTokens, stream.outputTokens]).toEqual([whole.inputTokens, whole.outputTokens])
    expect(road.sent).toHaveLength(1)
  })

  test.each(surfaces)('%s: as a stream, then whole, then as a stream', async (name) => {
    const { fetch, told, road } = await clientOf()
    const surface = surfaceAt(name, { url: 'http://gateway', fetch })
    const stream = await surface.stream('plain')
    await settled()
    const whole = await surface.ask('plain')
    const again = await surface.stream('plain')
    expect(told).toEqual(['MISS', 'HIT', 'HIT'])
    expect(stream.text).toBe(greeting)
    expect(again).toEqual(stream)
    expect(whole).toMatchObject({ text: greeting, finish: surface.finished, model: stream.model })
    expect(road.sent).toHaveLength(1)
  })

  test('ollama: both ways', async () => {
    for (const first of [true, false]) {
      const { fetch, told } = await clientOf()
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the client calls is all there
      const client = new Ollama({ host: 'http://gateway', fetch: fetch as typeof globalThis.fetch })
      const messages = [{ role: 'user', content: 'hi' }]
      const ask = async (stream: boolean): Promise<string> => {
        if (!stream) return (await client.chat({ model: 'plain', messages })).message.content
        let text = ''
        for await (const part of await client.chat({ model: 'plain', messages, stream: true }))
          text += part.message.content
        return text
      }
      expect(await ask(first)).toBe(greeting)
      await settled()
      expect(await ask(!first)).toBe(greeting)
      expect(told).toEqual(['MISS', 'HIT'])
    }
  })
})

describe('C312 calls of tools are the same either way', () => {
  const tools = {
    chat: [
      {
        type: 'function',
        function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
      },
    ],
    messages: [{ name: 'get_weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } }],
  }
  test.each([
    { path: '/v1/chat/completions', body: { messages: [{ role: 'user', content: 'hi' }], tools: tools.chat } },
    {
      path: '/v1/messages',
      body: { max_tokens: 100, messages: [{ role: 'user', content: 'hi' }], tools: tools.messages },
    },
  ])('$path', async ({ path, body }) => {
    const { road } = await clientOf()
    const ask = async (stream: boolean): Promise<string> => {
      const response = await road.fetch(path, {
        method: 'POST',
        body: JSON.stringify({ model: 'calls', ...body, stream }),
      })
      const text = await response.text()
      await settled()
      return text
    }
    const idsIn = (text: string): string[] => [...new Set(text.match(/(?:call|toolu)_\w+/g))].toSorted()
    const whole = await ask(false)
    const stream = await ask(true)
    expect(idsIn(whole).length).toBeGreaterThan(0)
    expect(idsIn(stream)).toEqual(idsIn(whole))
    expect(stream).toContain('get_weather')
    expect(road.sent).toHaveLength(1)
  })
})

describe('C312 usage is told to those who ask for it', () => {
  const bodies = {
    whole: {},
    stream: { stream: true },
    counted: { stream: true, stream_options: { include_usage: true } },
  } as const
  test.each([
    { first: 'stream', second: 'counted', told: 'MISS', events: 1 },
    { first: 'counted', second: 'stream', told: 'HIT', events: 0 },
    { first: 'counted', second: 'counted', told: 'HIT', events: 1 },
    { first: 'whole', second: 'counted', told: 'HIT', events: 1 },
    { first: 'whole', second: 'stream', told: 'HIT', events: 0 },
  ] as const)('asked as $first, then as $second: $told', async ({ first, second, told, events }) => {
    const { road } = await clientOf()
    await (await road.chat('plain', bodies[first])).text()
    await settled()
    const again = await road.chat('plain', bodies[second])
    expect(again.headers.get('x-cache')).toBe(told)
    const text = await again.text()
    expect(text.match(/"choices":\[\]/g)?.length ?? 0).toBe(events)
    expect(text).toContain('Hello')
  })

  test('a whole answer of a stream that told none has what was counted', async () => {
    const { road } = await clientOf()
    await (await road.chat('plain', bodies.stream)).text()
    await settled()
    const body: unknown = await (await road.chat('plain')).json()
    expect(body).toMatchObject({ usage: { prompt_tokens: expect.any(Number), total_tokens: expect.any(Number) } })
  })
})
