import { isUtf8 } from 'node:buffer'
import { isRefusal } from '#core/refusal.ts'
import { asBuffer } from '#kit/bytes.ts'
import type { JsonPeek } from './json-peeker.ts'
import { JsonPeeker } from './json-peeker.ts'
import { scanJsonHead, scanJsonTail } from './json-scan.ts'

/** The last bytes of a name. Together a name's probes hit it in whatever case its letters are. */
interface Probe {
  // As bytes: texts would be converted for each search.
  readonly bytes: Buffer
  /** From the first byte to the name's last letter. */
  readonly toEnd: number
  /** A search from behind takes longer where quotes are many, the other one where the first byte is frequent. */
  readonly isBackward: boolean
}

interface Name {
  readonly letters: Buffer
  readonly probes: readonly Probe[]
}

// By their ends: quotes that close are escaped inside a string, so texts in texts hit nothing, and a long s, which is a
// letter of two bytes, needs no search of its own. Each probe is one search through the body, and each hit is looked at.
const model: Name = {
  letters: Buffer.from('model'),
  probes: [
    { bytes: Buffer.from('l"'), toEnd: 0, isBackward: true },
    { bytes: Buffer.from('L"'), toEnd: 0, isBackward: false },
  ],
}
/** More words of schemas end with an m: item, enum, param. */
const stream: Name = {
  letters: Buffer.from('stream'),
  probes: [
    { bytes: Buffer.from('am"'), toEnd: 1, isBackward: true },
    { bytes: Buffer.from('Am"'), toEnd: 1, isBackward: false },
    { bytes: Buffer.from('M"'), toEnd: 0, isBackward: false },
  ],
}

const escapedLow = Buffer.from(String.raw`\u0`)
/** How every letter of our keys is escaped that has an escape: capitals, small letters, and the long s, which is U+017F. */
const escapedLetters = ['4', '5', '6', '7'].map((digit) => Buffer.from(String.raw`\u00${digit}`))
const escapedLongS = Buffer.from(String.raw`\u017`)

/** Bytes that are scanned at the beginning in any case, and behind a key that stands there: room for any value of ours. */
const headBytes = 4 * 1024

// Limit: with more members in the scanned ends the body is no API's, and has to be counted whole.
const membersMax = 100

// Limit: where more words end like ours, on average, a scan of the whole body costs less.
const bytesPerHit = 64

/**
 * Reads `model` and `stream` of a large JSON object while most of its bytes pass through native searches only. Never
 * answers otherwise than a scan of the whole body would, if the body is JSON within the limits; undefined when it cannot
 * tell. What stands far from both keys is not checked: a backend refuses that itself.
 *
 * In JSON a quote inside a string is escaped. So a key spelled without escapes shows as its bytes with both quotes, and
 * these bytes are nothing else than a key or value, unless the end of a string is spelled like that: `"\"model"`. Where
 * they occur once, in no other case, and nothing could be an escaped spelling of the name, there is at most one such key.
 *
 * The model is reached by a scan from the first byte, so it belongs to the object that begins there, whatever may follow
 * that one. A `stream` behind the middle is reached by a scan to the last byte.
 *
 * See docs/decisions/0011-large-bodies.md.
 */
export function peekLargeJson(body: Uint8Array, headBytesMin = headBytes): JsonPeek | undefined {
  const bytes = asBuffer(body)
  if (!isBraced(bytes)) return undefined
  const middle = bytes.length >> 1
  // Behind the middle, the scan from the first byte to the model costs more than the searches save.
  const modelAt = findOnly(bytes, model, middle)
  if (modelAt === undefined || modelAt === -1 || !isUtf8(bytes)) return undefined
  const streamAt = findOnly(bytes, stream, bytes.length)
  if (streamAt === undefined || mayEscapeLetters(bytes)) return undefined

  const isStreamBehind = streamAt >= middle
  const tailAt = isStreamBehind ? streamAt : bytes.length
  const lastInFront = isStreamBehind ? modelAt : Math.max(modelAt, streamAt)
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
const smallS = 0x73

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

/** Where the name stands between quotes: -1 for nowhere, undefined for twice, in another case, or not `before` there. */
function findOnly(bytes: Buffer, name: Name, before: number): number | undefined {
  let found = -1
  let left = 16 + bytes.length / bytesPerHit
  for (const probe of name.probes) {
    // Nothing of ours stands at the very beginning, which is a brace.
    for (let at = nextHit(bytes, probe, -1); at > 0; at = nextHit(bytes, probe, at)) {
      if (--left < 0) return undefined
      const start = startOfName(bytes, at + probe.toEnd, name.letters)
      if (start === -1) continue
      if (found !== -1 || start >= before || !isSpelled(bytes, start, name.letters)) return undefined
      found = start
    }
  }
  return found
}

function nextHit(bytes: Buffer, probe: Probe, last: number): number {
  if (!probe.isBackward) return bytes.indexOf(probe.bytes, last + 1)
  return bytes.lastIndexOf(probe.bytes, last === -1 ? bytes.length : last - 1)
}

/** The opening quote of a name in whatever case whose last letter stands at `end`; -1 when it is another name. */
function startOfName(bytes: Buffer, end: number, letters: Buffer): number {
  if (bytes[end + 1] !== quote) return -1
  let at = end
  for (let index = letters.length - 1; index >= 0; index--) {
    if (((bytes[at] ?? 0) | 0x20) === letters[index]) at--
    else if (letters[index] === smallS && bytes[at] === 0xbf && bytes[at - 1] === 0xc5) at -= 2
    else return -1
  }
  return bytes[at] === quote ? at : -1
}

function isSpelled(bytes: Buffer, start: number, letters: Buffer): boolean {
  return bytes.compare(letters, 0, letters.length, start + 1, start + 1 + letters.length) === 0
}

/** Also of other letters than ours, which then costs a scan. */
function mayEscapeLetters(bytes: Buffer): boolean {
  if (bytes.lastIndexOf(escapedLow) === -1) return false
  return escapedLetters.some((escaped) => bytes.lastIndexOf(escaped) !== -1) || bytes.lastIndexOf(escapedLongS) !== -1
}
