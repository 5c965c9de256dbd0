import * as v from 'valibot'
import type { Candidate } from '#core/candidate.ts'
import type { CredentialBook } from '#core/credential.ts'
import type { Dialect } from '#core/dialect.ts'
import type { Plan, Tier } from '#core/plan.ts'
import type { Rests } from '#core/rest.ts'
import { chooseAll, reasonOf, waitMsMax, type Objection, type Step } from './course.ts'
import { Figures, type FiguresView } from './figures.ts'
import { promisesOf } from './promises.ts'
import { scoreText, strategyName, type Outlook } from './strategy.ts'

/** What the choice is to be explained for. */
export interface ExplainedCall {
  /** As the client would send it; shown only. */
  readonly path: string
  readonly dialect: Dialect
  readonly stream: boolean
}

/** The form of an {@link Explanation}, for those who get one from elsewhere. Made when asked for: a start needs none. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- the schema's type is its value
export function explanationSchema() {
  const objection = v.object({
    why: v.picklist(['dialect', 'cooling', 'credentials', 'circuit_open', 'probed']),
    reason: v.string(),
    /** What the operator can do about it. */
    remedy: v.nullable(v.string()),
    forMs: v.nullable(v.number()),
  })
  const route = v.object({
    /** 1 for the one that is asked first; null for those that are passed over. */
    turn: v.nullable(v.number()),
    backend: v.string(),
    model: v.string(),
    protocol: v.string(),
    /** Whose route it is: the asked alias or one of its fallbacks. */
    alias: v.string(),
    level: v.picklist(['l1', 'l2']),
    priority: v.number(),
    weight: v.number(),
    /** How routes of its priority are ordered. */
    strategy: v.picklist(['weighted_random', 'round_robin', 'least_connections', 'latency', 'cost', 'hash', 'random']),
    /** What the strategy sees in it, in words; null where it goes by weight and chance. */
    score: v.nullable(v.string()),
    /** How many of the requests that come to its priority begin with it, 0 to 1; null where that depends on what happens. */
    share: v.nullable(v.number()),
    passedOver: v.nullable(objection),
    /** In milliseconds, 0 = no limit. */
    limits: v.object({
      connectMs: v.number(),
      firstByteMs: v.number(),
      firstContentMs: v.number(),
      idleMs: v.number(),
      durationMs: v.number(),
      totalMs: v.number(),
    }),
  })
  return v.object({
    model: v.string(),
    path: v.string(),
    dialect: v.string(),
    stream: v.boolean(),
    seed: v.number(),
    /** What the gateway does: ask somebody, wait for a resting route, or refuse. */
    verdict: v.picklist(['asks', 'waits', 'refuses']),
    /** The verdict in words. */
    says: v.string(),
    /** null = no limit. */
    attemptsMax: v.nullable(v.number()),
    /** In the order of their turns, those that are passed over where their turn would be. */
    routes: v.array(route),
    /** The policies of the alias in words. */
    promises: v.array(v.string()),
  })
}

/** Who would be asked for a model, in which order and why; as JSON it is a page of its own. */
export type Explanation = v.InferOutput<ReturnType<typeof explanationSchema>>

type ExplainedRoute = Explanation['routes'][number]

/**
 * The road's own choice for a request that belongs to no others, with its reasons. Pure: takes no probe of a circuit and
 * nobody's turn.
 */
export function explainCourse(
  plan: Plan,
  call: ExplainedCall,
  rests: Rests,
  seed: number,
  nowMs: number,
  figures: FiguresView = new Figures(),
  book?: CredentialBook,
): Explanation {
  const outlook: Outlook = { figures, affinity: undefined, isStream: call.stream, nowMs }
  const steps = chooseAll(plan, call.dialect, rests, seed, nowMs, outlook, book)
  const shares = sharesOf(steps)
  const outcome = decide(plan, call.dialect, steps, nowMs)
  let turns = 0
  const routes = steps.map((step): ExplainedRoute => {
    const isAsked = step.objection === undefined || step === outcome.leastBad
    if (isAsked) turns += 1
    const share = shares.get(step.candidate) ?? (hasShares(step.tier) ? 0 : null)
    const passedOver = step.objection === undefined ? null : tell(step.objection, call.dialect, nowMs)
    const score = scoreText(step.tier, step.candidate, outlook)
    return routeOf(step, { turn: isAsked ? turns : null, score, share, passedOver })
  })
  return {
    model: plan.alias,
    path: call.path,
    dialect: call.dialect,
    stream: call.stream,
    seed,
    verdict: outcome.verdict,
    says: outcome.says,
    attemptsMax: Number.isFinite(plan.attemptsMax) ? plan.attemptsMax : null,
    routes,
    promises: promisesOf(plan, call.stream),
  }
}

interface Decision {
  readonly verdict: Explanation['verdict']
  readonly says: string
  /** The resting one that is asked for want of others. */
  readonly leastBad?: Step
}

