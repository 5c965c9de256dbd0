import type { Caller } from '#core/caller.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import { mayBeToken, type KeyRing, type Validity } from './key-ring.ts'
import type { Tokens } from './tokens.ts'

/** Headers and `?key=` → caller, by its key. */
export function identify(
  headers: Headers,
  queryKey: string | undefined,
  keys: KeyRing,
  nowWallMs: number,
): Caller | Refusal {
  if (keys.isOpen) return keys.anonymous
  const key = offeredKey(headers, queryKey, keys.headers)
  return isRefusal(key) ? key : (callerWith(key, keys, nowWallMs) ?? unknownKey)
}

/** The same where tokens are as good as keys; a promise only of a token that is seen for the first time. */
export function identifyAny(
  headers: Headers,
  queryKey: string | undefined,
  keys: KeyRing,
  nowWallMs: number,
  tokens: Tokens | undefined,
): Caller | Refusal | Promise<Caller | Refusal> {
  if (keys.isOpen) return keys.anonymous
  const key = offeredKey(headers, queryKey, keys.headers)
  if (isRefusal(key)) return key
  const caller = callerWith(key, keys, nowWallMs)
  if (caller !== undefined) return caller
  if (tokens === undefined || keys.tokens.length === 0 || !mayBeToken(key)) return unknownKey
  return tokens.remembered(key, keys.tokens) ?? tokens.verify(key, keys.tokens)
}

/** The one credential that a request offers. Of two different ones it must never be a guess which of them counts. */
function offeredKey(headers: Headers, queryKey: string | undefined, names: readonly string[]): string | Refusal {
  let key = queryKey === '' ? undefined : queryKey
  for (const name of names) {
    const offered = keyIn(headers, name)
    if (offered === undefined || offered === key) continue
    if (key !== undefined) return twoKeys
    key = offered
  }
  return key ?? noKey
}

function keyIn(headers: Headers, name: string): string | undefined {
  const value = headers.get(name)
  if (value === null) return undefined
  const key = name === 'authorization' ? bearerOf(value) : value.trim()
  return key === '' ? undefined : key
}

function bearerOf(authorization: string): string {
  return /^bearer\s+(.*)$/i.exec(authorization)?.[1]?.trim() ?? `not a bearer token: ${authorization}`
}

function callerWith(key: string, keys: KeyRing, nowWallMs: number): Caller | Refusal | undefined {
  const known = keys.find(key)
  if (known === undefined) return undefined
  return objectionTo(known, nowWallMs) ?? known.caller
}

function objectionTo({ isOff, fromMs, untilMs }: Validity, nowWallMs: number): Refusal | undefined {
  if (isOff === true) return keyOff
  if (untilMs !== undefined && nowWallMs >= untilMs) return keyExpired
  return fromMs !== undefined && nowWallMs < fromMs ? keyTooEarly : undefined
}

const twoKeys = refuse(
  'ambiguous_credentials',
  'Cannot accept the request: it carries two different API keys, send one',
)
const noKey = refuse(
  'missing_api_key',
  'Cannot accept the request: it carries no API key, send "Authorization: Bearer <key>"',
)
const unknownKey = refuse('invalid_api_key', 'Cannot accept the request: the API key is unknown')
const keyExpired = refuse('expired_api_key', 'Cannot accept the request: the API key has expired, get a new one')
const keyTooEarly = refuse('expired_api_key', 'Cannot accept the request: the API key is not valid yet')
const keyOff = refuse('expired_api_key', 'Cannot accept the request: the API key is switched off')
