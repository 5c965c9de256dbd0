import type { Span } from '#core/call.ts'
import { elementsAt, skipSpace, skipString, skipValue } from '#wire/json-elements.ts'
import { kindAt, shortText } from './shape.ts'

/** Something that is larger than it may be. */
export interface SizeFault {
  readonly path: string
  readonly says: string
}

/** What is wrong with the number and the length of messages; `path`: where they stand, `messages`. */
export function messagesFault(
  bytes: Buffer,
  span: Span,
  path: string,
  { messagesMax, messageLengthMax }: SizeLimits,
): SizeFault | undefined {
  // A text for itself is one message; an object is one where a form allows that.
  if (kindAt(bytes, span.start) !== 'list') return lengthFault(bytes, span, path, messageLengthMax)
  let count = 0
  for (const each of elementsAt(bytes, span.start)) {
    const fault = lengthFault(bytes, each, `${path}[${count}]`, messageLengthMax)
    if (fault !== undefined) return fault
    count += 1
  }
  if (messagesMax === undefined || count <= messagesMax) return undefined
  return { path, says: `expected at most ${messagesMax} of them, not ${count}` }
}

export interface SizeLimits {
  readonly messagesMax: number | undefined
  readonly messageLengthMax: number | undefined
}

/** What is wrong with the length of one message, or of a text beside them. */
export function lengthFault(
  bytes: Buffer,
  { start, end }: Span,
  path: string,
  lengthMax: number | undefined,
): SizeFault | undefined {
  // No text has more characters than bytes, so that most messages need not be looked into.
  if (lengthMax === undefined || end - start <= lengthMax) return undefined
  const length = textLength(bytes, start)
  return length > lengthMax
    ? { path, says: `expected at most ${lengthMax} characters of text, not ${length}` }
    : undefined
}

/** Characters of all texts in a value, those of images and files left out. */
export function textLength(bytes: Buffer, at: number): number {
  return new TextCount(bytes).of(at)
}

/** Goes over a value once, however deep its parts stand in one another. */
class TextCount {
  readonly #bytes: Buffer
  #length = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  of(at: number): number {
    this.#walk(at, false)
    return this.#length
  }

  /** Counts what is in the value, and gives where it ends. `isOfTool`: its members are called as a tool likes. */
  #walk(start: number, isOfTool: boolean): number {
    const bytes = this.#bytes
    const kind = kindAt(bytes, start)
    if (kind === 'list') return this.#walkList(start, isOfTool)
    if (kind === 'object') return this.#walkObject(start, isOfTool)
    const end = skipValue(bytes, start)
    if (kind === 'string') this.#length += stringLength(bytes, { start, end })
    return end
  }

  #walkList(start: number, isOfTool: boolean): number {
    const bytes = this.#bytes
    let at = skipSpace(bytes, start + 1)
    while (bytes[at] !== closeBracket && at < bytes.length) {
      at = skipSpace(bytes, this.#walk(at, isOfTool))
      if (bytes[at] === comma) at = skipSpace(bytes, at + 1)
    }
    return at + 1
  }

  #walkObject(start: number, isOfTool: boolean): number {
    const bytes = this.#bytes
    let isText = false
    let data: Span | undefined
    let key = skipSpace(bytes, start + 1)
    while (bytes[key] === quote) {
      const keyEnd = skipString(bytes, key)
      const at = skipSpace(bytes, skipSpace(bytes, keyEnd) + 1)
      const name = shortText(bytes, { start: key, end: keyEnd }) ?? ''
      let end: number
      if (isOfTool) {
        this.#length += stringLength(bytes, { start: key, end: keyEnd })
        end = this.#walk(at, true)
      } else if (marks.has(name) || media.has(name)) {
        end = skipValue(bytes, at)
        const value = { start: at, end }
        if (name === 'type' && shortText(bytes, value) === 'text') isText = true
        if (name === 'data') data = value
      } else {
        end = this.#walk(at, ofTools.has(name) && kindAt(bytes, at) === 'object')
      }
      const next = skipSpace(bytes, end)
      key = bytes[next] === comma ? skipSpace(bytes, next + 1) : next
    }
    // A document in plain text has its text where an image has its bytes.
    if (isText && data !== undefined && kindAt(bytes, data.start) === 'string') {
      this.#length += stringLength(bytes, data)
    }
    return key + 1
  }
}

/** Members that hold arguments and results of tools where these are objects. */
const ofTools: ReadonlySet<string> = new Set(['input', 'args', 'arguments', 'response'])

/** Members that tell what a part is, and are no text for the model. */
const marks: ReadonlySet<string> = new Set([
  'type',
  'role',
  'id',
  'call_id',
  'tool_call_id',
  'tool_use_id',
  'signature',
  'encrypted_content',
  'thoughtSignature',
  'thought_signature',
  'cache_control',
])

/** Members that hold bytes, or where they are. */
const media: ReadonlySet<string> = new Set([
  'image_url',
  'video_url',
  'audio_url',
  'url',
  'data',
  'input_audio',
  'file_data',
  'b64_json',
  'images',
  'inlineData',
  'inline_data',
  'fileData',
])

/** As JavaScript counts them: most characters are one, an emoji is two. */
function stringLength(bytes: Buffer, { start, end }: Span): number {
  const text = bytes.toString('utf8', start + 1, end - 1)
  if (!text.includes('\\')) return text.length
  // An escape is one character: of two letters, or of six.
  return text.replaceAll(escape, ' ').length
}

const escape = /\\(?:u[0-9a-fA-F]{4}|.)/gs

const quote = 0x22
const comma = 0x2c
const closeBracket = 0x5d
