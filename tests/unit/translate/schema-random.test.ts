import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import { asList, asObject } from '#kit/json-value.ts'
import { Notes } from '#translate/notes.ts'
import { isStrict, schemaFor, wrappedRoot, type SchemaTarget } from '#translate/schema.ts'

const targets: readonly SchemaTarget[] = [
  'openai',
  'openai_strict',
  'anthropic',
  'anthropic_strict',
  'gemini',
  'gemini_subset',
  'converse',
  'ollama',
]

const types = ['string', 'integer', 'number', 'boolean', 'array', 'object', 'null', 'STRING', 'OBJECT']
/** Keywords among them, which must not be taken for such. */
const names = ['a', 'b', 'type', 'not', '$ref', 'items', 'properties', 'enum', 'nullable', '__proto__']
const values = ['', 'a', 'b', 1, 2.5, null, true]

/** Makes schemas of all that appendix A knows, always the same from one seed. */
class SchemaDice {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  root(): JsonObject {
    const own = { type: 'object', ...this.#schema(3), $defs: { A: this.#schema(2), B: this.#schema(1) } }
    return JSON.parse(JSON.stringify(own))
  }

  #schema(depth: number): JsonObject {
    const child = (): unknown => this.#child(depth - 1)
    const keywords: readonly (readonly [string, () => unknown])[] = [
      ['type', () => (this.#below(4) === 0 ? this.#some(() => this.#of(types)) : this.#of(types))],
      ['description', () => this.#of(['', 'Words.'])],
      ['nullable', () => this.#below(2) === 0],
      ['$ref', () => this.#of(['#/$defs/A', '#/$defs/B', '#', '#/nowhere'])],
      ['enum', () => this.#some(() => this.#of(values))],
      ['const', () => this.#of(values)],
      ['default', () => (this.#below(2) === 0 ? this.#of(values) : child())],
      ['properties', () => Object.fromEntries(this.#some(() => [this.#of(names), child()]))],
      ['required', () => this.#some(() => this.#of(names))],
      ['additionalProperties', child],
      ['items', () => (this.#below(4) === 0 ? this.#some(child) : child())],
      ['prefixItems', () => this.#some(child)],
      ['anyOf', () => this.#some(child)],
      ['oneOf', () => this.#some(child)],
      ['allOf', () => this.#some(child)],
      ['not', child],
      ['minimum', () => this.#below(9)],
      ['exclusiveMinimum', () => this.#of([1, 2, true, false])],
      ['minLength', () => this.#of([1, '3'])],
      ['format', () => this.#of(['date-time', 'uri', 'int64'])],
      ['pattern', () => '^a'],
      ['examples', () => this.#some(() => this.#of(values))],
      ['title', () => 'T'],
      ['x-own', () => this.#of(values)],
    ]
    const count = this.#below(5)
    return Object.fromEntries(
      Array.from({ length: count }, (): [string, unknown] => {
        const [key, make] = this.#of(keywords)
        return [key, make()]
      }),
    )
  }

  #child(depth: number): unknown {
    return depth <= 0 || this.#below(3) === 0 ? this.#of([{}, true, false, { type: 'string' }]) : this.#schema(depth)
  }

  #some<T>(make: () => T): readonly T[] {
    return Array.from({ length: this.#below(4) }, make)
  }

  #of<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const one = list[this.#below(list.length)]
    if (one === undefined) throw new Error('Cannot choose: the list is empty')
    return one
  }

  /** Mulberry32. */
  #below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count
  }
}

function forRandomSchemas(check: (schema: JsonObject) => void): void {
  for (let seed = 1; seed <= 1500; seed += 1) check(new SchemaDice(seed).root())
}

describe('schemaFor(), whatever the schema', () => {
  test.each(targets)('once is as much as twice for %s', (target) => {
    forRandomSchemas((from) => {
      const once = schemaFor(from, target, new Notes())
      const twice = schemaFor(once, target, new Notes())
      if (JSON.stringify(twice) !== JSON.stringify(once))
        expect({ from, schema: twice }).toEqual({ from, schema: once })
    })
  })

  test('what comes in is not changed', () => {
    forRandomSchemas((from) => {
      const before = JSON.stringify(from)
      for (const target of targets) schemaFor(from, target, new Notes())
      isStrict(from)
      wrappedRoot(from)
      expect(JSON.stringify(from)).toBe(before)
    })
  })

  test('the subset of Gemini has no keyword that it does not know, at any depth', () => {
    forRandomSchemas((from) => {
      expect(strangersOf(schemaFor(from, 'gemini_subset', new Notes()))).toEqual([])
    })
  })

  test('properties of a plain object keep their names, for every target', () => {
    forRandomSchemas(({ properties = {} }) => {
      for (const target of targets) {
        const adapted = schemaFor({ type: 'object', properties }, target, new Notes())
        expect(Object.keys(asObject(adapted['properties']) ?? {})).toEqual(Object.keys(asObject(properties) ?? {}))
      }
    })
  })
})

const known = new Set(
  (
    'type format title description nullable enum default items minItems maxItems properties required propertyOrdering ' +
    'minProperties maxProperties minLength maxLength pattern minimum maximum anyOf'
  ).split(' '),
)

function strangersOf(from: JsonObject): readonly string[] {
  const children = [from['items'], ...asList(from['anyOf']), ...Object.values(asObject(from['properties']) ?? {})]
  return [
    ...Object.keys(from).filter((key) => !known.has(key)),
    ...children.flatMap((child) => (asObject(child) === undefined ? [] : strangersOf(asObject(child) ?? {}))),
  ]
}
