import type { JsonObject } from '#kit/json-value.ts'
import type { ToolArgs } from './common.ts'
import { completedJson } from './complete-json.ts'
import { asExactObject, parseExact } from './exact-json.ts'
import type { Notes } from './notes.ts'

/** As a text of JSON: what came as text as it came, else compact; `{}` where there is nothing. */
export function argsText(args: ToolArgs): string {
  if ('raw' in args) return isBlank(args.raw) ? '{}' : args.raw
  return args.value === undefined ? '{}' : JSON.stringify(args.value)
}

/**
 * As an object, for a request: an empty text is `{}`, a fence around it is taken off, what is no JSON is wrapped and noted
 * (formats §5.6). Numbers keep their digits when it is written.
 */
export function argsObject(args: ToolArgs, notes: Notes, field: string): JsonObject {
  const value = 'raw' in args ? valueOf(args.raw) : args.value
  if (value === undefined || value === null) {
    if (!('raw' in args) || value === null || isBlank(args.raw)) return {}
    notes.adapt('adapted:tool_args_wrapped', field)
    return { _raw_arguments: args.raw }
  }
  const object = asExactObject(value)
  if (object !== undefined) return object
  // Some clients write a text where an object belongs.
  if (!('raw' in args) && typeof value === 'string') return argsObject({ raw: value }, notes, field)
  notes.adapt('adapted:tool_args_wrapped', field)
  return { value }
}

/** As an object, for an answer: arguments that were cut are completed as far as they go (formats §7.4). */
export function argsObjectOfAnswer(args: ToolArgs): JsonObject {
  const value = 'raw' in args ? (valueOf(args.raw) ?? valueOfCut(args.raw)) : args.value
  if (value === undefined || value === null) return {}
  const object = asExactObject(value)
  if (object !== undefined) return object
  // Some models write their object as a text of JSON inside of JSON.
  const inner = typeof value === 'string' ? asExactObject(parseExact(value)) : undefined
  return inner ?? { value }
}

/** The arguments of the function that stands for a custom tool, whose input is free text. */
export function argsOfCustom(input: ToolArgs): ToolArgs {
  if ('raw' in input) return { value: { input: input.raw } }
  return { value: { input: typeof input.value === 'string' ? input.value : argsText(input) } }
}

/** The free text that was the input of a custom tool, from the arguments of the function that stood for it. */
export function customInput(args: ToolArgs): string {
  const value = 'raw' in args ? (valueOf(args.raw) ?? valueOfCut(args.raw)) : args.value
  const input = asExactObject(value)?.['input']
  if (typeof input === 'string') return input
  if ('raw' in args) return args.raw
  if (typeof value === 'string') return value
  return value === undefined ? '' : JSON.stringify(value)
}

/** Undefined where it is no JSON. */
function valueOf(raw: string): unknown {
  return parseExact(raw) ?? parseExact(withoutFence(raw.trim()))
}

/** An object or a list that was cut. */
function valueOfCut(raw: string): unknown {
  const text = raw.trimStart()
  if (!text.startsWith('{')) return undefined
  const whole = completedJson(text)
  return whole === undefined ? undefined : parseExact(whole)
}

/** What stands between ```` ```json ```` and ```` ``` ````. */
function withoutFence(text: string): string {
  if (text.length < 6 || !text.startsWith('```') || !text.endsWith('```')) return text
  return text
    .slice(3, -3)
    .replace(/^[A-Za-z]+/, '')
    .trim()
}

function isBlank(text: string): boolean {
  return text.trim() === ''
}
