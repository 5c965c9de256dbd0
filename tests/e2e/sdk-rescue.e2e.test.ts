import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { secondVoice, understand, type Understood } from '../support/plain-streams.ts'
import type { RawOrigin } from '../support/raw-origin.ts'
import { Listener, raised, streamSurfaceNames, surfaceAt, type Told } from '../support/sdk.ts'
import { streamOrigin, tale, taleAnew, type StreamEnding, type StreamScript } from '../support/stream-origin.ts'

/** A second route, or another way to the same text, makes each of them a whole answer. */
const endings = [
  { row: 'F28', ends: 'cut', says: 'a cut between two events' },
  { row: 'F28', ends: 'torn', says: 'a cut inside an event' },
  { row: 'F29', ends: 'reset', says: 'a reset' },
  { row: 'F33', ends: 'stall', says: 'silence' },
  { row: 'F30', ends: 'unmarked', says: 'a clean end without a terminal marker' },
  { row: 'F30', ends: 'half', says: 'half an event and a clean end' },
  { row: 'B44', ends: 'error', says: 'an error event' },
] as const satisfies readonly { readonly row: string; readonly ends: StreamEnding; readonly says: string }[]

const early = [
  ...endings,
  { row: 'F27', ends: 'page', says: 'a web page' },
  { row: 'B07', ends: 429, says: 'status 429' },
  { row: 'B07', ends: 500, says: 'status 500' },
] as const

/** Which break it is makes no difference to those who go on with the text; one of each kind will do. */
const someEndings = endings.filter(({ ends }) => ['torn', 'stall', 'error'].includes(ends))

/** Requests of the Responses API have no place for the beginning of an answer. */
const prefillableNames = streamSurfaceNames.filter((name) => !name.includes('responses'))

const heartbeatMs = 80

const scripts: Readonly<Record<string, StreamScript>> = {
  ...Object.fromEntries(early.map(({ ends }) => [`early-${ends}`, { ends }])),
  ...Object.fromEntries(early.map(({ ends }) => [`late-${ends}`, { ends, headMs: 2 * heartbeatMs }])),
  ...Object.fromEntries(endings.map(({ ends }) => [`after-${ends}`, { ends, after: 3 }])),
  whole: { voice: secondVoice },
  'whole-first': {},
  again: { voice: secondVoice, pieces: taleAnew },
  // Itself broken, behind more of the text than the client has.
  'again-cut': { voice: secondVoice, pieces: taleAnew, ends: 'cut', after: 4 },
  other: { voice: secondVoice, pieces: ['The quick', ' red fox', ' sleeps.'] },
  continues: { voice: secondVoice, continues: 'only' },
}

