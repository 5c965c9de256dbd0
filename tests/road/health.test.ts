import { describe, expect, test } from 'bun:test'
import type { OutgoingRequest, TransportFailure } from '#ports/transport.ts'
import { openAdmin } from '../support/admin.ts'
import { broken, chatAnswer, openRoad, type Road } from '../support/road.ts'

const key = 'sk-client-key-0001'
const withKey = { headers: { authorization: `Bearer ${key}` } }

const services = `
services:
  google:
    models:
      gemma/4b:
        backends:
          - { id: backend-1, name: First, url: "http://one:8000/base", weight: 2 }
          - { id: backend-2, url: "http://two" }
`

/** Backends by host that are up or down, as a test says; each check and request is noted as `method host path`. */
function town(): {
  readonly down: Set<string>
  readonly asked: string[]
  readonly upstream: (request: OutgoingRequest) => Response | TransportFailure
} {
  const down = new Set<string>()
  const asked: string[] = []
  return {
    down,
    asked,
    upstream(request) {
      const { hostname, pathname } = request.url
      asked.push(`${request.method} ${hostname} ${pathname}`)
      if (down.has(hostname)) return broken('connect', 'refused')
      return request.method === 'GET' ? new Response('ok') : chatAnswer(`from ${hostname}`)
    },
  }
}

async function jsonOf(road: Road, path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
  const response = await road.fetch(path, init)
  return { status: response.status, body: await response.json() }
}

