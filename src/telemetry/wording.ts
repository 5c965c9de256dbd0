import type { LogFields } from '#ports/log.ts'

/** A sentence with `{field}` placeholders, made ready for filling in. */
export interface Wording {
  readonly pieces: readonly Piece[]
}

/** `before`, then a field or a group that is left out when one of its fields is missing. */
interface Piece {
  readonly before: string
  readonly field: string | undefined
  readonly group: readonly Piece[] | undefined
}

/**
 * Reads `Request finished: backend={backend}< ttft={ttftMs}ms>`: text in angle brackets disappears with its field.
 * Throws when brackets do not match, which the tables' test sees.
 */
export function readWording(text: string): Wording {
  const parts = text.split(/([<>])/)
  const pieces: Piece[] = []
  let group: Piece[] | undefined
  for (const part of parts) {
    if (part === '<' && group === undefined) group = []
    else if (part === '>' && group !== undefined) {
      pieces.push({ before: '', field: undefined, group })
      group = undefined
    } else if (part === '<' || part === '>')
      throw new TypeError(`Cannot read wording "${text}": its brackets do not match`)
    else (group ?? pieces).push(...readPieces(part))
  }
  if (group !== undefined) throw new TypeError(`Cannot read wording "${text}": its brackets do not match`)
  return { pieces }
}

/** The sentence with its fields; a missing field outside of a group shows as `-`. */
export function fillWording(wording: Wording, fields: LogFields): string {
  let text = ''
  for (const { before, field, group } of wording.pieces) {
    text += before
    if (field !== undefined) text += fields[field] ?? '-'
    if (group !== undefined) text += fillGroup(group, fields)
  }
  return text
}

/** Names of the fields that a wording shows, each once, sorted. */
export function fieldsOf(wording: Wording): string[] {
  const names = wording.pieces.flatMap(({ field, group }) => [field, ...(group ?? []).map((piece) => piece.field)])
  return [...new Set(names.filter((name) => name !== undefined))].toSorted()
}

function fillGroup(pieces: readonly Piece[], fields: LogFields): string {
  let text = ''
  for (const { before, field } of pieces) {
    text += before
    if (field === undefined) continue
    const value = fields[field]
    if (value === undefined) return ''
    text += value
  }
  return text
}

function readPieces(text: string): Piece[] {
  const parts = text.split(/\{(\w+)\}/)
  const pieces: Piece[] = []
  for (let index = 0; index < parts.length; index += 2) {
    pieces.push({ before: parts[index] ?? '', field: parts[index + 1], group: undefined })
  }
  return pieces
}
