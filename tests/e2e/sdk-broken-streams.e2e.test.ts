import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { plainAnswer, rawOrigin, type RawOrigin } from '../support/raw-origin.ts'
import { greeting, Listener, raised, statusOf, streamSurfaceNames, surfaceAt, surfaceNames } from '../support/sdk.ts'
import { streamOrigin, stumble, tale, type StreamEnding, type StreamScript } from '../support/stream-origin.ts'

const heartbeatMs = 80

/**
 * Streams that go wrong after the first content, and the text that had been said by then. A reset destroys what its
 * receiver has not read yet, so there is time between the first word and the break.
 */
const breaks = [
  { word: 'gap=25+scut=3', said: 'Hello from the', says: 'a cut between two events' },
  { word: 'gap=25+scut=3+torn', said: 'Hello from the', says: 'a cut in the middle of an event' },
  { word: 'stall', said: 'Hello from', says: 'silence for longer than timeout.idle' },
  { word: 'stall+torn', said: 'Hello from', says: 'silence in the middle of an event' },
  { word: 'malformed', said: 'Hello', says: 'an event that is no JSON' },
  { word: 'gap=5+nodone+nofinish', said: greeting, says: 'a clean end of the transfer without a terminal marker' },
] as const

/** Ways of an upstream on a bare socket, behind the first words of its answer. */
const endings = [
  { row: 'F28', ends: 'cut', says: 'a cut between two events' },
  { row: 'F28', ends: 'torn', says: 'a cut inside an event' },
  { row: 'F29', ends: 'reset', says: 'a reset' },
  { row: 'F33', ends: 'stall', says: 'silence' },
  { row: 'F30', ends: 'unmarked', says: 'a clean end without a terminal marker' },
  { row: 'F30', ends: 'half', says: 'half an event and a clean end' },
  { row: 'N108', ends: 'garbage', says: 'an event that is no JSON' },
  { row: 'B36, B44', ends: 'error', says: 'an error event' },
] as const satisfies readonly { readonly row: string; readonly ends: StreamEnding; readonly says: string }[]

/** The same before any content, and answers that are no stream: behind a sign of life they cannot have a status. */
const failures = [
  ...endings.filter(({ ends }) => ends !== 'garbage'),
  { row: 'N108', ends: 'page', says: 'a web page' },
  { row: 'B36', ends: 400, says: 'status 400' },
  { row: 'B36', ends: 429, says: 'status 429' },
  { row: 'B36', ends: 500, says: 'status 500' },
] as const

const scripts: Readonly<Record<string, StreamScript>> = {
  ...Object.fromEntries(endings.map(({ ends }) => [`after-${ends}`, { ends, after: 3 }])),
  ...Object.fromEntries(failures.map(({ ends }) => [`late-${ends}`, { ends, headMs: 2 * heartbeatMs }])),
  // The head is there in time, the content is not.
  ...Object.fromEntries(failures.map(({ ends }) => [`idle-${ends}`, { ends, leadMs: 2 * heartbeatMs }])),
}

const allWords = [...breaks.map(({ word }) => word), 'scut', 'nodone', 'nofinish', 'tokens=900+scut=800']

/** Surfaces whose finish reason completes the answer, so that `[DONE]` is a courtesy. */
const endsByFinishReason: ReadonlySet<string> = new Set(['openai chat', 'openai completions', 'ai chat'])

