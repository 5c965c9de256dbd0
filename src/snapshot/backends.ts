import { secretsOfCache } from '#cache/compile.ts'
import type { Backend, Timeouts } from '#core/candidate.ts'
import type { Protocol } from '#core/dialect.ts'
import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import type { Config } from '#config/schema.ts'
import { originOf } from '#credential/bound-credential.ts'
import { compileCredentials } from '#credential/compile.ts'
import type { Outside } from '#credential/outside.ts'
import type { CompiledCredentials } from '#credential/spec.ts'
import { secretsOfLimits } from '#limit/compile.ts'
import type { Link } from '#ports/transport.ts'
import type { Converters, NamedConverter } from '#translate/converter/converters.ts'
import { hintFor } from './name-hint.ts'
import { HealthTable, type HealthSubject } from './health.ts'
import { findLinkProblems, LinkTable, secretsOfProxy } from './links.ts'

/** The `backends` section, compiled. */
export interface BackendTable {
  /** Every name in the file, backends that are switched off included. */
  readonly names: ReadonlySet<string>
  readonly usable: ReadonlyMap<string, UsableBackend>
  /** Of every backend that has any, those that are switched off included. */
  readonly credentials: readonly CompiledCredentials[]
}

/** A backend with what its routes inherit from it. */
export interface UsableBackend {
  readonly backend: Backend
  /** The same at its address for clients of Anthropic. */
  readonly anthropic: Backend | undefined
  readonly protocol: Protocol
  readonly weight: number
  readonly streaming: BackendSettings['streaming']
  readonly prefill: BackendSettings['prefill']
  readonly apis: BackendSettings['apis']
  readonly profile: BackendSettings['profile']
  readonly converter?: NamedConverter | undefined
}

/** What backends need beside the configuration. */
export interface BackendContext {
  /** Values that came from elsewhere, such as contents of files. */
  readonly hidden: readonly string[]
  readonly outside: Outside
  /** Undefined: what is wrong with them is told already. */
  readonly converters: Converters['byName'] | undefined
}

/** `off`: names of those that an unset variable switched off, whatever `enabled` says. */
export function compileBackends(config: Config, compiler: BackendCompiler, off: ReadonlySet<string>): BackendTable {
  const names = new Set<string>()
  const usable = new Map<string, UsableBackend>()
  const allCredentials: CompiledCredentials[] = []
  for (const [index, settings] of config.backends.entries()) {
    const { name } = settings
    const path = ['backends', index]
    if (names.has(name)) {
      const message = `"${name}" is already the name of another backend, and each must have its own`
      compiler.problems.push({ severity: 'error', path: [...path, 'name'], message })
      continue
    }
    names.add(name)
    const compiled = compiler.compile(settings, { path, of: 'backends' })
    if (compiled === undefined) continue
    if (compiled.credentials !== undefined) allCredentials.push(compiled.credentials)
    if (settings.enabled && !off.has(name)) usable.set(name, compiled.usable)
  }
  return { names, usable, credentials: allCredentials }
}

/** Where a backend stands in the file. */
export interface BackendPlace {
  readonly path: CompileProblem['path']
  readonly of: HealthSubject['of']
}

/** Makes backends of what the file says of them, wherever in it they stand. */
export class BackendCompiler {
  /** What was wrong with them so far. */
  readonly problems: CompileProblem[] = []
  readonly #config: Config
  readonly #context: BackendContext
  readonly #links: LinkTable
  readonly #health: HealthTable

  constructor(config: Config, context: BackendContext) {
    this.#config = config
    this.#context = context
    this.#links = new LinkTable(config)
    this.#health = new HealthTable(config.health_check, this.problems)
    this.#refuseReserved(config.health_check?.headers, ['health_check'])
  }

