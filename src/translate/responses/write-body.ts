import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type {
  Choice,
  CommonResponse,
  MediaPart,
  Part,
  ReasoningPart,
  RefusalPart,
  TextPart,
  ToolCallPart,
} from '#translate/common.ts'
import { showsResponsesThoughts } from '#translate/shown-thoughts.ts'
import { argsObjectOfAnswer } from '#translate/tool-args.ts'
import { codePoints, writeAnnotation, writeLogprobs } from './annotations.ts'
import { builtInIdPrefix, builtInItem, isBuiltIn } from './built-ins.ts'
import { withHidden } from './hidden-thoughts.ts'
import {
  argsOf,
  callItem,
  CallIds,
  imageItem,
  itemId,
  messageItem,
  reasoningItem,
  signatureItem,
  textOfMedia,
  type ItemStatus,
} from './output-items.ts'
import { finished, Shell } from './shell.ts'
import { estimatedUsage } from './usage.ts'

/** A whole answer to a client of this API. */
export function writeBody(response: CommonResponse, context: AnswerContext): JsonObject {
  const choice = response.choices[0] ?? noChoice
  const shell = new Shell(context, response.id, response.createdAt, response.tier)
  const usage = response.usage ?? estimatedUsage(context.inputEstimate, lengthOf(choice.parts))
  return shell.object(finished(choice.finish, usage, context.nowSeconds), new Items(context).of(choice))
}

const noChoice: Choice = { index: 0, parts: [], finish: { reason: 'stop' } }

function lengthOf(parts: readonly Part[]): number {
  let length = 0
  for (const part of parts) {
    if (part.kind === 'text' || part.kind === 'refusal' || part.kind === 'reasoning') length += part.text.length
    else if (part.kind === 'tool_call') length += argsOf(part.args, part.isCustom).length
  }
  return length
}

/** Parts in their order → items; texts and refusals side by side are one message. */
class Items {
  readonly #context: AnswerContext
  readonly #callIds: CallIds
  readonly #items: JsonObject[] = []
  #content: JsonObject[] = []
  #messageId = ''

  constructor(context: AnswerContext) {
    this.#context = context
    this.#callIds = new CallIds(context.ids)
  }

  of({ parts, finish }: Choice): readonly JsonObject[] {
    const seen = withExplanation(parts.filter(isSeen), finish.explanation, finish.reason === 'content_filter')
    for (const [index, part] of seen.entries()) {
      const isCut = finish.reason === 'length' && index === seen.length - 1
      this.#add(part, isCut ? 'incomplete' : 'completed')
    }
    this.#closeMessage('completed')
    return this.#items
  }

  #add(part: Part, status: ItemStatus): void {
    switch (part.kind) {
      case 'text':
        this.#addText(part)
        break
      case 'refusal':
        this.#content.push(refusalContent(part))
        break
      case 'media':
        this.#addMedia(part)
        break
      case 'reasoning':
        this.#addReasoning(part)
        break
      case 'tool_call':
        this.#addCall(part, status)
        break
      case 'native':
        this.#push(part.value)
        break
      case 'tool_result':
        break
    }
    if (status === 'incomplete') this.#closeMessage(status)
  }

  #addText(part: TextPart): void {
    if (part.opaque !== undefined) {
      this.#closeMessage('completed')
      this.#messageId = itemId(this.#context.ids, 'msg_')
      this.#items.push(signatureItem(this.#context.ids, this.#messageId, part.opaque))
    }
    this.#content.push(textContent(part, this.#context))
  }

  #addMedia(part: MediaPart): void {
    if (part.medium === 'image' && 'base64' in part.source) {
      this.#push(imageItem(this.#context.ids, part.source.base64, part.mime))
      return
    }
    const text = textOfMedia(part)
    if (text === undefined) this.#context.notes?.lose('dropped:answer_field', part.medium)
    else this.#content.push(textContent({ kind: 'text', text }, this.#context))
  }

  #addReasoning(part: ReasoningPart): void {
    if (part.text === '' && part.opaque === undefined) return
    const native = part.opaque?.form === 'responses' ? part.opaque.id : undefined
    const own = [native, part.itemId].find((id) => id?.startsWith('rs_') === true)
    const isShown = showsResponsesThoughts(this.#context)
    const opaque = isShown ? part.opaque : withHidden(part.opaque, part.text)
    if (!isShown && opaque === undefined) return
    this.#push(reasoningItem(own ?? itemId(this.#context.ids, 'rs_'), isShown ? part.text : '', opaque))
  }

  #addCall(part: ToolCallPart, status: ItemStatus): void {
    const { ids } = this.#context
    const callId = this.#callIds.take(part.id)
    if (part.opaque !== undefined) this.#push(signatureItem(ids, callId, part.opaque))
    if (isBuiltIn(part.tool)) {
      const id = itemId(ids, builtInIdPrefix(part.tool))
      this.#push(builtInItem(part.tool, id, callId, argsObjectOfAnswer(part.args), status))
      return
    }
    const { name, namespace, isCustom } = part
    const head = { id: itemId(ids, isCustom ? 'ctc_' : 'fc_'), callId, name, namespace, isCustom }
    this.#push(callItem(head, status, argsOf(part.args, isCustom)))
  }

  #push(item: JsonObject): void {
    this.#closeMessage('completed')
    this.#items.push(item)
  }

  #closeMessage(status: ItemStatus): void {
    if (this.#content.length > 0) {
      const id = this.#messageId === '' ? itemId(this.#context.ids, 'msg_') : this.#messageId
      this.#items.push(messageItem(id, status, this.#content))
    }
    this.#content = []
    this.#messageId = ''
  }
}

/** Calls that were taken back are not offered, and nobody knows another API's items. */
function isSeen(part: Part): boolean {
  if (part.kind === 'tool_call') return part.isVoid !== true
  return part.kind !== 'native' || part.form === 'responses'
}

/** Why it was refused is what the refusal says, unless it said so itself. */
function withExplanation(parts: readonly Part[], explanation: string | undefined, isRefused: boolean): readonly Part[] {
  if (!isRefused || explanation === undefined || explanation === '') return parts
  return parts.some((part) => part.kind === 'refusal') ? parts : [...parts, { kind: 'refusal', text: explanation }]
}

function refusalContent(part: RefusalPart): JsonObject {
  return { type: 'refusal', refusal: part.text }
}

function textContent(part: TextPart, { notes }: AnswerContext): JsonObject {
  const annotations = (part.annotations ?? []).flatMap((one) => writeAnnotation(one, () => codePoints(part.text)) ?? [])
  if (annotations.length < (part.annotations?.length ?? 0)) notes?.lose('dropped:citations')
  return { type: 'output_text', text: part.text, annotations, logprobs: writeLogprobs(part.logprobs ?? []) }
}
