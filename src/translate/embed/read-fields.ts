import { asText, type JsonObject } from '#kit/json-value.ts'
import type { Notes } from '#translate/notes.ts'
import { wholeOf } from './vector.ts'

/** A text, or a list of them. Tokens mean nothing to any model but the one that they were made for. */
export function readTexts(body: JsonObject, field: string, notes: Notes): readonly string[] {
  const value = body[field]
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) {
    notes.reject(field, 'it must be a text or a list of texts')
    return []
  }
  const list: readonly unknown[] = value
  if (list.length > 0 && list.every((each) => typeof each === 'number')) {
    notes.reject(field, tokensRefused)
    return []
  }
  return list.map((each, index) => {
    const text = asText(each)
    if (text === undefined)
      notes.reject(`${field}[${index}]`, Array.isArray(each) ? tokensRefused : 'it must be a text')
    return text ?? ''
  })
}

const tokensRefused = 'input as tokens is not supported, send it as text'

export function readDimensions(body: JsonObject, field: string, notes: Notes): number | undefined {
  const value = body[field]
  if (value === undefined || value === null) return undefined
  const dimensions = wholeOf(value)
  if (dimensions === undefined) notes.reject(field, 'it must be a whole number above 0')
  return dimensions
}

export function flagOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

export function tellUnknown(body: JsonObject, known: ReadonlySet<string>, notes: Notes): void {
  for (const name of Object.keys(body)) {
    if (!known.has(name) && body[name] !== null) notes.drop('dropped:unknown_field', name)
  }
}
