import type { StreamForm } from '#core/endpoint.ts'
import type { Form } from '#core/talk.ts'
import { asBuffer } from '#kit/bytes.ts'

/**
 * Tokens of a prompt that nobody counted, by the length of its request: rough, as a rule within a third of the truth. What
 * stands around the texts counts as text, as tools and their schemas do with providers; files count by their number.
 */
export function estimatePrompt(body: Uint8Array): number {
  const bytes = asBuffer(body)
  const { files, fileBytes } = mayHoldFiles(bytes) ? filesIn(bytes) : noFiles
  const middle = Math.max(0, (bytes.length - sampleBytes) >> 1)
  const tokens = tokensOf(bytes.length - fileBytes, bytes.subarray(middle, middle + sampleBytes))
  return Math.ceil(tokens + files * tokensPerFile)
}

/**
 * Tokens that were said in a stream, by the length of its texts in some events from the middle of what is kept of it, on
 * the assumption that all others are like them. `tail`: its end; `bytesAll`: how long it was.
 */
export function estimateSaidInStream(form: StreamForm, tail: Uint8Array, bytesAll: number): number {
  const bytes = asBuffer(tail)
  const { length } = bytes
  const names = namesInStream[form]
  let part = length > 2 * sampleBytes ? middleEvents(bytes, form === 'ndjson' ? lineEnd : dataField) : bytes
  let said = tokensIn(part, names)
  if (said === 0 && part !== bytes) said = tokensIn((part = bytes), names)
  return said === 0 ? 0 : Math.ceil((said * Math.max(bytesAll, length)) / part.length)
}

/** From the beginning of one to that of another; all, where they are too large for that. */
function middleEvents(bytes: Buffer, mark: Buffer): Buffer {
  const start = bytes.indexOf(mark, bytes.length >> 1)
  const end = start === -1 ? -1 : bytes.indexOf(mark, start + sampleBytes)
  return end === -1 ? bytes : bytes.subarray(start, end)
}

/** The same of a body; `seen`: all of it, or its end. */
export function estimateSaidInBody(form: Form | undefined, seen: Uint8Array, bytesAll: number): number {
  const bytes = asBuffer(seen)
  const said = tokensIn(bytes, namesInBody.get(form ?? '') ?? namesInAny)
  // The end of a large one is all text, rather than none.
  if (bytesAll > bytes.length)
    return Math.ceil(said === 0 ? bytesAll / bytesPerToken : (said * bytesAll) / bytes.length)
  return Math.ceil(said)
}

/** Of English in letters of one byte and of Chinese in such of three it is nearly the same, with current tokenizers. */
const bytesPerToken = 4

const tokensPerFile = 1000

/** Bytes that are looked at where all of them would be too many. */
const sampleBytes = 1024

function named(...names: readonly string[]): readonly Buffer[] {
  return names.map((name) => Buffer.from(`${name}":`))
}

/** Members whose texts are what a model said; without the quote in front, so that `reasoning_content` is `content`, too. */
const chat = named('content', '"reasoning', '"arguments')
const messages = named('text', 'thinking', 'partial_json')
const ollama = named('content', 'thinking', '"response')
const text = named('text')
const namesInStream: Readonly<Record<StreamForm, readonly Buffer[]>> = {
  chat,
  completions: text,
  responses: named('"delta'),
  messages,
  gemini_sse: text,
  gemini_array: text,
  ndjson: ollama,
}
const namesInBody: ReadonlyMap<string, readonly Buffer[]> = new Map([
  ['chat', chat],
  ['completions', text],
  ['responses', named('text', '"arguments')],
  ['messages', messages],
  ['gemini', text],
  ['converse', text],
  ['cohere', text],
  ['ollama', ollama],
])
const namesInAny = named('text', 'content', '"arguments')

const dataField = Buffer.from('\ndata:')
const lineEnd = Buffer.from('\n')

/** Limit: texts of one name that are measured; the others are taken to be like them. */
const textsMax = 64

/** Limit: quotes inside a text that are stepped over; one with more goes on to the end. */
const quotesMax = 64

