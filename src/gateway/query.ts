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
