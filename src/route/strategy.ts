import type { Candidate } from '#core/candidate.ts'
import type { Strategy, Tier } from '#core/plan.ts'
import type { Affinity } from './affinity.ts'
import type { FiguresView } from './figures.ts'
import { orderTier } from './order.ts'
import { easesOf, type Easing } from './slow-start.ts'

/** What one choice goes by, beside its plan and its seed. */
export interface Outlook {
  /** Undefined: nothing is known of any route, and whoever takes turns does so by chance. */
  readonly figures: FiguresView | undefined
  readonly affinity: Affinity | undefined
  readonly isStream: boolean
  readonly nowMs: number
  /** Who can be asked now; undefined where nobody looks. */
  readonly ability?: Ability
  /** Undefined where everybody has its whole weight at once. */
  readonly easing?: Easing | undefined
}

export interface Ability {
  isAble(candidate: Candidate): boolean
}

/** Weights and chance are all. */
export const plainOutlook: Outlook = { figures: undefined, affinity: undefined, isStream: false, nowMs: 0 }

/** The candidates of a tier in the order of their turns: by its strategy, and before all others who is bound to the request's key. */
export function orderByStrategy(tier: Tier, seed: number, outlook: Outlook): readonly Candidate[] {
  const { candidates } = tier
  if (candidates.length < 2) return candidates
  const ordered = byStrategy(tier, seed, outlook)
  const pinned = outlook.affinity?.pinned
  const first = pinned === undefined ? undefined : ordered.find(({ stateKey }) => stateKey === pinned)
  // Who has no weight stands in for the others, and does not stay when they are back.
  if (first === undefined || first === ordered[0] || (first.weight === 0 && ordered[0]?.weight !== 0)) return ordered
  return [first, ...ordered.filter((candidate) => candidate !== first)]
}

function byStrategy(tier: Tier, seed: number, outlook: Outlook): readonly Candidate[] {
  const { candidates, strategy } = tier
  const { figures, affinity, easing } = outlook
  switch (strategy) {
    case undefined:
      return orderTier(candidates, seed, false, easesOf(candidates, easing))
    case 'random':
      return orderTier(candidates, seed, true, easesOf(candidates, easing))
    case 'hash':
      // Each route draws its lot from the key, so that one that comes or goes moves only those keys that are its own.
      return withinLoad(orderTier(candidates, affinity?.seed ?? seed), outlook)
    case 'round_robin':
      if (figures === undefined) return orderTier(candidates, seed)
      return byScore(candidates, (candidate) => -creditOf(tier, candidate, figures, easing))
    case 'least_connections':
      return byScore(orderTier(candidates, seed, false, easesOf(candidates, easing)), (candidate) => {
        const { stateKey, weight } = candidate
        return (figures?.inFlightOf(stateKey) ?? 0) / ((weight === 0 ? 1 : weight) * (easing?.easeOf(candidate) ?? 1))
      })
    case 'cost':
      return byScore(orderTier(candidates, seed), priceOf)
    case 'latency':
      return byTwoChoices(ableFirst(orderTier(candidates, seed), outlook), outlook)
  }
}

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam): who works on clearly more than its share comes
 * after those who do not, and so the next one of the key's own order takes over while that lasts.
 */
function withinLoad(ordered: readonly Candidate[], { figures, ability }: Outlook): readonly Candidate[] {
  if (figures === undefined) return ordered
  let inFlight = 1
  let weight = 0
  for (const candidate of ordered) {
    if (candidate.weight === 0 || ability?.isAble(candidate) === false) continue
    inFlight += figures.inFlightOf(candidate.stateKey)
    weight += candidate.weight
  }
  // Of a few requests none is too many.
  if (weight === 0 || inFlight <= unboundedMax) return ordered
  const room = (candidate: Candidate): boolean => {
    const loadMax = Math.max(unboundedMax, Math.ceil((loadFactor * inFlight * candidate.weight) / weight))
    return figures.inFlightOf(candidate.stateKey) < loadMax
  }
  const roomy = ordered.filter((candidate) => candidate.weight > 0 && room(candidate))
  return roomy.length === 0 || roomy[0] === ordered[0]
    ? ordered
    : [...roomy, ...ordered.filter((each) => !roomy.includes(each))]
}

/** What a route may work on, as a multiple of its share. */
const loadFactor = 1.25

/** Requests that a route may always work on. */
const unboundedMax = 4

