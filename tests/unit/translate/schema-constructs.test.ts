import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import { Notes } from '#translate/notes.ts'
import { schemaFor, type SchemaTarget } from '#translate/schema.ts'

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
type Row = readonly [target: SchemaTarget, to: JsonObject, codes?: readonly string[]]

/** A construct, and what targets make of it; those that are not named keep it. */
const table: readonly { readonly name: string; readonly from: JsonObject; readonly to: readonly Row[] }[] = [
  {
    name: 'oneOf',
    from: { oneOf: [{ type: 'string' }, { type: 'integer' }] },
    to: [
      ['openai_strict', { anyOf: [{ type: 'string' }, { type: 'integer' }] }],
      ['anthropic_strict', { anyOf: [{ type: 'string' }, { type: 'integer' }] }],
      ['gemini_subset', { anyOf: [{ type: 'string' }, { type: 'integer' }] }],
    ],
  },
  {
    name: 'allOf',
    from: {
      allOf: [
        { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
        { type: 'object', properties: { b: { type: 'string' } }, required: ['b'] },
      ],
      description: 'Both.',
    },
    to: [
      [
        'openai_strict',
        {
          description: 'Both.',
          type: 'object',
          properties: { a: { type: 'string' }, b: { type: 'string' } },
          required: ['a', 'b'],
        },
      ],
      [
        'anthropic_strict',
        {
          description: 'Both.',
          type: 'object',
          properties: { a: { type: 'string' }, b: { type: 'string' } },
          required: ['a', 'b'],
          additionalProperties: false,
        },
      ],
      [
        'gemini_subset',
        {
          description: 'Both.',
          type: 'object',
          properties: { a: { type: 'string' }, b: { type: 'string' } },
          required: ['a', 'b'],
        },
      ],
    ],
  },
  {
    name: 'allOf that contradicts itself',
    from: { allOf: [{ type: 'string' }, { pattern: 'a' }, { pattern: 'b' }] },
    to: (['openai_strict', 'anthropic_strict', 'gemini_subset'] as const).map((target) => [
      target,
      { description: '(constraint: allOf: [{"type":"string"},{"pattern":"a"},{"pattern":"b"}])' },
      relaxed,
    ]),
  },
  {
    name: 'not',
    from: { type: 'string', description: 'A name.', not: { enum: ['x'] } },
    to: (['openai_strict', 'anthropic_strict', 'gemini', 'gemini_subset'] as const).map((target) => [
      target,
      { type: 'string', description: 'A name. (constraint: not: {"enum":["x"]})' },
      relaxed,
    ]),
  },
  {
    name: 'if, then, else',
    // As text: an object that can be awaited is asking for trouble.
    from: JSON.parse('{"type":"string","if":{"const":"a"},"then":true,"else":false}'),
    to: (['openai_strict', 'anthropic_strict', 'gemini', 'gemini_subset'] as const).map((target) => [
      target,
      {
        type: 'string',
        description: '(constraint: if: {"const":"a"}) (constraint: then: true) (constraint: else: false)',
      },
      relaxed,
    ]),
  },
  {
    name: 'const of a text',
    from: { const: 'a' },
    to: [
      ['gemini', { enum: ['a'] }],
      ['gemini_subset', { type: 'string', enum: ['a'] }],
    ],
  },
  {
    name: 'const of a number',
    from: { type: 'integer', const: 5 },
    to: [
      ['gemini', { type: 'integer', enum: [5] }],
      ['gemini_subset', { type: 'integer', description: '(constraint: enum: [5])' }, relaxed],
    ],
  },
  {
    name: 'a type or null',
    from: { type: ['string', 'null'], maxLength: 3 },
    to: [
      ['openai_strict', { type: ['string', 'null'], description: '(constraint: maxLength: 3)' }],
      [
        'anthropic_strict',
        { anyOf: [{ type: 'string' }, { type: 'null' }], description: '(constraint: maxLength: 3)' },
      ],
      ['gemini_subset', { type: 'string', nullable: true, maxLength: 3 }],
    ],
  },
  {
    name: 'a type or null where the values leave no null',
    from: { type: ['string', 'null'], enum: ['a'] },
    to: [
      ['anthropic_strict', { anyOf: [{ type: 'string', enum: ['a'] }] }],
      ['gemini_subset', { type: 'string', nullable: true, enum: ['a'] }],
    ],
  },
  {
    name: 'two types',
    from: { type: ['string', 'integer'], enum: ['a', 1], description: 'Either.' },
    to: [
      [
        'anthropic_strict',
        {
          anyOf: [
            { type: 'string', enum: ['a'] },
            { type: 'integer', enum: [1] },
          ],
          description: 'Either.',
        },
      ],
      [
        'gemini_subset',
        {
          anyOf: [
            { type: 'string', enum: ['a'] },
            { type: 'integer', description: '(constraint: enum: [1])' },
          ],
          description: 'Either.',
        },
        relaxed,
      ],
    ],
  },
  {
    name: 'anyOf with null',
    from: { anyOf: [{ type: 'string', minLength: 1 }, { type: 'null' }], description: 'Maybe.' },
    to: [
      [
        'openai_strict',
        {
          anyOf: [{ type: 'string', description: '(constraint: minLength: 1)' }, { type: 'null' }],
          description: 'Maybe.',
        },
      ],
      [
        'anthropic_strict',
        {
          anyOf: [{ type: 'string', description: '(constraint: minLength: 1)' }, { type: 'null' }],
          description: 'Maybe.',
        },
      ],
      ['gemini_subset', { type: 'string', nullable: true, minLength: 1, description: 'Maybe.' }],
    ],
  },
  {
    name: 'enum of other values than texts',
    from: { type: 'integer', enum: [1, 2] },
    to: [['gemini_subset', { type: 'integer', description: '(constraint: enum: [1,2])' }, relaxed]],
  },
  {
    name: 'enum of a text type that holds numbers',
    from: { type: 'string', enum: ['a', 1] },
    to: [['gemini_subset', { type: 'string', enum: ['a', '1'] }]],
  },
  {
    name: 'limits of numbers',
    from: { type: 'number', minimum: 1, maximum: 9, multipleOf: 2, description: 'Even.' },
    to: [
      [
        'anthropic_strict',
        {
          type: 'number',
          description: 'Even. (constraint: minimum: 1) (constraint: maximum: 9) (constraint: multipleOf: 2)',
        },
      ],
      ['gemini_subset', { type: 'number', minimum: 1, maximum: 9, description: 'Even. (constraint: multipleOf: 2)' }],
    ],
  },
  {
    name: 'limits of lists',
    from: { type: 'array', items: { type: 'string' }, minItems: 1, uniqueItems: true },
    to: [
      [
        'openai_strict',
        { type: 'array', items: { type: 'string' }, minItems: 1, description: '(constraint: uniqueItems: true)' },
      ],
      [
        'anthropic_strict',
        {
          type: 'array',
          items: { type: 'string' },
          description: '(constraint: minItems: 1) (constraint: uniqueItems: true)',
        },
      ],
      [
        'gemini_subset',
        { type: 'array', items: { type: 'string' }, minItems: 1, description: '(constraint: uniqueItems: true)' },
      ],
    ],
  },
  {
    name: 'pattern',
    from: { type: 'string', pattern: '^a' },
    to: [['anthropic_strict', { type: 'string', description: '(constraint: pattern: "^a")' }]],
  },
  {
    name: 'a format that all know',
    from: { type: 'string', format: 'date-time' },
    to: [],
  },
  {
    name: 'format uri',
    from: { type: 'string', format: 'uri' },
    to: [
      ['openai_strict', { type: 'string', description: '(constraint: format: "uri")' }],
      ['gemini_subset', { type: 'string', description: '(constraint: format: "uri")' }],
    ],
  },
  {
    name: 'tuples',
    from: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }] },
    to: [
      [
        'openai_strict',
        { type: 'array', items: {}, description: '(constraint: prefixItems: [{"type":"string"},{"type":"integer"}])' },
        relaxed,
      ],
      [
        'anthropic_strict',
        { type: 'array', items: {}, description: '(constraint: prefixItems: [{"type":"string"},{"type":"integer"}])' },
        relaxed,
      ],
      ['gemini_subset', { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'integer' }] } }, relaxed],
    ],
  },
  {
    name: 'tuples of older drafts',
    from: { type: 'array', items: [{ type: 'string' }, { type: 'string' }] },
    to: [
      [
        'openai_strict',
        { type: 'array', items: {}, description: '(constraint: items: [{"type":"string"},{"type":"string"}])' },
        relaxed,
      ],
      [
        'anthropic_strict',
        { type: 'array', items: {}, description: '(constraint: items: [{"type":"string"},{"type":"string"}])' },
        relaxed,
      ],
      ['gemini_subset', { type: 'array', items: { type: 'string' } }, relaxed],
    ],
  },
  {
    name: 'a list of whatever',
    from: { type: 'array' },
    to: [
      ['openai_strict', { type: 'array', items: {} }],
      ['anthropic_strict', { type: 'array', items: {} }],
      ['gemini_subset', { type: 'array', items: { type: 'string' }, description: '(constraint: items: of any type)' }],
    ],
  },
  {
    name: 'notes for people and machines',
    from: { $comment: 'c', title: 't', type: 'string', examples: ['e'], default: 'd', 'x-own': 1 },
    to: [
      [
        'openai_strict',
        {
          $comment: 'c',
          title: 't',
          type: 'string',
          examples: ['e'],
          'x-own': 1,
          description: '(constraint: default: "d")',
        },
      ],
      [
        'anthropic_strict',
        { title: 't', type: 'string', default: 'd', 'x-own': 1, description: '(constraint: examples: ["e"])' },
      ],
      ['gemini', { title: 't', type: 'string', examples: ['e'], default: 'd', 'x-own': 1 }],
      ['gemini_subset', { title: 't', type: 'string', default: 'd', description: '(constraint: examples: ["e"])' }],
    ],
  },
  {
    name: 'an open object',
    from: { type: 'object', properties: { a: { type: 'string' } } },
    to: [['anthropic_strict', { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false }]],
  },
  {
    name: 'a map',
    from: { type: 'object', additionalProperties: { type: 'integer' } },
    to: [
      [
        'anthropic_strict',
        {
          type: 'object',
          additionalProperties: false,
          description: '(constraint: additionalProperties: {"type":"integer"})',
        },
        relaxed,
      ],
      [
        'gemini_subset',
        { type: 'object', description: '(constraint: additionalProperties: {"type":"integer"})' },
        relaxed,
      ],
    ],
  },
  {
    name: 'a property that is required but not declared',
    from: { type: 'object', properties: { a: { type: 'string' } }, required: ['b', 'a'], additionalProperties: false },
    to: [['gemini_subset', { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }]],
  },
  {
    name: 'properties that are called like keywords',
    from: {
      type: 'object',
      properties: {
        not: { type: 'string' },
        $ref: { type: 'string' },
        const: { type: 'string' },
        type: { type: 'string' },
        default: { type: 'string' },
        __proto__x: { type: 'string' },
      },
      required: ['not', '$ref', 'const', 'type', 'default', '__proto__x'],
      additionalProperties: false,
    },
    to: [
      [
        'gemini_subset',
        {
          type: 'object',
          properties: {
            not: { type: 'string' },
            $ref: { type: 'string' },
            const: { type: 'string' },
            type: { type: 'string' },
            default: { type: 'string' },
            __proto__x: { type: 'string' },
          },
          required: ['not', '$ref', 'const', 'type', 'default', '__proto__x'],
        },
      ],
    ],
  },
  {
    name: 'values that look like schemas',
    from: {
      type: 'object',
      default: { oneOf: [1], not: { type: 'STRING' } },
      properties: {},
      additionalProperties: false,
    },
    to: [
      [
        'openai_strict',
        {
          type: 'object',
          properties: {},
          additionalProperties: false,
          description: '(constraint: default: {"oneOf":[1],"not":{"type":"STRING"}})',
        },
      ],
      ['gemini_subset', { type: 'object', default: { oneOf: [1], not: { type: 'STRING' } }, properties: {} }],
    ],
  },
]

describe('schemaFor() (appendix A)', () => {
  const rows = table.flatMap(({ name, from, to }) =>
    targets.map((target) => {
      const [, expected = from, codes = []] = to.find(([own]) => own === target) ?? []
      return { name: `${name} for ${target}`, from, target, expected, codes }
    }),
  )
  test.each(rows)('$name', ({ from, target, expected, codes }) => {
    const [to, noted] = adapted(from, target)
    expect(JSON.stringify(to)).toBe(JSON.stringify(expected))
    expect(noted).toEqual([...codes])
    const [again] = adapted(expected, target)
    expect(JSON.stringify(again)).toBe(JSON.stringify(expected))
  })
})
