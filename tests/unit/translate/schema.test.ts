import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
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

/** What becomes of the schema of one property, with the codes that were noted. */
function adapted(
  property: JsonObject,
  target: SchemaTarget,
  more: JsonObject = {},
): readonly [unknown, readonly string[]] {
  const notes = new Notes()
  const schema: JsonObject = { type: 'object', properties: { p: property }, additionalProperties: false, ...more }
  const { properties } = schemaFor(schema, target, notes)
  return [
    typeof properties === 'object' && properties !== null && 'p' in properties ? properties.p : undefined,
    notes.codes,
  ]
}

const relaxed = ['adapted:schema_relaxed']
describe('schemaFor() (appendix A)', () => {
  test.each([
    { name: 'types in capitals', from: { type: 'STRING' }, to: { type: 'string' } },
    { name: 'a type that is none', from: { type: 'TYPE_UNSPECIFIED', title: 't' }, to: { title: 't' } },
    {
      name: 'nullable',
      from: { type: 'STRING', nullable: true, enum: ['a'] },
      to: { type: ['string', 'null'], enum: ['a', null] },
    },
    { name: 'nullable that is false', from: { type: 'string', nullable: false }, to: { type: 'string' } },
    {
      name: 'nullable beside a $ref',
      from: { $ref: '#/$defs/a', nullable: true },
      to: { anyOf: [{ $ref: '#/$defs/a' }, { type: 'null' }] },
    },
    {
      name: 'nullable beside anyOf',
      from: { anyOf: [{ type: 'string' }], nullable: true },
      to: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    },
    {
      name: 'limits of draft 4',
      from: { minimum: 1, exclusiveMinimum: true, maximum: 3, exclusiveMaximum: false },
      to: { exclusiveMinimum: 1, maximum: 3 },
    },
    {
      name: 'limits as texts of protobuf',
      from: { type: 'ARRAY', items: { type: 'STRING' }, maxItems: '3' },
      to: { type: 'array', items: { type: 'string' }, maxItems: 3 },
    },
  ])('$name are told in the words of JSON Schema', ({ from, to }) => {
    for (const target of ['openai', 'anthropic', 'converse'] as const) expect(adapted(from, target)[0]).toEqual(to)
  })

  const node: JsonObject = { type: 'object', properties: { v: { type: 'integer' }, next: { $ref: '#/$defs/Node' } } }
  test('a reference is kept where it is understood', () => {
    for (const target of ['openai', 'openai_strict', 'anthropic', 'gemini', 'converse', 'ollama'] as const) {
      expect(adapted({ $ref: '#/$defs/Node' }, target, { $defs: { Node: node } })).toEqual([
        { $ref: '#/$defs/Node' },
        [],
      ])
    }
  })

  test('elsewhere what it leads to stands in its place, three times in itself at most', () => {
    const last = { type: 'object' }
    const level = (next: JsonObject): JsonObject => ({ type: 'object', properties: { v: { type: 'integer' }, next } })
    expect(adapted({ $ref: '#/$defs/Node' }, 'gemini_subset', { $defs: { Node: node } })).toEqual([
      level(level(level(last))),
      relaxed,
    ])
  })

  test('what stands beside a reference refines it', () => {
    const defs = { $defs: { 'a/b c': { type: 'string', description: 'Any.' } } }
    for (const target of ['gemini_subset', 'ollama'] as const) {
      expect(adapted({ description: 'This.', $ref: '#/$defs/a~1b%20c' }, target, defs)).toEqual([
        { type: 'string', description: 'This.' },
        [],
      ])
    }
  })

  test('a reference that leads nowhere is an object of any kind', () => {
    expect(adapted({ $ref: 'https://example.com/x' }, 'gemini_subset')).toEqual([{ type: 'object' }, relaxed])
  })

  test('schemas that grow without end are cut', () => {
    const names = Array.from({ length: 40 }, (_, index) => `p${index}`)
    const all = Object.fromEntries(names.map((name) => [name, { allOf: [{ $ref: '#/$defs/All' }] }]))
    const more = { $defs: { All: { type: 'object', properties: all } } }
    for (const target of targets) {
      const [to] = adapted({ $ref: '#/$defs/All' }, target, more)
      expect(JSON.stringify(to).length).toBeLessThan(2_000_000)
    }
    const laughs = Object.fromEntries(
      names.map((name, index) => [
        name,
        { anyOf: [{ $ref: `#/$defs/p${index + 1}` }, { $ref: `#/$defs/p${index + 1}` }] },
      ]),
    )
    for (const target of targets) {
      const [to] = adapted({ $ref: '#/$defs/p0' }, target, { $defs: { ...laughs, p40: { type: 'string' } } })
      expect(JSON.stringify(to).length).toBeLessThan(2_000_000)
    }
  })

  test('definitions have the newer name for Gemini', () => {
    const from = {
      type: 'object',
      properties: { a: { $ref: '#/definitions/A' } },
      definitions: { A: { type: 'string' } },
    }
    expect(schemaFor(from, 'gemini', new Notes())).toEqual({
      type: 'object',
      properties: { a: { $ref: '#/$defs/A' } },
      $defs: { A: { type: 'string' } },
    })
  })

  test('a root that is nothing but a reference is what it leads to', () => {
    const from = {
      $ref: '#/$defs/A',
      $defs: { A: { type: 'object', properties: { a: { $ref: '#/$defs/B' } } }, B: { type: 'string' } },
    }
    expect(schemaFor(from, 'openai', new Notes())).toEqual({
      type: 'object',
      properties: { a: { $ref: '#/$defs/B' } },
      $defs: from.$defs,
    })
  })

  test.each([
    { name: 'nothing', from: {}, to: { type: 'object', properties: {} } },
    { name: 'an object of anything', from: { type: 'object' }, to: { type: 'object', properties: {} } },
    { name: 'properties alone', from: { properties: { a: {} } }, to: { type: 'object', properties: { a: {} } } },
  ])('a root that says $name says what it is', ({ from, to }) => {
    for (const target of ['openai', 'anthropic', 'converse'] as const) {
      expect(JSON.stringify(schemaFor(from, target, new Notes()))).toBe(JSON.stringify(to))
    }
  })

  test('a root of several shapes is one shape for Anthropic, which takes no other', () => {
    const one = { type: 'object', properties: { kind: { const: 'a' }, x: { type: 'string' } }, required: ['kind', 'x'] }
    const two = { type: 'object', properties: { kind: { const: 'b' } }, required: ['kind'] }
    const notes = new Notes()
    const schema = schemaFor({ anyOf: [one, two] }, 'anthropic', notes)
    expect(schema).toMatchObject({
      type: 'object',
      properties: { kind: { anyOf: [{ const: 'a' }, { const: 'b' }] }, x: { type: 'string' } },
      required: ['kind'],
    })
    expect(schema['description']).toStartWith('(constraint: anyOf: [')
    expect(notes.codes).toEqual(relaxed)
    expect(schemaFor(schema, 'anthropic', new Notes())).toEqual(schema)
  })

  test('what cannot be told without loss is rejected where the operator is strict', () => {
    const notes = new Notes('strict')
    schemaFor({ type: 'object', properties: { a: { not: {} } } }, 'gemini', notes)
    expect(notes.rejection?.message).toContain('schema')
    expect(notes.codes).toEqual([])
  })

  test('the second time is like the first', () => {
    const from = { type: 'object', properties: { a: { type: 'string', not: { const: 'x' } } } }
    const [first, second] = [new Notes(), new Notes()]
    const adaptedFirst = schemaFor(from, 'gemini', first)
    expect(schemaFor(structuredClone(from), 'gemini', second)).toEqual(adaptedFirst)
    expect(second.codes).toEqual(first.codes)
    expect(schemaFor(from, 'openai', new Notes())).toEqual(from)
  })

  test('long values are told in part', () => {
    const [to] = adapted({ type: 'string', not: { enum: ['x'.repeat(9000)] } }, 'gemini')
    expect(JSON.stringify(to).length).toBeLessThan(700)
  })
})

