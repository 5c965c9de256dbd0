import type { Block } from './cache-points.ts'
import { isClaude, isNova, type RequestWriting } from './request-writing.ts'
import type { WrittenThinking } from './write-thinking.ts'

/** `inferenceConfig`, what stands beside it for one family only, and the stop sequences that are left to us. */
export interface WrittenLimits {
  readonly inferenceConfig: Block
  readonly fields: Block
  readonly stops: readonly string[]
}

export function writeLimits(
  writing: RequestWriting,
  thinking: WrittenThinking,
  outputTokensMax: number | undefined,
): WrittenLimits {
  const { request, notes } = writing
  const { seed, logitBias, logprobs, presencePenalty, frequencyPenalty, repetitionPenalty, minP } = request.sampling
  if (seed !== undefined) notes.drop('dropped:seed', 'seed')
  if (logitBias !== undefined) notes.drop('dropped:logit_bias', 'logit_bias')
  if (logprobs === true) notes.drop('dropped:logprobs', 'logprobs')
  if ([presencePenalty, frequencyPenalty, repetitionPenalty].some((value) => value !== undefined && value !== 0)) {
    notes.drop('dropped:penalties', 'frequency_penalty')
  }
  if (minP !== undefined) notes.drop('dropped:unknown_field', 'min_p')
  const { native, emulated } = stopsOf(writing)
  const isLimited = outputTokensMax !== undefined && !thinking.refusesLimits
  if (thinking.refusesLimits && outputTokensMax !== undefined) notes.drop('dropped:unknown_field', 'max_tokens')
  const sampled = writeSampling(writing, thinking)
  return {
    inferenceConfig: {
      ...(isLimited && { maxTokens: outputTokensMax }),
      ...sampled.inferenceConfig,
      ...(native.length > 0 && { stopSequences: native }),
    },
    fields: sampled.fields,
    stops: emulated,
  }
}

function writeSampling(
  writing: RequestWriting,
  thinking: WrittenThinking,
): Pick<WrittenLimits, 'inferenceConfig' | 'fields'> {
  const { request, target, notes } = writing
  const { profile } = target
  const { temperature, topP, topK } = request.sampling
  const isFree = profile.sampling === 'all' || (profile.sampling === 'without_reasoning' && !thinking.isOn)
  if (!isFree || thinking.refusesLimits) {
    if (temperature !== undefined) notes.drop('dropped:unknown_field', 'temperature')
    if (topP !== undefined) notes.drop('dropped:unknown_field', 'top_p')
    if (topK !== undefined) notes.drop('dropped:top_k', 'top_k')
    return { inferenceConfig: {}, fields: {} }
  }
  const inferenceConfig: Block = {}
  if (temperature !== undefined) {
    if (temperature > profile.temperatureMax) notes.adapt('adapted:temperature_clamped', 'temperature')
    inferenceConfig['temperature'] = Math.min(temperature, profile.temperatureMax)
  }
  if (topP !== undefined) {
    if (temperature === undefined || profile.takesTemperatureWithTopP) inferenceConfig['topP'] = topP
    else notes.drop('dropped:unknown_field', 'top_p')
  }
  return { inferenceConfig, fields: topK === undefined ? {} : topKOf(topK, writing) }
}

/** Nobody but these two has a place for it. */
function topKOf(topK: number, { target, notes }: RequestWriting): Block {
  if (isClaude(target)) return { top_k: topK }
  if (isNova(target)) return { inferenceConfig: { topK } }
  notes.drop('dropped:top_k', 'top_k')
  return {}
}

/** Claude refuses those of mere white space, and all have a limit of how many. */
function stopsOf({ request, target, notes }: RequestWriting): {
  readonly native: readonly string[]
  readonly emulated: readonly string[]
} {
  const all = (request.sampling.stop ?? []).filter((stop) => stop !== '')
  const blank = isClaude(target) ? all.filter((stop) => stop.trim() === '') : []
  const native = blank.length === 0 ? all : all.filter((stop) => stop.trim() !== '')
  const emulated = [...blank, ...native.splice(target.profile.stopMax)]
  if (emulated.length > 0) notes.adapt('adapted:stop_emulated', 'stop')
  return { native, emulated }
}
