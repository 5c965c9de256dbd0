import * as v from 'valibot'
import type { ConfigPath } from './problem.ts'

/** What every schema is to code that walks it. */
export type Schema = v.GenericSchema

/** One key of the file, for documents and for tests that must know them all. */
export interface KeyFacts {
  /** `backends[].name`, `models.<name>.routes[].model` */
  readonly path: string
  readonly schema: Schema
  readonly required: boolean
  /** As one would write it; undefined when there is none. */
  readonly default: unknown
  readonly description: string
  readonly metadata: Readonly<Record<string, unknown>>
}

/** Every key below `schema`, in the order in which it is declared. */
export function keysOf(schema: Schema, prefix = ''): KeyFacts[] {
  const inner = unwrap(schema)
  const entries = entriesOf(inner)
  if (entries === undefined) {
    const element = elementOf(inner)
    return element === undefined ? [] : keysOf(element, `${prefix}${inner.type === 'array' ? '[]' : '.<name>'}`)
  }
  const keys: KeyFacts[] = []
  for (const [key, entry] of Object.entries(entries)) {
    const path = prefix === '' ? key : `${prefix}.${key}`
    const value = unwrap(entry)
    keys.push({
      path,
      schema: value,
      required: entry.type !== 'optional',
      default: 'default' in entry ? entry.default : undefined,
      description: v.getDescription(value) ?? '',
      metadata: v.getMetadata(value),
    })
    keys.push(...keysOf(entry, path))
  }
  const rest = elementOf(inner)
  if (rest !== undefined) keys.push(...keysOf(rest, `${prefix}.<name>`))
  return keys
}

/** The schema of the value at `path`, or undefined where the schema knows none. */
export function schemaAt(schema: Schema, path: ConfigPath): Schema | undefined {
  let at: Schema | undefined = unwrap(schema)
  for (const step of path) {
    if (at === undefined) return undefined
    const entries = entriesOf(at)
    const own = entries !== undefined && Object.hasOwn(entries, String(step)) ? entries[String(step)] : undefined
    const next: Schema | undefined = own ?? elementOf(at)
    at = next === undefined ? undefined : unwrap(next)
  }
  return at
}

/** Is the value at `path`, or one that it stands in, never to be shown? */
export function isSecret(schema: Schema, path: ConfigPath): boolean {
  return path.some((_step, index) => {
    const at = schemaAt(schema, path.slice(0, index + 1))
    return at !== undefined && v.getMetadata(at)['x-secret'] === true
  })
}

/** The keys of a map with fixed keys. */
export function entriesOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  return 'entries' in schema && isEntries(schema.entries) ? schema.entries : undefined
}

/** What the elements of a list, or the values of a map with free keys, must be; some maps have fixed keys beside. */
export function elementOf(schema: Schema): Schema | undefined {
  if (schema.type === 'array' && 'item' in schema && isSchema(schema.item)) return schema.item
  if (schema.type === 'record' && 'value' in schema && isSchema(schema.value)) return schema.value
  if (schema.type === 'object_with_rest' && 'rest' in schema && isSchema(schema.rest)) return schema.rest
  return undefined
}

/** The schema without its default. */
export function unwrap(schema: Schema): Schema {
  return schema.type === 'optional' && 'wrapped' in schema && isSchema(schema.wrapped) ? unwrap(schema.wrapped) : schema
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'schema'
}

function isEntries(value: unknown): value is Readonly<Record<string, Schema>> {
  return typeof value === 'object' && value !== null && Object.values(value).every(isSchema)
}
