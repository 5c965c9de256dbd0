import { metrics, type Metric, type MetricName, type Reading, type Series } from './metric.ts'
import type { Family } from './prometheus.ts'

/** A name of an older proxy, and how its numbers come out of ours. */
interface OldName {
  readonly name: string
  readonly of: MetricName
  readonly help: string
  readonly labels: readonly string[]
  /** Told only where this is told. */
  readonly needs?: MetricName
  /** Values of these labels; undefined: the series has no part in it. */
  readonly labelsOf: (values: readonly string[]) => readonly string[] | undefined
}

const nothing = (): readonly string[] => []

/** Those whose numbers there are. Of what does not exist here nothing is told: a number that never moves misleads. */
export const oldNames: readonly OldName[] = [
  {
    name: 'proxy_requests_total',
    of: 'llm_proxy_requests_total',
    help: 'Requests that ended, by endpoint and status.',
    labels: ['endpoint', 'status'],
    labelsOf: ([endpoint = '', , , status = '']) => [endpoint, status],
  },
  {
    name: 'proxy_errors_total',
    of: 'llm_proxy_requests_total',
    help: 'Requests that ended with an error status or broke off.',
    labels: [],
    labelsOf: ([, , , status = '', outcome = '']) => (Number(status) >= 400 || broken.has(outcome) ? [] : undefined),
  },
  {
    name: 'proxy_latency_seconds',
    of: 'llm_proxy_request_duration_seconds',
    help: 'From the arrival of a request to its end.',
    labels: [],
    labelsOf: nothing,
  },
  {
    name: 'proxy_bytes_sent_total',
    of: 'llm_proxy_response_bytes_total',
    help: 'Bytes of answers that were sent to clients.',
    labels: [],
    labelsOf: nothing,
  },
  {
    name: 'rate_limit_rejected_total',
    of: 'llm_proxy_rate_limit_rejected_total',
    help: 'Requests that a limit of the gateway refused with 429.',
    labels: [],
    labelsOf: nothing,
  },
  ...(['hits_total', 'misses_total', 'hit_ratio'] as const).map((what): OldName => {
    const of = `llm_proxy_cache_${what}` as const
    return {
      name: `cache_${what}`,
      of,
      help: metrics[of].help,
      labels: [],
      labelsOf: nothing,
      needs: 'llm_proxy_cache_hit_ratio',
    }
  }),
  {
    name: 'retries_total',
    of: 'llm_proxy_retries_total',
    help: 'Attempts after the first of a request.',
    labels: [],
    labelsOf: nothing,
  },
  {
    name: 'retries_by_error_total',
    of: 'llm_proxy_retries_total',
    help: 'Attempts after the first of a request, by what went wrong before.',
    labels: ['error'],
    labelsOf: ([, reason = '']) => [errorOf(reason)],
  },
  {
    name: 'active_requests_gauge',
    of: 'llm_proxy_active_requests',
    help: 'Requests on the road.',
    labels: [],
    labelsOf: nothing,
  },
  {
    name: 'upstream_connection_errors_total',
    of: 'llm_proxy_upstream_connection_errors_total',
    help: 'Attempts that failed since a connection could not be had or did not last.',
    labels: [],
    labelsOf: nothing,
  },
  {
    name: 'streaming_duration_seconds',
    of: 'llm_proxy_streaming_duration_seconds',
    help: 'From the first byte of a stream to its end.',
    labels: [],
    labelsOf: nothing,
  },
  {
    name: 'format_conversion_errors_total',
    of: 'llm_proxy_format_conversion_errors_total',
    help: 'Translated answers that could not be read.',
    labels: [],
    labelsOf: nothing,
  },
  ...poolNames(),
]

/** The same numbers under the names of older proxies; those without labels are told from the start, as 0. */
export function oldFamilies(reading: Reading): Family[] {
  return oldNames.flatMap(({ name, of, help, labels, labelsOf, needs }): Family[] => {
    if (needs !== undefined && reading[needs] === undefined) return []
    const metric: Metric = metrics[of]
    const byLabels = new Map<string, [labels: readonly string[], values: number[]]>()
    if (labels.length === 0) byLabels.set('[]', [[], zeros(metric)])
    for (const [values, numbers] of reading[of] ?? []) {
      const own = labelsOf(values)
      if (own === undefined) continue
      const key = JSON.stringify(own)
      const sum = byLabels.get(key)?.[1] ?? zeros(metric)
      byLabels.set(key, [own, sum.map((value, at) => value + (numbers[at] ?? 0))])
    }
    const series: readonly Series[] = [...byLabels.values()]
    return series.length === 0 ? [] : [{ ...metric, name, help, labels, series }]
  })
}

function zeros({ buckets }: Metric): number[] {
  return Array.from({ length: buckets === undefined ? 1 : buckets.length + 2 }, () => 0)
}

/** Outcomes that are no success, whatever the status was that went out before. */
const broken: ReadonlySet<string> = new Set(['upstream_broke', 'stalled', 'shut_down', 'failed', 'refused'])

/** The kinds of errors that older proxies knew: the network, a limit, the server. */
function errorOf(reason: string): string {
  if (/^(?:429|\dxx)$/.test(reason)) return reason
  if (/timeout/.test(reason)) return 'timeout'
  return /^(?:dns|connect|tls|reset|queue_full)$/.test(reason) ? 'network' : 'content'
}

function poolNames(): readonly OldName[] {
  return (['open', 'idle', 'waiting'] as const).map((what) => {
    const of = `llm_proxy_upstream_pool_${what}` as const
    return {
      name: `upstream_pool_${what}`,
      of,
      help: metrics[of].help,
      labels: [],
      labelsOf: nothing,
    }
  })
}
