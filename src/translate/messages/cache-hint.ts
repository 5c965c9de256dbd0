import { asObject, asText } from '#kit/json-value.ts'
import type { CacheHint } from '#translate/common.ts'

/** `cache_control` of a block, a tool or a request. */
export function cacheHintOf(value: unknown): CacheHint | undefined {
  const control = asObject(value)
  return control?.['type'] === 'ephemeral' ? { ttl: asText(control['ttl']) } : undefined
}

export function cacheControlOf(hint: CacheHint, ttlDefault?: string): Record<string, unknown> {
  const ttl = hint.ttl ?? ttlDefault
  return ttl === '5m' || ttl === '1h' ? { type: 'ephemeral', ttl } : { type: 'ephemeral' }
}
