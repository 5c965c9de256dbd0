import { asList, asObject, type JsonObject } from '#kit/json-value.ts'
import type { Converter } from '#translate/converter.ts'

/** The converter that a file exports; a text says why it has none. */
export function checkConverter(module: unknown): Converter | string {
  const converter = asObject(asObject(module)?.['converter'])
  if (converter === undefined) return 'has no export "converter" that is an object'
  const fault = faultOf(converter)
  if (fault !== undefined) return fault
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked at member by member
  return converter as unknown as Converter
}

function faultOf(converter: JsonObject): string | undefined {
  const { contract, name, framing, takes } = converter
  if (contract !== 1) return `is written for contract ${shown(contract)}, and contract 1 is known`
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    return 'has no "name" of letters, digits, "-" and "_"'
  }
  for (const member of ['writeRequest', 'readAnswer']) {
    if (typeof converter[member] !== 'function') return `has a converter without the function "${member}"`
  }
  for (const member of ['openStream', 'readError']) {
    const given = converter[member]
    if (given !== undefined && typeof given !== 'function') return `has a converter whose "${member}" is no function`
  }
  if (framing !== undefined && !isOneOf(framing, framings)) {
    return `has a converter whose "framing" is none of ${framings.join(', ')}`
  }
  if (takes === undefined) return undefined
  const given = asObject(takes)
  return given === undefined ? 'has a converter whose "takes" is no object' : faultOfTakes(given)
}

const framings = ['sse', 'lines', 'raw']

function faultOfTakes(takes: JsonObject): string | undefined {
  for (const [key, value] of Object.entries(takes)) {
    const isRight = checks.get(key)
    if (isRight === undefined) return `has a converter that takes "${key}", which is unknown`
    if (value !== undefined && !isRight(value)) return `has a converter whose "takes.${key}" is of the wrong type`
  }
  return undefined
}

const isSwitch = (value: unknown): boolean => typeof value === 'boolean'

const checks: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['tools', isSwitch],
  ['forcedTools', isSwitch],
  ['media', listOf(['image', 'audio', 'video', 'file'])],
  ['mediaUrls', isSwitch],
  ['json', isSwitch],
  ['jsonSchema', isSwitch],
  ['stops', (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0],
  [
    'sampling',
    listOf(['temperature', 'topP', 'topK', 'minP', 'presencePenalty', 'frequencyPenalty', 'repetitionPenalty', 'seed']),
  ],
  ['temperatureMax', (value) => typeof value === 'number' && value > 0],
  ['thinking', isSwitch],
  ['thoughts', isSwitch],
])

function listOf(words: readonly string[]): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && asList(value).every((word) => isOneOf(word, words))
}

function isOneOf(value: unknown, words: readonly string[]): boolean {
  return typeof value === 'string' && words.includes(value)
}

function shown(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? String(value).slice(0, 20) : 'of no number'
}
