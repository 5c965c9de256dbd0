import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { MediaPart, Opaque, PartHead, PartMeta } from '#translate/common.ts'
import { showsResponsesThoughts } from '#translate/shown-thoughts.ts'
import { argsObjectOfAnswer } from '#translate/tool-args.ts'
import { builtInIdPrefix, builtInItem, isBuiltIn, type BuiltIn } from './built-ins.ts'
import { withHidden } from './hidden-thoughts.ts'
import {
  callItem,
  imageItem,
  itemId,
  reasoningItem,
  signatureItem,
  type CallHead,
  type CallIds,
  type ItemStatus,
} from './output-items.ts'
import type { StreamOutput } from './stream-output.ts'

/** An item on its way. Whether it was cut is known only when the next one comes or the answer finishes. */
export interface OpenItem {
  delta(text: string): void
  meta(meta: PartMeta): void
  endPart(): void
  /** Somebody is asked to carry it out. */
  readonly isCall?: boolean
  close(status: ItemStatus): void
}

/** Thoughts; nothing is told of them before there is something to tell. */
export class OpenReasoning implements OpenItem {
  readonly #output: StreamOutput
  readonly #context: AnswerContext
  #id = ''
  #place = ''
  readonly #isShown: boolean
  #text = ''
  /** What is not shown goes along with what seals it. */
  #hidden = ''
  #opaque: Opaque | undefined

  constructor(output: StreamOutput, context: AnswerContext) {
    this.#output = output
    this.#context = context
    this.#isShown = showsResponsesThoughts(context)
  }

