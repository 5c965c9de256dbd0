import { Secret } from '#core/secret.ts'
import { compileGlob } from '#kit/glob.ts'
import type { TokenPrice } from './price.ts'
import type { UsageConfig } from './schema.ts'

/** The `usage` section, compiled. */
export interface UsagePolicy {
  readonly prices: PriceRules
  /** Undefined: there is none. */
  readonly source: PriceSourcePolicy | undefined
  /** Undefined: sums are kept in memory only. */
  readonly file: string | undefined
  readonly retentionDays: number
}

/** What the operator says that tokens cost. */
export interface PriceRules {
  readonly byName: ReadonlyMap<string, TokenPrice>
  /** In the order of the file. */
  readonly patterns: readonly PricePattern[]
  /** For whatever has no other price. */
  readonly otherwise: TokenPrice | undefined
}

export interface PricePattern {
  readonly isLike: (name: string) => boolean
  readonly price: TokenPrice
}

export interface PriceSourcePolicy {
  /** An `http:` or `https:` address, or the path of a file. */
  readonly location: string
  readonly key: Secret | undefined
  /** 0: it is read once. */
  readonly everyMs: number
}

/** Undefined: nobody counts. */
export function compileUsage(config: UsageConfig): UsagePolicy | undefined {
  if (!config.enabled) return undefined
  const byName = new Map<string, TokenPrice>()
  const patterns: PricePattern[] = []
  let otherwise: TokenPrice | undefined
  for (const [name, written] of Object.entries(config.pricing)) {
    const price = priceOf(written)
    if (name === '*') otherwise = price
    else if (name.includes('*')) patterns.push({ isLike: compileGlob(name), price })
    else byName.set(name, price)
  }
  const { pricing_source: location, pricing_key: key, pricing_refresh: everyMs } = config
  return {
    prices: { byName, patterns, otherwise },
    source:
      location === undefined ? undefined : { location, key: key === undefined ? undefined : new Secret(key), everyMs },
    file: config.file,
    retentionDays: config.retention_days,
  }
}

const tokensPer = { million: 1_000_000, thousand: 1000, token: 1 } as const

function priceOf(written: UsageConfig['pricing'][string]): TokenPrice {
  const tokens = tokensPer[written.per]
  const one = (amount: number | undefined): number | undefined => (amount === undefined ? undefined : amount / tokens)
  return {
    input: written.input / tokens,
    output: written.output / tokens,
    cachedInput: one(written.cached_input),
    cacheWrite: one(written.cache_write),
    reasoning: one(written.reasoning),
  }
}
