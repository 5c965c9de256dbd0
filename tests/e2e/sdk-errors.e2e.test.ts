import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import Anthropic from '@anthropic-ai/sdk'
import { ApiError } from '@google/genai'
import { APICallError } from 'ai'
import OpenAI from 'openai'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { servedMock } from '../support/mock.ts'
import { closedPort, plainAnswer, rawOrigin, type RawOrigin } from '../support/raw-origin.ts'
import { greeting, raised, statusOf, surfaceAt, surfaceNames } from '../support/sdk.ts'

const mock = servedMock()
let gateway: RunningGateway

beforeAll(async () => {
  const port = await closedPort()
  const both = (model: string): string =>
    `{ routes: [{ backend: one, model: ${model}, priority: 1 }, { backend: two, model: ${model}, priority: 2 }] }`
  gateway = await startGateway(`
proxy_api_key: sk-test
backends:
  - { name: one, url: "${mock.url}/v1", protocol: any, timeout: { first_byte: 100ms } }
  - { name: two, url: "${mock.url}/", protocol: any, timeout: { first_byte: 100ms } }
  - { name: three, url: "${mock.url}", protocol: any }
  - { name: closed, url: "http://127.0.0.1:${port}/v1", protocol: any }
models:
  limited: ${both('e429')}
  overloaded: ${both('e503')}
  refused: ${both('e401')}
  wrong: { routes: [{ backend: one, model: e400, priority: 1 }, { backend: two, model: e400, priority: 2 }, { backend: three, model: e400, priority: 3 }] }
  silent: ${both('hang')}
  dead: { routes: [{ backend: closed, model: x, priority: 1 }] }
  half-dead: { routes: [{ backend: one, model: e429, priority: 1 }, { backend: closed, model: x, priority: 2 }] }
fallback: { cooldown_seconds: 0, respect_retry_after: false }
`)
})

beforeEach(() => void (mock.diary.requests.length = 0))

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await mock.stop()
})

/** Each SDK's own class, and what the envelope of its dialect says, where the SDK shows it. */
interface Kind {
  readonly openai: new (...args: never[]) => Error
  readonly anthropic: new (...args: never[]) => Error
  readonly status: number
  readonly code: string
  readonly types: { readonly openai: string; readonly anthropic: string; readonly gemini: string }
}

const badKey: Kind = {
  openai: OpenAI.AuthenticationError,
  anthropic: Anthropic.AuthenticationError,
  status: 401,
  code: 'invalid_api_key',
  types: { openai: 'authentication_error', anthropic: 'authentication_error', gemini: 'UNAUTHENTICATED' },
}

const unknownModel: Kind = {
  openai: OpenAI.NotFoundError,
  anthropic: Anthropic.NotFoundError,
  status: 404,
  code: 'model_not_found',
  types: { openai: 'invalid_request_error', anthropic: 'not_found_error', gemini: 'NOT_FOUND' },
}

const allDead: Kind = {
  openai: OpenAI.InternalServerError,
  anthropic: Anthropic.InternalServerError,
  status: 502,
  code: 'upstream_unreachable',
  types: { openai: 'upstream_error', anthropic: 'api_error', gemini: 'UNAVAILABLE' },
}

const keyRefused: Kind = {
  ...allDead,
  code: 'upstream_auth_failed',
  types: { ...allDead.types, gemini: 'INTERNAL' },
}

const allSilent: Kind = {
  openai: OpenAI.InternalServerError,
  anthropic: Anthropic.InternalServerError,
  status: 504,
  code: 'upstream_timeout',
  types: { openai: 'timeout_error', anthropic: 'timeout_error', gemini: 'DEADLINE_EXCEEDED' },
}

const allResting: Kind = {
  openai: OpenAI.InternalServerError,
  anthropic: Anthropic.InternalServerError,
  status: 503,
  code: 'no_backend_available',
  types: { openai: 'server_error', anthropic: 'overloaded_error', gemini: 'UNAVAILABLE' },
}

describe.each(surfaceNames)('%s', (name) => {
  describe.each(['ask', 'stream'] as const)('%s', (call) => {
    test.each([
      { row: 'B01', says: 'a wrong key', model: 'limited', apiKey: 'sk-wrong', kind: badKey, hits: 0 },
      { row: 'B71', says: 'an unknown model', model: 'nobody/knows', apiKey: 'sk-test', kind: unknownModel, hits: 0 },
      { row: 'N113', says: 'dead backends', model: 'dead', apiKey: 'sk-test', kind: allDead, hits: 0 },
      { row: 'N113', says: 'silent backends', model: 'silent', apiKey: 'sk-test', kind: allSilent, hits: 2 },
      { row: 'N113', says: 'a refused backend key', model: 'refused', apiKey: 'sk-test', kind: keyRefused, hits: 2 },
    ])('$row: $says is an error of its own kind', async ({ model, apiKey, kind, hits }) => {
      const error = await raised(surfaceAt(name, { url: gateway.url, apiKey })[call](model))
      expectKind(error, kind)
      expect(mock.diary.requests.length).toBe(hits)
    })

    test.each([
      { row: 'N104', model: 'limited', says: 'of both backends' },
      { row: 'N103', model: 'half-dead', says: 'beside a dead backend' },
    ])('$row: a 429 $says is a rate limit, with the upstream’s own words and Retry-After', async ({ model }) => {
      const error = await raised(surfaceAt(name, { url: gateway.url })[call](model))
      expect(statusOf(error)).toBe(429)
      expect((error as Error).message).toContain('the mock backend was asked for status 429')
      if (error instanceof OpenAI.APIError) {
        expect(error).toBeInstanceOf(OpenAI.RateLimitError)
        expect([error.headers?.get('retry-after'), error.type]).toEqual(['7', 'rate_limit_error'])
      } else if (error instanceof Anthropic.APIError) {
        expect(error).toBeInstanceOf(Anthropic.RateLimitError)
        expect(error.headers?.get('retry-after')).toBe('7')
      } else if (APICallError.isInstance(error)) {
        expect([error.responseHeaders?.['retry-after'], error.isRetryable]).toEqual(['7', true])
      } else {
        expect(error).toBeInstanceOf(ApiError)
      }
    })

    test('N101: a request that two backends call bad is the client’s to mend, and no third is asked', async () => {
      const error = await raised(surfaceAt(name, { url: gateway.url })[call]('wrong'))
      expect(statusOf(error)).toBe(400)
      expect(mock.diary.requests.map((request) => request.model)).toEqual(['e400', 'e400'])
    })
  })
})

