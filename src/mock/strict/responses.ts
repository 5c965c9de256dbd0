import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { firstOf, namePattern, nameOf, outside, type Complaint } from './rules.ts'

// Limit: longer ids of calls are refused, as OpenAI does.
const idLengthMax = 64

const roles: ReadonlySet<string> = new Set(['system', 'developer', 'user', 'assistant'])

/** What Responses says against a request. */
export function responsesComplaint(json: JsonObject): Complaint {
  const { input } = json
  const hasPast = ['previous_response_id', 'prompt', 'conversation'].some(
    (name) => asText(json[name]) ?? asObject(json[name]),
  )
  if (typeof input !== 'string' && !Array.isArray(input)) {
    return hasPast ? undefined : "Missing required parameter: 'input', a string or a list of items."
  }
  const items = asList(input).map((item) => asObject(item) ?? {})
  return (
    firstOf(items, itemComplaint) ??
    pairsComplaint(items, hasPast) ??
    firstOf(asList(json['tools']), (tool, at) => toolComplaint(asObject(tool) ?? {}, at)) ??
    (outside(json, 'temperature', 0, 2) ? "Invalid 'temperature': expected a number from 0 to 2." : undefined)
  )
}

function itemComplaint(item: JsonObject, at: number): Complaint {
  const where = `input[${at}]`
  const type = asText(item['type']) ?? 'message'
  if (type === 'message') {
    const { role, content } = item
    if (typeof role !== 'string' || !roles.has(role))
      return `Invalid value for '${where}.role': ${JSON.stringify(role)}.`
    if (typeof content !== 'string' && !Array.isArray(content)) return `Missing required parameter: '${where}.content'.`
    return firstOf(asList(content), (part, k) =>
      partComplaint(role, asText(asObject(part)?.['type']) ?? '', `${where}.content[${k}]`),
    )
  }
  if (type === 'function_call' || type === 'function_call_output') {
    const id = asText(item['call_id']) ?? ''
    if (id === '') return `Missing required parameter: '${where}.call_id'.`
    if (id.length > idLengthMax)
      return `Invalid '${where}.call_id': string too long. Expected a string with maximum length ${idLengthMax}, but got one with length ${id.length}.`
  }
  if (type === 'function_call' && typeof item['arguments'] !== 'string')
    return `Invalid type for '${where}.arguments': expected a string.`
  if (type === 'function_call' && !namePattern.test(nameOf(item))) return `Invalid '${where}.name'.`
  if (type === 'function_call_output' && typeof item['output'] !== 'string' && !Array.isArray(item['output']))
    return `Invalid type for '${where}.output': expected a string or a list.`
  if (type === 'reasoning' && !Array.isArray(item['summary'])) return `Missing required parameter: '${where}.summary'.`
  return undefined
}

/** What a model said and what it was told are parts of different types. */
function partComplaint(role: string, type: string, where: string): Complaint {
  const isOutput = type.startsWith('output_') || type === 'refusal'
  const fits = role === 'assistant' ? isOutput : type.startsWith('input_')
  return fits ? undefined : `Invalid value: '${type}' of '${where}.type' does not belong to the role '${role}'.`
}

/** Calls and their outputs come in pairs, and thoughts before what they led to. */
function pairsComplaint(items: readonly JsonObject[], hasPast: boolean): Complaint {
  const idsOf = (type: string): ReadonlySet<string> =>
    new Set(items.filter((item) => item['type'] === type).map((item) => asText(item['call_id']) ?? ''))
  const calls = idsOf('function_call')
  const outputs = idsOf('function_call_output')
  const unanswered = [...calls].find((id) => !outputs.has(id))
  if (unanswered !== undefined) return `No tool output found for function call ${unanswered}.`
  const orphan = hasPast ? undefined : [...outputs].find((id) => !calls.has(id))
  if (orphan !== undefined) return `No tool call found for function call output with call_id ${orphan}.`
  return firstOf(items, (item, at) => {
    const next = items[at + 1]
    const isFollowed = next !== undefined && next['role'] !== 'user' && next['type'] !== 'function_call_output'
    if (item['type'] !== 'reasoning' || isFollowed) return undefined
    return `Item '${asText(item['id']) ?? at}' of type 'reasoning' was provided without its required following item.`
  })
}

function toolComplaint(tool: JsonObject, at: number): Complaint {
  const { type } = tool
  if (typeof type !== 'string') return `Missing required parameter: 'tools[${at}].type'.`
  if (type !== 'function' && type !== 'custom') return undefined
  return namePattern.test(nameOf(tool))
    ? undefined
    : `Missing required parameter: 'tools[${at}].name', which matches ${namePattern.source}.`
}
