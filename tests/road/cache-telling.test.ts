import { describe, expect, test } from 'bun:test'
import { gaugesOf } from '#server/metrics-gauges.ts'
import { oldFamilies } from '#telemetry/seed-names.ts'
import { Tally } from '#telemetry/tally.ts'
import { openAdmin } from '../support/admin.ts'
import { chatAnswer, openRoad, type Road } from '../support/road.ts'

const yaml = (cache = 'enabled: true'): string => `
proxy_api_key: sk-client-key-0001
backends: [{ name: one, url: "http://one.test" }]
models: { m: { routes: [{ backend: one, model: up }] } }
cache: { ${cache} }
`

function gaugesFor(road: Road): ReturnType<typeof gaugesOf> {
  return gaugesOf(road.gateway.current(), {
    gateway: road.gateway,
    version: 'test',
    startedMs: 0,
    isDraining: () => false,
    pools: () => [],
    loadReport: () => ({ loadedMs: 0, warnings: [], restartKeys: [], refused: undefined }),
    logDropped: () => 0,
    lookout: { faults: { count: 0 }, memory: { isHigh: false }, pauses: { lagMs: 0, count: 0, totalMs: 0 } },
  })
}

describe('how the cache is told', () => {
  test('C511 C512 C513 C315 C316 hits, misses, their ratio and what was saved are counted', async () => {
    const road = await openRoad(
      yaml().replace('proxy_api_key: sk-client-key-0001', 'allow_unauthenticated: true'),
      async (_request, { clock }) => {
        await clock.advance(2000)
        return chatAnswer()
      },
    )
    const tally = new Tally()
    tally.adopt({ aliases: new Set(['m']), paths: new Set(['/v1/chat/completions']) })
    for (const turn of [{}, {}, { store: true }]) await (await road.chat('m', turn)).text()
    for (const exchange of road.settled) tally.settled(exchange)
    const reading = tally.reading()
    expect(reading.llm_proxy_cache_hits_total).toEqual([[['m'], [1]]])
    expect(reading.llm_proxy_cache_misses_total).toEqual([[['m'], [1]]])
    expect(reading.llm_proxy_cache_bypasses_total).toEqual([[['m'], [1]]])
    expect(reading.llm_proxy_cache_saved_seconds_total).toEqual([[['m'], [2]]])
    const gauges = gaugesFor(road)
    expect(gauges.llm_proxy_cache_hit_ratio).toEqual([[[], [0.5]]])
    expect(gauges.llm_proxy_cache_entries).toEqual([[[], [1]]])
    expect(gauges.llm_proxy_cache_up).toBeUndefined()
    const old = new Map(oldFamilies({ ...reading, ...gauges }).map(({ name, series }) => [name, series]))
    expect(old.get('cache_hits_total')).toEqual([[[], [1]]])
    expect(old.get('cache_misses_total')).toEqual([[[], [1]]])
    expect(old.get('cache_hit_ratio')).toEqual([[[], [0.5]]])
  })

  test('C305: what it holds is told, and what had to go', async () => {
    const road = await openRoad(
      yaml('enabled: true, max_size: 1').replace('proxy_api_key: sk-client-key-0001', 'allow_unauthenticated: true'),
      () => chatAnswer(),
    )
    for (const temperature of [0.1, 0.2]) await (await road.chat('m', { temperature })).text()
    const gauges = gaugesFor(road)
    expect(gauges.llm_proxy_cache_entries).toEqual([[[], [1]]])
    expect(gauges.llm_proxy_cache_bytes).toEqual([[[], [road.gateway.cache?.bytes ?? 0]]])
    expect(road.gateway.cache?.bytes).toBeGreaterThan(0)
    expect(gauges.llm_proxy_cache_evictions_total).toEqual([[[], [1]]])
  })

  test('C540: whether a store elsewhere is there is told instead', async () => {
    const road = await openRoad(yaml('enabled: true, backend: redis, redis: { url: "redis://127.0.0.1:1" }'), () =>
      chatAnswer(),
    )
    const gauges = gaugesFor(road)
    expect(gauges.llm_proxy_cache_up).toEqual([[['redis'], [1]]])
    expect(gauges.llm_proxy_cache_entries).toBeUndefined()
  })

  test('C533 C537 /health/verbose shows its figures, unless show_cache_status is false', async () => {
    const bench = await openAdmin(yaml(), () => chatAnswer())
    for (let turn = 0; turn < 4; turn += 1) await (await bench.chat('m')).text()
    const shown = await bench.read('/health/verbose')
    expect(shown['cache']).toMatchObject({
      status: 'ok',
      answers: { backend: 'memory', entries: 1, max_size: 10_000, hits: 3, misses: 1, bypasses: 0, hit_ratio: 0.75 },
    })
    await bench.road.reload(`${yaml()}health: { verbose: { show_cache_status: false } }`)
    expect((await bench.read('/health/verbose'))['cache']).toBeUndefined()
  })

  test('POST {admin}/cache/clear empties it; there is nothing to empty without one', async () => {
    const bench = await openAdmin(yaml(), () => chatAnswer())
    await (await bench.chat('m')).text()
    expect(bench.road.gateway.cache?.size).toBe(1)
    expect((await bench.ask('/admin/cache/clear')).status).toBe(405)
    const cleared = await bench.ask('/admin/cache/clear', { method: 'POST' })
    expect(await cleared.json()).toMatchObject({ cleared: true, entries: 0 })
    expect((await bench.chat('m')).headers.get('x-cache')).toBe('MISS')
    await bench.road.reload(yaml('enabled: false'))
    expect((await bench.ask('/admin/cache/clear', { method: 'POST' })).status).toBe(404)
  })

  test('POST {admin}/cache/clear says 503 while the store of the cache does not answer', async () => {
    const bench = await openAdmin(
      yaml('enabled: true, backend: memcached, memcached: { address: "127.0.0.1:9" }'),
      () => chatAnswer(),
    )
    expect((await bench.ask('/admin/cache/clear', { method: 'POST' })).status).toBe(503)
  })
})
