import type { Span } from '#core/call.ts'
import type { Talk } from '#core/talk.ts'
import { asBuffer, concat, encode } from '#kit/bytes.ts'
import { parseExactly } from './event-rewrite.ts'
import { elementsAt } from './json-elements.ts'
import { JsonMembers } from './json-members.ts'

/** What is put in front of a system prompt, and behind it; each with what stands between. */
export interface PromptAddition {
  readonly before: AddedText | undefined
  readonly after: AddedText | undefined
}

export interface AddedText {
  readonly text: string
  /** Stands between it and what the client wrote. */
  readonly separator: string
}

/** Other bytes in the place of a range. */
interface Edit {
  readonly at: Span
  readonly bytes: Uint8Array
}

/** A body with more in its system prompt. */
export interface PromptedBody {
  readonly body: Uint8Array<ArrayBuffer>
  /** Where something of the body stands now; undefined: it has to be looked for. */
  moved(at: Span): Span | undefined
}

/** Where a form has its system prompt. */
type Place = 'messages' | 'system' | 'instructions' | 'system_instruction'

/**
 * The body with this added to its system prompt; every other byte stays. Undefined where the form has no system prompt, or
 * there is nothing that a model could be told; `ambiguous` where nobody can say what it is told.
 */
export function withSystemPrompt(
  body: Uint8Array<ArrayBuffer>,
  talk: Talk,
  path: string,
  addition: PromptAddition,
): PromptedBody | undefined | 'ambiguous' {
  const place = placeOf(talk, path)
  if (place === undefined) return undefined
  const told = edited(body, place, talk, addition)
  if (told !== 'ambiguous') return told
  // A text that can be read in two ways is written in one of them: nobody gets past a prompt by the spelling of a key.
  const plain = plainly(body)
  const rewritten = plain === undefined ? 'ambiguous' : edited(plain, place, talk, addition)
  return typeof rewritten === 'object' ? { body: rewritten.body, moved: () => undefined } : rewritten
}

function placeOf({ form, does }: Talk, path: string): Place | undefined {
  if (does === 'embed') return undefined
  if (form === 'ollama') return path.endsWith('/generate') ? 'system' : 'messages'
  return places.get(form)
}

const places: ReadonlyMap<string, Place> = new Map<string, Place>([
  ['chat', 'messages'],
  ['messages', 'system'],
  ['responses', 'instructions'],
  ['gemini', 'system_instruction'],
])

function plainly(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  try {
    const value = parseExactly(
      asBuffer(body)
        .toString('utf8')
        .replace(/^\ufeff/, ''),
    )
    return value === undefined ? undefined : encode(JSON.stringify(value))
  } catch {
    return undefined
  }
}

const names: Readonly<Record<Place, ReadonlySet<string>>> = {
  messages: new Set(['messages']),
  system: new Set(['system', 'prompt']),
  instructions: new Set(['instructions']),
  system_instruction: new Set([
    'systemInstruction',
    'system_instruction',
    'generateContentRequest',
    'generate_content_request',
  ]),
}

function edited(
  body: Uint8Array<ArrayBuffer>,
  place: Place,
  talk: Talk,
  addition: PromptAddition,
): PromptedBody | undefined | 'ambiguous' {
  const members = JsonMembers.of(body, names[place])
  if (members === undefined) return mayBeObject.has(firstByte(body)) ? 'ambiguous' : undefined
  const bytes = asBuffer(body)
  const edits = editsFor(bytes, members, place, talk, addition)
  if (edits === undefined || edits === 'ambiguous') return edits
  return applied(body, edits)
}

/** Also behind a byte order mark. */
const mayBeObject: ReadonlySet<string> = new Set(['{', '\u00ef'])

