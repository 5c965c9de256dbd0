import type { JsonObject } from '#kit/json-value.ts'
import { has, typesOf, withChildren, withEntries } from './schema-walk.ts'

/** In the words of JSON Schema 2020-12, whatever was said in those of OpenAPI 3.0, Gemini or draft 4. */
export function normalSchema(schema: JsonObject): JsonObject {
  return withNull(withEntries(withChildren(schema, normalSchema), (key, value) => normalEntry(schema, key, value)))
}

function normalEntry(schema: JsonObject, key: string, value: unknown): readonly (readonly [string, unknown])[] {
  switch (key) {
    case 'type':
      return value === 'TYPE_UNSPECIFIED' ? [] : [[key, Array.isArray(value) ? value.map(lowerType) : lowerType(value)]]
    case 'exclusiveMinimum':
    case 'exclusiveMaximum': {
      if (typeof value !== 'boolean') break
      const limit = schema[key === 'exclusiveMinimum' ? 'minimum' : 'maximum']
      return value && limit !== undefined ? [[key, limit]] : []
    }
    case 'minimum':
    case 'maximum':
      return schema[key === 'minimum' ? 'exclusiveMinimum' : 'exclusiveMaximum'] === true ? [] : [[key, value]]
    case 'anyOf':
    case 'oneOf':
    case 'allOf':
    case 'enum':
      // Empty ones are no JSON Schema, and say nothing.
      return Array.isArray(value) && value.length === 0 ? [] : [[key, value]]
    case 'minItems':
    case 'maxItems':
    case 'minLength':
    case 'maxLength':
    case 'minProperties':
    case 'maxProperties':
      // Protobuf writes 64-bit integers as texts.
      return [[key, typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : value]]
  }
  return [[key, value]]
}

/** Only names of types in capitals: what else stands there is the client's own matter. */
function lowerType(type: unknown): unknown {
  return typeof type === 'string' && upperTypes.has(type) ? type.toLowerCase() : type
}

const upperTypes: ReadonlySet<string> = new Set(['STRING', 'NUMBER', 'INTEGER', 'BOOLEAN', 'ARRAY', 'OBJECT', 'NULL'])

/** `nullable` of OpenAPI, told by types. */
function withNull(schema: JsonObject): JsonObject {
  if (typeof schema['nullable'] !== 'boolean') return schema
  if (!schema['nullable']) return withEntries(schema, (key, value) => (key === 'nullable' ? [] : [[key, value]]))
  const types = typesOf(schema)
  const isByType = types.length > 0
  const union = ['anyOf', 'oneOf'].find((key) => Array.isArray(schema[key]))
  return withEntries(schema, (key, value) => {
    if (key === 'nullable') return []
    if (key === 'type' && isByType) return [[key, types.includes('null') ? value : [...types, 'null']]]
    if (key === union && Array.isArray(value)) return [[key, value.some(isNull) ? value : [...value, { type: 'null' }]]]
    if (key === 'enum' && Array.isArray(value)) return [[key, value.includes(null) ? value : [...value, null]]]
    if (key === '$ref' && !isByType && union === undefined && !has(schema, 'anyOf')) {
      return [['anyOf', [{ $ref: value }, { type: 'null' }]]]
    }
    return [[key, value]]
  })
}

function isNull(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'null'
}
