import { isRefusal, type Refusal } from '#core/refusal.ts'
import { shownUsd } from '#core/usage.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { readQuery } from './admin-query.ts'

/** Limit: callers, aliases or backends that one budget tells, those that spent most first. */
const tellMax = 100

/** Every budget: what it is, and what was spent of it in its current period. */
export function budgetsPage(
  { current, budgets }: Pick<Gateway, 'current' | 'budgets'>,
  query: string,
): object | Refusal {
  const none = readQuery(query, [])
  if (isRefusal(none)) return none
  const policies = current().budgets ?? []
  if (budgets === undefined) return { budgets: [] }
  const told = policies.map((policy) => {
    const { startMs, endMs } = budgets.periodOf(policy)
    const states = budgets.statesOf(policy)
    return {
      name: policy.name,
      scope: policy.scope,
      per: policy.per,
      timezone: policy.zone ?? 'local',
      limit_usd: policy.usd,
      limit_tokens: policy.tokens,
      alert_at: policy.alertAt,
      on_exceeded: policy.onExceeded,
      starts_at: new Date(startMs).toISOString(),
      ends_at: new Date(endMs).toISOString(),
      accounts: states.length,
      spent: states.slice(0, tellMax).map((state) => ({
        of: state.whose === '' ? undefined : state.whose,
        usd: shownUsd(state.usd),
        tokens: state.tokens,
        held_usd: shownUsd(state.heldUsd),
        held_tokens: state.heldTokens,
        used: Math.round(state.used * 10_000) / 10_000,
      })),
    }
  })
  return { budgets: told }
}
