import type { Candidate } from '#core/candidate.ts'
import type { Plan } from '#core/plan.ts'
import { describeBackend } from './diff.ts'
import type { Snapshot } from './snapshot.ts'

/** What a reload changed about services, by name: backends as `service/model/id`, models as `service/model`. */
export interface ServiceChanges {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly updated: readonly string[]
  readonly service_added: readonly string[]
  readonly service_removed: readonly string[]
  readonly model_added: readonly string[]
  readonly model_removed: readonly string[]
}

export function serviceChanges(old: Snapshot, next: Snapshot): ServiceChanges {
  const before = entriesOf(old)
  const after = entriesOf(next)
  const updated = [...after].filter(([name, entry]) => {
    const known = before.get(name)
    return known !== undefined && differ(known, entry)
  })
  return {
    added: missingIn(before, after),
    removed: missingIn(after, before),
    updated: updated.map(([name]) => name),
    service_added: missingIn(old.services.byName, next.services.byName),
    service_removed: missingIn(next.services.byName, old.services.byName),
    model_added: missingIn(old.services.plans, next.services.plans),
    model_removed: missingIn(next.services.plans, old.services.plans),
  }
}

function entriesOf({ services }: Snapshot): ReadonlyMap<string, Candidate> {
  const entries = new Map<string, Candidate>()
  for (const [key, plan] of services.plans) {
    for (const candidate of candidatesOf(plan)) entries.set(`${key}/${candidate.entry?.id ?? candidate.id}`, candidate)
  }
  return entries
}

function candidatesOf({ tiers }: Plan): Candidate[] {
  return tiers.flatMap(({ candidates }) => candidates)
}

function differ(one: Candidate, other: Candidate): boolean {
  return (
    one.weight !== other.weight ||
    one.entry?.name !== other.entry?.name ||
    one.backend.name !== other.backend.name ||
    describeBackend(one.backend, other.backend, { timeouts: true, proxy: true, checks: true }).length > 0
  )
}

/** Names that the second has and the first has not. */
function missingIn(known: ReadonlyMap<string, unknown>, names: ReadonlyMap<string, unknown>): readonly string[] {
  return [...names.keys()].filter((name) => !known.has(name))
}
