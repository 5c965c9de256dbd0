/** Names of query parameters that carry a client's key (Gemini clients). */
const credentialNames: ReadonlySet<string> = new Set(['key'])

/** The client's key, if the query carries one. */
export function queryCredential(query: string): string | undefined {
  if (!mayName(query)) return undefined
  for (const pair of query.split('&')) {
    if (credentialNames.has(nameOf(pair))) return decode(pair.slice(pair.indexOf('=') + 1))
  }
  return undefined
}

/** The query without credentials; every other byte stays as it was sent. */
export function withoutCredentials(query: string): string {
  if (!mayName(query)) return query
  return query
    .split('&')
    .filter((pair) => !credentialNames.has(nameOf(pair)))
    .join('&')
}

/** A cheap look that spares taking most queries apart; the name itself may be percent-encoded. */
function mayName(query: string): boolean {
  return query.includes('key=') || query.includes('%')
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  return decode(equals === -1 ? pair : pair.slice(0, equals))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Bad percent-encoding cannot be one of our names or keys; the upstream may still understand it.
    return text
  }
}
