import { beforeEach, describe, expect, test } from 'bun:test'
import type { PoolGauges } from '#http1/pool.ts'
import { gaugesOf, type GaugeParts } from '#server/metrics-gauges.ts'
import type { MetricName } from '#telemetry/metric.ts'
import { openRoad, type Road } from '../../support/road.ts'

const yaml = `
circuit_breaker: { failure_threshold: 1, open_timeout: 30s }
fallback: { cooldown_seconds: 10 }
backends:
  - { name: a, url: "http://a.test/v1", health_check: { interval: 10s, failure_threshold: 1, path: /health } }
  - { name: b, url: "http://b.test/v1" }
  - name: ring
    url: "http://ring.test/v1"
    credentials: [{ name: one, api_key: sk-one-000000001 }, { name: two, api_key: sk-two-000000002 }]
models:
  m: { routes: [{ backend: a, model: x }, { backend: b, model: y, priority: 2 }] }
  r: { routes: [{ backend: ring, model: z }] }
`

let road: Road
let parts: GaugeParts
let pools: PoolGauges[]

beforeEach(async () => {
  pools = []
  road = await openRoad(
    yaml,
    ({ url }) => new Response('{}', { status: new URL(url).hostname === 'b.test' ? 200 : 500 }),
  )
  parts = {
    gateway: road.gateway,
    version: '1.2.3',
    startedMs: 5000,
    isDraining: () => true,
    pools: () => pools,
    loadReport: () => ({
      loadedMs: 7000,
      warnings: [],
      restartKeys: [],
      refused: { atMs: 1, problems: [] },
      counts: { taken: 2, refused: 3 },
    }),
    logDropped: () => 4,
    lookout: {
      faults: { count: 5 },
      memory: { isHigh: true },
      pauses: { lagMs: 12, count: 6, totalMs: 1500 },
    },
  }
})

/** Every number of a metric, as `label,label value`. */
function told(name: MetricName): string[] {
  return (gaugesOf(road.gateway.current(), parts)[name] ?? []).map(([labels, values]) =>
    `${labels.join(',')} ${values.join(' ')}`.trim(),
  )
}

