import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { Choice, CommonResponse, Finish } from '#translate/common.ts'
import { answerParts } from './answer-parts.ts'
import { told } from './fields.ts'
import { finishWords } from './finish.ts'
import { groundingMetadataOf } from './grounding.ts'
import { averageOf, logprobsResultOf } from './logprobs.ts'
import { usageMetadataOf } from './usage.ts'

export function writeBody(response: CommonResponse, context: AnswerContext): JsonObject {
  const showsThoughts = wantsThoughts(context)
  const blocked = blockedBy(response.choices)
  const answer =
    blocked === undefined
      ? { candidates: response.choices.map((choice) => candidateOf(choice, showsThoughts, context)) }
      : { promptFeedback: promptFeedbackOf(blocked) }
  return {
    ...answer,
    usageMetadata: usageMetadataOf(response.usage, context.inputEstimate),
    modelVersion: context.model,
    responseId: context.ids.base62(responseIdLength),
  }
}

export const responseIdLength = 22

/** Thoughts are shown to those who asked for them. */
export function wantsThoughts({ request }: AnswerContext): boolean {
  return request.reasoning?.visibility === 'summary' || request.reasoning?.visibility === 'full'
}

/** Nothing was said at all, for it was not to be said. */
export function promptFeedbackOf({ explanation }: Finish): JsonObject {
  return told({ blockReason: 'OTHER', blockReasonMessage: explanation })
}

function blockedBy(choices: readonly Choice[]): Finish | undefined {
  const isBlocked = choices.every(({ parts, finish }) => parts.length === 0 && finish.reason === 'content_filter')
  return isBlocked ? choices[0]?.finish : undefined
}

function candidateOf(choice: Choice, showsThoughts: boolean, { notes }: AnswerContext): JsonObject {
  const { parts, texts } = answerParts(choice, showsThoughts)
  const logprobs = choice.parts.flatMap((part) => (part.kind === 'text' ? (part.logprobs ?? []) : []))
  const isRefusal = choice.parts.some((part) => part.kind === 'refusal')
  return told({
    // Some clients take a candidate without parts for a broken one.
    content: { role: 'model', parts: parts.length === 0 ? [{ text: '' }] : parts },
    finishReason: isRefusal ? 'SAFETY' : finishWords[choice.finish.reason],
    finishMessage: choice.finish.explanation,
    index: choice.index,
    groundingMetadata: groundingMetadataOf(texts, notes),
    avgLogprobs: logprobs.length === 0 ? undefined : averageOf(logprobs),
    logprobsResult: logprobs.length === 0 ? undefined : logprobsResultOf(logprobs),
  })
}
