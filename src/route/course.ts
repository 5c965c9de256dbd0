import type { Candidate } from '#core/candidate.ts'
import type { CredentialBook, CredentialSet } from '#core/credential.ts'
import type { Asked } from '#core/endpoint.ts'
import type { HealthBook } from '#core/health.ts'
import type { Plan, Tier } from '#core/plan.ts'
import { noBooks, type Rest, type RouteBooks } from '#core/rest.ts'
import { restOf, type ChoiceNotes } from './ejection.ts'
import { firstOf, orderTier } from './order.ts'
import { canServe, nativesFirst, servesItself } from '#core/serving.ts'
import { inabilityOf } from './inability.ts'
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
  /** What is asked for, where those who know it by themselves come first. */
  readonly #asked: Asked | undefined
  #tierAt = 0
  #placeAt = 0
  #ordered: readonly Candidate[] | undefined

  constructor({ tiers, compat }: Plan, seed: number, outlook = plainOutlook, asked?: Asked) {
    this.#tiers = tiers
    this.#asked = compat?.prefersNative === true ? asked : undefined
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
    const { affinity, easing } = this.#outlook
    if (tier.strategy !== undefined || affinity !== undefined || easing !== undefined) {
      this.#ordered ??= this.#inFront(orderByStrategy(tier, this.#seed, this.#outlook))
      return this.#ordered[place]
    }
    if (place === 0) {
      const first = firstOf(tier.candidates, this.#seed)
      if (this.#asked === undefined || first === undefined || servesItself(first, this.#asked)) return first
    }
    this.#ordered ??= this.#inFront(orderTier(tier.candidates, this.#seed))
    return this.#ordered[place]
  }

  #inFront(ordered: readonly Candidate[]): readonly Candidate[] {
    return this.#asked === undefined ? ordered : nativesFirst(ordered, this.#asked)
  }
}

/** Why a candidate is passed over when its turn comes. */
export type Objection =
  | Rest
  /** All credentials of its backend rest. */
  | { readonly why: 'credentials'; readonly untilMs: number }
  /** Its backend fails its health checks; `untilMs`: the next one. */
  | { readonly why: 'unhealthy'; readonly untilMs: number }
  | { readonly why: 'dialect' }

/**
 * Undefined when it is to be asked. Health comes last where it may be overlooked, so that who is told to be unhealthy has
 * nothing else against it; else it comes first, and nothing makes up for it. `notes` are shared by the questions of one
 * choice. `credential`: of several only that one could answer.
 */
export function objectionTo(
  candidate: Candidate,
  asked: Asked,
  { breakers, credentials: book, health: checks }: RouteBooks,
  nowMs: number,
  plan: Pick<Plan, 'breaker' | 'failsOpen' | 'outlier' | 'tiers'>,
  notes?: ChoiceNotes,
  credential?: string,
): Objection | undefined {
  if (!canServe(candidate, asked)) return otherDialect
  const { credentials, health, name } = candidate.backend
  const ill = health === undefined ? undefined : illness(name, checks, nowMs)
  if (ill !== undefined && !plan.failsOpen) return ill
  const rest = restOf(candidate, asked, plan, breakers, nowMs, notes)
  if (rest !== undefined) return rest
  return (credentials && restOfAll(credentials, candidate.model, book, nowMs, credential)) ?? ill
}

function illness(backend: string, checks: HealthBook | undefined, nowMs: number): Objection | undefined {
  const untilMs = checks?.downUntil(backend)
  return untilMs === undefined ? undefined : { why: 'unhealthy', untilMs: Math.max(untilMs, nowMs + lookAgainMs) }
}

/** While a check is under way nobody knows when it ends; waiters look again after this long. */
const lookAgainMs = 1000

function restOfAll(
  set: CredentialSet,
  model: string,
  book: CredentialBook | undefined,
  nowMs: number,
  only: string | undefined,
): Objection | undefined {
  const untilMs = book?.ringOf(set)?.restsUntil(nowMs, model, only)
  return untilMs === undefined ? undefined : { why: 'credentials', untilMs }
}

