import { isPlainObject, type Tree } from './source.ts'
import type { ConfigPath } from './problem.ts'

/** Another name for a key, as older configurations write it. */
export interface Spelling {
  readonly from: readonly string[]
  readonly to: readonly string[]
  /** Other unit or form; the value comes as written, and unexpected ones go through for the schema to complain about. */
  readonly convert?: (value: unknown) => unknown
  /** For the reference. */
  readonly about?: string
  /** To have both with different values is an error, since no guess is safe. */
  readonly mustAgree?: true
}

/** A value that was found under another name. */
export interface Move {
  readonly from: ConfigPath
  readonly to: ConfigPath
  /** The key's own name was used too, and counts. */
  readonly ignored: boolean
  /** And says something else, where that must not be. */
  readonly contradicts?: boolean
}

/** Names at the top of the file; each value has one. */
export const spellings: readonly Spelling[] = [
  {
    from: ['fallback', 'enable_backoff'],
    to: ['retry', 'max_retries'],
    convert: (value) => (value === true ? 2 : value === false ? 0 : value),
    about: 'true = 2, false = 0',
  },
  { from: ['fallback', 'backoff_initial_delay'], to: ['retry', 'base_delay'], convert: fromMs, about: 'milliseconds' },
  { from: ['fallback', 'backoff_max_delay'], to: ['retry', 'max_delay'], convert: fromMs, about: 'milliseconds' },
  { from: ['fallback', 'backoff_multiplier'], to: ['retry', 'multiplier'] },
  { from: ['fallback', 'backoff_jitter'], to: ['retry', 'jitter'] },
  { from: ['fallback', 'enable_circuit_breaker'], to: ['circuit_breaker', 'enabled'], about: 'default false' },
  { from: ['fallback', 'circuit_failure_threshold'], to: ['circuit_breaker', 'failure_threshold'] },
  { from: ['fallback', 'circuit_success_threshold'], to: ['circuit_breaker', 'success_threshold'] },
  { from: ['fallback', 'circuit_open_timeout'], to: ['circuit_breaker', 'open_timeout'] },
  { from: ['health', 'upstream', 'check_interval'], to: ['health_check', 'interval'] },
  { from: ['health', 'upstream', 'timeout'], to: ['health_check', 'timeout'] },
  { from: ['health', 'upstream', 'failure_threshold'], to: ['health_check', 'failure_threshold'] },
  { from: ['health', 'upstream', 'success_threshold'], to: ['health_check', 'success_threshold'] },
  {
    from: ['load_balancing', 'failover_timeout'],
    to: ['timeout', 'first_byte'],
    about: 'of streams until the first content',
  },
  { from: ['load_balancing', 'failover_timeout'], to: ['streaming', 'time_to_first_token'] },
  { from: ['load_balancing', 'health_check_interval'], to: ['health_check', 'interval'] },
  { from: ['cors', 'allow_origins'], to: ['cors', 'allowed_origins'] },
  { from: ['server', 'tls'], to: ['tls'] },
  { from: ['server', 'tls_cert'], to: ['tls', 'cert'] },
  { from: ['server', 'tls_key'], to: ['tls', 'key'] },
  { from: ['tls', 'cert_file'], to: ['tls', 'cert'] },
  { from: ['tls', 'key_file'], to: ['tls', 'key'] },
  { from: ['logging', 'rotation', 'max_size_mb'], to: ['logging', 'max_file_size_mb'] },
  { from: ['logging', 'rotation', 'max_age_days'], to: ['logging', 'max_age_days'] },
  { from: ['logging', 'categories', 'general', 'level'], to: ['logging', 'level'] },
  { from: ['timezone'], to: ['logging', 'timezone'] },
  { from: ['rate_limit', 'enabled'], to: ['rate_limiting', 'enabled'], about: 'default false' },
  { from: ['rate_limit', 'global_rps'], to: ['rate_limiting', 'global', 'requests_per_second'], about: 'default 1000' },
  { from: ['rate_limit', 'per_ip_rps'], to: ['rate_limiting', 'per_ip', 'requests_per_second'], about: 'default 100' },
  {
    from: ['rate_limit', 'per_model_rps'],
    to: ['rate_limiting', 'per_model'],
    convert: perSecondEach,
    about: 'requests in a second by alias',
  },
  { from: ['rate_limit', 'burst_factor'], to: ['rate_limiting', 'burst'], about: 'default 1.5, of a token bucket' },
  { from: ['proxy', 'rate_limit'], to: ['rate_limiting', 'global', 'requests_per_minute'], about: '0 = no limit' },
  { from: ['monitoring', 'enable_metrics'], to: ['metrics', 'enabled'] },
  { from: ['monitoring', 'metrics_path'], to: ['metrics', 'path'] },
]

