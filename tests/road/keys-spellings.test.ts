import { describe, expect, test } from 'bun:test'
import { openRoad } from '../support/road.ts'
import { answering, errorAnswer, ladder, silentStream, whenDone, type Turn } from '../support/scripted.ts'

interface Story {
  readonly hosts: string
  readonly statuses: readonly number[]
  readonly tookMs: readonly number[]
}

/** What happens to so many requests, one after the other, when `a` answers like this. */
async function storyOf(yaml: string, a: readonly Turn[], requests = 1): Promise<Story> {
  const road = await openRoad(`${ladder}${yaml}`, answering({ a }))
  const statuses: number[] = []
  const times: number[] = []
  for (let count = 0; count < requests; count += 1) {
    const { value, tookMs } = await whenDone(road.clock, road.chat('m', { stream: true }), 3_600_000, 50)
    statuses.push(value.status)
    times.push(tookMs)
  }
  return { hosts: road.sent.map(({ url }) => url.hostname).join(' '), statuses, tookMs: times }
}

describe('keys of older versions do what the present ones do', () => {
  test.each([
    {
      row: 'B108: backoff',
      old: `fallback: { max_retries: 0, enable_backoff: true, backoff_initial_delay: 100, backoff_max_delay: 250,
  backoff_multiplier: 3, backoff_jitter: 0 }`,
      now: `fallback: { max_retries: 0 }
retry: { max_retries: 2, base_delay: 100ms, max_delay: 250ms, multiplier: 3, jitter: none }`,
      a: [503],
      hosts: 'a a a b',
      tookMs: [350],
    },
    {
      row: 'B108: backoff that is off',
      old: 'fallback: { enable_backoff: false, backoff_initial_delay: 100 }',
      now: 'fallback: { max_retries: 3 }',
      a: [503],
      hosts: 'a b',
      tookMs: [0],
    },
    {
      row: 'B109: the circuit breaker',
      old: `fallback: { cooldown_seconds: 0, enable_circuit_breaker: true, circuit_failure_threshold: 2,
  circuit_success_threshold: 1, circuit_open_timeout: 60 }`,
      now: `fallback: { cooldown_seconds: 0 }
circuit_breaker: { failure_threshold: 2, success_threshold: 1, open_timeout: 60s }`,
      a: [500],
      requests: 3,
      hosts: 'a b a b b',
      tookMs: [0, 0, 0],
    },
    {
      row: 'B106: rates',
      old: 'rate_limit: { enabled: true, global_rps: 2, per_ip_rps: 100, per_model_rps: { m: 50 }, burst_factor: 1 }',
      now: `rate_limiting: { algorithm: token_bucket, burst: 1, global: { requests_per_second: 2 },
  per_ip: { requests_per_second: 100 }, per_model: { m: { requests_per_second: 50 } } }`,
      a: [200],
      requests: 3,
      hosts: 'a a',
      tookMs: [0, 0, 0],
    },
    {
      row: 'B106: a rate of one model, with what is not written',
      old: 'rate_limit: { enabled: true, per_model_rps: { m: 2 } }',
      now: `rate_limiting: { algorithm: token_bucket, burst: 1.5, global: { requests_per_second: 1000 },
  per_ip: { requests_per_second: 100 }, per_model: { m: { requests_per_second: 2 } } }`,
      a: [200],
      requests: 4,
      hosts: 'a a a',
      tookMs: [0, 0, 0, 0],
    },
    {
      row: 'B106: rates that are not switched on',
      old: 'rate_limit: { global_rps: 1 }',
      now: 'rate_limiting: { enabled: false, global: { requests_per_second: 1 } }',
      a: [200],
      requests: 3,
      hosts: 'a a a',
      tookMs: [0, 0, 0],
    },
    {
      row: 'C212: proxy.rate_limit',
      old: 'proxy: { rate_limit: 2 }',
      now: 'rate_limiting: { global: { requests_per_minute: 2 } }',
      a: [200],
      requests: 3,
      hosts: 'a a',
      tookMs: [0, 0, 0],
    },
    {
      row: 'C212: proxy.rate_limit 0',
      old: 'proxy: { rate_limit: 0 }',
      now: 'rate_limiting: { global: { requests_per_minute: 0 } }',
      a: [200],
      requests: 3,
      hosts: 'a a a',
      tookMs: [0, 0, 0],
    },
    {
      row: 'B109: a circuit breaker that is not switched on',
      old: 'fallback: { cooldown_seconds: 0, circuit_failure_threshold: 1 }',
      now: 'fallback: { cooldown_seconds: 0 }',
      a: [500],
      requests: 2,
      hosts: 'a b a b',
      tookMs: [0, 0],
    },
    {
      row: 'B110: error_fallback for servers',
      old: 'error_fallback: { server_error: { enabled: true } }',
      now: 'detection: { error_codes: ["5xx"] }',
      a: [500, 404],
      requests: 2,
      turnsRest: false,
      hosts: 'a b a',
      tookMs: [0, 0],
    },
    {
      row: 'B110: error_fallback for clients',
      old: 'error_fallback: { client_error: { enabled: true, codes: [404, "42x"] } }',
      now: 'detection: { error_codes: [404, "42x"] }',
      a: [404, 422, 400],
      requests: 3,
      turnsRest: false,
      hosts: 'a b a b a',
      tookMs: [0, 0, 0],
    },
    {
      row: 'B110: error_fallback by pattern, in any case',
      old: 'error_fallback: { client_error: { enabled: true, codes: [404], patterns: ["Quota Used"] } }',
      now: 'detection: { error_codes: [404], error_patterns: ["re:(?i)quota used"] }',
      a: [(): Response => errorAnswer(418, {}, 'your QUOTA used up'), (): Response => errorAnswer(418)],
      requests: 2,
      turnsRest: false,
      hosts: 'a b a',
      tookMs: [0, 0],
    },
    {
      row: 'B111: read_timeout',
      old: 'timeout: { read_timeout: 9 }',
      now: 'timeout: { first_byte: 9s, idle: 9s }',
      a: [(signal: AbortSignal): Response => silentStream(signal)],
      hosts: 'a b',
      tookMs: [9000],
    },
    {
      row: 'B111: total_timeout',
      old: 'timeout: { total_timeout: 4 }',
      now: 'timeout: { total: 4s }',
      a: ['hang' as const],
      hosts: 'a b',
      tookMs: [4000],
    },
  ])('$row', async ({ old, now, a, requests = 1, turnsRest = true, hosts, tookMs }) => {
    // Where the answers of `a` differ, it must be asked again at once.
    const more = turnsRest ? '' : '\nfallback: { cooldown_seconds: 0 }'
    const then = await storyOf(old + more, a, requests)
    expect(then).toMatchObject({ hosts, tookMs: [...tookMs] })
    expect(await storyOf(now + more, a, requests)).toEqual(then)
  })
})
