import * as v from 'valibot'
import { isRefusal } from '#core/refusal.ts'
import { idsWhenHealthy } from '#route/course.ts'
import { whyNobody } from '#route/inability.ts'
import { resolveNamed, type PlanTable } from '#route/resolve.ts'
import { talkOfPath } from '#wire/talk.ts'

/** The form of a past request as far as its choice depends on it. Made when asked for: a start needs none. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- the schema's type is its value
export function pastRequestSchema() {
  return v.object({
    dialect: v.picklist(['openai', 'anthropic', 'gemini', 'ollama']),
    /** Absent in what older versions tell. */
    path: v.optional(v.string(), ''),
    /** Absent when the request was refused before its model was known. */
    model: v.optional(v.string()),
    seed: v.number(),
    /** Who would be asked now, as `backend/model`, if everybody were well; nobody: it would be refused. */
    wouldTry: v.array(v.string()),
  })
}

export type PastRequest = v.InferOutput<ReturnType<typeof pastRequestSchema>>

/** What another configuration would do with the past. */
export interface Comparison {
  /** Requests that were looked at. */
  readonly requests: number
  /** Those that never named a model. */
  readonly withoutModel: number
  /** Those whose first choice is another, and not nobody. */
  readonly moved: number
  /** Those that are answered now, and would be refused. */
  readonly refused: number
  /** Aliases with a difference, the most asked first. */
  readonly changed: readonly AliasChange[]
  /** The other aliases, with the number of their requests. */
  readonly unchanged: readonly { readonly alias: string; readonly requests: number }[]
  /** First choices by route, the most asked first. */
  readonly traffic: readonly { readonly route: string; readonly before: number; readonly after: number }[]
}

/** One alias whose requests would go elsewhere. */
export interface AliasChange {
  readonly alias: string
  readonly requests: number
  /** First choices that differ; null = nobody, it is refused. */
  readonly moves: readonly Move[]
  /** Requests with the same first choice, and others behind it. */
  readonly otherFallbacks: number
  /** Why requests that are answered now would be refused. */
  readonly refusals: readonly { readonly why: string; readonly requests: number }[]
}

export interface Move {
  readonly from: string | null
  readonly to: string | null
  readonly requests: number
}

/** Decides every request anew, with its own chance and everybody well. Pure. */
export function compareCourses(past: readonly PastRequest[], next: PlanTable): Comparison {
  const tallies = new Map<string, Tally>()
  const before = new Map<string, number>()
  const after = new Map<string, number>()
  for (const request of past) {
    if (request.model === undefined) continue
    const now = decide(request, request.model, next)
    let tally = tallies.get(request.model)
    if (tally === undefined) tallies.set(request.model, (tally = new Tally(request.model)))
    tally.add(request.wouldTry, now)
    count(before, request.wouldTry[0])
    count(after, now.ids[0])
  }
  const sorted = [...tallies.values()].toSorted((one, other) => other.requests - one.requests)
  const named = sorted.reduce((sum, { requests }) => sum + requests, 0)
  const changed = sorted.filter(({ isChanged }) => isChanged).map((tally) => tally.told())
  const moves = changed.flatMap((change) => change.moves)
  return {
    requests: past.length,
    withoutModel: past.length - named,
    moved: totalOf(moves.filter(({ to }) => to !== null)),
    refused: totalOf(moves.filter(({ to }) => to === null)),
    changed,
    unchanged: sorted.filter(({ isChanged }) => !isChanged).map(({ alias, requests }) => ({ alias, requests })),
    traffic: [...new Set([...before.keys(), ...after.keys()])]
      .map((route) => ({
        route,
        before: (before.get(route) ?? 0) / Math.max(1, named),
        after: (after.get(route) ?? 0) / Math.max(1, named),
      }))
      .toSorted((one, other) => Math.max(other.before, other.after) - Math.max(one.before, one.after)),
  }
}

interface Decision {
  readonly ids: readonly string[]
  /** Why nobody would be asked. */
  readonly why: string
}

function decide({ dialect, path, seed }: PastRequest, model: string, next: PlanTable): Decision {
  const plan = resolveNamed(next, model)
  if (isRefusal(plan)) return { ids: [], why: plan.message }
  const asked = { dialect, talk: talkOfPath(path) }
  const ids = idsWhenHealthy(plan, asked, seed)
  if (ids.length > 0) return { ids, why: '' }
  const candidates = plan.tiers.flatMap((tier) => tier.candidates)
  const why = candidates.length === 0 ? 'every route of it is switched off' : whyNobody(candidates, asked)
  return { ids, why }
}

/** What was seen of one alias. */
class Tally {
  readonly alias: string
  requests = 0
  #otherFallbacks = 0
  readonly #moves = new Map<string, { from: string | null; to: string | null; requests: number }>()
  readonly #refusals = new Map<string, number>()

  constructor(alias: string) {
    this.alias = alias
  }

  get isChanged(): boolean {
    return this.#moves.size > 0 || this.#otherFallbacks > 0
  }

  add(before: readonly string[], { ids, why }: Decision): void {
    this.requests += 1
    const [from = null] = before
    const [to = null] = ids
    if (from === to) {
      if (before.join('\n') !== ids.join('\n')) this.#otherFallbacks += 1
      return
    }
    const key = `${from}\n${to}`
    const move = this.#moves.get(key)
    if (move === undefined) this.#moves.set(key, { from, to, requests: 1 })
    else move.requests += 1
    if (to === null) count(this.#refusals, why)
  }

  told(): AliasChange {
    return {
      alias: this.alias,
      requests: this.requests,
      moves: [...this.#moves.values()].toSorted((one, other) => other.requests - one.requests),
      otherFallbacks: this.#otherFallbacks,
      refusals: Array.from(this.#refusals, ([why, requests]) => ({ why, requests })),
    }
  }
}

function count(counts: Map<string, number>, key: string | undefined): void {
  if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
}

function totalOf(moves: readonly Move[]): number {
  return moves.reduce((sum, { requests }) => sum + requests, 0)
}
