import { asObject, parseJson, type JsonObject } from '#kit/json-value.ts'

/**
 * The parsed text, or undefined where it is no JSON. Numbers that would be written in another way, such as `1.0` or one
 * beyond JavaScript's precision, become values that JSON.stringify writes as they stood; all others are plain numbers. So
 * what is read here has its digits when it is written again, and everything but odd numbers can be looked at.
 */
export function parseExact(text: string): unknown {
  if (!mayLoseDigits(text)) return parseJson(text)
  try {
    return JSON.parse(text, asItStands)
  } catch {
    return undefined
  }
}

/** A fraction, an exponent, a negative zero, or more digits than a double holds; in texts as well, which costs time only. */
export function mayLoseDigits(text: string): boolean {
  return oddNumber.test(text)
}

const oddNumber = /-0|[0-9][.eE]|[0-9]{16}/

function asItStands(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source
  return typeof value === 'number' && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value
}

/** An object of JSON, which a number with its own digits is not. */
export function asExactObject(value: unknown): JsonObject | undefined {
  return JSON.isRawJSON(value) ? undefined : asObject(value)
}

declare global {
  interface JSON {
    isRawJSON(value: unknown): boolean
  }
}
