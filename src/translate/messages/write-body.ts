import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type {
  Annotation,
  CommonResponse,
  MediaPart,
  Opaque,
  Part,
  ReasoningPart,
  ToolCallPart,
} from '#translate/common.ts'
import { argsObjectOfAnswer, argsOfCustom } from '#translate/tool-args.ts'
import { citationOf } from './citations.ts'
import { callIdFor, isUnreadable, mediaNote, messageIdFor, signatureOf, signatureOfAnother } from './answer-words.ts'
import { textSignatureId } from './block-member.ts'
import { stopOf } from './stop.ts'
import { charactersPerToken, servedTier, writtenUsage } from './usage.ts'

/** An answer as a message that has every member that Anthropic's clients expect. */
export function writeBody(response: CommonResponse, context: AnswerContext): JsonObject {
  const choice = response.choices[0]
  const parts = choice?.parts ?? []
  const content = parts.flatMap((part) => blocksOf(part, context))
  const told = {
    isRefused: parts.some((part) => part.kind === 'refusal' && part.text !== ''),
    hasNative: parts.some((part) => part.kind === 'native' && part.form === 'messages'),
  }
  return {
    id: messageIdFor(response.id, context),
    type: 'message',
    role: 'assistant',
    content,
    model: context.model,
    ...stopOf(choice?.finish ?? { reason: 'stop' }, told, context),
    container: null,
    usage: usageOf(response, content, context),
  }
}

/** Of what a stream would have told in deltas. */
function lengthOf(content: readonly JsonObject[]): number {
  let length = 0
  for (const { text, thinking, input } of content) {
    if (typeof text === 'string') length += text.length
    else if (typeof thinking === 'string') length += thinking.length
    else if (input !== undefined) length += JSON.stringify(input).length
  }
  return length
}

function usageOf(response: CommonResponse, content: readonly JsonObject[], context: AnswerContext): JsonObject {
  const { usage } = response
  const output = usage?.output === undefined ? Math.ceil(lengthOf(content) / charactersPerToken) : 0
  const written = writtenUsage(usage, { input: context.inputEstimate, output })
  const hasTtl = usage?.cacheWrite5m !== undefined || usage?.cacheWrite1h !== undefined
  return {
    ...written,
    cache_creation: hasTtl
      ? { ephemeral_5m_input_tokens: usage.cacheWrite5m ?? 0, ephemeral_1h_input_tokens: usage.cacheWrite1h ?? 0 }
      : null,
    inference_geo: null,
    service_tier: servedTier(response.tier)?.service_tier ?? null,
    speed: null,
  }
}

function blocksOf(part: Part, context: AnswerContext): readonly JsonObject[] {
  switch (part.kind) {
    case 'text':
      return textBlocks(part.text, part.annotations, part.opaque, context)
    case 'refusal':
      return textBlocks(part.text, undefined, undefined, context)
    case 'reasoning':
      return [reasoningBlock(part, context)]
    case 'tool_call':
      return callBlocks(part, context)
    case 'media':
      return mediaBlocks(part, context)
    case 'native':
      return part.form === 'messages' ? [part.value] : []
    case 'tool_result':
      return []
  }
}

function textBlocks(
  text: string,
  annotations: readonly Annotation[] | undefined,
  opaque: Opaque | undefined,
  { notes }: AnswerContext,
): readonly JsonObject[] {
  const signature = opaque === undefined ? [] : [signatureBlock(opaque, textSignatureId)]
  const citations = (text === '' ? [] : (annotations ?? []))
    .map(citationOf)
    .filter((citation) => citation !== undefined)
  if (citations.length < (annotations?.length ?? 0)) notes?.lose('dropped:citations')
  if (text === '') return signature
  return [...signature, { type: 'text', text, citations: citations.length === 0 ? null : citations }]
}

/** A thought without words in front of the block that the provider signed. */
function signatureBlock(opaque: Opaque, id: string): JsonObject {
  return { type: 'thinking', thinking: '', signature: signatureOfAnother(opaque, id) }
}

function reasoningBlock(part: ReasoningPart, context: AnswerContext): JsonObject {
  if (part.opaque !== undefined && isUnreadable(part.isRedacted, part.text, part.opaque)) {
    return { type: 'redacted_thinking', data: signatureOf(part.opaque, '') }
  }
  const isHidden = context.request.reasoning?.visibility === 'none'
  return {
    type: 'thinking',
    thinking: isHidden ? '' : part.text,
    signature: signatureOf(part.opaque, isHidden ? part.text : ''),
  }
}

/** A call that a refusal took back is not offered. */
function callBlocks(part: ToolCallPart, context: AnswerContext): readonly JsonObject[] {
  if (part.isVoid === true) return []
  const id = callIdFor(part.id, context)
  const input = argsObjectOfAnswer(part.isCustom ? argsOfCustom(part.args) : part.args)
  const call = { type: 'tool_use', id, name: part.name, input }
  return part.opaque === undefined ? [call] : [signatureBlock(part.opaque, id), call]
}

function mediaBlocks(part: MediaPart, { notes }: AnswerContext): readonly JsonObject[] {
  if ((part.transcript ?? '') === '') notes?.lose('dropped:answer_field', part.medium)
  return [{ type: 'text', text: mediaNote(part), citations: null }]
}