describe('without a model', () => {
  test('B72: the OpenAI SDK raises a bad request with its code and parameter', async () => {
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'sk-test', maxRetries: 0 })
    const error = await raised(client.post('/chat/completions', { body: { messages: [] } }))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ code: 'missing_model', param: 'model', type: 'invalid_request_error' })
  })

  test('B72: the Anthropic SDK raises a bad request', async () => {
    const client = new Anthropic({ baseURL: gateway.url, apiKey: 'sk-test', maxRetries: 0 })
    const error = await raised(client.post('/v1/messages', { body: { messages: [], max_tokens: 1 } }))
    expect(error).toBeInstanceOf(Anthropic.BadRequestError)
    expect(error).toMatchObject({ error: { type: 'error', error: { type: 'invalid_request_error' } } })
  })
})

/** SDKs that can be told by a header not to ask again; the others go by the status alone. */
const hearing = surfaceNames.filter((name) => name.startsWith('openai') || name.startsWith('anthropic'))

test.each(hearing)('N301: %s does not ask again when the backends refuse their keys', async (name) => {
  let asked = 0
  const counting = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    asked += 1
    return await fetch(input, init)
  }
  const surface = surfaceAt(name, { url: gateway.url, retries: 2, fetch: counting })
  expect(statusOf(await raised(surface.ask('refused')))).toBe(502)
  expect([asked, mock.diary.requests.length]).toEqual([1, 2])
})

describe('with routes that rest after a failure', () => {
  let flaky: RawOrigin
  let resting: RunningGateway

  beforeAll(async () => {
    flaky = await rawOrigin((peer) => {
      if (peer.count % 2 === 1) return peer.write(plainAnswer('{}', ['Retry-After-Ms: 200'], '429 Too Many Requests'))
      const headers = { 'content-type': 'application/json' }
      void fetch(mock.url + peer.request.target, { method: 'POST', body: peer.request.body, headers })
        .then(async (response) => await response.text())
        .then((text) => peer.write(plainAnswer(text, ['Content-Type: application/json'])))
    })
    const routesOf = (model: string): string =>
      `{ routes: [{ backend: one, model: "${model}", priority: 1 }, { backend: two, model: "${model}", priority: 2 }] }`
    resting = await startGateway(`
proxy_api_key: sk-test
backends:
  - { name: one, url: "${mock.url}/v1", protocol: any }
  - { name: two, url: "${mock.url}/v1", protocol: any }
  - { name: flaky, url: "${flaky.url.origin}", protocol: any }
models:
  flaky: { routes: [{ backend: flaky, model: ok, priority: 1 }] }
${surfaceNames.map((name) => `  "${name}": ${routesOf(`e500+${name}`)}`).join('\n')}
fallback: { cooldown_seconds: 300 }
`)
  })

  afterAll(async () => {
    await resting[Symbol.asyncDispose]()
    await flaky.stop()
  })

  test.each(surfaceNames)('B24, N102: %s is told to come again later, and reaches no backend', async (name) => {
    const { ask } = surfaceAt(name, { url: resting.url })
    expect([statusOf(await raised(ask(name))), mock.diary.requests.length]).toEqual([500, 2])
    const error = await raised(ask(name))
    expectKind(error, allResting)
    if (error instanceof OpenAI.APIError || error instanceof Anthropic.APIError) {
      expect(error.headers?.get('retry-after')).toBe('60')
    }
    expect(mock.diary.requests.length).toBe(2)
  })

  test.each(surfaceNames)('B25: retries of %s find a route that asked for a moment of rest', async (name) => {
    const before = flaky.received.length
    expect((await surfaceAt(name, { url: resting.url, retries: 2 }).ask('flaky')).text).toBe(greeting)
    expect(flaky.received.length - before).toBe(2)
  })
})

function expectKind(error: unknown, kind: Kind): void {
  const { status, code, types } = kind
  if (error instanceof OpenAI.APIError) {
    expect(error).toBeInstanceOf(kind.openai)
    expect({ status: error.status, code: error.code, type: error.type }).toEqual({ status, code, type: types.openai })
    expect(error.requestID).toStartWith('req_')
  } else if (error instanceof Anthropic.APIError) {
    expect(error).toBeInstanceOf(kind.anthropic)
    expect(error.status).toBe(status)
    expect(error.error).toEqual({
      type: 'error',
      error: { type: types.anthropic, message: expect.stringMatching(/^Cannot /) },
      request_id: error.requestID,
    })
    expect(error.requestID).toStartWith('req_')
  } else if (error instanceof ApiError) {
    expect(error.status).toBe(status)
    expect(JSON.parse(error.message)).toMatchObject({ error: { code: status, status: types.gemini } })
  } else {
    expect(APICallError.isInstance(error)).toBe(true)
    expect(error).toMatchObject({ statusCode: status, data: { error: { code, type: types.openai } } })
  }
}
