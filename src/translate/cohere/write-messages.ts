import { asObject, type JsonObject } from '#kit/json-value.ts'
import { fieldOf } from '#translate/chat/where.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, Message, Part, ToolCallPart, ToolResultPart } from '#translate/common.ts'
import { errorMark, withErrorMark } from '#translate/error-mark.ts'
import { inOrder, splitSystem } from '#translate/history.ts'
import type { Notes } from '#translate/notes.ts'
import { isAtHome } from '#translate/opaque.ts'
import { argsOfCustom, argsText } from '#translate/tool-args.ts'
import { toolIdFor } from '#translate/tool-ids.ts'
import type { ToolNames } from '#translate/tool-names.ts'
import { planPayload } from './answer-parts.ts'
import { contentOf, ContentWriter } from './write-content.ts'

/** The messages as Cohere takes them. `instruction`: more for the system. */
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
  if (talk.at(-1)?.role === 'assistant' && !profile.takesPrefill) notes.adapt('adapted:prefill')
  const writer = new MessageWriter(request, target, names, notes)
  return [...writer.system(system, instruction), ...talk.flatMap((message) => writer.message(message))]
}

class MessageWriter {
  readonly #request: CommonRequest
  readonly #target: Target
  readonly #names: ToolNames
  readonly #content: ContentWriter
  readonly #notes: Notes

  constructor(request: CommonRequest, target: Target, names: ToolNames, notes: Notes) {
    this.#request = request
    this.#target = target
    this.#names = names
    this.#content = new ContentWriter(request, target.profile, notes)
    this.#notes = notes
  }

  system(messages: readonly Message[], instruction: string | undefined): JsonObject[] {
    const contents = messages.map(({ parts }) => contentOf(this.#content.parts(parts)))
    if (instruction !== undefined) contents.push(instruction)
    const told = contents.filter((content) => content.length > 0)
    if (!this.#target.profile.wantsSingleSystem) return told.map((content) => ({ role: this.#systemRole, content }))
    const texts = told.flatMap((content) => (typeof content === 'string' ? [content] : content.map(({ text }) => text)))
    return texts.length === 0 ? [] : [{ role: this.#systemRole, content: texts.join('\n\n') }]
  }

  message(message: Message): JsonObject[] {
    switch (message.role) {
      case 'system':
      case 'developer':
        return this.#withContent(message, this.#systemRole, this.#content.parts(message.parts))
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
    const moved: JsonObject[] = []
    const results = message.parts.flatMap((part) => (part.kind === 'tool_result' ? [this.#result(part, moved)] : []))
    const said = this.#content.parts(message.parts.filter((part) => part.kind !== 'tool_result'))
    const all = [...moved, ...said]
    if (all.length === 0 && results.length > 0) return results
    return [...results, ...this.#withContent(message, 'user', all)]
  }

  /** What has lost all of its content on the way is left out. */
  #withContent(message: Message, role: string, content: readonly JsonObject[]): JsonObject[] {
    if (content.length === 0 && message.parts.length > 0) return []
    return [{ role, content: contentOf(content) }]
  }

  #ofAssistant(message: Message): JsonObject[] {
    const calls = message.parts.filter((part) => part.kind === 'tool_call')
    const { plan, thoughts } = this.#thoughts(message.parts)
    const content = [...thoughts, ...this.#content.parts(message.parts)]
    if (calls.length === 0 && content.length === 0) return []
    return [
      {
        role: 'assistant',
        // A plan belongs to calls.
        ...(plan === '' || calls.length === 0 ? {} : { tool_plan: plan }),
        ...(content.length === 0 ? {} : { content: contentOf(content) }),
        ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => this.#call(call)) }),
      },
    ]
  }

  /** Its own plans go back to where they stood, and its own thoughts where it wants them. */
  #thoughts(parts: readonly Part[]): { readonly plan: string; readonly thoughts: readonly JsonObject[] } {
    const { profile } = this.#target
    const thoughts: JsonObject[] = []
    let plan = ''
    for (const part of parts) {
      if (part.kind !== 'reasoning') continue
      const isOwn = part.opaque !== undefined && isAtHome(part.opaque, 'cohere', profile)
      if (isOwn && part.opaque?.payload === planPayload) plan += part.text
      else if (profile.reasoning.history !== 'drop' && part.text !== '') {
        thoughts.push({ type: 'thinking', thinking: part.text })
      } else if (part.text !== '') this.#notes.drop('dropped:foreign_reasoning', fieldOf(this.#request, part))
      if (part.opaque !== undefined && part.opaque.kind !== 'text' && !isOwn) {
        this.#notes.drop('dropped:foreign_reasoning')
      }
    }
    return { plan, thoughts }
  }

  #call(call: ToolCallPart): JsonObject {
    if (call.opaque !== undefined && call.opaque.kind !== 'text') this.#notes.drop('dropped:foreign_reasoning')
    if (call.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    const args = call.isCustom ? argsOfCustom(call.args) : call.args
    return {
      id: toolIdFor(call.id, this.#target.profile),
      type: 'function',
      function: { name: this.#names.sent(call.name, call.namespace), arguments: argsText(args) },
    }
  }

  #result(result: ToolResultPart, moved: JsonObject[]): JsonObject {
    if (result.cache !== undefined) this.#notes.drop('dropped:cache_hint')
    return {
      role: 'tool',
      tool_call_id: toolIdFor(result.callId, this.#target.profile),
      content: this.#resultContent(result, moved),
    }
  }

  /** An object is a document, which it can cite; a text stays what it is. */
  #resultContent(result: ToolResultPart, moved: JsonObject[]): string | readonly JsonObject[] {
    const { value, isError } = result
    const object = asObject(value)
    const parts = this.#withoutMedia(result.parts, moved)
    const content = this.#content.parts(parts)
    if (content.length === 0 && object !== undefined && !isError)
      return [{ type: 'document', document: { data: object } }]
    if (content.length === 0 && value !== undefined) return marked(jsonText(value), isError)
    const told = contentOf(content)
    if (told.length === 0) return marked('(no output)', isError)
    if (typeof told === 'string') return marked(told, isError)
    const [first, ...others] = told
    const text = first?.['text']
    if (typeof text === 'string') return [{ ...first, text: marked(text, isError) }, ...others]
    return isError ? [{ type: 'text', text: errorMark }, ...told] : told
  }

  #withoutMedia(parts: readonly Part[], moved: JsonObject[]): Part[] {
    return parts.map((part): Part => {
      if (part.kind !== 'media') return part
      const written = this.#content.parts([part])
      const text = written.length === 1 && written[0]?.['type'] === 'text' ? written[0]['text'] : undefined
      if (typeof text === 'string') return { kind: 'text', text }
      this.#notes.adapt('adapted:tool_media_moved', fieldOf(this.#request, part))
      // Each has a text in front of it that names it.
      const number = moved.length / 2 + 1
      moved.push({ type: 'text', text: `Attached file ${number}:` }, ...written)
      return { kind: 'text', text: `See attached file ${number}.` }
    })
  }
}

/** There is no word for a failed call but the first one of its result. */
function marked(text: string, isError: boolean): string {
  return isError ? withErrorMark(text) : text
}

function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
