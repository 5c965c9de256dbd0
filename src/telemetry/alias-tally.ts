import type { Exchange } from '#core/exchange.ts'
import type { Usage } from '#core/usage.ts'
import { metrics, other, type MetricName } from './metric.ts'
import { Histogram, type Cell, type Counts } from './series.ts'

/** Where the numbers of a counter are. */
export type CountsOf = (name: CounterName) => Counts
export type CounterName = Extract<MetricName, `llm_proxy_${string}_total`>

/** Is told one series. */
export type Told = (name: MetricName, labels: readonly string[], values: readonly number[]) => void

/** What requests for one alias came to. */
export class AliasTally {
  readonly name: string
  readonly #countsOf: CountsOf
  readonly #bytes: Cell
  /** By public path, backend, and {@link endOf}. */
  readonly #ends = new Map<string, Map<string, Map<number, Cell>>>()
  readonly #whole = new Times()
  readonly #streams = new Times()
  readonly #streaming = new Histogram(metrics.llm_proxy_streaming_duration_seconds.buckets ?? [])
  readonly #perToken = new Histogram(metrics.llm_proxy_time_per_output_token_seconds.buckets ?? [])
  #streamCount = 0
  #perTokenCount = 0
  readonly #reported = new Map<string, UsageCells>()
  readonly #estimated = new Map<string, UsageCells>()

  constructor(name: string, countsOf: CountsOf) {
    this.name = name
    this.#countsOf = countsOf
    this.#bytes = countsOf('llm_proxy_response_bytes_total').cell(name)
  }

  count(exchange: Exchange, backend: string, paths: ReadonlySet<string>): void {
    const { startedMs, endedMs = startedMs, firstByteMs, stream, bytesOut, heartbeats } = exchange
    this.#endOf(exchange, backend, paths).value += 1
    this.#bytes.value += bytesOut
    if (heartbeats > 0) this.#countsOf('llm_proxy_heartbeats_total').cell(this.name).value += heartbeats
    const times = stream ? this.#streams : this.#whole
    times.count += 1
    times.duration.observe((endedMs - startedMs) / 1000)
    if (firstByteMs === undefined) return
    times.firstByteCount += 1
    times.firstByte.observe((firstByteMs - startedMs) / 1000)
    if (!stream) return
    this.#streamCount += 1
    this.#streaming.observe((endedMs - firstByteMs) / 1000)
  }

  countUsage(usage: Usage, { stream, outcome, firstByteMs, endedMs, costUsd }: Exchange, backend: string): void {
    const byBackend = usage.source === 'upstream' ? this.#reported : this.#estimated
    let cells = byBackend.get(backend)
    if (cells === undefined) byBackend.set(backend, (cells = this.#usageCells(usage, backend)))
    add(cells.input, usage.inputTokens)
    add(cells.output, usage.outputTokens)
    if (usage.cachedTokens !== undefined) this.#addPart(usage.cachedTokens, backend, 'cache_read')
    if (usage.cacheWriteTokens !== undefined) this.#addPart(usage.cacheWriteTokens, backend, 'cache_write')
    if (usage.reasoningTokens !== undefined) this.#addPart(usage.reasoningTokens, backend, 'reasoning')
    if (costUsd !== undefined) add(this.#countsOf('llm_proxy_cost_usd_total').cell(this.name, backend), costUsd)
    const isTold = stream && outcome === 'complete' && usage.source === 'upstream' && usage.outputTokens > 1
    if (!isTold || firstByteMs === undefined || endedMs === undefined) return
    this.#perTokenCount += 1
    this.#perToken.observe((endedMs - firstByteMs) / 1000 / (usage.outputTokens - 1))
  }

  tell(told: Told): void {
    const { name } = this
    this.#whole.tell(told, name, 'false')
    this.#streams.tell(told, name, 'true')
    if (this.#streamCount > 0) told('llm_proxy_streaming_duration_seconds', [name], this.#streaming.values)
    if (this.#perTokenCount > 0) told('llm_proxy_time_per_output_token_seconds', [name], this.#perToken.values)
  }

  #endOf(exchange: Exchange, backend: string, paths: ReadonlySet<string>): Cell {
    const { path, status, outcome } = exchange
    const known = this.#ends.get(path)?.get(backend)?.get(endKey(exchange))
    if (known !== undefined) return known
    // Only paths that are known are kept: others may be as many as clients like.
    const endpoint = paths.has(path) ? path : kindOf(path)
    const byBackend = madeFor(this.#ends, endpoint, () => new Map<string, Map<number, Cell>>())
    const byEnd = madeFor(byBackend, backend, () => new Map<number, Cell>())
    return madeFor(byEnd, endKey(exchange), () =>
      this.#countsOf('llm_proxy_requests_total').cell(endpoint, this.name, backend, String(status), outcome ?? other),
    )
  }

  #usageCells({ source }: Usage, backend: string): UsageCells {
    const told = source === 'upstream' ? 'reported' : 'estimated'
    const tokens = this.#countsOf('llm_proxy_tokens_total')
    return {
      input: tokens.cell(this.name, backend, 'input', told),
      output: tokens.cell(this.name, backend, 'output', told),
    }
  }

  #addPart(tokens: number, backend: string, part: string): void {
    add(this.#countsOf('llm_proxy_token_parts_total').cell(this.name, backend, part), tokens)
  }
}

interface UsageCells {
  readonly input: Cell
  readonly output: Cell
}

/** How long requests took, and how long their clients waited for the first byte. */
class Times {
  readonly duration = new Histogram(metrics.llm_proxy_request_duration_seconds.buckets ?? [])
  readonly firstByte = new Histogram(metrics.llm_proxy_time_to_first_byte_seconds.buckets ?? [])
  count = 0
  firstByteCount = 0

  tell(told: Told, alias: string, stream: string): void {
    if (this.count > 0) told('llm_proxy_request_duration_seconds', [alias, stream], this.duration.values)
    if (this.firstByteCount > 0) told('llm_proxy_time_to_first_byte_seconds', [alias, stream], this.firstByte.values)
  }
}

/** Status and outcome as one number. */
function endKey({ status, outcome }: Exchange): number {
  return status * 8 + (outcome === undefined ? 7 : outcomeNumbers[outcome])
}

const outcomeNumbers: Readonly<Record<NonNullable<Exchange['outcome']>, number>> = {
  complete: 0,
  client_closed: 1,
  upstream_broke: 2,
  stalled: 3,
  shut_down: 4,
  refused: 5,
  failed: 6,
}

/** A public path that is none of the known ones. */
function kindOf(path: string): string {
  if (/^\/v1(?:beta|alpha)?\/models\/./.test(path)) return '/v1beta/models/*'
  return path.startsWith('/v1/') ? '/v1/*' : '/*'
}

/** Whatever a backend told: a number that is none must not spoil the sum. */
function add(cell: Cell, value: number): void {
  if (value > 0 && value < Infinity) cell.value += value
}

function madeFor<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
