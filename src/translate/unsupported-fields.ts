import type { Target } from './codec.ts'
import type { CommonRequest } from './common.ts'
import { countField, modalitiesField } from './field-words.ts'
import type { Notes } from './notes.ts'

/**
 * What a backend has no word for that gives one answer of text, and keeps nothing: rejected where the answer would be wrong
 * without it, else dropped.
 */
export function tellUnsupported(request: CommonRequest, { profile }: Target, notes: Notes): void {
  const { sampling, output, cache, identity, tier } = request
  if ((sampling.n ?? 1) > 1) notes.reject(countField(request), 'more than one answer to a request is not supported')
  if (sampling.maxOutputTokens === 0) notes.reject('max_tokens', 'a request for no output at all is not supported')
  const modality = output.modalities?.find((name) => name.toLowerCase() !== 'text')
  if (modality !== undefined)
    notes.reject(modalitiesField(request), `${modality.toLowerCase()} output is not supported`)
  else if (output.audio !== undefined) notes.drop('dropped:unknown_field', 'audio')
  if (cache?.resource !== undefined) {
    notes.reject('cachedContent', 'a cached prompt of another provider is not supported')
  }
  if (request.previousResponseId !== undefined) {
    notes.reject('previous_response_id', 'an answer that another provider keeps cannot be gone on with')
  }
  if (cache?.auto !== undefined || cache?.key !== undefined || cache?.retention !== undefined) {
    notes.drop('dropped:cache_hint')
  }
  if (Object.keys(sampling.logitBias ?? {}).length > 0) notes.drop('dropped:logit_bias', 'logit_bias')
  if (output.verbosity !== undefined) notes.drop('dropped:verbosity', 'verbosity')
  if (output.prediction !== undefined) notes.drop('dropped:prediction', 'prediction')
  if (identity.endUser !== undefined) notes.drop('dropped:user', 'user')
  if (Object.keys(identity.tags ?? {}).length > 0) notes.drop('dropped:metadata', 'metadata')
  if (tier !== undefined && !commonTiers.has(tier)) notes.drop('dropped:service_tier', 'service_tier')
  if (profile.sampling === 'none') tellSampling(request, notes)
  for (const { name } of request.messages) if (name !== undefined) notes.drop('dropped:message_name', 'messages')
}

/** What everybody gets who asks for none. */
const commonTiers: ReadonlySet<string> = new Set(['auto', 'default', 'standard', 'standard_only'])

function tellSampling({ sampling }: CommonRequest, notes: Notes): void {
  const { temperature = 1, topP = 1, topK, minP = 0 } = sampling
  const { presencePenalty = 0, frequencyPenalty = 0, repetitionPenalty = 1 } = sampling
  if (temperature !== 1) notes.adapt('adapted:temperature_clamped', 'temperature')
  if (topP !== 1) notes.drop('dropped:unknown_field', 'top_p')
  if (minP !== 0) notes.drop('dropped:unknown_field', 'min_p')
  if (topK !== undefined) notes.drop('dropped:top_k', 'top_k')
  if (presencePenalty !== 0 || frequencyPenalty !== 0 || repetitionPenalty !== 1) notes.drop('dropped:penalties')
}
