import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import { isTooDeep, mergedAllOf } from './schema-merge.ts'
import { noteOf, withNotes } from './schema-note.ts'
import { referred, withReferred } from './schema-refs.ts'
import { logic, type SchemaRules } from './schema-rules.ts'
import { withSplitTypes, withNullable } from './schema-types.ts'
import { has, typesOf, withChildren, withEntries, without } from './schema-walk.ts'

/** A schema as a target takes it that knows only a part of JSON Schema. `isRelaxed`: more fits it than did. */
export function narrowed(
  root: JsonObject,
  rules: SchemaRules,
): { readonly schema: JsonObject; readonly isRelaxed: boolean } {
  const narrowing = new Narrowing(root, rules)
  return { schema: narrowing.of(root, []), isRelaxed: narrowing.isRelaxed }
}

class Narrowing {
  isRelaxed = false
  readonly #root: JsonObject
  readonly #rules: SchemaRules
  #count = 0

  constructor(root: JsonObject, rules: SchemaRules) {
    this.#root = root
    this.#rules = rules
  }

  /** `via`: the references that led here. */
  of(schema: JsonObject, via: readonly string[]): JsonObject {
    this.#count += 1
    const ref = schema['$ref']
    if (this.#rules.inlines && typeof ref === 'string') return this.#inlined(schema, ref, via)
    const notes: string[] = []
    const viaAll = [...via]
    let own = this.#merged(schema, viaAll, notes)
    own = this.#listed(own, notes)
    own = this.#withoutNoted(own, notes)
    own = this.#withKnownTypes(own, notes)
    own = this.#withItems(own, notes)
    own = this.#closed(own, notes)
    const { only } = this.#rules
    if (only !== undefined) own = withEntries(own, (key, value) => (only.has(key) ? [[key, value]] : []))
    const children = withChildren(own, (child) => this.of(child, viaAll))
    const done = this.#rules.types === 'nullable' ? withNullable(children) : children
    return withNotes(this.#rules.inlines ? withKnownRequired(done) : done, notes)
  }

  #inlined(schema: JsonObject, ref: string, via: readonly string[]): JsonObject {
    const target = referred(this.#root, ref)
    if (target !== undefined && this.#count <= schemasMax && !isTooDeep(ref, via)) {
      return this.of(withReferred(schema, target), [...via, ref])
    }
    this.isRelaxed = true
    const rest = without(schema, '$ref')
    return this.of(has(rest, 'type') ? rest : { type: 'object', ...rest }, via)
  }

  #merged(schema: JsonObject, via: string[], notes: string[]): JsonObject {
    if (!this.#rules.mergesAllOf || !has(schema, 'allOf')) return schema
    const merged = this.#count <= schemasMax ? mergedAllOf(schema, this.#root, via) : undefined
    if (merged !== undefined) return merged
    const [sole, ...others] = asList(schema['allOf'])
    const ref = others.length === 0 ? asObject(sole)?.['$ref'] : undefined
    return ref !== undefined && !this.#rules.inlines ? { $ref: ref } : this.#taken(schema, 'allOf', notes)
  }

  /** `oneOf` as `anyOf`, `const` as `enum`. */
  #listed(schema: JsonObject, notes: string[]): JsonObject {
    let own = schema
    if (this.#rules.widensOneOf && has(own, 'oneOf')) {
      own = has(own, 'anyOf')
        ? this.#taken(own, 'oneOf', notes)
        : withEntries(own, (key, value) => [[key === 'oneOf' ? 'anyOf' : key, value]])
    }
    if (this.#rules.listsConst && has(own, 'const')) {
      own = has(own, 'enum')
        ? withEntries(without(own, 'const'), (key, value) => [[key, key === 'enum' ? [schema['const']] : value]])
        : withEntries(own, (key, value) => (key === 'const' ? [['enum', [value]]] : [[key, value]]))
    }
    return own
  }

  #withoutNoted(schema: JsonObject, notes: string[]): JsonObject {
    const { noted, dropped, formats } = this.#rules
    return withEntries(schema, (key, value) => {
      if (dropped.has(key)) return []
      const isKnown = !noted.has(key) && (key !== 'format' || formats === undefined || formats.has(String(value)))
      if (isKnown) return [[key, value]]
      this.#note(key, value, notes)
      return []
    })
  }

