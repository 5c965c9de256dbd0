import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { CommonError, CommonResponse } from '#translate/common.ts'
import { errorWithin, wordsOf } from '#translate/errors.ts'
import { finishFrom } from './finish.ts'
import { tellUnread } from '#translate/unread.ts'
import { bodyMembers, partsFrom, tellUnreadFields } from './read-blocks.ts'
import { usageFrom } from './usage.ts'

/** A whole answer of Converse; what is none tells of an error. */
export function readBody(body: JsonObject, facts: AnswerFacts): CommonResponse | CommonError {
  const output = asObject(body['output'])
  const stopReason = asText(body['stopReason'])
  tellUnread(body, bodyMembers, '', facts.notes)
  tellUnreadFields(body['additionalModelResponseFields'], facts.notes)
  const parts = partsFrom(asObject(output?.['message'])?.['content'], facts)
  if (stopReason === undefined && parts.length === 0) {
    const words = wordsOf(output?.['__type'] === undefined ? body : output)
    return errorWithin(
      words ?? { message: 'Cannot read the answer of the backend: it holds neither content nor a stop reason' },
    )
  }
  return {
    id: undefined,
    model: facts.model,
    createdAt: facts.nowSeconds,
    choices: [{ index: 0, parts, finish: finishFrom(stopReason ?? 'end_turn', body['additionalModelResponseFields']) }],
    usage: usageFrom(body['usage']),
    tier: asText(asObject(body['serviceTier'])?.['type']),
    fingerprint: undefined,
  }
}
