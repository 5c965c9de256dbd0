import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerFacts } from '#translate/codec.ts'
import type { CommonError, CommonResponse, Part } from '#translate/common.ts'
import { errorWithin } from '#translate/errors.ts'
import { tellUnreadOfResponse } from './answer-members.ts'
import { failureOf, readFinish } from './finish.ts'
import { partsOfItem } from './read-output.ts'
import { readUsage } from './usage.ts'

export function readBody(body: JsonObject, facts: AnswerFacts): CommonResponse | CommonError {
  const failure = failureOf(body)
  if (failure !== undefined) return failure
  if (!Array.isArray(body['output'])) {
    return errorWithin(
      { message: 'Cannot read the answer of the backend: it has no output', code: 'malformed_answer' },
      502,
    )
  }
  tellUnreadOfResponse(body, facts.notes)
  const parts = asList(body['output']).flatMap((item): readonly Part[] => {
    const object = asObject(item)
    return object === undefined ? [] : partsOfItem(object, facts.profile.family, facts.notes)
  })
  const hasCalls = parts.some((part) => part.kind === 'tool_call')
  return {
    id: asText(body['id']),
    model: asText(body['model']) ?? facts.model,
    createdAt: asNumber(body['created_at']),
    choices: [{ index: 0, parts: withIds(parts, facts), finish: readFinish(body, hasCalls) }],
    usage: readUsage(body['usage']),
    tier: asText(body['service_tier']),
    fingerprint: undefined,
  }
}

/** Results are bound to their calls by ids. */
function withIds(parts: readonly Part[], { ids }: AnswerFacts): readonly Part[] {
  return parts.map((part) =>
    part.kind === 'tool_call' && part.id === '' ? { ...part, id: `call_${ids.base62(24)}` } : part,
  )
}
