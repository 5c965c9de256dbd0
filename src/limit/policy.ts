import type { Plan } from '#core/plan.ts'

/** How many requests and tokens, and how many requests at a time; what the operator wrote, compiled. */
export interface LimitPolicy {
  readonly counting: Counting
  /** Undefined in each: no limit. */
  readonly global: Rates | undefined
  readonly perUser: Rates | undefined
  readonly perAddress: Rates | undefined
  readonly perModel: ModelRates | undefined
  readonly overflow: 'reject' | 'queue' | 'fallback'
  readonly queue: QueuePolicy
  /** Who answers above a limit, and the alias by which clients are told of it. */
  fallbackFor(plan: Plan): Plan | undefined
  readonly tellsClients: boolean
  readonly crowd: CrowdPolicy | undefined
  /** Undefined: each process counts for itself. */
  readonly shared: SharedPolicy | undefined
}

export interface Counting {
  readonly algorithm: 'sliding_window' | 'token_bucket'
  /** Of a token bucket: what it holds, as a multiple of the limit. */
  readonly burst: number
}

/** Absent: no limit. */
export interface Rates {
  readonly requestsPerMinute?: number | undefined
  readonly requestsPerSecond?: number | undefined
  readonly tokensPerMinute?: number | undefined
}

export interface ModelRates {
  readonly byAlias: ReadonlyMap<string, Rates>
  readonly patterns: readonly { readonly isLike: (alias: string) => boolean; readonly rates: Rates }[]
}

export interface QueuePolicy {
  readonly sizeMax: number
  readonly timeoutMs: number
}

/** Requests at a time; 0 = no limit. */
export interface CrowdPolicy {
  readonly all: number
  readonly perUser: number
  readonly perBackend: number
  readonly queue: QueuePolicy
}

export interface SharedPolicy {
  readonly url: string
  readonly keyPrefix: string
  readonly timeoutMs: number
  readonly onError: 'local' | 'allow' | 'refuse'
}

/** What a rate may take in which time. */
export interface Rate {
  readonly limit: number
  readonly windowMs: number
}

/** For callers with limits of their own, where the file says nothing else. */
export const plainPolicy: LimitPolicy = {
  counting: { algorithm: 'sliding_window', burst: 1 },
  global: undefined,
  perUser: undefined,
  perAddress: undefined,
  perModel: undefined,
  overflow: 'reject',
  queue: { sizeMax: 0, timeoutMs: 0 },
  fallbackFor: () => undefined,
  tellsClients: true,
  crowd: undefined,
  shared: undefined,
}

/** The rates of an alias: those under its name, else of the first pattern that it is like. */
export function ratesOf({ byAlias, patterns }: ModelRates, alias: string): Rates | undefined {
  return byAlias.get(alias) ?? patterns.find(({ isLike }) => isLike(alias))?.rates
}
