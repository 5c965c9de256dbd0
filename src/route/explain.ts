import * as v from 'valibot'
import type { Candidate } from '#core/candidate.ts'
import type { Dialect } from '#core/dialect.ts'
import type { Asked } from '#core/endpoint.ts'
import type { Plan, Tier } from '#core/plan.ts'
import type { RouteBooks } from '#core/rest.ts'
import type { Talk } from '#core/talk.ts'
import { servesItself } from '#core/serving.ts'
import { affinityOf, idOf, type Affinity } from './affinity.ts'
import { chooseAll, reasonOf, waitMsMax, type Objection, type Step } from './course.ts'
import { Figures, type FiguresView } from './figures.ts'
import { inabilityOf, whyNobody } from './inability.ts'
import { promisesOf } from './promises.ts'
import { SlowStart, type Easing } from './slow-start.ts'
import { scoreText, strategyName, type Outlook } from './strategy.ts'

/** What the choice is to be explained for. */
export interface ExplainedCall {
  /** As the client would send it; shown only. */
  readonly path: string
  readonly dialect: Dialect
  readonly talk?: Talk | undefined
  readonly stream: boolean
  /** By which affinity may go; undefined: of the request no more is known than its model. */
  readonly headers?: Headers | undefined
  /** Who asks, where callers are told apart. */
  readonly caller?: string | undefined
}

/** The form of an {@link Explanation}, for those who get one from elsewhere. Made when asked for: a start needs none. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- the schema's type is its value
export function explanationSchema() {
  const objection = v.object({
    why: v.picklist(['dialect', 'cooling', 'credentials', 'circuit_open', 'ejected', 'unhealthy', 'probed']),
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
    /** The form in which its backend is asked, where it does not know the client's; null: the request goes out as it comes. */
    translated: v.nullable(v.string()),
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
    /** The part of its weight that counts since it came back a while ago, 0 to 1; null for all of it. */
    ease: v.nullable(v.number()),
    /** Also of those that fail their health checks and are asked all the same. */
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
    /** null: no request of the alias belongs to others, or nothing is known of this one. */
    affinity: v.nullable(
      v.object({
        /** What tells to whom it belongs; null: none of its headers does. */
        by: v.nullable(v.string()),
        /** `backend/model` that it stays with; null: nobody. */
        pinned: v.nullable(v.string()),
        forMs: v.nullable(v.number()),
      }),
    ),
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
 * The road's own choice, with its reasons, for a request of which only its headers may tell that it belongs to others.
 * Pure: takes no probe of a circuit and nobody's turn.
 */
export function explainCourse(
  plan: Plan,
  call: ExplainedCall,
  books: RouteBooks,
  seed: number,
  nowMs: number,
  figures: FiguresView = new Figures(),
): Explanation {
  const easing =
    plan.slowStartMs === 0 ? undefined : new SlowStart(books, plan.slowStartMs, { monotonicMs: () => nowMs })
  const affinity = belongingOf(plan, call, figures, nowMs)
  const outlook: Outlook = { figures, affinity, isStream: call.stream, nowMs, easing }
  const steps = withoutOtherAddress(chooseAll(plan, call, books, seed, nowMs, outlook))
  const shares = sharesOf(steps, easing, plan.compat?.prefersNative === true ? call : undefined)
  const outcome = decide(plan, call, steps, nowMs)
  let turns = 0
  const routes = steps.map((step): ExplainedRoute => {
    const isAsked = mayBeAsked(step) || step === outcome.leastBad
    if (isAsked) turns += 1
    const share = shares.get(step.candidate) ?? (hasShares(step.tier) ? 0 : null)
    const passedOver = step.objection === undefined ? null : tell(step.objection, step.candidate, call, nowMs)
    const score = scoreText(step.tier, step.candidate, outlook)
    const ease = hasEase(step.tier) ? (easing?.easeOf(step.candidate) ?? 1) : 1
    return routeOf(step, {
      turn: isAsked ? turns : null,
      score,
      share,
      ease: ease === 1 ? null : Math.round(ease * 1000) / 1000,
      passedOver,
      translated: servesItself(step.candidate, call) ? null : (step.candidate.translation?.form ?? null),
    })
  })
  return {
    model: plan.alias,
    path: call.path,
    dialect: call.dialect,
    stream: call.stream,
    seed,
    verdict: outcome.verdict,
    says: outcome.says,
    affinity: tellAffinity(plan, call, affinity, nowMs),
    attemptsMax: Number.isFinite(plan.attemptsMax) ? plan.attemptsMax : null,
    routes,
    promises: promisesOf(plan, call.stream),
  }
}

