import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Message, Part, ToolResultPart } from '#translate/common.ts'
import { errorMark } from '#translate/error-mark.ts'
import type { Notes } from '#translate/notes.ts'
import { membersOf, saysMore, tellUnknown } from '#translate/unknown-members.ts'
import { readCalls, readFunctionCall } from './read-calls.ts'
import { readCacheHint, readContent } from './read-parts.ts'
import { readThoughts, withSignatures } from './read-thoughts.ts'

/** The messages of a Chat request; those of the system in front of all others stand at the top. */
export function readMessages(value: unknown, notes: Notes): Message[] {
  if (!Array.isArray(value) || value.length === 0) {
    notes.reject('messages', 'a request without messages is not supported')
    return []
  }
  const reader = new MessageReader(notes)
  return asList(value).flatMap((message, at) => reader.read(message, `messages[${at}]`))
}

class MessageReader {
  readonly #notes: Notes
  readonly #customCalls = new Set<string>()
  /** Of legacy calls, which have none: name of the function → id. */
  readonly #functionIds = new Map<string, string>()
  #isTop = true

  constructor(notes: Notes) {
    this.#notes = notes
  }

  read(value: unknown, field: string): Message[] {
    const message = asObject(value)
    const role = message?.['role']
    const isSystem = role === 'system' || role === 'developer'
    this.#isTop &&= isSystem
    if (message === undefined) return this.#refuse(field, 'a message that is no object is not supported')
    tellUnknown(message, messageMembers, field, this.#notes)
    if (saysMore(message['annotations'])) this.#notes.drop('dropped:citations', `${field}.annotations`)
    switch (role) {
      case 'system':
      case 'developer':
        return [this.#message(message, role, this.#content(message, field))]
      case 'user':
        return [this.#message(message, role, this.#content(message, field))]
      case 'assistant':
        return [this.#message(message, role, this.#assistantParts(message, field))]
      case 'tool':
        return [this.#result(message, asText(message['tool_call_id']) ?? '', field)]
      case 'function':
        return [this.#result(message, this.#functionIds.get(asText(message['name']) ?? '') ?? '', field)]
      default:
        return this.#refuse(`${field}.role`, `the role "${asText(role) ?? ''}" is not supported`)
    }
  }

  #message(message: JsonObject, role: Message['role'], parts: readonly Part[]): Message {
    const name = asText(message['name'])
    const placement = this.#isTop ? 'top' : 'inline'
    return name === undefined ? { role, parts, placement } : { role, parts, placement, name }
  }

  /** The parts; a breakpoint of the whole message stands behind its last part. */
  #content(message: JsonObject, field: string): Part[] {
    const parts = readContent(message['content'], `${field}.content`, this.#notes)
    const cache = readCacheHint(message)
    const last = parts.at(-1)
    if (cache === undefined || last === undefined || (last.kind !== 'text' && last.kind !== 'media')) return parts
    return [...parts.slice(0, -1), { ...last, cache }]
  }

  #assistantParts(message: JsonObject, field: string): Part[] {
    const content = this.#content(message, field)
    const refusal = asText(message['refusal']) ?? ''
    const audioId = asText(asObject(message['audio'])?.['id'])
    const calls = [
      ...readCalls(message['tool_calls'], `${field}.tool_calls`, this.#notes),
      ...readFunctionCall(message['function_call'], field),
    ]
    for (const call of calls) {
      if (call.isCustom) this.#customCalls.add(call.id)
      this.#functionIds.set(call.name, call.id)
    }
    const said: Part[] = content
    if (refusal !== '') said.push({ kind: 'refusal', text: refusal })
    if (audioId !== undefined) {
      said.push({ kind: 'media', medium: 'audio', mime: '', source: { file: { form: 'chat', id: audioId } } })
    }
    said.push(...readContent(asList(message['images']), `${field}.images`, this.#notes))
    return withSignatures(readThoughts(message, ''), said, calls)
  }

  /** Chat has no word for a failed call but the first one of its result. */
  #result(message: JsonObject, callId: string, field: string): Message {
    const parts = readContent(message['content'], `${field}.content`, this.#notes)
    const [first, ...others] = parts
    const isError = first?.kind === 'text' && first.text.startsWith(errorMark)
    const name = asText(message['name'])
    const cache = readCacheHint(message)
    const told: readonly Part[] = isError ? [{ ...first, text: first.text.slice(errorMark.length) }, ...others] : parts
    const result: ToolResultPart = {
      kind: 'tool_result',
      callId,
      ...(name === undefined ? {} : { name }),
      parts: told,
      isError,
      isCustom: this.#customCalls.has(callId),
      ...(cache === undefined ? {} : { cache }),
    }
    return { role: 'user', parts: [result], placement: 'inline' }
  }

  #refuse(field: string, message: string): [] {
    this.#notes.reject(field, message)
    return []
  }
}

const messageMembers = membersOf(
  'role content name tool_call_id tool_calls function_call refusal audio images annotations reasoning_content ' +
    'reasoning reasoning_details cache_control prompt_cache_breakpoint',
)
