import type { Candidate } from '#core/candidate.ts'
import type { Dialect } from '#core/dialect.ts'
import type { BreakerPolicy, Plan, Tier } from '#core/plan.ts'
import { noRests, type Rest, type Rests } from '#core/rest.ts'
import { firstOf, orderTier } from './order.ts'

/**
 * A plan's candidates in the order of their turns: tier by tier, in each by weight and by the lots of one request's seed.
 * What is not asked for is not computed. The order depends on plan and seed alone; who is passed over says
 * {@link objectionTo}.
 */
export class Course {
  /** Of the candidate that was given last. */
  tier: Tier | undefined
  readonly #tiers: readonly Tier[]
  readonly #seed: number
  #tierAt = 0
  #placeAt = 0
  #ordered: readonly Candidate[] | undefined

  constructor({ tiers }: Plan, seed: number) {
    this.#tiers = tiers
    this.#seed = seed
  }

  next(): Candidate | undefined {
    for (;;) {
      this.tier = this.#tiers[this.#tierAt]
      if (this.tier === undefined) return undefined
      const candidate = this.#at(this.#placeAt, this.tier.candidates)
      this.#placeAt += 1
      if (candidate !== undefined) return candidate
      this.#tierAt += 1
      this.#placeAt = 0
      this.#ordered = undefined
    }
  }

  #at(place: number, candidates: readonly Candidate[]): Candidate | undefined {
    if (place === 0) return firstOf(candidates, this.#seed)
    this.#ordered ??= orderTier(candidates, this.#seed)
    return this.#ordered[place]
  }
}

/** Why a candidate is passed over when its turn comes. */
export type Objection = Rest | { readonly why: 'dialect' }

/** Undefined when it is to be asked. */
export function objectionTo(
  { dialects, stateKey }: Candidate,
  dialect: Dialect,
  rests: Rests,
  nowMs: number,
  breaker: BreakerPolicy | undefined,
): Objection | undefined {
  return dialects.has(dialect) ? rests.restOf(stateKey, nowMs, breaker) : otherDialect
}

const otherDialect: Objection = { why: 'dialect' }

/** An objection as people read it. */
export function reasonOf(objection: Objection, dialect: Dialect, nowMs: number): string {
  switch (objection.why) {
    case 'dialect':
      return `it does not speak the ${dialect} dialect`
    case 'cooling':
      return `it is cooling down for another ${secondsUntil(objection.untilMs, nowMs)} s`
    case 'circuit_open':
      return `its circuit is open for another ${secondsUntil(objection.untilMs, nowMs)} s`
    case 'probed':
      return 'its circuit is half open, and another request is trying it out'
  }
}

function secondsUntil(untilMs: number, nowMs: number): number {
  return Math.max(1, Math.ceil((untilMs - nowMs) / 1000))
}

/** A candidate's turn in a choice that was made at one stroke. */
export interface Step {
  readonly candidate: Candidate
  readonly tier: Tier
  readonly objection: Objection | undefined
}

/** The whole choice as the road would make it now, for those who want to see it. */
export function chooseAll(plan: Plan, dialect: Dialect, rests: Rests, seed: number, nowMs: number): readonly Step[] {
  const course = new Course(plan, seed)
  const steps: Step[] = []
  for (;;) {
    const candidate = course.next()
    if (candidate === undefined || course.tier === undefined) return steps
    const objection = objectionTo(candidate, dialect, rests, nowMs, plan.breaker)
    steps.push({ candidate, tier: course.tier, objection })
  }
}

/** Who would be asked in turn, as `backend/model`, if everybody were well: what two configurations are compared by. */
export function idsWhenHealthy(plan: Plan, dialect: Dialect, seed: number): readonly string[] {
  const course = new Course(plan, seed)
  const ids: string[] = []
  while (ids.length < Math.min(plan.attemptsMax, comparedMax)) {
    const candidate = course.next()
    if (candidate === undefined) break
    if (objectionTo(candidate, dialect, noRests, 0, plan.breaker) === undefined) ids.push(candidate.id)
  }
  return ids
}

/** Limit: turns of one request that are compared. */
const comparedMax = 10

/** Limit: how long `when_all_cooling: wait` waits when the plan has no deadline of its own. */
export const waitMsMax = 60_000
