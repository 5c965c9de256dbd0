import type { Caller } from '#core/caller.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import type { KeyRing } from './key-ring.ts'

/** Headers that may carry the client's key, on every route. The query's `key` comes in beside them. */
export const credentialHeaders = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'] as const

/** Headers and `?key=` → caller. Two different keys in one request are refused: which one counts must never be a guess. */
export function identify(headers: Headers, queryKey: string | undefined, keys: KeyRing): Caller | Refusal {
  if (keys.isOpen) return keys.anonymous
  let key = queryKey === '' ? undefined : queryKey
  for (const name of credentialHeaders) {
    const offered = keyIn(headers, name)
    if (offered === undefined || offered === key) continue
    if (key !== undefined) {
      return refuse('ambiguous_credentials', 'Cannot accept the request: it carries two different API keys, send one')
    }
    key = offered
  }
  if (key === undefined) {
    return refuse(
      'missing_api_key',
      'Cannot accept the request: it carries no API key, send "Authorization: Bearer <key>"',
    )
  }
  return keys.find(key) ?? refuse('invalid_api_key', 'Cannot accept the request: the API key is unknown')
}

function keyIn(headers: Headers, name: (typeof credentialHeaders)[number]): string | undefined {
  const value = headers.get(name)
  if (value === null) return undefined
  const key = name === 'authorization' ? bearerOf(value) : value.trim()
  return key === '' ? undefined : key
}

function bearerOf(authorization: string): string {
  return /^bearer\s+(.*)$/i.exec(authorization)?.[1]?.trim() ?? `not a bearer token: ${authorization}`
}
