import type { JsonObject } from '#kit/json-value.ts'
import type { Notes } from './notes.ts'

/** Notes the members of an object of a request that its codec does not read. `place`: of the object. */
export function tellUnknown(object: JsonObject, known: ReadonlySet<string>, place: string, notes: Notes): void {
  for (const [name, value] of Object.entries(object)) {
    if (!known.has(name) && saysMore(value)) notes.drop('dropped:unknown_field', `${place}.${clipped(name)}`)
  }
}

/** Has a member something in it? Clients send many that have nothing. */
export function saysMore(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false
  if (typeof value !== 'object') return true
  return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0
}

/** A name of the other side's making, as far as it is told in logs. */
export function clipped(name: string): string {
  return name.length <= nameLengthMax ? name : `${name.slice(0, nameLengthMax)}…`
}

/** Limit: characters of an unknown name that are repeated. */
const nameLengthMax = 60

export function membersOf(names: string): ReadonlySet<string> {
  return new Set(names.split(' '))
}
