import type { Call } from '#core/call.ts'
import type { Caller } from '#core/caller.ts'
import type { Plan } from '#core/plan.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import { withoutHints } from '#identity/permit.ts'
import { ownerOf } from '#route/owned-id.ts'
import { resolve } from '#route/resolve.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Gateway } from './gateway.ts'

/** Where a request may go. */
export interface Found {
  readonly plan: Plan
  /** Who has what it asks for by id; undefined: anyone may be asked. */
  readonly owner: Exclude<ReturnType<typeof ownerOf>, Refusal>
}

/** A promise only for an id that another process may know. */
// oxlint-disable-next-line typescript/promise-function-async -- nearly every plan is found at once
export function findPlan(
  gateway: Gateway,
  snapshot: Snapshot,
  caller: Caller,
  call: Call,
): Found | Refusal | Promise<Found | Refusal> {
  const found = look(gateway, snapshot, caller, call)
  const mayBeNews = isRefusal(found) && found.code === 'unknown_id' && gateway.figures.owners.learned !== undefined
  return mayBeNews ? lookAgain(gateway, snapshot, caller, call) : found
}

/** Another process may have seen it a moment ago. */
async function lookAgain(gateway: Gateway, snapshot: Snapshot, caller: Caller, call: Call): Promise<Found | Refusal> {
  await gateway.clock.sleep(newsMs)
  return look(gateway, snapshot, caller, call)
}

/** How long the news of one process is on its way to another at the most, as a rule. */
const newsMs = 100

function look({ figures, clock }: Gateway, snapshot: Snapshot, caller: Caller, call: Call): Found | Refusal {
  const owner = ownerOf(figures.owners, call, caller.id, clock.monotonicMs(), snapshot.ownedIds.resources)
  if (isRefusal(owner)) return owner
  const plan = resolve(snapshot, call, owner)
  return isRefusal(plan) ? withoutHints(caller, plan, call) : { plan, owner }
}
