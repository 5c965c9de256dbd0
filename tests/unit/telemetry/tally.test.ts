import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Exchange } from '#core/exchange.ts'
import type { Failure, FailureReason } from '#core/failure.ts'
import { refuse } from '#core/refusal.ts'
import { metricByName, type MetricName } from '#telemetry/metric.ts'
import { Tally } from '#telemetry/tally.ts'
import { attemptOf, settledExchange, statusFailure } from '../../support/exchange.ts'

let tally: Tally

beforeEach(() => {
  tally = new Tally()
  tally.adopt({
    aliases: new Set(['opus', 'cheap', 'svc/m', 'passthrough']),
    paths: new Set(['/v1/chat/completions', '/v1/messages']),
  })
})

/** Every number of a metric, as `label,label value`. */
function told(name: MetricName): string[] {
  return (tally.reading()[name] ?? []).map(([labels, values]) => `${labels.join(',')} ${values.join(' ')}`)
}

/** How many a histogram counts, and their sum. */
function observed(name: MetricName, ...labels: string[]): readonly [count: number, sum: number] | undefined {
  const found = tally.reading()[name]?.find(([each]) => each.join() === labels.join())
  if (found === undefined) return undefined
  const [, values] = found
  return [values.slice(0, -1).reduce((all, one) => all + one, 0), Number(values.at(-1)?.toFixed(4))]
}

function failure(reason: FailureReason, changes: Partial<Failure> = {}): Failure {
  return {
    kind: 'failure',
    side: 'upstream',
    reason,
    tryNext: true,
    retrySame: false,
    cools: true,
    message: 'it failed',
    ...changes,
  }
}

const failed = (
  reason: FailureReason,
  changes: Partial<Failure> = {},
  more: Partial<Parameters<typeof attemptOf>[0]> = {},
) => attemptOf({ status: undefined, failure: failure(reason, changes), ...more })

describe('Tally counts requests', () => {
  test.each<{ name: string; exchange: Partial<Exchange>; label: string }>([
    { name: 'that went well', exchange: {}, label: '/v1/chat/completions,opus,provider-a,200,complete' },
    {
      name: 'C523: for a model that nobody knows, as other',
      exchange: { alias: 'gpt-4-<script>', attempts: [], status: 404, outcome: 'refused' },
      label: '/v1/chat/completions,other,none,404,refused',
    },
    {
      name: 'without a model, as none',
      exchange: { alias: undefined, attempts: [], status: 401, outcome: 'refused' },
      label: '/v1/chat/completions,none,none,401,refused',
    },
    {
      name: 'of a service, by the plan that took them',
      exchange: { alias: undefined, path: '/svc/m/anything', attempts: [attemptOf({ alias: 'svc/m' })] },
      label: '/*,svc/m,provider-a,200,complete',
    },
    {
      name: 'that somebody took who takes everything, by its name and not by the client’s',
      exchange: { alias: 'whatever', attempts: [attemptOf({ alias: 'passthrough' })] },
      label: '/v1/chat/completions,passthrough,provider-a,200,complete',
    },
    {
      name: 'of Gemini’s clients',
      exchange: { path: '/v1beta/models/opus:generateContent' },
      label: '/v1beta/models/*,opus,provider-a,200,complete',
    },
    {
      name: 'at any other path of a provider',
      exchange: { path: '/v1/odd/one' },
      label: '/v1/*,opus,provider-a,200,complete',
    },
    {
      name: 'whose client left',
      exchange: { status: 499, outcome: 'client_closed' },
      label: '/v1/chat/completions,opus,provider-a,499,client_closed',
    },
  ])('$name', ({ exchange, label }) => {
    tally.settled(settledExchange(exchange))
    tally.settled(settledExchange(exchange))
    expect(told('llm_proxy_requests_total')).toEqual([`${label} 2`])
  })

  test('C521: with their time, their first byte and their bytes', () => {
    tally.settled(settledExchange())
    expect(observed('llm_proxy_request_duration_seconds', 'opus', 'false')).toEqual([1, 1.2342])
    expect(observed('llm_proxy_time_to_first_byte_seconds', 'opus', 'false')).toEqual([1, 0.1504])
    expect(told('llm_proxy_response_bytes_total')).toEqual(['opus 512'])
    expect(told('llm_proxy_streaming_duration_seconds')).toEqual([])
  })

  test('C519: a stream lasts from its first byte to its end', () => {
    tally.settled(settledExchange({ stream: true, heartbeats: 3 }))
    expect(observed('llm_proxy_streaming_duration_seconds', 'opus')).toEqual([1, 1.0838])
    expect(observed('llm_proxy_request_duration_seconds', 'opus', 'true')).toEqual([1, 1.2342])
    expect(told('llm_proxy_heartbeats_total')).toEqual(['opus 3'])
  })

  test('a value at the bound of a bucket is in it', () => {
    tally.settled(settledExchange({ startedMs: 0, firstByteMs: 5, endedMs: 10 }))
    expect(tally.reading().llm_proxy_request_duration_seconds?.[0]?.[1]?.[0]).toBe(1)
    expect(tally.reading().llm_proxy_time_to_first_byte_seconds?.[0]?.[1]?.[0]).toBe(1)
  })
})

