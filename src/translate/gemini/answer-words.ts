import { asNumber, asObject, asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { CommonError, Finish, NativePart, Opaque } from '#translate/common.ts'
import { errorWithin } from '#translate/errors.ts'
import { finishReasonOf } from './finish.ts'
import { natives } from './read-parts.ts'

/** What bodies and streams of Gemini have in common. */

export function opaqueOf(signature: unknown): Opaque | undefined {
  const payload = asText(signature)
  if (payload === undefined || payload === '') return undefined
  return { form: 'gemini', family: 'gemini', kind: 'signature', payload }
}

/** Models without an id for a call get one from us, for all but they need it. */
export function callIdOf(call: JsonObject, { ids }: AnswerFacts): string {
  const id = asText(call['id'])
  return id === undefined || id === '' ? `call_${ids.base62(24)}` : id
}

export function nativeOf(part: JsonObject): NativePart | undefined {
  const type = natives.find((name) => part[name] !== undefined)
  return type === undefined ? undefined : { kind: 'native', form: 'gemini', type, value: part }
}

export function finishOf(candidate: JsonObject): Finish | undefined {
  const native = asText(candidate['finishReason'])
  if (native === undefined || native === '') return undefined
  const reason = finishReasonOf(native)
  // Of an answer that ended well, the message says nothing.
  const tellsWhy = reason === 'content_filter' || reason === 'error'
  return { reason, native, explanation: tellsWhy ? asText(candidate['finishMessage']) : undefined }
}

/** A prompt that was not let through has no candidates. */
export function blockOf(body: JsonObject): Finish | undefined {
  const feedback = asObject(body['promptFeedback'])
  const native = asText(feedback?.['blockReason'])
  if (native === undefined) return undefined
  return { reason: 'content_filter', native, explanation: asText(feedback?.['blockReasonMessage']) }
}

export function indexOf(candidate: JsonObject, place: number): number {
  const index = asNumber(candidate['index'])
  return index !== undefined && Number.isInteger(index) && index >= 0 ? index : place
}

/** Seconds. */
export function createdAtOf(body: JsonObject, { nowSeconds }: AnswerFacts): number {
  const ms = Date.parse(asText(body['createTime']) ?? '')
  return Number.isNaN(ms) ? nowSeconds : Math.floor(ms / 1000)
}

export function withoutAnswer(message: string): CommonError {
  return errorWithin({ message }, 502)
}
