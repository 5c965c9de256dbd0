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
