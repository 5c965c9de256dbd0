import { isUtf8 } from 'node:buffer'
import { asBuffer } from '#kit/bytes.ts'

/** Told of the top level's members. */
export interface JsonVisitor {
  /** A key, as the range of its bytes between the quotes; true when its value shall be reported. */
  key(bytes: Buffer, start: number, end: number): boolean
  /** The value of a key just accepted, as the range of its bytes; of a container only the first byte. */
  value(bytes: Buffer, start: number, end: number): void
}

/** What is wrong with a text that should be JSON, and at which byte. */
export interface JsonFault {
  readonly kind: 'encoding' | 'syntax' | 'depth'
  readonly at: number
}

/** Limit: containers within containers, the outermost included; deeper texts are refused. */
export const jsonDepthMax = 64

/**
 * One strict pass over a JSON text without building it and without recursion. Building a 256 KB body costs several
 * times as much as all the rest of a request's way; here long strings are skipped by native searches.
 *
 * Checked are UTF-8, structure, literals, numbers, depth and control characters. What follows a backslash is not
 * checked in strings that nobody asked for; a backend refuses that itself.
 */
export function scanJson(body: Uint8Array, visitor: JsonVisitor): JsonFault | undefined {
  if (!isUtf8(body)) return { kind: 'encoding', at: 0 }
  return new Scanner(body).run(visitor, 0, false)
}

/**
 * The same for the first bytes of a text that goes on behind them: a fault at their very end says no more than that.
 * UTF-8 is not checked.
 */
export function scanJsonHead(head: Uint8Array, visitor: JsonVisitor): JsonFault | undefined {
  return new Scanner(head).run(visitor, 0, false)
}

/**
 * The same for a text's last bytes, from a key on. Without a fault, the object that this key belongs to ends the text, so
 * it is the outermost one if the text is a single value. UTF-8 is not checked.
 */
export function scanJsonTail(body: Uint8Array, keyAt: number, visitor: JsonVisitor): JsonFault | undefined {
  return new Scanner(body).run(visitor, keyAt, true)
}

const tab = 0x09
const lineFeed = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const quote = 0x22
const plus = 0x2b
const comma = 0x2c
const minus = 0x2d
const dot = 0x2e
const zero = 0x30
const nine = 0x39
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d

/** Strings shorter than this are walked; a native search costs about as much as walking so far. */
const nearBytes = 32
/** Where escaped quotes stand closer together than this, walking on is cheaper than searching for each of them. */
const closeBytes = 16
const walkedBytes = 1024

/** What closes each open container. One for all scans: none of them waits for anything, so no two overlap. */
const closers = new Uint8Array(jsonDepthMax + 1)

/** Positions are returned as they are, faults as the complement of theirs, so that nothing is allocated on the way. */
class Scanner {
  readonly #bytes: Buffer
  readonly #words: Int32Array
  /** Offset of the first word in `#bytes`. */
  readonly #wordsAt: number
  /** From the string being read up to here no byte is a control character; searched for once, not for each string. */
  #plainUntil = 0

