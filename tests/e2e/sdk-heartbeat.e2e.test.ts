import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { firstVoice } from '../support/plain-streams.ts'
import type { RawOrigin } from '../support/raw-origin.ts'
import { greeting, Listener, streamSurfaceNames, surfaceAt, surfaceNames } from '../support/sdk.ts'
import { streamOrigin, type StreamScript } from '../support/stream-origin.ts'

const heartbeatMs = 100
const pieces = ['Good', ' things', ' take', ' time.']

const paces = [
  { pace: 'head', before: 2, between: 0, says: 'before the head of the upstream' },
  { pace: 'lead', before: 2, between: 0, says: 'between its head and its first event' },
  { pace: 'gaps', before: 0, between: 2, says: 'between its events' },
  { pace: 'all', before: 2, between: 2, says: 'everywhere' },
] as const

const scripts: Readonly<Record<(typeof paces)[number]['pace'], StreamScript>> = {
  head: { pieces, headMs: 350 },
  lead: { pieces, leadMs: 350 },
  gaps: { pieces, gapMs: 160 },
  all: { pieces, headMs: 350, leadMs: 350, gapMs: 160 },
}

const mock = servedMock()
let origin: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  origin = await streamOrigin({ ...scripts, prompt: { pieces } })
  const models = [...Object.keys(scripts), 'prompt'].map(
    (model) => `  ${model}: { routes: [{ backend: origin, model: ${model} }] }`,
  )
  gateway = await startGateway(`
proxy_api_key: sk-test
backends:
  - { name: origin, url: "${origin.url.origin}", protocol: any }
  - { name: mock, url: "${mock.url}", protocol: any }
models:
${models.join('\n')}
  held: { routes: [{ backend: origin, model: gaps }], streaming: { hold: true } }
  json: { routes: [{ backend: mock, model: "slow=350" }], streaming: { json_keepalive: true } }
  json/second:
    routes: [{ backend: mock, model: "e500+slow=350", priority: 1 }, { backend: mock, model: ok, priority: 2 }]
    streaming: { json_keepalive: true }
  json/fails: { routes: [{ backend: mock, model: "e500+slow=350" }], streaming: { json_keepalive: true } }
streaming: { heartbeat: ${heartbeatMs}ms }
fallback: { cooldown_seconds: 0 }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([mock.stop(), origin.stop()])
})

describe.each(streamSurfaceNames)('%s passes over signs of life', (name) => {
  test.concurrent.each(paces)('F32: $says', async ({ pace, before, between }) => {
    const heard = await hear(name, pace)
    expect(heard.told).toEqual((await hear(name, 'prompt')).told)
    expect(heard.text).toBe(pieces.join(''))
    expect(heard.beatsBefore).toBeGreaterThanOrEqual(before)
    expect(heard.beatsBetween).toBeGreaterThanOrEqual(between)
  })

  test.concurrent('F32: while its whole answer is awaited', async () => {
    const heard = await hear(name, 'held')
    expect(heard.told).toEqual((await hear(name, 'prompt')).told)
    expect(heard.beatsBefore).toBeGreaterThanOrEqual(2)
    expect(heard.beatsBetween).toBe(0)
  })
})

describe.each(surfaceNames)('%s, for an answer that is no stream,', (name) => {
  test.concurrent.each([
    { model: 'json', says: 'passes over blanks in front of it' },
    { model: 'json/second', says: 'gets that of the second route behind the blanks' },
  ])('$says', async ({ model }) => {
    const listener = new Listener()
    const { ask, finished } = surfaceAt(name, { url: gateway.url, fetch: listener.fetch })
    const told = await ask(model)
    expect(told).toMatchObject({ text: greeting, finish: finished, inputTokens: 1, outputTokens: 8 })
    expect(listener.text).toMatch(/^ {2,}\{/)
  })

  test.concurrent('never takes an error behind the blanks for an answer', async () => {
    const listener = new Listener()
    const { ask, finished } = surfaceAt(name, { url: gateway.url, fetch: listener.fetch })
    const told = await ask('json/fails').catch(() => undefined)
    // Most SDKs look for errors by the status alone, which is 200: what they hand on has no text and no end.
    expect(told?.text ?? '').toBe('')
    expect(told?.finish).not.toBe(finished)
    expect(listener.text).toMatch(/^ {2,}\{"?.*error/)
  })
})

interface Heard {
  readonly told: object
  readonly text: string
  /** Signs of life before the first word, and from there to the end. */
  readonly beatsBefore: number
  readonly beatsBetween: number
}

async function hear(name: string, model: string): Promise<Heard> {
  const listener = new Listener()
  const { form, stream } = surfaceAt(name, { url: gateway.url, fetch: listener.fetch })
  let text = ''
  const told = await stream(model, { onText: (piece) => (text += piece) })
  expect(told.model).toBe(firstVoice.model)
  const at = listener.text.indexOf(JSON.stringify(pieces[0]))
  return {
    told: { ...told },
    text,
    beatsBefore: beatsIn(listener.text.slice(0, at), form),
    beatsBetween: beatsIn(listener.text.slice(at), form),
  }
}

function beatsIn(text: string, form: StreamForm): number {
  const ownPings = form === 'messages' && text.includes('message_start') ? 1 : 0
  return text.split(beatOf[form] ?? ': keep-alive\n\n').length - 1 - ownPings
}

const beatOf: Partial<Record<StreamForm, string>> = {
  messages: 'event: ping\ndata: {"type":"ping"}\n\n',
  gemini_sse: 'data: {"candidates":[{"content":{"role":"model","parts":[]},"index":0}]}\n\n',
}
