import type { Call } from '#core/call.ts'
import type { Caller } from '#core/caller.ts'
import type { Exchange } from '#core/exchange.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import { identifyAny } from '#identity/identify.ts'
import { objectionToModel, objectionToRequest } from '#identity/permit.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Gateway } from './gateway.ts'
import type { Incoming } from './incoming.ts'
import { offeredInQuery } from './query.ts'

/** Who asks, by key or token, and may ask from there; a promise only where a token has to be checked first. */
// oxlint-disable-next-line typescript/promise-function-async -- keys are known at once
export function callerOf(
  gateway: Pick<Gateway, 'tokens' | 'clock'>,
  { keys }: Pick<Snapshot, 'keys'>,
  incoming: Incoming,
  exchange: Exchange,
): Caller | Refusal | Promise<Caller | Refusal> {
  const { headers } = incoming.request
  const inQuery = offeredInQuery(incoming, undefined, keys.headers)
  const caller = identifyAny(headers, inQuery, keys, gateway.clock.wallMs(), gateway.tokens)
  if (!(caller instanceof Promise)) return permitted(caller, incoming, exchange)
  // Once it is gone nobody can tell where it came from.
  incoming.client.note()
  return caller.then((known) => permitted(known, incoming, exchange))
}

function permitted(caller: Caller | Refusal, incoming: Incoming, exchange: Exchange): Caller | Refusal {
  if (isRefusal(caller)) return caller
  exchange.caller = caller.id
  if (caller.access === undefined) return caller
  return objectionToRequest(caller.access, incoming) ?? caller
}

/** Why its caller may not ask this model; undefined: it may, as nearly all callers may. */
export function objectionToCall(
  { access }: Caller,
  call: Call,
  { keys, unknownModelStatus }: Pick<Snapshot, 'keys' | 'unknownModelStatus'>,
): Refusal | undefined {
  if (access?.allowsModel === undefined) return undefined
  return objectionToModel(access, call, { isHidden: keys.hidesForbidden, unknownModelStatus })
}