describe('the pages for probes', () => {
  test('N008: none of them asks an upstream', async () => {
    const { upstream, asked } = town()
    const road = await openRoad(`health_check: {}\nbackends: [{ name: a, url: "http://a" }]\n${services}`, upstream)
    const paths = ['/health', '/healthz', '/livez', '/ready', '/readyz', '/health/verbose', '/api/health/status']
    for (let round = 0; round < 10; round += 1) {
      for (const path of paths) expect((await road.fetch(path)).status, path).toBeOneOf([200, 503])
    }
    expect(asked).toEqual([])
  })

  test('C531 D28: liveness is always well, and for everybody', async () => {
    const { upstream, down } = town()
    down.add('a')
    const road = await openRoad(
      `proxy_api_key: ${key}\nhealth_check: {}\nbackends: [{ name: a, url: "http://a" }]`,
      upstream,
    )
    road.startChecks()
    await road.clock.advance(1000)
    const { status, body } = await jsonOf(road, '/health')
    expect({ status, body }).toEqual({
      status: 200,
      body: { status: 'ok', service: 'llm-proxy', version: 'test', backends: 1, models: 0 },
    })
    for (const path of ['/healthz', '/livez']) expect(await (await road.fetch(path)).text()).toBe('ok')
    const response = await road.fetch('/health', { method: 'DELETE' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET'])
    expect((await road.fetch('/health', { method: 'HEAD' })).headers.get('x-request-id')).toStartWith('req_')
  })

  test('C534: health.endpoints[].path is where they are, by health.endpoints[].type', async () => {
    const { upstream } = town()
    const yaml = `
health:
  endpoints:
    - { path: /up, type: liveness }
    - { path: /can-work, type: readiness }
    - { path: /tell, type: verbose }
models: {}
`
    const road = await openRoad(yaml, upstream)
    const statuses: Record<string, number> = {}
    for (const path of ['/up', '/can-work', '/tell', '/health', '/ready', '/health/verbose']) {
      statuses[path] = (await road.fetch(path)).status
    }
    expect(statuses).toEqual({
      '/up': 200,
      '/can-work': 503,
      '/tell': 200,
      '/health': 404,
      '/ready': 404,
      '/health/verbose': 404,
    })
  })

  test('C532 C538: readiness fails when every backend is down, names the check, and is back when one is', async () => {
    const { upstream, down } = town()
    const yaml = `
health_check: { interval: 10s }
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
models:
  m: { routes: [{ backend: a, model: up }, { backend: b, model: up }] }
`
    const road = await openRoad(yaml, upstream)
    road.startChecks()
    const checks = async (): Promise<unknown[]> => {
      const { status, body } = await jsonOf(road, '/ready')
      const told = body as { status: string; checks: Record<string, string> }
      return [status, told.status, told.checks['upstream']]
    }
    expect(await checks()).toEqual([200, 'ready', 'ok'])
    down.add('a')
    await road.clock.advance(30_000)
    expect(await checks()).toEqual([200, 'ready', 'ok'])
    down.add('b')
    await road.clock.advance(30_000)
    expect(await checks()).toEqual([503, 'not_ready', 'all 2 backends fail their health checks'])
    down.delete('a')
    await road.clock.advance(30_000)
    expect(await checks()).toEqual([200, 'ready', 'ok'])
    expect(
      road.lines
        .filter(({ event }) => event.startsWith('backend_'))
        .map(({ event, fields }) => `${event} ${fields['backend']}`),
    ).toEqual(['backend_down a', 'backend_down b', 'backend_up a'])
  })

  test('C532: one that nobody checks may be well', async () => {
    const { upstream, down } = town()
    down.add('a')
    const yaml = `
backends:
  - { name: a, url: "http://a/v1", health_check: { path: /up } }
  - { name: b, url: "http://b/v1" }
models:
  m: { routes: [{ backend: a, model: up }, { backend: b, model: up }] }
`
    const road = await openRoad(yaml, upstream)
    road.startChecks()
    await road.clock.advance(1000)
    expect(road.gateway.health.downUntil('a')).toBeDefined()
    expect((await road.fetch('/ready')).status).toBe(200)
  })

  test('D29: a gateway of services alone is ready', async () => {
    const road = await openRoad(services, town().upstream)
    expect((await road.fetch('/ready')).status).toBe(200)
  })
})

describe('the verbose page', () => {
  const yaml = `
proxy_api_key: ${key}
admin: { key: sk-admin-key-0001 }
health_check: {}
backends:
  - { name: a, url: "http://user-a.test/v1", api_key: sk-of-backend-a }
  - { name: b, url: "http://b.test/v1" }
models:
  m: { routes: [{ backend: a, model: up }] }
`

  async function open(): Promise<Road> {
    const { upstream, down } = town()
    down.add('b.test')
    const road = await openRoad(yaml, upstream)
    road.startChecks()
    await road.clock.advance(1000)
    return road
  }

  test('C533: shows strangers how many, and nobody where or by which key', async () => {
    const road = await open()
    const { status, body } = await jsonOf(road, '/health/verbose')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      status: 'degraded',
      version: 'test',
      uptime_seconds: 1,
      config: { version: 1, status: 'ok' },
      upstream: { status: 'degraded', total: 2, healthy: 1, unhealthy: 1, unknown: 0, unchecked: 0 },
      cache: { pinned_clients: 0 },
      rate_limit: { limits: [] },
    })
    expect(body).not.toHaveProperty('upstream.backends')
  })

  test('C533: shows those who have a key every backend, its last check and why it failed', async () => {
    const road = await open()
    const { body } = await jsonOf(road, '/health/verbose', withKey)
    expect(body).toHaveProperty('upstream.backends', [
      {
        name: 'a',
        status: 'healthy',
        response_time_ms: 0,
        last_check: '2026-01-13T09:41:00.100Z',
        next_check_seconds: expect.any(Number),
        error_message: null,
        resting: [],
      },
      {
        name: 'b',
        status: 'unhealthy',
        response_time_ms: null,
        last_check: '2026-01-13T09:41:00.100Z',
        next_check_seconds: expect.any(Number),
        error_message: 'the connection broke in connect',
        resting: [],
      },
    ])
    const text = JSON.stringify(body)
    for (const secret of ['user-a.test', 'b.test', 'sk-of-backend-a', key]) expect(text).not.toContain(secret)
  })

  test('refuses a key that is none', async () => {
    const road = await open()
    const { status } = await jsonOf(road, '/health/verbose', { headers: { authorization: 'Bearer sk-wrong' } })
    expect(status).toBe(401)
  })

  test('shows which routes rest', async () => {
    const road = await openRoad(
      `backends: [{ name: a, url: "http://a/v1" }]\nmodels: { m: { routes: [{ backend: a, model: up }] } }`,
      () => Response.json({}, { status: 500 }),
    )
    await road.chat('m')
    const { body } = await jsonOf(road, '/health/verbose')
    expect(body).toHaveProperty('upstream.backends.0.resting', [{ model: 'up', why: 'cooling', for_seconds: 30 }])
    expect(body).toHaveProperty('upstream.backends.0.status', 'unchecked')
  })

  test.each([
    { name: 'show_upstream_status', section: 'upstream' },
    { name: 'show_cache_status', section: 'cache' },
    { name: 'show_rate_limit_status', section: 'rate_limit' },
  ])('C537: health.verbose.$name: false takes the section away', async ({ name, section }) => {
    const road = await openRoad(`health: { verbose: { ${name}: false } }`, town().upstream)
    const { body } = await jsonOf(road, '/health/verbose')
    const shown = Object.keys(body as object)
    expect(['upstream', 'cache', 'rate_limit'].filter((one) => !shown.includes(one))).toEqual([section])
  })
})

