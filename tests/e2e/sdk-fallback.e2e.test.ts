import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { closedPort } from '../support/raw-origin.ts'
import { greeting, surfaceAt, surfaceNames } from '../support/sdk.ts'

/** What the first backend does: words of the mock's grammar, or `closed` for a port where nobody listens. */
const faults = [
  { fault: 'closed', says: 'nobody listens' },
  { fault: 'dead', says: 'the connection breaks within the head' },
  { fault: 'hang', says: 'no answer comes' },
  { fault: 'e429', says: 'status 429 with Retry-After' },
  { fault: 'e500', says: 'status 500' },
  { fault: 'e529', says: 'status 529' },
  { fault: 'q200', says: 'status 200 with an error of exhausted quota as its body' },
  { fault: 'serr', says: 'status 200 and an error in the first event' },
  { fault: 'html', says: 'status 200 with a web page' },
  { fault: 'empty', says: 'status 200 without a body' },
  { fault: 'redirect', says: 'a redirect' },
  { fault: 'scut=0', says: 'the connection breaks before the first content' },
  { fault: 'stall=0', says: 'silence before the first content' },
] as const

const mock = servedMock()
let gateway: RunningGateway

beforeAll(async () => {
  const port = await closedPort()
  const models = faults.map(({ fault }) => {
    const first = fault === 'closed' ? 'backend: closed, model: never' : `backend: broken, model: "${fault}"`
    return `  "after/${fault}": { routes: [{ ${first}, priority: 1 }, { backend: steady, model: "ok+gap=1", priority: 2 }] }`
  })
  // Without rest every test meets the same two routes.
  gateway = await startGateway(`
proxy_api_key: sk-gateway
backends:
  - { name: closed, url: "http://127.0.0.1:${port}/v1", protocol: any }
  - { name: broken, url: "${mock.url}/v1", protocol: any, api_key: sk-backend, timeout: { first_byte: 120ms, idle: 120ms } }
  - { name: steady, url: "${mock.url}/v1", protocol: any, api_key: sk-backend }
  - { name: inside, url: "mock://inside" }
models:
${models.join('\n')}
  inside: { routes: [{ backend: inside, model: e503, priority: 1 }, { backend: inside, model: "ok+gap=1", priority: 2 }] }
fallback: { cooldown_seconds: 0, respect_retry_after: false }
`)
})

beforeEach(() => void (mock.diary.requests.length = 0))

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await mock.stop()
})

describe.each(surfaceNames)('%s gets the answer of the second backend', (name) => {
  const surface = () => surfaceAt(name, { url: gateway.url, apiKey: 'sk-gateway' })

  test.each(faults)('B07, N109, N112: after "$fault" ($says)', async ({ fault }) => {
    const { ask, finished } = surface()
    expect({ ...(await ask(`after/${fault}`)) }).toEqual(wholeAnswer(finished))
    expect(modelsAsked()).toEqual(askedAfter(fault))
  })

  test.each(faults)('B07, B34: after "$fault" ($says), streaming', async ({ fault }) => {
    const { stream, finished } = surface()
    const pieces: string[] = []
    const told = await stream(`after/${fault}`, { onText: (text) => pieces.push(text) })
    expect({ ...told }).toEqual(wholeAnswer(finished))
    expect(pieces.join('')).toBe(greeting)
    expect(pieces.length).toBeGreaterThan(5)
    expect(modelsAsked()).toEqual(askedAfter(fault))
  })

  test('B07: from a mock backend inside the gateway, streaming and not', async () => {
    const { ask, stream, finished } = surface()
    expect({ ...(await ask('inside')) }).toEqual(wholeAnswer(finished))
    expect({ ...(await stream('inside')) }).toEqual(wholeAnswer(finished))
  })

  test('B03, N006: with the key of the backend, never the one of the gateway', async () => {
    await surface().ask('after/e500')
    const headers = mock.diary.requests.map((request) => JSON.stringify([...request.headers]))
    expect(headers.map((text) => [text.includes('sk-backend'), text.includes('sk-gateway')])).toEqual([
      [true, false],
      [true, false],
    ])
    expect(mock.diary.requests.map((request) => request.query).join('&')).not.toContain('sk-')
  })
})

/** Models that reached the mock, each once: what went down with a connection that had been idle is sent anew. */
function modelsAsked(): string[] {
  return [...new Set(mock.diary.requests.map((request) => request.model))]
}

/** A backend that takes no connection, or resets it, is none that a request reaches. */
function askedAfter(fault: string): string[] {
  return fault === 'closed' || fault === 'dead' ? ['ok+gap=1'] : [fault, 'ok+gap=1']
}

function wholeAnswer(finish: string) {
  return { text: greeting, finish, model: 'ok+gap=1', inputTokens: 1, outputTokens: 8 }
}
