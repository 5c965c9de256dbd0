import type { Span } from '#core/call.ts'
import { elementsAt } from '#wire/json-elements.ts'
import { isTextAt, membersAt } from '#wire/object-members.ts'

/** What kind of value JSON can hold. */
export type Kind = 'string' | 'number' | 'boolean' | 'list' | 'object' | 'null'

/** What a value may be: the kinds that are named, and of them what is asked. */
export interface Shape {
  /** The words that it may be; absent: no text. `anyText`: any. */
  readonly text?: ReadonlySet<string>
  readonly number?: NumberRange
  readonly boolean?: true
  readonly list?: { readonly each: Shape; readonly countMin?: number }
  readonly object?: ObjectShape
  /** By default a member may be null, which means that it is not there. */
  readonly isNeeded?: true
}

export interface NumberRange {
  readonly min?: number
  readonly max?: number
  readonly isWhole?: true
}

export interface ObjectShape {
  readonly members: Readonly<Record<string, Shape>>
  /** What its members say of each other: the one at fault and what it should be. */
  readonly agree?: (object: ObjectReader) => Disagreement | undefined
}

export interface Disagreement {
  readonly member: string
  readonly says: string
}

/** The members of an object, as far as its shape names them. */
export interface ObjectReader {
  /** Is it there, and not null? */
  has(name: string): boolean
  /** Undefined where it is no text. */
  textOf(name: string): string | undefined
}

/** What is wrong with a value, and where: `messages[2].role`. */
export interface ShapeFault {
  readonly path: string
  readonly says: string
}

export const anyText: ReadonlySet<string> = new Set()

/** What is wrong with a value of a text that was found to be JSON. It is not built for that: large texts are passed over. */
export function shapeFault(bytes: Buffer, { start, end }: Span, shape: Shape): ShapeFault | undefined {
  const kind = kindAt(bytes, start)
  switch (kind) {
    case 'null':
      return shape.isNeeded === true ? wrongKind(shape, kind) : undefined
    case 'string':
      return shape.text === undefined ? wrongKind(shape, kind) : wordFault(bytes, { start, end }, shape.text)
    case 'number':
      return shape.number === undefined
        ? wrongKind(shape, kind)
        : numberFault(Number(bytes.toString('latin1', start, end)), shape.number)
    case 'boolean':
      return shape.boolean === undefined ? wrongKind(shape, kind) : undefined
    case 'list':
      return shape.list === undefined ? wrongKind(shape, kind) : listFault(bytes, start, shape.list)
    case 'object':
      return shape.object === undefined ? wrongKind(shape, kind) : objectFault(bytes, start, shape.object)
  }
}

/** By its first byte. */
export function kindAt(bytes: Buffer, at: number): Kind {
  const first = bytes[at]
  if (first === 0x22) return 'string'
  if (first === 0x7b) return 'object'
  if (first === 0x5b) return 'list'
  if (first === 0x6e) return 'null'
  return first === 0x74 || first === 0x66 ? 'boolean' : 'number'
}

/** Limit: bytes of a word that could be one of ours, all its letters escaped. */
const wordBytesMax = 256

/** The text of a short string; undefined where it is long, or no string. */
export function shortText(bytes: Buffer, { start, end }: Span): string | undefined {
  if (bytes[start] !== 0x22 || end - start > wordBytesMax) return undefined
  const text = bytes.toString('utf8', start, end)
  if (!text.includes('\\')) return text.slice(1, -1)
  try {
    return String(JSON.parse(text))
  } catch {
    // What follows a backslash may be wrong: then it is no word of ours.
    return undefined
  }
}

export function memberPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** The path is put together on the way back, so that what is right costs no text. */
function within(outer: string, { path, says }: ShapeFault): ShapeFault {
  return { path: path === '' || path.startsWith('[') ? outer + path : `${outer}.${path}`, says }
}