describe('the status of services', () => {
  test('D30: everybody sees who is how, in the shape that programs know, without addresses', async () => {
    const { upstream, down } = town()
    down.add('two')
    const road = await openRoad(`proxy_api_key: ${key}\n${services}`, upstream)
    const before = await jsonOf(road, '/api/health/status')
    expect(before.body).toHaveProperty(['data', 'google', 'gemma/4b', 0, 'status'], 'unknown')
    road.startChecks()
    await road.clock.advance(1000)
    expect(await jsonOf(road, '/api/health/status')).toEqual({
      status: 200,
      body: {
        service: 'api-proxy-gateway',
        type: 'health_status',
        data: {
          google: {
            'gemma/4b': [
              {
                id: 'backend-1',
                name: 'First',
                weight: 2,
                status: 'healthy',
                last_check: '2026-01-13T09:41:00.100Z',
                error_message: null,
                response_time_ms: 0,
              },
              {
                id: 'backend-2',
                name: 'backend-2',
                weight: 1,
                status: 'unhealthy',
                last_check: '2026-01-13T09:41:00.100Z',
                error_message: 'the connection broke in connect',
                response_time_ms: null,
              },
            ],
          },
        },
      },
    })
  })

  test('D31: one service is for those who have a key', async () => {
    const road = await openRoad(`proxy_api_key: ${key}\n${services}`, town().upstream)
    const without = await jsonOf(road, '/api/health/status/google')
    expect(without.status).toBe(401)
    expect(without.body).toEqual({
      error: expect.stringContaining('Authorization'),
      request_id: expect.stringMatching(/^req_/),
    })
    const withIt = await jsonOf(road, '/api/health/status/google', withKey)
    expect(withIt).toEqual({
      status: 200,
      body: {
        service: 'google',
        data: { 'gemma/4b': [expect.objectContaining({ id: 'backend-1' }), expect.anything()] },
      },
    })
    const unknown = await jsonOf(road, '/api/health/status/nope', withKey)
    expect(unknown.status).toBe(404)
    expect(unknown.body).toEqual({ error: expect.stringContaining('"nope"'), request_id: expect.any(String) })
  })

  test('addresses are for admins alone', async () => {
    const yaml = `proxy_api_key: ${key}\nadmin: { key: sk-admin-key-0001 }\n${services}`
    const bench = await openAdmin(yaml, town().upstream, 'sk-admin-key-0001')
    const url = ['data', 'google', 'gemma/4b', 0, 'url']
    expect(await bench.read('/api/health/status')).toHaveProperty(url, 'http://one:8000/base')
    for (const asking of [
      { headers: { authorization: `Bearer ${key}` } },
      { headers: {} },
      { headers: { 'x-api-key': 'no' } },
    ]) {
      expect(await bench.read('/api/health/status', asking)).not.toHaveProperty(url)
    }
  })

  test.each(['/api/health/status', '/api/health/status/google', '/health/verbose'])(
    'D30 B46: whoever polls %s with a key that is none shuts no door to admins, and guesses no key',
    async (path) => {
      const yaml = `proxy_api_key: ${key}\nadmin: { key: sk-admin-key-0001 }\n${services}`
      const bench = await openAdmin(yaml, town().upstream, 'sk-admin-key-0001')
      for (let count = 0; count < 15; count += 1) {
        await bench.ask(path, { headers: { authorization: `Bearer sk-of-old-${count}` } })
      }
      expect((await bench.ask('/admin')).status).toBe(200)
      const here = await bench.ask(path)
      // As if the right key were none.
      expect([here.status, (await here.text()).includes('http://one:8000')]).toEqual([
        path === '/api/health/status' ? 200 : 429,
        false,
      ])
      await bench.road.clock.advance(60_000)
      expect((await bench.ask(path)).status).toBe(200)
    },
  )
})

