import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import type { Config } from '#config/schema.ts'
import { nothingOutside, type Outside } from '#credential/outside.ts'
import { KeyRing } from '#identity/key-ring.ts'
import { AddressList } from '#kit/address-list.ts'
import { compileLogging } from '#telemetry/compile.ts'
import { collectSecrets, compileBackends, type BackendTable } from './backends.ts'
import { isLocal, parseListen } from './listen.ts'
import { compilePlans } from './plans.ts'
import { compilePolicies } from './policies.ts'
import { collectSettings } from './settings.ts'
import type { AdminPolicy, ListenAddress, Snapshot } from './snapshot.ts'

/** What a snapshot is told about its source. */
export interface CompileContext {
  readonly version: number
  readonly digest: string
  readonly file: string | undefined
  /** Names of backends that an unset variable switched off. */
  readonly offBackends: ReadonlySet<string>
  /** Values that must be masked beside those of the configuration's own secret keys, such as contents of files. */
  readonly secrets: readonly string[]
  /** What credentials of backends name outside of the file; by default nothing is there. */
  readonly outside?: Outside
  /** Nobody asked for the address in `listen`. */
  readonly listenIsDefault?: boolean
}

/** What compiling gave: a snapshot, or, with an error among the problems, none. */
export interface Compilation {
  readonly snapshot: Snapshot | undefined
  readonly problems: readonly CompileProblem[]
}

/** Config → Snapshot. Pure: names become objects, addresses are parsed, patterns compiled, and everything wrong is told at once. */
export function compileSnapshot(config: Config, context: CompileContext): Compilation {
  const problems: CompileProblem[] = []
  const keys = compileKeys(config)
  const wasAsked = context.listenIsDefault !== true
  const listen = compileListen(config, keys, !wasAsked, problems)
  const trustedProxies = compileTrustedProxies(config, problems)
  const admin = compileAdmin(config, keys, problems)
  const policies = compilePolicies(config)
  const backends = compileBackends(config, {
    off: context.offBackends,
    hidden: context.secrets,
    outside: context.outside ?? nothingOutside,
  })
  const table = compilePlans(config, backends, context.offBackends, policies.value)
  problems.push(...policies.problems, ...backends.problems, ...table.problems)
  if (listen === undefined || trustedProxies === undefined || problems.some(({ severity }) => severity === 'error')) {
    return { snapshot: undefined, problems }
  }

  const snapshot: Snapshot = {
    version: context.version,
    digest: context.digest,
    file: context.file,
    listen,
    listenAsked: wasAsked && isKeptToLoopback(config, keys, parseListen(config.listen)) ? config.listen : undefined,
    keys,
    modelsRequireAuth: config.models_require_auth,
    admin,
    plans: table.plans,
    aliases: table.aliases,
    backends: new Map(Array.from(backends.usable, ([name, { backend }]) => [name, backend])),
    credentials: backends.credentials.filter(({ backend }) => backends.usable.has(backend)),
    bodyBytesMax: config.max_body_size,
    memoryBytesMax: config.server.memory_limit,
    unknownModelStatus: config.errors.unknown_model_status,
    trustedProxies,
    debugHeaders: config.headers.debug,
    drainMs: config.shutdown.drain_timeout,
    logging: compileLogging(config.logging),
    secrets: collectSecrets(config, [...context.secrets, ...secretsOfCredentials(backends)]),
    settings: collectSettings(config),
  }
  return { snapshot, problems }
}

function secretsOfCredentials({ credentials }: BackendTable): readonly string[] {
  return credentials.flatMap(({ secrets }) => secrets.map((secret) => secret.reveal()))
}

/** Every route of a snapshot, for state that is kept by route. */
export function stateKeysOf(snapshot: Snapshot): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const { tiers } of snapshot.plans.values()) {
    for (const { candidates } of tiers) for (const { stateKey } of candidates) keys.add(stateKey)
  }
  return keys
}

function compileKeys(config: Config): KeyRing {
  const key = config.proxy_api_key ?? ''
  return new KeyRing(key === '' ? [] : [{ key: new Secret(key), caller: { id: 'default' } }])
}

function compileAdmin(config: Config, clientKeys: KeyRing, problems: CompileProblem[]): AdminPolicy {
  const { key, path, listen, keep_requests: keepRequests } = config.admin
  const [, first = ''] = path.split('/')
  if (takenPaths.has(first) || (first === 'api' && path !== '/api/admin')) {
    const message = `"${path}" stands where clients and probes ask for other things, take another such as "/admin"`
    problems.push({ severity: 'error', path: ['admin', 'path'], message })
  }
  const keys = key === undefined ? clientKeys : new KeyRing([{ key: new Secret(key), caller: { id: 'admin' } }])
  return {
    keys,
    isLocalOnly: key === undefined,
    path,
    listen: listen === undefined ? undefined : parseListen(listen),
    keepRequests: keys.isOpen ? 0 : keepRequests,
  }
}

/** First segments of paths that mean something else. */
const takenPaths: ReadonlySet<string> = new Set([
  'v1',
  'v1beta',
  'v1alpha',
  'models',
  'chat',
  'completions',
  'responses',
  'embeddings',
  'health',
  'healthz',
  'livez',
  'ready',
  'readyz',
  'metrics',
])

/** Without a client key only this machine may connect, unless the operator takes the risk in so many words. */
function compileListen(
  config: Config,
  keys: KeyRing,
  isDefault: boolean,
  problems: CompileProblem[],
): ListenAddress | undefined {
  const listen = parseListen(config.listen)
  if (listen === undefined) {
    const message = `"${config.listen}" is no address, write one such as ":8080", "127.0.0.1:8080" or "unix:/path"`
    problems.push({ severity: 'error', path: ['listen'], message })
    return undefined
  }
  if (listen.kind === 'unix' || !isKeptToLoopback(config, keys, listen)) return listen
  const message = isDefault
    ? 'without "proxy_api_key" only programs of this machine can connect: set it, or "allow_unauthenticated: true"'
    : `listening on loopback only, although "${config.listen}" was asked for: set "proxy_api_key" or "allow_unauthenticated: true"`
  problems.push({ severity: 'note', path: ['listen'], message })
  return { ...listen, host: '127.0.0.1' }
}

function isKeptToLoopback(config: Config, keys: KeyRing, listen: ListenAddress | undefined): boolean {
  return keys.isOpen && !config.allow_unauthenticated && listen !== undefined && !isLocal(listen)
}

function compileTrustedProxies(config: Config, problems: CompileProblem[]): AddressList | undefined {
  try {
    return new AddressList(config.trusted_proxies)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    problems.push({ severity: 'error', path: ['trusted_proxies'], message })
    return undefined
  }
}
