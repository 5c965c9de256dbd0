import type { Attempt } from '#core/exchange.ts'
import type { CountsOf, Told } from './alias-tally.ts'
import { metrics } from './metric.ts'
import { Histogram, type Cell } from './series.ts'
import { wordOf } from './failure-word.ts'

/** What attempts at one route came to. */
export class RouteTally {
  readonly #backend: string
  readonly #model: string
  readonly #countsOf: CountsOf
  #answers: Cell | undefined
  readonly #answered = new Histogram(buckets)
  readonly #failed = new Histogram(buckets)
  #answeredCount = 0
  #failedCount = 0

  constructor(backend: string, model: string, countsOf: CountsOf) {
    this.#backend = backend
    this.#model = model
    this.#countsOf = countsOf
  }

  count({ failure, status, durationMs }: Attempt): void {
    if (failure !== undefined) {
      this.#cell(wordOf(failure)).value += 1
      // What a client did tells nothing of the route.
      if (failure.side === 'client') return
      this.#failedCount += 1
      return this.#failed.observe(durationMs / 1000)
    }
    if (status === undefined) {
      this.#cell('abandoned').value += 1
      return
    }
    this.#answers ??= this.#cell('answered')
    this.#answers.value += 1
    this.#answeredCount += 1
    this.#answered.observe(durationMs / 1000)
  }

  tell(told: Told): void {
    const name = 'llm_proxy_upstream_attempt_duration_seconds'
    if (this.#answeredCount > 0) told(name, [this.#backend, this.#model, 'true'], this.#answered.values)
    if (this.#failedCount > 0) told(name, [this.#backend, this.#model, 'false'], this.#failed.values)
  }

  #cell(result: string): Cell {
    return this.#countsOf('llm_proxy_upstream_attempts_total').cell(this.#backend, this.#model, result)
  }
}

const buckets = metrics.llm_proxy_upstream_attempt_duration_seconds.buckets ?? []
