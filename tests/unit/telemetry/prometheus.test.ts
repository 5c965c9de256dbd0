import { describe, expect, test } from 'bun:test'
import { metrics, type Reading } from '#telemetry/metric.ts'
import { contentTypes, exposed, expositionFor, familiesOf, type Exposition } from '#telemetry/prometheus.ts'
import { combined, lasting, readingOf } from '#telemetry/reading.ts'
import { oldFamilies, oldNames } from '#telemetry/seed-names.ts'
import { Tally } from '#telemetry/tally.ts'
import { attemptOf, settledExchange, statusFailure } from '../../support/exchange.ts'
import { checkMetrics, promtool } from '../../support/promtool.ts'

/** What a tally of a few requests tells. */
function sample(): Reading {
  const tally = new Tally()
  tally.adopt({ aliases: new Set(['opus']), paths: new Set(['/v1/chat/completions']) })
  tally.settled(settledExchange())
  tally.settled(
    settledExchange({
      stream: true,
      heartbeats: 1,
      usage: { inputTokens: 7, outputTokens: 3, source: 'upstream' },
      costUsd: 0.1,
    }),
  )
  tally.settled(
    settledExchange({
      attempts: [attemptOf({ status: 500, failure: statusFailure(500) }), attemptOf({ backend: 'b' })],
    }),
  )
  tally.settled(
    settledExchange({
      status: 502,
      outcome: 'failed',
      attempts: [attemptOf({ status: 503, failure: statusFailure(503) })],
    }),
  )
  return { ...tally.reading(), llm_proxy_active_requests: [[[], [2]]], llm_proxy_build_info: [[['1.2.3'], [1]]] }
}

function page(reading: Reading, form: Exposition = 'text'): string {
  return [...exposed(familiesOf(reading), form)].join('')
}

