import { asObject, type JsonObject } from '#kit/json-value.ts'

/** The object that a parsed value is, or the only one in it: Google's errors, for one, come in an array of one at times. */
export function soleObject(value: unknown): JsonObject | undefined {
  return asObject(Array.isArray(value) && value.length === 1 ? value[0] : value)
}