  delta(text: string): void {
    if (text === '') return
    this.#output.length += text.length
    if (!this.#isShown) {
      this.#hidden += text
      return
    }
    if (this.#place === '') this.#open()
    this.#text += text
    this.#output.emit('response.reasoning_summary_text.delta', `${this.#place},"delta":${JSON.stringify(text)}`)
  }

  meta(meta: PartMeta): void {
    this.#opaque = meta.opaque ?? this.#opaque
  }

  endPart(): void {
    if (this.#text === '') return
    const text = JSON.stringify(this.#text)
    this.#output.emit('response.reasoning_summary_text.done', `${this.#place},"text":${text}`)
    const part = `{"type":"summary_text","text":${text}}`
    this.#output.emit('response.reasoning_summary_part.done', `${this.#place},"part":${part}`)
  }

  close(): void {
    if (this.#text === '' && this.#opaque === undefined) return
    if (this.#text === '') this.#addItem(this.#opaque?.form === 'responses' ? this.#opaque.id : undefined)
    const opaque = withHidden(this.#opaque, this.#hidden)
    this.#output.finishItem(JSON.stringify(reasoningItem(this.#id, this.#text, opaque)))
  }

  #open(): void {
    this.#addItem(undefined)
    this.#place = `,"item_id":"${this.#id}","output_index":${this.#output.index},"summary_index":0`
    const part = '{"type":"summary_text","text":""}'
    this.#output.emit('response.reasoning_summary_part.added', `${this.#place},"part":${part}`)
  }

  #addItem(nativeId: string | undefined): void {
    this.#id = nativeId?.startsWith('rs_') === true ? nativeId : itemId(this.#context.ids, 'rs_')
    this.#output.addItem(JSON.stringify(reasoningItem(this.#id, '', undefined)))
  }
}

/** A call of a function or of a custom tool. */
export class OpenCall implements OpenItem {
  readonly isCall = true
  readonly #output: StreamOutput
  readonly #context: AnswerContext
  readonly #head: CallHead
  readonly #deltaName: string
  readonly #place: string
  readonly #beforeDelta: string
  #args = ''
  #signature: Opaque | undefined

  constructor(
    output: StreamOutput,
    context: AnswerContext,
    head: PartHead & { readonly kind: 'tool_call' },
    ids: CallIds,
  ) {
    const { name, namespace, isCustom } = head
    const id = itemId(context.ids, isCustom ? 'ctc_' : 'fc_')
    this.#output = output
    this.#context = context
    this.#head = { id, callId: ids.take(head.id), name, namespace, isCustom }
    this.#deltaName = isCustom ? 'response.custom_tool_call_input.delta' : 'response.function_call_arguments.delta'
    this.#place = `,"item_id":"${id}","output_index":${output.index}`
    this.#beforeDelta = `${this.#place},"delta":`
    output.addItem(JSON.stringify(callItem(this.#head, 'in_progress', '')))
  }

  delta(text: string): void {
    this.#args += text
    this.#output.length += text.length
    this.#output.emit(this.#deltaName, this.#beforeDelta + JSON.stringify(text))
  }

  meta(meta: PartMeta): void {
    this.#signature = meta.opaque ?? this.#signature
  }

  endPart(): void {
    const { name, isCustom } = this.#head
    if (this.#args === '' && !isCustom) this.delta('{}')
    const args = JSON.stringify(this.#args)
    if (isCustom) this.#output.emit('response.custom_tool_call_input.done', `${this.#place},"input":${args}`)
    else {
      const members = `${this.#place},"name":${JSON.stringify(name)},"arguments":${args}`
      this.#output.emit('response.function_call_arguments.done', members)
    }
  }

  /** Its signature may have come behind it. */
  close(status: ItemStatus): void {
    this.#output.finishItem(JSON.stringify(callItem(this.#head, status, this.#args)), true)
    if (this.#signature !== undefined) {
      tellWhole(this.#output, signatureItem(this.#context.ids, this.#head.callId, this.#signature))
    }
  }
}

/** A call of a tool that has items of its own, which are told as a whole. */
export class OpenBuiltIn implements OpenItem {
  readonly isCall = true
  readonly #output: StreamOutput
  readonly #context: AnswerContext
  readonly #tool: BuiltIn
  readonly #callId: string
  #args = ''
  #signature: Opaque | undefined

  constructor(output: StreamOutput, context: AnswerContext, tool: BuiltIn, callId: string) {
    this.#output = output
    this.#context = context
    this.#tool = tool
    this.#callId = callId
  }

  delta(text: string): void {
    this.#args += text
    this.#output.length += text.length
  }

  meta(meta: PartMeta): void {
    this.#signature = meta.opaque ?? this.#signature
  }

  endPart(): void {}

  close(status: ItemStatus): void {
    const { ids } = this.#context
    const id = itemId(ids, builtInIdPrefix(this.#tool))
    const args = argsObjectOfAnswer({ raw: this.#args })
    const begun = builtInItem(this.#tool, id, this.#callId, args, 'in_progress')
    this.#output.addItem(JSON.stringify(begun))
    const ended = { ...begun, ...builtInItem(this.#tool, id, this.#callId, args, status) }
    this.#output.finishItem(JSON.stringify(ended), true)
    if (this.#signature !== undefined) tellWhole(this.#output, signatureItem(ids, this.#callId, this.#signature))
  }
}

/** An image that the model made. */
export class OpenImage implements OpenItem {
  readonly #output: StreamOutput
  readonly #item: JsonObject
  readonly #chunks: string[]

  constructor(output: StreamOutput, context: AnswerContext, part: MediaPart) {
    this.#output = output
    this.#chunks = 'base64' in part.source ? [part.source.base64] : []
    this.#item = imageItem(context.ids, '', part.mime)
    output.addItem(JSON.stringify({ ...this.#item, status: 'in_progress', result: null }))
  }

  delta(text: string): void {
    this.#chunks.push(text)
  }

  meta(): void {}

  endPart(): void {}

  close(status: ItemStatus): void {
    this.#output.finishItem(JSON.stringify({ ...this.#item, status, result: this.#chunks.join('') }))
  }
}

/** What nobody is told. */
export class Silent implements OpenItem {
  delta(): void {}
  meta(): void {}
  endPart(): void {}
  close(): void {}
}

export function openCall(
  output: StreamOutput,
  context: AnswerContext,
  head: PartHead & { readonly kind: 'tool_call' },
  ids: CallIds,
): OpenItem {
  if (isBuiltIn(head.tool)) return new OpenBuiltIn(output, context, head.tool, ids.take(head.id))
  return new OpenCall(output, context, head, ids)
}

/** An item that is there at once. */
export function tellWhole(output: StreamOutput, item: JsonObject): void {
  const json = JSON.stringify(item)
  output.addItem(json)
  output.finishItem(json)
}
