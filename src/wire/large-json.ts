import { isUtf8 } from 'node:buffer'
import { isRefusal } from '#core/refusal.ts'
import { asBuffer } from '#kit/bytes.ts'
import type { JsonPeek } from './json-peeker.ts'
import { JsonPeeker } from './json-peeker.ts'
import { scanJsonHead, scanJsonTail } from './json-scan.ts'

// As bytes: texts would be converted for each search.
const modelOpening = Buffer.from('"model')
const streamOpening = Buffer.from('"stream')
const escapedAscii = Buffer.from(String.raw`\u00`)
const escapedSixties = Buffer.from(String.raw`\u006`)
const escapedSeventies = Buffer.from(String.raw`\u007`)

/** Bytes that are scanned at the beginning in any case, and behind a key that stands there: room for any value of ours. */
const headBytes = 4 * 1024

// Limit: with more members in the scanned ends the body is no API's, and has to be counted whole.
const membersMax = 100

// Limit: where more names begin like ours, on average, a scan of the whole body costs less.
const bytesPerOpening = 64

/**
 * Reads `model` and `stream` of a large JSON object while most of its bytes pass through native searches only. Never
 * answers otherwise than a scan of the whole body would, if the body is JSON within the limits; undefined when it cannot
 * tell. What stands far from both keys is not checked: a backend refuses that itself.
 *
 * In JSON a quote inside a string is escaped. So a key spelled without escapes shows as its bytes with both quotes, and
 * these bytes are nothing else than a key or value, unless the end of a string is spelled like that: `"\"model"`. Where
 * they occur once, and nothing could be an escaped spelling of the name, there is at most one such key. A scan from the
 * nearer end of the body shows that there is one, and that it is the outermost object's.
 *
 * See docs/decisions/0011-large-bodies.md.
 */
export function peekLargeJson(body: Uint8Array, headBytesMin = headBytes): JsonPeek | undefined {
  const bytes = asBuffer(body)
  if (!isUtf8(bytes) || !isBraced(bytes)) return undefined
  const modelAt = findOnly(bytes, modelOpening)
  const streamAt = findOnly(bytes, streamOpening)
  if (modelAt === -1 || modelAt === undefined || streamAt === undefined || mayEscapeLetters(bytes)) return undefined

  const middle = bytes.length >> 1
  // Keys in front of the middle are reached from the beginning, the others from the first of them on.
  const lastInFront = Math.max(modelAt < middle ? modelAt : 0, streamAt < middle ? streamAt : 0)
  const tailAt = Math.min(modelAt < middle ? bytes.length : modelAt, streamAt < middle ? bytes.length : streamAt)
  const peeker = new JsonPeeker()
  const head = bytes.subarray(0, Math.min(lastInFront + headBytesMin, tailAt))
  const headFault = scanJsonHead(head, peeker)
  if (headFault?.at !== head.length) return undefined
  if (tailAt < bytes.length) {
    // Behind a backslash the quote is inside a string.
    if (bytes[tailAt - 1] === backslash) return undefined
    if (scanJsonTail(bytes, tailAt, peeker) !== undefined) return undefined
  }
  if (peeker.hasStream !== (streamAt !== -1) || peeker.members > membersMax) return undefined
  const peek = peeker.result(body)
  return isRefusal(peek) ? undefined : peek
}

const quote = 0x22
const backslash = 0x5c

function isBraced(bytes: Buffer): boolean {
  let first = 0
  while (isSpace(bytes[first])) first++
  let last = bytes.length - 1
  while (isSpace(bytes[last])) last--
  return bytes[first] === 0x7b && bytes[last] === 0x7d
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/**
 * Where the name stands between quotes: -1 for nowhere, undefined for more than once. The closing quote is not searched
 * for, since the native search looks for first and last byte together, and quotes stand everywhere.
 */
function findOnly(bytes: Buffer, opening: Buffer): number | undefined {
  let found = -1
  let at = bytes.length
  for (let left = 16 + bytes.length / bytesPerOpening; left > 0; left--) {
    at = bytes.lastIndexOf(opening, at - 1)
    // Nothing of ours stands at the very beginning, which is a brace.
    if (at < 1) return found
    if (bytes[at + opening.length] !== quote) continue
    if (found !== -1) return undefined
    found = at
  }
  return undefined
}

/** Every letter of our keys is escaped as `\u006…` or `\u007…`. From behind, because that search is the faster one. */
function mayEscapeLetters(bytes: Buffer): boolean {
  if (bytes.lastIndexOf(escapedAscii) === -1) return false
  return bytes.lastIndexOf(escapedSixties) !== -1 || bytes.lastIndexOf(escapedSeventies) !== -1
}
