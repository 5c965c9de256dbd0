import type { Call, Span } from '#core/call.ts'
import { asBuffer } from '#kit/bytes.ts'
import { asObject, parseJson } from '#kit/json-value.ts'
import { scanJsonHead, type JsonVisitor } from '#wire/json-scan.ts'

/** What in a body tells which others it belongs to. */
export interface BodyFacts {
  /** By name; `metadata.user_id` and the id of a `conversation` among them. */
  readonly texts: ReadonlyMap<string, string>
  /** The instructions that the prompt begins with, as their bytes; empty when there are none. */
  readonly system: string
  /** The first message after them. */
  readonly first: string
}

/** Reads a JSON body as far as its members tell; nothing of it is built that is not asked for. */
export function bodyFacts({ body, endpoint }: Pick<Call, 'body' | 'endpoint'>): BodyFacts {
  if (body === undefined || endpoint.reads === 'multipart') return noFacts
  const bytes = asBuffer(body)
  const members = new Members()
  scanJsonHead(bytes, members)
  const texts = new Map<string, string>()
  for (const name of textNames) put(texts, name, members.valueOf(bytes, name))
  put(texts, 'metadata.user_id', asObject(members.valueOf(bytes, 'metadata'))?.['user_id'])
  const conversation = members.valueOf(bytes, 'conversation')
  put(texts, 'conversation', asObject(conversation)?.['id'] ?? conversation)
  const isResponses = endpoint.stream === 'responses'
  const told = systemNames.map((name) => members.textOf(bytes, name)).join('')
  const messages = members.startOf(messageNames.find((name) => members.has(name)) ?? (isResponses ? 'input' : ''))
  const { system, first } = messages === undefined ? noFacts : openingOf(bytes, messages)
  return { texts, system: told + system, first }
}

const noFacts: BodyFacts = { texts: new Map(), system: '', first: '' }

const textNames = ['prompt_cache_key', 'safety_identifier', 'user']
/** Where instructions stand that are no message. */
const systemNames = ['system', 'instructions', 'systemInstruction', 'system_instruction']
const messageNames = ['messages', 'contents']
const wantedNames: ReadonlySet<string> = new Set([
  ...textNames,
  ...systemNames,
  ...messageNames,
  'metadata',
  'conversation',
  'input',
])

function put(texts: Map<string, string>, name: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') texts.set(name, value)
}

/** Where the values of the wanted members begin; the first of a name counts. */
class Members implements JsonVisitor {
  readonly #starts = new Map<string, number>()
  #name = ''

  key(bytes: Buffer, start: number, end: number): boolean {
    // Limit: no name that is wanted is longer.
    this.#name = end - start > 24 ? '' : bytes.toString('latin1', start, end)
    return wantedNames.has(this.#name) && !this.#starts.has(this.#name)
  }

  value(_bytes: Buffer, start: number): void {
    this.#starts.set(this.#name, start)
  }

  has(name: string): boolean {
    return this.#starts.has(name)
  }

  startOf(name: string): number | undefined {
    return this.#starts.get(name)
  }

  /** Parsed; undefined also for what is too long to tell anything. */
  valueOf(bytes: Buffer, name: string): unknown {
    const start = this.#starts.get(name)
    if (start === undefined) return undefined
    const end = endOfValue(bytes, start, new Role())
    return end - start > valueBytesMax ? undefined : parseJson(bytes.toString('utf8', start, end))
  }

  textOf(bytes: Buffer, name: string): string {
    const start = this.#starts.get(name)
    return start === undefined ? '' : stable(bytes, start, endOfValue(bytes, start, new Role()))
  }
}

/** Limit: bytes of a member that is read as a key. */
const valueBytesMax = 4096

/** The first messages of a list: those of the system, and the one after them. */
function openingOf(bytes: Buffer, start: number): Pick<BodyFacts, 'system' | 'first'> {
  // A prompt that is no list is its own first message.
  if (bytes[start] !== openBracket)
    return { system: '', first: stable(bytes, start, endOfValue(bytes, start, new Role())) }
  let system = ''
  let at = start + 1
  // Limit: messages of the system at the beginning.
  for (let left = 8; left > 0; left -= 1) {
    const role = new Role()
    while (isSpace(bytes[at])) at += 1
    if (bytes[at] !== openBrace) break
    const end = endOfValue(bytes, at, role)
    const text = stable(bytes, at, end)
    if (role.name !== 'system' && role.name !== 'developer') return { system, first: text }
    system += text
    at = end
    while (isSpace(bytes[at]) || bytes[at] === comma) at += 1
  }
  return { system, first: '' }
}

/** Who speaks in a message. */
class Role implements JsonVisitor {
  name = ''

  key(bytes: Buffer, start: number, end: number): boolean {
    return end - start === 4 && bytes.toString('latin1', start, end) === 'role'
  }

  value(bytes: Buffer, start: number, end: number): void {
    this.name = bytes.toString('latin1', start + 1, end - 1)
  }
}

/** A scan of what follows finds the value's end where it takes offence at more text. */
function endOfValue(bytes: Buffer, start: number, visitor: JsonVisitor): number {
  const fault = scanJsonHead(bytes.subarray(start), visitor)
  return fault === undefined ? bytes.length : start + fault.at
}

/** Its beginning as text, without the marks that clients move on from turn to turn. */
function stable(bytes: Buffer, start: number, end: number): string {
  let text = ''
  let at = start
  // Limit: marks that are looked for; providers allow four.
  for (let left = 64; at < end && text.length < stableBytesMax; left -= 1) {
    const cut = Math.min(end, at + stableBytesMax - text.length)
    // A mark that begins behind the cut takes its comma along, which may stand before it.
    const nameAt = left === 0 ? -1 : bytes.subarray(at, Math.min(end, cut + markBytesMax)).indexOf(markName)
    if (nameAt === -1) return (text + bytes.toString('latin1', at, cut)).trimEnd()
    const mark = markAround(bytes, at, at + nameAt)
    text += bytes.toString('latin1', at, Math.min(cut, mark.start))
    at = mark.end
  }
  return text.trimEnd()
}

/** Limit: bytes of a message that are looked at, its marks not counted. */
const stableBytesMax = 65_536

/** Limit: bytes of a mark, and of the blanks after it. */
const markBytesMax = 256
const markName = '"cache_control"'
const markValue = /^\s*:\s*\{[^{}]*\}/

/** All of `"cache_control": {…}` and one of its commas, as if it had never been there; nothing where the name has another value. */
function markAround(bytes: Buffer, from: number, name: number): Span {
  const nameEnd = name + markName.length
  const value = markValue.exec(bytes.toString('latin1', nameEnd, name + markBytesMax))
  return value === null ? { start: nameEnd, end: nameEnd } : widened(bytes, from, name, nameEnd + value[0].length)
}

/** With the comma before it, or else the one behind. */
function widened(bytes: Buffer, from: number, name: number, end: number): Span {
  let start = name
  while (start > from && isSpace(bytes[start - 1])) start -= 1
  if (start > from && bytes[start - 1] === comma) return { start: start - 1, end }
  let at = end
  while (at < end + markBytesMax && isSpace(bytes[at])) at += 1
  return bytes[at] === comma ? { start, end: at + 1 } : { start, end }
}

const comma = 0x2c
const openBracket = 0x5b
const openBrace = 0x7b

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