/** The smallest first; those that are alike stay as they are, and those without weight behind all others. */
function byScore(candidates: readonly Candidate[], scoreOf: (candidate: Candidate) => number): readonly Candidate[] {
  return candidates
    .map((candidate) => ({ candidate, isLast: candidate.weight === 0, score: scoreOf(candidate) }))
    .toSorted((one, other) => Number(one.isLast) - Number(other.isLast) || compare(one.score, other.score))
    .map(({ candidate }) => candidate)
}

/** Two that are infinite are alike. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one - other
}

/** What it would have saved up if this were its turn. */
function creditOf({ alias, candidates }: Tier, own: Candidate, figures: FiguresView, easing?: Easing): number {
  const isEven = candidates.every((candidate) => candidate.weight === 0)
  return figures.creditOf(alias, own.stateKey) + (isEven ? 1 : own.weight) * (easing?.easeOf(own) ?? 1)
}

/** Most requests read far more than they write. */
function priceOf({ price }: Candidate): number {
  return price === undefined ? Infinity : (inputShare * price.input + price.output) / (inputShare + 1)
}

/** Tokens that are read for each that is written. */
const inputShare = 3

/** Nobody's rival is one that would only be passed over. */
function ableFirst(drawn: readonly Candidate[], { ability }: Outlook): readonly Candidate[] {
  if (ability === undefined) return drawn
  const able = drawn.filter((candidate) => ability.isAble(candidate))
  return able.length === drawn.length ? drawn : [...able, ...drawn.filter((candidate) => !able.includes(candidate))]
}

/** The better of the two first lots, then the better of who is left and the next one: all in one place would run to the best. */
function byTwoChoices(drawn: readonly Candidate[], outlook: Outlook): readonly Candidate[] {
  const ordered: Candidate[] = []
  let [left] = drawn
  for (const next of drawn.slice(1)) {
    if (left === undefined) break
    const isBetter = (next.weight > 0 || left.weight === 0) && isSooner(next, left, outlook)
    ordered.push(isBetter ? next : left)
    if (!isBetter) left = next
  }
  if (left !== undefined) ordered.push(left)
  return ordered
}

function isSooner(one: Candidate, other: Candidate, outlook: Outlook): boolean {
  const compared = compare(delayOf(one, outlook), delayOf(other, outlook))
  if (compared !== 0 || outlook.figures === undefined) return compared < 0
  return outlook.figures.waitingOf(one.stateKey) < outlook.figures.waitingOf(other.stateKey)
}

/** Requests that wait count too: nobody knows how slow a route is that has stopped answering. */
function delayOf({ stateKey }: Candidate, { figures, isStream, nowMs }: Outlook): number {
  if (figures === undefined) return 0
  const waiting = figures.waitingOf(stateKey)
  const latencyMs = figures.latencyOf(stateKey, isStream, nowMs)
  // Of one that was never measured one request at a time finds out.
  if (latencyMs === undefined) return waiting === 0 ? 0 : Infinity
  return latencyMs * (waiting + 1)
}

/** The name that an operator would write. */
export function strategyName(strategy: Strategy | undefined): Strategy | 'weighted_random' {
  return strategy ?? 'weighted_random'
}

/** What the tier's strategy sees in a candidate, for people; null where it looks at nothing but weight and chance. */
export function scoreText(tier: Tier, candidate: Candidate, outlook: Outlook): string | null {
  const { figures, isStream, nowMs, easing } = outlook
  const { price, stateKey } = candidate
  if (tier.strategy === 'cost') {
    return price === undefined ? 'no cost is configured' : `costs ${price.input} in and ${price.output} out`
  }
  if (figures === undefined) return null
  switch (tier.strategy) {
    case 'round_robin':
      return `has credit for ${rounded(creditOf(tier, candidate, figures, easing))}`
    case 'least_connections':
      return `works on ${figures.inFlightOf(stateKey)}`
    case 'latency': {
      const latencyMs = figures.latencyOf(stateKey, isStream, nowMs)
      const waiting = figures.waitingOf(stateKey)
      const speed = latencyMs === undefined ? 'not measured yet' : `begins after ${Math.round(latencyMs)} ms`
      return waiting === 0 ? speed : `${speed}, ${waiting} waiting`
    }
    case undefined:
    case 'hash':
    case 'random':
      return null
  }
}

function rounded(credit: number): number {
  return Math.round(credit * 100) / 100
}
