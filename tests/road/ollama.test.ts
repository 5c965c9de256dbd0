import { expect, test } from 'bun:test'
import { mockTransport } from '#mock/transport.ts'
import { seededRandom } from '#ports/random.ts'
import { openRoad, type Road } from '../support/road.ts'

/** Two Ollama routes in a row; a model's name says how the mock behind it behaves. */
function config(first: string, second: string): string {
  return `
backends: [{ name: a, url: "http://a", protocol: ollama }, { name: b, url: "http://b/api", protocol: ollama }]
models:
  m:
    routes: [{ backend: a, model: "${first}", priority: 1 }, { backend: b, model: "${second}", priority: 2 }]
retry: { max_retries: 0 }
`
}

const greeting = 'Hello from the mock backend. You said: hi'

interface Told {
  readonly status: number
  readonly type: string | null
  /** Joined from its lines, or from its only one. */
  readonly text: string
  readonly last: unknown
  readonly ended: 'clean' | 'reset'
  readonly road: Road
}

async function ask(first: string, second: string, extra: object = {}): Promise<Told> {
  const road = await openRoad(config(first, second), async (request, { clock }) => {
    return await mockTransport({ clock, random: seededRandom(1) }).send(request)
  })
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...extra })
  const asking = (async (): Promise<Told> => {
    const response = await road.fetch('/api/chat', { method: 'POST', body })
    const pieces: Uint8Array[] = []
    let ended: Told['ended'] = 'clean'
    try {
      for await (const piece of response.body ?? []) pieces.push(piece)
    } catch {
      ended = 'reset'
    }
    const told = Buffer.concat(pieces).toString().split('\n').filter(Boolean)
    const lines = told.map((line): { message?: { content: string } } => JSON.parse(line))
    const text = lines.map(({ message }) => message?.content ?? '').join('')
    const { status, headers } = response
    return { status, type: headers.get('content-type'), text, last: lines.at(-1), ended, road }
  })()
  // Only a stream that breaks waits for anything.
  for (let turn = 0; turn < 100 && road.settled.length === 0; turn += 1) await road.clock.advance(0)
  await road.clock.advance(10_000)
  return await asking
}

test('an Ollama chat is a stream unless it says no', async () => {
  for (const wish of [{}, { stream: null }, { stream: true }]) {
    const told = await ask('ok', 'ok', wish)
    expect(told).toMatchObject({ status: 200, text: greeting, last: { done: true }, ended: 'clean' })
    expect(told.type).toBe('application/x-ndjson')
    expect(told.road.settled).toMatchObject([{ stream: true, outcome: 'complete' }])
  }
  const whole = await ask('ok', 'ok', { stream: false })
  expect(whole).toMatchObject({ status: 200, text: greeting, type: 'application/json', ended: 'clean' })
  expect(whole.road.settled).toMatchObject([{ stream: false }])
})

test.each([
  { name: 'an error status', first: 'e500' },
  { name: 'an error in its first line', first: 'serr' },
  { name: 'an error under a good status', first: 'q200' },
  { name: 'a cut before its first word', first: 'scut=0' },
  { name: 'nothing at all', first: 'empty' },
])('B34: an Ollama route that fails with $name is replaced unseen', async ({ first }) => {
  const told = await ask(first, 'ok')
  expect(told).toMatchObject({ status: 200, text: greeting, last: { done: true }, ended: 'clean' })
  expect(told.road.tried()).toEqual([`a/${first}`, 'b/ok'])
})

test.each([
  { name: 'breaks off between lines', first: 'scut=2' },
  { name: 'breaks off inside a line', first: 'scut=2+torn' },
  { name: 'ends without its last line', first: 'nodone' },
])('B44: an Ollama stream that $name ends with an error line and a reset', async ({ first }) => {
  const told = await ask(first, 'ok')
  expect(told).toMatchObject({
    status: 200,
    last: { error: expect.stringContaining('Cannot complete') },
    ended: 'reset',
  })
  expect(greeting.startsWith(told.text)).toBe(true)
  expect(told.road.settled).toMatchObject([{ outcome: 'upstream_broke' }])
})