describe('Tally counts attempts', () => {
  test('C515 C516: each after the first is a retry, by what went wrong before; at another route a fallback', () => {
    const attempts = [
      attemptOf({ status: 429, failure: statusFailure(429) }),
      attemptOf({ status: 503, failure: statusFailure(503) }),
      failed('connect', {}, { backend: 'b', model: 'm2' }),
      attemptOf({ backend: 'c', model: 'm3', alias: 'cheap', level: 'l2' }),
    ]
    tally.settled(settledExchange({ attempts }))
    expect(told('llm_proxy_retries_total')).toEqual(['provider-a,429 1', 'provider-a,5xx 1', 'b,connect 1'])
    expect(told('llm_proxy_fallbacks_total')).toEqual(['provider-a,b,l1 1', 'b,c,l2 1'])
    expect(told('llm_proxy_upstream_attempts_total')).toEqual([
      'provider-a,claude-opus-4-5,429 1',
      'provider-a,claude-opus-4-5,5xx 1',
      'b,m2,connect 1',
      'c,m3,answered 1',
    ])
    expect(told('llm_proxy_cooldowns_total')).toEqual(['provider-a 2', 'b 1'])
    expect(observed('llm_proxy_upstream_attempt_duration_seconds', 'c', 'm3', 'true')).toEqual([1, 0.1504])
    expect(observed('llm_proxy_upstream_attempt_duration_seconds', 'b', 'm2', 'false')).toEqual([1, 0.1504])
  })

  test.each<[FailureReason, string | undefined]>([
    ['dns', 'dns'],
    ['connect', 'connect'],
    ['tls', 'tls'],
    ['reset', 'reset'],
    ['connect_timeout', 'timeout'],
    ['write_timeout', 'timeout'],
    ['first_byte_timeout', undefined],
    ['invalid_response', undefined],
  ])('C518: %s is an error of the connection: %p', (reason, kind) => {
    tally.settled(settledExchange({ attempts: [failed(reason)], status: 502, outcome: 'failed' }))
    expect(told('llm_proxy_upstream_connection_errors_total')).toEqual(
      kind === undefined ? [] : [`provider-a,${kind} 1`],
    )
  })

  test('C520: a translated answer that could not be read is an error of the conversion', () => {
    const translation = { form: 'messages', warnings: ['dropped:seed'] } as const
    tally.settled(
      settledExchange({ attempts: [failed('invalid_response', {}, { translation }), attemptOf({ translation })] }),
    )
    expect(told('llm_proxy_format_conversion_errors_total')).toEqual(['openai,messages 1'])
    expect(told('llm_proxy_translations_total')).toEqual(['openai,messages 2'])
    expect(told('llm_proxy_translation_warnings_total')).toEqual(['dropped:seed 2'])
  })

  test('a rescue is none of the retries', () => {
    const attempts = [attemptOf(), attemptOf({ backend: 'b', rescue: 'match' })]
    tally.settled(settledExchange({ attempts, stream: true, rescuedAtBytes: [100] }))
    expect(told('llm_proxy_retries_total')).toEqual([])
    expect(told('llm_proxy_rescue_attempts_total')).toEqual(['b,match 1'])
    expect(told('llm_proxy_rescues_total')).toEqual(['opus 1'])
  })

  test('what a client did says nothing of the time or the rest of a route', () => {
    tally.settled(
      settledExchange({ attempts: [failed('client_closed', { side: 'client' })], outcome: 'client_closed' }),
    )
    expect(told('llm_proxy_upstream_attempts_total')).toEqual(['provider-a,claude-opus-4-5,client_closed 1'])
    expect(told('llm_proxy_upstream_attempt_duration_seconds')).toEqual([])
    expect(told('llm_proxy_cooldowns_total')).toEqual([])
  })

  test('one that neither answered nor failed was abandoned', () => {
    tally.settled(settledExchange({ attempts: [attemptOf({ status: undefined, isRepeated: true })] }))
    expect(told('llm_proxy_upstream_attempts_total')).toEqual(['provider-a,claude-opus-4-5,abandoned 1'])
    expect(told('llm_proxy_upstream_repeats_total')).toEqual(['provider-a 1'])
  })
})