/** Names inside a `timeout` section, the global one and those of backends. */
export const timeoutSpellings: readonly Spelling[] = [
  { from: ['connect_timeout'], to: ['connect'] },
  { from: ['write_timeout'], to: ['write'] },
  { from: ['read_timeout'], to: ['first_byte'] },
  { from: ['read_timeout'], to: ['idle'] },
  { from: ['total_timeout'], to: ['total'] },
]

/** Names inside a backend. */
export const backendSpellings: readonly Spelling[] = [{ from: ['tls_verify'], to: ['tls', 'verify'], mustAgree: true }]

/** Names inside a service. */
export const serviceSpellings: readonly Spelling[] = [{ from: ['model'], to: ['models'], mustAgree: true }]

/** Names inside a key or a token provider of `auth`. */
export const callerSpellings: readonly Spelling[] = [
  { from: ['rate_limit'], to: ['requests_per_minute'], mustAgree: true },
  { from: ['id'], to: ['name'], mustAgree: true },
]

/** Sections that are rewritten as a whole; named here for the reference. */
export const sectionSpellings: readonly { readonly from: string; readonly to: string }[] = [
  { from: 'server.host, server.port', to: 'listen' },
  {
    from: 'error_fallback.server_error.enabled, error_fallback.client_error.{enabled,codes}',
    to: 'detection.error_codes',
  },
  { from: 'error_fallback.client_error.patterns', to: 'detection.error_patterns' },
  { from: 'proxy.enable_system_prompt', to: 'system_prompts[].dir' },
  { from: 'proxy.system_prompt.custom_variables', to: 'system_prompts[].variables' },
]

/** Moves every value with another name to its own place in `tree`, and tells what it moved. */
export function respell(tree: Tree): Move[] {
  const moves: Move[] = []
  const breakerWasNamed = isPlainObject(tree['circuit_breaker'])
  const hasOldLimits = isPlainObject(tree['rate_limit'])
  for (const [index, spelling] of spellings.entries()) {
    const isReadAgain = spellings.slice(index + 1).some(({ from }) => from.join('.') === spelling.from.join('.'))
    moves.push(...move(tree, [], spelling, isReadAgain))
  }
  if (!breakerWasNamed && isPlainObject(tree['circuit_breaker'])) {
    // Thresholds alone did not switch the breaker on where these names come from.
    tree['circuit_breaker']['enabled'] ??= false
  }
  if (hasOldLimits) completeLimits(tree)
  moves.push(...moveTimeouts(tree, []))
  moves.push(...moveInBackends(tree, []), ...moveInServices(tree), ...moveInAuth(tree))
  moves.push(...moveServer(tree), ...moveErrorFallback(tree), ...moveSystemPrompts(tree))
  return moves
}

function move(tree: Tree, base: ConfigPath, { from, to, convert, mustAgree }: Spelling, keep = false): Move[] {
  const value = read(tree, from)
  if (value === undefined || value === null) return []
  if (!keep) remove(tree, from)
  const own = read(tree, to)
  const ignored = own !== undefined
  if (!ignored && !write(tree, to, convert === undefined ? value : convert(value))) return []
  const contradicts = ignored && mustAgree === true && bare(own) !== bare(value)
  return [{ from: [...base, ...from], to: [...base, ...to], ignored, contradicts }]
}

/** What was not written where these names come from meant something else than it does here. */
function completeLimits(tree: Tree): void {
  const { rate_limit: left } = tree
  if (isPlainObject(left) && Object.keys(left).length === 0) delete tree['rate_limit']
  for (const [path, value] of oldLimitDefaults) {
    if (read(tree, path) === undefined) write(tree, path, value)
  }
}