describe('traffic', () => {
  const yaml = `
health_check: { interval: 10s, timeout: 2s }
fallback: { cooldown_seconds: 0 }
load_balancing: { strategy: weighted_random }
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
  - { name: c, url: "http://c/v1" }
models:
  m: { routes: [{ backend: a, model: up }, { backend: b, model: up }, { backend: c, model: up }] }
`

  /** How often each backend was asked by so many requests of clients, one every `everyMs`. */
  async function share(road: Road, requests: number, everyMs: number): Promise<Record<string, number>> {
    const from = road.sent.length
    for (let count = 0; count < requests; count += 1) {
      expect((await road.chat('m')).status).toBe(200)
      await road.clock.advance(everyMs)
    }
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 }
    for (const { method, url } of road.sent.slice(from)) {
      if (method === 'POST') counts[url.hostname] = (counts[url.hostname] ?? 0) + 1
    }
    return counts
  }

  test.each([1, 2, 3])(
    'D21 C109: leaves a backend that dies within one interval, and comes back to its share after it lives (seed %d)',
    async (seed) => {
      const { upstream, down } = town()
      const road = await openRoad(yaml, upstream, seed)
      road.startChecks()
      await road.clock.advance(1000)
      const before = await share(road, 1000, 20)
      for (const name of ['a', 'b', 'c']) expect(before[name]).toBeWithin(280, 390)
      down.add('b')
      const dying = await share(road, 700, 20)
      // Asked in vain until the third failed check: one interval and the two looks that follow at once.
      expect(dying['b']).toBeLessThan(230)
      const dead = await share(road, 1000, 20)
      expect(dead['b']).toBe(0)
      expect(dead['a']).toBeWithin(430, 570)
      down.delete('b')
      await road.clock.advance(15_000)
      const after = await share(road, 1000, 20)
      expect(after['b']).toBeWithin(280, 390)
    },
  )

  test('D37: when every backend is down they are asked all the same', async () => {
    const { upstream, down } = town()
    for (const name of ['a', 'b', 'c']) down.add(name)
    const road = await openRoad(yaml, upstream)
    road.startChecks()
    await road.clock.advance(1000)
    for (const name of ['a', 'b', 'c']) down.delete(name)
    expect(['a', 'b', 'c'].map((name) => road.gateway.health.downUntil(name) !== undefined)).toEqual([true, true, true])
    const { a = 0, b = 0, c = 0 } = await share(road, 20, 0)
    expect(a + b + c).toBe(20)
  })
})
