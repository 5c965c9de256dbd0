import type { Dialect } from '#core/dialect.ts'
import type { HeaderPair } from '#kit/header-list.ts'

/** How much of a limit is used. */
export interface LimitState {
  readonly of: 'requests' | 'tokens'
  readonly limit: number
  readonly used: number
  /** Milliseconds until none of it is, if nothing else is taken. */
  readonly resetMs: number
}

/** Of each kind the limit of which the least is left, in the words of the client's dialect. */
export function limitHeaders(states: readonly LimitState[], dialect: Dialect, nowWallMs: number): HeaderPair[] {
  const pairs: HeaderPair[] = []
  for (const what of ['requests', 'tokens'] as const) {
    let tightest: LimitState | undefined
    for (const state of states) {
      if (state.of === what && (tightest === undefined || leftOf(state) < leftOf(tightest))) tightest = state
    }
    if (tightest === undefined) continue
    const { limit, used, resetMs } = tightest
    const remaining = Math.max(0, Math.floor(limit - used))
    if (dialect === 'anthropic') {
      pairs.push(
        [`anthropic-ratelimit-${what}-limit`, String(limit)],
        [`anthropic-ratelimit-${what}-remaining`, String(remaining)],
        [`anthropic-ratelimit-${what}-reset`, momentIn(resetMs, nowWallMs)],
      )
    } else {
      pairs.push(
        [`x-ratelimit-limit-${what}`, String(limit)],
        [`x-ratelimit-remaining-${what}`, String(remaining)],
        [`x-ratelimit-reset-${what}`, `${Math.ceil(Math.max(0, resetMs)) / 1000}s`],
      )
    }
  }
  return pairs
}

function leftOf({ limit, used }: LimitState): number {
  return (limit - used) / limit
}

/** To the second, and never too early. */
function momentIn(ms: number, nowWallMs: number): string {
  return new Date(Math.ceil((nowWallMs + Math.max(0, ms)) / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}