describe('isStrict() (§5.8-3)', () => {
  const closed = (properties: JsonObject, required = Object.keys(properties)): JsonObject => ({
    type: 'object',
    properties,
    required,
    additionalProperties: false,
  })
  test.each([
    { name: 'a closed object whose properties are required', schema: closed({ a: { type: 'string' } }), is: true },
    { name: 'an empty one', schema: closed({}), is: true },
    { name: 'one in capitals', schema: { ...closed({ a: { type: 'STRING' } }), type: 'OBJECT' }, is: true },
    {
      name: 'unions and references inside',
      schema: { ...closed({ a: { anyOf: [{ $ref: '#/$defs/A' }, { type: 'null' }] } }), $defs: { A: closed({}) } },
      is: true,
    },
    { name: 'a reference at its root', schema: { $ref: '#/$defs/A', $defs: { A: closed({}) } }, is: true },
    { name: 'an open object', schema: { type: 'object', properties: {} }, is: false },
    { name: 'an optional property', schema: closed({ a: { type: 'string' } }, []), is: false },
    { name: 'an open object inside', schema: closed({ a: { type: 'array', items: { type: 'object' } } }), is: false },
    {
      name: 'an open object among its definitions',
      schema: { ...closed({}), $defs: { A: { type: 'object' } } },
      is: false,
    },
    { name: 'a list of whatever', schema: closed({ a: { type: 'array' } }), is: false },
    { name: 'a property of whatever', schema: closed({ a: {} }), is: false },
    { name: 'allOf', schema: closed({ a: { allOf: [closed({})] } }), is: false },
    { name: 'not', schema: closed({ a: { type: 'string', not: { const: 'x' } } }), is: false },
    { name: 'no object', schema: { type: 'array', items: { type: 'string' } }, is: false },
    { name: 'a union at its root', schema: { anyOf: [closed({})] }, is: false },
    { name: 'nothing', schema: {}, is: false },
  ])('$name: $is', ({ schema, is }) => {
    expect(isStrict(schema)).toBe(is)
  })
})

