import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import { mergedAllOf } from './schema-merge.ts'
import { noteOf, withNotes } from './schema-note.ts'
import { referred, withReferred } from './schema-refs.ts'
import { has, typesOf, withEntries, without } from './schema-walk.ts'

/** Says at its root that it is an object, and of what, where nothing else is said: most APIs look for both there. */
export function objectRoot(schema: JsonObject): JsonObject {
  const types = typesOf(schema)
  const isUntyped = types.length === 0 && (has(schema, 'properties') || !isOfOther(schema))
  const typed = isUntyped ? { type: 'object', ...without(schema, 'type') } : schema
  if (typed['type'] !== 'object' || has(typed, 'properties') || unions.some((key) => has(typed, key))) return typed
  if (has(typed, '$ref')) return typed
  return withEntries(typed, (key, value) =>
    key === 'type'
      ? [
          [key, value],
          ['properties', {}],
        ]
      : [[key, value]],
  )
}

const unions = ['anyOf', 'oneOf', 'allOf']

function isOfOther(schema: JsonObject): boolean {
  return ['$ref', 'enum', 'const', 'items', ...unions].some((key) => has(schema, key))
}

/**
 * Without `anyOf`, `oneOf` and `allOf` at the root of what a tool takes, which Anthropic refuses: with the properties of all
 * branches, of which those are required that all of them require.
 */
export function flatRoot(root: JsonObject): { readonly schema: JsonObject; readonly isRelaxed: boolean } {
  let schema = root
  const notes: string[] = []
  if (has(schema, 'allOf')) {
    const merged = mergedAllOf(schema, root, [])
    if (merged === undefined) notes.push(noteOf('allOf', schema['allOf']))
    schema = merged ?? without(schema, 'allOf')
  }
  for (const key of ['anyOf', 'oneOf']) {
    const branches = asList(schema[key]).flatMap((branch): readonly JsonObject[] => {
      const own = asObject(branch)
      return own === undefined ? [] : [own]
    })
    if (!has(schema, key)) continue
    notes.push(noteOf(key, schema[key]))
    schema = withBranches(
      without(schema, key),
      branches.map((branch) => resolved(branch, root)),
    )
  }
  if (schema !== root) schema = objectRoot(schema)
  return { schema: withNotes(schema, notes), isRelaxed: notes.length > 0 }
}

function resolved(branch: JsonObject, root: JsonObject): JsonObject {
  const target = referred(root, branch['$ref'])
  return target === undefined ? branch : withReferred(branch, target)
}

function withBranches(schema: JsonObject, branches: readonly JsonObject[]): JsonObject {
  const properties = new Map(Object.entries(asObject(schema['properties']) ?? {}))
  const own = new Set(properties.keys())
  for (const branch of branches) {
    for (const [name, property] of Object.entries(asObject(branch['properties']) ?? {})) {
      if (!own.has(name)) properties.set(name, eitherOf(properties.get(name), property))
    }
  }
  const [first = [], ...others] = branches.map((branch) => asList(branch['required']))
  const shared = first.filter((name) => others.every((names) => names.includes(name)))
  const required = [...new Set([...asList(schema['required']), ...shared])]
  const isClosed = branches.length > 0 && branches.every((branch) => branch['additionalProperties'] === false)
  return {
    type: 'object',
    ...without(schema, 'type', 'properties', 'required'),
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
    ...(isClosed ? { additionalProperties: false } : {}),
  }
}

function eitherOf(left: unknown, right: unknown): unknown {
  if (left === undefined) return right
  const several = asList(asObject(left)?.['anyOf'])
  const known = several.length > 0 && Object.keys(asObject(left) ?? {}).length === 1 ? several : [left]
  const text = JSON.stringify(right)
  return known.some((one) => JSON.stringify(one) === text) ? left : { anyOf: [...known, right] }
}
