import type { JsonObject } from '#kit/json-value.ts'
import { answerId } from '#translate/chat/answer-words.ts'
import { writeUsage } from '#translate/chat/usage.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { Choice, CommonResponse, Finish, Part } from '#translate/common.ts'

export function writeBody(response: CommonResponse, context: AnswerContext): JsonObject {
  return {
    id: answerId(response.id, 'cmpl-', context.ids),
    object: 'text_completion',
    created: response.createdAt || context.nowSeconds,
    model: context.model,
    choices: response.choices.map((choice) => ({
      text: textOf(choice, context),
      index: choice.index,
      logprobs: null,
      finish_reason: completionWord(choice.finish),
    })),
    ...(response.usage === undefined ? {} : { usage: writeUsage(response.usage) }),
    ...(response.fingerprint === undefined ? {} : { system_fingerprint: response.fingerprint }),
  }
}

/** What was said; thoughts have no place in it. */
function textOf({ parts, finish }: Choice, context: AnswerContext): string {
  let text = ''
  for (const part of parts) {
    tellUntold(part.kind, context)
    if (part.kind === 'text' || part.kind === 'refusal') text += part.text
    if (part.kind === 'text' && part.annotations !== undefined) context.notes?.lose('dropped:citations')
  }
  return text === '' ? explanationOf(finish) : text
}

/** Nobody was asked for anything but text, but some send it. Thoughts are no part of a completion. */
export function tellUntold(kind: Part['kind'], { notes }: AnswerContext): void {
  if (kind === 'tool_call' || kind === 'media') notes?.lose('dropped:answer_field', kind)
}

/** Why nothing was said. */
export function explanationOf({ reason, explanation = '' }: Finish): string {
  return reason === 'content_filter' ? explanation : ''
}

export function completionWord({ reason }: Finish): string {
  return reason === 'length' || reason === 'content_filter' ? reason : 'stop'
}
