import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { Choice, CommonResponse } from '#translate/common.ts'
import { answerId, isOlderClient, tierWord } from './answer-words.ts'
import { finishWord } from './finish-words.ts'
import { writeLogprobs } from './logprobs.ts'
import { writeUsage } from './usage.ts'
import { writeMessage } from './write-message.ts'

export function writeBody(response: CommonResponse, context: AnswerContext): JsonObject {
  const created = response.createdAt || context.nowSeconds
  const tier = tierWord(response.tier)
  return {
    id: answerId(response.id, 'chatcmpl-', context.ids),
    object: 'chat.completion',
    created,
    model: context.model,
    choices: response.choices.map((choice) => writeChoice(choice, created, context)),
    ...(response.usage === undefined ? {} : { usage: writeUsage(response.usage) }),
    ...(tier === undefined ? {} : { service_tier: tier }),
    ...(response.fingerprint === undefined ? {} : { system_fingerprint: response.fingerprint }),
  }
}

function writeChoice(choice: Choice, created: number, context: AnswerContext): JsonObject {
  const logprobs = choice.parts.flatMap((part) => (part.kind === 'text' ? (part.logprobs ?? []) : []))
  return {
    index: choice.index,
    message: writeMessage(choice, created, context),
    logprobs: writeLogprobs(logprobs),
    finish_reason: finishWord(choice.finish, isOlderClient(context)),
  }
}
