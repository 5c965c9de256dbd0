import type { Backend, Candidate } from '#core/candidate.ts'
import type { Dialect } from '#core/dialect.ts'
import type { Plan } from '#core/plan.ts'
import type { Homes } from '#route/homes.ts'
import type { Policies } from './policies.ts'

/** Every backend that aliases lead to, as a home of files, batches and answers, by name and dialect. */
export function compileHomes(plans: Iterable<Plan>, backends: ReadonlyMap<string, Backend>, policies: Policies): Homes {
  const byBackend = new Map<string, Map<Dialect, Plan>>()
  for (const { tiers } of plans) {
    for (const candidate of tiers.flatMap((tier) => tier.candidates)) {
      const { name } = candidate.backend
      let homes = byBackend.get(name)
      if (homes === undefined) byBackend.set(name, (homes = new Map()))
      for (const dialect of candidate.dialects) {
        if (!homes.has(dialect)) homes.set(dialect, homeOf(candidate, policies))
      }
    }
  }
  return { byBackend, sole: soleHomes(byBackend), keepsIds: hasChoice(backends) }
}

/** A request that names no model is of no route, and what becomes of it is held against none. */
function homeOf({ backend, protocol, dialects, weight, streamClocks }: Candidate, policies: Policies): Plan {
  const candidate: Candidate = {
    id: backend.name,
    // Of one, so that no route, which is a pair or of three, is ever taken for it.
    stateKey: JSON.stringify([backend.name]),
    backend,
    model: '',
    protocol,
    dialects,
    weight,
    streamClocks,
    prefill: undefined,
  }
  const tier = { alias: '', level: 'l1', priority: 0, candidates: [candidate] } as const
  return { ...policies, alias: '', tiers: [tier], balance: undefined }
}

function soleHomes(byBackend: ReadonlyMap<string, ReadonlyMap<Dialect, Plan>>): ReadonlyMap<Dialect, Plan> {
  const found = new Map<Dialect, Plan>()
  const several = new Set<Dialect>()
  for (const homes of byBackend.values()) {
    for (const [dialect, plan] of homes) {
      if (found.has(dialect)) several.add(dialect)
      else found.set(dialect, plan)
    }
  }
  for (const dialect of several) found.delete(dialect)
  return found
}

/** Where all requests prove themselves in one way at one place, everything is there. */
function hasChoice(backends: ReadonlyMap<string, Backend>): boolean {
  if (backends.size > 1) return true
  return [...backends.values()].some(({ credentials }) => new Set(credentials?.names).size > 1)
}
