import type { JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, Message, Part, ToolResultPart } from '#translate/common.ts'
import { alternating, inOrder, splitSystem } from '#translate/history.ts'
import { errorMark, withErrorMark } from '#translate/error-mark.ts'
import type { Notes } from '#translate/notes.ts'
import { toolIdFor } from '#translate/tool-ids.ts'
import { AssistantWriter } from './write-assistant.ts'
import { ContentWriter } from './write-content.ts'
import type { ToolPlan } from './write-tools.ts'
import { fieldOf } from './where.ts'

/** The messages as a backend of Chat takes them. `instruction`: more for the system. */
export function writeMessages(
  request: CommonRequest,
  target: Target,
  tools: ToolPlan,
  instruction: string | undefined,
  notes: Notes,
): JsonObject[] {
  const { profile, policy } = target
  const ordered = inOrder(request.messages, policy.repairsHistory, notes)
  const { system, talk } = splitSystem(ordered, profile.takesInlineSystem, policy.inlineSystem, notes)
  const writer = new MessageWriter(request, target, tools, notes)
  const more: Message[] =
    instruction === undefined
      ? []
      : [{ role: 'system', parts: [{ kind: 'text', text: instruction }], placement: 'top' }]
  const begun = profile.mustStartWithUser ? withUserFirst(alternating(talk), notes) : talk
  if (begun.at(-1)?.role === 'assistant' && request.form !== 'chat' && !profile.takesPrefill) {
    notes.adapt('adapted:prefill')
  }
  return [
    ...writer.system([...system, ...more]),
    ...begun.flatMap((message) => writer.message(message, message === begun.at(-1))),
    ...writer.rest(),
  ]
}

function withUserFirst(talk: readonly Message[], notes: Notes): readonly Message[] {
  if (talk[0]?.role !== 'assistant') return talk
  notes.adapt('adapted:turn_inserted')
  return [{ role: 'user', parts: [{ kind: 'text', text: 'Continue.' }], placement: 'inline' }, ...talk]
}

class MessageWriter {
  readonly #request: CommonRequest
  readonly #target: Target
  readonly #content: ContentWriter
  readonly #assistant: AssistantWriter
  readonly #tools: ToolPlan
  readonly #notes: Notes
  /** What the model made, which none of its own messages may hold. */
  #made: JsonObject[] = []

  constructor(request: CommonRequest, target: Target, tools: ToolPlan, notes: Notes) {
    this.#request = request
    this.#target = target
    this.#content = new ContentWriter(request, target.profile, notes)
    this.#assistant = new AssistantWriter(request, target, tools, this.#content, notes)
    this.#tools = tools
    this.#notes = notes
  }

