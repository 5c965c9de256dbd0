/** Tokens of one request, as its provider counted them, or as we estimated them where it did not tell. */
export interface Usage {
  /** Of the prompt, those from and into a cache included. */
  readonly inputTokens: number
  /** Of the answer, those of reasoning included. */
  readonly outputTokens: number
  /** Of `inputTokens`: read from the provider's cache. */
  readonly cachedTokens?: number
  /** Of `inputTokens`: written into the provider's cache. */
  readonly cacheWriteTokens?: number
  /** Of `outputTokens`. */
  readonly reasoningTokens?: number
  readonly source: 'upstream' | 'estimated'
}

/** What was told of it, so far; absent: nothing was. */
export type ToldUsage = Partial<Omit<Usage, 'source'>>

/** For people and programs: six decimals, and of less than that the first two digits that are none. */
export function shownUsd(usd: number): number {
  return usd !== 0 && usd < 1e-6 ? Number(usd.toPrecision(2)) : Math.round(usd * 1e6) / 1e6
}
