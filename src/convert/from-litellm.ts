import type { ConfigPath } from '#config/problem.ts'
import type { Tree } from '#config/source.ts'
import type { Draft } from './draft.ts'
import type { Ledger } from './ledger.ts'
import { placeOf, placeParams } from './litellm-places.ts'
import { guessProvider, providers, strangers, type Provider } from './litellm-providers.ts'
import { isKey, listOf, literal, mapOf, numberOf, textOf, textsOf, within } from './values.ts'

/** A `config.yaml` of LiteLLM. Deployments with the same way to a provider become one backend. */
export function fromLitellm(value: unknown, draft: Draft, ledger: Ledger): void {
  new Conversion(mapOf(value), draft, ledger).run()
}

class Conversion {
  readonly #source: Tree
  readonly #draft: Draft
  readonly #ledger: Ledger
  /** What a backend consists of → its name. */
  readonly #known = new Map<string, string>()
  readonly #credentials: ReadonlyMap<string, Tree>

  constructor(source: Tree, draft: Draft, ledger: Ledger) {
    this.#source = source
    this.#draft = draft
    this.#ledger = ledger
    this.#credentials = new Map(
      listOf(source['credential_list'])
        .map(mapOf)
        .map((entry) => [textOf(entry['credential_name']) ?? '', mapOf(entry['credential_values'])]),
    )
  }

  run(): void {
    this.#draft.set(['listen'], ':4000')
    this.#ledger.exact([], 'listen: ":4000", the port where it listened unless told otherwise')
    for (const [index, entry] of listOf(this.#source['model_list']).entries()) {
      this.#readDeployment(mapOf(entry), ['model_list', index])
    }
    if ('include' in this.#source) {
      this.#ledger.dropped(['include'], 'other files are not read: convert them one by one, or put them into this one')
    }
    this.#readGeneral(mapOf(this.#source['general_settings']))
    this.#readSettings(mapOf(this.#source['router_settings']), mapOf(this.#source['litellm_settings']))
    this.#weigh()
    for (const key of Object.keys(this.#source)) {
      if (!sections.has(key)) this.#ledger.dropped([key], 'there is nothing like it')
    }
  }

  /** `os.environ/NAME` is a reference; a variable that the file itself sets is its value. */
  #reference(value: unknown): string | undefined {
    const text = textOf(value)
    const name = text === undefined ? undefined : /^os\.environ\/([A-Za-z_]\w*)$/.exec(text)?.[1]
    if (text === undefined || name === undefined) return text === undefined ? undefined : literal(text)
    const own = textOf(mapOf(this.#source['environment_variables'])[name])
    return own === undefined || own.startsWith('os.environ/') ? `\${${name}}` : literal(own)
  }

  #readDeployment(entry: Tree, path: ConfigPath): void {
    const alias = textOf(entry['model_name'])
    const at = [...path, 'litellm_params']
    const written = mapOf(entry['litellm_params'])
    const credential = this.#credentials.get(textOf(written['litellm_credential_name']) ?? '') ?? {}
    const params: Tree = { ...credential, ...written }
    const full = textOf(params['model'])
    if (alias === undefined || full === undefined) {
      this.#ledger.dropped(path, 'it has no model_name or no litellm_params.model')
      return
    }
    if (alias.includes('*') || full.includes('*')) {
      this.#ledger.dropped([...path, 'model_name'], 'aliases with "*" are not known: list each model')
      return
    }
    const found = providerOf(full, textOf(params['custom_llm_provider']), params['api_base'] !== undefined)
    if (typeof found === 'string' || found.model === '') {
      this.#ledger.dropped([...at, 'model'], typeof found === 'string' ? found : 'no name of a model')
      return
    }
    const reached = this.#backendFor(found, params, at)
    if (reached === undefined) return
    const { backend, model } = reached
    const info = mapOf(entry['model_info'])
    const route: Tree = { backend, model: literal(model) }
    const order = numberOf(params['order'])
    if (order !== undefined) route['priority'] = within(Math.trunc(order), -1_000_000, 1_000_000)
    for (const kind of shares) {
      const share = numberOf(params[kind])
      // Until `#weigh` knows what the others say.
      if (share !== undefined) route[kind] = within(share, 0, 1_000_000)
    }
    const cost = costOf(params, info)
    if (cost !== undefined) route['cost'] = cost
    this.#draft.addRoute(alias, route)
    this.#ledger.exact(path, `alias "${alias}" by ${found.name}, model "${model}"`)
    this.#tellRest(params, entry, at, path, found.provider)
  }

  #backendFor(
    { name, provider, model }: Found,
    params: Tree,
    at: ConfigPath,
  ): { readonly backend: string; readonly model: string } | undefined {
    const reference = (value: unknown): string | undefined => this.#reference(value)
    const place = placeOf({ name, provider, model, params, reference })
    if (!('backend' in place)) {
      this.#ledger.dropped([...at, place[0]], place[1])
      return undefined
    }
    for (const [key, what] of place.dropped) this.#ledger.dropped([...at, key], what)
    for (const [key, what] of place.guessed) this.#ledger.approximate([...at, key], what)
    const backend: Tree = { ...place.backend }
    const headers = headersOf(params)
    if (Object.keys(headers).length > 0) backend['headers'] = headers
    const timeout = timeoutOf(params['timeout'], params['stream_timeout'])
    if (timeout !== undefined) backend['timeout'] = timeout
    const connections = numberOf(params['max_parallel_requests'])
    if (connections !== undefined && connections >= 1) {
      backend['max_connections'] = within(Math.trunc(connections), 1, 65_535)
    }
    return { backend: this.#nameOf(name, backend, params, at), model: place.model }
  }

  #nameOf(name: string, backend: Tree, params: Tree, at: ConfigPath): string {
    const identity = JSON.stringify(backend)
    const known = this.#known.get(identity)
    if (known !== undefined) return known
    const own = this.#draft.nameFor(name)
    this.#known.set(identity, own)
    this.#draft.addBackend({ name: own, ...backend })
    const isGiven = params['api_base'] !== undefined || params['base_url'] !== undefined
    const isVersioned = /\/v\d+\w*(?:\/openai)?$|^\$\{/.test(String(backend['url']))
    if (isGiven && backend['protocol'] === 'openai' && !isVersioned) {
      this.#ledger.approximate([...at, 'api_base'], '"/v1" is put behind addresses that name no version')
    }
    return own
  }

  #tellRest(params: Tree, entry: Tree, at: ConfigPath, path: ConfigPath, { protocol }: Provider): void {
    for (const key of Object.keys(params)) {
      if (takenParams.has(key) || placeParams[protocol]?.has(key) === true) continue
      if (key === 'rpm' || key === 'tpm') {
        this.#ledger.approximate([...at, key], 'it gives the share of the traffic, but limits nothing')
      } else if (key === 'timeout' || key === 'stream_timeout') {
        this.#ledger.approximate([...at, key], 'backends[].timeout: until the answer begins, and between its pieces')
      } else if (key === 'max_parallel_requests') {
        this.#ledger.approximate([...at, key], 'backends[].max_connections, for all models of the backend together')
      } else {
        this.#ledger.dropped([...at, key], paramReasons[key] ?? 'there is nothing like it')
      }
    }
    for (const key of Object.keys(entry)) {
      if (!['model_name', 'litellm_params', 'model_info'].includes(key))
        this.#ledger.dropped([...path, key], 'there is nothing like it')
    }
    for (const key of Object.keys(mapOf(entry['model_info']))) {
      if (!costKeys.has(key) && key !== 'id' && key !== 'mode') {
        this.#ledger.dropped([...path, 'model_info', key], 'it describes the model, and nothing here needs it')
      }
    }
  }

  #readGeneral(general: Tree): void {
    const key = this.#reference(general['master_key'])
    if (key !== undefined) {
      this.#draft.set(['proxy_api_key'], key)
      this.#ledger.exact(['general_settings', 'master_key'], 'proxy_api_key, the one key of all clients')
    } else {
      this.#draft.comment(['listen'], 'Add proxy_api_key: without it the gateway listens on loopback only.')
      this.#ledger.approximate(
        ['general_settings'],
        'no master_key, so the gateway stays on loopback: set proxy_api_key',
      )
    }
    for (const name of Object.keys(general)) {
      if (name === 'master_key') continue
      const keys = name === 'database_url' ? 'virtual keys, teams and spend live there, and are not carried over' : ''
      this.#ledger.dropped(['general_settings', name], keys === '' ? 'there is nothing like it' : keys)
    }
  }

  #readSettings(router: Tree, litellm: Tree): void {
    const settings = new Settings(router, litellm)
    const { strategy, isExact } = strategyOf(textOf(router['routing_strategy']))
    if ('routing_strategy' in router) {
      this.#draft.set(['load_balancing', 'strategy'], strategy)
      if (isExact) this.#ledger.exact(['router_settings', 'routing_strategy'], `load_balancing.strategy: ${strategy}`)
      else
        this.#ledger.approximate(
          ['router_settings', 'routing_strategy'],
          `the nearest is load_balancing.strategy: ${strategy}`,
        )
    }
    const retries = settings.find('num_retries')
    const count = numberOf(retries?.value) ?? 2
    const fallbacks = settings.find('fallbacks')
    this.#draft.set(['fallback', 'max_retries'], within(Math.trunc(count) + 1, 1, 1000))
    this.#ledger.approximate(
      retries?.path ?? [],
      `fallback.max_retries: ${count + 1}, attempts in total; another route is asked each time, and fallbacks count too`,
    )
    const cooldown = settings.find('cooldown_time')
    this.#draft.set(['fallback', 'cooldown_seconds'], within(numberOf(cooldown?.value) ?? 5, 0, 86_400))
    this.#ledger.approximate(
      cooldown?.path ?? [],
      'fallback.cooldown_seconds, from the first failure on and not after allowed_fails of them',
    )
    const timeout = settings.find('timeout') ?? settings.find('request_timeout')
    if (timeout !== undefined) {
      const limits = timeoutOf(timeout.value, settings.find('stream_timeout')?.value)
      if (limits === undefined) this.#ledger.dropped(timeout.path, 'no number of seconds')
      else {
        this.#draft.set(['timeout'], limits)
        this.#ledger.approximate(
          timeout.path,
          'timeout.first_byte and timeout.idle: until the answer begins, and between its pieces',
        )
      }
    }
    this.#readGroupAliases(router)
    if (fallbacks !== undefined) this.#readFallbacks(fallbacks)
    const others = settings.find('default_fallbacks')
    if (others !== undefined) this.#readDefaultFallbacks(others)
    for (const [section, holder] of [
      ['router_settings', router],
      ['litellm_settings', litellm],
    ] as const) {
      for (const key of Object.keys(holder)) {
        if (takenSettings.has(key)) continue
        const same = holder[key] === true ? done[key] : undefined
        if (same === undefined) this.#ledger.dropped([section, key], reasons[key] ?? 'there is nothing like it')
        else this.#ledger.approximate([section, key], same)
      }
    }
  }

  #readGroupAliases(router: Tree): void {
    for (const [alias, target] of Object.entries(mapOf(router['model_group_alias']))) {
      const path = ['router_settings', 'model_group_alias', alias]
      const name = textOf(target) ?? textOf(mapOf(target)['model'])
      if (name === undefined || !this.#draft.aliases.includes(name) || this.#draft.aliases.includes(alias)) {
        this.#ledger.dropped(path, 'it leads to no model of the list, or has the name of one')
        continue
      }
      for (const route of this.#draft.routesOf(name)) this.#draft.addRoute(alias, { ...route })
      if (mapOf(target)['hidden'] === true) this.#ledger.approximate(path, 'it is shown in the list of models')
      else this.#ledger.exact(path, `alias "${alias}" with the routes of "${name}"`)
    }
  }

  #readFallbacks({ value, path }: Setting): void {
    for (const [index, entry] of listOf(value).entries()) {
      for (const [from, targets] of Object.entries(mapOf(entry))) this.#fallBack(from, targets, [...path, index, from])
    }
  }

  #readDefaultFallbacks({ value, path }: Setting): void {
    const targets = textsOf(value)
    for (const alias of this.#draft.aliases) {
      const own = mapOf(mapOf(this.#draft.tree['fallback'])['alias_fallback'])[alias]
      if (own === undefined && !targets.includes(alias)) this.#fallBack(alias, targets, path, true)
    }
    this.#ledger.exact(path, 'fallback.alias_fallback of every alias that has none of its own')
  }

  #fallBack(from: string, written: unknown, path: ConfigPath, isQuiet = false): void {
    const targets = textsOf(written).filter((name) => this.#draft.aliases.includes(name))
    const lost = textsOf(written).filter((name) => !targets.includes(name))
    for (const name of lost) this.#ledger.dropped(path, `"${name}" is no model of the list`)
    if (!this.#draft.aliases.includes(from)) {
      this.#ledger.dropped(path, `"${from}" is no model of the list`)
      return
    }
    if (targets.length === 0) return
    this.#draft.set(['fallback', 'alias_fallback', from], targets.map(literal))
    if (!isQuiet)
      this.#ledger.exact(
        path,
        `fallback.alias_fallback: "${from}" goes on with ${targets.map((name) => `"${name}"`).join(', ')}`,
      )
  }

  /** Deployments of one order share by the first of these that any of them has; those without it took nothing. */
  #weigh(): void {
    for (const alias of this.#draft.aliases) {
      const routes = this.#draft.routesOf(alias)
      for (const order of new Set(routes.map((route) => route['priority']))) {
        const tier = routes.filter((route) => route['priority'] === order)
        const kind = shares.find((each) => tier.some((route) => each in route)) ?? 'weight'
        const weights = tier.map((route) => numberOf(route[kind]) ?? 0)
        const isEqual = weights.every((weight) => weight === weights[0])
        for (const [index, route] of tier.entries()) {
          for (const each of shares) delete route[each]
          if (!isEqual) route['weight'] = weights[index]
        }
      }
    }
  }
}

