import type { RetryPolicy } from '#core/plan.ts'
import type { Random } from '#ports/random.ts'

/**
 * Pause before the same route is asked again; `retry` counts from 0. It grows by the multiplier up to the limit, then
 * chance takes up to the jitter's share away, so that many waiting requests do not come back in one moment.
 */
export function retryDelayMs(policy: RetryPolicy, retry: number, random: Random): number {
  // Nothing times a growth beyond all numbers would be no number.
  if (policy.baseMs === 0) return 0
  const grownMs = Math.min(policy.delayMsMax, policy.baseMs * policy.multiplier ** retry)
  return grownMs * (1 - policy.jitter * random.unit())
}
