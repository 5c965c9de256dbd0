import type { Endpoint } from '#core/endpoint.ts'
import { credentialHeaders } from '#identity/credential-headers.ts'
import type { KeyRing } from '#identity/key-ring.ts'
import { dialectOfPath } from '#wire/dialect.ts'
import type { Incoming } from './incoming.ts'

/** Names of query parameters that carry a client's key: Gemini clients; WebSockets of Azure clients. */
const credentialNames: ReadonlySet<string> = new Set(['key', 'api-key'])

/** The client's key, if the query carries one. */
export function queryCredential(query: string): string | undefined {
  if (!mayName(query)) return undefined
  return oneKey(query.split('&').filter(isCredential).map(valueOf))
}

/**
 * What is offered as a key in places of one kind. Different keys are joined, as headers of one name are: which of them
 * counts must never be a guess, and together they are nobody's.
 */
export function oneKey(offered: readonly string[]): string | undefined {
  const keys = new Set(offered)
  keys.delete('')
  return keys.size === 0 ? undefined : [...keys].join(', ')
}

/**
 * The client's key, if the query of the request carries one. Of what goes on as it came the query belongs to somebody else,
 * so it is looked at only when there is no key anywhere else; `beside`: one that stands in no header of its own.
 */
export function offeredInQuery(
  { request, endpoint, path, query }: Asked,
  beside?: string,
  headers: readonly string[] = credentialHeaders,
): string | undefined {
  if (!mayName(query) || !isOpaque(endpoint, path)) return queryCredential(query)
  const isOffered = beside !== undefined || headers.some((name) => request.headers.has(name))
  return isOffered ? undefined : queryCredential(query)
}

/** The query as it is sent on: without the client's key. */
export function queryToSend({ endpoint, path, query }: Omit<Asked, 'request'>, keys: KeyRing): string {
  if (!mayName(query)) return query
  if (!isOpaque(endpoint, path)) return withoutCredentials(query)
  if (keys.isOpen) return query
  return query
    .split('&')
    .filter((pair) => !isCredential(pair) || !keys.isOurs(valueOf(pair)))
    .join('&')
}

type Asked = Pick<Incoming, 'request' | 'endpoint' | 'path' | 'query'>

/** At Google's paths `key` means what it means to us, whoever serves them. */
function isOpaque({ dialect }: Endpoint, path: string): boolean {
  return dialect === 'raw' && dialectOfPath(path) !== 'gemini'
}

/** The query without credentials; every other byte stays as it was sent. */
export function withoutCredentials(query: string): string {
  if (!mayName(query)) return query
  return query
    .split('&')
    .filter((pair) => !isCredential(pair))
    .join('&')
}

/** A cheap look that spares taking most queries apart; the name itself may be percent-encoded. */
function mayName(query: string): boolean {
  return query.includes('key=') || query.includes('%')
}

function isCredential(pair: string): boolean {
  const equals = pair.indexOf('=')
  return credentialNames.has(decode(equals === -1 ? pair : pair.slice(0, equals)))
}

function valueOf(pair: string): string {
  const equals = pair.indexOf('=')
  return equals === -1 ? '' : decode(pair.slice(equals + 1))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Bad percent-encoding cannot be one of our names or keys; the upstream may still understand it.
    return text
  }
}
