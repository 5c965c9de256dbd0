import type { JsonObject } from '#kit/json-value.ts'

/** A member by its name or, as Protobuf's JSON allows, by the same name in snake_case; `null` counts as missing. */
export function member(object: JsonObject, name: string): unknown {
  return object[name] ?? object[snakeCase(name)] ?? undefined
}

/** The one of `names` that is meant by a key, however it is spelled. */
export function namesIn(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.flatMap((name) => [name, snakeCase(name)]))
}

/** Whole numbers of 64 bits come as text. */
export function numberIn(object: JsonObject, name: string): number | undefined {
  const value = member(object, name)
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !/^-?\d+(?:\.\d+)?$/.test(value)) return undefined
  return Number(value)
}

export function textIn(object: JsonObject, name: string): string | undefined {
  const value = member(object, name)
  return typeof value === 'string' ? value : undefined
}

export function flagIn(object: JsonObject, name: string): boolean | undefined {
  const value = member(object, name)
  return typeof value === 'boolean' ? value : undefined
}

export function objectIn(object: JsonObject, name: string): JsonObject | undefined {
  const value = member(object, name)
  return isObject(value) ? value : undefined
}

/** The elements of a list; of one that stands there alone, that one. */
export function listIn(object: JsonObject, name: string): readonly unknown[] {
  const value = member(object, name)
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

/** Those of a list that are objects. */
export function objectsOf(list: unknown): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : []
}

/** A word of an enumeration, which may be in any case. */
export function wordIn(object: JsonObject, name: string): string | undefined {
  return textIn(object, name)?.toUpperCase()
}

/** Those members whose value is there, so that nothing is written that was not said. */
export function told(members: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

const snakeNames = new Map<string, string>()

/** Of names that stand in this folder's code, so that there are few. */
function snakeCase(name: string): string {
  const known = snakeNames.get(name)
  if (known !== undefined) return known
  const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  snakeNames.set(name, snake)
  return snake
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
