import type { CompatPolicy } from '#core/compat.ts'
import type { ProfileOverrides } from '#core/profile.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type {
  AnswerContext,
  AnswerFacts,
  FramedEvent,
  IdSource,
  Recall,
  RequestFacts,
  Target,
} from '#translate/codec.ts'
import type { CommonEvent, CommonRequest, CommonResponse, Part } from '#translate/common.ts'
import { Fold } from '#translate/fold.ts'
import { Notes } from '#translate/notes.ts'
import { profileOf } from '#translate/profiles.ts'
import { responsesBackend } from '#translate/responses/backend.ts'
import { responsesClient } from '#translate/responses/client.ts'
import { plainPolicy, targetFor } from './common-request.ts'

/** Ids that count: `…0001`, `…0002`, as long as they are asked for. */
export function countedIds(): IdSource {
  let count = 0
  const next = (length: number): string => String(++count).padStart(length, '0')
  return { base62: next, hex: next }
}

export function requestFacts(over: Partial<RequestFacts> = {}): RequestFacts {
  return { path: '/v1/responses', query: '', headers: new Headers(), model: 'alias', stream: false, ...over }
}

/** A request as it was read, and what was noted. */
export function readAsked(
  body: JsonObject,
  recall?: Recall,
  notes = new Notes(),
): { readonly request: CommonRequest; readonly notes: Notes } {
  return { request: responsesClient.readRequest(body, requestFacts({ recall }), notes), notes }
}

export function answerContext(body: JsonObject = { input: 'hi' }, over: Partial<AnswerContext> = {}): AnswerContext {
  return {
    request: readAsked(body).request,
    body,
    facts: requestFacts(),
    requestId: 'req_1',
    model: 'alias',
    ids: countedIds(),
    nowSeconds: 1_790_000_000,
    inputEstimate: 7,
    policy: plainPolicy,
    ...over,
  }
}

export function answerFacts(model = 'gpt-5', own: ProfileOverrides = {}): AnswerFacts {
  const profile = profileOf('responses', 'openai', model, own)
  return { model, profile, ids: countedIds(), nowSeconds: 1_790_000_000 }
}

export function responsesTarget(model: string, own: ProfileOverrides = {}, policy: Partial<CompatPolicy> = {}): Target {
  return targetFor('responses', 'openai', model, own, policy)
}

/** Events in the frames of the Responses form, parsed. */
export function framedEvents(events: readonly CommonEvent[], context = answerContext()): readonly FramedEvent[] {
  const writer = responsesClient.openWriter(context)
  return events.flatMap((event) => writer.write(event))
}

export function asStream(events: readonly FramedEvent[]): string {
  return events.map(({ name, data }) => `event: ${name}\ndata: ${data}\n\n`).join('')
}

/** The common events of a stream of the Responses form; each event is its own data. */
export function readStream(events: readonly (JsonObject | string)[], facts = answerFacts()): readonly CommonEvent[] {
  const reader = responsesBackend.openReader(facts)
  const read = events.flatMap((event) =>
    typeof event === 'string' ? reader.push('', event) : reader.push('', JSON.stringify(event)),
  )
  return [...read, ...reader.end()]
}

export function foldedParts(events: readonly CommonEvent[]): readonly Part[] {
  return folded(events)?.choices[0]?.parts ?? []
}

export function folded(events: readonly CommonEvent[]): CommonResponse | undefined {
  const fold = new Fold()
  for (const event of events) fold.take(event)
  const result = fold.result()
  return result !== undefined && 'choices' in result ? result : undefined
}
