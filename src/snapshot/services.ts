import type { Backend, Candidate } from '#core/candidate.ts'
import type { Dialect } from '#core/dialect.ts'
import type { Plan, Tier } from '#core/plan.ts'
import type { CompileProblem } from '#core/problem.ts'
import type { Config } from '#config/schema.ts'
import type { CompiledCredentials } from '#credential/spec.ts'
import { segmentsMax, type ServiceTable } from '#route/service-path.ts'
import type { BackendCompiler, BackendPlace, BackendTable, UsableBackend } from './backends.ts'
import { hintFor } from './name-hint.ts'
import { affinityOf, balanceOf, measuredKeys } from './plans.ts'
import { streamPolicyOf, type Policies } from './policies.ts'
import { reservationOf } from './reserved.ts'
import { streamClocksOf } from './routes.ts'

/** The `services` and `passthrough` sections, compiled. */
export interface CompiledServices {
  readonly services: ServiceTable<Plan>
  readonly passthrough: Plan | undefined
  /** Backends that stand in them and nowhere else, by name. */
  readonly backends: ReadonlyMap<string, Backend>
  /** Of every such backend that has several, those that are switched off included. */
  readonly credentials: readonly CompiledCredentials[]
  readonly problems: readonly CompileProblem[]
}

/** What services are made of beside their own sections. */
export interface ServiceContext {
  readonly compiler: BackendCompiler
  /** Those of `backends`, which an entry may name. */
  readonly table: BackendTable
  /** Names of backends that an unset variable switched off: expected, and told elsewhere. */
  readonly off: ReadonlySet<string>
  readonly policies: Policies
}

/** Services and passthrough → plans of one tier each, whose requests go on as they came. */
export function compileServices(config: Config, context: ServiceContext): CompiledServices {
  const pools = new PoolCompiler(config, context)
  const byName = new Map<string, ReadonlyMap<string, string>>()
  const plans = new Map<string, Plan>()
  for (const [name, service] of Object.entries(config.services)) {
    pools.tellName(name)
    const models = new Map<string, string>()
    for (const [model, pool] of Object.entries(service.models)) {
      const path = ['services', name, 'models', model]
      if (!isReachable(model)) pools.tell('error', path, `"${model}" cannot stand in a path, take another name`)
      const key = `${name}/${model}`
      models.set(model, key)
      plans.set(key, pools.compile(pool, { key, model, path, of: 'services', service }))
    }
    if (models.size === 0) pools.tell('warning', ['services', name, 'models'], 'the service has no models')
    byName.set(name, models)
  }
  const { passthrough } = config
  return {
    services: { byName, plans },
    passthrough:
      passthrough &&
      pools.compile(passthrough, {
        key: passthroughKey,
        model: '',
        path: [passthroughKey],
        of: 'passthrough',
        service: {},
      }),
    backends: pools.backends,
    credentials: pools.credentials,
    problems: pools.problems,
  }
}

/** No service can have the name of this plan: theirs have a slash in them. */
const passthroughKey = 'passthrough'

type Pool = Config['services'][string]['models'][string]
type Entry = Pool['backends'][number]

interface PoolPlace extends BackendPlace {
  /** Name of the plan. */
  readonly key: string
  readonly model: string
  /** What the service says for all of its models. */
  readonly service: Pick<Pool, 'strategy' | 'affinity'>
}

class PoolCompiler {
  readonly backends = new Map<string, Backend>()
  readonly credentials: CompiledCredentials[] = []
  readonly problems: CompileProblem[] = []
  readonly #config: Config
  readonly #context: ServiceContext
  readonly #names: Set<string>

  constructor(config: Config, context: ServiceContext) {
    this.#config = config
    this.#context = context
    this.#names = new Set(context.table.names)
  }

  tell(severity: CompileProblem['severity'], path: CompileProblem['path'], message: string): void {
    this.problems.push({ severity, path, message })
  }

