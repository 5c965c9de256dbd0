import type { Backend, Timeouts } from '#core/candidate.ts'
import type { Protocol } from '#core/dialect.ts'
import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import type { Config } from '#config/schema.ts'
import { compileCredentials } from '#credential/compile.ts'
import type { Outside } from '#credential/outside.ts'
import type { CompiledCredentials } from '#credential/spec.ts'
import type { Link } from '#ports/transport.ts'
import { findLinkProblems, LinkTable, secretsOfProxy } from './links.ts'

/** The `backends` section, compiled. */
export interface BackendTable {
  /** Every name in the file, backends that are switched off included. */
  readonly names: ReadonlySet<string>
  readonly usable: ReadonlyMap<string, UsableBackend>
  /** Of every backend that has any, those that are switched off included. */
  readonly credentials: readonly CompiledCredentials[]
  readonly problems: readonly CompileProblem[]
}

/** A backend with what its routes inherit from it. */
export interface UsableBackend {
  readonly backend: Backend
  readonly protocol: Protocol
  readonly weight: number
  readonly streaming: BackendSettings['streaming']
  readonly prefill: BackendSettings['prefill']
}

/** What backends need beside the configuration. */
export interface BackendContext {
  /** Names of those that an unset variable switched off, whatever `enabled` says. */
  readonly off: ReadonlySet<string>
  /** Values that came from elsewhere, such as contents of files. */
  readonly hidden: readonly string[]
  readonly outside: Outside
}

export function compileBackends(config: Config, { off, hidden, outside }: BackendContext): BackendTable {
  const names = new Set<string>()
  const usable = new Map<string, UsableBackend>()
  const problems: CompileProblem[] = []
  const links = new LinkTable(config)
  const allCredentials: CompiledCredentials[] = []
  for (const [index, settings] of config.backends.entries()) {
    const { name, protocol, weight, streaming, prefill } = settings
    if (names.has(name)) {
      const message = `"${name}" is already the name of another backend, and each must have its own`
      problems.push({ severity: 'error', path: ['backends', index, 'name'], message })
      continue
    }
    names.add(name)
    const reserved = Object.keys(settings.headers).filter((header) => reservedHeaders.has(header.toLowerCase()))
    for (const header of reserved) {
      const message = `"${header}" belongs to the connection and cannot be set`
      problems.push({ severity: 'error', path: ['backends', index, 'headers', header], message })
    }
    const backend = compileBackend(config, settings, links, hidden)
    if (backend === undefined) {
      const message = `"${settings.url}" is no address, write one such as "https://api.example.com/v1"`
      problems.push({ severity: 'error', path: ['backends', index, 'url'], message })
      continue
    }
    problems.push(...findLinkProblems(backend.url, settings, index))
    const credentials = credentialsFor(backend, settings, index, links, outside, problems)
    if (credentials !== undefined) allCredentials.push(credentials)
    if (settings.enabled && !off.has(name)) {
      usable.set(name, { backend: { ...backend, credentials }, protocol, weight, streaming, prefill })
    }
  }
  return { names, usable, credentials: allCredentials, problems }
}

/** Every secret value of the configuration and those `beside` it, switched-off backends included, each once. */
export function collectSecrets(config: Config, beside: readonly string[]): readonly Secret[] {
  const values = new Set(beside)
  for (const key of [config.proxy_api_key, config.admin.key, config.upstream_default_key])
    if (key !== undefined) values.add(key)
  for (const value of secretsOfProxy(config.outbound_proxy.url)) values.add(value)
  for (const { api_key: key, headers, tls, outbound_proxy: proxy } of config.backends) {
    if (key !== undefined) values.add(key)
    if (tls.key !== undefined) values.add(tls.key)
    for (const value of secretsOfProxy(proxy)) values.add(value)
    for (const [name, value] of Object.entries(headers))
      if (isCredential(name, value)) values.add(bareCredential(value))
  }
  values.delete('')
  return Array.from(values, (value) => new Secret(value))
}

function credentialsFor(
  { name, url }: Backend,
  { credentials, api_key: key }: BackendSettings,
  index: number,
  links: LinkTable,
  outside: Outside,
  problems: CompileProblem[],
): CompiledCredentials | undefined {
  if (credentials.length === 0) return undefined
  const path = ['backends', index, 'credentials']
  if (key !== undefined && key !== '') {
    const message = 'the backend has an "api_key" beside them: write it as one of them, or take one of the two away'
    problems.push({ severity: 'error', path, message })
  }
  const linkTo = (to: URL): Link => links.plainLinkTo(to)
  const compiled = compileCredentials(credentials, { backend: name, url, path, outside, linkTo })
  problems.push(...compiled.problems)
  return compiled.set
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

type BackendSettings = Config['backends'][number]

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