function tokensIn(bytes: Buffer, names: readonly Buffer[]): number {
  let textBytes = 0
  for (const name of names) textBytes += bytesBehind(bytes, name)
  return textBytes === 0 ? 0 : tokensOf(textBytes, bytes)
}

/** Bytes of the texts that are the value of this member. */
function bytesBehind(bytes: Buffer, name: Buffer): number {
  let sum = 0
  let texts = 0
  let at = bytes.indexOf(name)
  while (at !== -1) {
    let start = at + name.length
    while (bytes[start] === blank) start++
    at = start
    if (bytes[start] === quote) {
      at = endOfText(bytes, start + 1)
      sum += at - start - 1
      if (++texts >= textsMax) return (sum * bytes.length) / at
    }
    at = bytes.indexOf(name, at)
  }
  return sum
}

/** Of its closing quote, or of what is there of it. */
function endOfText(bytes: Buffer, start: number): number {
  let at = bytes.indexOf(quoteBytes, start)
  for (let quotes = 0; at !== -1 && quotes < quotesMax; quotes++) {
    let escapes = 0
    while (bytes[at - 1 - escapes] === backslash && at - 1 - escapes >= start) escapes++
    if (escapes % 2 === 0) return at
    at = bytes.indexOf(quoteBytes, at + 1)
  }
  return bytes.length
}

/** Tokens of so many bytes of text that looks like `sample`. */
function tokensOf(textBytes: number, sample: Buffer): number {
  const tokens = textBytes / bytesPerToken
  let at = sample.indexOf(unicodeEscape)
  if (at === -1) return tokens
  const first = at
  let escapes = 0
  let end = at
  for (; at !== -1 && escapes < escapesMax; at = sample.indexOf(unicodeEscape, end)) {
    escapes++
    end = at + escapeBytes
  }
  // Of a few, each is a sign among others.
  if (escapes < escapesMax) return tokens
  const share = (escapes * escapeBytes) / (end - first)
  return tokens * (1 - share * (1 - utf8Bytes / escapeBytes))
}

/** `你`, which some servers and clients write for what others write in three bytes. */
const unicodeEscape = Buffer.from('\\u')
const escapeBytes = 6
const utf8Bytes = 3

/** Limit: of them that are looked at. */
const escapesMax = 16

/** Where a text of a base64 file begins, and how long it has to be to be taken for one. */
const fileMarks = [';base64,', '"data"']
const fileBytesMin = 512

/** Limit: files that are counted; behind them everything counts as text. */
const filesMax = 256

const noFiles = { files: 0, fileBytes: 0 } as const

/** In a smaller body files are no more than text would be. */
const filesFromBytes = 4096

/** Places that are looked at: a file that is none of them is a small part of the body. */
const looks = 16
const lookBytes = 48

/** Is any of some places, spread over all of it, what only a file looks like? */
function mayHoldFiles(bytes: Buffer): boolean {
  if (bytes.length < filesFromBytes) return false
  const step = bytes.length / (looks + 1)
  for (let look = 1; look <= looks; look++) if (isBase64(bytes, Math.floor(look * step))) return true
  return false
}

function isBase64(bytes: Buffer, start: number): boolean {
  for (let at = start; at < start + lookBytes && at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    const isLetterOrDigit =
      (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
    // `+`, `/` and `=`.
    if (!isLetterOrDigit && byte !== 0x2b && byte !== 0x2f && byte !== 0x3d) return false
  }
  return true
}

function filesIn(bytes: Buffer): { readonly files: number; readonly fileBytes: number } {
  let files = 0
  let fileBytes = 0
  for (const mark of fileMarks) {
    for (let at = bytes.indexOf(mark); at !== -1 && files < filesMax;) {
      const start = mark.endsWith('"') ? bytes.indexOf('"', at + mark.length) + 1 : at + mark.length
      const end = start === 0 ? -1 : bytes.indexOf('"', start)
      if (end === -1) break
      if (end - start >= fileBytesMin) {
        files++
        fileBytes += end - start
      }
      at = bytes.indexOf(mark, mark.endsWith('"') ? start : end)
    }
  }
  return { files, fileBytes }
}

const quote = 0x22
const quoteBytes = Buffer.from('"')
const backslash = 0x5c
const blank = 0x20