  /** Undefined, and a problem told, when it has no address. */
  compile(
    settings: BackendSettings,
    { path, of }: BackendPlace,
  ): { readonly usable: UsableBackend; readonly credentials: CompiledCredentials | undefined } | undefined {
    const { protocol, weight, streaming, prefill, apis, profile } = settings
    const converter = this.#converterOf(settings, path)
    this.#refuseReserved(settings.headers, path)
    this.#refuseReserved(settings.health_check?.headers, [...path, 'health_check'])
    const backend = compileBackend(this.#config, settings, this.#links, this.#context.hidden)
    if (backend === undefined) {
      const message = `"${settings.url}" is no address, write one such as "https://api.example.com/v1"`
      this.problems.push({ severity: 'error', path: [...path, 'url'], message })
      return undefined
    }
    this.problems.push(...findLinkProblems(backend.url, settings, path))
    const credentials = this.#credentialsFor(backend, settings, [...path, 'credentials'])
    const anthropic = this.#anthropicOf(settings, backend, path)
    const { url, apiVersion } = backend
    const health = this.#health.policyFor(settings.health_check, { url, apiVersion, protocol, of }, path)
    return {
      usable: {
        backend: { ...backend, credentials, health },
        anthropic: anthropic && { ...anthropic, credentials, health },
        protocol,
        weight,
        streaming,
        prefill,
        apis,
        profile,
        converter,
      },
      credentials,
    }
  }

  #converterOf({ converter: name }: BackendSettings, path: CompileProblem['path']): NamedConverter | undefined {
    const { converters } = this.#context
    const found = name === undefined ? undefined : converters?.get(name)
    if (name === undefined || found !== undefined || converters === undefined) return found
    const message = `no converter is named "${name}"${hintFor(name, new Set(converters.keys()))}`
    this.problems.push({ severity: 'error', path: [...path, 'converter'], message })
    return undefined
  }

  #anthropicOf(settings: BackendSettings, { url }: Backend, path: CompileProblem['path']): Backend | undefined {
    const { url_anthropic: address, protocol, credentials } = settings
    if (address === undefined) return undefined
    const backend = compileBackend(this.#config, { ...settings, url: address }, this.#links, this.#context.hidden)
    const fault =
      backend === undefined
        ? `"${address}" is no address, write one such as "https://api.example.com/anthropic"`
        : protocol === 'anthropic'
          ? 'the backend speaks the API of Anthropic at its "url" already: take one of the two away'
          : credentials.length > 0 && originOf(backend.url) !== originOf(url)
            ? 'it leads to another host than "url", to which the credentials are bound: write a backend of its own'
            : undefined
    if (fault === undefined) return backend
    this.problems.push({ severity: 'error', path: [...path, 'url_anthropic'], message: fault })
    return undefined
  }

  #refuseReserved(headers: Readonly<Record<string, string>> | undefined, path: CompileProblem['path']): void {
    const reserved = Object.keys(headers ?? {}).filter((header) => reservedHeaders.has(header.toLowerCase()))
    for (const header of reserved) {
      const message = `"${header}" belongs to the connection and cannot be set`
      this.problems.push({ severity: 'error', path: [...path, 'headers', header], message })
    }
  }

  #credentialsFor(
    { name, url }: Backend,
    { credentials, api_key: key }: BackendSettings,
    path: CompileProblem['path'],
  ): CompiledCredentials | undefined {
    if (credentials.length === 0) return undefined
    if (key !== undefined && key !== '') {
      const message = 'the backend has an "api_key" beside them: write it as one of them, or take one of the two away'
      this.problems.push({ severity: 'error', path, message })
    }
    const linkTo = (to: URL): Link => this.#links.plainLinkTo(to)
    const { outside } = this.#context
    const compiled = compileCredentials(credentials, { backend: name, url, path, outside, linkTo })
    this.problems.push(...compiled.problems)
    return compiled.set
  }
}

/** Every secret value of the configuration and those `beside` it, switched-off backends included, each once. */
export function collectSecrets(config: Config, beside: readonly string[]): readonly Secret[] {
  const values = new Set(beside)
  for (const key of [config.proxy_api_key, config.admin.key, config.usage.pricing_key, config.upstream_default_key])
    if (key !== undefined) values.add(key)
  for (const value of secretsOfClients(config.auth)) values.add(value)
  for (const value of secretsOfProxy(config.outbound_proxy.url)) values.add(value)
  for (const value of secretsOfLimits(config.rate_limiting)) values.add(value)
  for (const value of secretsOfCache(config.cache)) values.add(value)
  for (const value of secretHeaders(config.health_check?.headers)) values.add(value)
  for (const hook of [config.hooks?.before_request, config.hooks?.after_request, config.hooks?.on_error].flatMap(
    (list) => list ?? [],
  )) {
    if (hook.secret !== undefined) values.add(hook.secret)
    for (const value of secretHeaders(hook.headers)) values.add(value)
  }
  for (const { config: rule } of config.middleware)
    for (const value of secretHeaders(rule.add_headers)) values.add(value)
  for (const { api_key: key, headers, tls, outbound_proxy: proxy, health_check: check } of allSettings(config)) {
    if (key !== undefined) values.add(key)
    if (tls.key !== undefined) values.add(tls.key)
    for (const value of secretsOfProxy(proxy)) values.add(value)
    for (const value of [...secretHeaders(headers), ...secretHeaders(check?.headers)]) values.add(value)
  }
  values.delete('')
  return Array.from(values, (value) => new Secret(value))
}