  #withKnownTypes(schema: JsonObject, notes: string[]): JsonObject {
    const { types, textEnumsOnly } = this.#rules
    const own = types === 'list' ? schema : withSplitTypes(schema, types, (key, value) => this.#note(key, value, notes))
    return textEnumsOnly && has(own, 'enum') ? this.#withTextEnum(own, notes) : own
  }

  #withTextEnum(schema: JsonObject, notes: string[]): JsonObject {
    const values = asList(schema['enum'])
    const types = typesOf(schema)
    const texts = values.filter((value) => value !== null && value !== '')
    const isText = types.includes('string') || (types.length === 0 && texts.every((value) => typeof value === 'string'))
    if (!isText || texts.length === 0) return this.#taken(schema, 'enum', notes)
    const listed = withEntries(schema, (key, value) => [[key, key === 'enum' ? texts.map(asEnumText) : value]])
    if (types.length > 0) return listed
    return { type: 'string', ...(values.includes(null) ? { nullable: true } : {}), ...listed }
  }

  #withItems(schema: JsonObject, notes: string[]): JsonObject {
    const { tuples, missingItems } = this.#rules
    let own = schema
    for (const key of tuples === 'keep' ? [] : ['prefixItems', 'items']) {
      if (!Array.isArray(own[key])) continue
      own = tuples === 'any' ? this.#asListOfAny(own, key) : this.#taken(own, key, notes)
      this.isRelaxed = true
    }
    if (missingItems === undefined || !typesOf(own).includes('array') || asObject(own['items']) !== undefined)
      return own
    if (missingItems.type !== undefined) notes.push('items: of any type')
    return { ...without(own, 'items'), items: missingItems }
  }

  /** A list whose members are each like one of the tuple's. */
  #asListOfAny(schema: JsonObject, key: string): JsonObject {
    const members = [...asList(schema[key]), ...(key === 'items' ? [] : [schema['items']])]
    const distinct = new Map(
      members.filter((member) => asObject(member)).map((member) => [JSON.stringify(member), member]),
    )
    const any = [...distinct.values()]
    const items = any.length > 1 ? { anyOf: any } : any[0]
    return { ...without(schema, 'prefixItems', 'items'), ...(items === undefined ? {} : { items }) }
  }

  #closed(schema: JsonObject, notes: string[]): JsonObject {
    const others = schema['additionalProperties']
    if (this.#rules.only !== undefined) {
      if (isWorthTelling(others)) this.#note('additionalProperties', others, notes)
      return schema
    }
    if (!this.#rules.closes || others === false || !isObjectSchema(schema)) return schema
    if (others === true || isWorthTelling(others)) this.#note('additionalProperties', others, notes)
    return { ...without(schema, 'additionalProperties'), additionalProperties: false }
  }

  #taken(schema: JsonObject, key: string, notes: string[]): JsonObject {
    this.#note(key, schema[key], notes)
    return without(schema, key)
  }

  #note(key: string, value: unknown, notes: string[]): void {
    notes.push(noteOf(key, value))
    if (weakens(key)) this.isRelaxed = true
  }
}

/** Limit: schemas of one that is told without references, which may make it grow. */
const schemasMax = 10_000

/** Limits and formats are told well enough by a description. */
function weakens(key: string): boolean {
  return logic.has(key) || weakening.has(key)
}

const weakening: ReadonlySet<string> = new Set([
  'allOf',
  'oneOf',
  'enum',
  'type',
  'items',
  'prefixItems',
  'additionalProperties',
  'propertyNames',
  'contains',
])

function asEnumText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function isObjectSchema(schema: JsonObject): boolean {
  return typesOf(schema).includes('object') || asObject(schema['properties']) !== undefined
}

function isWorthTelling(schema: unknown): boolean {
  return Object.keys(asObject(schema) ?? {}).length > 0
}

/** What is required must be declared there. */
function withKnownRequired(schema: JsonObject): JsonObject {
  if (!Array.isArray(schema['required'])) return schema
  const properties = asObject(schema['properties']) ?? {}
  const required = schema['required'].filter((name) => typeof name === 'string' && has(properties, name))
  return withEntries(schema, (key, value) => {
    if (key !== 'required') return [[key, value]]
    return required.length === 0 ? [] : [[key, required]]
  })
}