function belongingOf(
  { alias, balance }: Plan,
  { path, dialect, headers, caller }: ExplainedCall,
  { pins }: FiguresView,
  nowMs: number,
): Affinity | undefined {
  if (balance?.affinity === undefined || headers === undefined || pins === undefined) return undefined
  const endpoint = { path, dialect, reads: 'json', stream: undefined } as const
  const client = { address: '', peer: undefined }
  return affinityOf(pins, balance.affinity, alias, { endpoint, headers, client, body: undefined }, nowMs, caller)
}

function tellAffinity(
  { balance }: Plan,
  { headers }: ExplainedCall,
  affinity: Affinity | undefined,
  nowMs: number,
): Explanation['affinity'] {
  if (balance?.affinity === undefined || headers === undefined) return null
  const { by = null, pinned, untilMs = 0 } = affinity ?? {}
  return pinned === undefined
    ? { by, pinned: null, forMs: null }
    : { by, pinned: idOf(pinned), forMs: Math.round(untilMs - nowMs) }
}

interface Decision {
  readonly verdict: Explanation['verdict']
  readonly says: string
  /** The resting one that is asked for want of others. */
  readonly leastBad?: Step
}

function decide(plan: Plan, call: ExplainedCall, steps: readonly Step[], nowMs: number): Decision {
  const asked = steps.filter(mayBeAsked)
  const [first] = asked
  if (first !== undefined) {
    const left = Math.min(asked.length, plan.attemptsMax) - 1
    const more = left <= 0 ? 'and nobody after it' : left === 1 ? 'then one more' : `then ${left} more`
    const why = first.isFailedOpen ? ', although its health checks fail: nobody else can be asked' : ''
    return { verdict: 'asks', says: `asks ${first.candidate.id} first, ${more}${why}` }
  }
  const soonest = soonestOf(steps)
  if (soonest === undefined) {
    if (steps.length === 0) return { verdict: 'refuses', says: 'refuses with 503: every route of it is switched off' }
    const why = whyNobody(
      steps.map(({ candidate }) => candidate),
      call,
    )
    return { verdict: 'refuses', says: `refuses with 400: ${why}` }
  }
  const waitMs = Math.max(0, soonest.untilMs - nowMs)
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  const { id } = soonest.step.candidate
  const limitMs = plan.deadlineMs === 0 ? waitMsMax : plan.deadlineMs
  const rests = steps.some(({ objection }) => objection?.why === 'unhealthy')
    ? 'every route of it rests or fails its health checks'
    : 'every route of it rests'
  const leastBad = soonestOf(
    steps.filter(({ objection }) => objection?.why !== 'credentials' && objection?.why !== 'unhealthy'),
  )?.step
  if (plan.whenAllCooling === 'least_bad' && leastBad !== undefined) {
    const { id: asksId } = leastBad.candidate
    const says = `asks ${asksId}, which recovers first: ${rests}, and fallback.when_all_cooling is least_bad`
    return { verdict: 'asks', says, leastBad }
  }
  if (plan.whenAllCooling === 'wait' && waitMs <= limitMs) {
    return { verdict: 'waits', says: `waits ${seconds} s for ${id}: ${rests}` }
  }
  const told = Math.min(seconds, retryAfterSecondsMax)
  return { verdict: 'refuses', says: `refuses with 503 and "Retry-After: ${told}": ${rests}` }
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
function sharesOf(
  steps: readonly Step[],
  easing: Easing | undefined,
  preferredFor: Asked | undefined,
): ReadonlyMap<Candidate, number> {
  const shares = new Map<Candidate, number>()
  const asked = preferredFor === undefined ? steps.filter(mayBeAsked) : withoutSecondBest(steps, preferredFor)
  for (const [tier, group] of Map.groupBy(asked, (step) => step.tier)) {
    if (!hasShares(tier)) continue
    const parts = group.map(({ candidate }) => partOf(tier, candidate, easing))
    const total = parts.reduce((sum, part) => sum + part, 0)
    for (const [at, { candidate }] of group.entries()) {
      shares.set(candidate, total === 0 ? 1 / group.length : (parts[at] ?? 0) / total)
    }
  }
  return shares
}

/** A backend with an address for each of two dialects is told once: by that at which it is asked. */
function withoutOtherAddress(steps: readonly Step[]): readonly Step[] {
  const speaking = steps.filter(({ objection }) => objection?.why !== 'dialect')
  return steps.filter(
    ({ candidate, tier, objection }) =>
      objection?.why !== 'dialect' ||
      !speaking.some((other) => other.tier === tier && other.candidate.stateKey === candidate.stateKey),
  )
}

/** Who would have to translate is not asked first where another of its priority need not. */
function withoutSecondBest(steps: readonly Step[], asked: Asked): readonly Step[] {
  const able = steps.filter(mayBeAsked)
  const hasNative = new Set(able.filter(({ candidate }) => servesItself(candidate, asked)).map(({ tier }) => tier))
  return able.filter(({ candidate, tier }) => !hasNative.has(tier) || servesItself(candidate, asked))
}

/** Where load, speed or prices decide, nobody can tell. */
function hasShares({ strategy, candidates }: Tier): boolean {
  return candidates.length < 2 || (strategy !== 'least_connections' && strategy !== 'latency' && strategy !== 'cost')
}

function partOf(tier: Tier, candidate: Candidate, easing: Easing | undefined): number {
  const part = tier.strategy === 'random' && candidate.weight > 0 ? 1 : candidate.weight
  return easing === undefined || !hasEase(tier) ? part : part * easing.easeOf(candidate)
}

/** Keys, prices and measured speed are what they are, whoever has come back. */
function hasEase({ strategy, candidates }: Tier): boolean {
  return candidates.length > 1 && strategy !== 'hash' && strategy !== 'latency' && strategy !== 'cost'
}

function mayBeAsked({ objection, isFailedOpen }: Step): boolean {
  return objection === undefined || isFailedOpen
}

function routeOf(
  { candidate, tier }: Step,
  told: Pick<ExplainedRoute, 'turn' | 'score' | 'share' | 'ease' | 'passedOver' | 'translated'>,
): ExplainedRoute {
  const { backend, model, protocol, weight, streamClocks } = candidate
  const { connectMs, firstByteMs, totalMs } = backend.timeouts
  const { firstContentMs, idleMs, durationMs } = streamClocks
  return {
    ...told,
    backend: backend.name,
    model,
    protocol,
    alias: tier.alias,
    level: tier.level,
    priority: tier.priority,
    weight,
    strategy: strategyName(tier.strategy),
    limits: { connectMs, firstByteMs, firstContentMs, idleMs, durationMs, totalMs },
  }
}

function tell(
  objection: Objection,
  candidate: Candidate,
  asked: Asked,
  nowMs: number,
): NonNullable<ExplainedRoute['passedOver']> {
  const reason = reasonOf(objection, candidate, asked, nowMs)
  if (objection.why === 'dialect') {
    return { why: objection.why, reason, remedy: inabilityOf(candidate, asked).remedy, forMs: null }
  }
  return { why: objection.why, reason, remedy: null, forMs: Math.round(objection.untilMs - nowMs) }
}
