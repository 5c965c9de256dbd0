import type { Exchange } from '#core/exchange.ts'

/** Sums over requests. */
export interface Tally {
  requests: number
  /** Answered whole, with a good status. */
  successes: number
  /** Neither that, nor left by their clients. */
  errors: number
  inputTokens: number
  cachedTokens: number
  cacheWriteTokens: number
  outputTokens: number
  reasoningTokens: number
  /** Requests whose tokens are estimates. */
  estimated: number
  costUsd: number
  durationMs: number
  firstByteMs: number
  /** Requests that had a first byte. */
  firstBytes: number
}

/** In the order in which files have them. */
export const tallyNames = [
  'requests',
  'successes',
  'errors',
  'inputTokens',
  'cachedTokens',
  'cacheWriteTokens',
  'outputTokens',
  'reasoningTokens',
  'estimated',
  'costUsd',
  'durationMs',
  'firstByteMs',
  'firstBytes',
] as const satisfies readonly (keyof Tally)[]

export function blankTally(): Tally {
  return {
    requests: 0,
    successes: 0,
    errors: 0,
    inputTokens: 0,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    estimated: 0,
    costUsd: 0,
    durationMs: 0,
    firstByteMs: 0,
    firstBytes: 0,
  }
}

/** Adds a settled exchange. */
export function count(tally: Tally, exchange: Exchange): void {
  const { usage, outcome, status, startedMs, endedMs, firstByteMs } = exchange
  tally.requests++
  if (outcome === 'complete' && status < 400) tally.successes++
  else if (outcome !== 'client_closed') tally.errors++
  if (usage !== undefined) {
    tally.inputTokens += usage.inputTokens
    tally.cachedTokens += usage.cachedTokens ?? 0
    tally.cacheWriteTokens += usage.cacheWriteTokens ?? 0
    tally.outputTokens += usage.outputTokens
    tally.reasoningTokens += usage.reasoningTokens ?? 0
    if (usage.source === 'estimated') tally.estimated++
  }
  tally.costUsd += exchange.costUsd ?? 0
  tally.durationMs += (endedMs ?? startedMs) - startedMs
  if (firstByteMs === undefined) return
  tally.firstByteMs += firstByteMs - startedMs
  tally.firstBytes++
}

/** Written out: a summary of a year does it a hundred thousand times. */
export function addTo(sum: Tally, other: Tally): void {
  sum.requests += other.requests
  sum.successes += other.successes
  sum.errors += other.errors
  sum.inputTokens += other.inputTokens
  sum.cachedTokens += other.cachedTokens
  sum.cacheWriteTokens += other.cacheWriteTokens
  sum.outputTokens += other.outputTokens
  sum.reasoningTokens += other.reasoningTokens
  sum.estimated += other.estimated
  sum.costUsd += other.costUsd
  sum.durationMs += other.durationMs
  sum.firstByteMs += other.firstByteMs
  sum.firstBytes += other.firstBytes
}
