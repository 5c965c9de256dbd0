/** Values of every parameter of that name in a query without its `?`. */
export function parametersOf(query: string, name: string): string[] {
  return pairsOf(query).flatMap((pair) => (nameOf(pair) === name ? [decode(pair.slice(nameEnd(pair) + 1))] : []))
}

/** The query in which every parameter of that name has another value; each other byte stays as it was. */
export function withParameter(query: string, name: string, value: string): string {
  return pairsOf(query)
    .map((pair) => (nameOf(pair) === name ? `${name}=${encodeURIComponent(value)}` : pair))
    .join('&')
}

function pairsOf(query: string): string[] {
  return query === '' ? [] : query.split('&')
}

function nameOf(pair: string): string {
  return decode(pair.slice(0, nameEnd(pair)))
}

function nameEnd(pair: string): number {
  const equals = pair.indexOf('=')
  return equals === -1 ? pair.length : equals
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Bad percent-encoding names nothing; it may still mean something to someone else.
    return text
  }
}
