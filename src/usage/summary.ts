import { shownUsd } from '#core/usage.ts'
import type { LedgerHour, LedgerRow } from './ledger.ts'
import { addTo, blankTally, type Tally } from './tally.ts'

/** What the sums of some days are told as. Names as in proxy-llm, dollars with six decimals. */
export interface UsageSummary extends Sums {
  readonly days: number
  readonly generated_at: string
  readonly daily: readonly (Sums & { readonly date: string })[]
  readonly hourly: readonly (Sums & { readonly hour: string })[]
  readonly by_model: readonly (Sums & { readonly model: string })[]
  readonly by_backend: readonly (Sums & { readonly backend: string; readonly upstream_model: string })[]
  readonly by_caller: readonly (Sums & { readonly caller: string })[]
}

export interface Sums {
  readonly total_requests: number
  readonly success_requests: number
  readonly error_requests: number
  /** 4 decimals; of no requests it is 0. */
  readonly success_rate: number
  readonly avg_latency_ms: number
  readonly avg_ttfb_ms: number
  readonly prompt_tokens: number
  readonly cached_tokens: number
  readonly cache_write_tokens: number
  readonly completion_tokens: number
  readonly reasoning_tokens: number
  readonly total_tokens: number
  /** Requests whose tokens nobody told. */
  readonly estimated_requests: number
  readonly estimated_cost_usd: number
}

export interface SummarySpan {
  readonly days: number
  /** `2026-01-13` */
  readonly firstDay: string
  readonly generatedAt: string
}

/** Limit: names in one list; the rest are those that took least. */
const listedMax = 1000

export function summarize(
  rows: Iterable<LedgerRow>,
  hours: readonly LedgerHour[],
  { days, firstDay, generatedAt }: SummarySpan,
): UsageSummary {
  const all = blankTally()
  const byDay = new Map<string, Tally>()
  const byModel = new Map<string, Tally>()
  const byBackend = new Map<string, Tally>()
  const byCaller = new Map<string, Tally>()
  for (const { day, caller, alias, backend, model, tally } of rows) {
    if (day < firstDay) continue
    addTo(all, tally)
    addTo(of(byDay, day), tally)
    if (alias !== '') addTo(of(byModel, alias), tally)
    if (backend !== '') addTo(of(byBackend, `${backend}\0${model}`), tally)
    addTo(of(byCaller, caller), tally)
  }
  const dates = [...byDay].toSorted(([one], [other]) => (one < other ? -1 : 1))
  return {
    days,
    generated_at: generatedAt,
    ...sumsOf(all, {}),
    daily: dates.map(([date, tally]) => sumsOf(tally, { date })),
    hourly: hours.slice(-hoursShown).map(({ hour, tally }) => sumsOf(tally, { hour })),
    by_model: largestFirst(byModel).map(([model, tally]) => sumsOf(tally, { model })),
    by_backend: largestFirst(byBackend).map(([key, tally]) => {
      const [backend = '', model = ''] = key.split('\0')
      return sumsOf(tally, { backend, upstream_model: model })
    }),
    by_caller: largestFirst(byCaller).map(([caller, tally]) => sumsOf(tally, { caller })),
  }
}

/** Of `hourly`: those of the last day that had requests. */
const hoursShown = 24

function of(tallies: Map<string, Tally>, key: string): Tally {
  let tally = tallies.get(key)
  if (tally === undefined) tallies.set(key, (tally = blankTally()))
  return tally
}

function largestFirst(tallies: ReadonlyMap<string, Tally>): readonly (readonly [string, Tally])[] {
  return [...tallies]
    .toSorted(([, one], [, other]) => tokensOf(other) - tokensOf(one) || other.requests - one.requests)
    .slice(0, listedMax)
}

function tokensOf({ inputTokens, outputTokens }: Tally): number {
  return inputTokens + outputTokens
}

function sumsOf<Names extends object>(tally: Tally, names: Names): Names & Sums {
  const { requests, successes, inputTokens, outputTokens, firstBytes } = tally
  return {
    ...names,
    total_requests: requests,
    success_requests: successes,
    error_requests: tally.errors,
    success_rate: requests === 0 ? 0 : Math.round((successes / requests) * 10_000) / 10_000,
    avg_latency_ms: requests === 0 ? 0 : Math.round(tally.durationMs / requests),
    avg_ttfb_ms: firstBytes === 0 ? 0 : Math.round(tally.firstByteMs / firstBytes),
    prompt_tokens: inputTokens,
    cached_tokens: tally.cachedTokens,
    cache_write_tokens: tally.cacheWriteTokens,
    completion_tokens: outputTokens,
    reasoning_tokens: tally.reasoningTokens,
    total_tokens: inputTokens + outputTokens,
    estimated_requests: tally.estimated,
    estimated_cost_usd: shownUsd(tally.costUsd),
  }
}
