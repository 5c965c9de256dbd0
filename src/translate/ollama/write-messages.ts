import type { JsonObject } from '#kit/json-value.ts'
import { fieldOf } from '#translate/chat/where.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, MediaPart, Message, Part, ToolCallPart, ToolResultPart } from '#translate/common.ts'
import { withErrorMark } from '#translate/error-mark.ts'
import { inOrder, splitSystem } from '#translate/history.ts'
import { inlined, textOfFile } from '#translate/media.ts'
import type { Notes } from '#translate/notes.ts'
import { isAtHome } from '#translate/opaque.ts'
import { argsObject, argsOfCustom } from '#translate/tool-args.ts'
import { toolIdFor } from '#translate/tool-ids.ts'
import type { ToolNames } from '#translate/tool-names.ts'

/** The messages as Ollama takes them. `instruction`: more for the system. */
export function writeMessages(
  request: CommonRequest,
  target: Target,
  names: ToolNames,
  instruction: string | undefined,
  notes: Notes,
): JsonObject[] {
  const { profile, policy } = target
  const ordered = inOrder(request.messages, policy.repairsHistory, notes)
  const { system, talk } = splitSystem(ordered, profile.takesInlineSystem, policy.inlineSystem, notes)
  if (talk.at(-1)?.role === 'assistant' && request.form !== 'ollama' && !profile.takesPrefill) {
    notes.adapt('adapted:prefill')
  }
  const writer = new MessageWriter(request, target, names, notes)
  return [...writer.system(system, instruction), ...talk.flatMap((message) => writer.message(message))]
}

/** Text in one piece, and images beside it: where they stood in the text is lost. */
interface Said {
  readonly texts: string[]
  readonly images: string[]
}

class MessageWriter {
  readonly #request: CommonRequest
  readonly #target: Target
  readonly #names: ToolNames
  readonly #notes: Notes

  constructor(request: CommonRequest, target: Target, names: ToolNames, notes: Notes) {
    this.#request = request
    this.#target = target
    this.#names = names
    this.#notes = notes
  }

