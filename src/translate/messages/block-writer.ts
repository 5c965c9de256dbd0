import type { AnswerContext, FramedEvent } from '#translate/codec.ts'
import type { NativePart, Opaque, PartHead, PartMeta } from '#translate/common.ts'
import { callIdFor, isUnreadable, mediaNote, signatureOf, signatureOfAnother } from './answer-words.ts'
import { textSignatureId } from './block-member.ts'
import { citationOf } from './citations.ts'
import { begunBlock } from './native-block.ts'
import type { Told } from './stop.ts'
import { blockDelta, blockStart, blockStop, deltaPrefix, textDelta } from './stream-words.ts'

/** A part that is being told. */
interface OpenPart {
  readonly head: PartHead
  /** Of its block; -1 until that has begun: thoughts and calls wait to know what must stand in front of them. */
  index: number
  /** What stands in front of a delta's text. */
  prefix: string
  /** As the client knows the call. */
  callId: string
  opaque: Opaque | undefined
  isEmpty: boolean
}

/** Parts as blocks of a stream: one open at a time, with indexes that have no gap. */
export class BlockWriter implements Told {
  isRefused = false
  hasNative = false
  characters = 0
  readonly #context: AnswerContext
  readonly #isThoughtHidden: boolean
  #open: OpenPart | undefined
  #blocks = 0
  #hidden: string[] = []

  constructor(context: AnswerContext) {
    this.#context = context
    this.#isThoughtHidden = context.request.reasoning?.visibility === 'none'
  }

  start(head: PartHead): readonly FramedEvent[] {
    const part: OpenPart = { head, index: -1, prefix: '', callId: '', opaque: undefined, isEmpty: true }
    this.#open = part
    switch (head.kind) {
      case 'refusal':
        this.isRefused = true
        return [this.#startText(part)]
      case 'text':
        return [this.#startText(part)]
      case 'media':
        if ((head.part.transcript ?? '') === '') this.#context.notes?.lose('dropped:answer_field', head.part.medium)
        return this.#whole(emptyText, { type: 'text_delta', text: mediaNote(head.part) })
      case 'native':
        return this.#native(head.part)
      case 'reasoning':
      case 'tool_call':
        return nothing
    }
  }

  delta(text: string): readonly FramedEvent[] {
    const part = this.#open
    if (part === undefined || text === '') return nothing
    const { head } = part
    if (head.kind === 'media' || head.kind === 'native') return nothing
    this.characters += text.length
    if (head.kind === 'reasoning' && this.#isThoughtHidden) {
      this.#hidden.push(text)
      return nothing
    }
    const told = head.kind === 'tool_call' && head.isCustom ? inputPiece(text, part.isEmpty) : text
    part.isEmpty = false
    if (part.index !== -1) return [textDelta(part.prefix, told)]
    const start = head.kind === 'reasoning' ? [this.#startThinking(part)] : this.#startCall(part)
    return [...start, textDelta(part.prefix, told)]
  }

  meta(meta: PartMeta): readonly FramedEvent[] {
    const part = this.#open
    if (part === undefined) return nothing
    if (meta.opaque !== undefined) part.opaque = meta.opaque
    if (meta.annotation === undefined || part.head.kind !== 'text') return nothing
    const citation = citationOf(meta.annotation)
    if (citation === undefined) this.#context.notes?.lose('dropped:citations')
    return citation === undefined ? nothing : [blockDelta(part.index, { type: 'citations_delta', citation })]
  }

  end(): readonly FramedEvent[] {
    const part = this.#open
    this.#open = undefined
    switch (part?.head.kind) {
      case 'text':
      case 'refusal':
        // What was signed is known only at its end, so that the signature stands behind it.
        return [blockStop(part.index), ...this.#signature(part.opaque, textSignatureId)]
      case 'reasoning':
        return this.#endThinking(part, part.head.isRedacted)
      case 'tool_call':
        return this.#endCall(part, part.head.isCustom)
      case 'media':
      case 'native':
      case undefined:
        return nothing
    }
  }

  #startText(part: OpenPart): FramedEvent {
    const start = this.#begin(part, emptyText)
    part.prefix = deltaPrefix(part.index, 'text_delta', 'text')
    return start
  }

  #startThinking(part: OpenPart): FramedEvent {
    const start = this.#begin(part, emptyThinking)
    part.prefix = deltaPrefix(part.index, 'thinking_delta', 'thinking')
    return start
  }

  /** Behind the thought without words that holds the call's signature. */
  #startCall(part: OpenPart): readonly FramedEvent[] {
    const { head } = part
    if (head.kind !== 'tool_call') return nothing
    part.callId = callIdFor(head.id, this.#context)
    const signature = this.#signature(part.opaque, part.callId)
    part.opaque = undefined
    const start = this.#begin(part, { type: 'tool_use', id: part.callId, name: head.name, input: {} })
    part.prefix = deltaPrefix(part.index, 'input_json_delta', 'partial_json')
    return [...signature, start]
  }

  #begin(part: OpenPart, block: object): FramedEvent {
    part.index = this.#blocks
    this.#blocks += 1
    return blockStart(part.index, block)
  }

  #signature(opaque: Opaque | undefined, id: string): readonly FramedEvent[] {
    if (opaque === undefined) return nothing
    return this.#whole(emptyThinking, { type: 'signature_delta', signature: signatureOfAnother(opaque, id) })
  }

  #native(part: NativePart): readonly FramedEvent[] {
    if (part.form !== 'messages') return nothing
    this.hasNative = true
    const { block, input } = begunBlock(part.value)
    return this.#whole(block, input === undefined ? undefined : { type: 'input_json_delta', partial_json: input })
  }

  #whole(block: object, delta: object | undefined): readonly FramedEvent[] {
    const index = this.#blocks
    this.#blocks += 1
    if (delta === undefined) return [blockStart(index, block), blockStop(index)]
    return [blockStart(index, block), blockDelta(index, delta), blockStop(index)]
  }

  #endThinking(part: OpenPart, isRedacted: boolean): readonly FramedEvent[] {
    const hidden = this.#hidden.join('')
    this.#hidden = []
    const { opaque } = part
    if (part.isEmpty && opaque !== undefined && isUnreadable(isRedacted, hidden, opaque)) {
      return this.#whole({ type: 'redacted_thinking', data: signatureOf(opaque, '') }, undefined)
    }
    if (part.isEmpty && hidden === '' && opaque === undefined) return nothing
    const start = part.index === -1 ? [this.#startThinking(part)] : nothing
    const signature = blockDelta(part.index, { type: 'signature_delta', signature: signatureOf(opaque, hidden) })
    return [...start, signature, blockStop(part.index)]
  }

  #endCall(part: OpenPart, isCustom: boolean): readonly FramedEvent[] {
    const start = part.index === -1 ? this.#startCall(part) : nothing
    const last = isCustom ? (part.isEmpty ? '{"input":""}' : '"}') : part.isEmpty ? '' : undefined
    return [
      ...start,
      ...(last === undefined ? nothing : [textDelta(part.prefix, last)]),
      blockStop(part.index),
      // Signed behind its arguments: the id tells where it belongs.
      ...this.#signature(part.opaque, part.callId),
    ]
  }
}

const nothing: readonly FramedEvent[] = []
const emptyText = { type: 'text', text: '', citations: null }
const emptyThinking = { type: 'thinking', thinking: '', signature: '' }

/** Free text as the value of `input`, which the end closes. */
function inputPiece(text: string, isFirst: boolean): string {
  const inner = JSON.stringify(text).slice(1, -1)
  return isFirst ? `{"input":"${inner}` : inner
}