describe('gaugesOf()', () => {
  test.each<[MetricName, readonly string[]]>([
    ['llm_proxy_active_requests', ['0']],
    ['llm_proxy_draining', ['1']],
    ['llm_proxy_backend_up', ['a 1', 'b 1', 'ring 1']],
    ['llm_proxy_backend_healthy', []],
    ['llm_proxy_route_up', ['m,a,x 1', 'm,b,y 1', 'r,ring,z 1']],
    ['llm_proxy_route_circuit_state', ['m,a,x 0', 'm,b,y 0', 'r,ring,z 0']],
    ['llm_proxy_credentials', ['ring,ready 2', 'ring,resting 0']],
    ['llm_proxy_limit_waiting', ['rate 0', 'place 0', 'backend 0']],
    ['llm_proxy_limit_places_taken', ['global 0', 'user 0']],
    ['llm_proxy_limit_backend_places_taken', []],
    ['llm_proxy_limit_decisions_total', ['rejected 0', 'queued 0', 'fallback 0', 'unshared 0']],
    ['llm_proxy_limit_shared_up', []],
    ['llm_proxy_config_version', ['1']],
    ['llm_proxy_config_loaded_timestamp_seconds', ['7']],
    ['llm_proxy_config_last_reload_successful', ['0']],
    ['llm_proxy_config_reload_total', ['success 2', 'error 3']],
    ['llm_proxy_log_dropped_total', ['4']],
    ['llm_proxy_unhandled_errors_total', ['5']],
    ['llm_proxy_event_loop_lag_seconds', ['0.012']],
    ['llm_proxy_event_loop_stalls_total', ['6']],
    ['llm_proxy_event_loop_stalled_seconds_total', ['1.5']],
    ['llm_proxy_memory_short', ['1']],
    ['llm_proxy_build_info', ['1.2.3 1']],
    ['process_start_time_seconds', ['5']],
  ])('F94: %s is what is found', (name, numbers) => {
    expect(told(name)).toEqual([...numbers])
  })

  test('a route that failed rests, and its circuit is open; its backend is down with its last route', async () => {
    expect((await road.chat('m')).status).toBe(200)
    expect(told('llm_proxy_route_up')).toEqual(['m,a,x 0', 'm,b,y 1', 'r,ring,z 1'])
    expect(told('llm_proxy_backend_up')).toEqual(['a 0', 'b 1', 'ring 1'])
    expect(told('llm_proxy_route_circuit_state')[0]).toBe('m,a,x 2')
    expect(Number(told('llm_proxy_route_rest_seconds')[0]?.split(' ')[1])).toBeGreaterThan(0)
  })

  test('what health checks found is told of those that are checked', async () => {
    const end = road.startChecks()
    await road.clock.advance(11_000)
    end()
    expect(told('llm_proxy_backend_healthy')).toEqual(['a 0'])
    expect(told('llm_proxy_backend_up')).toEqual(['a 0', 'b 1', 'ring 1'])
  })

  test('C221 C222: what runs and what waits because of limits, and whom they refused', async () => {
    const ends: (() => void)[] = []
    const own = await openRoad(
      `${yaml}rate_limiting: { global: { requests_per_minute: 4 } }
concurrency: { enabled: true, max_requests: 2, per_user: 2, per_backend_limit: 1, max_queue_size: 1 }`,
      async () => {
        await new Promise<void>((resolve) => void ends.push(resolve))
        return new Response('{}')
      },
    )
    parts = { ...parts, gateway: own.gateway }
    road = own
    const all = [own.chat('r'), own.chat('r'), own.chat('r')]
    await own.clock.advance(1)
    expect(told('llm_proxy_limit_waiting')).toEqual(['rate 0', 'place 1', 'backend 1'])
    expect(told('llm_proxy_limit_places_taken')).toEqual(['global 2', 'user 2'])
    expect(told('llm_proxy_limit_backend_places_taken')).toEqual(['a 0', 'b 0', 'ring 1'])
    expect((await own.chat('r')).status).toBe(503)
    for (const answer of all) {
      await own.clock.advance(1)
      ends.shift()?.()
      expect((await answer).status).toBe(200)
    }
    expect(told('llm_proxy_limit_waiting')).toEqual(['rate 0', 'place 0', 'backend 0'])
    expect(told('llm_proxy_limit_places_taken')).toEqual(['global 0', 'user 0'])
    expect(told('llm_proxy_limit_backend_places_taken')).toEqual(['a 0', 'b 0', 'ring 0'])
    expect(told('llm_proxy_limit_decisions_total')).toEqual(['rejected 1', 'queued 1', 'fallback 0', 'unshared 0'])
  })

  test('F80: whether the shared counters answer, and how often it went without them', async () => {
    let isDead = false
    const run = async (): Promise<unknown> => await (isDead ? Promise.reject(new Error('gone')) : [1, 0, 0, 1, 1, 1])
    const own = await openRoad(
      `${yaml}rate_limiting: { backend: redis, global: { requests_per_minute: 100 } }`,
      () => new Response('{}'),
      1,
      { openRedis: async () => await Promise.resolve({ run, close() {} }) },
    )
    parts = { ...parts, gateway: own.gateway }
    road = own
    await own.chat('r')
    expect(told('llm_proxy_limit_shared_up')).toEqual(['1'])
    isDead = true
    expect((await own.chat('r')).status).toBe(200)
    expect(told('llm_proxy_limit_shared_up')).toEqual(['0'])
    expect(told('llm_proxy_limit_decisions_total')[3]).toBe('unshared 1')
  })

  test('C1202: connections that are open, idle and waited for, by backend; what belongs to none is other', () => {
    const pool = { open: 3, idle: 2, waiting: 1, opened: 10, carried: 50, reused: 40 }
    pools = [
      { origin: 'http://a.test', ...pool },
      { origin: 'http://a.test', ...pool },
      { origin: 'http://tokens.test', ...pool },
    ]
    expect(told('llm_proxy_upstream_pool_open')).toEqual(['a 6', 'other 3'])
    expect(told('llm_proxy_upstream_pool_idle')).toEqual(['a 4', 'other 2'])
    expect(told('llm_proxy_upstream_pool_waiting')).toEqual(['a 2', 'other 1'])
    expect(told('llm_proxy_upstream_pool_reused_total')).toEqual(['a 80', 'other 40'])
  })
})