  system(messages: readonly Message[], instruction: string | undefined): JsonObject[] {
    const texts = messages.map(({ parts }) => this.#said(parts).texts.join('\n\n'))
    if (instruction !== undefined) texts.push(instruction)
    const told = texts.filter((text) => text !== '')
    const { wantsSingleSystem } = this.#target.profile
    const contents = wantsSingleSystem && told.length > 0 ? [told.join('\n\n')] : told
    return contents.map((content) => ({ role: this.#systemRole, content }))
  }

  message(message: Message): JsonObject[] {
    switch (message.role) {
      case 'system':
      case 'developer':
        return this.#withContent(message, this.#systemRole, this.#said(message.parts))
      case 'user':
        return this.#ofUser(message)
      case 'assistant':
        return this.#ofAssistant(message)
    }
  }

  get #systemRole(): string {
    return this.#target.profile.systemRole === 'user' ? 'user' : 'system'
  }

  /** Results first, one message each; then the rest, with the media that no result may hold. */
  #ofUser(message: Message): JsonObject[] {
    const moved: Said = { texts: [], images: [] }
    const results = message.parts.flatMap((part) => (part.kind === 'tool_result' ? [this.#result(part, moved)] : []))
    const others = message.parts.filter((part) => part.kind !== 'tool_result')
    const said = this.#said(others)
    const all: Said = { texts: [...moved.texts, ...said.texts], images: [...moved.images, ...said.images] }
    if (all.texts.length === 0 && all.images.length === 0 && results.length > 0) return results
    return [...results, ...this.#withContent(message, 'user', all)]
  }

  #ofAssistant(message: Message): JsonObject[] {
    const calls = message.parts.filter((part) => part.kind === 'tool_call')
    const { texts, images } = this.#said(message.parts)
    const thinking = this.#thoughts(message.parts)
    const isSilent = texts.length === 0 && images.length === 0 && thinking === '' && calls.length === 0
    if (isSilent && message.parts.length > 0) return []
    return [
      {
        role: 'assistant',
        content: texts.join(''),
        ...(thinking === '' ? {} : { thinking }),
        ...(images.length === 0 ? {} : { images }),
        ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => this.#call(call)) }),
      },
    ]
  }

  #thoughts(parts: readonly Part[]): string {
    const { profile } = this.#target
    let text = ''
    for (const part of parts) {
      if (part.kind !== 'reasoning') continue
      if (part.opaque !== undefined && part.opaque.kind !== 'text' && !isAtHome(part.opaque, 'ollama', profile)) {
        this.#notes.drop('dropped:foreign_reasoning')
      }
      text += part.text
    }
    if (profile.reasoning.history !== 'drop') return text
    if (text !== '') this.#notes.drop('dropped:foreign_reasoning', 'messages')
    return ''
  }

  #call(call: ToolCallPart): JsonObject {
    if (call.opaque !== undefined && call.opaque.kind !== 'text') this.#notes.drop('dropped:foreign_reasoning')
    if (call.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    const args = call.isCustom ? argsOfCustom(call.args) : call.args
    return {
      id: toolIdFor(call.id, this.#target.profile),
      function: {
        name: this.#names.sent(call.name, call.namespace),
        arguments: argsObject(args, this.#notes, fieldOf(this.#request, call)),
      },
    }
  }

  #result(result: ToolResultPart, moved: Said): JsonObject {
    if (result.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    const name = result.name === undefined ? {} : { tool_name: this.#names.sent(result.name, result.namespace) }
    const { texts, images } = this.#resultParts(result, moved)
    const text = texts.length > 0 ? texts.join('\n') : result.value === undefined ? '' : jsonText(result.value)
    const content = text === '' && this.#request.form !== 'ollama' ? '(no output)' : text
    return {
      role: 'tool',
      ...name,
      tool_call_id: toolIdFor(result.callId, this.#target.profile),
      content: result.isError ? withErrorMark(content) : content,
      ...(images.length === 0 ? {} : { images }),
    }
  }

  /** Media go behind, into a message of the user, unless the model looks at them where they are. */
  #resultParts({ parts }: ToolResultPart, moved: Said): Said {
    if (this.#target.profile.takesMediaInResults) return this.#said(parts)
    const texts: string[] = []
    for (const part of parts) {
      const { texts: told, images } = this.#said([part])
      texts.push(...told)
      if (images.length === 0) continue
      this.#notes.adapt('adapted:tool_media_moved', fieldOf(this.#request, part))
      moved.images.push(...images)
      const number = moved.images.length
      moved.texts.push(`Attached file ${number}:`)
      texts.push(`See attached file ${number}.`)
    }
    return { texts, images: [] }
  }

  /** What has lost all of its content on the way is left out; what had none stays. */
  #withContent(message: Message, role: string, { texts, images }: Said): JsonObject[] {
    if (texts.length === 0 && images.length === 0 && message.parts.length > 0) return []
    return [{ role, content: texts.join('\n\n'), ...(images.length === 0 ? {} : { images }) }]
  }

  /** Text and images; of other parts, those that are lost are noted. */
  #said(parts: readonly Part[]): Said {
    const said: Said = { texts: [], images: [] }
    for (const part of parts) {
      switch (part.kind) {
        case 'text':
          if (part.cache !== undefined) this.#notes.drop('dropped:cache_hint')
          if ((part.annotations ?? []).length > 0) this.#notes.drop('dropped:citations')
          if (part.opaque !== undefined && part.opaque.kind !== 'text') this.#notes.drop('dropped:foreign_reasoning')
          said.texts.push(part.text)
          break
        case 'refusal':
          said.texts.push(part.text)
          break
        case 'media':
          this.#media(part, said)
          break
        case 'native':
          if (part.type === 'compaction') this.#refuse(part, 'a history that only its own provider can read')
          else this.#notes.drop('dropped:server_tool_blocks', fieldOf(this.#request, part))
          break
        case 'reasoning':
        case 'tool_call':
        case 'tool_result':
          break
      }
    }
    return said
  }

  #media(part: MediaPart, said: Said): void {
    if (part.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    if (part.citations === true) this.#notes.drop('dropped:citations')
    const text = textOfFile(part)
    if (text !== undefined) {
      said.texts.push(inlined(part, text))
      return
    }
    const { source, medium } = part
    if (medium !== 'image' || !this.#target.profile.media.has('image')) this.#refuse(part, `${medium} input`)
    else if ('base64' in source) this.#image(part, source.base64, said)
    else this.#refuse(part, 'url' in source ? 'an image by its address' : 'a file of another provider')
  }

  #image(part: MediaPart, base64: string, said: Said): void {
    if (part.detail !== undefined && part.detail !== 'auto') this.#notes.drop('dropped:image_detail')
    said.images.push(base64)
  }

  #refuse(part: Part, what: string): void {
    this.#notes.reject(fieldOf(this.#request, part), `${what} is not supported`)
  }
}

function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
