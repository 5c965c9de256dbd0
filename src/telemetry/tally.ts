import type { Attempt, Exchange, ExchangeSink } from '#core/exchange.ts'
import type { Failure, FailureReason } from '#core/failure.ts'
import type { Refusal } from '#core/refusal.ts'
import { AliasTally, type CounterName } from './alias-tally.ts'
import { wordOf } from './failure-word.ts'
import { none, other, type MetricName, type Reading, type Series } from './metric.ts'
import { RouteTally } from './route-tally.ts'
import { Counts } from './series.ts'

/** Limit: aliases with figures of their own; those of more than that are told together. */
const aliasesMax = 1000

/** Limit: routes with figures of their own. */
const routesMax = 5000

/** Limit: series of one counter. */
const seriesMax = 10_000

/** What the configuration knows by name; everything else that a client may write is `other`. */
export interface KnownNames {
  readonly aliases: ReadonlySet<string>
  /** Public paths of models. */
  readonly paths: ReadonlySet<string>
}

/**
 * Everything that settled exchanges tell, added up for those who ask from time to time. Fed once per request, at less than
 * a microsecond: whoever came before has a place that is found by name.
 */
export class Tally implements ExchangeSink {
  #known: KnownNames = { aliases: new Set(), paths: new Set() }
  readonly #aliases = new Map<string, AliasTally>()
  readonly #routes = new Map<string, Map<string, RouteTally>>()
  #routeCount = 0
  readonly #counters = new Map<CounterName, Counts>()
  readonly counts = (name: CounterName): Counts => {
    const known = this.#counters.get(name)
    if (known !== undefined) return known
    const fresh = new Counts(seriesMax, () => this.#dropped(name))
    this.#counters.set(name, fresh)
    return fresh
  }

  /** Names of the configuration that serves from now on. What was counted for others stays. */
  adopt(known: KnownNames): void {
    this.#known = known
  }

  settled(exchange: Exchange): void {
    const { attempts, usage, skips } = exchange
    const last = attempts.length === 0 ? undefined : attempts[attempts.length - 1]
    const backend = last === undefined ? none : last.backend
    const alias = this.#aliasOf(exchange)
    alias.count(exchange, backend, this.#known.paths)
    if (usage !== undefined) alias.countUsage(usage, exchange, backend)
    for (let at = 0; at < attempts.length; at += 1) {
      const attempt = attempts[at]
      if (attempt === undefined) continue
      this.#countAttempt(attempt, exchange)
      if (at > 0) this.#countFurther(attempt, attempts[at - 1])
    }
    if (skips !== undefined)
      for (const { backend: passed } of skips) this.#add('llm_proxy_routes_skipped_total', passed)
    if (exchange.refusal !== undefined) this.#countRefusal(exchange, exchange.refusal, alias.name)
    if (exchange.repinned !== undefined) this.#add('llm_proxy_repins_total', alias.name)
    if (exchange.cache !== undefined) this.#countCache(exchange, exchange.cache, alias.name)
    const rescues = exchange.rescuedAtBytes?.length ?? 0
    if (rescues > 0) this.counts('llm_proxy_rescues_total').cell(alias.name).value += rescues
  }

  /** Somebody was turned away beside the road, where no exchange is opened. */
  turnedAway({ code }: Refusal): void {
    this.#add('llm_proxy_refusals_total', code)
  }

  /** What was counted so far. */
  reading(): Reading {
    const reading: Partial<Record<MetricName, Series[]>> = {}
    const told = (name: MetricName, labels: readonly string[], values: readonly number[]): void => {
      ;(reading[name] ??= []).push([labels, values])
    }
    for (const alias of this.#aliases.values()) alias.tell(told)
    for (const models of this.#routes.values()) for (const route of models.values()) route.tell(told)
    for (const [name, counts] of this.#counters) reading[name] = counts.series()
    return reading
  }

  #countCache({ savedMs }: Exchange, cache: NonNullable<Exchange['cache']>, alias: string): void {
    this.#add(cacheCounters[cache], alias)
    if (savedMs === undefined) return
    this.counts('llm_proxy_cache_saved_seconds_total').cell(alias).value += savedMs / 1000
  }

  #countAttempt(attempt: Attempt, exchange: Exchange): void {
    const { backend, failure, translation } = attempt
    this.#routeOf(attempt).count(attempt)
    if (failure !== undefined) this.#countFailure(attempt, failure, exchange)
    if (attempt.isRepeated === true) this.#add('llm_proxy_upstream_repeats_total', backend)
    if (translation === undefined) return
    this.#add('llm_proxy_translations_total', exchange.dialect, translation.form)
    for (const code of translation.warnings) this.#add('llm_proxy_translation_warnings_total', code)
  }

  #countFailure({ backend, translation }: Attempt, { reason, cools, side }: Failure, { dialect }: Exchange): void {
    if (cools && side !== 'client') this.#add('llm_proxy_cooldowns_total', backend)
    const kind = connectionClasses[reason]
    if (kind !== undefined) this.#add('llm_proxy_upstream_connection_errors_total', backend, kind)
    if (translation !== undefined && reason === 'invalid_response') {
      this.#add('llm_proxy_format_conversion_errors_total', dialect, translation.form)
    }
  }

  /** An attempt after the first. */
  #countFurther(attempt: Attempt, before: Attempt | undefined): void {
    const { backend, model, level, rescue } = attempt
    if (rescue !== undefined) return this.#add('llm_proxy_rescue_attempts_total', backend, rescue)
    if (before === undefined) return
    this.#add('llm_proxy_retries_total', before.backend, before.failure === undefined ? other : wordOf(before.failure))
    if (before.backend === backend && before.model === model) return
    this.#add('llm_proxy_fallbacks_total', before.backend, backend, level)
  }

  #countRefusal({ attempts }: Exchange, { code, status }: Refusal, alias: string): void {
    this.#add('llm_proxy_refusals_total', code)
    if (status === 429 && attempts.length === 0) this.#add('llm_proxy_rate_limit_rejected_total', alias)
  }