/** What a deployment says of its share of the traffic. */
const shares = ['weight', 'rpm', 'tpm'] as const

interface Found {
  readonly name: string
  readonly provider: Provider
  /** As the provider knows it. */
  readonly model: string
}

/** A sentence when it cannot be reached from here. */
function providerOf(full: string, custom: string | undefined, hasBase: boolean): Found | string {
  const slash = full.indexOf('/')
  const first = slash === -1 ? '' : full.slice(0, slash)
  const name = custom ?? (Object.hasOwn(providers, first) || strangers.has(first) ? first : undefined)
  if (name !== undefined && strangers.has(name)) return `${name} is not reached from here yet`
  const known = name === undefined ? undefined : providers[name]
  if (name !== undefined && known === undefined) return `${name} is not reached from here yet`
  const rest = name === first && slash !== -1 ? full.slice(slash + 1) : full
  if (name !== undefined && known !== undefined) return { name, provider: known, model: modelOf(name, rest) }
  const guess = guessProvider(full) ?? (hasBase ? 'custom_openai' : undefined)
  const provider = guess === undefined ? undefined : providers[guess]
  return guess === undefined || provider === undefined
    ? 'it is not known whose model this is: write the provider before it, such as "openai/…"'
    : { name: guess, provider, model: full }
}

