import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { chunk, chunkedHead, plainAnswer, rawOrigin, type RawOrigin, type RawPeer } from '../support/raw-origin.ts'
import { greeting, raised, statusOf, surfaceAt, surfaceNames } from '../support/sdk.ts'

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

const allWords = [...breaks.map(({ word }) => word), 'scut', 'nodone', 'nofinish', 'tokens=900+scut=800']

/** Surfaces whose finish reason completes the answer, so that `[DONE]` is a courtesy. */
const endsByFinishReason: ReadonlySet<string> = new Set(['openai chat', 'openai completions', 'ai chat'])

const mock = servedMock()
/** Answers with a length and sends less, or with a stream that speaks of its own failure. */
let short: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  short = await rawOrigin((peer) => {
    const half = plainAnswer('{"id":"1","object":"x"}', ['Content-Type: application/json']).slice(0, -10)
    if (peer.request.body.includes('tells') || peer.request.target.includes('tells')) return void tellError(peer)
    if (peer.request.body.includes('cut') || peer.request.target.includes('cut')) return peer.end(half)
    peer.write(half)
  })
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
models:
  short/cut: { routes: [{ backend: short, model: cut, priority: 1 }] }
  short/tells: { routes: [{ backend: short, model: tells, priority: 1 }] }
  short/stall: { routes: [{ backend: short, model: stall, priority: 1 }] }
${models.join('\n')}
timeout: { idle: 150ms }
fallback: { cooldown_seconds: 0 }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([mock.stop(), short.stop()])
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

  test('B36, B44: when the backend itself speaks of an error in the middle of its stream, in its words', async () => {
    let text = ''
    const onText = (piece: string): void => void (text += piece)
    const error = await raised(surfaceAt(name, { url: gateway.url }).stream('short/tells', { onText }))
    expect(text).not.toBe('')
    expect(greeting).toStartWith(text)
    expect(messageOf(error)).toContain('the provider stumbled')
  })
})

const told = { type: 'server_error', code: 'server_error', message: 'the provider stumbled', param: null }

/** The error of each dialect as its provider sends it, behind the first half of an answer. */
async function tellError(peer: RawPeer): Promise<void> {
  const { target, body } = peer.request
  const response = await fetch(mock.url + target, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  const events = (await response.text()).split(/(?<=\n\n)/)
  peer.write(chunkedHead())
  for (const event of events.slice(0, events.length / 2)) peer.write(chunk(event))
  peer.write(chunk(errorEvent(target)) + chunk(''))
}

function errorEvent(target: string): string {
  const { message } = told
  if (target.includes('/messages')) {
    const error = { type: 'error', error: { type: 'api_error', message } }
    return `event: error\ndata: ${JSON.stringify(error)}\n\n`
  }
  if (target.includes('/responses')) {
    return `event: error\ndata: ${JSON.stringify({ ...told, type: 'error', sequence_number: 9, error: told })}\n\n`
  }
  const error = target.includes('/models/') ? { code: 500, message, status: 'INTERNAL' } : told
  return `data: ${JSON.stringify({ error })}\n\n`
}

/** One of the SDKs keeps the words in what it parsed. */
function messageOf(error: unknown): string {
  return `${error instanceof Error ? error.message : ''} ${JSON.stringify(error)}`
}
