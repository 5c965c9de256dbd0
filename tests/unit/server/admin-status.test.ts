import { describe, expect, test } from 'bun:test'
import type { AliasStatus, Status } from '#core/status.ts'
import { openAdmin, plainReport, type AdminBench } from '../../support/admin.ts'
import { attemptOf, settledExchange, statusFailure } from '../../support/exchange.ts'
import { broken, chatAnswer } from '../../support/road.ts'

const clientKey = 'sk-client-key-0001'
const backendKey = 'backend-canary-5d1e8a'

const yaml = `
proxy_api_key: ${clientKey}
backends:
  - { name: a, url: "http://a/v1/${backendKey}", api_key: "${backendKey}" }
  - { name: b, url: "http://b" }
  - name: c
    url: "http://c"
    credentials: [{ name: first, api_key: "${backendKey}-1" }, { name: second, api_key: "${backendKey}-2" }]
models:
  m: { routes: [{ backend: a, model: ma, priority: 1 }, { backend: b, model: mb, priority: 2, weight: 3 }] }
  n: { routes: [{ backend: b, model: mb }] }
  c: { routes: [{ backend: c, model: mc }] }
fallback: { alias_fallback: { n: [m] } }
`

const services = `
services:
  google:
    models:
      gemini:
        backends: [{ id: one, name: "Number One", url: "http://b/one" }, { id: two, url: "http://a/two" }]
health_check: { interval: 10s, timeout: 1s }
`

async function openPages(text = yaml): Promise<AdminBench> {
  return await openAdmin(text, ({ url }) => (url.hostname === 'b' ? chatAnswer() : broken('head')))
}

async function statusOf(bench: AdminBench): Promise<Status> {
  const response = await bench.ask('/admin/status')
  expect(response.status).toBe(200)
  return (await response.json()) as Status
}

function aliasOf({ aliases }: Status, name: string): AliasStatus | undefined {
  return aliases.find(({ alias }) => alias === name)
}

/** Backend and state of each route of an alias. */
function statesOf(status: Status, alias: string): (readonly string[])[] {
  return (aliasOf(status, alias)?.routes ?? []).map(({ backend, state }) => [backend, state])
}

