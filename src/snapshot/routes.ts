import type { Candidate, PrefillStyle, StreamClocks, TranslationTarget } from '#core/candidate.ts'
import type { Dialect, Protocol } from '#core/dialect.ts'
import type { Strategy } from '#core/plan.ts'
import type { CompileProblem } from '#core/problem.ts'
import type { Form } from '#core/talk.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import type { Config } from '#config/schema.ts'
import { targetOf } from '#translate/target.ts'
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
  config: Pick<Config, 'streaming' | 'load_balancing' | 'compat'>,
  backends: BackendTable,
  off: ReadonlySet<string>,
): AliasRoutes {
  const { load_balancing: common } = config
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
      ...addressed(compileCandidate(route, inherited, model.streaming, config), inherited),
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
  /** The same model at the address for clients of Anthropic. */
  readonly anthropic?: Candidate
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
    for (const { index, candidate, anthropic } of group) {
      const left = tried.take(candidate)
      const beside = anthropic && tried.take(anthropic)
      if (left !== undefined) candidates.push(left)
      if (beside !== undefined) candidates.push(beside)
      if (left === undefined && beside === undefined)
        tell('warning', ['routes', index], `the route repeats "${candidate.id}" and is never tried`)
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
    // The earlier one is asked for all that needs translation.
    return { ...candidate, dialects: left, translation: undefined }
  }
}

/** With a second address, clients of Anthropic are sent there and nobody else is. */
function addressed(candidate: Candidate, { anthropic }: UsableBackend): Pick<UsableRoute, 'candidate' | 'anthropic'> {
  if (anthropic === undefined) return { candidate }
  if (candidate.protocol === 'anthropic') return { candidate: { ...candidate, backend: anthropic } }
  const { dialects, translation } = candidate
  return {
    candidate: {
      ...candidate,
      dialects: dialects.difference(dialectsOf.anthropic),
      translation: translation && { ...translation, spoken: messagesOnly },
    },
    anthropic: {
      ...candidate,
      backend: anthropic,
      protocol: 'anthropic',
      dialects: dialectsOf.anthropic,
      apis: undefined,
      translation: undefined,
      prefill: candidate.prefill ?? 'plain',
    },
  }
}

const messagesOnly: ReadonlySet<Form> = new Set(['messages'])

function compileCandidate(
  route: Config['models'][string]['routes'][number],
  inherited: UsableBackend,
  ofAlias: Config['models'][string]['streaming'],
  { streaming, compat }: Pick<Config, 'streaming' | 'compat'>,
): Candidate {
  const { backend } = inherited
  const protocol = route.protocol ?? inherited.protocol
  const target = translationOf(inherited, protocol, route.model)
  return {
    id: `${backend.name}/${route.model}`,
    // A pair, not a joined text: ("a/b", "c") and ("a", "b/c") are two routes.
    stateKey: JSON.stringify([backend.name, route.model]),
    backend,
    model: route.model,
    protocol,
    dialects: nativeDialects(protocol, target?.form),
    apis: apisOf(inherited, protocol, target?.form),
    translation: compat.translate ? target : undefined,
    weight: route.weight * inherited.weight,
    streamClocks: streamClocksOf(inherited, ofAlias, streaming),
    prefill: prefillOf(inherited, protocol),
    price: route.cost,
  }
}

/** Undefined: all of its dialect. */
function apisOf({ apis }: UsableBackend, protocol: Protocol, form: Form | undefined): ReadonlySet<Form> | undefined {
  if (apis !== undefined) return new Set<Form>(apis)
  if (form === 'responses') return onlyResponses
  return protocol === 'deepseek' || protocol === 'mistral' || protocol === 'cohere' ? withoutResponses : undefined
}

/** Of models that are asked in no other way. */
const onlyResponses: ReadonlySet<Form> = new Set<Form>(['responses'])

const withoutResponses: ReadonlySet<Form> = new Set<Form>(['chat', 'completions', 'embeddings'])

function translationOf(
  { backend, apis, profile, converter }: UsableBackend,
  protocol: Protocol,
  model: string,
): TranslationTarget | undefined {
  if (protocol === 'converter') {
    if (converter === undefined) return undefined
    const own = overridesOf(profile)
    const reasoning = { ...converter.profile.reasoning, ...own.reasoning }
    return { form: converter.form, own: { ...converter.profile, ...own, reasoning } }
  }
  const target = targetOf(protocol, model, backend.url)
  if (target === undefined) return undefined
  const form = apis === undefined ? target.form : offered(target.form, apis)
  return form === undefined ? undefined : { ...target, form, own: overridesOf(profile) }
}

/**
 * Chat and Responses stand in for each other where the operator says that a backend has only one of them; one that has
 * neither may still make vectors.
 */
function offered(form: Form, apis: readonly Form[]): Form | undefined {
  const standIns = standInsOf.get(form)
  return standIns === undefined || apis.includes(form) ? form : standIns.find((other) => apis.includes(other))
}

const standInsOf: ReadonlyMap<Form, readonly Form[]> = new Map<Form, readonly Form[]>([
  ['chat', ['responses', 'embeddings']],
  ['responses', ['chat', 'embeddings']],
])

function overridesOf(own: UsableBackend['profile']): ProfileOverrides {
  const given = {
    outputTokensMax: own.max_output_tokens,
    maxTokensField: own.max_tokens_field,
    systemRole: own.system_role,
    wantsSingleSystem: own.single_system,
    sampling: own.sampling,
    stopMax: own.stop_max,
    media: own.media && new Set(own.media),
    structured: own.structured,
    includesUsage: own.include_usage,
    alwaysStreams: own.always_stream,
    refuses: own.refuses && new Set(own.refuses),
  }
  const reasoning = {
    style: own.reasoning,
    field: own.reasoning_field,
    history: own.reasoning_history,
    hasTags: own.reasoning_tags,
  }
  return { ...onlyGiven(given), reasoning: onlyGiven(reasoning) }
}

/** What is undefined must not hide what is known. */
function onlyGiven<Values extends object>(
  values: Values,
): { [Name in keyof Values]?: Exclude<Values[Name], undefined> } {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the entries that are left have the types that they had
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Values]?: Exclude<Values[Name], undefined>
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

/** A base address can lead to another API of the same provider. */
function nativeDialects(protocol: Protocol, form: Form | undefined): ReadonlySet<Dialect> {
  if (form === 'cohere') return none
  if (protocol === 'azure' && form === 'messages') return dialectsOf.anthropic
  return protocol === 'gemini' && form === 'chat' ? openai : dialectsOf[protocol]
}

const none: ReadonlySet<Dialect> = new Set()
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
  // Clients of the form in which a model is asked there are served without translation all the same.
  bedrock: none,
  vertex: none,
  converter: none,
  any: new Set<Dialect>(['openai', 'anthropic', 'gemini', 'ollama']),
}
