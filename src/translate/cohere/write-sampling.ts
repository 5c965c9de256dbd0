import type { Profile } from '#core/profile.ts'
import type { RequestBody } from '#translate/chat/request-body.ts'
import type { CommonRequest } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'

/** How it is to choose its words, in Cohere's names and within its limits. */
export function putSampling(
  body: RequestBody,
  { sampling }: CommonRequest,
  profile: Profile,
  thinks: boolean,
  notes: Notes,
): void {
  const { temperature, topP, topK, minP = 0, repetitionPenalty = 1 } = sampling
  if (profile.sampling === 'all' || (profile.sampling === 'without_reasoning' && !thinks)) {
    const isTooWarm = temperature !== undefined && temperature > profile.temperatureMax
    if (isTooWarm) notes.adapt('adapted:temperature_clamped', 'temperature')
    body.put('temperature', isTooWarm ? profile.temperatureMax : temperature)
    if (topP !== undefined && (temperature === undefined || profile.takesTemperatureWithTopP)) {
      // Limit: from 0.01 to 0.99.
      const p = Math.min(Math.max(topP, 0.01), 0.99)
      if (p !== topP) notes.adapt('adapted:value_clamped', 'top_p')
      body.put('p', p)
    }
    if (topK !== undefined && topK > topKMax) notes.drop('dropped:top_k', 'top_k')
    // Zero is no limit, as it is elsewhere.
    else body.put('k', topK)
    putPenalty(body, 'frequency_penalty', sampling.frequencyPenalty, notes)
    putPenalty(body, 'presence_penalty', sampling.presencePenalty, notes)
    if (repetitionPenalty !== 1) notes.drop('dropped:penalties', 'repetition_penalty')
    if (minP !== 0) notes.drop('dropped:unknown_field', 'min_p')
  }
  if (sampling.seed !== undefined && (!Number.isInteger(sampling.seed) || sampling.seed < 0)) {
    notes.drop('dropped:seed', 'seed')
  } else {
    body.put('seed', sampling.seed)
  }
  if (sampling.logprobs === true || (sampling.logprobs === undefined && sampling.topLogprobs !== undefined)) {
    body.put('logprobs', true)
  }
  if ((sampling.topLogprobs ?? 0) > 0) notes.drop('dropped:logprobs', 'top_logprobs')
}

/** Limit: of `k`. */
const topKMax = 500

/** Limit: from 0 to 1. */
function putPenalty(body: RequestBody, name: string, penalty: number | undefined, notes: Notes): void {
  if (penalty !== undefined && (penalty < 0 || penalty > 1)) notes.drop('dropped:penalties', name)
  else body.put(name, penalty)
}
