import type { Candidate, PrefillStyle, StreamClocks } from '#core/candidate.ts'
import type { Dialect, Protocol } from '#core/dialect.ts'
import type { Strategy } from '#core/plan.ts'
import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import type { BackendTable, UsableBackend } from './backends.ts'
import { hintFor } from './name-hint.ts'

/** An alias's own routes, compiled: what it has before any fallback. */
export interface AliasRoutes {
  /** By priority, the most preferred first. */
  readonly ranks: readonly Rank[]
  readonly problems: readonly CompileProblem[]
}

/** Routes of one priority. */
export interface Rank {
  readonly priority: number
  readonly strategy: Strategy | undefined
  readonly candidates: readonly Candidate[]
}

/** `off` names backends that an unset variable switched off: expected, and told elsewhere. */
export function compileRoutes(
  alias: string,
  model: Config['models'][string],
  { streaming, load_balancing: common }: Pick<Config, 'streaming' | 'load_balancing'>,
  backends: BackendTable,
  off: ReadonlySet<string>,
): AliasRoutes {
  const problems: CompileProblem[] = []
  const tell = (severity: CompileProblem['severity'], place: readonly (string | number)[], message: string): void => {
    problems.push({ severity, path: ['models', alias, ...place], message })
  }

  const usable: UsableRoute[] = []
  const isAnyRanked = model.routes.some((route) => route.priority !== undefined)
  let mayComeBack = false
  for (const [index, route] of model.routes.entries()) {
    const place = ['routes', index]
    if (!backends.names.has(route.backend)) {
      tell(
        'error',
        [...place, 'backend'],
        `no backend is named "${route.backend}"${hintFor(route.backend, backends.names)}`,
      )
      continue
    }
    if (!route.enabled) continue
    const inherited = backends.usable.get(route.backend)
    if (inherited === undefined) {
      mayComeBack ||= off.has(route.backend)
      if (!off.has(route.backend)) {
        tell('note', [...place, 'backend'], `"${route.backend}" is switched off, so this route is never tried`)
      }
      continue
    }
    if (route.priority === undefined && isAnyRanked) {
      tell(
        'warning',
        place,
        'the route has no priority and counts as 0, before those that have one: write one here too',
      )
    }
    usable.push({
      index,
      priority: route.priority ?? 0,
      candidate: compileCandidate(route, inherited, model.streaming, streaming),
    })
  }

  if (model.routes.length === 0 && model.enabled) tell('warning', ['routes'], 'the alias has no routes')
  else if (
    usable.length === 0 &&
    model.enabled &&
    !mayComeBack &&
    problems.every(({ severity }) => severity === 'note')
  ) {
    tell('warning', ['routes'], 'every route of the alias is switched off')
  }

  const strategy = model.strategy ?? common.strategy
  const ranks = rank(usable, strategy === 'weighted_random' ? undefined : strategy, tell)
  return { ranks, problems }
}

interface UsableRoute {
  readonly index: number
  readonly priority: number
  readonly candidate: Candidate
}

type Tell = (severity: CompileProblem['severity'], place: readonly (string | number)[], message: string) => void

function rank(routes: readonly UsableRoute[], strategy: Strategy | undefined, tell: Tell): readonly Rank[] {
  const tried = new Tried()
  const byPriority = Map.groupBy(
    routes.toSorted((one, other) => one.priority - other.priority),
    ({ priority }) => priority,
  )
  const ranks: Rank[] = []
  for (const [priority, group] of byPriority) {
    const candidates: Candidate[] = []
    for (const { index, candidate } of group) {
      const left = tried.take(candidate)
      if (left !== undefined) candidates.push(left)
      else tell('warning', ['routes', index], `the route repeats "${candidate.id}" and is never tried`)
    }
    if (candidates.length === 0) continue
    ranks.push({ priority, strategy, candidates })
    if (strategy === 'cost' && candidates.length > 1) tellUnpriced(group, tell)
    if (candidates.every(({ weight }) => weight === 0)) {
      const message = `no route of priority ${priority} has a weight above 0, so they share evenly`
      tell('warning', ['routes', group[0]?.index ?? 0], message)
    }
  }
  return ranks
}

function tellUnpriced(group: readonly UsableRoute[], tell: Tell): void {
  for (const { index, candidate } of group) {
    if (candidate.price !== undefined) continue
    tell(
      'warning',
      ['routes', index],
      'the route has no "cost", so the strategy "cost" asks it after those that have one',
    )
  }
}

/** Which candidates a plan has already, so that no request asks the same backend for the same model twice. */
export class Tried {
  readonly #dialects = new Map<string, Set<Dialect>>()

  /** The candidate, narrowed to the dialects that no earlier one of the same kind serves; undefined when none is left. */
  take(candidate: Candidate): Candidate | undefined {
    const served = this.#dialects.get(candidate.stateKey)
    if (served === undefined) {
      this.#dialects.set(candidate.stateKey, new Set(candidate.dialects))
      return candidate
    }
    const left = candidate.dialects.difference(served)
    if (left.size === 0) return undefined
    for (const dialect of left) served.add(dialect)
    return left.size === candidate.dialects.size ? candidate : { ...candidate, dialects: left }
  }
}

function compileCandidate(
  route: Config['models'][string]['routes'][number],
  inherited: UsableBackend,
  ofAlias: Config['models'][string]['streaming'],
  common: Config['streaming'],
): Candidate {
  const { backend } = inherited
  const protocol = route.protocol ?? inherited.protocol
  return {
    id: `${backend.name}/${route.model}`,
    // A pair, not a joined text: ("a/b", "c") and ("a", "b/c") are two routes.
    stateKey: JSON.stringify([backend.name, route.model]),
    backend,
    model: route.model,
    protocol,
    dialects: dialectsOf[protocol],
    weight: route.weight * inherited.weight,
    streamClocks: streamClocksOf(inherited, ofAlias, common),
    prefill: prefillOf(inherited, protocol),
    price: route.cost,
  }
}

/** The nearest word counts: that of the backend, of the alias, of the file. */
export function streamClocksOf(
  { backend, streaming: own }: UsableBackend,
  ofAlias: Config['models'][string]['streaming'],
  common: Config['streaming'],
): StreamClocks {
  const idleMs = own.idle_timeout ?? ofAlias.idle_timeout ?? common.idle_timeout
  return {
    firstContentMs: own.time_to_first_token ?? ofAlias.time_to_first_token ?? common.time_to_first_token,
    idleMs: shorter(idleMs, backend.timeouts.idleMs),
    durationMs: own.max_duration ?? ofAlias.max_duration ?? common.max_duration,
  }
}

/** Of two limits of which 0 is none. */
function shorter(one: number, other: number): number {
  return one === 0 || other === 0 ? one + other : Math.min(one, other)
}

function prefillOf({ prefill }: UsableBackend, protocol: Protocol): PrefillStyle | undefined {
  if (prefill !== undefined) return prefill === 'none' ? undefined : prefill
  return protocol === 'anthropic' ? 'plain' : protocol === 'mistral' ? 'prefix' : undefined
}

const openai: ReadonlySet<Dialect> = new Set(['openai'])

const dialectsOf: Readonly<Record<Protocol, ReadonlySet<Dialect>>> = {
  openai,
  azure: openai,
  deepseek: openai,
  groq: openai,
  mistral: openai,
  cohere: openai,
  anthropic: new Set<Dialect>(['anthropic']),
  gemini: new Set<Dialect>(['gemini']),
  ollama: new Set<Dialect>(['ollama']),
  any: new Set<Dialect>(['openai', 'anthropic', 'gemini', 'ollama']),
}
