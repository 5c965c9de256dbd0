import type { Caller } from '#core/caller.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import type { KeyRing } from './key-ring.ts'

/** Headers that may carry the client's key, on every route. The query's `key` comes in beside them. */
export const credentialHeaders = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'] as const

/** Headers and `?key=` → caller. Two different keys in one request are refused: which one counts must never be a guess. */
export function identify(headers: Headers, queryKey: string | undefined, keys: KeyRing): Caller | Refusal {
  if (keys.isOpen) return keys.anonymous
  const offered = new Set<string>()
  for (const name of credentialHeaders) {
    const value = headers.get(name)
    if (value === null) continue
    const key = name === 'authorization' ? bearerOf(value) : value.trim()
    if (key !== '') offered.add(key)
  }
  if (queryKey !== undefined && queryKey !== '') offered.add(queryKey)
  const [key, second] = offered
  if (key === undefined) {
    return refuse(
      'missing_api_key',
      'Cannot accept the request: it carries no API key, send "Authorization: Bearer <key>"',
    )
  }
  if (second !== undefined) {
    return refuse('ambiguous_credentials', 'Cannot accept the request: it carries two different API keys, send one')
  }
  return keys.find(key) ?? refuse('invalid_api_key', 'Cannot accept the request: the API key is unknown')
}

function bearerOf(authorization: string): string {
  return /^bearer\s+(.*)$/i.exec(authorization)?.[1]?.trim() ?? `not a bearer token: ${authorization}`
}
