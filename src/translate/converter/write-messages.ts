import { fieldOf } from '#translate/chat/where.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, MediaPart, Message, Part, ToolCallPart, ToolResultPart } from '#translate/common.ts'
import type { ConverterFile, ConverterMessage, ConverterPart } from '#translate/converter.ts'
import { errorMark } from '#translate/error-mark.ts'
import { alternating, inOrder, splitSystem } from '#translate/history.ts'
import { inlined, textOfFile } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'
import { argsObject, argsOfCustom } from '#translate/tool-args.ts'
import { toolIdFor } from '#translate/tool-ids.ts'
import type { ToolNames } from '#translate/tool-names.ts'

/** The messages as converters are handed them. `instruction`: more for the system. */
export function writeMessages(
  request: CommonRequest,
  target: Target,
  names: ToolNames,
  instruction: string | undefined,
  takesTools: boolean,
  notes: Notes,
): { readonly system: string; readonly messages: readonly ConverterMessage[] } {
  const ordered = inOrder(request.messages, target.policy.repairsHistory, notes)
  const { system, talk } = splitSystem(ordered, false, target.policy.inlineSystem, notes)
  const writer = new MessageWriter(request, target, names, takesTools, notes)
  const texts = system.map((message) => textsOf(writer.parts(message)).join('\n\n'))
  if (instruction !== undefined) texts.push(instruction)
  const messages = alternating(talk).flatMap((message): ConverterMessage[] => {
    const parts = writer.parts(message)
    // What has lost all of its content on the way is left out; what had none stays.
    if (parts.length === 0 && message.parts.length > 0) return []
    return [{ role: message.role === 'assistant' ? 'assistant' : 'user', parts }]
  })
  return { system: texts.filter((text) => text !== '').join('\n\n'), messages: withoutNeighbours(messages) }
}

/** Once more, since one between two may have been left out. */
function withoutNeighbours(messages: readonly ConverterMessage[]): readonly ConverterMessage[] {
  if (messages.every(({ role }, index) => messages[index - 1]?.role !== role)) return messages
  const merged: { role: ConverterMessage['role']; parts: ConverterPart[] }[] = []
  for (const { role, parts } of messages) {
    const last = merged.at(-1)
    if (last === undefined || last.role !== role) merged.push({ role, parts: [...parts] })
    else for (const part of parts) last.parts.push(part)
  }
  return merged
}

function textsOf(parts: readonly ConverterPart[]): string[] {
  return parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []))
}

class MessageWriter {
  readonly #request: CommonRequest
  readonly #target: Target
  readonly #names: ToolNames
  readonly #takesTools: boolean
  readonly #notes: Notes

  constructor(request: CommonRequest, target: Target, names: ToolNames, takesTools: boolean, notes: Notes) {
    this.#request = request
    this.#target = target
    this.#names = names
    this.#takesTools = takesTools
    this.#notes = notes
  }

  /** In their order, results first. */
  parts({ parts }: Pick<Message, 'parts'>): ConverterPart[] {
    const results = parts.filter((part) => part.kind === 'tool_result')
    const others = parts.filter((part) => part.kind !== 'tool_result')
    return [...results, ...others].flatMap((part) => this.#part(part))
  }

  #part(part: Part): ConverterPart[] {
    switch (part.kind) {
      case 'text':
        if (part.cache !== undefined) this.#notes.drop('dropped:cache_hint')
        if ((part.annotations ?? []).length > 0) this.#notes.drop('dropped:citations')
        if (part.opaque !== undefined && part.opaque.kind !== 'text') this.#notes.drop('dropped:foreign_reasoning')
        return [{ kind: 'text', text: part.text }]
      case 'refusal':
        return [{ kind: 'text', text: part.text }]
      case 'media':
        return this.#media(part)
      case 'reasoning':
        if (part.opaque !== undefined && part.opaque.kind !== 'text') this.#notes.drop('dropped:foreign_reasoning')
        if (part.text === '' || this.#target.profile.reasoning.history === 'drop') return []
        return [{ kind: 'thinking', text: part.text }]
      case 'tool_call':
        return this.#call(part)
      case 'tool_result':
        return this.#result(part)
      case 'native':
        if (part.type === 'compaction') this.#refuse(part, 'a history that only its own provider can read')
        else this.#notes.drop('dropped:server_tool_blocks', fieldOf(this.#request, part))
        return []
    }
  }

  #media(part: MediaPart): ConverterPart[] {
    if (part.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    if (part.citations === true) this.#notes.drop('dropped:citations')
    const { source, medium, mime, filename } = part
    const { media, takesMediaUrls } = this.#target.profile
    const text = textOfFile(part)
    if (text !== undefined) return [{ kind: 'text', text: inlined(part, text) }]
    if (!media.has(medium)) this.#refuse(part, `${medium} input`)
    else if ('file' in source) this.#refuse(part, 'a file of another provider')
    else if ('url' in source && !takesMediaUrls) this.#refuse(part, 'a file by its address')
    else if (!('text' in source)) {
      if (part.detail !== undefined && part.detail !== 'auto') this.#notes.drop('dropped:image_detail')
      return [{ kind: 'file', medium, mime, ...source, ...(filename === undefined ? {} : { filename }) }]
    }
    return []
  }

  #call(call: ToolCallPart): ConverterPart[] {
    if (!this.#takesTools) this.#refuse(call, 'a call of a tool')
    if (call.opaque !== undefined && call.opaque.kind !== 'text') this.#notes.drop('dropped:foreign_reasoning')
    if (call.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    const written = call.isCustom ? argsOfCustom(call.args) : call.args
    const args = argsObject(written, this.#notes, fieldOf(this.#request, call))
    return [
      {
        kind: 'tool_call',
        id: toolIdFor(call.id, this.#target.profile),
        name: this.#names.sent(call.name, call.namespace),
        args,
        argsText: JSON.stringify(args),
      },
    ]
  }

  #result(result: ToolResultPart): ConverterPart[] {
    if (!this.#takesTools) this.#refuse(result, 'a result of a tool')
    if (result.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    const parts = this.parts(result)
    const files = parts.filter((part): part is ConverterFile => part.kind === 'file')
    const said = textsOf(parts).join('\n')
    const text = said === '' && result.value !== undefined ? jsonText(result.value) : said
    const { isError } = result
    return [
      {
        kind: 'tool_result',
        callId: toolIdFor(result.callId, this.#target.profile),
        name: result.name === undefined ? '' : this.#names.sent(result.name, result.namespace),
        text: isError && text === '' ? errorMark.trim() : text,
        files,
        isError,
      },
    ]
  }

  #refuse(part: Part, what: string): void {
    this.#notes.reject(fieldOf(this.#request, part), `${what} is not supported`)
  }
}

function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
