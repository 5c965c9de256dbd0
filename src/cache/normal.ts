import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { KeyPolicy } from './compile.ts'

/** Limit: levels of a request that is looked at; what is deeper is never kept. */
const depthMax = 128

/** What of a request makes a difference, as one text; undefined where nobody can tell. */
export function normalText(body: JsonObject, policy: KeyPolicy): string | undefined {
  const parts: string[] = []
  const names = Object.keys(body)
  if (policy.normalizes) names.sort()
  for (const name of names) {
    const value = valueOf(name, body[name], policy)
    if (value === undefined || (policy.normalizes && isDefault(name, value))) continue
    const text = textOf(value, policy.normalizes, 1)
    if (text === undefined) return undefined
    parts.push(`${JSON.stringify(name)}:${text}`)
  }
  return parts.join(',')
}

/** Undefined: it makes no difference. */
function valueOf(name: string, value: unknown, policy: KeyPolicy): unknown {
  if (idle.has(name) || (!policy.byTools && ofTools.has(name))) return undefined
  if (!policy.bySystemPrompt) {
    if (ofSystem.has(name)) return undefined
    if ((name === 'messages' || name === 'input') && Array.isArray(value)) return value.filter(isNoSystem)
  }
  if (name === 'metadata') return withoutIds(value)
  // The model is the alias, which counts by itself.
  return name === 'model' ? undefined : value
}

/** Says how an answer is sent, who asks or what it costs, and nothing of what is answered. */
const idle: ReadonlySet<string> = new Set([
  'stream',
  'stream_options',
  'user',
  'user_id',
  'request_id',
  'session_id',
  'trace_id',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'labels',
  'keep_alive',
])

const ofTools: ReadonlySet<string> = new Set([
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'functions',
  'function_call',
  'toolConfig',
  'tool_config',
])

const ofSystem: ReadonlySet<string> = new Set(['system', 'instructions', 'systemInstruction', 'system_instruction'])

function isNoSystem(message: unknown): boolean {
  const role = asText(asObject(message)?.['role'])
  return role !== 'system' && role !== 'developer'
}

function withoutIds(metadata: unknown): unknown {
  const told = asObject(metadata)
  if (told === undefined) return metadata
  const rest = Object.entries(told).filter(([name]) => !idName.test(name))
  return rest.length === 0 ? undefined : Object.fromEntries(rest)
}

const idName = /^(?:x[-_])?(?:client[-_])?(?:request|user|session|trace|span|conversation|correlation)[-_]?id$/i

/** Says what holds without it, with every provider. What a temperature is by default, each of them decides. */
function isDefault(name: string, value: unknown): boolean {
  if (value === null) return true
  if (Array.isArray(value)) return value.length === 0 && (name === 'tools' || name === 'stop' || name === 'functions')
  return defaults.get(name) === (JSON.isRawJSON(value) ? Number(JSON.stringify(value)) : value)
}

const defaults: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['n', 1],
  ['best_of', 1],
  ['presence_penalty', 0],
  ['frequency_penalty', 0],
  ['top_logprobs', 0],
  ['logprobs', false],
  ['echo', false],
  ['store', false],
  ['background', false],
  ['parallel_tool_calls', true],
])

/** JSON whose members stand in order. Those of a schema stay where they are: models answer in the order of its properties. */
function textOf(value: unknown, isSorted: boolean, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (JSON.isRawJSON(value)) return isSorted ? plainNumber(JSON.stringify(value)) : JSON.stringify(value)
  if (depth > depthMax) return undefined
  const texts: string[] = []
  if (Array.isArray(value)) {
    for (const element of value) {
      const text = textOf(element, isSorted, depth + 1)
      if (text === undefined) return undefined
      texts.push(text)
    }
    return `[${texts.join(',')}]`
  }
  const entries = Object.entries(value)
  if (isSorted) entries.sort(byName)
  for (const [name, inner] of entries) {
    const text = textOf(inner, isSorted && name !== 'properties', depth + 1)
    if (text === undefined) return undefined
    texts.push(`${JSON.stringify(name)}:${text}`)
  }
  return `{${texts.join(',')}}`
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1
}

/** `1.0` is 1 and `7e-1` is 0.7; a number of more digits than fit keeps all of them. */
function plainNumber(digits: string): string {
  return digits.replaceAll(/[^0-9]/g, '').length <= digitsMax ? String(Number(digits)) : digits
}

/** Limit: decimal digits that a double surely holds. */
const digitsMax = 15
