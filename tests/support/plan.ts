import type { Candidate } from '#core/candidate.ts'
import type { Plan } from '#core/plan.ts'
import { planOf } from './upstream.ts'

/** A plan with these tiers, the most preferred first; nothing rests for long, nothing is limited, unless said otherwise. */
export function tieredPlan(tiers: readonly (readonly Candidate[])[], overrides: Partial<Plan> = {}): Plan {
  return {
    ...planOf(),
    tiers: tiers.map((candidates, index) => ({ alias: 'alias', level: 'l1', priority: index, candidates })),
    ...overrides,
  }
}