function editsFor(
  bytes: Buffer,
  members: JsonMembers,
  place: Place,
  talk: Talk,
  addition: PromptAddition,
): readonly Edit[] | undefined | 'ambiguous' {
  switch (place) {
    case 'messages':
      return messageEdits(bytes, members.spanOf('messages'), addition)
    case 'instructions':
      return textEdits(bytes, members.spanOf('instructions'), 'instructions', addition, developerItem)
    case 'system':
      // Without a prompt a model is loaded, or unloaded.
      if (talk.form === 'ollama' && (members.valueOf('prompt') ?? '') === '') return undefined
      return textEdits(bytes, members.spanOf('system'), 'system', addition, textPart)
    case 'system_instruction':
      return talk.does === 'count'
        ? countedEdits(
            bytes,
            members.spanOf('generateContentRequest') ?? members.spanOf('generate_content_request'),
            addition,
          )
        : instructionEdits(bytes, members, 0, addition)
  }
}

/** Tokens are counted of contents alone, or of a request that stands in the body. */
function countedEdits(
  bytes: Buffer,
  span: Span | undefined,
  addition: PromptAddition,
): readonly Edit[] | undefined | 'ambiguous' {
  if (span === undefined || charAt(bytes, span.start) !== '{') return undefined
  const inner = JsonMembers.of(bytes.subarray(span.start, span.end), names.system_instruction)
  return inner === undefined ? 'ambiguous' : instructionEdits(bytes, inner, span.start, addition)
}

/** `offset`: where the object begins that has these members. */
function instructionEdits(
  bytes: Buffer,
  members: JsonMembers,
  offset: number,
  addition: PromptAddition,
): readonly Edit[] | undefined | 'ambiguous' {
  const own = members.spanOf('systemInstruction')
  const found = own ?? members.spanOf('system_instruction')
  if (own !== undefined && members.spanOf('system_instruction') !== undefined) return 'ambiguous'
  const span = found && shifted(found, offset)
  const whole = { parts: [{ text: sole(addition) }] }
  if (span === undefined) return [inserted(openingBrace(bytes, offset), member('systemInstruction', whole, true))]
  if (charAt(bytes, span.start) !== '{') return valueEdits(bytes, span, addition, geminiPart, whole)
  const content = JsonMembers.of(bytes.subarray(span.start, span.end), partNames)
  if (content === undefined) return 'ambiguous'
  const parts = content.spanOf('parts')
  if (parts !== undefined) return valueEdits(bytes, shifted(parts, span.start), addition, geminiPart, whole.parts)
  const isEmpty = bytes.toString('latin1', span.start + 1, span.end - 1).trim() === ''
  return [inserted(span.start + 1, member('parts', whole.parts, !isEmpty))]
}

const partNames: ReadonlySet<string> = new Set(['parts'])

function geminiPart(text: string): object {
  return { text }
}

function textPart(text: string): object {
  return { type: 'text', text }
}

/** Where instructions are a list, as answers tell them. */
function developerItem(text: string): object {
  return { type: 'message', role: 'developer', content: text }
}

/** Of a member that holds a text or blocks. */
function textEdits(
  bytes: Buffer,
  span: Span | undefined,
  name: string,
  addition: PromptAddition,
  part: (text: string) => object,
): readonly Edit[] {
  if (span === undefined) return [inserted(openingBrace(bytes, 0), member(name, sole(addition), true))]
  return valueEdits(bytes, span, addition, part, sole(addition))
}

/** Of messages: the system's that stand in front of all others, or a new one. */
function messageEdits(
  bytes: Buffer,
  span: Span | undefined,
  addition: PromptAddition,
): readonly Edit[] | undefined | 'ambiguous' {
  if (span === undefined || charAt(bytes, span.start) !== '[') return undefined
  let first: Message | undefined
  let last: Message | undefined
  let isEmpty = true
  for (const at of elementsAt(bytes, span.start)) {
    isEmpty = false
    if (charAt(bytes, at.start) !== '{') break
    const message = JsonMembers.of(bytes.subarray(at.start, at.end), messageNames)
    if (message === undefined) return 'ambiguous'
    const role = message.valueOf('role')
    if (role !== 'system' && role !== 'developer') break
    const content = message.spanOf('content')
    last = { at, content: content && shifted(content, at.start) }
    first ??= last
  }
  if (isEmpty) return undefined
  if (first === undefined || last === undefined) {
    const added = JSON.stringify({ role: 'system', content: sole(addition) })
    return [inserted(span.start + 1, `${added},`)]
  }
  const { before, after } = addition
  if (first === last) return contentEdits(bytes, first, addition)
  return [
    ...(before === undefined ? [] : contentEdits(bytes, first, { before, after: undefined })),
    ...(after === undefined ? [] : contentEdits(bytes, last, { before: undefined, after })),
  ]
}

