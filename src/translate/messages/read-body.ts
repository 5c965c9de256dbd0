import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { Annotation, CommonError, CommonResponse, NativePart, Part } from '#translate/common.ts'
import { errorWithin, wordsOf } from '#translate/errors.ts'
import { tellUnreadOfBlock, tellUnreadOfMessage } from './answer-members.ts'
import { annotationOf } from './citations.ts'
import { callerOf } from './read-blocks.ts'
import { redactedOpaque, signatureOpaque } from './signed.ts'
import { readStop } from './stop.ts'
import { UsageCount } from './usage.ts'

/** A message of Anthropic's → the common form, or the error that a server told with a good status. */
export function readBody(body: JsonObject, facts: AnswerFacts): CommonResponse | CommonError {
  if (body['type'] === 'error' || asObject(body['error']) !== undefined) {
    return errorWithin(wordsOf(body) ?? { message: 'the backend reported an error' })
  }
  if (!Array.isArray(body['content'])) return errorWithin({ message: 'the answer of the backend is no message' })
  tellUnreadOfMessage(body, facts.notes)
  const finish = readStop(body)
  const isRefused = finish?.reason === 'content_filter'
  const parts: Part[] = []
  for (const value of body['content']) {
    const part = partOf(asObject(value) ?? {}, isRefused, facts)
    if (part !== undefined) parts.push(part)
  }
  if (finish === undefined && parts.length === 0) return errorWithin({ message: 'the answer of the backend is empty' })
  const usage = asObject(body['usage'])
  const count = new UsageCount()
  if (usage !== undefined) count.take(usage)
  return {
    id: asText(body['id']),
    model: asText(body['model']) ?? facts.model,
    createdAt: facts.nowSeconds,
    choices: [{ index: 0, parts, finish: finish ?? { reason: 'stop' } }],
    usage: usage === undefined ? undefined : count.total,
    tier: asText(usage?.['service_tier']),
    fingerprint: undefined,
  }
}

/** Undefined where there is nothing in it. `isRefused`: nobody may carry out a call any more. */
function partOf(block: JsonObject, isRefused: boolean, facts: AnswerFacts): Part | undefined {
  tellUnreadOfBlock(block, facts.notes)
  switch (block['type']) {
    case 'text':
      return textOf(block)
    case 'thinking':
      return thinkingOf(block, facts)
    case 'redacted_thinking': {
      const opaque = redactedOpaque(asText(block['data']) ?? '', facts.profile)
      return { kind: 'reasoning', text: '', style: 'summary', isRedacted: true, opaque }
    }
    case 'tool_use':
      return callerOf(block) === undefined ? callOf(block, isRefused) : nativeOf(block)
    default:
      return nativeOf(block)
  }
}

function textOf(block: JsonObject): Part | undefined {
  const text = asText(block['text']) ?? ''
  const annotations: Annotation[] = []
  for (const value of asList(block['citations'])) {
    const citation = asObject(value)
    if (citation !== undefined) annotations.push(annotationOf(citation, text))
  }
  if (annotations.length > 0) return { kind: 'text', text, annotations }
  return text === '' ? undefined : { kind: 'text', text }
}

function thinkingOf(block: JsonObject, facts: AnswerFacts): Part | undefined {
  const text = asText(block['thinking']) ?? ''
  const signature = asText(block['signature']) ?? ''
  if (signature !== '') {
    const opaque = signatureOpaque(signature, facts.profile)
    return { kind: 'reasoning', text, style: 'summary', isRedacted: false, opaque }
  }
  return text === '' ? undefined : { kind: 'reasoning', text, style: 'summary', isRedacted: false }
}

function callOf(block: JsonObject, isVoid: boolean): Part {
  const input = block['input']
  return {
    kind: 'tool_call',
    id: asText(block['id']) ?? '',
    name: asText(block['name']) ?? '',
    args: typeof input === 'string' ? { raw: input } : { value: input ?? {} },
    isCustom: false,
    tool: 'function',
    ...(isVoid ? { isVoid } : undefined),
  }
}

function nativeOf(block: JsonObject): NativePart {
  return { kind: 'native', form: 'messages', type: asText(block['type']) ?? '', value: block }
}
