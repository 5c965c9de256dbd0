import type { Candidate } from '#core/candidate.ts'
import type { Asked } from '#core/endpoint.ts'
import type { BreakerPolicy, OutlierPolicy, Plan, Tier } from '#core/plan.ts'
import type { Rest, Rests } from '#core/rest.ts'
import { canServe } from '#core/serving.ts'

/*
 * Circuits and ejections may take a part of an alias's routes out of use and no more: where nearly all fail, it is seldom
 * the routes, and those that are left would not carry the load. State is kept by route, and aliases share routes, so the
 * bound is held where the choice is made: of those that are out, the ones that would be back soonest are asked.
 */

type Policies = Pick<Plan, 'breaker' | 'outlier' | 'tiers'>

/** What one choice has found out about who is out; for as long as it is made at one moment. */
export interface ChoiceNotes {
  /** For the routes of an alias the places of those that are out; the first one is out longest. */
  places: Map<ReadonlySet<string>, ReadonlyMap<string, number>> | undefined
}

/** A route's rest that counts; an open circuit and an ejection do not where too many others of its alias are out too. */
export function restOf(
  candidate: Candidate,
  asked: Asked,
  plan: Policies,
  rests: Rests,
  nowMs: number,
  notes: ChoiceNotes = { places: undefined },
): Rest | undefined {
  const { stateKey } = candidate
  const { breaker, outlier } = plan
  const rest = rests.restOf(stateKey, nowMs, breaker, outlier)
  if (rest === undefined || rest.why === 'cooling') return rest
  const routes = routesBeside(candidate, plan, asked)
  const place = placesAmong(routes, plan, rests, nowMs, notes).get(stateKey) ?? Infinity
  const holdsCircuit = breaker !== undefined && place < shareOf(routes, breaker)
  const holdsEjection = outlier !== undefined && place < ejectedMax(routes, outlier)
  return rests.restOf(stateKey, nowMs, holdsCircuit ? breaker : undefined, holdsEjection ? outlier : undefined)
}

function placesAmong(
  routes: ReadonlySet<string>,
  { breaker, outlier }: Policies,
  rests: Rests,
  nowMs: number,
  notes: ChoiceNotes,
): ReadonlyMap<string, number> {
  const known = notes.places?.get(routes)
  if (known !== undefined) return known
  const out: { readonly stateKey: string; readonly rest: Rest }[] = []
  for (const stateKey of routes) {
    const circuit = rests.outageOf(stateKey, nowMs, breaker, undefined)
    const ejection = rests.outageOf(stateKey, nowMs, undefined, outlier)
    const isCircuit = ejection === undefined || (circuit !== undefined && compare(circuit, ejection) < 0)
    const rest = isCircuit ? circuit : ejection
    if (rest !== undefined) out.push({ stateKey, rest })
  }
  // Those that are alike stay in the order of the routes.
  out.sort((one, other) => compare(one.rest, other.rest))
  const places = new Map(out.map(({ stateKey }, place) => [stateKey, place]))
  notes.places ??= new Map()
  notes.places.set(routes, places)
  return places
}

/** May one more route of the alias be ejected? */
export function mayEject(candidate: Candidate, plan: Policies, rests: Rests, nowMs: number): boolean {
  const { breaker, outlier } = plan
  if (outlier === undefined) return false
  const routes = routesBeside(candidate, plan)
  let out = 0
  for (const stateKey of routes) {
    if (stateKey !== candidate.stateKey && rests.outageOf(stateKey, nowMs, breaker, outlier) !== undefined) out += 1
  }
  return out < ejectedMax(routes, outlier)
}

/** Keys of all routes of the candidate's alias, its own included; of those that can serve what is asked. */
export function routesBeside(candidate: Candidate, { tiers }: Pick<Plan, 'tiers'>, asked?: Asked): ReadonlySet<string> {
  let index = indexes.get(tiers)
  if (index === undefined) indexes.set(tiers, (index = new RouteIndex(tiers)))
  return index.beside(candidate, asked)
}

/** Made once: tiers live as long as their snapshot. */
const indexes = new WeakMap<readonly Tier[], RouteIndex>()

/** Which routes of a plan belong to the same alias. */
class RouteIndex {
  readonly #aliasOf = new Map<Candidate, string>()
  readonly #candidatesOf = new Map<string, Candidate[]>()
  readonly #keysOf = new Map<string, ReadonlySet<string>>()

  constructor(tiers: readonly Tier[]) {
    for (const { alias, candidates } of tiers) {
      const known = this.#candidatesOf.get(alias)
      if (known === undefined) this.#candidatesOf.set(alias, [...candidates])
      else known.push(...candidates)
      for (const candidate of candidates) if (!this.#aliasOf.has(candidate)) this.#aliasOf.set(candidate, alias)
    }
  }

  beside(candidate: Candidate, asked: Asked | undefined): ReadonlySet<string> {
    const alias = this.#aliasOf.get(candidate)
    if (alias === undefined) return new Set([candidate.stateKey])
    const name = `${asked?.dialect ?? ''} ${asked?.talk?.form ?? ''} ${asked?.talk?.does ?? ''} ${alias}`
    const known = this.#keysOf.get(name)
    if (known !== undefined) return known
    const candidates = this.#candidatesOf.get(alias) ?? []
    const keys = new Set<string>()
    for (const route of candidates) {
      if (asked === undefined || canServe(route, asked)) keys.add(route.stateKey)
    }
    this.#keysOf.set(name, keys)
    return keys
  }
}

/** Who is more out comes first. */
function compare(one: Rest, other: Rest): number {
  return weightOf[other.why] - weightOf[one.why] || other.untilMs - one.untilMs
}

/** Whose circuit is being probed is nearly back, and no request that probes it changes what holds for the others. */
const weightOf: Readonly<Record<Rest['why'], number>> = { circuit_open: 3, ejected: 2, probed: 1, cooling: 0 }

/** The last one is never ejected: it is not worse than others. */
function ejectedMax(routes: ReadonlySet<string>, outlier: OutlierPolicy): number {
  return Math.min(routes.size - 1, shareOf(routes, outlier))
}

/** The circuit of an only route protects its backend, and there is nobody to be compared with. */
function shareOf({ size }: ReadonlySet<string>, { outPercentMax }: Pick<BreakerPolicy, 'outPercentMax'>): number {
  return Math.max(1, Math.floor((size * outPercentMax) / 100))
}
