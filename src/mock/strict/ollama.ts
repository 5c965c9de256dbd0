import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { firstOf, isBase64, type Complaint } from './rules.ts'

const roles: ReadonlySet<string> = new Set(['system', 'user', 'assistant', 'tool'])

const thinkWords: ReadonlySet<unknown> = new Set(['low', 'medium', 'high', 'max', true, false, undefined, null])

/** What Ollama's `/api/chat` says against a request; no messages at all only load the model. */
export function ollamaComplaint(json: JsonObject): Complaint {
  if (!thinkWords.has(json['think'])) return `invalid think value: ${JSON.stringify(json['think'])}`
  const messages = asList(json['messages'])
  return (
    firstOf(messages, (message) => messageComplaint(asObject(message) ?? {})) ??
    firstOf(asList(json['tools']), (tool) =>
      asText(asObject(asObject(tool)?.['function'])?.['name']) === undefined
        ? 'invalid tool: it has no name'
        : undefined,
    )
  )
}

function messageComplaint(message: JsonObject): Complaint {
  const { role, content } = message
  if (typeof role !== 'string' || !roles.has(role))
    return `invalid role: ${JSON.stringify(role)}, must be one of "system", "user", "assistant", or "tool"`
  if (content !== undefined && content !== null && typeof content !== 'string')
    return 'json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string'
  return (
    firstOf(asList(message['images']), (image) =>
      isBase64(image) ? undefined : 'illegal base64 data at input byte 0',
    ) ??
    firstOf(asList(message['tool_calls']), (call) => {
      const { arguments: given } = asObject(asObject(call)?.['function']) ?? {}
      return given === undefined || asObject(given) !== undefined
        ? undefined
        : 'json: cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function.arguments of type api.ToolCallFunctionArguments'
    })
  )
}
