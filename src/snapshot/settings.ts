import { Secret } from '#core/secret.ts'
import { isSecret } from '#config/keys.ts'
import { ConfigSchema, type Config } from '#config/schema.ts'
import { asObject } from '#kit/json-value.ts'
import { formatDuration, formatSize } from '#kit/quantity.ts'
import { promptContents, type PromptSources } from '#rules/prompt-files.ts'

/** Settings by dotted key, printed as one would write them; a secret stays one. */
export type Settings = ReadonlyMap<string, string | Secret>

/**
 * The settings that stand for themselves, so that a reload can tell which of them changed. Backends, routes, services and
 * fallback chains are told by name instead, and addresses that are listened on among the keys that need a restart.
 */
export function collectSettings(config: Config, prompts: PromptSources): Settings {
  const { backends: _backends, models: _models, listen: _listen, admin, server, ...besides } = config
  const { providers: _providers, ...auth } = besides.auth
  const {
    services: _services,
    passthrough: _passthrough,
    system_prompts: texts,
    middleware,
    tls,
    hooks,
    ...others
  } = besides
  const { alias_fallback: _chains, ...fallback } = config.fallback
  const { path: _path, listen: _adminListen, ...liveAdmin } = admin
  const { reuse_port: _reusePort, workers: _workers, idle_timeout: _idle, ...liveServer } = server
  const { listen: _metricsListen, ...liveMetrics } = config.metrics
  const { pricing, ...liveUsage } = config.usage
  const settings = new Map<string, string | Secret>()
  collect(settings, '', {
    ...others,
    usage: liveUsage,
    auth,
    fallback,
    admin: liveAdmin,
    server: liveServer,
    metrics: liveMetrics,
  })
  // What they say is told nowhere, only that it changed.
  if (texts.length > 0) settings.set('system_prompts', new Secret(JSON.stringify([texts, promptContents(prompts)])))
  if (hooks !== undefined) settings.set('hooks', new Secret(JSON.stringify(hooks)))
  if (tls !== undefined) settings.set('tls', new Secret(JSON.stringify(tls)))
  if (middleware.length > 0) settings.set('middleware', new Secret(JSON.stringify(middleware)))
  // Names of models hold dots.
  if (Object.keys(pricing).length > 0) settings.set('usage.pricing', new Secret(JSON.stringify(pricing)))
  return settings
}

function collect(
  settings: Map<string, string | Secret>,
  prefix: string,
  section: Readonly<Record<string, unknown>>,
): void {
  for (const [key, value] of Object.entries(section)) {
    const path = prefix === '' ? key : `${prefix}.${key}`
    const inner = asObject(value)
    if (inner !== undefined) collect(settings, path, inner)
    else if (value !== undefined) settings.set(path, print(path, value))
  }
}

function print(path: string, value: unknown): string | Secret {
  if (typeof value === 'string') return isSecret(ConfigSchema, path.split('.')) ? new Secret(value) : value
  if (typeof value === 'number' && isDuration(path)) return formatDuration(value)
  if (sizes.has(path) && typeof value === 'number') return formatSize(value)
  return JSON.stringify(value)
}

const sizes: ReadonlySet<string> = new Set([
  'max_body_size',
  'max_upload_size',
  'server.memory_limit',
  'cache.max_bytes',
  'cache.max_entry_bytes',
  'idempotency.max_bytes',
  'idempotency.max_answer_bytes',
])

function isDuration(path: string): boolean {
  return (
    path.startsWith('timeout.') ||
    /^health_check\.(?:interval|timeout)$/.test(path) ||
    /(?:_delay|_timeout|\.slow_start|^outlier_detection\.interval|^owned_ids\.ttl|^cache\.(?:ttl|timeout)|^idempotency\.ttl|^usage\.pricing_refresh|ejection_time|_duration|\.deadline|\.heartbeat|\.retry_after_max|\.time_to_first_token)$/.test(
      path,
    )
  )
}
