import { expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import { sampleOf } from '#mock/sample.ts'

const rows: readonly { readonly name: string; readonly schema: JsonObject; readonly sample: unknown }[] = [
  { name: 'no schema at all', schema: {}, sample: {} },
  { name: 'a string', schema: { type: 'string' }, sample: 'mock' },
  { name: 'a string of at least six characters', schema: { type: 'string', minLength: 6 }, sample: 'mock..' },
  { name: 'a number above a minimum', schema: { type: 'integer', minimum: 5 }, sample: 5 },
  { name: 'a choice', schema: { type: 'string', enum: ['celsius', 'kelvin'] }, sample: 'celsius' },
  { name: 'a constant', schema: { const: null }, sample: null },
  { name: 'several types', schema: { type: ['boolean', 'null'] }, sample: true },
  { name: 'a list', schema: { type: 'array', items: { type: 'number' } }, sample: [1] },
  { name: 'a union', schema: { anyOf: [{ type: 'null' }, { type: 'string' }] }, sample: null },
  {
    name: 'types in capitals',
    schema: { type: 'OBJECT', properties: { n: { type: 'STRING' } } },
    sample: { n: 'mock' },
  },
  {
    name: 'a reference',
    schema: { properties: { city: { $ref: '#/$defs/City' } }, $defs: { City: { type: 'string' } } },
    sample: { city: 'mock' },
  },
  { name: 'a reference to nothing', schema: { $ref: '#/constructor/prototype' }, sample: {} },
]

test.each(rows)('sampleOf() fits $name', ({ schema, sample }) => {
  expect(sampleOf(schema)).toEqual(sample)
})

test('sampleOf() ends on a schema that contains itself many times', () => {
  const properties = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`p${at}`, { $ref: '#/$defs/Node' }]))
  const text = JSON.stringify(sampleOf({ $ref: '#/$defs/Node', $defs: { Node: { type: 'object', properties } } }))
  expect(text.length).toBeLessThan(100_000)
})