let origin: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  origin = await streamOrigin(scripts)
  const aliases = [
    alias('unbroken', ['whole-first'], ''),
    alias('second', ['whole'], ''),
    ...early.map(({ ends }) => alias(`early/${ends}`, [`early-${ends}`, 'whole'], '')),
    ...early.map(({ ends }) => alias(`late/${ends}`, [`late-${ends}`, 'whole'], `heartbeat: ${heartbeatMs}ms`)),
    ...endings.map(({ ends }) => alias(`held/${ends}`, [`after-${ends}`, 'whole'], 'hold: true')),
    ...endings.map(({ ends }) => alias(`match/${ends}`, [`after-${ends}`, 'again'], 'rescue: match')),
    ...endings.map(({ ends }) => alias(`prefill/${ends}`, [`after-${ends}`, 'continues'], 'rescue: prefill')),
    ...endings.map(({ ends }) => alias(`both/${ends}`, [`after-${ends}`, 'continues'], 'rescue: match_then_prefill')),
    alias('twice', ['after-cut', 'other', 'again-cut', 'again'], 'rescue: match'),
    alias('differs', ['after-cut', 'other'], 'rescue: match'),
  ]
  gateway = await startGateway(`
proxy_api_key: sk-test
backends:
  - { name: origin, url: "${origin.url.origin}", protocol: any, prefill: plain }
models:
${aliases.join('\n')}
streaming: { time_to_first_token: 400ms, idle_timeout: 300ms }
fallback: { cooldown_seconds: 0, max_retries: 5 }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await origin.stop()
})

describe.each(streamSurfaceNames)('%s gets the whole answer', (name) => {
  test.concurrent.each(early)(
    '$row: from the second route, after $says before any content ($ends)',
    async ({ ends }) => {
      expect(await ask(name, `early/${ends}`)).toEqual(await ask(name, 'second'))
    },
  )

  test.concurrent.each(early)('$row: behind a sign of life, after $says ($ends)', async ({ ends }) => {
    const { told, heard, listener } = await hear(name, `late/${ends}`)
    const second = await ask(name, 'second')
    expect({ told, heard }).toEqual(second)
    expect(listener.text.slice(0, 60)).toMatch(
      /^(?:: keep-alive|event: ping|data: \{"candidates":\[\{"content":\{"role":"model","parts":\[\]\})/,
    )
  })

  test.concurrent.each(endings)('$row: that is held until it is whole, after $says ($ends)', async ({ ends }) => {
    expect(await ask(name, `held/${ends}`)).toEqual(await ask(name, 'second'))
  })

  test.concurrent.each(endings)('$row: which another route repeats, after $says ($ends)', async ({ ends }) => {
    await expectSeamless(name, `match/${ends}`)
  })

  test.concurrent('F28: which the third rescue brings to its end', async () => {
    await expectSeamless(name, 'twice')
  })
})

describe.each(prefillableNames)('%s gets the whole answer', (name) => {
  test.concurrent.each(endings)('$row: which another route goes on with, after $says ($ends)', async ({ ends }) => {
    await expectSeamless(name, `prefill/${ends}`)
  })

  test.concurrent.each(someEndings)(
    '$row: which another route goes on with after it said something else, after $says ($ends)',
    async ({ ends }) => {
      await expectSeamless(name, `both/${ends}`)
    },
  )
})

describe.each(streamSurfaceNames)('%s raises', (name) => {
  test.concurrent('F28: when the only other route says something else', async () => {
    let text = ''
    const onText = (piece: string): void => void (text += piece)
    const error = await raised(surfaceAt(name, { url: gateway.url }).stream('differs', { onText }))
    expect(error).toBeInstanceOf(Error)
    expect(text).toBe(tale.slice(0, 3).join(''))
  })
})

/** What the application has, and what a simple client makes of the same bytes. */
interface Heard {
  readonly told: Told
  readonly heard: Understood
}

async function hear(
  name: string,
  model: string,
): Promise<Heard & { readonly listener: Listener; readonly text: string }> {
  const listener = new Listener()
  const { form, stream } = surfaceAt(name, { url: gateway.url, fetch: listener.fetch })
  let text = ''
  const told = await stream(model, { onText: (piece) => (text += piece) })
  const heard = understand(form, new TextEncoder().encode(listener.text))
  return { told: { ...told }, heard, listener, text }
}

async function ask(name: string, model: string): Promise<Heard> {
  const { told, heard } = await hear(name, model)
  return { told, heard }
}

/** One answer of one voice: the text, why it ended, what it cost, and the names that it had from its beginning. */
async function expectSeamless(name: string, model: string): Promise<void> {
  const { told, heard, text } = await hear(name, model)
  const unbroken = await ask(name, 'unbroken')
  expect(text).toBe(tale.join(''))
  expect({ told, heard: { ...heard, sequence: [] } }).toEqual({
    told: unbroken.told,
    heard: { ...unbroken.heard, sequence: [] },
  })
  // Numbered in the order of the events, however many deltas the text came in.
  expect(heard.sequence).toEqual(heard.sequence.map((_, index) => index))
}

/** An alias whose routes are asked one after the other. */
function alias(name: string, models: readonly string[], streaming: string): string {
  const routes = models.map((model, index) => `{ backend: origin, model: "${model}", priority: ${index + 1} }`)
  return `  "${name}": { routes: [${routes.join(', ')}], streaming: { ${streaming} } }`
}
