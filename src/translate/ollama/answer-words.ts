import type { JsonObject } from '#kit/json-value.ts'
import { estimatedUsage } from '#translate/chat/stream-words.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { Finish, TokenLogprob, ToolCallPart, Usage } from '#translate/common.ts'
import { argsObjectOfAnswer, argsOfCustom } from '#translate/tool-args.ts'

/** Was the prompt asked for, not the chat? Its answers say everything one level higher. */
export function isGenerate({ facts }: AnswerContext): boolean {
  return facts.path.endsWith('/generate')
}

export function headOf(createdAt: number | undefined, { model, nowSeconds }: AnswerContext): JsonObject {
  return { model, created_at: new Date((createdAt || nowSeconds) * 1000).toISOString() }
}

/** Who told it not to think sees no thoughts either. */
export function showsThoughts({ request }: AnswerContext): boolean {
  return request.reasoning?.kind !== 'off' && request.reasoning?.visibility !== 'none'
}

/**
 * The last members of an answer. Durations are there since clients compute with them, and are zero since nobody measured
 * them.
 */
export function endOf(
  finish: Finish | undefined,
  usage: Usage | undefined,
  saidLength: number,
  { inputEstimate }: AnswerContext,
): JsonObject {
  const estimate = estimatedUsage(inputEstimate, saidLength)
  return {
    done: true,
    done_reason: finish?.reason === 'length' ? 'length' : 'stop',
    total_duration: 0,
    load_duration: 0,
    prompt_eval_count: usage?.input ?? estimate.input ?? 0,
    prompt_eval_duration: 0,
    eval_count: usage?.output ?? estimate.output ?? 0,
    eval_duration: 0,
  }
}

/** `at`: its number among the calls of the answer. */
export function writeCall({ id, name, args, isCustom }: Omit<ToolCallPart, 'kind' | 'tool'>, at: number): JsonObject {
  const object = argsObjectOfAnswer(isCustom ? argsOfCustom(args) : args)
  return { ...(id === '' ? {} : { id }), function: { index: at, name, arguments: object } }
}

export function writeLogprobs(tokens: readonly TokenLogprob[]): JsonObject[] {
  return tokens.map((token) => ({
    ...writeToken(token),
    ...(token.top.length === 0 ? {} : { top_logprobs: token.top.map(writeToken) }),
  }))
}

function writeToken({ token, logprob }: Pick<TokenLogprob, 'token' | 'logprob'>): JsonObject {
  return { token, logprob, bytes: [...Buffer.from(token)] }
}
