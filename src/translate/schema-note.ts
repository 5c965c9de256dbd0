import type { JsonObject } from '#kit/json-value.ts'
import { has } from './schema-walk.ts'

/** What was taken out of one schema, told in its description for the model to see. */
export function withNotes(schema: JsonObject, notes: readonly string[]): JsonObject {
  if (notes.length === 0) return schema
  const told = notes.map((note) => `(constraint: ${note})`).join(' ')
  const own = schema['description']
  const description = typeof own === 'string' && own !== '' ? `${own} ${told}` : told
  if (!has(schema, 'description')) return { ...schema, description }
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, key === 'description' ? description : value]),
  )
}

/** `minLength: 3`. */
export function noteOf(key: string, value: unknown): string {
  const text = JSON.stringify(value)
  return `${key}: ${text.length > noteMax ? `${text.slice(0, noteMax)}…` : text}`
}

/** Limit: characters of one value that are told. */
const noteMax = 500
