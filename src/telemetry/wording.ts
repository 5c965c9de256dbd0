import { formatDuration } from '#kit/quantity.ts'
import type { LogFields } from '#ports/log.ts'

/** A sentence with `{field}` placeholders, made ready for filling in. */
export interface Wording {
  readonly pieces: readonly Piece[]
}

/** `before`, then a field or a group that is left out when one of its fields is missing. */
interface Piece {
  readonly before: string
  readonly field: string | undefined
  /** How the field is told; undefined: as it is. */
  readonly form: 'duration' | Plural | undefined
  readonly group: readonly Piece[] | undefined
}

/** A count's unit in both numbers; languages that have one form only do without. */
interface Plural {
  readonly one: string
  readonly many: string
}

/**
 * Reads `Request finished: backend={backend}< ttft={ttftMs}ms>`: text in angle brackets disappears with its field, and
 * with all that stands in brackets inside of it.
 * `{count request|requests}` is a count with its unit, `{forMs as duration}` is told as `30s`.
 * Throws when brackets do not match, which the tables' test sees.
 */
export function readWording(text: string): Wording {
  const parts = text.split(/([<>])/)
  let pieces: Piece[] = []
  const around: Piece[][] = []
  for (const part of parts) {
    if (part === '<') {
      around.push(pieces)
      pieces = []
    } else if (part === '>') {
      const group = pieces
      pieces = around.pop() ?? mismatched(text)
      pieces.push({ before: '', field: undefined, form: undefined, group })
    } else pieces.push(...readPieces(part))
  }
  return around.length === 0 ? { pieces } : mismatched(text)
}

function mismatched(text: string): never {
  throw new TypeError(`Cannot read wording "${text}": its brackets do not match`)
}

/** How the text of a field may be shown. */
export type Show = (name: string, text: string) => string

/** The sentence with its fields; a missing field outside of a group shows as `-`. */
export function fillWording(wording: Wording, fields: LogFields, show: Show = asItIs): string {
  let text = ''
  for (const { before, field, form, group } of wording.pieces) {
    // One joining per piece: each makes an object of its own, and there are two lines per request.
    if (group !== undefined) text = `${text}${before}${fillGroup(group, fields, show)}`
    else if (field === undefined) text += before
    else text = `${text}${before}${told(shown(field, fields[field] ?? '-', show), form)}`
  }
  return text
}

function asItIs(_: string, text: string): string {
  return text
}

function shown(name: string, value: Value, show: Show): Value {
  return typeof value === 'string' ? show(name, value) : value
}

type Value = string | number | boolean

/** Names of the fields that a wording shows, each once, sorted. */
export function fieldsOf(wording: Wording): string[] {
  return [...new Set(namesIn(wording.pieces))].toSorted()
}

function namesIn(pieces: readonly Piece[]): string[] {
  return pieces.flatMap(({ field, group }) => [...(field === undefined ? [] : [field]), ...namesIn(group ?? [])])
}

function fillGroup(pieces: readonly Piece[], fields: LogFields, show: Show): string {
  let text = ''
  for (const { before, field, form, group } of pieces) {
    if (field === undefined) {
      text = group === undefined ? text + before : `${text}${fillGroup(group, fields, show)}`
      continue
    }
    const value = fields[field]
    if (value === undefined) return ''
    text = `${text}${before}${told(shown(field, value, show), form)}`
  }
  return text
}

function told(value: Value, form: Piece['form']): string {
  if (form === undefined) return String(value)
  if (form !== 'duration') return `${value} ${value === 1 ? form.one : form.many}`
  return typeof value === 'number' ? formatDuration(value) : String(value)
}

function readPieces(text: string): Piece[] {
  const parts = text.split(/\{(\w+)(?: (as duration)| ([^{}|]+)\|([^{}|]+))?\}/)
  const pieces: Piece[] = []
  for (let index = 0; index < parts.length; index += 5) {
    const [before = '', field, duration, one, many] = parts.slice(index, index + 5)
    const plural = one === undefined || many === undefined ? undefined : { one, many }
    pieces.push({ before, field, form: duration === undefined ? plural : 'duration', group: undefined })
  }
  return pieces
}