const mock = servedMock()
/** Answers with a length and sends less. */
let short: RawOrigin
/** Ends its streams in every way, at a moment that the model chooses. */
let bare: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  short = await rawOrigin((peer) => {
    const half = plainAnswer('{"id":"1","object":"x"}', ['Content-Type: application/json']).slice(0, -10)
    if (peer.request.body.includes('cut') || peer.request.target.includes('cut')) return peer.end(half)
    peer.write(half)
  })
  bare = await streamOrigin(scripts)
  const lateModels = failures.map(
    ({ ends }) => `  "bare/all-${ends}":
    routes: [{ backend: bare, model: late-${ends}, priority: 1 }, { backend: bare, model: idle-${ends}, priority: 2 }]
    streaming: { heartbeat: ${heartbeatMs}ms, time_to_first_token: 400ms }`,
  )
  const bareModels = endings.map(
    ({ ends }) => `  "bare/after-${ends}":
    routes: [{ backend: bare, model: after-${ends}, priority: 1 }]
  "bare/held-${ends}":
    routes: [{ backend: bare, model: after-${ends}, priority: 1 }]
    streaming: { hold: true, heartbeat: ${heartbeatMs}ms }`,
  )
  const models = allWords.map(
    (word) => `  "served/${word}": { routes: [{ backend: served, model: "${word}", priority: 1 }] }
  "inside/${word}": { routes: [{ backend: inside, model: "${word}", priority: 1 }] }`,
  )
  gateway = await startGateway(`
proxy_api_key: sk-test
backends:
  - { name: served, url: "${mock.url}/v1", protocol: any }
  - { name: inside, url: "mock://inside" }
  - { name: short, url: "${short.url.origin}", protocol: any }
  - { name: bare, url: "${bare.url.origin}", protocol: any, timeout: { idle: 300ms } }
models:
  short/cut: { routes: [{ backend: short, model: cut, priority: 1 }] }
  short/stall: { routes: [{ backend: short, model: stall, priority: 1 }] }
${[...models, ...lateModels, ...bareModels].join('\n')}
timeout: { idle: 150ms }
fallback: { cooldown_seconds: 0 }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([mock.stop(), short.stop(), bare.stop()])
})

describe.each(['served', 'inside'])('a backend (%s)', (backend) => {
  describe.each(surfaceNames)('%s raises', (name) => {
    const surface = () => surfaceAt(name, { url: gateway.url })

    test.each(breaks)('B44, N108: after $says', async ({ word, said }) => {
      let text = ''
      const error = await raised(surface().stream(`${backend}/${word}`, { onText: (piece) => (text += piece) }))
      expect(error).toBeInstanceOf(Error)
      expect(said).toStartWith(text)
      expect(text).toStartWith('Hello')
    })

    test('B44: after a cut far behind the beginning', async () => {
      let text = ''
      const asked = surface().stream(`${backend}/tokens=900+scut=800`, { onText: (piece) => (text += piece) })
      expect(await raised(asked)).toBeInstanceOf(Error)
      expect(text).toStartWith(greeting)
    })

    test('N108: when a body without a stream is cut', async () => {
      expect(statusOf(await raised(surface().ask(`${backend}/scut`)))).toBe(502)
    })

    test('N108: when a body without a stream falls silent', async () => {
      expect(statusOf(await raised(surface().ask(`${backend}/stall`)))).toBe(504)
    })
  })

  describe.each(surfaceNames)('%s', (name) => {
    test('a finish reason without [DONE] is a whole answer, for streams that end by it', async () => {
      const { stream, finished } = surfaceAt(name, { url: gateway.url })
      if (endsByFinishReason.has(name)) {
        expect(await stream(`${backend}/nodone`)).toMatchObject({ text: greeting, finish: finished })
      } else {
        expect(await raised(stream(`${backend}/nodone`))).toBeInstanceOf(Error)
      }
    })

    test('a stream without its finish reason is never told as finished', async () => {
      const { stream, finished } = surfaceAt(name, { url: gateway.url })
      const finish = await stream(`${backend}/nofinish`).then(
        (told) => told.finish ?? 'none',
        () => 'raised',
      )
      expect(finish).not.toBe(finished)
    })
  })
})

describe.each(surfaceNames)('%s raises', (name) => {
  test.each([
    { model: 'short/cut', status: 502, says: 'ends' },
    { model: 'short/stall', status: 504, says: 'falls silent' },
  ])('N108: when a body $says before the length that it told', async ({ model, status }) => {
    const { ask } = surfaceAt(name, { url: gateway.url })
    expect(statusOf(await raised(ask(model)))).toBe(status)
    await short.closed(short.connections)
  })
})

describe.each(streamSurfaceNames)('%s raises', (name) => {
  test.concurrent.each(endings)('$row: behind three pieces of text, after $says ($ends)', async ({ ends }) => {
    let text = ''
    const onText = (piece: string): void => void (text += piece)
    const error = await raised(surfaceAt(name, { url: gateway.url }).stream(`bare/after-${ends}`, { onText }))
    expect(error).toBeInstanceOf(Error)
    if (ends === 'error') expect(messageOf(error)).toContain(stumble)
    // What has been said is never taken back, and nothing is added to it.
    expect(text === said || ends === 'garbage').toBe(true)
    expect(tale.join('')).toStartWith(text)
  })

  test.concurrent.each(endings)('$row: when a whole answer is awaited, after $says ($ends)', async ({ ends }) => {
    let text = ''
    const onText = (piece: string): void => void (text += piece)
    const error = await raised(surfaceAt(name, { url: gateway.url }).stream(`bare/held-${ends}`, { onText }))
    expect(error).toBeInstanceOf(Error)
    expect(tale.join('')).toStartWith(text)
    if (ends !== 'garbage') expect(text).toBe('')
  })

  test.concurrent.each(failures)(
    '$row: behind a sign of life, when both routes fail with $says ($ends)',
    async ({ ends }) => {
      const listener = new Listener()
      const pieces: string[] = []
      const { stream } = surfaceAt(name, { url: gateway.url, fetch: listener.fetch })
      const error = await raised(stream(`bare/all-${ends}`, { onText: (piece) => pieces.push(piece) }))
      expect(error).toBeInstanceOf(Error)
      expect(pieces).toEqual([])
      // The head had gone out before any of them failed.
      expect(listener.status).toBe(200)
      expect(listener.text).toMatch(
        /^(?:: keep-alive\n|event: ping\n|data: \{"candidates":\[\{"content":\{"role":"model","parts":\[\]\})/,
      )
      expect(listener.text).toContain('error')
    },
  )
})

const said = tale.slice(0, 3).join('')

/** One of the SDKs keeps the words in what it parsed. */
function messageOf(error: unknown): string {
  return `${error instanceof Error ? error.message : ''} ${JSON.stringify(error)}`
}
