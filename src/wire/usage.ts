import type { StreamForm } from '#core/endpoint.ts'
import type { ToldUsage } from '#core/usage.ts'
import { asBuffer } from '#kit/bytes.ts'
import { asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import { countsOf, countsOfEval, countsOfTimings } from './usage-fields.ts'

/**
 * The usage that a whole body tells. Only what stands around it is parsed: it is looked for from the end, where nearly
 * all providers write it, and believed where it is a member of the body itself, not of something that a model wrote.
 * `isWhole`: the bytes are all of it, and not its end.
 */
export function usageOfBody(bytes: Uint8Array, isWhole = true): ToldUsage | undefined {
  const body = asBuffer(bytes)
  const end = endOf(body, nearBytes)
  let found = lastUsage(end)
  if (found === undefined && body.length > nearBytes) {
    found = lastUsage(endOf(body, farBytes)) ?? (isWhole ? usageInFront(body) : undefined)
  }
  if (found !== undefined) return found.counts
  return evalCounts(end) ?? otherCounts(end)
}

/**
 * The usage that a stream tells at its end, in the bytes kept of it. `beginning`: what came first, where Messages tell of
 * the prompt. What is missing was not told: of a stream of Messages without its last events, how much was said.
 */
export function usageOfStream(form: StreamForm, tail: Uint8Array, beginning: Uint8Array): ToldUsage | undefined {
  const all = asBuffer(tail)
  const end = endOf(all, nearBytes)
  if (form === 'ndjson') return evalCounts(end) ?? otherCounts(end)
  // Behind it the last event may tell much else.
  const last = lastUsage(end) ?? (endsInLarge(end, all) ? lastUsage(endOf(all, farBytes)) : undefined)
  if (form !== 'messages') return last === undefined ? otherCounts(end) : last.counts
  const isFinal = last !== undefined && last.depth === 1
  const first = firstUsage(asBuffer(beginning)) ?? (isFinal ? undefined : last)
  if (isFinal) return first === undefined ? last.counts : countsOf(merged(first.value, last.value))
  if (first === undefined) return undefined
  // The count of the first event is a guess of what will be said.
  const { outputTokens: _guess, reasoningTokens: _thoughts, ...prompt } = first.counts
  return prompt.inputTokens === undefined ? undefined : prompt
}

/** The later one counts, but for what it does not tell. */
function merged(first: JsonObject, last: JsonObject): JsonObject {
  const all: Record<string, unknown> = { ...first }
  for (const name of Object.keys(last)) {
    const value = last[name]
    if (value !== null && value !== undefined && name !== '__proto__') all[name] = value
  }
  return all
}

interface Found {
  readonly value: JsonObject
  readonly counts: ToldUsage
  /** Braces around it, up to the end of its event or body. */
  readonly depth: number
}

/**
 * Of `"usage"` and of `"usageMetadata"`, without the quotes, which are so many that a search for them is slow. In texts
 * the one behind it would be escaped.
 */
const head = Buffer.from('usage')

const namedUsage = Buffer.from('"usage')

/** Limit: places that are looked at, from the end. */
const looksMax = 8

/** Limit: objects around a usage: the body, and in it an event's or a cloud's. */
const depthMax = 2

/** Bytes at an end in which nearly all providers tell it, and in which the others do. */
const nearBytes = 4096
const farBytes = 32_768

function endOf(bytes: Buffer, count: number): Buffer {
  return bytes.length > count ? bytes.subarray(bytes.length - count) : bytes
}

/** No line ends in the first half of `end`: its last event is so large that it may have begun in front of it. */
function endsInLarge(end: Buffer, all: Buffer): boolean {
  const firstLine = all.length > nearBytes ? end.indexOf(lineFeed) : 0
  return firstLine === -1 || firstLine > nearBytes / 2
}

function lastUsage(bytes: Buffer): Found | undefined {
  // Searched from the front, which the platform does many times faster.
  const places: number[] = []
  for (let at = bytes.indexOf(head); at !== -1; at = bytes.indexOf(head, at + head.length)) {
    // What speaks of it in a text does not count as a place.
    if (bytes[at - 1] === quote && bytes[at + head.length] !== backslash) places.push(at)
  }
  for (let looks = 1; looks <= Math.min(looksMax, places.length); looks++) {
    const found = usageAt(bytes, places[places.length - looks] ?? 0)
    if (found !== undefined) return found
  }
  return undefined
}

function firstUsage(bytes: Buffer): Found | undefined {
  const at = bytes.indexOf(namedUsage)
  return at === -1 ? undefined : usageAt(bytes, at + 1)
}

function usageAt(bytes: Buffer, at: number): Found | undefined {
  const start = startOfValue(bytes, at + head.length)
  const end = endOfObject(bytes, start)
  if (end === -1) return undefined
  const depth = bracesAround(bytes, end)
  if (depth < 1 || depth > depthMax) return undefined
  return foundIn(bytes, start, end, depth)
}

/** One whose numbers say nothing is none. Names and numbers are ASCII, and as such read several times faster. */
function foundIn(bytes: Buffer, start: number, end: number, depth: number): Found | undefined {
  const value = asObject(parseJson(bytes.toString('latin1', start, end)))
  const counts = value === undefined ? undefined : countsOf(value)
  return value === undefined || counts === undefined ? undefined : { value, counts, depth }
}

/** Some embeddings stand behind their usage, with far more bytes than are looked through. */
function usageInFront(bytes: Buffer): Found | undefined {
  const at = bytes.subarray(0, nearBytes).indexOf(namedUsage)
  if (at === -1 || depthAt(bytes, at) !== 1) return undefined
  const start = startOfValue(bytes, at + namedUsage.length)
  const end = endOfObject(bytes, start)
  return end === -1 ? undefined : foundIn(bytes, start, end, 1)
}

/** Of the member whose name goes on at `at`, as that of usage may; -1: it is another one. */
function startOfValue(bytes: Buffer, at: number): number {
  let next = at
  if (bytes[next] !== quote) {
    if (!bytes.subarray(next, next + metadata.length).equals(metadata)) return -1
    next += metadata.length
  }
  next = skipBlanks(bytes, next + 1)
  return bytes[next] === colon ? skipBlanks(bytes, next + 1) : -1
}

const metadata = Buffer.from('Metadata')

/** Limit: bytes of a usage object, and of what stands behind it. */
const usageBytesMax = 16_384

/** Behind the object that opens at `start`; -1: there is none, or it does not end. */
function endOfObject(bytes: Buffer, start: number): number {
  if (start === -1 || bytes[start] !== openBrace) return -1
  let depth = 0
  const last = Math.min(bytes.length, start + usageBytesMax)
  for (let at = start; at < last; at++) {
    const byte = bytes[at]
    if (byte === quote) at = endOfText(bytes, at)
    else if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) {
      depth--
      if (depth === 0) return at + 1
    }
  }
  return -1
}