  #add(name: CounterName, ...labels: readonly string[]): void {
    this.counts(name).cell(...labels).value += 1
  }

  #dropped(name: CounterName): void {
    if (name !== 'llm_proxy_dropped_series_total') this.#add('llm_proxy_dropped_series_total', name)
  }

  #aliasOf({ alias, attempts }: Exchange): AliasTally {
    const known = alias === undefined ? undefined : this.#aliases.get(alias)
    return known ?? this.#aliasFor(alias, attempts[0]?.alias)
  }

  /** What a client wrote counts by its name only if the configuration knows it; else the plan that took it does. */
  #aliasFor(asked: string | undefined, planned: string | undefined): AliasTally {
    const { aliases } = this.#known
    const name = [asked, planned].find((each) => each !== undefined && aliases.has(each))
    const label = name ?? (asked === undefined ? none : other)
    const found = this.#aliases.get(label)
    if (found !== undefined) return found
    const isTooMany = this.#aliases.size >= aliasesMax && label !== other && label !== none
    if (isTooMany) this.#dropped('llm_proxy_requests_total')
    if (isTooMany) return this.#aliasFor(other, undefined)
    const fresh = new AliasTally(label, this.counts)
    this.#aliases.set(label, fresh)
    return fresh
  }

  #routeOf({ backend, model }: Attempt): RouteTally {
    return this.#routes.get(backend)?.get(model) ?? this.#newRoute(backend, model)
  }

  #newRoute(backend: string, model: string): RouteTally {
    if (this.#routeCount >= routesMax && backend !== other) {
      this.#dropped('llm_proxy_upstream_attempts_total')
      return this.#routes.get(other)?.get(other) ?? this.#newRoute(other, other)
    }
    const fresh = new RouteTally(backend, model, this.counts)
    const models = this.#routes.get(backend)
    if (models === undefined) this.#routes.set(backend, new Map([[model, fresh]]))
    else models.set(model, fresh)
    this.#routeCount += 1
    return fresh
  }
}

const cacheCounters = {
  hit: 'llm_proxy_cache_hits_total',
  miss: 'llm_proxy_cache_misses_total',
  bypass: 'llm_proxy_cache_bypasses_total',
} as const

const connectionClasses: Readonly<Partial<Record<FailureReason, string>>> = {
  dns: 'dns',
  connect: 'connect',
  tls: 'tls',
  reset: 'reset',
  connect_timeout: 'timeout',
  write_timeout: 'timeout',
}
