import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { MediaPart, Message, Part, ToolCallPart } from '#translate/common.ts'
import { errorMark } from '#translate/error-mark.ts'
import { mimeOf, readDataUrl } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, tellUnknown } from '#translate/unknown-members.ts'

/** The messages of a request; those of the system in front of all others stand at the top. */
export function readMessages(value: unknown, notes: Notes): Message[] {
  // Without any it would only load the model.
  if (!Array.isArray(value) || value.length === 0) {
    notes.reject('messages', 'a request without messages is not supported')
    return []
  }
  let isTop = true
  return asList(value).flatMap((entry, at) => {
    const message = asObject(entry)
    const field = `messages[${at}]`
    isTop &&= message?.['role'] === 'system'
    if (message !== undefined) {
      tellUnknown(message, messageMembers, field, notes)
      return readMessage(message, field, isTop, notes)
    }
    notes.reject(field, 'a message that is no object is not supported')
    return []
  })
}

const messageMembers = membersOf('role content thinking images tool_calls tool_call_id tool_name name')

function readMessage(message: JsonObject, field: string, isTop: boolean, notes: Notes): Message[] {
  const role = message['role']
  switch (role) {
    case 'system':
      return [{ role, parts: readSaid(message, field, notes), placement: isTop ? 'top' : 'inline' }]
    case 'user':
      return [{ role, parts: readSaid(message, field, notes), placement: 'inline' }]
    case 'assistant':
      return [{ role, parts: readAssistant(message, field, notes), placement: 'inline' }]
    case 'tool':
      return [readResult(message, field, notes)]
    default:
      notes.reject(`${field}.role`, `the role "${asText(role) ?? ''}" is not supported`)
      return []
  }
}

function readSaid(message: JsonObject, field: string, notes: Notes): Part[] {
  const content = message['content']
  const isText = content === undefined || content === null || typeof content === 'string'
  if (!isText) notes.reject(`${field}.content`, 'content that is no text is not supported')
  const images = readImages(message['images'], `${field}.images`, notes)
  return typeof content === 'string' && content !== '' ? [{ kind: 'text', text: content }, ...images] : images
}

/** Base64 alone, or behind the words of a data URL. */
export function readImages(value: unknown, field: string, notes: Notes): MediaPart[] {
  return asList(value).flatMap((entry, at): MediaPart[] => {
    const text = asText(entry) ?? ''
    const data = text.startsWith('data:') ? readDataUrl(text) : bareData(text)
    if (data !== undefined) {
      const mime = data.mime === '' ? 'image/png' : data.mime
      return [{ kind: 'media', medium: 'image', mime, source: { base64: data.base64 } }]
    }
    notes.reject(`${field}[${at}]`, 'an image that is not base64 is not supported')
    return []
  })
}

function bareData(text: string): { readonly mime: string; readonly base64: string } | undefined {
  const data = readDataUrl(`data:;base64,${text}`)
  return data === undefined ? undefined : { mime: mimeOf(data.base64, ''), base64: data.base64 }
}

function readAssistant(message: JsonObject, field: string, notes: Notes): Part[] {
  const thinking = asText(message['thinking']) ?? ''
  const thoughts: Part[] =
    thinking === '' ? [] : [{ kind: 'reasoning', text: thinking, style: 'raw', isRedacted: false }]
  const calls = asList(message['tool_calls']).flatMap((value, at) => {
    return readCall(asObject(value), `${field}.tool_calls[${at}]`, notes)
  })
  return [...thoughts, ...readSaid(message, field, notes), ...calls]
}

function readCall(call: JsonObject | undefined, field: string, notes: Notes): ToolCallPart[] {
  const told = asObject(call?.['function'])
  const name = asText(told?.['name'])
  if (told === undefined || name === undefined) {
    notes.reject(field, 'a tool call without a function is not supported')
    return []
  }
  const args = told['arguments']
  return [
    {
      kind: 'tool_call',
      id: asText(call?.['id']) ?? '',
      name,
      args: typeof args === 'string' ? { raw: args } : { value: args ?? {} },
      isCustom: false,
      tool: 'function',
    },
  ]
}

/** There is no word for a failed call but the first one of its result. */
function readResult(message: JsonObject, field: string, notes: Notes): Message {
  const parts = readSaid(message, field, notes)
  const [first, ...others] = parts
  const isError = first?.kind === 'text' && first.text.startsWith(errorMark)
  const name = asText(message['tool_name']) ?? asText(message['name'])
  const told: Part[] = isError ? [{ ...first, text: first.text.slice(errorMark.length) }, ...others] : parts
  return {
    role: 'user',
    parts: [
      {
        kind: 'tool_result',
        callId: asText(message['tool_call_id']) ?? '',
        ...(name === undefined || name === '' ? {} : { name }),
        parts: told,
        isError,
        isCustom: false,
      },
    ],
    placement: 'inline',
  }
}
