import { asObject } from '#kit/json-value.ts'
import type { NativePart, Part, ReasoningPart, ToolCallPart, ToolResultPart } from '#translate/common.ts'
import { errorMark, withErrorMark } from '#translate/error-mark.ts'
import { isAtHome } from '#translate/opaque.ts'
import { argsObject, argsOfCustom } from '#translate/tool-args.ts'
import { toolIdFor } from '#translate/tool-ids.ts'
import type { Block } from './cache-points.ts'
import { fieldOf } from './field-of.ts'
import { MediaBlocks } from './media-block.ts'
import { cacheBehind, isClaude, isNova, type RequestWriting } from './request-writing.ts'

/** Writes the parts of messages as blocks of content. */
export class BlockWriter {
  readonly #writing: RequestWriting
  readonly #media: MediaBlocks
  /** Names, as sent, of the tools that were called so far. */
  readonly calledTools = new Set<string>()

  constructor(writing: RequestWriting) {
    this.#writing = writing
    this.#media = new MediaBlocks(writing)
  }

  /** Parts of one message → the end of `blocks`. */
  write(parts: readonly Part[], blocks: Block[]): void {
    const moved: Block[] = []
    for (const part of parts) {
      // What did not fit into results stands behind all of them, before whatever else is said.
      if (part.kind !== 'tool_result' && moved.length > 0) for (const block of moved.splice(0)) blocks.push(block)
      const block = this.#blockOf(part, moved)
      if (block === undefined) continue
      blocks.push(block)
      const hint = part.kind === 'tool_result' ? hintOfResult(part) : 'cache' in part ? part.cache : undefined
      cacheBehind(this.#writing, 'messages', blocks, hint)
    }
    for (const block of moved) blocks.push(block)
  }

  #blockOf(part: Part, moved: Block[]): Block | undefined {
    switch (part.kind) {
      case 'text':
        if ((part.annotations ?? []).length > 0) this.#lost('dropped:citations', part)
        if (part.opaque !== undefined) this.#lost('dropped:foreign_reasoning', part)
        return textBlock(part.text)
      case 'refusal':
        return textBlock(part.text)
      case 'media':
        return this.#media.block(part, fieldOf(this.#writing.request, part))
      case 'reasoning':
        return this.#reasoning(part)
      case 'tool_call':
        return this.#call(part)
      case 'tool_result':
        return this.#result(part, moved)
      case 'native':
        return this.#native(part)
    }
  }

  /** Thoughts go back to where they came from; those of others are nothing that it could read. */
  #reasoning({ text, opaque }: ReasoningPart): Block | undefined {
    const { profile } = this.#writing.target
    if (opaque !== undefined && opaque.kind !== 'text' && isAtHome(opaque, 'converse', profile)) {
      if (opaque.kind === 'redacted') return { reasoningContent: { redactedContent: opaque.payload } }
      return { reasoningContent: { reasoningText: { text, signature: opaque.payload } } }
    }
    if (profile.reasoning.history !== 'drop' && !isClaude(this.#writing.target) && text.trim() !== '') {
      return { reasoningContent: { reasoningText: { text } } }
    }
    this.#writing.notes.drop('dropped:foreign_reasoning')
    return undefined
  }

  #lost(code: `dropped:${string}`, part: Part): void {
    this.#writing.notes.drop(code, fieldOf(this.#writing.request, part))
  }

  #call(part: ToolCallPart): Block {
    const { names, notes, target, request } = this.#writing
    const name = names.sent(part.name, part.namespace)
    this.calledTools.add(name)
    if (part.opaque !== undefined) this.#lost('dropped:foreign_reasoning', part)
    const args = part.isCustom ? argsOfCustom(part.args) : part.args
    const field = 'raw' in args ? fieldOf(request, part) : ''
    return { toolUse: { toolUseId: toolIdFor(part.id, target.profile), name, input: argsObject(args, notes, field) } }
  }

  #result(part: ToolResultPart, moved: Block[]): Block {
    const { target } = this.#writing
    // Only these know an error by its mark.
    const isMarked = isClaude(target) || isNova(target)
    const content = this.#resultContent(part, moved)
    if (part.isError && !isMarked) markAsError(content)
    return {
      toolResult: {
        toolUseId: toolIdFor(part.callId, target.profile),
        content: content.length === 0 ? [{ text: '(no output)' }] : content,
        ...(isMarked && { status: part.isError ? 'error' : 'success' }),
      },
    }
  }

  #resultContent(part: ToolResultPart, moved: Block[]): Block[] {
    if (part.value !== undefined) {
      const json = asObject(part.value)
      const text = typeof part.value === 'string' ? part.value : JSON.stringify(part.value)
      return json === undefined ? compact([textBlock(text)]) : [{ json }]
    }
    const { notes, request, target } = this.#writing
    const content: Block[] = []
    for (const inner of part.parts) {
      if (inner.kind === 'text') {
        const block = textBlock(inner.text)
        if (block !== undefined) content.push(block)
      } else if (inner.kind === 'media') {
        const block = this.#media.block(inner, fieldOf(request, inner))
        if (block === undefined) continue
        if (target.profile.takesMediaInResults || 'text' in block) content.push(block)
        else this.#move(block, content, moved)
      } else if (inner.kind === 'native') {
        notes.drop('dropped:server_tool_blocks')
      }
    }
    return content
  }

  #move(block: Block, content: Block[], moved: Block[]): void {
    this.#writing.notes.adapt('adapted:tool_media_moved')
    const label = `attached file ${moved.length / 2 + 1}`
    content.push({ text: `See ${label}.` })
    moved.push({ text: `${label}:` }, block)
  }

  #native({ form, type, value }: NativePart): Block | undefined {
    if (form === 'converse') return value
    const { notes } = this.#writing
    if (type === 'item_reference') notes.drop('dropped:item_reference')
    else if (/compaction/.test(type)) notes.reject('', `history of type "${type}" can be read by its own provider only`)
    else notes.drop('dropped:server_tool_blocks')
    return undefined
  }
}

/** Blank texts are refused. */
export function textBlock(text: string): Block | undefined {
  return text.trim() === '' ? undefined : { text }
}

function markAsError(content: Block[]): void {
  const first = content.find((block) => typeof block['text'] === 'string')
  if (first === undefined) content.unshift({ text: errorMark })
  else first['text'] = withErrorMark(String(first['text']))
}

function compact(blocks: readonly (Block | undefined)[]): Block[] {
  return blocks.filter((block) => block !== undefined)
}

/** A point within a result can only stand behind all of it. */
function hintOfResult(part: ToolResultPart) {
  if (part.cache !== undefined) return part.cache
  return part.parts.map((inner) => ('cache' in inner ? inner.cache : undefined)).findLast((hint) => hint !== undefined)
}
