import type { JsonObject } from '#kit/json-value.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest, MediaPart, Part } from '#translate/common.ts'
import { countField } from '#translate/field-words.ts'
import type { Notes } from '#translate/notes.ts'
import { describedSchema, type OutputPlan } from '#translate/output.ts'
import { thinkingFor } from '#translate/reasoning.ts'
import { schemaFor } from '#translate/schema.ts'
import { showsResponsesThoughts } from '#translate/shown-thoughts.ts'
import { told } from './fields.ts'

/** `generationConfig`, and the stop sequences that did not fit into it. */
interface WrittenConfig {
  readonly config: JsonObject
  readonly stops: readonly string[]
}

export function writeConfig(request: CommonRequest, target: Target, plan: OutputPlan, notes: Notes): WrittenConfig {
  const { sampling, output } = request
  const { profile } = target
  noteLosses(request, notes)
  const stops = (sampling.stop ?? []).filter((each) => each !== '')
  const own = stops.slice(0, profile.stopMax)
  const emulated = stops.slice(profile.stopMax)
  if (emulated.length > 0) notes.adapt('adapted:stop_emulated', 'stop')
  const config = {
    ...samplingOf(request, target, notes),
    maxOutputTokens: sampling.maxOutputTokens,
    stopSequences: own.length === 0 ? undefined : own,
    candidateCount: candidateCountOf(request, target, notes),
    ...logprobsOf(request),
    ...formatOf(plan, target, notes),
    responseModalities: modalitiesOf(output.modalities),
    mediaResolution: resolutionOf(request, notes),
    thinkingConfig: thinkingOf(request, target, notes),
  }
  return { config: told(config), stops: emulated }
}

function samplingOf(request: CommonRequest, { profile }: Target, notes: Notes): JsonObject {
  const { sampling } = request
  const { temperature, topP, topK, presencePenalty, frequencyPenalty } = sampling
  if (profile.sampling === 'none') {
    if (topK !== undefined) notes.drop('dropped:top_k', 'top_k')
    if (presencePenalty !== undefined || frequencyPenalty !== undefined) notes.drop('dropped:penalties')
    return {}
  }
  const isTooWarm = temperature !== undefined && temperature > profile.temperatureMax
  if (isTooWarm) notes.adapt('adapted:temperature_clamped', 'temperature')
  return {
    temperature: isTooWarm ? profile.temperatureMax : temperature,
    topP: temperature !== undefined && !profile.takesTemperatureWithTopP ? undefined : topP,
    topK,
    presencePenalty,
    frequencyPenalty,
    seed: seedOf(sampling.seed, notes),
  }
}

/** Limit: 32 bits, with a sign. */
function seedOf(seed: number | undefined, notes: Notes): number | undefined {
  if (seed === undefined || (Number.isInteger(seed) && Math.abs(seed) < 2 ** 31)) return seed
  notes.drop('dropped:seed', 'seed')
  return undefined
}

function candidateCountOf(request: CommonRequest, target: Target, notes: Notes): number | undefined {
  const { n } = request.sampling
  if (n === undefined || n === 1) return undefined
  if (!target.profile.takesN) notes.reject(countField(request), 'more than one answer is not supported')
  return n
}

function logprobsOf({ sampling }: CommonRequest): JsonObject {
  if (sampling.logprobs !== true) return {}
  const top = sampling.topLogprobs
  return { responseLogprobs: true, logprobs: top === undefined || top === 0 ? undefined : top }
}

function formatOf(plan: OutputPlan, { profile }: Target, notes: Notes): JsonObject {
  const responseMimeType = 'application/json'
  switch (plan.way) {
    case 'json':
      return { responseMimeType }
    case 'schema':
      return profile.takesJsonSchema
        ? { responseMimeType, responseJsonSchema: schemaFor(describedSchema(plan), 'gemini', notes) }
        : { responseMimeType, responseSchema: schemaFor(describedSchema(plan), 'gemini_subset', notes) }
    case 'text':
    case 'tool':
    case 'instruction':
      return {}
  }
}

/** Spoken answers come without their text. */
function modalitiesOf(modalities: readonly string[] | undefined): readonly string[] | undefined {
  if (modalities === undefined || modalities.every((each) => each === 'text')) return undefined
  return modalities.includes('audio') ? ['AUDIO'] : modalities.map((each) => each.toUpperCase())
}

/** It is said once for all images. */
function resolutionOf({ messages }: CommonRequest, notes: Notes): string | undefined {
  const details = new Set(messages.flatMap(({ parts }) => mediaIn(parts)).map(({ detail }) => detail ?? 'auto'))
  const [only] = details
  if (details.size === 1 && only === 'low') return 'MEDIA_RESOLUTION_LOW'
  if (details.size === 1 && (only === 'high' || only === 'original')) return 'MEDIA_RESOLUTION_HIGH'
  if (details.size > 1) notes.drop('dropped:image_detail')
  return undefined
}

function mediaIn(parts: readonly Part[]): readonly MediaPart[] {
  return parts.flatMap((part) => {
    if (part.kind === 'tool_result') return mediaIn(part.parts)
    return part.kind === 'media' && part.medium === 'image' ? [part] : []
  })
}

function thinkingOf(request: CommonRequest, target: Target, notes: Notes): JsonObject | undefined {
  const { profile } = target
  const thinking = thinkingFor(request, profile, request.sampling.maxOutputTokens, notes)
  if (profile.reasoning.style === 'none') return undefined
  const isOff = thinking?.style === 'budget' && thinking.tokens === 0
  const includeThoughts = !isOff && showsThoughts(request, target) ? true : undefined
  const config = told({
    thinkingBudget: thinking?.style === 'budget' ? thinking.tokens : undefined,
    thinkingLevel: thinking?.style === 'level' ? thinking.level : undefined,
    includeThoughts,
  })
  return Object.keys(config).length === 0 ? undefined : config
}

/** Does the client's form show thoughts, and does the client want to see them, as far as it said? */
function showsThoughts(request: CommonRequest, { policy }: Target): boolean {
  const { form, reasoning } = request
  if (reasoning?.visibility === 'none' || reasoning?.kind === 'off' || reasoning?.effort === 'none') return false
  if (form === 'chat') return policy.chatReasoning !== 'off'
  // Their clients see none unless they ask.
  if (form === 'messages') return reasoning !== undefined
  if (form === 'gemini') return reasoning?.visibility !== undefined
  if (form === 'responses') return showsResponsesThoughts({ request, policy })
  return form === 'ollama'
}

/** What Gemini has no word for. */
function noteLosses({ sampling, output, cache }: CommonRequest, notes: Notes): void {
  if (sampling.logitBias !== undefined) notes.drop('dropped:logit_bias', 'logit_bias')
  if (sampling.minP !== undefined) notes.drop('dropped:unknown_field', 'min_p')
  if (sampling.repetitionPenalty !== undefined) notes.drop('dropped:penalties', 'repetition_penalty')
  if (output.audio !== undefined) notes.drop('dropped:unknown_field', 'audio')
  if (output.verbosity !== undefined) notes.drop('dropped:verbosity', 'verbosity')
  if (output.prediction !== undefined) notes.drop('dropped:prediction', 'prediction')
  if (cache?.auto !== undefined || cache?.key !== undefined || cache?.retention !== undefined)
    notes.drop('dropped:cache_hint', 'cache')
}
