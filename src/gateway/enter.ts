import type { Call } from '#core/call.ts'
import type { Caller } from '#core/caller.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import { admit } from '#limit/admit.ts'
import type { Ticket } from '#limit/ticket.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { fund } from './fund.ts'
import type { Gateway } from './gateway.ts'
import type { Presence } from './presence.ts'
import type { Purse } from './walk.ts'

/** A request that knows where it goes, in front of what is limited. */
export interface Enterer {
  readonly gateway: Gateway
  readonly snapshot: Snapshot
  readonly caller: Caller
  readonly call: Call
  readonly plan: Plan
  readonly exchange: Exchange
  readonly presence: Presence
}

/** What it takes of limits, which it owes from then on. A promise, if it has to wait. */
// oxlint-disable-next-line typescript/promise-function-async -- nearly every request enters at once
export function enter(enterer: Enterer): Ticket | Refusal | Promise<Ticket | Refusal> {
  const { gateway, snapshot } = enterer
  const { limits: policy, keys } = snapshot
  return admit({ ...enterer, limits: gateway.limits, policy, tellsApart: keys.tellsApart })
}

/** What a request goes on with: where to, and what it took of limits. */
export interface Entered {
  readonly plan: Plan
  /** Undefined: nothing of it is limited. */
  readonly entry: Ticket | undefined
  /** Undefined: its backends have no budgets. */
  readonly purse?: Purse | undefined
}

/** The same, with what it may cost held in its budgets. */
// oxlint-disable-next-line typescript/promise-function-async -- as above
export function enterFunded(enterer: Enterer): Entered | Refusal | Promise<Entered | Refusal> {
  const isLimited = enterer.snapshot.limits !== undefined || enterer.caller.limits !== undefined
  const entering = isLimited ? enter(enterer) : undefined
  if (entering instanceof Promise) return entering.then((entry) => funded(enterer, entry))
  return funded(enterer, entering)
}

function funded(enterer: Enterer, entry: Ticket | Refusal | undefined): Entered | Refusal {
  if (isRefusal(entry)) return entry
  const plan = entry === undefined ? enterer.plan : entry.plan
  const held = enterer.snapshot.budgets && fund({ ...enterer, plan })
  return isRefusal(held) ? held : { plan: held?.plan ?? plan, entry, purse: held?.purse }
}

/** Nobody has to ask otherwise. */
export function hasLimits({ limits, budgets }: Snapshot, caller: Caller): boolean {
  return limits !== undefined || budgets !== undefined || caller.limits !== undefined
}