const oldLimitDefaults: readonly (readonly [path: readonly string[], value: unknown])[] = [
  [['rate_limiting', 'enabled'], false],
  [['rate_limiting', 'algorithm'], 'token_bucket'],
  [['rate_limiting', 'burst'], 1.5],
  [['rate_limiting', 'global', 'requests_per_second'], 1000],
  [['rate_limiting', 'per_ip', 'requests_per_second'], 100],
]

function perSecondEach(value: unknown): unknown {
  if (!isPlainObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([alias, rate]) => [alias, { requests_per_second: rate }]))
}

function moveTimeouts(holder: Tree, base: ConfigPath): Move[] {
  const section = holder['timeout']
  if (!isPlainObject(section)) return []
  return timeoutSpellings.flatMap((spelling, index) => {
    const again = timeoutSpellings.slice(index + 1).some((later) => later.from[0] === spelling.from[0])
    return move(section, [...base, 'timeout'], spelling, again)
  })
}

/** `base`: where `holder` stands now; `written`: where it stands in the file. */
function moveInBackends({ backends }: Tree, base: ConfigPath, written: ConfigPath = base): Move[] {
  const entries: unknown[] = Array.isArray(backends) ? backends : []
  const moves: Move[] = []
  for (const [index, backend] of entries.entries()) {
    if (!isPlainObject(backend)) continue
    const path = [...base, 'backends', index]
    const found = backendSpellings.flatMap((spelling) => move(backend, path, spelling))
    for (const each of [...found, ...moveTimeouts(backend, path)]) {
      moves.push({ ...each, from: [...written, ...each.from.slice(base.length)] })
    }
  }
  return moves
}

function moveInAuth(tree: Tree): Move[] {
  const providers = read(tree, ['auth', 'providers'])
  return entriesOf(providers).flatMap(([index, provider]) => {
    const path = ['auth', 'providers', index]
    const ofKeys = entriesOf(provider['keys']).flatMap(([at, key]) =>
      callerSpellings.flatMap((spelling) => move(key, [...path, 'keys', at], spelling)),
    )
    const [ofLimits] = callerSpellings
    return ofLimits === undefined ? ofKeys : ofKeys.concat(move(provider, path, ofLimits))
  })
}

/** The maps of a list, with their places in it. */
function entriesOf(list: unknown): [index: number, entry: Tree][] {
  const entries: unknown[] = Array.isArray(list) ? list : []
  return entries.flatMap((entry, index): [number, Tree][] => (isPlainObject(entry) ? [[index, entry]] : []))
}

function moveInServices({ services, passthrough }: Tree): Move[] {
  const moves = isPlainObject(passthrough) ? moveInBackends(passthrough, ['passthrough']) : []
  for (const [name, service] of isPlainObject(services) ? Object.entries(services) : []) {
    if (!isPlainObject(service)) continue
    const path = ['services', name]
    const outer = serviceSpellings.flatMap((spelling) => move(service, path, spelling))
    const isMoved = outer.some(({ ignored }) => !ignored)
    const { models } = service
    for (const [model, pool] of isPlainObject(models) ? Object.entries(models) : []) {
      const written = [...path, isMoved ? 'model' : 'models', model]
      if (isPlainObject(pool)) moves.push(...moveInBackends(pool, [...path, 'models', model], written))
    }
    // Who asks where a value stands takes the first that fits.
    moves.push(...outer)
  }
  return moves
}

function moveServer(tree: Tree): Move[] {
  const host = read(tree, ['server', 'host'])
  const port = read(tree, ['server', 'port'])
  const given = (['host', 'port'] as const).filter((key) => read(tree, ['server', key]) !== undefined)
  if (given.length === 0) return []
  for (const key of given) remove(tree, ['server', key])
  const ignored = tree['listen'] !== undefined
  if (!ignored) tree['listen'] = `${hostText(host)}:${isScalarValue(port) ? port : '8080'}`
  return given.map((key) => ({ from: ['server', key], to: ['listen'], ignored }))
}