  /** A service must be told apart from everything else by the first segment of its path. */
  tellName(name: string): void {
    const path = ['services', name]
    const [, admin = ''] = this.#config.admin.path.split('/')
    const reservation = name === admin ? 'taken' : reservationOf(name)
    if (reservation === 'taken') {
      const message = `"${name}" is the beginning of paths that mean something else, so no service can have this name`
      this.tell('error', path, message)
    } else if (reservation === 'kept') {
      const message = `"${name}" works as the name of a service, but is kept for paths to come: better take another`
      this.tell('warning', path, message)
    } else if (name.includes('/')) {
      this.tell('error', path, `"${name}" has a slash, and a service is one segment of a path: take another name`)
    } else if (!isReachable(name)) {
      this.tell('error', path, `"${name}" cannot stand in a path, take another name`)
    }
  }

  compile(pool: Pool, place: PoolPlace): Plan {
    const { key, path } = place
    const strategy = pool.strategy ?? place.service.strategy ?? 'round_robin'
    const candidates = this.#candidatesOf(pool, place)
    if (candidates.length > 1 && candidates.every(({ weight }) => weight === 0)) {
      this.tell('warning', [...path, 'backends'], 'none of them has a weight above 0, so they share evenly')
    }
    if (strategy === 'cost' && candidates.length > 1) {
      const message = 'backends that pass on what they get have no cost, so they are asked by weight and chance'
      this.tell('warning', pool.strategy === undefined ? path.slice(0, 2) : [...path, 'strategy'], message)
    }
    const tier: Tier = {
      alias: key,
      level: 'l1',
      priority: 0,
      candidates,
      strategy: candidates.length < 2 || strategy === 'weighted_random' ? undefined : strategy,
    }
    const tiers = candidates.length === 0 ? [] : [tier]
    const affinity = affinityOf(pool.affinity ?? place.service.affinity ?? oneAddress, tiers)
    return {
      alias: key,
      tiers,
      ...this.#context.policies,
      streaming: streamPolicyOf(this.#config.streaming, {}),
      balance: balanceOf(tiers, candidates.length < 2 ? undefined : affinity, measuredKeys(tiers)),
    }
  }

  #candidatesOf({ backends: entries }: Pool, place: PoolPlace): Candidate[] {
    const at = [...place.path, 'backends']
    if (entries.length === 0) this.tell('error', at, 'nobody is there to answer: add a backend')
    const ids = new Set<string>()
    const candidates: Candidate[] = []
    let mayComeBack = false
    for (const [index, entry] of entries.entries()) {
      const path = [...at, index]
      const id = entry.id ?? entry.backend
      if (id !== undefined && ids.has(id)) {
        const message = `"${id}" is already the id of another of these backends, and each must have its own`
        this.tell('error', [...path, entry.id === undefined ? 'backend' : 'id'], message)
        continue
      }
      if (id !== undefined) ids.add(id)
      const usable =
        entry.backend === undefined ? this.#own(entry, { ...place, path }) : this.#named(entry, entry.backend, path)
      mayComeBack ||= entry.backend !== undefined && this.#context.off.has(entry.backend)
      if (usable === undefined || id === undefined) continue
      if (place.of === 'passthrough' && /\/v1(?:beta|alpha)?\/?$/.test(usable.backend.url.pathname)) {
        const message = 'its address ends in a version, which requests that are passed on have too: leave it away there'
        this.tell('warning', [...path, entry.backend === undefined ? 'url' : 'backend'], message)
      }
      candidates.push(this.#candidate(usable, entry, id, place))
    }
    if (entries.length > 0 && candidates.length === 0 && !mayComeBack && !this.problems.some(isError)) {
      this.tell('warning', at, 'every one of them is switched off')
    }
    return candidates
  }

  /** One that has its address here. */
  #own(entry: Entry, { key, path, of }: PoolPlace): UsableBackend | undefined {
    const { id, name: _name, backend: _backend, weight: _weight, url, ...settings } = entry
    if (url === undefined) {
      const message = 'has neither an address of its own ("url") nor the name of one of "backends" ("backend")'
      this.tell('error', path, message)
      return undefined
    }
    if (id === undefined) {
      this.tell('error', path, 'has no "id", and needs one to be told from the others')
      return undefined
    }
    const name = `${key}/${id}`
    if (this.#names.has(name)) {
      const message = `"${name}" is already the name of another backend, take another id`
      this.tell('error', [...path, 'id'], message)
      return undefined
    }
    this.#names.add(name)
    const compiled = this.#context.compiler.compile({ ...settings, ...plain, url, name }, { path, of })
    if (compiled === undefined) return undefined
    if (compiled.credentials !== undefined) this.credentials.push(compiled.credentials)
    if (!entry.enabled) return undefined
    this.backends.set(name, compiled.usable.backend)
    return compiled.usable
  }