const otherDialect: Objection = { why: 'dialect' }

/** An objection as people read it. */
export function reasonOf(objection: Objection, candidate: Candidate, asked: Asked, nowMs: number): string {
  switch (objection.why) {
    case 'dialect':
      return `it ${inabilityOf(candidate, asked).lacks}`
    case 'cooling':
      return `it is cooling down for another ${secondsUntil(objection.untilMs, nowMs)} s`
    case 'credentials':
      return `all its credentials rest for another ${secondsUntil(objection.untilMs, nowMs)} s`
    case 'circuit_open':
      return `its circuit is open for another ${secondsUntil(objection.untilMs, nowMs)} s`
    case 'ejected':
      return `it does worse than its siblings and is left out for another ${secondsUntil(objection.untilMs, nowMs)} s`
    case 'unhealthy':
      return `its health checks fail, the next one is in ${secondsUntil(objection.untilMs, nowMs)} s`
    case 'probed':
      return 'its circuit is half open, and another request is trying it out'
  }
}

/** For people: never less than one. */
export function secondsUntil(untilMs: number, nowMs: number): number {
  return Math.max(1, Math.ceil((untilMs - nowMs) / 1000))
}

/** A candidate's turn in a choice that was made at one stroke. */
export interface Step {
  readonly candidate: Candidate
  readonly tier: Tier
  readonly objection: Objection | undefined
  /** It fails its health checks and is asked all the same, since nobody else can be. */
  readonly isFailedOpen: boolean
}

/** The whole choice as the road would make it now, for those who want to see it. */
export function chooseAll(
  plan: Plan,
  asked: Asked,
  books: RouteBooks,
  seed: number,
  nowMs: number,
  outlook = plainOutlook,
): readonly Step[] {
  const notes: ChoiceNotes = { places: undefined }
  const objectionNow = (candidate: Candidate): Objection | undefined =>
    objectionTo(candidate, asked, books, nowMs, plan, notes)
  const steps = stepsOf({ plan, seed, asked }, outlook, objectionNow)
  const isAnyAsked = steps.some(({ objection }) => objection === undefined)
  if (isAnyAsked || !plan.failsOpen || !steps.some(({ objection }) => objection?.why === 'unhealthy')) return steps
  const isUnwell = (candidate: Candidate): boolean => objectionNow(candidate)?.why === 'unhealthy'
  return stepsOf({ plan, seed, asked }, outlook, objectionNow, isUnwell)
}

function stepsOf(
  { plan, seed, asked }: { readonly plan: Plan; readonly seed: number; readonly asked: Asked },
  outlook: Outlook,
  objectionNow: (candidate: Candidate) => Objection | undefined,
  isFailedOpen: (candidate: Candidate) => boolean = () => false,
): Step[] {
  const ability = {
    isAble: (candidate: Candidate): boolean => objectionNow(candidate) === undefined || isFailedOpen(candidate),
  }
  const course = new Course(plan, seed, { ...outlook, ability }, asked)
  const steps: Step[] = []
  for (;;) {
    const candidate = course.next()
    if (candidate === undefined || course.tier === undefined) return steps
    const objection = objectionNow(candidate)
    steps.push({ candidate, tier: course.tier, objection, isFailedOpen: isFailedOpen(candidate) })
  }
}

/** Who would be asked in turn, as `backend/model`, if everybody were well and nothing known of anybody: what two configurations are compared by. */
export function idsWhenHealthy(plan: Plan, asked: Asked, seed: number): readonly string[] {
  const course = new Course(plan, seed, plainOutlook, asked)
  const ids: string[] = []
  while (ids.length < Math.min(plan.attemptsMax, comparedMax)) {
    const candidate = course.next()
    if (candidate === undefined) break
    if (objectionTo(candidate, asked, noBooks, 0, plan) === undefined) ids.push(candidate.id)
  }
  return ids
}

/** Limit: turns of one request that are compared. */
const comparedMax = 10

/** Limit: how long `when_all_cooling: wait` waits when the plan has no deadline of its own. */
export const waitMsMax = 60_000
