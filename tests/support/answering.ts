import type { CompatPolicy } from '#core/compat.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext, AnswerFacts, FramedEvent, IdSource, StreamReader, StreamWriter } from '#translate/codec.ts'
import type { CommonEvent, CommonRequest } from '#translate/common.ts'
import { profileOf } from '#translate/profiles.ts'
import { commonRequest, plainPolicy } from './common-request.ts'

/** Ids that count. */
export function countingIds(): IdSource {
  let count = 0
  const next = (length: number): string => String(++count).padStart(length, '0')
  return { base62: next, hex: next }
}

/** What an answer to a request is written with, its client having asked for "alias". */
export function answerContext(
  request: Partial<CommonRequest> = {},
  policy: Partial<CompatPolicy> = {},
  body: JsonObject = {},
): AnswerContext {
  return {
    request: commonRequest(request),
    body,
    facts: { path: '/', query: '', headers: new Headers(), model: 'alias', stream: false },
    requestId: 'req_1',
    model: 'alias',
    ids: countingIds(),
    nowSeconds: 1_790_000_000,
    inputEstimate: 100,
    policy: { ...plainPolicy, ...policy },
  }
}

/** What an answer of a Chat backend is read with. */
export function answerFacts(model = 'm', own: ProfileOverrides = {}): AnswerFacts {
  return { model, profile: profileOf('chat', 'openai', model, own), ids: countingIds(), nowSeconds: 1_790_000_000 }
}

/** All that a writer makes of events, as the data of its frames. */
export function written(writer: StreamWriter, events: readonly CommonEvent[]): string[] {
  return events.flatMap((event): readonly FramedEvent[] => writer.write(event)).map(({ data }) => data)
}

/** All that a reader makes of the data of frames, its end included. */
export function readAll(reader: StreamReader, frames: readonly (string | object)[]): CommonEvent[] {
  const events = frames.flatMap((frame) => reader.push('', typeof frame === 'string' ? frame : JSON.stringify(frame)))
  return [...events, ...reader.end()]
}