/**
 * Of clients that are known by name. There may be thousands of them, and each secret is looked for in every line of the
 * log: those that are hidden for their looks need not be.
 */
function* secretsOfClients({ providers }: Config['auth']): Generator<string> {
  for (const { keys, secret, client_secret: clientSecret } of providers) {
    for (const { key } of keys) if (key !== undefined && !looksLikeKey.test(key)) yield key
    if (secret !== undefined) yield secret
    if (clientSecret !== undefined) yield clientSecret
  }
}

/** `telemetry/mask.ts` hides these wherever they stand. */
const looksLikeKey = /^sk-[\w-]{8,}$/

/** What the file says of every backend, those of services and of `passthrough` included. */
function* allSettings({ backends, services, passthrough }: Config): Generator<PooledSettings> {
  yield* backends
  for (const { models } of Object.values(services)) for (const pool of Object.values(models)) yield* pool.backends
  if (passthrough !== undefined) yield* passthrough.backends
}

function compileBackend(
  config: Config,
  settings: BackendSettings,
  links: LinkTable,
  hidden: readonly string[],
): Backend | undefined {
  if (!URL.canParse(settings.url)) return undefined
  const apiKey = keyFor(config, settings)
  const url = new URL(settings.url)
  url.pathname = url.pathname.replace(/\/+$/, '')
  const link = links.linkTo(url, settings)
  const proxies = link.proxy === undefined ? [] : [settings.outbound_proxy, config.outbound_proxy.url]
  return {
    name: settings.name,
    url,
    apiKey,
    authMode: settings.auth_mode,
    headers: Object.entries(settings.headers),
    secrets: secretsOf(apiKey, proxies, settings.headers, hidden),
    timeouts: timeoutsOf(config.timeout, settings.timeout),
    apiVersion: settings.api_version,
    link,
    forwardClientIp: config.proxy.forward_client_ip,
    websocket: settings.websocket && link.transport === 'own',
  }
}

export type BackendSettings = Config['backends'][number]

type PooledSettings = Pick<BackendSettings, 'api_key' | 'headers' | 'tls' | 'outbound_proxy' | 'health_check'>

/** Its own key, else the common one, unless it has credentials; the gateway's key leaves the gateway only where the operator said so. */
function keyFor(config: Config, settings: BackendSettings): Secret | undefined {
  if (settings.credentials.length > 0) return undefined
  const offered = [
    settings.api_key,
    config.upstream_default_key,
    config.reuse_gateway_key ? config.proxy_api_key : undefined,
  ]
  const key = offered.find((candidate) => candidate !== undefined && candidate !== '')
  return key === undefined ? undefined : new Secret(key)
}

/** What this backend is sent and nobody else may see. */
function secretsOf(
  apiKey: Secret | undefined,
  proxies: readonly (string | undefined)[],
  headers: Readonly<Record<string, string>>,
  hidden: readonly string[],
): readonly Secret[] {
  const values = new Set(proxies.flatMap(secretsOfProxy))
  if (apiKey !== undefined) values.add(apiKey.reveal())
  for (const [name, value] of Object.entries(headers)) {
    if (isCredential(name, value)) values.add(bareCredential(value))
    for (const secret of hidden) if (value.includes(secret)) values.add(secret)
  }
  return [...values].filter((value) => value.length >= credentialLengthMin).map((value) => new Secret(value))
}

function timeoutsOf(common: Config['timeout'], own: BackendSettings['timeout']): Timeouts {
  return {
    queueMs: own.queue ?? common.queue,
    dnsMs: own.dns ?? common.dns,
    connectMs: own.connect ?? common.connect,
    tlsMs: own.tls ?? common.tls ?? own.connect ?? common.connect,
    writeMs: own.write ?? common.write,
    firstByteMs: own.first_byte ?? common.first_byte,
    idleMs: own.idle ?? common.idle,
    totalMs: own.total ?? common.total,
  }
}

function secretHeaders(headers: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(headers).flatMap(([name, value]) => (isCredential(name, value) ? [bareCredential(value)] : []))
}

/** A header of the operator that frames the message would break it. */
const reservedHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Short values such as a version would be masked all over the log, and found in any answer. */
function isCredential(header: string, value: string): boolean {
  return /auth|key|token|secret|cookie|password/i.test(header) && bareCredential(value).length >= credentialLengthMin
}

const credentialLengthMin = 8

/** The key itself, without "Bearer" before it. */
function bareCredential(value: string): string {
  return value.trim().replace(/^\S+\s+(?=\S+$)/, '')
}