  constructor(body: Uint8Array) {
    this.#bytes = asBuffer(body)
    this.#wordsAt = -body.byteOffset & 3
    const bytes = Math.max(0, body.length - this.#wordsAt)
    this.#words = new Int32Array(body.buffer, bytes === 0 ? 0 : body.byteOffset + this.#wordsAt, bytes >> 2)
  }

  run(visitor: JsonVisitor, start: number, isInObject: boolean): JsonFault | undefined {
    const bytes = this.#bytes
    let depth = isInObject ? 1 : 0
    let wanted = false
    let beforeKey = isInObject
    let at = skipSpace(bytes, start)
    closers[1] = closeBrace
    for (;;) {
      if (beforeKey) {
        const end = this.#skipString(at)
        if (end < 0) return { kind: 'syntax', at: ~end }
        if (depth === 1) wanted = visitor.key(bytes, at + 1, end - 1)
        at = skipSpace(bytes, end)
        if (bytes[at] !== colon) return { kind: 'syntax', at }
        at = skipSpace(bytes, at + 1)
        beforeKey = false
      }
      const first = bytes[at]
      if (first === openBrace || first === openBracket) {
        if (depth === jsonDepthMax) return { kind: 'depth', at }
        if (wanted) visitor.value(bytes, at, at + 1)
        wanted = false
        // In ASCII a closing brace or bracket stands two places after the opening one.
        const closer = first + 2
        closers[++depth] = closer
        at = skipSpace(bytes, at + 1)
        if (bytes[at] !== closer) {
          beforeKey = first === openBrace
          continue
        }
      } else {
        const end = first === quote ? this.#skipString(at) : skipScalar(bytes, at)
        if (end < 0) return { kind: 'syntax', at: ~end }
        if (wanted) visitor.value(bytes, at, end)
        wanted = false
        at = skipSpace(bytes, end)
      }
      // A value has ended, or an empty container is about to.
      while (depth > 0 && bytes[at] === closers[depth]) {
        depth--
        at = skipSpace(bytes, at + 1)
      }
      if (depth === 0) return at === bytes.length ? undefined : { kind: 'syntax', at }
      if (bytes[at] !== comma) return { kind: 'syntax', at }
      beforeKey = closers[depth] === closeBrace
      at = skipSpace(bytes, at + 1)
    }
  }

  /** From an opening quote to behind the closing one. */
  #skipString(start: number): number {
    const bytes = this.#bytes
    if (bytes[start] !== quote) return ~start
    let at = start + 1
    let walked = nearBytes
    let ahead = 0
    for (;;) {
      const near = Math.min(at + walked, bytes.length)
      while (at < near) {
        const byte = bytes[at] ?? 0
        if (byte === quote) return at + 1
        if (byte < space) return ~at
        at += byte === backslash && (bytes[at + 1] ?? 0) >= space ? 2 : 1
      }
      const end = bytes.indexOf(quote, at)
      if (end === -1) return ~bytes.length
      if (end > this.#plainUntil) {
        this.#plainUntil = this.#findControl(at, Math.min(end + ahead, bytes.length))
        if (this.#plainUntil < end) return ~this.#plainUntil
      }
      let slashes = end
      while (slashes > at && bytes[slashes - 1] === backslash) slashes--
      if (((end - slashes) & 1) === 0) return end + 1
      walked = end - at < closeBytes ? walkedBytes : 0
      ahead = walkedBytes
      at = end + 1
    }
  }

  /** First byte below 0x20 in the range, or its end; four bytes at a time. */
  #findControl(start: number, end: number): number {
    const words = this.#words
    let word = (start - this.#wordsAt + 3) >> 2
    const lastWord = (end - this.#wordsAt) >> 2
    if (lastWord - word < 4) return findControlSlowly(this.#bytes, start, end)
    const aligned = this.#wordsAt + word * 4
    const head = findControlSlowly(this.#bytes, start, aligned)
    if (head < aligned) return head
    for (; word + 4 <= lastWord; word += 4) {
      const a = words[word] ?? 0
      const b = words[word + 1] ?? 0
      const c = words[word + 2] ?? 0
      const d = words[word + 3] ?? 0
      // Sets a byte's top bit exactly when some byte of the word is below 0x20.
      const low = ((a - 0x20202020) & ~a) | ((b - 0x20202020) & ~b) | ((c - 0x20202020) & ~c) | ((d - 0x20202020) & ~d)
      if ((low & 0x80808080) !== 0) break
    }
    return findControlSlowly(this.#bytes, this.#wordsAt + word * 4, end)
  }
}

function findControlSlowly(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && (bytes[at] ?? space) >= space) at++
  return at
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start
  for (;;) {
    const byte = bytes[at]
    if (byte !== space && byte !== lineFeed && byte !== carriageReturn && byte !== tab) return at
    at++
  }
}

/** A number or a literal. */
function skipScalar(bytes: Buffer, at: number): number {
  const first = bytes[at]
  if (first === 0x74) return skipWord(bytes, at, 'true')
  if (first === 0x66) return skipWord(bytes, at, 'false')
  if (first === 0x6e) return skipWord(bytes, at, 'null')
  return skipNumber(bytes, at)
}

function skipWord(bytes: Buffer, start: number, word: string): number {
  for (let index = 1; index < word.length; index++) {
    if (bytes[start + index] !== word.charCodeAt(index)) return ~start
  }
  return start + word.length
}

function skipNumber(bytes: Buffer, start: number): number {
  const digits = bytes[start] === minus ? start + 1 : start
  let at = skipDigits(bytes, digits)
  // No digit at all, or a zero in front of others.
  if (at === digits || (bytes[digits] === zero && at > digits + 1)) return ~digits
  if (bytes[at] === dot) {
    const fraction = at + 1
    at = skipDigits(bytes, fraction)
    if (at === fraction) return ~at
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const exponent = bytes[at + 1] === plus || bytes[at + 1] === minus ? at + 2 : at + 1
    at = skipDigits(bytes, exponent)
    if (at === exponent) return ~at
  }
  return at
}

function skipDigits(bytes: Buffer, start: number): number {
  let at = start
  for (;;) {
    const byte = bytes[at]
    if (byte === undefined || byte < zero || byte > nine) return at
    at++
  }
}
