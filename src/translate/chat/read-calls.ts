import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Opaque, ToolArgs, ToolCallPart } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { unsealed } from '#translate/opaque.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'

/** `tool_calls` of an assistant's message in a request. */
export function readCalls(value: unknown, field: string, notes: Notes): ToolCallPart[] {
  return asList(value).flatMap((entry, at) => {
    const call = asObject(entry)
    if (call !== undefined) {
      tellUnknown(call, callMembers, `${field}[${at}]`, notes)
      return readCall(call)
    }
    notes.reject(`${field}[${at}]`, 'a tool call that is no object is not supported')
    return []
  })
}

/** `index`: its number among the calls of a stream, which some clients keep. */
const callMembers = membersOf('id type index function custom extra_content')

/** One entry of `tool_calls`, wherever it stands. */
export function readCall(call: JsonObject): ToolCallPart {
  const custom = call['type'] === 'custom' ? asObject(call['custom']) : undefined
  const told = custom ?? asObject(call['function']) ?? {}
  const opaque = signatureIn(call)
  const part: ToolCallPart = {
    kind: 'tool_call',
    id: asText(call['id']) ?? '',
    name: asText(told['name']) ?? '',
    args: custom === undefined ? readArgs(told['arguments']) : { raw: asText(custom['input']) ?? '' },
    isCustom: custom !== undefined,
    tool: 'function',
  }
  return opaque === undefined ? part : { ...part, opaque }
}

/** The only call of a message in the older form, which has no id: one is made of the place where it stands. */
export function readFunctionCall(value: unknown, place: string): ToolCallPart[] {
  const call = asObject(value)
  if (call === undefined) return []
  const name = asText(call['name']) ?? ''
  const id = `call_${place.replaceAll(/\D/g, '')}_function`
  return [{ kind: 'tool_call', id, name, args: readArgs(call['arguments']), isCustom: false, tool: 'function' }]
}

/** As text; some servers write an object. */
function readArgs(value: unknown): ToolArgs {
  return typeof value === 'object' && value !== null ? { value } : { raw: asText(value) ?? '' }
}

/**
 * `extra_content.google.thought_signature`, which Google's own compatible API has; where it is no envelope it is Gemini's, and
 * may be told in either of its APIs.
 */
export function signatureIn(call: JsonObject): Opaque | undefined {
  const signature = asText(asObject(asObject(call['extra_content'])?.['google'])?.['thought_signature'])
  return signature === undefined || signature === '' ? undefined : unsealed(signature, 'gemini', 'signature', 'gemini')
}
