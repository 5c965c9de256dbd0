import { describe, expect, test } from 'bun:test'
import type { LogFields } from '#ports/log.ts'
import { createApp } from '#server/app.ts'
import { broken, openRoad, type Road } from '../../support/road.ts'
import { sentBy } from '../../support/upstream.ts'

const config = `
backends: [{ name: a, url: "http://a", protocol: anthropic }]
models: { m: { routes: [{ backend: a, model: ma }] } }
`

async function openServer(yaml = config): Promise<Road> {
  return await openRoad(yaml, () => Response.json({ id: 'msgbatch_1' }))
}

function refusalLines(road: Road): LogFields[] {
  return road.lines
    .filter(({ event, level }) => event === 'request_refused' && level === 'warn')
    .map(({ fields }) => fields)
}

const post = { method: 'POST', body: JSON.stringify({ model: 'm' }) }

describe('other paths below /v1/messages', () => {
  test('are those of Anthropic clients, and go to Anthropic backends', async () => {
    const road = await openServer()
    expect((await road.fetch('/v1/messages/batches', post)).status).toBe(200)
    expect(road.sent.map(({ url }) => url.pathname)).toEqual(['/v1/messages/batches'])
  })

  test('are refused in the Anthropic form', async () => {
    const road = await openServer()
    const response = await road.fetch('/v1/messages/drafts', { method: 'POST', body: '{}' })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } })
  })

  test('are no business of backends with another dialect', async () => {
    const road = await openServer(config.replace('protocol: anthropic', 'protocol: openai'))
    const response = await road.fetch('/v1/messages/batches', post)
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { message: expect.stringContaining('anthropic') },
    })
    expect(road.sent).toEqual([])
  })
})

describe('model lists of Gemini clients', () => {
  test.each(['/v1beta', '/v1alpha'])('%s has the list and single models in the Gemini form', async (base) => {
    const road = await openServer()
    expect(await (await road.fetch(`${base}/models`)).json()).toMatchObject({ models: [{ name: 'models/m' }] })
    expect(await (await road.fetch(`${base}/models/m`)).json()).toMatchObject({ name: 'models/m' })
    const missing = await road.fetch(`${base}/models/foo`)
    expect(missing.status).toBe(404)
    expect(await missing.json()).toMatchObject({ error: { code: 404, status: 'NOT_FOUND' } })
  })
})

describe('paths of Ollama clients', () => {
  const ollama = config.replace('protocol: anthropic', 'protocol: ollama')

  test('list the aliases, and tell a version that no client finds too old', async () => {
    const road = await openServer(ollama)
    expect(await (await road.fetch('/api/tags')).json()).toMatchObject({ models: [{ name: 'm', model: 'm' }] })
    expect(await (await road.fetch('/api/version')).json()).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    })
    expect((await road.fetch('/api/tags', post)).status).toBe(405)
  })

  test.each(['/api/chat', '/api/generate', '/api/embed', '/api/embeddings', '/api/show'])(
    '%s goes to an Ollama backend under the same path, with the name that it knows',
    async (path) => {
      const road = await openServer(ollama)
      const body = JSON.stringify({ model: 'm', stream: false, keep_alive: -1 })
      expect((await road.fetch(path, { method: 'POST', body })).status).toBe(200)
      expect(road.sent.map(({ url }) => url.pathname)).toEqual([path])
      expect(road.sent.map((sent) => sentBy(sent).toString())).toEqual([body.replace('"m"', '"ma"')])
    },
  )

  test('are refused in the Ollama form', async () => {
    const road = await openServer(ollama)
    const response = await road.fetch('/api/chat', { method: 'POST', body: '{}' })
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({ error: 'Cannot route the request: "model" is missing' })
    const missing = await road.fetch('/api/pull', post)
    expect(missing.status).toBe(404)
    expect(await missing.json()).toEqual({ error: expect.stringContaining('Cannot find this path') })
  })

  test('are no business of backends with another dialect, where nothing is translated', async () => {
    const road = await openServer(`${config}\ncompat: { translate: false }`)
    expect(await (await road.fetch('/api/chat', post)).json()).toEqual({ error: expect.stringContaining('ollama') })
    expect(road.sent).toEqual([])
  })
})

