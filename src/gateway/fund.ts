import type { Call } from '#core/call.ts'
import type { Caller } from '#core/caller.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import type { BudgetPolicy } from '#limit/budget-compile.ts'
import { nameIn, type Budgets, type Spender, type Spending } from '#limit/budget.ts'
import { behind } from '#limit/compile.ts'
import { guessParts } from '#limit/estimate.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { costOf } from '#usage/price.ts'
import type { Gateway } from './gateway.ts'
import type { Purse } from './walk.ts'

/** A request that knows where it goes, in front of what it costs. */
export interface Fundable {
  readonly gateway: Gateway
  readonly snapshot: Snapshot
  readonly caller: Caller
  readonly call: Call
  readonly plan: Plan
  readonly exchange: Exchange
}

/** The plan as far as there is a budget for it, and what pays for those of its backends that are asked later. */
export interface Funded {
  readonly plan: Plan
  /** Undefined: no backend has a budget. */
  readonly purse: Purse | undefined
}

/** What a request may cost is held until its end. Undefined: it costs nothing. */
export function fund(fundable: Fundable): Funded | Refusal | undefined {
  const { gateway, snapshot, call, exchange } = fundable
  const { budgets: policies } = snapshot
  const { budgets } = gateway
  // Looking at what is there costs nothing.
  if (policies === undefined || budgets === undefined || call.method !== 'POST' || isCounting(call)) return undefined
  const plan = fundedPlan(fundable, policies, budgets)
  if (isRefusal(plan)) return plan
  const backends = new Set(plan.tiers[0]?.candidates.map(({ backend }) => backend.name))
  const held = { ...spenderOf(fundable), backends: [...backends], ...guess(fundable, plan) }
  const reservation = budgets.hold(policies, exchange, held)
  exchange.debts.owe(reservation)
  return { plan, purse: reservation.boundsBackends ? reservation : undefined }
}

/** The same for a WebSocket: nobody knows what it will come to, but with nothing left none is opened. */
export function fundTunnel(fundable: Fundable): Plan | Refusal {
  const { budgets: policies } = fundable.snapshot
  const { budgets } = fundable.gateway
  return policies === undefined || budgets === undefined ? fundable.plan : fundedPlan(fundable, policies, budgets)
}

function spenderOf({ caller, exchange, plan }: Fundable): Spender {
  return { caller: caller.id, alias: exchange.alias ?? plan.alias }
}

function fundedPlan(fundable: Fundable, policies: readonly BudgetPolicy[], budgets: Budgets): Plan | Refusal {
  const spender = spenderOf(fundable)
  let { plan } = fundable
  for (const policy of policies) {
    if (policy.onExceeded === 'warn') continue
    const left =
      policy.scope === 'backend' ? withoutSpent(budgets, policy, plan) : within(budgets, policy, spender, plan)
    if (isRefusal(left)) return left
    plan = left
  }
  return plan
}

function isCounting({ endpoint }: Call): boolean {
  return endpoint.talk?.does === 'count'
}

function within(budgets: Budgets, policy: BudgetPolicy, spender: Spender, plan: Plan): Plan | Refusal {
  const whose = nameIn(policy, spender, undefined)
  const state = whose === undefined ? 'left' : budgets.stateOf(policy, whose)
  if (state === 'left') return plan
  const other = policy.onExceeded === 'fallback' ? behind(plan) : undefined
  return other ?? exceeded(budgets, policy, state)
}

/** Backends that have spent theirs are passed over. */
function withoutSpent(budgets: Budgets, policy: BudgetPolicy, plan: Plan): Plan | Refusal {
  let worst: 'held' | 'spent' | undefined
  const isSpent = (name: string): boolean => {
    if (policy.isFor?.(name) === false) return false
    const state = budgets.stateOf(policy, name)
    if (state === 'left') return false
    worst = worst === 'held' ? worst : state
    return true
  }
  const tiers = plan.tiers.flatMap((tier) => {
    const candidates = tier.candidates.filter(({ backend }) => !isSpent(backend.name))
    return candidates.length === tier.candidates.length ? tier : candidates.length === 0 ? [] : { ...tier, candidates }
  })
  if (worst === undefined) return plan
  return tiers.length === 0 ? exceeded(budgets, policy, worst) : { ...plan, tiers }
}

const owners = {
  global: 'for all clients',
  key: 'for this caller',
  model: 'for this model',
  backend: 'for the backends of this model',
} as const

function exceeded(budgets: Budgets, policy: BudgetPolicy, state: 'held' | 'spent'): Refusal {
  const { name, usd, tokens, per, scope } = policy
  const parts = [
    ...(usd === undefined ? [] : [`${usd} US dollars`]),
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
  ]
  const which = `the budget "${name}" of ${parts.join(' and ')} per ${per} ${owners[scope]}`
  if (state === 'held') {
    const message = `Cannot accept the request: what is left of ${which} is taken by requests under way, try again later`
    return refuse('rate_limit_exceeded', message, { retryAfterMs: 1000 })
  }
  const { endMs } = budgets.periodOf(policy)
  const message = `Cannot accept the request: ${which} is spent, it begins anew at ${new Date(endMs).toISOString()}`
  return refuse('insufficient_quota', message, { retryAfterMs: Math.max(1, endMs - budgets.nowWallMs) })
}

/** What it may come to at the route that is asked first, as far as its bytes tell. */
function guess({ gateway, snapshot, call }: Fundable, plan: Plan): Spending {
  const { prompt, answer } = guessParts(call)
  const tier = plan.tiers[0]
  const first = tier?.candidates[0]
  if (tier === undefined || first === undefined || snapshot.usage === undefined)
    return { usd: 0, tokens: prompt + answer }
  const route = { backend: first.backend.name, model: first.model, alias: tier.alias }
  const price = gateway.prices?.find(snapshot.usage.prices, route)
  const usage = { inputTokens: prompt, outputTokens: answer, source: 'estimated' } as const
  return { usd: price === undefined ? 0 : costOf(usage, price), tokens: prompt + answer }
}
