import type { ConfigPath } from '#config/problem.ts'
import { legacyConfig } from '#config/legacy.ts'
import type { Tree } from '#config/source.ts'
import { printable } from '#kit/printable.ts'
import { segmentsMax } from '#route/service-path.ts'
import { reservationOf } from '#snapshot/reserved.ts'
import { isAuthMode } from '#upstream/schema.ts'
import type { Draft } from './draft.ts'
import { plain, setLegacy, tellVariables, type Told } from './from-legacy.ts'
import type { Ledger } from './ledger.ts'
import { backendUrl, count, isKey, listOf, literal, mapOf, numberOf, textOf, within } from './values.ts'

/** Services with models with backends, and the variables beside them: they stay what they are. */
export function fromBackends(value: unknown, env: ReadonlyMap<string, string>, draft: Draft, ledger: Ledger): void {
  const legacy = legacyConfig({ backendsFile: 'backends.json' }, Object.fromEntries(env))
  setLegacy(legacy, env, draft)
  // The services themselves stand in the new file.
  delete draft.tree['services_file']
  const port = within(Math.trunc(numberOf(env.get('PORT')) ?? 8000), 1, 65_535)
  draft.set(['listen'], `:${port}`)
  const key = textOf(env.get('BACKEND_API_KEY'))
  if (key === undefined && draft.tree['allow_unauthenticated'] !== true) {
    if (!env.has('BACKEND_API_KEY')) {
      const what = 'not given (--env FILE), so there is no proxy_api_key: the gateway stays on loopback'
      ledger.add('approximate', 'BACKEND_API_KEY', what)
    }
    draft.comment(['listen'], 'Add proxy_api_key: without it the gateway listens on loopback only.')
  }
  const reader = new Reader(plain(legacy.serviceDefaults, env), draft, ledger)
  for (const [service, written] of Object.entries(mapOf(mapOf(value)['services']))) {
    const section = mapOf(written)
    const spelling = 'models' in section ? 'models' : 'model'
    for (const [model, holder] of Object.entries(mapOf(section[spelling]))) {
      reader.readModel(service, model, holder, ['services', service, spelling, model])
    }
  }
  if (reader.backends > 0) {
    draft.comment(
      ['services'],
      'Clients ask /{service}/{model}/…, and the rest of the path goes to one of the backends.',
    )
    ledger.approximate(
      ['services'],
      'clients stay with a backend by address for an hour after each answer, not for ever',
    )
    ledger.approximate(['services'], 'a request that a backend cannot answer goes on to the next one, which it did not')
    ledger.approximate(['services'], 'queries of requests go on too, which were lost')
  }
  if (reader.keyless > 0 && key !== undefined) tellKeyless(reader.keyless, draft, ledger)
  tellVariables(legacy, env, variables, ledger)
}

/** They were sent the key of the clients, which goes nowhere unless somebody asks for it. */
function tellKeyless(keyless: number, draft: Draft, ledger: Ledger): void {
  const without = `${count(keyless, 'backend')} without an api_key`
  if (draft.tree['reuse_gateway_key'] === true) {
    const text = 'Backends without an api_key are sent proxy_api_key, as before. Better give each its own.'
    draft.comment(['reuse_gateway_key'], text)
    ledger.add('exact', 'BACKEND_API_KEY', `sent to ${without} (reuse_gateway_key)`)
  } else if (!('upstream_default_key' in draft.tree)) {
    const ways = 'give each its own, or write "reuse_gateway_key: true" to send proxy_api_key as before'
    draft.comment(['services'], `Sent no key at all: ${without}; ${ways}.`)
    ledger.add('approximate', 'BACKEND_API_KEY', `no longer sent to ${without}: ${ways}`)
  }
}

class Reader {
  backends = 0
  keyless = 0
  /** What a backend has that does not say it itself. */
  readonly #defaults: Tree
  readonly #draft: Draft
  readonly #ledger: Ledger

  constructor(defaults: Tree, draft: Draft, ledger: Ledger) {
    this.#defaults = defaults
    this.#draft = draft
    this.#ledger = ledger
  }

  readModel(service: string, model: string, holder: unknown, path: ConfigPath): void {
    const fault = faultOfService(service) ?? faultOfName(model)
    if (fault !== undefined) return this.#ledger.dropped(path, fault)
    const place = ['services', service, 'models', model, 'backends']
    const ids = new Set<string>()
    const pool: Tree[] = []
    for (const [index, entry] of listOf(mapOf(holder)['backends']).entries()) {
      const backend = this.#readBackend(mapOf(entry), ids, [...path, 'backends', index])
      if (backend !== undefined) pool.push(backend)
    }
    if (pool.length === 0) return this.#ledger.dropped(path, 'it has no backend')
    this.backends += pool.length
    this.#draft.set(place, pool)
    this.#ledger.exact(path, `service "${service}", model "${model}" with ${count(pool.length, 'backend')}`)
  }

