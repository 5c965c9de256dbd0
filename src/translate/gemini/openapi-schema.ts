import { asList, asObject } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'

/**
 * The subset of OpenAPI that Gemini's `parameters` and `responseSchema` are written in → JSON Schema: types in small
 * letters, `nullable` as a type, limits as numbers. Walked by position, so that a property may be called like a keyword.
 */
export function jsonSchemaOf(schema: unknown): JsonObject {
  return converted(asObject(schema) ?? {}, 0)
}

/** Limit: deeper schemas lose what is below. */
const depthMax = 64

function converted(schema: JsonObject, depth: number): JsonObject {
  const isNullable = schema['nullable'] === true
  const members: [string, unknown][] = []
  for (const [key, value] of Object.entries(schema)) {
    const member = convertedMember(key, value, isNullable, depth)
    if (member !== undefined) members.push(member)
  }
  if (isNullable && schema['type'] === undefined && schema['anyOf'] === undefined && schema['any_of'] === undefined) {
    return { anyOf: [Object.fromEntries(members), { type: 'null' }] }
  }
  return Object.fromEntries(members)
}

function convertedMember(
  key: string,
  value: unknown,
  isNullable: boolean,
  depth: number,
): [string, unknown] | undefined {
  const name = spelled(key)
  switch (name) {
    case 'type':
      return typeOf(value, isNullable)
    case 'nullable':
    case 'propertyOrdering':
      return undefined
    // `enum` is no format of JSON Schema.
    case 'format':
      return value === 'enum' ? undefined : [name, value]
    case 'example':
      return ['examples', [value]]
    case 'enum':
      return [name, isNullable && Array.isArray(value) && !value.includes(null) ? [...asList(value), null] : value]
    case 'properties':
    case '$defs':
    case 'definitions':
      return [name, convertedMap(value, depth)]
    case 'items':
    case 'additionalProperties':
    case 'not':
      return [name, typeof value === 'boolean' ? value : below(value, depth)]
    case 'anyOf':
      return [name, convertedAlternatives(value, isNullable, depth)]
    case 'oneOf':
    case 'allOf':
    case 'prefixItems':
      return [name, asList(value).map((each) => below(each, depth))]
    default:
      return [name, limits.has(name) && typeof value === 'string' ? Number(value) : value]
  }
}

/** Of 64 bits in Protobuf, and so written as text. */
const limits: ReadonlySet<string> = new Set([
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minProperties',
  'maxProperties',
])

const spellings: ReadonlyMap<string, string> = new Map([
  ['any_of', 'anyOf'],
  ['one_of', 'oneOf'],
  ['all_of', 'allOf'],
  ['prefix_items', 'prefixItems'],
  ['additional_properties', 'additionalProperties'],
  ['property_ordering', 'propertyOrdering'],
  ['min_items', 'minItems'],
  ['max_items', 'maxItems'],
  ['min_length', 'minLength'],
  ['max_length', 'maxLength'],
  ['min_properties', 'minProperties'],
  ['max_properties', 'maxProperties'],
])

function spelled(key: string): string {
  return spellings.get(key) ?? key
}

function typeOf(value: unknown, isNullable: boolean): [string, unknown] | undefined {
  if (Array.isArray(value)) return ['type', value.map(lowerCase)]
  const type = lowerCase(value)
  if (type === 'type_unspecified') return undefined
  return ['type', isNullable && type !== 'null' ? [type, 'null'] : type]
}

function lowerCase(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value
}

function convertedMap(value: unknown, depth: number): JsonObject {
  return Object.fromEntries(Object.entries(asObject(value) ?? {}).map(([name, each]) => [name, below(each, depth)]))
}

function convertedAlternatives(value: unknown, isNullable: boolean, depth: number): unknown[] {
  const alternatives = asList(value).map((each) => below(each, depth))
  return isNullable ? [...alternatives, { type: 'null' }] : alternatives
}

function below(value: unknown, depth: number): JsonObject | boolean {
  if (typeof value === 'boolean') return value
  return depth >= depthMax ? {} : converted(asObject(value) ?? {}, depth + 1)
}
