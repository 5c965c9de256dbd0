import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Finish, FinishReason } from '#translate/common.ts'

/** `fields`: `additionalModelResponseFields`, which hold Claude's stop sequence. */
export function finishFrom(stopReason: string, fields: unknown): Finish {
  const reason = reasonByName.get(stopReason) ?? 'other'
  const stopSequence = reason === 'stop' ? stopSequenceIn(asObject(fields)) : undefined
  return { reason, native: stopReason, ...(stopSequence !== undefined && { stopSequence }) }
}

const reasonByName: ReadonlyMap<string, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['tool_use', 'tool_calls'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['content_filtered', 'content_filter'],
  ['guardrail_intervened', 'content_filter'],
  ['malformed_model_output', 'error'],
  ['malformed_tool_use', 'error'],
])

/** At the end of a stream it stands in `delta`, as in Claude's own. */
function stopSequenceIn(fields: JsonObject | undefined): string | undefined {
  return asText(fields?.['stop_sequence']) ?? asText(asObject(fields?.['delta'])?.['stop_sequence'])
}