/** How many objects and lists close behind `start`, in what is left of the body or of the event; -1: that goes on for long. */
function bracesAround(bytes: Buffer, start: number): number {
  let depth = 0
  let outermost = 0
  const last = Math.min(bytes.length, start + usageBytesMax)
  for (let at = start; at < last; at++) {
    const byte = bytes[at]
    if (byte === quote) at = endOfText(bytes, at)
    else if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) {
      depth--
      if (depth < outermost) outermost = depth
      // What is printed over several lines goes on behind a line's end, and is over where nothing is left open.
    } else if (byte === lineFeed && startsEvent(bytes, at + 1)) return -outermost
  }
  return last < bytes.length ? -1 : -outermost
}

/** Of the quote that closes the text which opens at `start`; behind everything where none does. */
function endOfText(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(quote, start + 1); at !== -1; at = bytes.indexOf(quote, at + 1)) {
    let escapes = 0
    while (bytes[at - 1 - escapes] === backslash) escapes++
    if (escapes % 2 === 0) return at
  }
  return bytes.length
}

/** Objects and lists that are open in front of `end`. */
function depthAt(bytes: Buffer, end: number): number {
  let depth = 0
  for (let at = 0; at < end; at++) {
    const byte = bytes[at]
    if (byte === quote) at = endOfText(bytes, at)
    else if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return depth
}

/** A blank line, a comment, or a field of an event; lines of JSON begin with none of them. */
function startsEvent(bytes: Buffer, at: number): boolean {
  const byte = bytes[at]
  return (
    byte === undefined ||
    byte === lineFeed ||
    byte === carriageReturn ||
    byte === colon ||
    (byte >= 0x61 && byte <= 0x7a)
  )
}

/** Ollama tells its counts beside everything else, at the end. */
function evalCounts(bytes: Buffer): ToldUsage | undefined {
  if (!bytes.includes(evalCount)) return undefined
  const output = numberOf(bytes, '"eval_count"')
  const prompt = numberOf(bytes, '"prompt_eval_count"')
  return output === undefined && prompt === undefined ? undefined : countsOfEval(prompt, output)
}

const evalCount = Buffer.from('eval_count"')

function numberOf(bytes: Buffer, name: string): number | undefined {
  const at = lastPlace(bytes, name)
  if (at === -1 || bracesAround(bytes, at + name.length) !== 1) return undefined
  const [, written] =
    /^\s*:\s*([-+.\deE]{1,32})/.exec(bytes.toString('latin1', at + name.length, at + name.length + 40)) ?? []
  return written === undefined ? undefined : Number(written)
}

/** llama.cpp's measurements; what Cohere's older API and its rankings tell. */
function otherCounts(bytes: Buffer): ToldUsage | undefined {
  const timings = objectOf(bytes, timingsName)
  if (timings !== undefined) return countsOfTimings(timings)
  const meta = objectOf(bytes, metaName)
  return meta === undefined ? undefined : countsOf(meta)
}

const timingsName = Buffer.from('timings"')
const metaName = Buffer.from('meta"')

function lastPlace(bytes: Buffer, name: string | Buffer): number {
  let last = -1
  for (let at = bytes.indexOf(name); at !== -1; at = bytes.indexOf(name, at + 1)) last = at
  return last
}

/** `name`: with the quote behind it, but without the one in front. */
function objectOf(bytes: Buffer, name: Buffer): JsonObject | undefined {
  const at = lastPlace(bytes, name)
  if (at === -1 || bytes[at - 1] !== quote) return undefined
  const next = skipBlanks(bytes, at + name.length)
  const start = bytes[next] === colon ? skipBlanks(bytes, next + 1) : -1
  const end = endOfObject(bytes, start)
  if (end === -1 || bracesAround(bytes, end) !== 1) return undefined
  return asObject(parseJson(bytes.toString('latin1', start, end)))
}

function skipBlanks(bytes: Buffer, start: number): number {
  let at = start
  while (bytes[at] === 0x20 || bytes[at] === lineFeed || bytes[at] === carriageReturn || bytes[at] === 0x09) at++
  return at
}

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const colon = 0x3a
const lineFeed = 0x0a
const carriageReturn = 0x0d