describe('a refusal beside the road leaves a line under the id that the client gets', () => {
  test.each([
    { name: 'a path that nobody knows', path: '/nowhere?key=k', method: 'GET', status: 404, code: 'route_not_found' },
    { name: 'a wrong method', path: '/v1/messages', method: 'PUT', status: 405, code: 'method_not_allowed' },
    { name: 'an unknown model of a list', path: '/v1/models/x', method: 'GET', status: 404, code: 'model_not_found' },
  ])('$name', async ({ path, method, status, code }) => {
    const road = await openServer()
    const response = await road.fetch(path, { method })
    expect(response.status).toBe(status)
    const requestId = response.headers.get('x-request-id')
    const [target = ''] = path.split('?')
    const wanted = { requestId, status, code, client: '127.0.0.1', method, path: target }
    expect(refusalLines(road)).toEqual([expect.objectContaining(wanted)])
  })

  test('a list without the key that it needs', async () => {
    const road = await openServer(`proxy_api_key: sk-client\nmodels_require_auth: true\n${config}`)
    expect((await road.fetch('/v1/models')).status).toBe(401)
    expect(refusalLines(road)).toMatchObject([{ code: 'missing_api_key', path: '/v1/models' }])
  })

  test('B118: a request that comes while the server shuts down', async () => {
    const road = await openServer()
    road.setDraining()
    const response = await road.fetch('/v1/messages', post)
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'overloaded_error' } })
    expect(refusalLines(road)).toMatchObject([{ status: 503, code: 'shutting_down', path: '/v1/messages' }])
    expect(road.settled).toEqual([])
  })

  test.each([
    { path: '/v1/messages', wanted: { type: 'error', error: { type: 'invalid_request_error' } } },
    { path: '/v1beta/models/m:generateContent', wanted: { error: { status: 'INVALID_ARGUMENT' } } },
    { path: '/v1/chat/completions', wanted: { error: { code: 'invalid_host' } } },
  ])('a malformed Host, answered in the form of $path', async ({ path, wanted }) => {
    const road = await openServer()
    const app = createApp(road.gateway, { version: 'test', isDraining: () => false })
    // The platform hands over a relative URL then; the Request constructor would not.
    const request = { url: path, method: 'POST', headers: new Headers({ host: 'a b' }) } as unknown as Request
    const response = await app(request, { peer: '203.0.113.9', patience: () => {} })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject(wanted)
    expect(refusalLines(road)).toMatchObject([{ code: 'invalid_host', client: '203.0.113.9', path }])
  })
})

test('what came down the road is told by its exchange, once', async () => {
  const road = await openRoad(config, () => broken('head'))
  await road.fetch('/v1/messages', post)
  expect([refusalLines(road), road.settled.length]).toEqual([[], 1])
})

describe('where a request comes from', () => {
  /** How often the listener is asked for it, with a log that keeps no more than `level`. */
  async function lookUps(keeps: readonly string[], yaml = config): Promise<number> {
    const road = await openServer(yaml)
    const log = { ...road.gateway.log, keeps: (level: string) => keeps.includes(level) }
    const app = createApp({ ...road.gateway, log }, { version: 'test', isDraining: () => false })
    let asked = 0
    const connection = {
      get peer() {
        asked += 1
        return '203.0.113.9'
      },
      patience() {},
    }
    const init = { ...post, headers: { 'content-length': String(post.body.length) } }
    await (await app(new Request('http://gateway/v1/messages', init), connection)).text()
    expect(road.settled.map(({ outcome }) => outcome)).toEqual(['complete'])
    return asked
  }

  test('is not asked while nobody wants to know', async () => {
    expect(await lookUps(['error'])).toBe(0)
  })

  test.each([
    { name: 'a log of warnings', keeps: ['error', 'warn'], yaml: config },
    { name: 'files of requests', keeps: ['error'], yaml: `${config}logging: { separate_files: true }` },
    {
      name: 'forward_client_ip',
      keeps: ['error'],
      yaml: `${config}proxy: { forward_client_ip: true }`,
    },
  ])('is asked for $name', async ({ keeps, yaml }) => {
    expect(await lookUps(keeps, yaml)).toBeGreaterThan(0)
  })
})
