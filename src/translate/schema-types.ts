import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import { has, typesOf, withEntries, without } from './schema-walk.ts'

/**
 * A schema of several types, for targets that know only one: as `anyOf` of them, each with the keywords that are its own; or,
 * where `null` is the other one, as `nullable`. `note`: what cannot be said beside an `anyOf` that is there already.
 */
export function withSplitTypes(
  schema: JsonObject,
  way: 'any' | 'nullable',
  note: (key: string, value: unknown) => void,
): JsonObject {
  if (!Array.isArray(schema['type'])) return schema
  const types = [...new Set(typesOf(schema))]
  const values = types.filter((type) => type !== 'null')
  if (types.length < 2) return withType(schema, types[0])
  if (way === 'nullable' && values.length === 1) return withType(schema, values[0], true)
  if (Array.isArray(schema['anyOf'])) {
    note('type', types)
    return without(schema, 'type')
  }
  return split(schema, types)
}

function withType(schema: JsonObject, type: string | undefined, isNullable = false): JsonObject {
  return withEntries(schema, (key, value) => {
    if (key !== 'type') return [[key, value]]
    const known: [string, unknown][] = type === undefined ? [] : [[key, type]]
    return isNullable ? [...known, ['nullable', true]] : known
  })
}

function split(schema: JsonObject, types: readonly string[]): JsonObject {
  const branches = types.map((type): JsonObject => {
    const own = Object.entries(schema).flatMap(([key, value]) => ofType(type, key, value))
    return Object.fromEntries([['type', type], ...own])
  })
  const fitting = branches.filter((branch) => asList(branch['enum'] ?? [true]).length > 0)
  // Of values that are of none of its types nothing can be said by types.
  if (fitting.length === 0) return without(schema, 'type')
  return withEntries(schema, (key, value) => {
    if (key === 'type') return [['anyOf', fitting]]
    return keywordTypes.has(key) || key === 'enum' || key === 'const' ? [] : [[key, value]]
  })
}

function ofType(type: string, key: string, value: unknown): readonly [string, unknown][] {
  if (key === 'enum' || key === 'const') {
    const own = (key === 'enum' ? asList(value) : [value]).filter((one) => isOf(type, one))
    if (own.length === 0) return [['enum', own]]
    return type === 'null' ? [] : [[key, key === 'enum' ? own : value]]
  }
  return keywordTypes.get(key)?.includes(type) === true ? [[key, value]] : []
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return asObject(value) !== undefined
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}

/** `null` among others is told by `nullable`, and a lone other one needs no list then. */
export function withNullable(schema: JsonObject): JsonObject {
  const branches = schema['anyOf']
  if (!Array.isArray(branches)) return schema
  const values = branches.filter((branch) => asObject(branch)?.['type'] !== 'null')
  if (values.length === branches.length || values.length === 0) return schema
  const [first] = values
  const alone = values.length === 1 ? asObject(first) : undefined
  if (alone === undefined) {
    return withEntries(schema, (key, value) => {
      if (key === 'nullable') return []
      return key === 'anyOf'
        ? [
            [key, values],
            ['nullable', true],
          ]
        : [[key, value]]
    })
  }
  const outer = without(schema, 'anyOf', 'type', 'nullable')
  const description = [outer['description'], alone['description']].filter((text) => typeof text === 'string').join(' ')
  const own = Object.entries(alone).filter(([key]) => key !== 'nullable' && !has(outer, key))
  const last = ['type', 'anyOf'].find((key) => has(alone, key))
  const told = own.flatMap((entry): [string, unknown][] => (entry[0] === last ? [entry, ['nullable', true]] : [entry]))
  return withEntries(without(schema, 'type', 'nullable'), (key, value) => {
    if (key === 'description') return [[key, description]]
    return key === 'anyOf' ? told : [[key, value]]
  })
}

const ofObjects = ['object']
const ofArrays = ['array']
const ofTexts = ['string']
const ofNumbers = ['number', 'integer']

const keywordTypes: ReadonlyMap<string, readonly string[]> = new Map([
  ['properties', ofObjects],
  ['required', ofObjects],
  ['additionalProperties', ofObjects],
  ['propertyOrdering', ofObjects],
  ['minProperties', ofObjects],
  ['maxProperties', ofObjects],
  ['items', ofArrays],
  ['prefixItems', ofArrays],
  ['minItems', ofArrays],
  ['maxItems', ofArrays],
  ['uniqueItems', ofArrays],
  ['minLength', ofTexts],
  ['maxLength', ofTexts],
  ['pattern', ofTexts],
  ['format', ofTexts],
  ['minimum', ofNumbers],
  ['maximum', ofNumbers],
  ['exclusiveMinimum', ofNumbers],
  ['exclusiveMaximum', ofNumbers],
  ['multipleOf', ofNumbers],
])
