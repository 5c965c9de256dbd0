import type { JsonObject } from '#kit/json-value.ts'
import { countField, modalitiesField } from '#translate/field-words.ts'
import { rootOf } from './place.ts'
import type { Writing } from './write-content.ts'

/** What this API cannot do, and whose answer would be another without it. */
export function rejectForeign({ request, notes }: Writing): void {
  const { sampling, output, cache } = request
  if ((sampling.n ?? 1) > 1) notes.reject(countField(request), 'more than one answer is not supported')
  if (sampling.maxOutputTokens === 0) notes.reject('max_tokens', 'a limit of no tokens is not supported')
  if (cache?.resource !== undefined)
    notes.reject('cachedContent', 'a cached prompt of another provider is not supported')
  const modalities = (output.modalities ?? []).map((modality) => modality.toLowerCase())
  if (modalities.some((modality) => modality !== 'text')) {
    notes.reject(modalitiesField(request), 'output other than text is not supported')
  } else if (output.audio !== undefined) notes.drop('dropped:unknown_field', 'audio')
  if (request.form !== 'responses' && request.previousResponseId !== undefined) {
    notes.reject(rootOf(request.form), 'an earlier response that is only named is not supported')
  }
  if (output.prediction !== undefined) notes.drop('dropped:prediction', 'prediction')
}

export function samplingOf(thinks: boolean, writing: Writing): JsonObject {
  const { request, target, notes } = writing
  const { sampling } = request
  const { profile } = target
  if (sampling.seed !== undefined) notes.drop('dropped:seed', 'seed')
  if (sampling.topK !== undefined) notes.drop('dropped:top_k', 'top_k')
  if (sampling.minP !== undefined) notes.drop('dropped:unknown_field', 'min_p')
  if (sampling.logitBias !== undefined) notes.drop('dropped:logit_bias', 'logit_bias')
  const penalties = [
    sampling.presencePenalty ?? 0,
    sampling.frequencyPenalty ?? 0,
    (sampling.repetitionPenalty ?? 1) - 1,
  ]
  if (penalties.some((penalty) => penalty !== 0)) notes.drop('dropped:penalties', 'penalties')
  return {
    ...(sampling.maxOutputTokens === undefined
      ? {}
      : { max_output_tokens: limitOf(sampling.maxOutputTokens, writing) }),
    ...(profile.sampling === 'all' || (profile.sampling === 'without_reasoning' && !thinks)
      ? warmthOf(writing)
      : withoutWarmth(writing)),
    ...logprobsOf(thinks, writing),
  }
}

export function takesLogprobs(thinks: boolean, { request, target }: Writing): boolean {
  const { refuses, sampling } = target.profile
  if (request.sampling.logprobs !== true || refuses.has('logprobs') || refuses.has('top_logprobs')) return false
  return sampling === 'all' || (sampling === 'without_reasoning' && !thinks)
}

function logprobsOf(thinks: boolean, writing: Writing): JsonObject {
  const { logprobs, topLogprobs } = writing.request.sampling
  if (takesLogprobs(thinks, writing)) return topLogprobs === undefined ? {} : { top_logprobs: topLogprobs }
  if (logprobs === true) writing.notes.drop('dropped:logprobs', 'logprobs')
  return {}
}

/** OpenAI refuses to write less. */
function limitOf(tokens: number, { target, notes }: Writing): number {
  if (target.profile.family !== 'gpt' || tokens >= tokensMin) return tokens
  notes.adapt('adapted:value_clamped', 'max_tokens')
  return tokensMin
}

const tokensMin = 16

function warmthOf({ request, target, notes }: Writing): JsonObject {
  const { temperature, topP } = request.sampling
  const { temperatureMax } = target.profile
  const isTooWarm = temperature !== undefined && temperature > temperatureMax
  if (isTooWarm) notes.adapt('adapted:temperature_clamped', 'temperature')
  return {
    ...(temperature === undefined ? {} : { temperature: isTooWarm ? temperatureMax : temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
  }
}

/** A model that thinks chooses for itself; what it would do anyway is no loss. */
function withoutWarmth({ request, notes }: Writing): JsonObject {
  const { temperature, topP } = request.sampling
  if (temperature !== undefined && temperature !== 1) notes.drop('dropped:unknown_field', 'temperature')
  if (topP !== undefined && topP !== 1) notes.drop('dropped:unknown_field', 'top_p')
  return {}
}

/** The same session finds its prompt in the same cache. */
export function cacheOf({ request, notes }: Writing): JsonObject {
  if (request.cache?.auto !== undefined) notes.drop('dropped:cache_hint', 'cache_control')
  const key = request.cache?.key ?? request.identity.session
  const retention = request.cache?.retention
  return {
    ...(key === undefined ? {} : { prompt_cache_key: shortened(key) }),
    ...(retention === undefined ? {} : { prompt_cache_retention: retention }),
  }
}

export function tierOf({ request, target, notes }: Writing): JsonObject {
  if (request.tier === undefined) return {}
  const isRefused = target.profile.refuses.has('service_tier')
  const tier = request.form === 'responses' ? request.tier : tierNames.get(request.tier.toLowerCase())
  if (tier !== undefined && !isRefused) return { service_tier: tier }
  notes.drop('dropped:service_tier', 'service_tier')
  return {}
}

/** How the other APIs name tiers → how this one does. */
const tierNames: ReadonlyMap<string, string> = new Map([
  ['auto', 'auto'],
  ['default', 'default'],
  ['standard', 'default'],
  ['standard_only', 'default'],
  ['flex', 'flex'],
  ['scale', 'scale'],
  ['priority', 'priority'],
  ['fast', 'fast'],
])

/** Who asks is told to another provider only where the operator wants that. */
export function identityOf({ request, target, notes }: Writing): JsonObject {
  const { endUser, tags } = request.identity
  const { refuses } = target.profile
  const isTold = request.form === 'responses' || target.policy.forwardsIdentity
  const tellsUser = isTold && !refuses.has('safety_identifier')
  const tellsTags = isTold && !refuses.has('metadata')
  if (endUser !== undefined && !tellsUser) notes.drop('dropped:user', 'user')
  if (tags !== undefined && !tellsTags) notes.drop('dropped:metadata', 'metadata')
  return {
    ...(endUser === undefined || !tellsUser ? {} : { safety_identifier: shortened(endUser) }),
    ...(tags === undefined || !tellsTags ? {} : { metadata: metadataOf(tags) }),
  }
}

/** Limit: 64 characters; longer ones are told by their hash. */
function shortened(name: string): string {
  return name.length <= 64 ? name : new Bun.CryptoHasher('sha256').update(name).digest('hex')
}

/** Limit: 16 pairs, with names of 64 and values of 512 characters. */
function metadataOf(tags: Readonly<Record<string, string>>): JsonObject {
  const pairs = Object.entries(tags).filter(([name, value]) => name.length <= 64 && value.length <= 512)
  return Object.fromEntries(pairs.slice(0, 16))
}