  #readBackend(entry: Tree, ids: Set<string>, path: ConfigPath): Tree | undefined {
    const url = backendUrl(entry['url'])
    if (url === undefined) {
      this.#ledger.dropped([...path, 'url'], 'no address of a backend')
      return undefined
    }
    const name = nameIn(entry['name'])
    const wanted = nameIn(entry['id']) ?? name ?? 'backend'
    const id = freeId(wanted, ids)
    if (id !== wanted) {
      this.#ledger.approximate([...path, 'id'], `another backend of the model has it too, so this one is "${id}"`)
    }
    const backend: Tree = { id, ...(name === undefined ? {} : { name }), url }
    const weight = numberOf(entry['weight']) ?? 1
    if (weight !== 1) {
      backend['weight'] = within(weight, 0, 1_000_000)
      this.#ledger.approximate([...path, 'weight'], 'it counts now, and was ignored before')
    }
    const key = textOf(entry['api_key'])
    if (key === undefined) this.keyless += 1
    else if (isKey(key)) backend['api_key'] = literal(key)
    else this.#ledger.dropped([...path, 'api_key'], 'a key of characters that no header carries')
    Object.assign(backend, { auth_mode: 'Authorization', ...structuredClone(this.#defaults) })
    const mode = textOf(entry['auth_mode'])
    if (mode !== undefined) {
      backend['auth_mode'] = isAuthMode(mode) ? mode : 'none'
      if (!isAuthMode(mode)) this.#ledger.approximate([...path, 'auth_mode'], 'another word: no key is sent')
    }
    for (const unknown of Object.keys(entry).filter((each) => !knownKeys.has(each))) {
      this.#ledger.dropped([...path, unknown], 'it had no effect')
    }
    return backend
  }
}

const knownKeys: ReadonlySet<string> = new Set(['id', 'name', 'url', 'weight', 'api_key', 'auth_mode'])

/** Why no service can have this name, or undefined. */
function faultOfService(name: string): string | undefined {
  const fault = faultOfName(name)
  if (fault !== undefined) return fault
  if (name.includes('/')) return 'the name of a service cannot have a slash'
  return reservationOf(name) === 'taken'
    ? 'a service cannot have this name: paths of the gateway begin with it'
    : undefined
}

function faultOfName(name: string): string | undefined {
  const isUsual = name !== '' && name.length <= 512 && printable(name) === name && !/[\s?#]/.test(name)
  const segments = name.split('/')
  const isPath = segments.length <= segmentsMax && segments.every((step) => !['', '.', '..'].includes(step))
  if (['__proto__', 'constructor', 'prototype'].includes(name)) return 'nothing can have this name'
  return isUsual && isPath ? undefined : 'its name cannot stand in a path'
}

function nameIn(value: unknown): string | undefined {
  const text = textOf(value)
  const name = text === undefined ? '' : literal(printable(text).slice(0, 100))
  return name === '' ? undefined : name
}

/** An id that no other backend of the model has. */
function freeId(wanted: string, taken: Set<string>): string {
  let id = wanted
  for (let number = 2; taken.has(id); number += 1) id = `${wanted}-${number}`
  taken.add(id)
  return id
}

const variables: Readonly<Record<string, Told>> = {
  BACKEND_API_KEY: ['exact', 'proxy_api_key'],
  PORT: ['exact', 'listen'],
  LOG_LEVEL: ['exact', 'logging.level'],
  BACKEND_AUTH_MODE: ['exact', 'services.*.models.*.backends[].auth_mode'],
  HEALTH_CHECK_INTERVAL: ['exact', 'health_check.interval'],
  HEALTH_CHECK_TIMEOUT: ['exact', 'health_check.timeout'],
  REQUEST_TIMEOUT: [
    'approximate',
    'timeout.first_byte, where it had no effect before; running streams it does not end',
  ],
  MAX_CONNECTIONS: ['approximate', 'max_connections of each backend; it was one limit for all of them'],
  MAX_KEEPALIVE_CONNECTIONS: ['approximate', 'pool.max_idle of each backend; it was one limit for all of them'],
  UPSTREAM_DEFAULT_KEY: ['exact', 'upstream_default_key'],
  REUSE_GATEWAY_KEY: ['exact', 'reuse_gateway_key'],
  ALLOW_UNAUTHENTICATED: ['exact', 'allow_unauthenticated'],
  TRUSTED_PROXIES: ['exact', 'trusted_proxies'],
  CONFIG_RELOAD_WATCH: ['dropped', 'the configuration is always watched'],
  CONFIG_RELOAD_INTERVAL: ['dropped', 'the configuration is always watched'],
}
