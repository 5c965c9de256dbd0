import type { Span } from '#core/call.ts'
import { skipSpace, skipString, skipValue } from './json-elements.ts'

/** Where members of one JSON object stand, by the names that were asked for. */
export interface FoundMembers {
  readonly spans: ReadonlyMap<string, Span>
  /** A name that can be read in two ways: it comes twice, or in letters that some servers take for the same. */
  readonly ambiguous: string | undefined
}

/** The members of an object that are named so, in a text that was found to be JSON; `at`: its opening brace. */
export function membersAt(bytes: Buffer, at: number, names: ReadonlySet<string>): FoundMembers {
  const spans = new Map<string, Span>()
  let ambiguous: string | undefined
  let key = skipSpace(bytes, at + 1)
  while (bytes[key] === quote) {
    const keyEnd = skipString(bytes, key)
    const start = skipSpace(bytes, skipSpace(bytes, keyEnd) + 1)
    const end = skipValue(bytes, start)
    const name = nameAt(bytes, key + 1, keyEnd - 1, names)
    if (name !== undefined) {
      if (spans.has(name)) ambiguous ??= name
      spans.set(name, { start, end })
    } else if (mayBeAnother(bytes, key + 1, keyEnd - 1)) {
      ambiguous ??= meantBy(bytes.toString('utf8', key, keyEnd), names)
    }
    const next = skipSpace(bytes, end)
    key = bytes[next] === comma ? skipSpace(bytes, next + 1) : next
  }
  return { spans, ambiguous }
}

const quote = 0x22
const comma = 0x2c

/** Do these bytes say this, which has no letters but those of ASCII? Making a text of them would cost more. */
export function isTextAt(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[start + index] !== text.charCodeAt(index)) return false
  }
  return true
}

function nameAt(bytes: Buffer, start: number, end: number, names: ReadonlySet<string>): string | undefined {
  for (const name of names) if (isTextAt(bytes, start, end, name)) return name
  return undefined
}

/** Is something in it escaped, or a letter that has another case? */
function mayBeAnother(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0
    if (byte === 0x5c || byte >= 0x80 || (byte >= 0x41 && byte <= 0x5a)) return true
  }
  return false
}

/** Which of the names some reader could take it for. `key`: with its quotes. */
function meantBy(key: string, names: ReadonlySet<string>): string | undefined {
  const letters = folded(unescaped(key))
  for (const name of names) if (folded(name) === letters) return name
  return undefined
}

function unescaped(key: string): string {
  try {
    return String(JSON.parse(key))
  } catch {
    // What follows a backslash is checked nowhere; no reader takes such a key.
    return key
  }
}

/** A long s is an s, too, to servers that take capitals for small letters; so is the sign for Kelvin a k. */
function folded(name: string): string {
  return name.toLowerCase().replaceAll('\u017f', 's').replaceAll('\u212a', 'k')
}
