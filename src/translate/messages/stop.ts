import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { Finish, FinishReason } from '#translate/common.ts'
import { betaHeader } from './block-member.ts'

/** Why Anthropic stopped; undefined where it did not say. */
export function readStop(message: JsonObject): Finish | undefined {
  const native = asText(message['stop_reason'])
  if (native === undefined) return undefined
  const reason = reasons.get(native) ?? 'other'
  return {
    reason,
    native,
    stopSequence: asText(message['stop_sequence']),
    explanation: reason === 'content_filter' ? asText(asObject(message['stop_details'])?.['explanation']) : undefined,
  }
}

const reasons: ReadonlyMap<string, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['tool_use', 'tool_calls'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content_filter'],
  ['pause_turn', 'pause'],
])

/** What of an answer decides how its end is told. */
export interface Told {
  /** Something was said in words of refusal. */
  readonly isRefused: boolean
  /** Blocks of tools that the provider carries out were shown. */
  readonly hasNative: boolean
}

/** `stop_reason` and what belongs to it: only values that Anthropic's own clients know. */
export interface Stop {
  readonly stop_reason: string
  readonly stop_sequence: string | null
  readonly stop_details: JsonObject | null
}

export function stopOf(finish: Finish, told: Told, context: AnswerContext): Stop {
  if (finish.reason === 'content_filter' || told.isRefused) {
    const details = { type: 'refusal', category: null, explanation: finish.explanation ?? null }
    return { stop_reason: 'refusal', stop_sequence: null, stop_details: details }
  }
  const sequence = finish.reason === 'stop' ? finish.stopSequence : undefined
  return { stop_reason: reasonOf(finish, told, context), stop_sequence: sequence ?? null, stop_details: null }
}

function reasonOf(finish: Finish, told: Told, context: AnswerContext): string {
  switch (finish.reason) {
    case 'stop':
      if (told.hasNative && finish.native === 'tool_use') return 'tool_use'
      return finish.stopSequence === undefined ? 'end_turn' : 'stop_sequence'
    case 'tool_calls':
      return 'tool_use'
    case 'length':
      return finish.native === windowExceeded && knowsWindow(context) ? windowExceeded : 'max_tokens'
    case 'pause':
      return told.hasNative ? 'pause_turn' : 'end_turn'
    case 'content_filter':
      return 'refusal'
    case 'error':
    case 'other':
      return 'end_turn'
  }
}

const windowExceeded = 'model_context_window_exceeded'

/** Clients of older versions of the API know only `max_tokens`. */
function knowsWindow({ facts }: AnswerContext): boolean {
  if ((facts.headers.get('anthropic-version') ?? '') >= '2026') return true
  return (facts.headers.get(betaHeader) ?? '').includes('model-context-window-exceeded')
}
