import type { Plan, Tier } from '#core/plan.ts'
import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import type { BackendTable } from './backends.ts'
import { chainOf, compileFallbacks } from './fallbacks.ts'
import { streamPolicyOf, type Policies } from './policies.ts'
import { compileRoutes, Tried, type Rank } from './routes.ts'

/** Every alias that can be asked for, and what to do then. */
export interface PlanTable {
  readonly plans: ReadonlyMap<string, Plan>
  /** Aliases to show in lists, sorted. */
  readonly aliases: readonly string[]
  readonly problems: readonly CompileProblem[]
}

/** Models and fallbacks → plans. A disabled alias lives on, unlisted, only where it has a fallback to live through. */
export function compilePlans(
  config: Config,
  backends: BackendTable,
  off: ReadonlySet<string>,
  policies: Policies,
): PlanTable {
  const fallbacks = compileFallbacks(config)
  const problems = [...fallbacks.problems]
  const ranksByAlias = new Map<string, readonly Rank[]>()
  for (const [alias, model] of Object.entries(config.models)) {
    const routes = compileRoutes(alias, model, config.streaming, backends, off)
    problems.push(...routes.problems)
    ranksByAlias.set(alias, model.enabled ? routes.ranks : [])
  }

  const plans = new Map<string, Plan>()
  const aliases: string[] = []
  for (const [alias, model] of Object.entries(config.models)) {
    const chain = chainOf(alias, fallbacks.targets)
    if (!model.enabled && chain.length === 0) continue
    const tiers = tiersOf(alias, chain, ranksByAlias)
    plans.set(alias, { alias, tiers, ...policies, streaming: streamPolicyOf(config.streaming, model.streaming) })
    if (model.enabled && tiers.length > 0) aliases.push(alias)
  }
  return { plans, aliases: aliases.toSorted(), problems }
}

/** The alias's own tiers, then those of its fallbacks; a candidate stands where it comes first. */
function tiersOf(
  alias: string,
  chain: readonly string[],
  ranksByAlias: ReadonlyMap<string, readonly Rank[]>,
): readonly Tier[] {
  const tried = new Tried()
  const tiers: Tier[] = []
  for (const name of [alias, ...chain]) {
    for (const { priority, candidates } of ranksByAlias.get(name) ?? []) {
      const left = candidates.map((candidate) => tried.take(candidate)).filter((candidate) => candidate !== undefined)
      if (left.length > 0) tiers.push({ alias: name, level: name === alias ? 'l1' : 'l2', priority, candidates: left })
    }
  }
  return tiers
}
