import type { Backend, Candidate } from '#core/candidate.ts'
import type { Call } from '#core/call.ts'
import type { Dialect } from '#core/dialect.ts'
import type { Owner } from '#core/owner.ts'
import type { Plan, Tier } from '#core/plan.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { readResourcePath } from '#wire/resource-path.ts'
import { modelHeader, unknownId } from './owned-id.ts'

/** Where files, batches and answers are kept. */
export interface Homes {
  /** A plan that asks one backend and nobody else, without a model, by its name. */
  readonly byBackend: ReadonlyMap<string, ReadonlyMap<Dialect, Plan>>
  /** The same, where no other backend speaks the dialect. */
  readonly sole: ReadonlyMap<Dialect, Plan>
  /** There is more than one place where something can be, so who has it is worth remembering. */
  readonly keepsIds: boolean
}

/** What of a snapshot homes are looked up in. */
export interface HomeTable {
  readonly homes?: Homes | undefined
  readonly backends?: ReadonlyMap<string, Backend> | undefined
}

type Asked = Pick<Call, 'endpoint' | 'method' | 'path'>

/** The owner alone; undefined where no alias leads to it any more. */
export function homeOf({ homes, backends }: HomeTable, owner: Owner, dialect: Dialect): Plan | undefined {
  const backend = backends?.get(owner.backend)
  return backend?.url.href === owner.address ? homes?.byBackend.get(owner.backend)?.get(dialect) : undefined
}

/** Its backend is configured as it was. */
export function isThere({ backends }: HomeTable, owner: Owner): boolean {
  return backends?.get(owner.backend)?.url.href === owner.address
}

/**
 * The backends that an alias leads to, in the order of its priorities, for a request that has no place for a model. What is
 * there already is not at several places: the first one is asked, and nobody after it.
 */
export function homesOf({ homes }: HomeTable, plan: Plan, { endpoint, method, path }: Asked): Plan {
  const { dialect } = endpoint
  const isMade = method === 'POST' && readResourcePath(path)?.rest.length === 0
  const seen = new Set<string>()
  const tiers: Tier[] = []
  for (const tier of plan.tiers) {
    const candidates: Candidate[] = []
    for (const { backend, dialects, weight } of tier.candidates) {
      const home = homes?.byBackend.get(backend.name)?.get(dialect)?.tiers[0]?.candidates[0]
      if (home === undefined || !dialects.has(dialect) || seen.has(backend.name)) continue
      seen.add(backend.name)
      candidates.push({ ...home, weight })
    }
    if (candidates.length === 0) continue
    const asked = isMade ? candidates : candidates.slice(0, 1)
    tiers.push({ ...tier, candidates: asked, strategy: undefined })
    if (!isMade) break
  }
  // Where nobody speaks the dialect, those who do not are told of.
  return tiers.length === 0 ? plan : { ...plan, tiers, balance: undefined }
}

/** The plan, with those routes only that lead to the owner. */
export function keptTo(
  { backends }: HomeTable,
  plan: Plan,
  owner: Owner,
  { endpoint }: Pick<Call, 'endpoint'>,
): Plan | Refusal {
  const home = backends?.get(owner.backend)
  // It was removed, and nobody has it any more.
  if (home === undefined || home.url.href !== owner.address) return plan
  const tiers: Tier[] = []
  for (const tier of plan.tiers) {
    const candidates = tier.candidates.filter(({ backend }) => isSame(backend, home))
    if (candidates.length === tier.candidates.length) tiers.push(tier)
    else if (candidates.length > 0) tiers.push({ ...tier, candidates })
  }
  if (tiers.length > 0) return { ...plan, tiers }
  // Services pass on what they get, and what they speak of may be anything.
  if (endpoint.dialect === 'raw' || plan.tiers.length === 0) return plan
  return refuse(
    'unknown_id',
    `Cannot answer with model "${plan.alias.slice(0, 64)}": the request speaks of something that another model's backend has, ask for that model`,
  )
}

/** Two entries for one account at one address have the same things. */
function isSame(one: Backend, other: Backend): boolean {
  if (one === other || one.name === other.name) return true
  if (one.url.href !== other.url.href || one.credentials !== undefined || other.credentials !== undefined) return false
  return one.apiKey?.reveal() === other.apiKey?.reveal()
}

/** Why nobody can be asked for a request without a model. */
export function nobodyKnown(path: string): Refusal {
  const id = readResourcePath(path)?.rest[0]
  if (id !== undefined) return unknownId(id, 'all')
  return refuse(
    'missing_model',
    `Cannot route the request: it names no model, and several backends could take it, send the header "${modelHeader}: <alias>"`,
    { param: 'model' },
  )
}