describe('the text of figures', () => {
  test('has the words, the kind and the numbers of each metric, in the order of their declarations', () => {
    expect(page({ llm_proxy_build_info: [[['1.2.3'], [1]]], llm_proxy_active_requests: [[[], [2]]] })).toBe(
      [
        '# HELP llm_proxy_active_requests Requests on the road.',
        '# TYPE llm_proxy_active_requests gauge',
        'llm_proxy_active_requests 2',
        '# HELP llm_proxy_build_info 1, with the version that runs.',
        '# TYPE llm_proxy_build_info gauge',
        'llm_proxy_build_info{version="1.2.3"} 1',
        '',
      ].join('\n'),
    )
  })

  test('a histogram counts everything up to each bound, and tells sum and count', () => {
    const { buckets } = metrics.llm_proxy_streaming_duration_seconds
    const numbers = Array.from({ length: (buckets?.length ?? 0) + 2 }, (_, at) => (at < 2 ? at + 1 : 0))
    numbers[numbers.length - 2] = 4
    numbers[numbers.length - 1] = 1000.5
    const lines = page({ llm_proxy_streaming_duration_seconds: [[['m'], numbers]] }).split('\n')
    expect(lines.slice(2, 5)).toEqual([
      'llm_proxy_streaming_duration_seconds_bucket{alias="m",le="0.01"} 1',
      'llm_proxy_streaming_duration_seconds_bucket{alias="m",le="0.025"} 3',
      'llm_proxy_streaming_duration_seconds_bucket{alias="m",le="0.05"} 3',
    ])
    expect(lines.slice(-4)).toEqual([
      'llm_proxy_streaming_duration_seconds_bucket{alias="m",le="+Inf"} 7',
      'llm_proxy_streaming_duration_seconds_sum{alias="m"} 1000.5',
      'llm_proxy_streaming_duration_seconds_count{alias="m"} 7',
      '',
    ])
  })

  test.each([
    ['a "quoted" name', String.raw`a \"quoted\" name`],
    ['back\\slash', String.raw`back\\slash`],
    ['two\nlines', String.raw`two\nlines`],
    ['half a \ud83d pair', 'half a \ufffd pair'],
    ['模型', '模型'],
  ])('the name %j can be read back', (name, written) => {
    expect(page({ llm_proxy_backend_up: [[[name], [1]]] })).toEndWith(`llm_proxy_backend_up{backend="${written}"} 1\n`)
  })

  test('OpenMetrics has counters without their ending in the head, and an end', () => {
    const text = page({ llm_proxy_cooldowns_total: [[['b'], [3]]] }, 'openmetrics')
    expect(text).toBe(
      [
        '# HELP llm_proxy_cooldowns Failures after which a route rests.',
        '# TYPE llm_proxy_cooldowns counter',
        'llm_proxy_cooldowns_total{backend="b"} 3',
        '# EOF',
        '',
      ].join('\n'),
    )
  })

  test.each<[string | null, Exposition]>([
    [null, 'text'],
    ['*/*', 'text'],
    ['text/html, */*;q=0.1', 'text'],
    ['application/openmetrics-text; version=1.0.0', 'openmetrics'],
    ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1', 'openmetrics'],
    ['text/plain;version=0.0.4;q=0.5, application/openmetrics-text;q=0.3', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
    ['application/openmetrics-text;q=nonsense', 'text'],
    [`${'a/b,'.repeat(10_000)}application/openmetrics-text`, 'text'],
  ])('who accepts %p gets %s', (accept, form) => {
    expect(expositionFor(accept)).toBe(form)
    expect(contentTypes[form]).toContain('charset=utf-8')
  })

  test.skipIf(promtool === null)('C521 D75: promtool finds nothing wrong in it', () => {
    const everything = Object.fromEntries(
      Object.entries(metrics).map(([name, { labels, buckets }]) => [
        name,
        [[labels.map((label) => `a ${label}`), Array.from({ length: (buckets?.length ?? -1) + 2 }, () => 1)]],
      ]),
    )
    expect(checkMetrics(page(everything))).toEqual({ exitCode: 0, told: '' })
    expect(checkMetrics(page(sample()))).toEqual({ exitCode: 0, told: '' })
  })
})

describe('every metric is declared', () => {
  test.each(Object.entries(metrics))(
    '%s: by the rules of Prometheus, with one sentence',
    (name, { kind, help, labels, buckets = [] }) => {
      expect(name).toMatch(/^(?:llm_proxy|process)_[a-z0-9_]+$/)
      expect(name.endsWith('_total')).toBe(kind === 'counter')
      expect(help).toMatch(/^\S.*\.$/)
      for (const label of labels) expect(label).toMatch(/^[a-z_]+$/)
      expect(labels).not.toContain('le')
      expect(buckets.toSorted((a, b) => a - b)).toEqual([...buckets])
      expect(buckets.length > 0).toBe(kind === 'histogram')
    },
  )
})

describe('several processes', () => {
  test('are told as one: numbers add up, states are the worst of them, versions the newest', () => {
    const one: Reading = {
      llm_proxy_cooldowns_total: [
        [['a'], [1]],
        [['b'], [2]],
      ],
      llm_proxy_backend_up: [[['a'], [1]]],
      llm_proxy_config_version: [[[], [3]]],
      llm_proxy_active_requests: [[[], [5]]],
      llm_proxy_config_reload_total: [[['success'], [2]]],
    }
    const two: Reading = {
      llm_proxy_cooldowns_total: [[['b'], [40]]],
      llm_proxy_backend_up: [[['a'], [0]]],
      llm_proxy_config_version: [[[], [2]]],
      llm_proxy_active_requests: [[[], [7]]],
      llm_proxy_config_reload_total: [[['success'], [2]]],
    }
    expect(combined([one, two])).toEqual({
      llm_proxy_cooldowns_total: [
        [['a'], [1]],
        [['b'], [42]],
      ],
      llm_proxy_backend_up: [[['a'], [0]]],
      llm_proxy_config_version: [[[], [3]]],
      llm_proxy_active_requests: [[[], [12]]],
      llm_proxy_config_reload_total: [[['success'], [2]]],
    })
  })

  test('histograms add up bucket by bucket, and twice the same is twice as much', () => {
    const reading = JSON.parse(JSON.stringify(sample())) as Reading
    const twice = combined([reading, sample()])
    const [, numbers] = reading.llm_proxy_streaming_duration_seconds?.[0] ?? [[], []]
    expect(twice.llm_proxy_streaming_duration_seconds?.[0]?.[1]).toEqual(numbers.map((value) => value * 2))
  })

  test('of one that is gone, what only grows is told on', () => {
    const { llm_proxy_requests_total: requests, ...rest } = lasting(sample())
    expect(requests).toEqual(sample().llm_proxy_requests_total ?? [])
    expect(Object.keys(rest)).not.toContain('llm_proxy_active_requests')
  })

  test.each([undefined, null, 3, 'text', { llm_proxy_requests_total: 3 }, { other: [] }])(
    'what is no reading is not taken for one: %j',
    (value) => {
      expect(readingOf(value)).toBeUndefined()
    },
  )
})

describe('metrics.seed_names', () => {
  test('C511-C521: the names of older proxies have the same numbers', () => {
    const lines = [...exposed(oldFamilies(sample()), 'text')].join('').split('\n')
    const numbers = lines.filter((line) => !line.startsWith('#') && !line.includes('_bucket'))
    expect(numbers).toEqual([
      'proxy_requests_total{endpoint="/v1/chat/completions",status="200"} 3',
      'proxy_requests_total{endpoint="/v1/chat/completions",status="502"} 1',
      'proxy_errors_total 1',
      expect.stringMatching(/^proxy_latency_seconds_sum 4\.93/),
      'proxy_latency_seconds_count 4',
      'proxy_bytes_sent_total 2048',
      'rate_limit_rejected_total 0',
      'retries_total 1',
      'retries_by_error_total{error="5xx"} 1',
      'active_requests_gauge 2',
      'upstream_connection_errors_total 0',
      expect.stringMatching(/^streaming_duration_seconds_sum 1\.08/),
      'streaming_duration_seconds_count 1',
      'format_conversion_errors_total 0',
      'upstream_pool_open 0',
      'upstream_pool_idle 0',
      'upstream_pool_waiting 0',
      '',
    ])
  })

  test('N206: none of them stands for something that is not there', () => {
    for (const { of } of oldNames) expect(Object.keys(metrics)).toContain(of)
    expect(oldFamilies({}).filter(({ name }) => name.startsWith('cache_'))).toEqual([])
  })
})
