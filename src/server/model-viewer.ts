import type { Caller } from '#core/caller.ts'
import type { Client } from '#core/client.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import type { Gateway } from '#gateway/gateway.ts'
import { queryCredential } from '#gateway/query.ts'
import { identifyAny } from '#identity/identify.ts'
import { objectionToAddress, objectionToKind } from '#identity/permit.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'

/**
 * Who looks at a list of models, which shows a caller what it may ask. Undefined: somebody who need not be known, and
 * sees all of it.
 */
export function viewerOfModels(
  { clock, tokens }: Pick<Gateway, 'clock' | 'tokens'>,
  snapshot: Pick<Snapshot, 'keys' | 'modelsRequireAuth'>,
  asked: { readonly headers: Headers; readonly query: string; readonly client: Pick<Client, 'address'> },
): Caller | Refusal | undefined | Promise<Caller | Refusal | undefined> {
  const { keys, modelsRequireAuth } = snapshot
  // Who hides models from some of the callers does not show them to strangers.
  const isClosed = modelsRequireAuth || keys.hidesForbidden
  if (!isClosed && !keys.limitsModels) return undefined
  const known = identifyAny(asked.headers, queryCredential(asked.query), keys, clock.wallMs(), tokens)
  if (known instanceof Promise) return known.then((caller) => judged(caller, isClosed, asked.client))
  return judged(known, isClosed, asked.client)
}

function judged(
  caller: Caller | Refusal,
  isClosed: boolean,
  client: Pick<Client, 'address'>,
): Caller | Refusal | undefined {
  // What strangers may see is not kept from those who are known.
  if (!isClosed) return isRefusal(caller) ? undefined : caller
  if (isRefusal(caller) || caller.access === undefined) return caller
  return objectionToAddress(caller.access, client) ?? objectionToKind(caller.access, 'models') ?? caller
}
