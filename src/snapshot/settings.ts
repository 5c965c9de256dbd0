import { Secret } from '#core/secret.ts'
import { isSecret } from '#config/keys.ts'
import { ConfigSchema, type Config } from '#config/schema.ts'
import { asObject } from '#kit/json-value.ts'
import { formatDuration, formatSize } from '#kit/quantity.ts'

/** Settings by dotted key, printed as one would write them; a secret stays one. */
export type Settings = ReadonlyMap<string, string | Secret>

/**
 * The settings that stand for themselves, so that a reload can tell which of them changed. Backends, routes and fallback
 * chains are told by name instead, and `listen` among the keys that need a restart.
 */
export function collectSettings(config: Config): Settings {
  const { backends: _backends, models: _models, listen: _listen, ...others } = config
  const { alias_fallback: _chains, ...fallback } = config.fallback
  const settings = new Map<string, string | Secret>()
  collect(settings, '', { ...others, fallback })
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
  if (path === 'max_body_size' && typeof value === 'number') return formatSize(value)
  return JSON.stringify(value)
}

function isDuration(path: string): boolean {
  return path.startsWith('timeout.') || /(?:_delay|_timeout|\.deadline|\.retry_after_max)$/.test(path)
}