describe('wrappedRoot() (appendix A)', () => {
  test.each([
    { name: 'an object', schema: { type: 'object', properties: {} } },
    { name: 'an object in capitals', schema: { type: 'OBJECT' } },
    { name: 'properties', schema: { properties: { a: {} } } },
    { name: 'a reference to an object', schema: { $ref: '#/$defs/A', $defs: { A: { type: 'object' } } } },
  ])('$name stays as it is', ({ schema }) => {
    expect(wrappedRoot(schema)).toEqual({ schema, isWrapped: false })
  })

  test.each([
    { name: 'a list', schema: { type: 'array', items: { type: 'string' } } },
    { name: 'an object or null', schema: { type: ['object', 'null'] } },
    { name: 'a union', schema: { anyOf: [{ type: 'object' }] } },
    { name: 'nothing', schema: {} },
  ])('$name is put into an object', ({ schema }) => {
    expect(wrappedRoot(schema)).toEqual({
      schema: { type: 'object', properties: { value: schema }, required: ['value'], additionalProperties: false },
      isWrapped: true,
    })
  })

  test('references still lead to where they led', () => {
    const schema = {
      type: 'array',
      items: { anyOf: [{ $ref: '#/$defs/A' }, { $ref: '#' }, { $ref: '#/items' }] },
      $defs: { A: { type: 'string' } },
    }
    expect(wrappedRoot(schema).schema).toEqual({
      type: 'object',
      properties: {
        value: {
          type: 'array',
          items: {
            anyOf: [{ $ref: '#/$defs/A' }, { $ref: '#/properties/value' }, { $ref: '#/properties/value/items' }],
          },
        },
      },
      required: ['value'],
      additionalProperties: false,
      $defs: { A: { type: 'string' } },
    })
  })
})
