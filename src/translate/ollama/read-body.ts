import { asList, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { CommonError, CommonResponse, MediaPart, Part } from '#translate/common.ts'
import { errorWithin } from '#translate/errors.ts'
import { mimeOf } from '#translate/media.ts'
import {
  callsOf,
  createdAtOf,
  errorIn,
  finishOf,
  logprobsOf,
  messageIn,
  ownText,
  tellUnreadOfLine,
  usageOf,
} from './answer-lines.ts'

/** A whole answer: thoughts, then what was said, then the calls. */
export function readBody(body: JsonObject, facts: AnswerFacts): CommonResponse | CommonError {
  const error = errorIn(body)
  if (error !== undefined) return error
  tellUnreadOfLine(body, facts.notes)
  const parts = partsOf(body, facts)
  if (parts.length === 0 && body['done'] !== true) {
    return errorWithin({ message: 'the backend answered without a message' }, 502)
  }
  return {
    id: undefined,
    model: asText(body['model']) ?? facts.model,
    createdAt: createdAtOf(body, facts),
    choices: [{ index: 0, parts, finish: finishOf(body) }],
    usage: usageOf(body),
    tier: undefined,
    fingerprint: undefined,
  }
}

function partsOf(body: JsonObject, { profile, ids, notes }: AnswerFacts): Part[] {
  const message = messageIn(body)
  const thinking = asText(message['thinking']) ?? ''
  const text = asText(message['content']) ?? ''
  const logprobs = logprobsOf(body)
  const parts: Part[] = []
  if (thinking !== '') {
    const opaque = ownText(profile.family)
    parts.push({ kind: 'reasoning', text: thinking, style: 'raw', isRedacted: false, opaque })
  }
  if (text === '' && logprobs !== undefined) notes?.lose('dropped:logprobs')
  if (text !== '') parts.push({ kind: 'text', text, ...(logprobs === undefined ? {} : { logprobs }) })
  return [...parts, ...imagesOf(message), ...callsOf(message, new Set(), ids)]
}

/** Of models that draw. */
export function imagesOf(message: JsonObject): readonly MediaPart[] {
  return asList(message['images']).flatMap((base64): MediaPart[] => {
    if (typeof base64 !== 'string' || base64 === '') return []
    return [{ kind: 'media', medium: 'image', mime: mimeOf(base64, ''), source: { base64 } }]
  })
}
