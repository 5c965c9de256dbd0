import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import { logic } from './schema-rules.ts'
import { childrenOf, has, typesOf } from './schema-walk.ts'

/** Whether OpenAI takes it, and all inside of it, as `strict` without a change to what fits it. */
export function isStrictInside(schema: JsonObject): boolean {
  return isStrictHere(schema) && childrenOf(schema).every(isStrictInside)
}

function isStrictHere(schema: JsonObject): boolean {
  for (const key of Object.keys(schema)) if (logic.has(key) || refused.has(key)) return false
  const types = typesOf(schema)
  if (types.length === 0 && !says.some((key) => has(schema, key))) return false
  if (types.includes('array') && asObject(schema['items']) === undefined) return false
  const properties = asObject(schema['properties'])
  if (!types.includes('object') && properties === undefined) return true
  const required = new Set(asList(schema['required']))
  return schema['additionalProperties'] === false && Object.keys(properties ?? {}).every((name) => required.has(name))
}

const refused: ReadonlySet<string> = new Set(['allOf', 'prefixItems', 'additionalItems', 'propertyNames', 'contains'])

/** Without any of these, and without a type, it fits everything. */
const says = ['anyOf', 'oneOf', '$ref', 'enum', 'const']

export function hasUnion(schema: JsonObject): boolean {
  return has(schema, 'anyOf') || has(schema, 'oneOf')
}