/** `azure/responses/…` and the like choose an API, which here the client's path does. */
function modelOf(name: string, rest: string): string {
  if (name === 'azure' || name === 'openai') return rest.replace(/^responses\//, '')
  return name.startsWith('cohere') ? rest.replace(/^v2\//, '') : rest
}

function headersOf(params: Tree): Tree {
  const headers: Tree = {}
  const given = { ...mapOf(params['extra_headers']), ...mapOf(params['headers']) }
  for (const [name, value] of Object.entries(given)) {
    const text = textOf(value)
    if (text !== undefined && /^[\w-]+$/.test(name) && isKey(text)) headers[name] = headerOf(text)
  }
  const organization = textOf(params['organization'])
  if (organization !== undefined && isKey(organization)) headers['OpenAI-Organization'] = headerOf(organization)
  return headers
}

function headerOf(text: string): string {
  const name = /^os\.environ\/([A-Za-z_]\w*)$/.exec(text)?.[1]
  return name === undefined ? literal(text) : `\${${name}}`
}

/** Their limit holds for each read. */
function timeoutOf(value: unknown, ofStreams: unknown): Tree | undefined {
  const seconds = numberOf(value) ?? numberOf(ofStreams)
  if (seconds === undefined || seconds <= 0) return undefined
  return {
    first_byte: `${within(seconds, 0.001, 86_400)}s`,
    idle: `${within(numberOf(ofStreams) ?? seconds, 0.001, 86_400)}s`,
  }
}

function costOf(params: Tree, info: Tree): Tree | undefined {
  const input = numberOf(params['input_cost_per_token'] ?? info['input_cost_per_token'])
  const output = numberOf(params['output_cost_per_token'] ?? info['output_cost_per_token'])
  if (input === undefined || output === undefined || input < 0 || output < 0) return undefined
  return { input: byTheMillion(input), output: byTheMillion(output) }
}

/** Without the dust of binary fractions. */
function byTheMillion(price: number): number {
  return within(Number((price * 1e6).toPrecision(12)), 0, 1_000_000)
}

function strategyOf(written: string | undefined): { readonly strategy: string; readonly isExact: boolean } {
  switch (written) {
    case undefined:
    case 'simple-shuffle':
      return { strategy: 'weighted_random', isExact: true }
    case 'least-busy':
      return { strategy: 'least_connections', isExact: true }
    case 'latency-based-routing':
      return { strategy: 'latency', isExact: false }
    case 'cost-based-routing':
      return { strategy: 'cost', isExact: false }
    case 'usage-based-routing':
    case 'usage-based-routing-v2':
      return { strategy: 'least_connections', isExact: false }
    default:
      return { strategy: 'weighted_random', isExact: false }
  }
}

interface Setting {
  readonly value: unknown
  readonly path: ConfigPath
}

/** Settings that may stand in one section or the other; the first has the say. */
class Settings {
  readonly #router: Tree
  readonly #litellm: Tree

  constructor(router: Tree, litellm: Tree) {
    this.#router = router
    this.#litellm = litellm
  }

  find(key: string): Setting | undefined {
    if (this.#router[key] != null) return { value: this.#router[key], path: ['router_settings', key] }
    if (this.#litellm[key] != null) return { value: this.#litellm[key], path: ['litellm_settings', key] }
    return undefined
  }
}

const sections: ReadonlySet<string> = new Set([
  'model_list',
  'include',
  'general_settings',
  'router_settings',
  'litellm_settings',
  'environment_variables',
  'credential_list',
])

const costKeys: ReadonlySet<string> = new Set(['input_cost_per_token', 'output_cost_per_token'])

const takenParams: ReadonlySet<string> = new Set([
  'model',
  'api_key',
  'api_base',
  'base_url',
  'api_version',
  'custom_llm_provider',
  'litellm_credential_name',
  'order',
  'weight',
  'extra_headers',
  'headers',
  'organization',
  ...costKeys,
])

const takenSettings: ReadonlySet<string> = new Set([
  'routing_strategy',
  'num_retries',
  'cooldown_time',
  'timeout',
  'stream_timeout',
  'request_timeout',
  'fallbacks',
  'default_fallbacks',
  'model_group_alias',
])

const paramReasons: Readonly<Record<string, string>> = {
  aws_profile_name: 'credentials are keys of AWS, or an API key of Bedrock',
  aws_role_name: 'credentials are keys of AWS, or an API key of Bedrock',
  aws_session_name: 'credentials are keys of AWS, or an API key of Bedrock',
  aws_web_identity_token: 'credentials are keys of AWS, or an API key of Bedrock',
}

/** What is done here without being asked for. */
const done: Readonly<Record<string, string>> = {
  drop_params:
    'done anyway where requests are translated (compat.mode: warn), but what an answer would be wrong without is refused',
  modify_params: 'conversations that a backend would refuse are mended anyway (compat.repair_history)',
}

const reasons: Readonly<Record<string, string>> = {
  allowed_fails: 'a route rests from its first failure on; circuit_breaker.failure_threshold counts failures in a row',
  context_window_fallbacks:
    'fallbacks are the same for every failure: detection.error_patterns finds this one by its text',
  content_policy_fallbacks:
    'fallbacks are the same for every failure: detection.error_patterns finds this one by its text',
  drop_params: 'compat.mode: strict refuses what a backend cannot be told',
  set_verbose: 'logging.level: debug tells more',
  json_logs: 'logging.format: json does this',
  routing_strategy_args: 'the strategies here have no settings',
  retry_policy: 'retry and detection.error_codes say what is tried again',
}
