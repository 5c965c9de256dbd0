import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import {
  filledList,
  firstOf,
  isJsonText,
  namePattern,
  nameOf,
  outside,
  unanswered,
  unknownName,
  type Complaint,
} from './rules.ts'

const known: ReadonlySet<string> = new Set(
  (
    'model messages stream tools strict_tools documents citation_options response_format safety_mode max_tokens ' +
    'stop_sequences temperature seed frequency_penalty presence_penalty k p logprobs tool_choice thinking priority'
  ).split(' '),
)

const roles: ReadonlySet<string> = new Set(['system', 'user', 'assistant', 'tool'])

/** What Cohere's `/v2/chat` says against a request. */
export function cohereComplaint(json: JsonObject): Complaint {
  const extra = unknownName(json, known)
  if (extra !== undefined) return `unknown field: parameter '${extra}' is not a valid field`
  const messages = filledList(json['messages'])?.map((message) => asObject(message) ?? {})
  if (messages === undefined) return 'invalid request: messages must have at least one message'
  return firstOf(messages, messageComplaint) ?? answersComplaint(messages) ?? toolsComplaint(json) ?? settings(json)
}

/** What `/v2/embed` says against a request. */
export function cohereEmbedComplaint(json: JsonObject): Complaint {
  if (asText(json['input_type']) === undefined) return 'invalid request: input_type is required'
  const inputs = ['texts', 'images', 'inputs'].filter((name) => filledList(json[name]) !== undefined)
  if (inputs.length !== 1) return 'invalid request: one of texts, images or inputs must be provided'
  return undefined
}

function messageComplaint(message: JsonObject, at: number): Complaint {
  const { role, content } = message
  const where = `invalid request: message at index ${at}`
  if (typeof role !== 'string' || !roles.has(role)) return `${where} has an invalid role: ${JSON.stringify(role)}`
  const calls = asList(message['tool_calls'])
  const isEmpty = content === undefined || content === null || content === '' || asList(content).length === 0
  if (isEmpty && typeof content !== 'string' && calls.length === 0)
    return `${where} must have non-empty content or tool calls`
  if (content === '' && calls.length === 0 && role !== 'tool') return `${where} must have non-empty content`
  return firstOf(calls, (entry) => {
    const call = asObject(entry) ?? {}
    const named = asObject(call['function']) ?? {}
    if ((asText(call['id']) ?? '') === '' || call['type'] !== 'function')
      return `${where} has a tool call without id or type`
    if (!namePattern.test(nameOf(named))) return `${where} has a tool call with an invalid name`
    return isJsonText(named['arguments']) ? undefined : `${where} has a tool call whose arguments are not a JSON object`
  })
}

function answersComplaint(messages: readonly JsonObject[]): Complaint {
  let open: readonly string[] = []
  for (const [at, message] of messages.entries()) {
    if (message['role'] === 'tool') {
      const id = asText(message['tool_call_id']) ?? ''
      if (!open.includes(id))
        return `invalid request: message at index ${at} has a tool_call_id that no tool call has: ${id}`
      open = unanswered(open, [id])
      continue
    }
    if (open.length > 0) break
    open = asList(message['tool_calls']).map((call) => asText(asObject(call)?.['id']) ?? '')
  }
  if (open.length > 0) return `invalid request: tool calls without tool results: ${open.join(', ')}`
  const role = messages.at(-1)?.['role']
  return role === 'user' || role === 'tool'
    ? undefined
    : 'invalid request: the last message must be from the user or a tool'
}

function toolsComplaint(json: JsonObject): Complaint {
  const tools = asList(json['tools']).map((tool) => asObject(tool) ?? {})
  const choice = json['tool_choice']
  if (choice !== undefined && choice !== 'REQUIRED' && choice !== 'NONE')
    return 'invalid request: tool_choice must be REQUIRED or NONE'
  if (choice !== undefined && tools.length === 0) return 'invalid request: tool_choice needs tools'
  return firstOf(tools, (tool, at) => {
    const isGood = tool['type'] === 'function' && namePattern.test(nameOf(tool['function']))
    return isGood ? undefined : `invalid request: tool at index ${at} has no type or no valid name`
  })
}

function settings(json: JsonObject): Complaint {
  if (outside(json, 'p', 0, 0.99)) return 'invalid request: p must be between 0 and 0.99'
  if (outside(json, 'k', 0, 500)) return 'invalid request: k must be between 0 and 500'
  if (outside(json, 'temperature', 0, 2)) return 'invalid request: temperature must be at least 0'
  if (outside(json, 'frequency_penalty', 0, 1) || outside(json, 'presence_penalty', 0, 1))
    return 'invalid request: penalties must be between 0 and 1'
  if (asList(json['stop_sequences']).length > 5) return 'invalid request: at most 5 stop_sequences'
  const format = asObject(json['response_format'])?.['type']
  if (format !== undefined && format !== 'json_object' && format !== 'text')
    return 'invalid request: response_format.type must be text or json_object'
  return undefined
}
