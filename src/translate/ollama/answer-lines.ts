import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { callId } from '#translate/chat/call-id.ts'
import { readLogprobs } from '#translate/chat/logprobs.ts'
import type { AnswerFacts, IdSource } from '#translate/codec.ts'
import type { CommonError, Finish, FinishReason, Opaque, TokenLogprob, ToolCallPart, Usage } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { answerMembers, tellUnread } from '#translate/unread.ts'
import { errorWithin, wordsOf } from '#translate/errors.ts'

/** What one line of a stream, or a body, says. `/api/generate` says it beside the rest. */
export function messageIn(line: JsonObject): JsonObject {
  return asObject(line['message']) ?? { content: line['response'], thinking: line['thinking'] }
}

export function errorIn(line: JsonObject): CommonError | undefined {
  const error = line['error']
  if (error === undefined || error === null || error === '') return undefined
  return errorWithin(wordsOf(line) ?? { message: 'the backend broke the answer off with an error' })
}

const reasonOf: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
])

/** `stop` where it says no more than that it is over: older servers do. */
export function finishOf(line: JsonObject): Finish {
  const native = asText(line['done_reason']) ?? ''
  return native === '' ? { reason: 'stop' } : { reason: reasonOf.get(native) ?? 'other', native }
}

export function usageOf(line: JsonObject): Usage | undefined {
  const input = asNumber(line['prompt_eval_count'])
  const output = asNumber(line['eval_count'])
  if (input === undefined && output === undefined) return undefined
  return { ...(input === undefined ? {} : { input }), ...(output === undefined ? {} : { output }) }
}

export function createdAtOf(line: JsonObject, { nowSeconds }: AnswerFacts): number {
  const ms = Date.parse(asText(line['created_at']) ?? '')
  return Number.isNaN(ms) || ms <= 0 ? nowSeconds : Math.floor(ms / 1000)
}

/** It has the tokens themselves where Chat has them in `content`. */
export function logprobsOf(line: JsonObject): readonly TokenLogprob[] | undefined {
  const content = line['logprobs']
  return Array.isArray(content) && content.length > 0 ? readLogprobs({ content }) : undefined
}

/** The calls of a message, which come whole; older servers give them no ids. */
export function callsOf(message: JsonObject, taken: Set<string>, ids: IdSource): readonly ToolCallPart[] {
  const calls: ToolCallPart[] = []
  for (const value of asList(message['tool_calls'])) {
    const call = asObject(value)
    const told = asObject(call?.['function'])
    const name = asText(told?.['name'])
    if (call === undefined || told === undefined || name === undefined) continue
    const args = told['arguments']
    calls.push({
      kind: 'tool_call',
      id: callId(asText(call['id']) ?? '', taken, ids),
      name,
      args: typeof args === 'string' ? { raw: args } : { value: args ?? {} },
      isCustom: false,
      tool: 'function',
    })
  }
  return calls
}

/** Thoughts that nothing seals go back to where they came from all the same. */
export function ownText(family: string): Opaque {
  return { form: 'ollama', family, kind: 'text', payload: '' }
}

/** Times, and where it was carried out, are no part of an answer; its usage tells what `context` is made of. */
const lineMembers = answerMembers(
  'model created_at message response thinking done done_reason error logprobs total_duration load_duration ' +
    'prompt_eval_count prompt_eval_duration eval_count eval_duration context remote_model remote_host',
)

const messageMembers = answerMembers('role content thinking images tool_calls')

/** What no codec reads of a line, or a body. */
export function tellUnreadOfLine(line: JsonObject, notes: Notes | undefined): void {
  tellUnread(line, lineMembers, '', notes)
  const message = asObject(line['message'])
  if (message !== undefined) tellUnread(message, messageMembers, 'message.', notes)
}
