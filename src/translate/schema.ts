import { asObject, type JsonObject } from '#kit/json-value.ts'
import type { Notes } from './notes.ts'
import { narrowed } from './schema-narrow.ts'
import { normalSchema } from './schema-normal.ts'
import { inlined, isRecursive, withDefs, withOwnRoot, withRefs } from './schema-refs.ts'
import { flatRoot, objectRoot } from './schema-root.ts'
import { schemaRules } from './schema-rules.ts'
import { SchemaShelf } from './schema-shelf.ts'
import { hasUnion, isStrictInside } from './schema-strict.ts'
import { typesOf, without } from './schema-walk.ts'

/** Columns of formats, appendix A. */
export type SchemaTarget =
  | 'openai'
  | 'openai_strict'
  | 'anthropic'
  | 'anthropic_strict'
  | 'gemini'
  | 'gemini_subset'
  | 'converse'
  | 'ollama'

/** The schema as a target takes it; the same schema gives the same bytes. What is taken out is told in a description. */
export function schemaFor(schema: JsonObject, target: SchemaTarget, notes: Notes): JsonObject {
  const text = JSON.stringify(schema)
  let adapted = shelf.get(target, text)
  if (adapted === undefined) {
    adapted = adaptedTo(target, withOwnRoot(normalSchema(schema)))
    shelf.put(target, text, adapted)
  }
  if (adapted.isRelaxed) notes.weaken('adapted:schema_relaxed', '', 'the schema cannot be told without loss')
  return adapted.schema
}

/** Clients send the same tools with each request. */
const shelf = new SchemaShelf()

interface Adapted {
  readonly schema: JsonObject
  readonly isRelaxed: boolean
}

function adaptedTo(target: SchemaTarget, schema: JsonObject): Adapted {
  switch (target) {
    case 'openai':
    case 'converse':
      return { schema: objectRoot(schema), isRelaxed: false }
    case 'anthropic':
      return flatRoot(objectRoot(schema))
    case 'ollama':
      return { schema: objectRoot(withoutRefs(schema)), isRelaxed: false }
    case 'openai_strict':
    case 'anthropic_strict': {
      const { schema: narrow, isRelaxed } = narrowed(objectRoot(schema), schemaRules[target])
      return { schema: objectRoot(narrow), isRelaxed }
    }
    case 'gemini':
      return narrowed(withDefs(schema), schemaRules[target])
    case 'gemini_subset':
      return narrowed(schema, schemaRules[target])
  }
}

/** For those who look up no references; what stands inside of itself cannot be told without. */
function withoutRefs(schema: JsonObject): JsonObject {
  return isRecursive(schema) ? schema : inlined(schema)
}

/** Every object is closed and all of its properties are required: OpenAI takes it as `strict`. */
export function isStrict(schema: JsonObject): boolean {
  const own = withOwnRoot(normalSchema(schema))
  return typesOf(own)[0] === 'object' && !hasUnion(own) && isStrictInside(own)
}

/** A root that is no object is put into `{"value": …}`, which the answer is taken out of again. */
export function wrappedRoot(schema: JsonObject): { readonly schema: JsonObject; readonly isWrapped: boolean } {
  const own = withOwnRoot(normalSchema(schema))
  const isObject = own['type'] === 'object' || (own['type'] === undefined && asObject(own['properties']) !== undefined)
  if (isObject && !hasUnion(own)) return { schema, isWrapped: false }
  return { schema: wrapped(schema), isWrapped: true }
}

/** Definitions stay at the root, where references look for them; others follow the schema. */
function wrapped(schema: JsonObject): JsonObject {
  const moved = withRefs(schema, (ref) => {
    if (/^#\/(?:\$defs|definitions)\//.test(ref)) return ref
    return ref === '#' ? '#/properties/value' : `#/properties/value${ref.slice(1)}`
  })
  const { $defs, definitions } = moved
  return {
    type: 'object',
    properties: { value: without(moved, '$defs', 'definitions', '$schema') },
    required: ['value'],
    additionalProperties: false,
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
  }
}