function wordFault(bytes: Buffer, span: Span, allowed: ReadonlySet<string>): ShapeFault | undefined {
  if (allowed === anyText) return undefined
  for (const word of allowed) if (isTextAt(bytes, span.start + 1, span.end - 1, word)) return undefined
  // Or with something escaped in it.
  const word = shortText(bytes, span)
  if (word !== undefined && allowed.has(word)) return undefined
  return { path: '', says: `expected ${oneOf(Array.from(allowed, (each) => `"${each}"`))}` }
}

function numberFault(value: number, { min, max, isWhole }: NumberRange): ShapeFault | undefined {
  const isInRange = (min === undefined || value >= min) && (max === undefined || value <= max)
  if (isInRange && (isWhole !== true || Number.isInteger(value))) return undefined
  const what = isWhole === true ? 'a whole number' : 'a number'
  if (min === undefined && max === undefined) return { path: '', says: `expected ${what}` }
  if (max === undefined) return { path: '', says: `expected ${what} of at least ${min}` }
  return { path: '', says: `expected ${what} from ${min ?? '-∞'} to ${max}` }
}

function listFault(
  bytes: Buffer,
  at: number,
  { each, countMin = 0 }: NonNullable<Shape['list']>,
): ShapeFault | undefined {
  let index = 0
  for (const span of elementsAt(bytes, at)) {
    const fault = shapeFault(bytes, span, each)
    if (fault !== undefined) return within(`[${index}]`, fault)
    index += 1
  }
  return index < countMin ? { path: '', says: 'expected a list that is not empty' } : undefined
}

interface ShapeParts {
  readonly names: ReadonlySet<string>
  readonly members: readonly (readonly [name: string, shape: Shape])[]
}

/** What each shape is made of, taken apart once. */
const partsByShape = new WeakMap<ObjectShape, ShapeParts>()

function partsOf(shape: ObjectShape): ShapeParts {
  let parts = partsByShape.get(shape)
  if (parts === undefined) {
    const members = Object.entries(shape.members)
    parts = { names: new Set(members.map(([name]) => name)), members }
    partsByShape.set(shape, parts)
  }
  return parts
}

function objectFault(bytes: Buffer, at: number, shape: ObjectShape): ShapeFault | undefined {
  const { names, members } = partsOf(shape)
  const { spans, ambiguous } = membersAt(bytes, at, names)
  if (ambiguous !== undefined) return { path: ambiguous, says: ambiguity }
  for (const [name, member] of members) {
    const span = spans.get(name)
    if (span === undefined) {
      if (member.isNeeded === true) return { path: name, says: `it is missing, ${expected(member)}` }
      continue
    }
    const fault = shapeFault(bytes, span, member)
    if (fault !== undefined) return within(name, fault)
  }
  const disagreement = shape.agree?.({
    has: (name) => isThere(bytes, spans.get(name)),
    textOf: (name) => textAt(bytes, spans.get(name)),
  })
  return disagreement && { path: disagreement.member, says: disagreement.says }
}

export const ambiguity = 'it can be read in two ways, write it once and in these letters'

function isThere(bytes: Buffer, span: Span | undefined): boolean {
  return span !== undefined && kindAt(bytes, span.start) !== 'null'
}

function textAt(bytes: Buffer, span: Span | undefined): string | undefined {
  return span === undefined ? undefined : shortText(bytes, span)
}

function wrongKind(shape: Shape, kind: Kind): ShapeFault {
  return { path: '', says: `${expected(shape)}, not ${withArticle[kind]}` }
}

function expected({ text, number, boolean, list, object }: Shape): string {
  const kinds: string[] = []
  if (text !== undefined) kinds.push(withArticle.string)
  if (number !== undefined) kinds.push(withArticle.number)
  if (boolean !== undefined) kinds.push('true or false')
  if (list !== undefined) kinds.push(withArticle.list)
  if (object !== undefined) kinds.push(withArticle.object)
  return `expected ${oneOf(kinds)}`
}

const withArticle: Readonly<Record<Kind, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'a boolean',
  list: 'an array',
  object: 'an object',
  null: 'null',
}

function oneOf(choices: readonly string[]): string {
  const last = choices.at(-1) ?? 'nothing'
  return choices.length < 2 ? last : `${choices.slice(0, -1).join(', ')} or ${last}`
}
