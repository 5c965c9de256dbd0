import type { HeaderPair } from '#kit/header-list.ts'
import { mixName, nameAt } from './names.ts'
import { carriageReturn, colon, lineFeed, nameLetters, space, tab, valueKinds } from './octets.ts'

/** A response head, and what it says about the body and about the connection. */
export interface ParsedHead {
  readonly status: number
  readonly pairs: HeaderPair[]
  /** Value of `content-length`. */
  readonly length: number | undefined
  readonly isChunked: boolean
  /** The sender wants to keep the connection, as far as its version and `connection` tell. */
  readonly isPersistent: boolean
}

/**
 * Reads a response head from its text (latin-1), which ends with the CRLF of its last line; the empty line is left
 * out. Returns what is wrong with it where it is not exactly what RFC 9112 describes, or where its body would be
 * ambiguous: what one reader takes for a body, another may take for the next response.
 */
export function parseHead(text: string, headersMax: number): ParsedHead | string {
  const status = statusOf(text)
  if (typeof status === 'string') return status
  const pairs: HeaderPair[] = []
  const linesAt = skipReason(text, statusEnd)
  if (linesAt < 0) return 'behind its status stands neither a reason nor the end of the line'
  const wrong = readFields(text, linesAt, headersMax, pairs)
  return wrong ?? weigh(status, text.charCodeAt(minorAt) === one, pairs)
}

/**
 * Could a head begin like this? Asked of a head that is not yet whole, so that what is not HTTP at all is refused at
 * its first wrong byte instead of being waited for.
 */
export function mayBeginHead(bytes: Uint8Array, length: number): boolean {
  const end = Math.min(length, statusEnd + 1)
  for (let at = 0; at < end; at += 1) {
    const byte = bytes[at] ?? 0
    const isRight =
      at < minorAt
        ? byte === version.charCodeAt(at)
        : at === minorAt
          ? byte === zero || byte === one
          : at === minorAt + 1
            ? byte === space
            : at === statusAt
              ? byte >= one && byte <= five
              : at < statusEnd
                ? byte >= zero && byte <= nine
                : byte === space || byte === carriageReturn
    if (!isRight) return false
  }
  return true
}

/**
 * Reads header or trailer lines up to the end of the text into `pairs`, names in lower case, values without the white
 * space around them. Undefined, or what is wrong with them.
 */
export function readFields(text: string, start: number, fieldsMax: number, pairs: HeaderPair[]): string | undefined {
  const end = text.length
  let at = start
  while (at < end) {
    if (pairs.length === fieldsMax) return 'it has too many headers'
    const nameStart = at
    let hash = 0
    for (let letter = letterAt(text, at); letter !== 0; letter = letterAt(text, at)) {
      hash = mixName(hash, letter)
      at += 1
    }
    const nameEnd = at
    if (text.charCodeAt(at) !== colon || nameEnd === nameStart) return wrongName(text, nameStart, at)
    at += 1
    while (isBlank(text.charCodeAt(at))) at += 1
    const valueAt = at
    while (valueKinds[text.charCodeAt(at)] === 1) at += 1
    if (!isLineEnd(text, at)) return 'a header value holds a control character, or its line does not end with CRLF'
    let valueEnd = at
    while (valueEnd > valueAt && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd -= 1
    pairs.push([nameAt(text, nameStart, nameEnd, hash), text.slice(valueAt, valueEnd)])
    at += 2
  }
  return undefined
}

const version = 'HTTP/1.'
const minorAt = version.length
const statusAt = minorAt + 2
const statusEnd = statusAt + 3
const zero = 0x30
const one = 0x31
const five = 0x35
const nine = 0x39

function statusOf(text: string): number | string {
  const minor = text.charCodeAt(minorAt)
  if (!text.startsWith(version) || (minor !== zero && minor !== one) || text.charCodeAt(minorAt + 1) !== space) {
    return 'it does not begin with a status line of HTTP/1.1 or HTTP/1.0'
  }
  const hundreds = text.charCodeAt(statusAt) - zero
  const tens = text.charCodeAt(statusAt + 1) - zero
  const units = text.charCodeAt(statusAt + 2) - zero
  const isStatus = hundreds >= 1 && hundreds <= 5 && tens >= 0 && tens <= 9 && units >= 0 && units <= 9
  return isStatus ? hundreds * 100 + tens * 10 + units : 'its status is not a number from 100 to 599'
}

/** From behind the status to behind the status line, −1 where that is none. The reason may be empty or missing. */
function skipReason(text: string, start: number): number {
  let at = start
  if (text.charCodeAt(at) === space) while (valueKinds[text.charCodeAt(at)] === 1) at += 1
  return isLineEnd(text, at) ? at + 2 : -1
}

/** What the headers together say about the body, or why that is ambiguous. */
function weigh(status: number, isCurrent: boolean, pairs: HeaderPair[]): ParsedHead | string {
  let length: number | undefined
  let isChunked = false
  let saysClose = false
  let saysKeepAlive = false
  for (const [name, value] of pairs) {
    switch (name) {
      case 'content-length':
        if (length !== undefined) return 'it has two lengths'
        length = lengthOf(value)
        if (length === undefined) return 'its content-length is not one whole number'
        break
      case 'transfer-encoding':
        if (isChunked) return 'it has two transfer encodings'
        if (value !== 'chunked' && value.toLowerCase() !== 'chunked') return 'its transfer encoding is not "chunked"'
        isChunked = true
        break
      case 'connection':
        saysClose ||= value === 'close' || closeOption.test(value)
        saysKeepAlive ||= value === 'keep-alive' || keepAliveOption.test(value)
        break
    }
  }
  if (isChunked && length !== undefined) return 'it has both a length and a transfer encoding'
  if (isChunked && !isCurrent) return 'it has a transfer encoding, which HTTP/1.0 does not know'
  return { status, pairs, length, isChunked, isPersistent: !saysClose && (isCurrent || saysKeepAlive) }
}

function lengthOf(value: string): number | undefined {
  let length = 0
  for (let at = 0; at < value.length; at += 1) {
    const digit = value.charCodeAt(at) - zero
    if (digit < 0 || digit > 9) return undefined
    length = length * 10 + digit
    // Beyond, numbers are not exact.
    if (length > Number.MAX_SAFE_INTEGER) return undefined
  }
  return value === '' ? undefined : length
}

const closeOption = /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i
const keepAliveOption = /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/i

function wrongName(text: string, start: number, at: number): string {
  const code = text.charCodeAt(at)
  if (at === start)
    return isBlank(code) ? 'a header line is folded, or begins with white space' : 'a header has no name'
  if (isBlank(code)) return 'a header name is followed by white space, or its line has no colon'
  return 'a header name holds a character that is not allowed, or its line has no colon'
}

function letterAt(text: string, at: number): number {
  return nameLetters[text.charCodeAt(at)] ?? 0
}

function isBlank(code: number): boolean {
  return code === space || code === tab
}

function isLineEnd(text: string, at: number): boolean {
  return text.charCodeAt(at) === carriageReturn && text.charCodeAt(at + 1) === lineFeed
}