const messageNames: ReadonlySet<string> = new Set(['role', 'content'])

interface Message {
  readonly at: Span
  readonly content: Span | undefined
}

function contentEdits(bytes: Buffer, { at, content }: Message, addition: PromptAddition): readonly Edit[] {
  if (content === undefined) return [inserted(at.start + 1, member('content', sole(addition), true))]
  return valueEdits(bytes, content, addition, textPart, sole(addition))
}

/**
 * Of a text, or of a list of parts, which keep what they have beside their texts; `whole` in the place of nothing. Anything
 * else becomes one of a list: some take a part alone, others will have something to say about it.
 */
function valueEdits(
  bytes: Buffer,
  span: Span,
  addition: PromptAddition,
  part: (text: string) => object,
  whole: unknown,
): readonly Edit[] {
  const { before, after } = addition
  const { start, end } = span
  const first = charAt(bytes, start)
  const isNothing = first === 'n' || (first === '"' && end - start === 2)
  if (isNothing) return [{ at: span, bytes: encode(JSON.stringify(whole)) }]
  const front = before && before.text + before.separator
  const back = after && after.separator + after.text
  if (first === '"') {
    return [
      ...(front === undefined ? [] : [inserted(start + 1, within(front))]),
      ...(back === undefined ? [] : [inserted(end - 1, within(back))]),
    ]
  }
  const frontPart = front === undefined ? '' : `${JSON.stringify(part(front))},`
  const backPart = back === undefined ? '' : `,${JSON.stringify(part(back))}`
  if (first !== '[') return [inserted(start, `[${frontPart}`), inserted(end, `${backPart}]`)]
  if (elementsAt(bytes, start).next().done === true) {
    return [inserted(start + 1, JSON.stringify(part(sole(addition))))]
  }
  return [
    ...(front === undefined ? [] : [inserted(start + 1, frontPart)]),
    ...(back === undefined ? [] : [inserted(end - 1, backPart)]),
  ]
}

/** All of it, where the client has no system prompt. */
function sole({ before, after }: PromptAddition): string {
  if (before === undefined) return after?.text ?? ''
  return after === undefined ? before.text : before.text + after.separator + after.text
}

/** What stands between the quotes of a JSON string. */
function within(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function member(name: string, value: unknown, hasOthers: boolean): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}${hasOthers ? ',' : ''}`
}

function inserted(at: number, text: string): Edit {
  return { at: { start: at, end: at }, bytes: encode(text) }
}

/** In the order of the text. */
function applied(body: Uint8Array<ArrayBuffer>, edits: readonly Edit[]): PromptedBody | undefined {
  if (edits.length === 0) return undefined
  const pieces: Uint8Array[] = []
  let from = 0
  for (const { at, bytes } of edits) {
    pieces.push(body.subarray(from, at.start), bytes)
    from = at.end
  }
  return {
    body: concat([...pieces, body.subarray(from)]),
    moved: ({ start, end }) => {
      let by = 0
      for (const { at, bytes } of edits) if (at.end <= start) by += bytes.byteLength - (at.end - at.start)
      return { start: start + by, end: end + by }
    },
  }
}

/** Behind the first brace of an object; blanks may stand in front of it. */
function openingBrace(bytes: Buffer, from: number): number {
  return bytes.indexOf(0x7b, from) + 1
}

function shifted({ start, end }: Span, by: number): Span {
  return { start: start + by, end: end + by }
}

function charAt(bytes: Buffer, at: number): string {
  return String.fromCharCode(bytes[at] ?? 0)
}

function firstByte(body: Uint8Array): string {
  return String.fromCharCode(body.find((byte) => byte > 0x20) ?? 0)
}
