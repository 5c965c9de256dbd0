import type { Usage } from '#core/usage.ts'

/** What one token costs, in US dollars. */
export interface TokenPrice {
  readonly input: number
  readonly output: number
  /** Of the input, read from a cache; undefined: as `input`. */
  readonly cachedInput: number | undefined
  /** Of the input, written into a cache; undefined: as `input`. */
  readonly cacheWrite: number | undefined
  /** Of the output, thoughts; undefined: as `output`. */
  readonly reasoning: number | undefined
}

/** In US dollars, not rounded. */
export function costOf(usage: Usage, price: TokenPrice): number {
  const cached = usage.cachedTokens ?? 0
  const written = usage.cacheWriteTokens ?? 0
  const thoughts = usage.reasoningTokens ?? 0
  return (
    Math.max(0, usage.inputTokens - cached - written) * price.input +
    cached * (price.cachedInput ?? price.input) +
    written * (price.cacheWrite ?? price.input) +
    Math.max(0, usage.outputTokens - thoughts) * price.output +
    thoughts * (price.reasoning ?? price.output)
  )
}