  system(messages: readonly Message[]): JsonObject[] {
    const written = messages.map((message) => this.#content.parts(message.parts))
    const all = written.flat()
    if (!this.#target.profile.wantsSingleSystem || all.length === 0) {
      return written.flatMap((parts, at) => {
        const message = messages[at]
        return message === undefined ? [] : this.#withContent(message, this.#systemRole, parts)
      })
    }
    const text = all.map((part) => part['text']).join('\n\n')
    return [{ role: this.#systemRole, content: text }]
  }

  message(message: Message, isLast: boolean): JsonObject[] {
    switch (message.role) {
      case 'system':
      case 'developer':
        return [...this.rest(), ...this.#withContent(message, this.#systemRole, this.#content.parts(message.parts))]
      case 'user':
        return this.#ofUser(message)
      case 'assistant': {
        const before = this.rest()
        const written = this.#assistant.write(message)
        this.#made = this.#content.parts(message.parts.filter(isMade))
        if (written === undefined) return before
        const name = this.#name(message)
        const { takesPrefill, toolIdForm } = this.#target.profile
        const prefix = isLast && takesPrefill && toolIdForm === 'mistral' ? { prefix: true } : {}
        return [...before, { ...written, ...name, ...prefix }]
      }
    }
  }

  /** What was made last is shown to the model as if by the user, behind the results of its calls. */
  rest(): JsonObject[] {
    const made = this.#made
    this.#made = []
    return made.length === 0 ? [] : [{ role: 'user', content: this.#content.content(made) }]
  }

  get #systemRole(): string {
    return this.#target.profile.systemRole
  }

  /** Results first, one message each; then the rest, with the media that no result may hold. */
  #ofUser(message: Message): JsonObject[] {
    const made = this.#made
    this.#made = []
    const moved: JsonObject[] = []
    const results = message.parts.flatMap((part) => (part.kind === 'tool_result' ? [this.#result(part, moved)] : []))
    const others = message.parts.filter((part) => part.kind !== 'tool_result')
    const said = [...made, ...moved, ...this.#content.parts(others)]
    if (said.length === 0 && results.length > 0) return results
    return [...results, ...this.#withContent(message, 'user', said)]
  }

  #result(result: ToolResultPart, moved: JsonObject[]): JsonObject {
    const { profile } = this.#target
    if (result.cache !== undefined) this.#notes.drop('dropped:cache_hint', fieldOf(this.#request, result))
    const told = profile.takesMediaInResults ? result.parts : this.#withoutMedia(result.parts, moved)
    const parts = this.#content.parts(told)
    const value = result.value === undefined ? '' : jsonText(result.value)
    const content = parts.length === 0 ? this.#textOf(value) : this.#content.content(parts)
    // Mistral wants to be told again which function it was.
    const name = profile.toolIdForm === 'mistral' && result.name !== undefined
    return {
      role: 'tool',
      tool_call_id: toolIdFor(result.callId, profile),
      ...(name ? { name: this.#tools.names.sent(result.name ?? '', result.namespace) } : {}),
      content: result.isError ? marked(content) : content,
    }
  }

  /** Some servers refuse a result that says nothing. */
  #textOf(value: string): string {
    return value === '' && this.#request.form !== 'chat' ? '(no output)' : value
  }

  #withoutMedia(parts: readonly Part[], moved: JsonObject[]): Part[] {
    return parts.map((part) => {
      if (part.kind !== 'media') return part
      const written = this.#content.parts([part])
      // A file that is text stays where it is.
      const text = written.length === 1 && written[0]?.['type'] === 'text' ? written[0]['text'] : undefined
      if (typeof text === 'string') return { kind: 'text', text }
      this.#notes.adapt('adapted:tool_media_moved')
      const number = moved.filter((other) => other['type'] !== 'text').length + 1
      moved.push({ type: 'text', text: `Attached file ${number}:` }, ...written)
      return { kind: 'text', text: `See attached file ${number}.` }
    })
  }

  /** What has lost all of its content on the way is left out; what had none stays. */
  #withContent(message: Message, role: string, parts: readonly JsonObject[]): JsonObject[] {
    if (parts.length === 0 && message.parts.length > 0) return []
    return [{ role, content: this.#content.content(parts), ...this.#name(message) }]
  }

  #name({ name }: Message): JsonObject {
    if (name === undefined) return {}
    if (!this.#target.profile.refuses.has('name')) return { name }
    this.#notes.drop('dropped:message_name')
    return {}
  }
}

/** Produced audio may be named by its id. */
function isMade(part: Part): boolean {
  return part.kind === 'media' && !(part.medium === 'audio' && 'file' in part.source)
}

/** Chat has no other word for it than the first one of the text. */
function marked(content: string | readonly JsonObject[]): string | readonly JsonObject[] {
  if (typeof content === 'string') return withErrorMark(content)
  const [first, ...others] = content
  const text = first?.['type'] === 'text' ? first['text'] : undefined
  if (typeof text !== 'string') return [{ type: 'text', text: errorMark }, ...content]
  return [{ ...first, text: withErrorMark(text) }, ...others]
}

function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