  /** One of `backends`. */
  #named(entry: Entry, name: string, path: CompileProblem['path']): UsableBackend | undefined {
    const { table, off } = this.#context
    if (entry.url !== undefined) {
      this.tell('error', [...path, 'url'], 'stands beside "backend", which has its own: keep one of the two')
      return undefined
    }
    for (const key of givenOf(entry)) {
      this.tell('warning', [...path, key], `does nothing beside "backend": write it where "${name}" stands`)
    }
    if (!table.names.has(name)) {
      this.tell('error', [...path, 'backend'], `no backend is named "${name}"${hintFor(name, table.names)}`)
      return undefined
    }
    if (!entry.enabled) return undefined
    const usable = table.usable.get(name)
    if (usable === undefined && !off.has(name)) {
      this.tell('note', [...path, 'backend'], `"${name}" is switched off, so it is never asked here`)
    }
    return usable
  }

  #candidate(usable: UsableBackend, entry: Entry, id: string, { key, model, of }: PoolPlace): Candidate {
    const { backend, protocol, weight } = usable
    return {
      id: `${key}/${id}`,
      // Of three, so that no route of an alias, which is a pair, is ever taken for it.
      stateKey: JSON.stringify([of, key, id]),
      backend,
      model,
      keepsModel: true,
      protocol,
      dialects: allDialects,
      weight: entry.weight * weight,
      streamClocks: streamClocksOf(usable, {}, this.#config.streaming),
      // Nothing is read of what it is asked.
      prefill: undefined,
      entry: { id, name: entry.name ?? id },
    }
  }
}

/** What means nothing to who passes on whatever comes. */
const plain = {
  weight: 1,
  protocol: 'any',
  api_version: '',
  prefill: undefined,
  apis: undefined,
  profile: {},
} as const

/** Clients of one address stay together unless somebody says otherwise. */
const oneAddress = { by: 'ip', ttl: 3_600_000 }

const allDialects: ReadonlySet<Dialect> = new Set(['openai', 'anthropic', 'gemini', 'ollama', 'raw'])

/** Keys beside a name that say something. */
function givenOf({ api_key, auth_mode, headers, credentials, timeout, health_check, unix_socket }: Entry): string[] {
  const given: Readonly<Record<string, boolean>> = {
    api_key: api_key !== undefined,
    auth_mode: auth_mode !== 'dialect',
    headers: Object.keys(headers).length > 0,
    credentials: credentials.length > 0,
    timeout: Object.keys(timeout).length > 0,
    health_check: health_check !== undefined,
    unix_socket: unix_socket !== undefined,
  }
  return Object.keys(given).filter((key) => given[key] === true)
}

/** Can it be written in a path? Every reader of addresses takes dot segments for something else. */
function isReachable(name: string): boolean {
  const segments = name.split('/')
  return segments.length <= segmentsMax && !segments.some((segment) => segment === '.' || segment === '..')
}

function isError({ severity }: CompileProblem): boolean {
  return severity === 'error'
}
