import { describe, expect, test } from 'bun:test'
import type { HealthRecord } from '#core/health.ts'
import type { OutgoingRequest, TransportFailure } from '#ports/transport.ts'
import { openRoad, type Road } from '../support/road.ts'
import { untilStopped } from '../support/scripted.ts'

/** Where a backend stands that says how it is checked, and what it is called. */
const places = [
  {
    place: 'file',
    name: 'a',
    yaml: (check: string) => `health_check: { ${check} }\nbackends: [{ name: a, url: "http://a/v1" }]`,
  },
  {
    place: 'backend',
    name: 'a',
    yaml: (check: string) => `backends: [{ name: a, url: "http://a/v1", health_check: { ${check} } }]`,
  },
  {
    place: 'service',
    name: 's/m/a',
    yaml: (check: string) =>
      `services: { s: { models: { m: { backends: [{ id: a, url: "http://a/v1", health_check: { ${check} } }] } } } }`,
  },
  {
    place: 'passthrough',
    name: 'passthrough/a',
    yaml: (check: string) => `passthrough: { backends: [{ id: a, url: "http://a/v1", health_check: { ${check} } }] }`,
  },
]

describe.each(places)('health_check of the $place', ({ name, yaml }) => {
  /** A gateway that checks as written, and an upstream that answers with the status of the moment; 0: not at all. */
  async function open(
    check: string,
    now = { status: 200 },
  ): Promise<{ road: Road; record: () => HealthRecord | undefined }> {
    const upstream = async ({ stop }: OutgoingRequest): Promise<Response | TransportFailure> =>
      now.status === 0 ? await untilStopped(stop) : new Response('', { status: now.status })
    const road = await openRoad(yaml(check), upstream)
    road.startChecks()
    return { road, record: () => road.gateway.health.recordOf(name) }
  }

  test('health_check.enabled says whether it is checked at all', async () => {
    for (const [written, count] of [
      ['enabled: true', 1],
      ['enabled: false', 0],
    ] as const) {
      const { road } = await open(written)
      await road.clock.advance(1000)
      expect(road.sent.length).toBe(count)
    }
  })

  test('D36: health_check.method, health_check.path and health_check.headers are what is asked', async () => {
    const { road } = await open('method: options, path: "/up?deep=1", headers: { X-Probe: "yes" }')
    await road.clock.advance(1000)
    const [sent] = road.sent
    expect(`${sent?.method} ${sent?.url.href}`).toBe('OPTIONS http://a/v1/up?deep=1')
    expect(sent?.headers.filter(([header]) => header === 'X-Probe')).toEqual([['X-Probe', 'yes']])
  })

  test('D36: health_check.expect are the statuses that mean well', async () => {
    for (const [status, state] of [
      [204, 'healthy'],
      [405, 'healthy'],
      [404, 'unhealthy'],
      [200, 'unhealthy'],
    ] as const) {
      const { road, record } = await open('expect: [204, 401, 403, 405]', { status })
      await road.clock.advance(1000)
      expect(record()?.state).toBe(state)
    }
  })

  test('C535 D33: health_check.interval is from one check to the next', async () => {
    const { road } = await open('interval: 2s')
    await road.clock.advance(40_000)
    expect(road.sent.length).toBeWithin(18, 23)
  })

  test('C535 D33: health_check.timeout is the longest time of one', async () => {
    const { road, record } = await open('timeout: 2s', { status: 0 })
    await road.clock.advance(2000)
    expect(record()?.state).toBe('unknown')
    await road.clock.advance(200)
    expect(record()).toMatchObject({ state: 'unhealthy', fault: 'no answer within 2s' })
  })

  /** Checks that it takes from one state to the other. */
  async function checksUntil(check: string, before: number, after: number): Promise<number> {
    const now = { status: before }
    const { road, record } = await open(check, now)
    await road.clock.advance(1000)
    const state = record()?.state
    now.status = after
    const count = road.sent.length
    for (let step = 0; record()?.state === state && step < 1000; step += 1) await road.clock.advance(1000)
    return road.sent.length - count
  }

  test('C536: health_check.failure_threshold failed checks in a row take it out', async () => {
    expect(await checksUntil('failure_threshold: 1', 200, 500)).toBe(1)
    expect(await checksUntil('failure_threshold: 4', 200, 500)).toBe(4)
    expect(await checksUntil('interval: 30s', 200, 500)).toBe(3)
  })

  test('C536: health_check.success_threshold good checks in a row bring it back', async () => {
    expect(await checksUntil('success_threshold: 1', 500, 200)).toBe(1)
    expect(await checksUntil('success_threshold: 5', 500, 200)).toBe(5)
    expect(await checksUntil('interval: 30s', 500, 200)).toBe(2)
  })
})

test('C107: load_balancing.health_check_interval switches checks on, at that pace', async () => {
  const backends = 'backends: [{ name: a, url: "http://a/v1" }]'
  const road = await openRoad(`load_balancing: { health_check_interval: 5s }\n${backends}`, () => new Response('ok'))
  road.startChecks()
  await road.clock.advance(60_000)
  expect(road.sent.length).toBeWithin(11, 14)
  expect(road.sent[0]?.url.href).toBe('http://a/v1/models')
})

test('C531-C537: the health section of older configurations loads, and switches checks on', async () => {
  const road = await openRoad(
    `
health:
  endpoints:
    - path: "/health"
      type: "liveness"
    - path: "/ready"
      type: "readiness"
    - path: "/health/verbose"
      type: "verbose"
  upstream:
    check_interval: 60s
    timeout: 10s
    failure_threshold: 3
    success_threshold: 2
  verbose:
    show_upstream_status: true
    show_cache_status: true
    show_rate_limit_status: true
backends: [{ name: a, url: "http://a/v1" }]
models: { m: { routes: [{ backend: a, model: up }] } }
`,
    async ({ stop }) => await untilStopped(stop),
  )
  expect(road.gateway.current().backends.get('a')?.health).toMatchObject({
    intervalMs: 60_000,
    timeoutMs: 10_000,
    failureThreshold: 3,
    successThreshold: 2,
  })
  for (const path of ['/health', '/ready', '/health/verbose']) expect((await road.fetch(path)).status).toBe(200)
  road.startChecks()
  await road.clock.advance(10_200)
  expect((await road.fetch('/ready')).status).toBe(503)
})
