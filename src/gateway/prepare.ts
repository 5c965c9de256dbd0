import type { Call } from '#core/call.ts'
import type { Caller } from '#core/caller.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import { guard } from '#guard/guard.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { objectionToCall } from './caller-of.ts'
import type { Gateway } from './gateway.ts'

/** What a caller asked, as far as it may, with what the operator adds. */
export function prepare(gateway: Gateway, snapshot: Snapshot, caller: Caller, asked: Call): Call | Refusal {
  const forbidden = objectionToCall(caller, asked, snapshot)
  if (forbidden !== undefined) return forbidden
  // In front of the rules: what the operator adds is not the client's, and would move its messages.
  const guarded = snapshot.guards === undefined ? asked : guard(snapshot.guards, asked)
  if (isRefusal(guarded) || snapshot.rules === undefined) return guarded
  return snapshot.rules.apply(guarded, gateway.clock.wallMs())
}
