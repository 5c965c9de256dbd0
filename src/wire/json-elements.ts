import type { Span } from '#core/call.ts'

const quote = 0x22
const comma = 0x2c
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

const nearBytes = 32

/** Where the elements of an array stand, in a text that was found to be JSON; `at`: its opening bracket. */
export function* elementsAt(bytes: Buffer, at: number): Generator<Span> {
  let start = skipSpace(bytes, at + 1)
  while (bytes[start] !== closeBracket && start < bytes.length) {
    const end = skipValue(bytes, start)
    yield { start, end }
    start = skipSpace(bytes, end)
    if (bytes[start] === comma) start = skipSpace(bytes, start + 1)
  }
}

/** From the first byte of a value to behind its last, in a text that was found to be JSON. */
export function skipValue(bytes: Buffer, start: number): number {
  let depth = 0
  let at = start
  do {
    const byte = bytes[at]
    if (byte === quote) {
      at = skipString(bytes, at)
      continue
    }
    if (byte === openBrace || byte === openBracket) depth += 1
    else if (byte === closeBrace || byte === closeBracket) depth -= 1
    else if (depth === 0) return skipScalar(bytes, at)
    at += 1
  } while (depth > 0 && at < bytes.length)
  return at
}

function skipScalar(bytes: Buffer, start: number): number {
  let at = start
  for (;;) {
    const byte = bytes[at]
    if (byte === undefined || byte <= 0x20 || byte === comma || byte === closeBrace || byte === closeBracket) return at
    at += 1
  }
}

/** From an opening quote to behind the closing one. */
export function skipString(bytes: Buffer, start: number): number {
  let at = start + 1
  // A native search costs as much as walking so far.
  for (const near = Math.min(at + nearBytes, bytes.length); at < near; at += 1) {
    const byte = bytes[at]
    if (byte === quote) return at + 1
    if (byte === backslash) at += 1
  }
  let end = bytes.indexOf(quote, at)
  for (; end !== -1; end = bytes.indexOf(quote, end + 1)) {
    let slashes = end
    while (slashes > at && bytes[slashes - 1] === backslash) slashes -= 1
    if (((end - slashes) & 1) === 0) return end + 1
  }
  return bytes.length
}

export function skipSpace(bytes: Buffer, start: number): number {
  let at = start
  while ((bytes[at] ?? 0xff) <= 0x20) at += 1
  return at
}
