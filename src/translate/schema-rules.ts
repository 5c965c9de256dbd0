/** What a target that takes only a part of JSON Schema wants (formats, appendix A). */
export interface SchemaRules {
  /** References are not understood. */
  readonly inlines: boolean
  /** `oneOf` becomes `anyOf`. */
  readonly widensOneOf: boolean
  readonly mergesAllOf: boolean
  /** `const` becomes an `enum` of one. */
  readonly listsConst: boolean
  /** Of several types: kept, `anyOf`, or `nullable`, which takes the place of a type `null`. */
  readonly types: 'list' | 'any' | 'nullable'
  /** Objects take no other properties. */
  readonly closes: boolean
  readonly textEnumsOnly: boolean
  /** Tuples: kept, told in the description, or a list of any of their members. */
  readonly tuples: 'keep' | 'note' | 'any'
  /** Of an array without any; undefined: none. */
  readonly missingItems: { readonly type?: 'string' } | undefined
  /** Formats of texts that are understood; undefined: all. */
  readonly formats: ReadonlySet<string> | undefined
  /** Keywords that are taken out and told in the description. */
  readonly noted: ReadonlySet<string>
  /** Keywords that are taken out. */
  readonly dropped: ReadonlySet<string>
  /** All that may stay in the end; undefined: whatever is not taken out. */
  readonly only: ReadonlySet<string> | undefined
}

export type NarrowTarget = 'openai_strict' | 'anthropic_strict' | 'gemini' | 'gemini_subset'

/** Without these another set of values fits, not just a longer or a shorter one. */
export const logic: ReadonlySet<string> = new Set([
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
  'dependentRequired',
  'dependencies',
  'patternProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
])

const lesserLogic = ['propertyNames', 'contains', 'minContains', 'maxContains', 'additionalItems', 'contentSchema']
const numberLimits = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']
const otherLimits = ['minLength', 'maxLength', 'minProperties', 'maxProperties', 'uniqueItems']

const rulesOfAll = {
  inlines: false,
  widensOneOf: true,
  mergesAllOf: false,
  listsConst: false,
  types: 'list',
  closes: false,
  textEnumsOnly: false,
  tuples: 'note',
  missingItems: {},
  formats: undefined,
  dropped: new Set<string>(),
  only: undefined,
} as const satisfies Partial<SchemaRules>

export const schemaRules: Readonly<Record<NarrowTarget, SchemaRules>> = {
  openai_strict: {
    ...rulesOfAll,
    mergesAllOf: true,
    formats: new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid']),
    noted: new Set([...logic, ...lesserLogic, ...otherLimits, 'default']),
  },
  anthropic_strict: {
    ...rulesOfAll,
    // What would be closed part by part could never fit all parts.
    mergesAllOf: true,
    types: 'any',
    closes: true,
    formats: new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']),
    noted: new Set([
      ...logic,
      ...lesserLogic,
      ...numberLimits,
      ...otherLimits,
      'minItems',
      'maxItems',
      'pattern',
      'examples',
    ]),
    dropped: new Set(['$schema', '$id', '$comment', '$anchor', '$vocabulary']),
  },
  gemini: {
    ...rulesOfAll,
    widensOneOf: false,
    listsConst: true,
    tuples: 'keep',
    missingItems: undefined,
    noted: logic,
    dropped: new Set(['$schema', '$id', '$comment', '$anchor', '$vocabulary', '$dynamicRef', '$dynamicAnchor']),
  },
  gemini_subset: {
    ...rulesOfAll,
    inlines: true,
    mergesAllOf: true,
    listsConst: true,
    types: 'nullable',
    textEnumsOnly: true,
    tuples: 'any',
    missingItems: { type: 'string' },
    formats: new Set(['enum', 'date-time']),
    noted: new Set([
      ...logic,
      ...lesserLogic,
      'exclusiveMinimum',
      'exclusiveMaximum',
      'multipleOf',
      'uniqueItems',
      'examples',
    ]),
    only: new Set([
      'type',
      'format',
      'title',
      'description',
      'nullable',
      'enum',
      'default',
      'items',
      'minItems',
      'maxItems',
      'properties',
      'required',
      'propertyOrdering',
      'minProperties',
      'maxProperties',
      'minLength',
      'maxLength',
      'pattern',
      'minimum',
      'maximum',
      'anyOf',
    ]),
  },
}
