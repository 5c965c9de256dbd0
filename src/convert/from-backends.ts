import type { ConfigPath } from '#config/problem.ts'
import type { Tree } from '#config/source.ts'
import type { Draft } from './draft.ts'
import { setLogLevel } from './from-secrets.ts'
import type { Ledger } from './ledger.ts'
import { count, backendUrl, isKey, listOf, literal, mapOf, numberOf, textOf, within } from './values.ts'

/** Services with models with backends, and the variables beside them. Each `service/model` becomes an alias. */
export function fromBackends(value: unknown, env: ReadonlyMap<string, string>, draft: Draft, ledger: Ledger): void {
  const port = within(Math.trunc(numberOf(env.get('PORT')) ?? 8000), 1, 65_535)
  draft.set(['listen'], `:${port}`)
  const key = textOf(env.get('BACKEND_API_KEY'))
  if (key === undefined) {
    ledger.add(
      'approximate',
      'BACKEND_API_KEY',
      'not given (--env FILE), so there is no proxy_api_key: the gateway stays on loopback',
    )
    draft.comment(['listen'], 'Add proxy_api_key: without it the gateway listens on loopback only.')
  } else {
    draft.set(['proxy_api_key'], literal(key))
    ledger.add('exact', 'BACKEND_API_KEY', 'proxy_api_key')
  }
  const reader = new Reader(env, draft, ledger)
  for (const [service, written] of Object.entries(mapOf(mapOf(value)['services']))) {
    const section = mapOf(written)
    const spelling = 'models' in section ? 'models' : 'model'
    for (const [model, holder] of Object.entries(mapOf(section[spelling]))) {
      reader.readModel(service, model, holder, ['services', service, spelling, model])
    }
  }
  if (draft.backends.length > 0) {
    draft.comment(
      ['models'],
      'Each service with each of its models. Clients name it in the body: "model": "service/model".',
    )
    ledger.approximate(
      ['services'],
      'paths /{service}/{model}/… became aliases "service/model": clients use /v1/… and name the alias as model',
    )
    ledger.approximate(
      ['services'],
      'the model in the body was passed on as it came; now it is the one in backends.json',
    )
    ledger.approximate(
      ['services'],
      'clients stay with a backend by address for an hour after each answer, not for ever',
    )
    ledger.approximate(['services'], 'a request that a backend cannot answer goes on to the next one, which it did not')
  }
  if (reader.keyless > 0 && key !== undefined) {
    draft.set(['reuse_gateway_key'], true)
    draft.comment(
      ['reuse_gateway_key'],
      'Backends without an api_key are sent proxy_api_key, as before. Better give each its own.',
    )
    ledger.add(
      'exact',
      'BACKEND_API_KEY',
      `sent to ${count(reader.keyless, 'backend')} without an api_key (reuse_gateway_key)`,
    )
  }
  draft.set(['timeout', 'connect'], '10s')
  draft.set(['timeout', 'first_byte'], '300s')
  draft.set(['timeout', 'idle'], '300s')
  fromVariables(env, draft, ledger)
}

class Reader {
  keyless = 0
  readonly #env: ReadonlyMap<string, string>
  readonly #draft: Draft
  readonly #ledger: Ledger

  constructor(env: ReadonlyMap<string, string>, draft: Draft, ledger: Ledger) {
    this.#env = env
    this.#draft = draft
    this.#ledger = ledger
  }

  readModel(service: string, model: string, holder: unknown, path: ConfigPath): void {
    const alias = `${service}/${model}`
    const written = listOf(mapOf(holder)['backends'])
    let routes = 0
    for (const [index, entry] of written.entries()) {
      if (this.#readBackend(alias, model, mapOf(entry), [...path, 'backends', index])) routes += 1
    }
    if (routes === 0) {
      this.#ledger.dropped(path, 'it has no backend')
      return
    }
    const settings = this.#draft.alias(alias)
    settings['strategy'] = 'round_robin'
    settings['affinity'] = { by: 'ip' }
    this.#ledger.exact(path, `alias "${alias}" with ${count(routes, 'route')}`)
  }

  #readBackend(alias: string, model: string, entry: Tree, path: ConfigPath): boolean {
    const url = backendUrl(entry['url'])
    if (url === undefined) {
      this.#ledger.dropped([...path, 'url'], 'no address of a backend')
      return false
    }
    const name = this.#draft.nameFor(textOf(entry['id']) ?? textOf(entry['name']) ?? alias)
    const backend: Tree = { name, url, protocol: 'any' }
    const key = textOf(entry['api_key'])
    if (key === undefined) this.keyless += 1
    else if (isKey(key)) backend['api_key'] = literal(key)
    else this.#ledger.dropped([...path, 'api_key'], 'a key of characters that no header carries')
    backend['auth_mode'] = authMode(textOf(entry['auth_mode']) ?? this.#env.get('BACKEND_AUTH_MODE') ?? 'Authorization')
    const at = this.#draft.addBackend(backend)
    const label = textOf(entry['name'])
    if (label !== undefined && label !== name) this.#draft.comment(at, label)
    const weight = numberOf(entry['weight']) ?? 1
    if (weight !== 1) this.#ledger.approximate([...path, 'weight'], 'it counts now, and was ignored before')
    this.#draft.addRoute(alias, {
      backend: name,
      model: literal(model),
      ...(weight === 1 ? {} : { weight: within(weight, 0, 1_000_000) }),
    })
    for (const unknown of Object.keys(entry).filter((each) => !knownKeys.has(each))) {
      this.#ledger.dropped([...path, unknown], 'it had no effect')
    }
    return true
  }
}

const knownKeys: ReadonlySet<string> = new Set(['id', 'name', 'url', 'weight', 'api_key', 'auth_mode'])

/** Any other word meant that no key is sent. */
function authMode(written: string): string {
  const mode = written.trim().toLowerCase()
  return mode === 'authorization' ? 'Authorization' : mode === 'x-api-key' ? 'x-api-key' : 'none'
}

function fromVariables(env: ReadonlyMap<string, string>, draft: Draft, ledger: Ledger): void {
  for (const [name, value] of env) {
    if (name === 'PORT') ledger.add('exact', name, 'listen')
    else if (name === 'LOG_LEVEL') setLogLevel(value, name, draft, ledger)
    else if (name === 'BACKEND_AUTH_MODE') ledger.add('exact', name, 'backends[].auth_mode')
    else if (Object.hasOwn(reasons, name)) ledger.add('dropped', name, reasons[name] ?? '')
  }
}

const reasons: Readonly<Record<string, string>> = {
  HEALTH_CHECK_INTERVAL: 'backends are not asked for their health; one that fails rests (fallback.cooldown_seconds)',
  HEALTH_CHECK_TIMEOUT: 'backends are not asked for their health',
  REQUEST_TIMEOUT: 'it had no effect; "timeout" holds the limits that had',
  MAX_CONNECTIONS: 'it was one limit for all backends; backends[].max_connections limits each',
  MAX_KEEPALIVE_CONNECTIONS: 'it was one limit for all backends; backends[].pool.max_idle limits each',
  CONFIG_RELOAD_WATCH: 'the configuration is always watched',
  CONFIG_RELOAD_INTERVAL: 'the configuration is always watched',
}
