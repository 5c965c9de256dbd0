import { asObject, asText, type JsonObject } from '#kit/json-value.ts'

/** What a provider would say against a request; undefined when it says nothing. */
export type Complaint = string | undefined

/** The first thing that is wrong, of several looks at a request. */
export function firstOf<Entry>(entries: Iterable<Entry>, look: (entry: Entry, at: number) => Complaint): Complaint {
  let at = 0
  for (const entry of entries) {
    const complaint = look(entry, at)
    if (complaint !== undefined) return complaint
    at += 1
  }
  return undefined
}

/** A list with something in it; undefined for anything else. */
export function filledList(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) && value.length > 0 ? value : undefined
}

/** The first of the object's own names that is not among these. */
export function unknownName(object: JsonObject, known: ReadonlySet<string>): string | undefined {
  return Object.keys(object).find((name) => !known.has(name))
}

/** A field whose value has to be a number within bounds, where it is there at all. */
export function outside(json: JsonObject, name: string, min: number, max: number): boolean {
  const value = json[name]
  return value !== undefined && value !== null && !(typeof value === 'number' && value >= min && value <= max)
}

/** Base64 as JSON carries bytes, of either alphabet. */
export function isBase64(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && /^[A-Za-z0-9+/_-]+={0,2}$/.test(value)
}

/** Ids of calls that nobody answered and answers that nobody asked for. */
export function unanswered(calls: readonly string[], results: readonly string[]): readonly string[] {
  const answered = new Set(results)
  return calls.filter((id) => !answered.has(id))
}

/** A JSON text of an object. */
export function isJsonText(value: unknown): boolean {
  try {
    return typeof value === 'string' && asObject(JSON.parse(value)) !== undefined
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

/** Names of a list of objects, such as tools. */
export function nameOf(value: unknown): string {
  return asText(asObject(value)?.['name']) ?? ''
}

export const namePattern = /^[a-zA-Z0-9_-]{1,64}$/
