import type { AffinityPolicy, Balance, Plan, Tier } from '#core/plan.ts'
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
    const routes = compileRoutes(alias, model, config, backends, off)
    problems.push(...routes.problems)
    ranksByAlias.set(alias, model.enabled ? routes.ranks : [])
  }

  const tiersByAlias = new Map<string, readonly Tier[]>()
  const aliases: string[] = []
  for (const [alias, model] of Object.entries(config.models)) {
    const chain = chainOf(alias, fallbacks.targets)
    if (!model.enabled && chain.length === 0) continue
    const tiers = tiersOf(alias, chain, ranksByAlias)
    tiersByAlias.set(alias, tiers)
    if (model.enabled && tiers.length > 0) aliases.push(alias)
  }

  const measured = measuredKeys([...tiersByAlias.values()].flat())
  const plans = new Map<string, Plan>()
  for (const [alias, tiers] of tiersByAlias) {
    const model = config.models[alias]
    const streaming = streamPolicyOf(config.streaming, model?.streaming ?? {})
    const balance = balanceOf(tiers, affinityOf(model?.affinity, tiers), measured)
    plans.set(alias, { alias, tiers, ...policies, streaming, balance })
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
    for (const { priority, strategy: ofAlias, candidates } of ranksByAlias.get(name) ?? []) {
      const left = candidates.map((candidate) => tried.take(candidate)).filter((candidate) => candidate !== undefined)
      if (left.length === 0) continue
      const strategy = left.length === 1 ? undefined : ofAlias
      tiers.push({ alias: name, level: name === alias ? 'l1' : 'l2', priority, candidates: left, strategy })
    }
  }
  return tiers
}

/** Routes that some plan chooses by load or speed: whoever else asks them is part of their load. */
export function measuredKeys(tiers: readonly Tier[]): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const { strategy, candidates } of tiers) {
    if (strategy !== 'least_connections' && strategy !== 'latency' && strategy !== 'hash') continue
    for (const { stateKey } of candidates) keys.add(stateKey)
  }
  return keys
}

/** What the choice among these goes by; undefined where weights and chance are all. */
export function balanceOf(
  tiers: readonly Tier[],
  affinity: AffinityPolicy | undefined,
  measured: ReadonlySet<string>,
): Balance | undefined {
  const isMeasured = tiers.some(({ candidates }) => candidates.some(({ stateKey }) => measured.has(stateKey)))
  const isChosen = tiers.some(({ strategy }) => strategy !== undefined)
  return isMeasured || isChosen || affinity !== undefined ? { isMeasured, affinity } : undefined
}

/** A strategy that goes by keys needs them, even where no request stays with a route. */
export function affinityOf(
  settings: Config['models'][string]['affinity'],
  tiers: readonly Tier[],
): AffinityPolicy | undefined {
  if (settings === undefined || settings.by === 'off') {
    return tiers.some(({ strategy }) => strategy === 'hash') ? { by: 'auto', header: '', ttlMs: 0 } : undefined
  }
  const { by, ttl: ttlMs } = settings
  if (by.startsWith('header:')) return { by: 'header', header: by.slice('header:'.length).toLowerCase(), ttlMs }
  return { by: by === 'ip' || by === 'user' || by === 'system' ? by : 'auto', header: '', ttlMs }
}
