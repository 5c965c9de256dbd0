import { asObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type {
  CacheHint,
  CommonRequest,
  MediaPart,
  Message,
  NativePart,
  Part,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
} from '#translate/common.ts'
import { takesPlainThoughts } from '#translate/continuity.ts'
import type { Notes } from '#translate/notes.ts'
import { isAtHome } from '#translate/opaque.ts'
import { argsObject, argsOfCustom } from '#translate/tool-args.ts'
import { toolIdFor } from '#translate/tool-ids.ts'
import { blockMember, blockPartMember } from './block-member.ts'
import { cacheControlOf } from './cache-hint.ts'
import { nativeCitationOf } from './citations.ts'
import { FieldNames } from './field-names.ts'
import { ttlDefaultOf } from './write-carried.ts'
import { writeMedia } from './write-media.ts'
import type { ToolPlan } from './write-tools.ts'
import type { Block } from './written.ts'

/** Parts of messages → blocks. */
export class PartWriter {
  readonly #request: CommonRequest
  readonly #target: Target
  readonly #tools: ToolPlan
  readonly #notes: Notes
  readonly #fields: FieldNames
  readonly #isOwn: boolean

  constructor(request: CommonRequest, target: Target, tools: ToolPlan, notes: Notes) {
    this.#request = request
    this.#target = target
    this.#tools = tools
    this.#notes = notes
    this.#fields = new FieldNames(request)
    this.#isOwn = request.form === 'messages'
  }

  system(message: Message): readonly Block[] {
    const blocks: Block[] = []
    for (const part of message.parts) {
      if (part.kind === 'text') blocks.push(...this.#text(part, false))
      else this.#notes.reject(this.#fields.of(part), 'only texts can be instructions')
    }
    return blocks
  }

  blocks(message: Message): Block[] {
    const blocks: Block[] = []
    // What was signed is signed with every blank around it.
    const isSigned = message.parts.some((part) => part.kind === 'reasoning' && this.#isSigned(part))
    const moved: Block[] = []
    for (const part of message.parts) blocks.push(...this.#part(part, message, isSigned, moved))
    return moved.length === 0
      ? blocks
      : [...blocks.filter(isResult), ...moved, ...blocks.filter((block) => !isResult(block))]
  }

  /** `moved`: takes what a result cannot hold, to stand behind the results. */
  #part(part: Part, message: Message, isSigned: boolean, moved: Block[]): readonly Block[] {
    switch (part.kind) {
      case 'text':
        return this.#text(part, isSigned)
      case 'refusal':
        return part.text.trim() === '' ? [] : [{ type: 'text', text: part.text }]
      case 'media':
        return this.#media(part, message.role === 'assistant')
      case 'reasoning':
        return this.#reasoning(part)
      case 'tool_call':
        return [this.#call(part)]
      case 'tool_result':
        return [this.#result(part, moved)]
      case 'native':
        return this.#native(part)
    }
  }

  /** Anthropic refuses texts without a word in them. */
  #text(part: TextPart, isSigned: boolean): readonly Block[] {
    if (this.#isOwn && part.rest !== undefined) {
      if (part.rest[blockPartMember] === true) return []
      const block = asObject(part.rest[blockMember])
      if (block !== undefined) return [{ ...block }]
    }
    if (part.text === '' || (!isSigned && part.text.trim() === '')) return []
    const citations = this.#citations(part)
    return [
      { type: 'text', text: part.text, ...(citations !== undefined && { citations }), ...this.#cache(part.cache) },
    ]
  }

  #citations({ annotations }: TextPart): readonly object[] | undefined {
    if (annotations === undefined || annotations.length === 0) return undefined
    if (!this.#isOwn) {
      this.#notes.drop('dropped:citations', 'annotations')
      return undefined
    }
    const citations = annotations.map(nativeCitationOf).filter((citation) => citation !== undefined)
    return citations.length === 0 ? undefined : citations
  }

  #media(part: MediaPart, isAssistants: boolean): readonly Block[] {
    if (this.#isOwn && part.rest?.[blockPartMember] === true) return []
    const field = this.#fields.of(part)
    if (part.medium === 'audio' && part.transcript !== undefined && part.transcript !== '') {
      this.#notes.adapt('adapted:audio_transcript', field)
      return [{ type: 'text', text: part.transcript }]
    }
    if (isAssistants) {
      this.#notes.reject(field, `${part.medium} in a message of the assistant is not supported`)
      return []
    }
    const block = writeMedia(part, field, this.#target.profile, this.#notes)
    return block === undefined ? [] : [{ ...block, ...this.#cache(part.cache) }]
  }

  #isSigned({ opaque }: ReasoningPart): boolean {
    if (opaque === undefined || (opaque.kind !== 'signature' && opaque.kind !== 'redacted')) return false
    return isAtHome(opaque, 'messages', this.#target.profile)
  }

  /** Only what this provider signed, exactly as it was: anything else it refuses; unless it wants them and signs none. */
  #reasoning(part: ReasoningPart): readonly Block[] {
    const { opaque } = part
    if (opaque === undefined || !this.#isSigned(part)) {
      if (part.text !== '' && takesPlainThoughts('messages', this.#target.profile)) {
        return [{ type: 'thinking', thinking: part.text, signature: '' }]
      }
      this.#notes.drop('dropped:foreign_reasoning', this.#fields.of(part))
      return []
    }
    if (opaque.kind === 'redacted') return [{ type: 'redacted_thinking', data: opaque.payload }]
    return [{ type: 'thinking', thinking: part.text, signature: opaque.payload }]
  }

  #call(part: ToolCallPart): Block {
    if (part.opaque !== undefined && part.opaque.form !== 'messages') {
      this.#notes.drop('dropped:foreign_reasoning', this.#fields.of(part))
    }
    const args = part.isCustom ? argsOfCustom(part.args) : part.args
    const name = this.#isOwn && part.tool !== 'function' ? part.name : this.#tools.names.sent(part.name, part.namespace)
    return {
      type: 'tool_use',
      id: this.#id(part.id),
      name,
      input: argsObject(args, this.#notes, this.#fields.of(part)),
      ...(this.#isOwn && part.rest),
      ...this.#cache(part.cache),
    }
  }

  #id(id: string): string {
    return toolIdFor(id, this.#target.profile)
  }

  #result(part: ToolResultPart, moved: Block[]): Block {
    const content = part.value === undefined ? this.#resultContent(part, moved) : textOfValue(part.value)
    // Anthropic takes a result without content, but no error without one.
    const told = part.isError && (content === undefined || content === '') ? '(no output)' : content
    return {
      type: 'tool_result',
      tool_use_id: this.#id(part.callId),
      ...(told !== undefined && { content: told }),
      ...(part.isError && { is_error: true }),
      ...(this.#isOwn && part.rest),
      ...this.#cache(part.cache),
    }
  }

  #resultContent(part: ToolResultPart, moved: Block[]): string | readonly Block[] | undefined {
    const blocks: Block[] = []
    for (const inner of part.parts) {
      if (inner.kind === 'text') blocks.push(...this.#text(inner, false))
      else if (inner.kind === 'media') blocks.push(...this.#resultMedia(inner, moved))
      else if (inner.kind === 'native') blocks.push(...this.#native(inner))
      else if (inner.kind === 'refusal') blocks.push({ type: 'text', text: inner.text })
    }
    const [first, ...others] = blocks
    if (first === undefined) return undefined
    const isText = others.length === 0 && first['type'] === 'text' && Object.keys(first).length === 2
    return isText && typeof first['text'] === 'string' ? first['text'] : blocks
  }

  #resultMedia(part: MediaPart, moved: Block[]): readonly Block[] {
    const written = this.#media(part, false)
    if (this.#target.profile.takesMediaInResults || written.length === 0 || written[0]?.['type'] === 'text')
      return written
    this.#notes.adapt('adapted:tool_media_moved', this.#fields.of(part))
    // Each has a text in front of it that names it.
    const count = moved.length / 2 + 1
    moved.push({ type: 'text', text: `Attached file ${count}:` }, ...written)
    return [{ type: 'text', text: `See attached file ${count}.` }]
  }

  /** What stands for a history that is encrypted cannot be left out; what another provider did by itself can. */
  #native(part: NativePart): readonly Block[] {
    if (part.form === 'messages') return [{ ...part.value }]
    const field = this.#fields.of(part)
    if (part.type === 'compaction') this.#notes.reject(field, 'an encrypted summary of the history is not supported')
    else this.#notes.drop('dropped:server_tool_blocks', field)
    return []
  }

  #cache(hint: CacheHint | undefined): Block | undefined {
    if (hint === undefined) return undefined
    return { cache_control: cacheControlOf(hint, ttlDefaultOf(this.#request.cache?.retention)) }
  }
}

function textOfValue(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function isResult(block: Block): boolean {
  return block['type'] === 'tool_result'
}
