import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { chunk, chunkedHead, rawOrigin, type RawOrigin, type RawPeer } from '../support/raw-origin.ts'
import { greeting, openaiAt, anthropicAt, geminiAt, raised, surfaceAt, surfaceNames } from '../support/sdk.ts'

/** Real streams of the mock backend, cut in the middle: what the origin says before it goes on for ever. */
const mock = servedMock()
let silent: RawOrigin
let talking: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  silent = await rawOrigin(() => {})
  talking = await rawOrigin((peer) => void beginAnswer(peer))
  // A route that rested after an abort would not be asked again within this test.
  gateway = await startGateway(`
proxy_api_key: sk-test
backends:
  - { name: silent, url: "${silent.url.origin}", protocol: any }
  - { name: talking, url: "${talking.url.origin}", protocol: any }
models:
  silent: { routes: [{ backend: silent, model: ok, priority: 1 }, { backend: talking, model: next, priority: 2 }] }
  talking: { routes: [{ backend: talking, model: ok, priority: 1 }] }
fallback: { cooldown_seconds: 300 }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([silent.stop(), talking.stop(), mock.stop()])
})

describe.each(surfaceNames)('%s closes the upstream by its abort signal', (name) => {
  const surface = () => surfaceAt(name, { url: gateway.url })

  test.each(['ask', 'stream'] as const)('B43, N107: before the head of the answer (%s)', async (call) => {
    const abort = new AbortController()
    const before = silent.received.length
    const asked = surface()[call]('silent', { signal: abort.signal })
    const outcome = raised(asked)
    await until(() => silent.received.length > before)
    await closesAfter(silent, () => abort.abort())
    expect(await outcome).toBeInstanceOf(Error)
    // Neither this route again nor the next one: and the next test finds this one awake.
    expect(silent.received.length - before).toBe(1)
    expect(talking.received.some((request) => request.body.includes('next') || request.target.includes('next'))).toBe(
      false,
    )
  })

  test('B43: in the middle of a stream', async () => {
    const abort = new AbortController()
    let text = ''
    const { promise: spoke, resolve: hasSpoken } = Promise.withResolvers<void>()
    const onText = (piece: string): void => {
      text += piece
      hasSpoken()
    }
    const outcome = raised(surface().stream('talking', { signal: abort.signal, onText }))
    await spoke
    await closesAfter(talking, () => abort.abort())
    expect(await outcome).toBeInstanceOf(Error)
    expect(text.length).toBeGreaterThan(0)
    expect(greeting).toStartWith(text)
  })

  test('N107: in the middle of a body without a stream', async () => {
    const abort = new AbortController()
    const before = talking.received.length
    const outcome = raised(surface().ask('talking', { signal: abort.signal }))
    await until(() => talking.received.length > before)
    await closesAfter(talking, () => abort.abort())
    expect(await outcome).toBeInstanceOf(Error)
  })
})

describe('leaving the loop closes the upstream', () => {
  test.each([
    {
      sdk: 'openai',
      open: async () =>
        await openaiAt({ url: gateway.url }).chat.completions.create({ model: 'talking', messages, stream: true }),
    },
    {
      sdk: 'anthropic',
      open: async () =>
        await anthropicAt({ url: gateway.url }).messages.create({
          model: 'talking',
          messages,
          max_tokens: 9,
          stream: true,
        }),
    },
    {
      sdk: 'genai',
      open: async () => {
        // This SDK only lets go of its reader, so the signal is how an application leaves.
        const abort = new AbortController()
        const config = { abortSignal: abort.signal }
        const stream = await geminiAt({ url: gateway.url }).models.generateContentStream({
          model: 'talking',
          contents: 'hi',
          config,
        })
        return (async function* () {
          try {
            yield* stream
          } finally {
            abort.abort()
          }
        })()
      },
    },
  ])('B43: of $sdk', async ({ open }) => {
    await closesAfter(talking, async () => {
      for await (const _ of await open()) break
    })
  })
})

const messages = [{ role: 'user' as const, content: 'hi' }]

/** Half of what the mock backend would say, then nothing more. */
async function beginAnswer(peer: RawPeer): Promise<void> {
  const { method, target, body } = peer.request
  const response = await fetch(mock.url + target, { method, body, headers: { 'content-type': 'application/json' } })
  const text = await response.text()
  peer.write(chunkedHead(response.headers.get('content-type') ?? ''))
  peer.write(chunk(text.slice(0, text.length / 2)))
}

/** All connections of the origin close, at once: 200 ms by contract, and room for a busy machine. */
async function closesAfter(origin: RawOrigin, leave: () => unknown): Promise<void> {
  await leave()
  const startedMs = performance.now()
  await Promise.race([origin.closed(origin.connections), Bun.sleep(5000)])
  expect(performance.now() - startedMs).toBeLessThan(1000)
}

async function until(isTrue: () => boolean, withinMs = 5000): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error('What was waited for did not happen in time')
    await Bun.sleep(2)
  }
}
