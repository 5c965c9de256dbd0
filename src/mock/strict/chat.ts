import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { filledList, firstOf, namePattern, nameOf, outside, unanswered, type Complaint } from './rules.ts'

const roles: ReadonlySet<string> = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function'])

// Limit: longer ids of calls are refused, as OpenAI does.
const idLengthMax = 40

/** What Chat Completions says against a request. */
export function chatComplaint(json: JsonObject): Complaint {
  const messages = filledList(json['messages'])?.map((message) => asObject(message) ?? {})
  if (messages === undefined) return "Missing required parameter: 'messages', a list with at least one message."
  return firstOf(messages, messageComplaint) ?? answersComplaint(messages) ?? toolsComplaint(json) ?? settings(json)
}

function messageComplaint(message: JsonObject, at: number): Complaint {
  const { role, content } = message
  const where = `messages[${at}]`
  if (typeof role !== 'string' || !roles.has(role)) return `Invalid value for '${where}.role': ${JSON.stringify(role)}.`
  const calls = asList(message['tool_calls'])
  const isEmpty = content === undefined || content === null
  const mayBeEmpty =
    role === 'assistant' &&
    (calls.length > 0 ||
      message['function_call'] !== undefined ||
      message['refusal'] !== undefined ||
      'audio' in message)
  if (isEmpty && !mayBeEmpty) return `Invalid value for '${where}.content': expected a string or a list, got null.`
  if (!isEmpty && typeof content !== 'string' && !Array.isArray(content))
    return `Invalid type for '${where}.content': expected a string or a list of parts.`
  if (Array.isArray(message['tool_calls']) && calls.length === 0)
    return `Invalid '${where}.tool_calls': empty array. Expected an array with minimum length 1.`
  return (
    firstOf(calls, (call, k) => callComplaint(asObject(call) ?? {}, `${where}.tool_calls[${k}]`)) ??
    partsOf(message, where)
  )
}

function callComplaint(call: JsonObject, where: string): Complaint {
  const id = asText(call['id']) ?? ''
  if (id === '') return `Missing required parameter: '${where}.id'.`
  if (id.length > idLengthMax)
    return `Invalid '${where}.id': string too long. Expected a string with maximum length ${idLengthMax}, but got one with length ${id.length}.`
  if (call['type'] === 'custom') return undefined
  if (call['type'] !== 'function') return `Missing required parameter: '${where}.type'.`
  const named = asObject(call['function']) ?? {}
  if (!namePattern.test(nameOf(named)))
    return `Invalid '${where}.function.name': it does not match ${namePattern.source}.`
  if (typeof named['arguments'] !== 'string')
    return `Invalid type for '${where}.function.arguments': expected a string.`
  return undefined
}

const partTypes: Readonly<Record<string, readonly string[]>> = {
  user: ['text', 'image_url', 'input_audio', 'file', 'video_url'],
  assistant: ['text', 'refusal', 'thinking'],
}

function partsOf(message: JsonObject, where: string): Complaint {
  const allowed = partTypes[String(message['role'])] ?? ['text']
  return firstOf(asList(message['content']), (part, at) => {
    const type = asText(asObject(part)?.['type']) ?? ''
    return allowed.includes(type) ? undefined : `Invalid value: '${type}' of '${where}.content[${at}].type'.`
  })
}

/** Every call is answered by the tool messages that follow at once, and nothing else is. */
function answersComplaint(messages: readonly JsonObject[]): Complaint {
  let open: readonly string[] = []
  for (const [at, message] of messages.entries()) {
    if (message['role'] === 'tool') {
      const id = asText(message['tool_call_id']) ?? ''
      if (!open.includes(id))
        return `Invalid parameter: messages[${at}] with role 'tool' must be a response to a preceding message with 'tool_calls'.`
      open = unanswered(open, [id])
      continue
    }
    if (open.length > 0) return missing(open)
    open = asList(message['tool_calls']).map((call) => asText(asObject(call)?.['id']) ?? '')
  }
  return open.length > 0 ? missing(open) : undefined
}

function missing(ids: readonly string[]): string {
  return `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids.join(', ')}`
}

function toolsComplaint(json: JsonObject): Complaint {
  const tools = asList(json['tools'])
  const isAsked = json['tool_choice'] !== undefined && json['tool_choice'] !== null
  if (isAsked && tools.length === 0)
    return "Invalid value for 'tool_choice': it is only allowed when 'tools' are specified."
  const names = tools.map((tool) => nameOf(asObject(tool)?.['function'] ?? asObject(tool)?.['custom']))
  const forced = nameOf(asObject(json['tool_choice'])?.['function'])
  if (forced !== '' && !names.includes(forced)) return `Tool choice '${forced}' not found in 'tools' parameter.`
  return firstOf(names, (name, at) =>
    namePattern.test(name)
      ? undefined
      : `Invalid 'tools[${at}].function.name': it does not match ${namePattern.source}.`,
  )
}

function settings(json: JsonObject): Complaint {
  if (outside(json, 'temperature', 0, 2)) return "Invalid 'temperature': expected a number from 0 to 2."
  if (outside(json, 'top_p', 0, 1)) return "Invalid 'top_p': expected a number from 0 to 1."
  if (asList(json['stop']).length > 4) return "Invalid 'stop': array too long. Expected an array with maximum length 4."
  const format = asObject(json['response_format'])
  if (format?.['type'] !== 'json_schema') return undefined
  return namePattern.test(nameOf(format['json_schema']))
    ? undefined
    : "Missing required parameter: 'response_format.json_schema.name'."
}