function decide(plan: Plan, dialect: Dialect, steps: readonly Step[], nowMs: number): Decision {
  const asked = steps.filter(({ objection }) => objection === undefined)
  const [first] = asked
  if (first !== undefined) {
    const left = Math.min(asked.length, plan.attemptsMax) - 1
    const more = left <= 0 ? 'and nobody after it' : left === 1 ? 'then one more' : `then ${left} more`
    return { verdict: 'asks', says: `asks ${first.candidate.id} first, ${more}` }
  }
  const soonest = soonestOf(steps)
  if (soonest === undefined) {
    return steps.length === 0
      ? { verdict: 'refuses', says: 'refuses with 503: every route of it is switched off' }
      : { verdict: 'refuses', says: `refuses with 400: none of its backends speaks the ${dialect} dialect` }
  }
  const waitMs = Math.max(0, soonest.untilMs - nowMs)
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  const { id } = soonest.step.candidate
  const limitMs = plan.deadlineMs === 0 ? waitMsMax : plan.deadlineMs
  const leastBad = soonestOf(steps.filter(({ objection }) => objection?.why !== 'credentials'))?.step
  if (plan.whenAllCooling === 'least_bad' && leastBad !== undefined) {
    const { id: asksId } = leastBad.candidate
    const says = `asks ${asksId}, which recovers first: every route of it rests, and fallback.when_all_cooling is least_bad`
    return { verdict: 'asks', says, leastBad }
  }
  if (plan.whenAllCooling === 'wait' && waitMs <= limitMs) {
    return { verdict: 'waits', says: `waits ${seconds} s for ${id}: every route of it rests` }
  }
  const told = Math.min(seconds, retryAfterSecondsMax)
  return { verdict: 'refuses', says: `refuses with 503 and "Retry-After: ${told}": every route of it rests` }
}

/** What clients are told at the most, see `wire/error-body.ts`. */
const retryAfterSecondsMax = 60

function soonestOf(steps: readonly Step[]): { readonly step: Step; readonly untilMs: number } | undefined {
  let soonest: { readonly step: Step; readonly untilMs: number } | undefined
  for (const step of steps) {
    const { objection } = step
    if (objection === undefined || objection.why === 'dialect') continue
    if (soonest === undefined || objection.untilMs < soonest.untilMs) soonest = { step, untilMs: objection.untilMs }
  }
  return soonest
}

/** Of those that can be asked now; those of weight 0 have a share only where nobody has weight. */
function sharesOf(steps: readonly Step[]): ReadonlyMap<Candidate, number> {
  const shares = new Map<Candidate, number>()
  const asked = steps.filter(({ objection }) => objection === undefined)
  for (const [tier, group] of Map.groupBy(asked, (step) => step.tier)) {
    if (!hasShares(tier)) continue
    const parts = group.map(({ candidate }) => partOf(tier, candidate))
    const total = parts.reduce((sum, part) => sum + part, 0)
    for (const [at, { candidate }] of group.entries()) {
      shares.set(candidate, total === 0 ? 1 / group.length : (parts[at] ?? 0) / total)
    }
  }
  return shares
}

/** Where load, speed or prices decide, nobody can tell. */
function hasShares({ strategy, candidates }: Tier): boolean {
  return candidates.length < 2 || (strategy !== 'least_connections' && strategy !== 'latency' && strategy !== 'cost')
}

function partOf({ strategy }: Tier, { weight }: Candidate): number {
  return strategy === 'random' && weight > 0 ? 1 : weight
}

function routeOf(
  { candidate, tier }: Step,
  { turn, score, share, passedOver }: Pick<ExplainedRoute, 'turn' | 'score' | 'share' | 'passedOver'>,
): ExplainedRoute {
  const { backend, model, protocol, weight, streamClocks } = candidate
  const { connectMs, firstByteMs, totalMs } = backend.timeouts
  const { firstContentMs, idleMs, durationMs } = streamClocks
  return {
    turn,
    backend: backend.name,
    model,
    protocol,
    alias: tier.alias,
    level: tier.level,
    priority: tier.priority,
    weight,
    strategy: strategyName(tier.strategy),
    score,
    share,
    passedOver,
    limits: { connectMs, firstByteMs, firstContentMs, idleMs, durationMs, totalMs },
  }
}

function tell(objection: Objection, dialect: Dialect, nowMs: number): NonNullable<ExplainedRoute['passedOver']> {
  const reason = reasonOf(objection, dialect, nowMs)
  if (objection.why === 'dialect') {
    return {
      why: objection.why,
      reason,
      remedy: `if it does, say so: "protocol: ${dialect}", or "any", at the route or its backend`,
      forMs: null,
    }
  }
  return { why: objection.why, reason, remedy: null, forMs: Math.round(objection.untilMs - nowMs) }
}