describe('Tally counts what it took', () => {
  const usage = { inputTokens: 1000, outputTokens: 11, cachedTokens: 800, cacheWriteTokens: 50, reasoningTokens: 4 }

  test('tokens by direction, their parts, and the cost', () => {
    tally.settled(settledExchange({ usage: { ...usage, source: 'upstream' }, costUsd: 0.25 }))
    tally.settled(settledExchange({ usage: { inputTokens: 5, outputTokens: 0, source: 'estimated' } }))
    expect(told('llm_proxy_tokens_total')).toEqual([
      'opus,provider-a,input,reported 1000',
      'opus,provider-a,output,reported 11',
      'opus,provider-a,input,estimated 5',
      'opus,provider-a,output,estimated 0',
    ])
    expect(told('llm_proxy_token_parts_total')).toEqual([
      'opus,provider-a,cache_read 800',
      'opus,provider-a,cache_write 50',
      'opus,provider-a,reasoning 4',
    ])
    expect(told('llm_proxy_cost_usd_total')).toEqual(['opus,provider-a 0.25'])
  })

  test.each([NaN, -1, Infinity])('F104: %p tokens are none', (inputTokens) => {
    tally.settled(
      settledExchange({ usage: { inputTokens, outputTokens: 1, source: 'upstream' }, costUsd: inputTokens }),
    )
    expect(told('llm_proxy_tokens_total')).toEqual([
      'opus,provider-a,input,reported 0',
      'opus,provider-a,output,reported 1',
    ])
    expect(told('llm_proxy_cost_usd_total')).toEqual(['opus,provider-a 0'])
  })

  test.each([
    { name: 'of a complete stream', exchange: { stream: true }, seen: 1 },
    { name: 'not of an answer that is none', exchange: { stream: false }, seen: 0 },
    { name: 'not of one that broke', exchange: { stream: true, outcome: 'upstream_broke' as const }, seen: 0 },
  ])('the time between two tokens $name', ({ exchange, seen }) => {
    tally.settled(settledExchange({ ...exchange, usage: { ...usage, source: 'upstream' } }))
    expect(observed('llm_proxy_time_per_output_token_seconds', 'opus')?.[0] ?? 0).toBe(seen)
    if (seen === 1) expect(observed('llm_proxy_time_per_output_token_seconds', 'opus')?.[1]).toBeCloseTo(0.10838, 4)
  })
})

describe('Tally counts what was refused', () => {
  test('C514: by its code; a limit of ours by its alias as well', () => {
    const limited = refuse('too_many_wrong_keys', 'Cannot start the request')
    tally.settled(settledExchange({ attempts: [], status: 429, refusal: limited, outcome: 'refused' }))
    tally.settled(settledExchange({ status: 502, refusal: refuse('upstream_error', 'x'), outcome: 'failed' }))
    // Passed on from a backend, it is no limit of ours.
    tally.settled(settledExchange({ status: 429, refusal: { ...limited, code: 'upstream_error' }, outcome: 'failed' }))
    tally.turnedAway(refuse('shutting_down', 'x'))
    expect(told('llm_proxy_refusals_total')).toEqual(['too_many_wrong_keys 1', 'upstream_error 2', 'shutting_down 1'])
    expect(told('llm_proxy_rate_limit_rejected_total')).toEqual(['opus 1'])
  })

  test('routes that were passed over, and requests that left theirs', () => {
    const skips = [{ backend: 'b', model: 'x', reason: 'it is cooling down' }]
    tally.settled(settledExchange({ skips, repinned: { from: 'b/x', why: 'it is cooling down' } }))
    expect(told('llm_proxy_routes_skipped_total')).toEqual(['b 1'])
    expect(told('llm_proxy_repins_total')).toEqual(['opus 1'])
  })
})

describe('N217 C523: whatever clients write, memory is bounded', () => {
  test('a hundred thousand models, paths and callers are two series', () => {
    for (let at = 0; at < 100_000; at += 1) {
      tally.settled(
        settledExchange({ alias: `m${at}`, path: `/v1/x/${at}`, caller: `c${at}`, attempts: [], status: 404 }),
      )
    }
    const reading = tally.reading()
    expect(told('llm_proxy_requests_total')).toEqual(['/v1/*,other,none,404,complete 100000'])
    expect(Object.values(reading).every((series) => series.length === 1)).toBe(true)
  })

  test('more aliases and routes than there is room for are told together', () => {
    const names = Array.from({ length: 1200 }, (_, at) => `alias-${at}`)
    tally.adopt({ aliases: new Set(names), paths: new Set() })
    for (const name of names) tally.settled(settledExchange({ alias: name, attempts: [attemptOf({ model: name })] }))
    const reading = tally.reading()
    expect(reading.llm_proxy_response_bytes_total).toHaveLength(1001)
    expect(told('llm_proxy_response_bytes_total')).toContain(`other ${200 * 512}`)
    expect(told('llm_proxy_dropped_series_total')).toEqual(['llm_proxy_requests_total 200'])
  })

  test('names of any kind harm nothing', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom('__proto__', 'constructor', 'x'), (alias, path, model) => {
        tally.settled(settledExchange({ alias, path, attempts: [attemptOf({ model, backend: model })] }))
        for (const [name, series] of Object.entries(tally.reading())) {
          const labels = metricByName.get(name)?.labels.length
          for (const [values, numbers] of series) {
            if (values.length !== labels || numbers.some(Number.isNaN)) return false
          }
        }
        return true
      }),
    )
  })
})