function hostText(host: unknown): string {
  const text = isScalarValue(host) ? String(host) : ''
  if (text === '0.0.0.0' || text === '::') return ''
  return text.includes(':') && !text.startsWith('[') ? `[${text}]` : text
}

function moveErrorFallback(tree: Tree): Move[] {
  const section = tree['error_fallback']
  if (!isPlainObject(section)) return []
  const server = read(section, ['server_error', 'enabled']) === true
  const client = read(section, ['client_error', 'enabled']) === true
  const codes = read(section, ['client_error', 'codes']) ?? ['4xx']
  const patterns = read(section, ['client_error', 'patterns']) ?? []
  const moves: Move[] = []
  const put = (from: readonly string[], key: string, value: unknown): void => {
    const ignored = read(tree, ['detection', key]) !== undefined
    if (!ignored) write(tree, ['detection', key], value)
    moves.push({ from: ['error_fallback', ...from], to: ['detection', key], ignored })
  }
  const clientCodes: unknown[] = client && Array.isArray(codes) ? codes : []
  put(read(section, ['client_error', 'codes']) === undefined ? [] : ['client_error', 'codes'], 'error_codes', [
    ...clientCodes,
    ...(server ? ['5xx'] : []),
  ])
  if (client && Array.isArray(patterns) && patterns.length > 0) {
    put(['client_error', 'patterns'], 'error_patterns', patterns.map(ignoringCase))
  }
  for (const key of [
    ['server_error', 'enabled'],
    ['client_error', 'enabled'],
    ['client_error', 'codes'],
    ['client_error', 'patterns'],
  ]) {
    remove(section, key)
  }
  if (Object.keys(section).length === 0) delete tree['error_fallback']
  return moves
}

/** One switch for a file and a folder, which were looked for where the program stood. */
function moveSystemPrompts(tree: Tree): Move[] {
  const isOn = read(tree, ['proxy', 'enable_system_prompt'])
  const variables = read(tree, ['proxy', 'system_prompt', 'custom_variables'])
  if (typeof isOn !== 'boolean') return []
  remove(tree, ['proxy', 'enable_system_prompt'])
  remove(tree, ['proxy', 'system_prompt', 'custom_variables'])
  const to = ['system_prompts']
  const ignored = tree['system_prompts'] !== undefined
  if (!ignored) {
    const dirs = isOn ? ['./system_prompt.md', './system_prompts/*.md'] : []
    tree['system_prompts'] = dirs.map((dir) => (isPlainObject(variables) ? { dir, variables } : { dir }))
  }
  const moves = [{ from: ['proxy', 'enable_system_prompt'], to, ignored }]
  if (variables !== undefined) moves.push({ from: ['proxy', 'system_prompt', 'custom_variables'], to, ignored })
  return moves
}

/** Patterns of `error_fallback` did not look at case. */
function ignoringCase(pattern: unknown): unknown {
  if (typeof pattern !== 'string' || pattern.startsWith('re:') || pattern.includes(String.raw`\E`)) return pattern
  return pattern.toLowerCase() === pattern.toUpperCase() ? pattern : String.raw`re:(?i)\Q${pattern}\E`
}

/** A value from a reference is a text yet. */
function bare(value: unknown): string | undefined {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function fromMs(value: unknown): unknown {
  return typeof value === 'number' ? `${value}ms` : value
}

function isScalarValue(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

function read(tree: Tree, path: readonly string[]): unknown {
  let at: unknown = tree
  for (const key of path) at = isPlainObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  return at
}

/** Writes below sections that are there or are made; false when something else stands in the way. */
function write(tree: Tree, path: readonly string[], value: unknown): boolean {
  const [key = '', ...rest] = path
  if (rest.length === 0) {
    tree[key] = value
    return true
  }
  tree[key] ??= {}
  const section = tree[key]
  return isPlainObject(section) && write(section, rest, value)
}

/** Takes the value away, and sections that it leaves empty. */
function remove(tree: Tree, path: readonly string[]): void {
  const [key = '', ...rest] = path
  const inner = tree[key]
  if (rest.length > 0 && isPlainObject(inner)) {
    remove(inner, rest)
    if (Object.keys(inner).length > 0) return
  }
  delete tree[key]
}