describe('the status of the gateway', () => {
  test.each([
    { logging: '', zone: undefined },
    { logging: 'logging: { timezone: local }', zone: undefined },
    { logging: 'logging: { timezone: asia/shanghai }', zone: 'Asia/Shanghai' },
  ])('D79: tells the time zone of the configuration: { $logging }', async ({ logging, zone }) => {
    expect((await statusOf(await openPages(yaml + logging))).zone).toBe(zone)
  })

  test('tells routes, backends and credentials before the first request', async () => {
    const status = await statusOf(await openPages())
    expect(statesOf(status, 'm')).toEqual([
      ['a', 'healthy'],
      ['b', 'healthy'],
    ])
    expect(statesOf(status, 'n').length).toBe(2)
    expect(status).toMatchObject({
      version: 'test',
      startedAt: '1970-01-01T00:00:00.000Z',
      isDraining: false,
      inFlight: 0,
      config: { version: 1, warnings: [], restartKeys: [] },
      services: [],
      passthrough: [],
      backends: [
        { backend: 'a', hasKey: true, state: 'healthy', routes: 1 },
        { backend: 'b', hasKey: false, state: 'healthy', routes: 1 },
        { backend: 'c', hasKey: true, state: 'healthy', routes: 1 },
      ],
      credentials: [
        { backend: 'c', name: 'first', state: 'ready' },
        { backend: 'c', name: 'second', state: 'ready' },
      ],
    })
  })

  test('tells who rests and for how long, the last error, and how fast the others are', async () => {
    const bench = await openPages()
    await bench.chat('m')
    const status = await statusOf(bench)
    const routes = aliasOf(status, 'm')?.routes ?? []
    expect(routes).toMatchObject([
      {
        backend: 'a',
        state: 'cooling',
        traffic: { attempts: 1, failures: 1, inFlight: 0, lastError: { reason: expect.any(String) } },
      },
      {
        backend: 'b',
        state: 'healthy',
        weight: 3,
        traffic: { attempts: 1, failures: 0, latencyMs: expect.any(Number) },
      },
    ])
    expect(routes[0]?.restsForMs).toBeGreaterThan(0)
    expect(status.backends[0]).toMatchObject({ state: 'cooling', traffic: { failures: 1 } })
  })

  test('a rest that is over is over, and the error stays', async () => {
    const bench = await openPages()
    await bench.chat('m')
    await bench.road.clock.advance(3_600_000)
    const status = await statusOf(bench)
    expect(statesOf(status, 'm')[0]).toEqual(['a', 'healthy'])
    expect(status.backends[0]?.traffic.lastError).toBeDefined()
  })

  test('while another route answers, the one that failed before it tells its error already', async () => {
    const bench = await openPages()
    const failure = { ...statusFailure(500), message: `it told ${backendKey}` }
    const attempts = [
      attemptOf({ backend: 'a', model: 'ma', status: 500, failure }),
      attemptOf({ backend: 'b', model: 'mb' }),
    ]
    const running = settledExchange({ attempts, outcome: undefined, endedMs: undefined })
    bench.road.gateway.live.add(running)
    const [a, b] = aliasOf(await statusOf(bench), 'm')?.routes ?? []
    expect(a?.traffic).toMatchObject({
      attempts: 1,
      failures: 1,
      inFlight: 0,
      lastError: { message: expect.stringMatching(/^it told .*\*{4}/) },
    })
    expect(b?.traffic).toMatchObject({ attempts: 0, failures: 0, inFlight: 1 })
    // It counts once when it is over.
    bench.road.gateway.live.delete(running)
    bench.news.settled(running)
    expect(aliasOf(await statusOf(bench), 'm')?.routes[0]?.traffic).toMatchObject({ attempts: 1, failures: 1 })
  })

  test('D60: services tell how their backends are, by what people call them, and by their checks', async () => {
    const bench = await openPages(`${yaml}${services}`)
    const stop = bench.road.startChecks()
    try {
      const before = await statusOf(bench)
      expect(before.services[0]).toMatchObject({
        service: 'google',
        models: [
          {
            model: 'gemini',
            routes: [
              { name: 'Number One', state: 'unknown' },
              { name: 'two', state: 'unknown' },
            ],
          },
        ],
      })
      await bench.road.clock.advance(60_000)
      const after = await statusOf(bench)
      expect(after.services[0]?.models[0]?.routes).toMatchObject([
        { name: 'Number One', state: 'healthy', restsForMs: 0 },
        { name: 'two', state: 'unhealthy' },
      ])
      const two = after.backends.find(({ backend }) => backend === 'google/gemini/two')
      expect(two).toMatchObject({ state: 'unhealthy', check: { state: 'unhealthy', fault: expect.any(String) } })
      expect(Date.parse(two?.check?.at ?? '')).toBeGreaterThan(0)
    } finally {
      stop()
    }
  })

  test('no key, no query and no credential of an address is told', async () => {
    const bench = await openPages(`${yaml}${services}`)
    await bench.chat('m')
    await bench.chat('c')
    const text = JSON.stringify(await statusOf(bench))
    expect(text).toContain('http://a/v1')
    expect(text).not.toContain('canary')
    expect(text).not.toContain(clientKey)
  })

  test('tells what is wrong with a newer configuration, without its secrets, and that the gateway drains', async () => {
    const bench = await openPages()
    bench.report = {
      ...plainReport,
      warnings: [`a warning with ${backendKey}`],
      restartKeys: ['listen'],
      refused: { atMs: 1000, problems: [`config.yaml:3:1 backends: ${backendKey} is no url`] },
    }
    bench.isDraining = true
    const status = await statusOf(bench)
    expect(status.isDraining).toBe(true)
    expect(status.config).toMatchObject({
      restartKeys: ['listen'],
      refused: { at: '1970-01-01T00:00:01.000Z' },
    })
    expect(JSON.stringify(status)).not.toContain(backendKey)
  })

  test('takes no parameters and no POST', async () => {
    const bench = await openPages()
    expect((await bench.ask('/admin/status?limit=3')).status).toBe(400)
    const headers = { authorization: `Bearer ${clientKey}` }
    expect((await bench.ask('/admin/status', { method: 'POST', headers })).status).toBe(405)
    expect((await bench.ask('/admin/status', { headers: {} })).status).toBe(401)
  })
})

describe('D62: POST /admin/reload', () => {
  const headers = { authorization: `Bearer ${clientKey}` }

  test('reads the configuration anew, and says what serves', async () => {
    const bench = await openPages()
    expect(await bench.read('/admin/reload', { method: 'POST', headers })).toEqual({
      version: 1,
      isNew: false,
      problems: [],
    })
    expect(bench.reloads).toBe(1)
  })

  test('tells what is wrong with the new one', async () => {
    const bench = await openPages()
    bench.report = { ...plainReport, refused: { atMs: 0, problems: [`no "${backendKey}"`] } }
    expect(await bench.read('/admin/reload', { method: 'POST', headers })).toMatchObject({
      problems: [expect.not.stringContaining(backendKey)],
    })
  })

  test.each([
    { name: 'by GET', asking: { method: 'GET', headers }, status: 405 },
    { name: 'without a key', asking: { method: 'POST', headers: {} }, status: 401 },
    { name: 'from elsewhere', asking: { method: 'POST', headers, peer: '203.0.113.9' }, status: 404 },
    {
      name: 'by a page of another origin',
      asking: { method: 'POST', headers: { ...headers, origin: 'https://evil.example' } },
      status: 403,
    },
  ])('is refused $name', async ({ asking, status }) => {
    const bench = await openPages()
    expect((await bench.ask('/admin/reload', asking)).status).toBe(status)
    expect(bench.reloads).toBe(0)
  })
})
