import { asObject, type JsonObject } from '#kit/json-value.ts'

/**
 * The schema with each schema directly inside it replaced. Where schemas stand is told by their position: a property that is
 * called like a keyword is none, and what an `enum` or a `default` holds is a value. Order of keys is kept.
 */
export function withChildren(schema: JsonObject, change: (child: JsonObject) => unknown): JsonObject {
  let hasChanged = false
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    const changed = changedAt(key, value, change)
    hasChanged ||= changed !== value
    return [key, changed]
  })
  return hasChanged ? Object.fromEntries(entries) : schema
}

function changedAt(key: string, value: unknown, change: (child: JsonObject) => unknown): unknown {
  if (holdsOne.has(key) && !Array.isArray(value)) return changedOne(value, change)
  if (holdsMany.has(key) && Array.isArray(value)) return changedMany(value, change)
  if (holdsByName.has(key)) return changedByName(value, change)
  return value
}

function changedOne(value: unknown, change: (child: JsonObject) => unknown): unknown {
  const child = asObject(value)
  return child === undefined ? value : change(child)
}

function changedMany(values: readonly unknown[], change: (child: JsonObject) => unknown): readonly unknown[] {
  const changed = values.map((value) => changedOne(value, change))
  return changed.some((value, index) => value !== values[index]) ? changed : values
}

function changedByName(value: unknown, change: (child: JsonObject) => unknown): unknown {
  const schemas = asObject(value)
  if (schemas === undefined) return value
  let hasChanged = false
  const entries = Object.entries(schemas).map(([name, schema]): [string, unknown] => {
    const changed = changedOne(schema, change)
    hasChanged ||= changed !== schema
    return [name, changed]
  })
  return hasChanged ? Object.fromEntries(entries) : value
}

/** The schemas directly inside of one. */
export function childrenOf(schema: JsonObject): readonly JsonObject[] {
  const children: JsonObject[] = []
  withChildren(schema, (child) => {
    children.push(child)
    return child
  })
  return children
}

/** The schema with entries changed one by one: another value, other entries in its place, or none. Order is kept. */
export function withEntries(
  schema: JsonObject,
  change: (key: string, value: unknown) => readonly (readonly [string, unknown])[],
): JsonObject {
  return Object.fromEntries(Object.entries(schema).flatMap(([key, value]) => change(key, value)))
}

export function without(schema: JsonObject, ...keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !keys.includes(key)))
}

export function has(schema: JsonObject, key: string): boolean {
  return Object.hasOwn(schema, key)
}

/** The types that it names; none where it does not say. */
export function typesOf(schema: JsonObject): readonly string[] {
  const type = schema['type']
  if (typeof type === 'string') return [type]
  return Array.isArray(type) ? type.filter((name) => typeof name === 'string') : []
}

const holdsOne: ReadonlySet<string> = new Set([
  'items',
  'additionalItems',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'contains',
  'not',
  'if',
  'then',
  'else',
  'propertyNames',
  'contentSchema',
])

/** `items` of older drafts is a list, too. */
const holdsMany: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems', 'items'])

const holdsByName: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependencies',
])
