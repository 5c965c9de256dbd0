/** One thing that is counted, as it is declared: once, with its words, its labels and how it is told. */
export interface Metric {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** One sentence for those who look at it. */
  readonly help: string
  /** Their values come from the configuration, or from a fixed list; never from clients. */
  readonly labels: readonly string[]
  /** Upper bounds of a histogram; above the last one there is one more. */
  readonly buckets?: readonly number[]
  /** How the numbers of several processes become one; by default they are added up. */
  readonly across?: 'sum' | 'max' | 'min'
}

/** Seconds of whole answers: a cached embedding to a long piece of reasoning. */
const durationBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600]

/** Seconds until something comes. */
const waitBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120]

/** Seconds between two tokens. */
const tokenBuckets = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1]

const counter = (help: string, ...labels: readonly string[]): Metric => ({ kind: 'counter', help, labels })

const gauge = (help: string, across: Metric['across'], ...labels: readonly string[]): Metric => ({
  kind: 'gauge',
  help,
  labels,
  across: across ?? 'sum',
})

const histogram = (help: string, buckets: readonly number[], ...labels: readonly string[]): Metric => ({
  kind: 'histogram',
  help,
  labels,
  buckets,
})

/** Everything that is counted, by its name, in the order in which it is told. */
export const metrics = {
  llm_proxy_requests_total: counter(
    'Requests that ended, by where they came in, what they asked for, who answered and how they ended.',
    'endpoint',
    'alias',
    'backend',
    'status',
    'outcome',
  ),
  llm_proxy_request_duration_seconds: histogram(
    'From the arrival of a request to its end.',
    durationBuckets,
    'alias',
    'stream',
  ),
  llm_proxy_time_to_first_byte_seconds: histogram(
    'From the arrival of a request to the first byte of its answer; of a stream that is its first content.',
    waitBuckets,
    'alias',
    'stream',
  ),
  llm_proxy_streaming_duration_seconds: histogram(
    'From the first byte of a stream to its end.',
    durationBuckets,
    'alias',
  ),
  llm_proxy_time_per_output_token_seconds: histogram(
    'Of streams whose tokens the backend told: the time between two tokens after the first.',
    tokenBuckets,
    'alias',
  ),
  llm_proxy_response_bytes_total: counter('Bytes of answers that were sent to clients.', 'alias'),
  llm_proxy_refusals_total: counter(
    'Requests that the gateway itself refused or failed, by the code of the error.',
    'code',
  ),
  llm_proxy_rate_limit_rejected_total: counter('Requests that a limit of the gateway refused with 429.', 'alias'),
  llm_proxy_heartbeats_total: counter('Signs of life that clients got while they waited.', 'alias'),
  llm_proxy_tokens_total: counter(
    'Tokens of requests and answers; those of caches are part of input, those of reasoning part of output.',
    'alias',
    'backend',
    'direction',
    'source',
  ),
  llm_proxy_token_parts_total: counter(
    'Of these tokens: read from and written into the cache of the provider, and thought.',
    'alias',
    'backend',
    'part',
  ),
  llm_proxy_cost_usd_total: counter('What answers cost by the prices of the configuration.', 'alias', 'backend'),
  llm_proxy_upstream_attempts_total: counter(
    'Attempts at backends: answered, or why not.',
    'backend',
    'model',
    'result',
  ),
  llm_proxy_upstream_attempt_duration_seconds: histogram(
    'From the start of an attempt until its answer began, of a stream its first content, or until it failed.',
    waitBuckets,
    'backend',
    'model',
    'answered',
  ),
  llm_proxy_upstream_connection_errors_total: counter(
    'Attempts that failed since a connection could not be had or did not last.',
    'backend',
    'class',
  ),
  llm_proxy_upstream_repeats_total: counter(
    'Requests sent once more at once, since an idle connection had died unnoticed.',
    'backend',
  ),
  llm_proxy_retries_total: counter(
    'Attempts after the first of a request, by the backend that failed before and why.',
    'backend',
    'reason',
  ),
  llm_proxy_fallbacks_total: counter(
    'Of these, those at another route: l1 of the same alias, l2 of another one.',
    'from',
    'to',
    'level',
  ),
  llm_proxy_cooldowns_total: counter('Failures after which a route rests.', 'backend'),
  llm_proxy_routes_skipped_total: counter(
    'Routes that were passed over since they rested, failed or were full.',
    'backend',
  ),
  llm_proxy_repins_total: counter('Requests that left the route they had stayed with.', 'alias'),
  llm_proxy_rescue_attempts_total: counter('Attempts to go on with a stream that broke.', 'backend', 'mode'),
  llm_proxy_rescues_total: counter('Streams that another route took over after they broke.', 'alias'),
  llm_proxy_translations_total: counter(
    'Attempts that were translated, by the form of client and backend.',
    'from',
    'to',
  ),
  llm_proxy_translation_warnings_total: counter('What translation dropped or adapted.', 'code'),
  llm_proxy_format_conversion_errors_total: counter('Translated answers that could not be read.', 'from', 'to'),
  llm_proxy_hook_calls_total: counter(
    'Calls of hooks: done, failed, timeout, resting (not made), dropped (nobody had time for it).',
    'point',
    'hook',
    'result',
  ),
  llm_proxy_cache_hits_total: counter('Requests that were answered by what was answered before.', 'alias'),
  llm_proxy_cache_misses_total: counter('Requests for which nothing was kept.', 'alias'),
  llm_proxy_cache_bypasses_total: counter(
    'Requests for which nothing was looked for: their client wants a new answer, or they cannot be repeated.',
    'alias',
  ),
  llm_proxy_cache_saved_seconds_total: counter(
    'How much longer answers took when they were made than when they were given again.',
    'alias',
  ),
  llm_proxy_dropped_series_total: counter('Counts without a series of their own, since there are too many.', 'metric'),
  llm_proxy_active_requests: gauge('Requests on the road.', 'sum'),
  llm_proxy_draining: gauge('1 while the gateway finishes what runs and takes nothing new.', 'max'),
  llm_proxy_backend_up: gauge('1 while at least one route to the backend may be asked.', 'min', 'backend'),
  llm_proxy_backend_healthy: gauge(
    'What the last health checks found: 1 well, 0 not. Only of checked backends.',
    'min',
    'backend',
  ),
  llm_proxy_route_up: gauge(
    '1 while the route may be asked: it neither rests nor is ejected nor fails its checks.',
    'min',
    'alias',
    'backend',
    'model',
  ),
  llm_proxy_route_rest_seconds: gauge(
    'For how long the route is still passed over.',
    'max',
    'alias',
    'backend',
    'model',
  ),
  llm_proxy_route_circuit_state: gauge(
    'Its circuit breaker: 0 closed, 1 half-open, 2 open.',
    'max',
    'alias',
    'backend',
    'model',
  ),
  llm_proxy_credentials: gauge(
    'Credentials of backends that have several, by whether they rest.',
    'max',
    'backend',
    'state',
  ),
  llm_proxy_upstream_pool_open: gauge('Connections to backends that are open or being opened.', 'sum', 'backend'),
  llm_proxy_upstream_pool_idle: gauge('Of these, those that wait for a request.', 'sum', 'backend'),
  llm_proxy_upstream_pool_waiting: gauge('Requests that wait for a connection.', 'sum', 'backend'),
  llm_proxy_upstream_pool_opened_total: counter('Connections that were opened.', 'backend'),
  llm_proxy_upstream_pool_carried_total: counter('Requests that connections carried.', 'backend'),
  llm_proxy_upstream_pool_reused_total: counter('Of these, by a connection that had served before.', 'backend'),
  llm_proxy_limit_waiting: gauge(
    'Requests that wait in a queue: for a rate, for a place among all that run, for a place at a backend.',
    'sum',
    'what',
  ),
  llm_proxy_limit_places_taken: gauge(
    'Places that running requests take: of all together, and of the limits of single callers.',
    'sum',
    'scope',
  ),
  llm_proxy_limit_backend_places_taken: gauge(
    'Requests that run at a backend, where concurrency.per_backend_limit holds.',
    'sum',
    'backend',
  ),
  llm_proxy_limit_decisions_total: counter(
    'What limits made of requests: rejected, queued, answered by a fallback, decided without the shared counters.',
    'decision',
  ),
  llm_proxy_limit_shared_up: gauge(
    'With rate_limiting.backend: redis: 1 while it answers, 0 while it does not or was not asked yet.',
    'min',
  ),
  llm_proxy_config_version: gauge(
    'Version of the running configuration: 1 for the first, one more with each change.',
    'max',
  ),
  llm_proxy_config_loaded_timestamp_seconds: gauge('When the running configuration was loaded.', 'max'),
  llm_proxy_config_last_reload_successful: gauge('0 while the file has a content that cannot be used.', 'min'),
  llm_proxy_config_reload_total: {
    ...counter('Contents of the configuration file that were taken or refused.', 'result'),
    // All processes look at the same file.
    across: 'max',
  },
  llm_proxy_log_dropped_total: counter('Records of the log that were lost: a disk or a console did not take them.'),
  llm_proxy_unhandled_errors_total: counter('Mistakes of the program that nobody caught.'),
  llm_proxy_event_loop_lag_seconds: gauge('How late the last of the timers was that run five times a second.', 'max'),
  llm_proxy_event_loop_stalls_total: counter('Pauses of 200 ms and more in which the process did nothing for anybody.'),
  llm_proxy_event_loop_stalled_seconds_total: counter('How long these pauses were together.'),
  llm_proxy_memory_short: gauge('1 while large bodies are refused since memory is short.', 'max'),
  llm_proxy_cache_hit_ratio: gauge('Share of hits in all hits and misses since the start.', 'max'),
  llm_proxy_cache_entries: gauge('Answers that are kept in memory.', 'sum'),
  llm_proxy_cache_bytes: gauge('Bytes that they take.', 'sum'),
  llm_proxy_cache_evictions_total: counter('Answers that had to go for others.'),
  llm_proxy_cache_up: gauge(
    '1 while the store of the cache answers. Only of one outside of the process.',
    'min',
    'store',
  ),
  llm_proxy_budget_spent_usd: gauge(
    'US dollars that were spent of a budget in its period; of many callers, those of whom spent most.',
    'max',
    'budget',
    'of',
  ),
  llm_proxy_budget_limit_usd: gauge('US dollars that may be spent of it.', 'max', 'budget'),
  llm_proxy_budget_used_ratio: gauge(
    'Part of a budget that is spent, of its dollars or its tokens, whichever is more.',
    'max',
    'budget',
    'of',
  ),
  llm_proxy_kept_entries: gauge('What is remembered, by what it is; each of them has a limit.', 'max', 'what'),
  llm_proxy_workers: gauge('Processes that serve together and are part of these numbers.', 'sum'),
  llm_proxy_build_info: gauge('1, with the version that runs.', 'max', 'version'),
  process_start_time_seconds: gauge('When the process started, in seconds since 1970.', 'min'),
  process_cpu_seconds_total: counter('Time of processors, for the program and for the system on its behalf.'),
  process_resident_memory_bytes: gauge('Memory that the process holds.', 'sum'),
  process_heap_bytes: gauge('Memory of the objects of the program.', 'sum'),
  process_open_fds: gauge('Open file descriptors, where the system tells.', 'sum'),
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof metrics

/** The values of its labels, in their order, and its number; of a histogram the count of each bucket, then the sum. */
export type Series = readonly [labels: readonly string[], values: readonly number[]]

/** What was counted so far. Plain enough to be sent from one process to another. */
export type Reading = Partial<Record<MetricName, readonly Series[]>>

/** All of them, for names that came from elsewhere. */
export const metricByName: ReadonlyMap<string, Metric> = new Map(Object.entries(metrics))

/** Label of whatever has no name of its own here. */
export const other = 'other'

/** Label where there is nothing to name. */
export const none = 'none'
