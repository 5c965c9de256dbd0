import type { Candidate } from '#core/candidate.ts'
import type { CredentialBook, CredentialSet } from '#core/credential.ts'
import type { Dialect } from '#core/dialect.ts'
import type { BreakerPolicy, Plan, Tier } from '#core/plan.ts'
import { noRests, type Rest, type Rests } from '#core/rest.ts'
import { firstOf, orderTier } from './order.ts'
import { orderByStrategy, plainOutlook, type Outlook } from './strategy.ts'

/**
 * A plan's candidates in the order of their turns: tier by tier, in each by its strategy, which for most is weight and the
 * lots of one request's seed. What is not asked for is not computed. The order depends on plan, seed and outlook alone; who
 * is passed over says {@link objectionTo}.
 */
export class Course {
  /** Of the candidate that was given last. */
  tier: Tier | undefined
  readonly #tiers: readonly Tier[]
  readonly #seed: number
  readonly #outlook: Outlook
  #tierAt = 0
  #placeAt = 0
  #ordered: readonly Candidate[] | undefined

  constructor({ tiers }: Plan, seed: number, outlook = plainOutlook) {
    const { affinity } = outlook
    this.#tiers = affinity?.isHard === true ? onlyOf(tiers, affinity.pinned) : tiers
    this.#seed = seed
    this.#outlook = outlook
  }

  next(): Candidate | undefined {
    for (;;) {
      this.tier = this.#tiers[this.#tierAt]
      if (this.tier === undefined) return undefined
      const candidate = this.#at(this.#placeAt, this.tier)
      this.#placeAt += 1
      if (candidate !== undefined) return candidate
      this.#tierAt += 1
      this.#placeAt = 0
      this.#ordered = undefined
    }
  }

  #at(place: number, tier: Tier): Candidate | undefined {
    if (tier.strategy !== undefined || this.#outlook.affinity !== undefined) {
      this.#ordered ??= orderByStrategy(tier, this.#seed, this.#outlook)
      return this.#ordered[place]
    }
    if (place === 0) return firstOf(tier.candidates, this.#seed)
    this.#ordered ??= orderTier(tier.candidates, this.#seed)
    return this.#ordered[place]
  }
}

/** The candidates of one route, whatever their tiers; all of them when it has none here. */
function onlyOf(tiers: readonly Tier[], stateKey: string | undefined): readonly Tier[] {
  const own = tiers
    .map((tier) => ({ ...tier, candidates: tier.candidates.filter((candidate) => candidate.stateKey === stateKey) }))
    .filter(({ candidates }) => candidates.length > 0)
  return own.length === 0 ? tiers : own
}

/** Why a candidate is passed over when its turn comes. */
export type Objection =
  | Rest
  /** All credentials of its backend rest. */
  | { readonly why: 'credentials'; readonly untilMs: number }
  | { readonly why: 'dialect' }

/** Undefined when it is to be asked. */
export function objectionTo(
  { dialects, stateKey, model, backend: { credentials } }: Candidate,
  dialect: Dialect,
  rests: Rests,
  nowMs: number,
  breaker: BreakerPolicy | undefined,
  book?: CredentialBook,
): Objection | undefined {
  if (!dialects.has(dialect)) return otherDialect
  const rest = rests.restOf(stateKey, nowMs, breaker)
  return rest !== undefined || credentials === undefined ? rest : restOfAll(credentials, model, book, nowMs)
}

function restOfAll(
  set: CredentialSet,
  model: string,
  book: CredentialBook | undefined,
  nowMs: number,
): Objection | undefined {
  const untilMs = book?.ringOf(set)?.restsUntil(nowMs, model)
  return untilMs === undefined ? undefined : { why: 'credentials', untilMs }
}

const otherDialect: Objection = { why: 'dialect' }

/** An objection as people read it. */
export function reasonOf(objection: Objection, dialect: Dialect, nowMs: number): string {
  switch (objection.why) {
    case 'dialect':
      return `it does not speak the ${dialect} dialect`
    case 'cooling':
      return `it is cooling down for another ${secondsUntil(objection.untilMs, nowMs)} s`
    case 'credentials':
      return `all its credentials rest for another ${secondsUntil(objection.untilMs, nowMs)} s`
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
export function chooseAll(
  plan: Plan,
  dialect: Dialect,
  rests: Rests,
  seed: number,
  nowMs: number,
  outlook = plainOutlook,
  book?: CredentialBook,
): readonly Step[] {
  const objectionNow = (candidate: Candidate): Objection | undefined =>
    objectionTo(candidate, dialect, rests, nowMs, plan.breaker, book)
  const ability = { isAble: (candidate: Candidate): boolean => objectionNow(candidate) === undefined }
  const course = new Course(plan, seed, { ...outlook, ability })
  const steps: Step[] = []
  for (;;) {
    const candidate = course.next()
    if (candidate === undefined || course.tier === undefined) return steps
    steps.push({ candidate, tier: course.tier, objection: objectionNow(candidate) })
  }
}

/** Who would be asked in turn, as `backend/model`, if everybody were well and nothing known of anybody: what two configurations are compared by. */
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
