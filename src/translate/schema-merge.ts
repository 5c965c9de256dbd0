import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import { referred, withReferred } from './schema-refs.ts'
import { has, typesOf, without } from './schema-walk.ts'

/**
 * What fits all of `allOf`, as one schema; undefined where that cannot be told by one. Members of the schema itself come
 * first, and what it says of itself holds. `via`: the references that led here, to which those are added that lead on.
 */
export function mergedAllOf(schema: JsonObject, root: JsonObject, via: string[]): JsonObject | undefined {
  let merged: JsonObject | undefined = without(schema, 'allOf')
  for (const branch of asList(schema['allOf'])) {
    if (branch === true) continue
    const part = asObject(branch)
    const resolved: JsonObject | undefined = part && resolvedPart(part, root, via)
    merged = merged && resolved && intersection(merged, resolved)
    if (merged === undefined) return undefined
  }
  return merged
}

function resolvedPart(schema: JsonObject, root: JsonObject, via: string[]): JsonObject | undefined {
  const ref = schema['$ref']
  if (ref === undefined) return has(schema, 'allOf') ? mergedAllOf(schema, root, via) : schema
  const target = referred(root, ref)
  if (typeof ref !== 'string' || target === undefined || isTooDeep(ref, via)) return undefined
  via.push(ref)
  return resolvedPart(withReferred(schema, target), root, via)
}

/** Limit: how often a schema stands inside of itself where references have to be replaced by what they lead to. */
export function isTooDeep(ref: string, via: readonly string[]): boolean {
  return via.length > 100 || via.filter((other) => other === ref).length >= 3
}

/** What fits both; undefined where that cannot be told by one schema. */
function intersection(left: JsonObject, right: JsonObject): JsonObject | undefined {
  const entries = new Map(Object.entries(left))
  for (const [key, value] of Object.entries(right)) {
    const own = entries.get(key)
    const both = own === undefined || Bun.deepEquals(own, value, true) ? value : bothOf(key, own, value)
    if (both === undefined) return undefined
    entries.set(key, both)
  }
  return Object.fromEntries(entries)
}

function bothOf(key: string, left: unknown, right: unknown): unknown {
  switch (key) {
    case 'description':
    case 'title':
    case 'default':
    case 'examples':
    case '$comment':
      return left
    case 'type':
      return typeOfBoth(typesOf({ type: left }), typesOf({ type: right }))
    case 'required':
      return [...new Set([...asList(left), ...asList(right)])]
    case 'enum': {
      const shared = asList(left).filter((value) => asList(right).some((other) => Bun.deepEquals(other, value, true)))
      return shared.length === 0 ? undefined : shared
    }
    case 'properties':
    case '$defs':
    case 'definitions':
      return ofEachName(asObject(left), asObject(right))
    case 'items':
    case 'additionalProperties':
      return schemaOfBoth(left, right)
    case 'minimum':
    case 'exclusiveMinimum':
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return typeof left === 'number' && typeof right === 'number' ? Math.max(left, right) : undefined
    case 'maximum':
    case 'exclusiveMaximum':
    case 'maxLength':
    case 'maxItems':
    case 'maxProperties':
      return typeof left === 'number' && typeof right === 'number' ? Math.min(left, right) : undefined
    default:
      return undefined
  }
}

function typeOfBoth(left: readonly string[], right: readonly string[]): unknown {
  const shared = left.flatMap((type) => {
    if (right.includes(type)) return [type]
    if (type === 'number' && right.includes('integer')) return ['integer']
    return type === 'integer' && right.includes('number') ? ['integer'] : []
  })
  return shared.length > 1 ? shared : shared[0]
}

function ofEachName(left: JsonObject | undefined, right: JsonObject | undefined): JsonObject | undefined {
  if (left === undefined || right === undefined) return undefined
  const entries = new Map(Object.entries(left))
  for (const [name, value] of Object.entries(right)) {
    const both = entries.has(name) ? schemaOfBoth(entries.get(name), value) : value
    if (both === undefined) return undefined
    entries.set(name, both)
  }
  return Object.fromEntries(entries)
}

function schemaOfBoth(left: unknown, right: unknown): unknown {
  if (left === false || right === false) return false
  if (left === true) return right
  if (right === true) return left
  const one = asObject(left)
  const other = asObject(right)
  return one && other && intersection(one, other)
}
