import type { Call } from '#core/call.ts'
import type { Plan } from '#core/plan.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import type { Cache } from './cache.ts'
import type { CachePolicy } from './compile.ts'
import type { Entry } from './entry.ts'
import { Fill } from './fill.ts'
import { canBeRetold, keyOf, kindOf, type Tenant } from './key.ts'
import type { Replayed } from './replay.ts'
import { usageFit } from './usage-wish.ts'
import { cacheWishesOf } from './wishes.ts'

export interface Recalling {
  readonly cache: Cache
  readonly policy: CachePolicy
  readonly call: Call
  readonly plan: Plan
  readonly tenant: Tenant
  readonly requestId: string
}

/** An answer that was kept, in the framing that is asked for. */
export interface Recalled extends Replayed {
  readonly kind: 'recalled'
  readonly entry: Entry
}

const notKept = refuse(
  'not_cached',
  'Cannot answer from the cache: nothing is kept for this request, send it without "only-if-cached" to have a backend asked',
)

/** The answer that is kept for such a request, or what keeps the next one. A promise only where something has to be waited for. */
export function recall(asked: Recalling): Recalled | Fill | Refusal | Promise<Recalled | Fill | Refusal> {
  const { cache, policy, call, plan, tenant } = asked
  const wishes = cacheWishesOf(call.headers)
  const { talk } = call.endpoint
  const key = talk && keyOf(call, plan, tenant, policy.key)
  const isBypass = key === undefined || !wishes.takesKept
  const fill = (): Fill | Refusal => {
    if (wishes.onlyKept) return notKept
    const kept = wishes.mayKeep ? key : undefined
    return new Fill({ cache, policy, clock: cache.clock, isBypass, key: kept, kind: kindOf(call), talk })
  }
  // Who wants none that was kept has the one that is kept replaced.
  if (isBypass) return fill()
  const found = cache.find(key, policy, wishes.ageMsMax)
  const told = (entry: Entry | undefined): Recalled | Fill | Refusal | Promise<Recalled | Fill | Refusal> => {
    if (entry === undefined) return fill()
    const isSame = entry.kind === kindOf(call)
    const fit = isSame ? usageFit(call, entry) : 'fits'
    if (fit === 'lacks') return fill()
    if (isSame && fit === 'fits') return { kind: 'recalled', entry, contentType: entry.contentType, bytes: entry.bytes }
    return canBeRetold(call) ? retold(asked, entry, fill) : fill()
  }
  return found instanceof Promise ? found.then(told) : told(found)
}

/** What does it is loaded when it is needed first. */
async function retold(
  { call, requestId, cache }: Recalling,
  entry: Entry,
  fill: () => Fill | Refusal,
): Promise<Recalled | Fill | Refusal> {
  const { replay } = await import('./replay.ts')
  const replayed = await replay(entry, call, requestId, cache.clock)
  return replayed === undefined ? fill() : { kind: 'recalled', entry, ...replayed }
}
