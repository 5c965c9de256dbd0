import type * as v from 'valibot'
import { nearest } from '#kit/nearest.ts'
import { isTimeZone, timeZoneLike } from '#kit/time-zone.ts'
import type { ConfigPath } from './problem.ts'

/** What a schema says about a value, in words: `expected a whole number`. */
export function complain(issue: v.BaseIssue<unknown>): string {
  if (issue.message.startsWith('expected')) return issue.message
  const { requirement } = issue
  const ofText = typeof issue.input === 'string'
  switch (issue.type) {
    case 'strict_object':
    case 'object_with_rest':
      // A missing key is told as an issue of the map that lacks it.
      return issue.received === 'undefined' ? 'this key is required' : 'expected keys and values'
    case 'record':
      return 'expected keys and values'
    case 'array':
      return 'expected a list'
    case 'string':
      return 'expected text'
    case 'boolean':
      return 'expected true or false'
    case 'number':
      return 'expected a number'
    case 'integer':
      return 'expected a whole number'
    case 'min_value':
      return `expected at least ${String(requirement)}`
    case 'max_value':
      return `expected at most ${String(requirement)}`
    case 'min_length':
      return ofText ? 'expected a text that is not empty' : `expected at least ${String(requirement)} entries`
    case 'max_length':
      return `expected at most ${String(requirement)} ${ofText ? 'characters' : 'entries'}`
    case 'picklist':
      return `expected ${choice((issue.expected ?? '').replaceAll(/^\(|\)$/g, '').split(' | '))}`
    default:
      return issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
  }
}

function choice(options: readonly string[]): string {
  return options.length > 2 ? `one of ${options.join(', ')}` : options.join(' or ')
}

/** Where the value at fault stands. */
export function pathOf(issue: v.BaseIssue<unknown>): ConfigPath {
  return (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)))
}

/** A hint behind the complaint, for slips that are common; empty for others. */
export function hint(issue: v.BaseIssue<unknown>): string {
  const { input } = issue
  if (pathOf(issue)[0] === 'listen' && /^\d{1,5}$/.test(String(input))) return ` (write ":${String(input)}")`
  if (issue.type === 'string' && (typeof input === 'number' || typeof input === 'boolean')) return ' (put it in quotes)'
  if (typeof input !== 'string') return ''
  const switchWord = { yes: 'true', on: 'true', no: 'false', off: 'false' }[input.toLowerCase()]
  if (switchWord !== undefined && (issue.type === 'boolean' || issue.expected?.includes('boolean') === true)) {
    return ` (did you mean ${switchWord}?)`
  }
  if (issue.requirement === isTimeZone) return meant(timeZoneLike(input))
  const words = [...(issue.expected ?? '').matchAll(/"([^"]*)"/g)].map(([, word = '']) => word)
  return meant(issue.type === 'picklist' || issue.type === 'union' ? nearest(input, words) : undefined)
}

function meant(word: string | undefined): string {
  return word === undefined ? '' : ` (did you mean "${word}"?)`
}
