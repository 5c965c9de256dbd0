import type { Profile } from '#core/profile.ts'
import type { CommonRequest } from '#translate/common.ts'
import { countField } from '#translate/field-words.ts'
import type { Notes } from '#translate/notes.ts'
import type { RequestBody } from './request-body.ts'

/** How a model is to choose its words; models of OpenAI that reason let nobody choose but themselves. */
export function putSampling(
  body: RequestBody,
  request: CommonRequest,
  profile: Profile,
  isThinking: boolean,
  notes: Notes,
): void {
  const { sampling } = request
  const isFree = profile.sampling === 'all' || (profile.sampling === 'without_reasoning' && !isThinking)
  if (isFree) putChoosing(body, request, profile, notes)
  else dropChoosing(request, notes)
  putCount(body, request, profile, notes)
  body.put(profile.toolIdForm === 'mistral' ? 'random_seed' : 'seed', sampling.seed)
}

function putChoosing(body: RequestBody, request: CommonRequest, profile: Profile, notes: Notes): void {
  const { sampling } = request
  const { temperature, topP } = sampling
  if (temperature !== undefined) {
    if (temperature > profile.temperatureMax) notes.adapt('adapted:temperature_clamped', 'temperature')
    body.put('temperature', Math.min(temperature, profile.temperatureMax))
  }
  if (temperature === undefined || profile.takesTemperatureWithTopP) body.put('top_p', topP)
  else if (topP !== undefined && topP !== 1) notes.drop('dropped:unknown_field', 'top_p')
  body.put('presence_penalty', sampling.presencePenalty)
  body.put('frequency_penalty', sampling.frequencyPenalty)
  body.put('logit_bias', sampling.logitBias)
  const asksLogprobs = sampling.logprobs ?? (sampling.topLogprobs === undefined ? undefined : true)
  if (asksLogprobs === true || request.form === 'chat') body.put('logprobs', asksLogprobs)
  if (body.takes('logprobs')) body.put('top_logprobs', sampling.topLogprobs)
  putOwn(body, request, notes)
}

/** Not OpenAI's, but known to many servers that speak its form: told where the client spoke to one of them. */
function putOwn(body: RequestBody, { form, sampling }: CommonRequest, notes: Notes): void {
  const { topK, minP, repetitionPenalty } = sampling
  if (form === 'chat' || form === 'completions') {
    body.put('top_k', topK)
    body.put('min_p', minP)
    body.put('repetition_penalty', repetitionPenalty)
    return
  }
  if (topK !== undefined) notes.drop('dropped:top_k', 'top_k')
  if (minP !== undefined && minP !== 0) notes.drop('dropped:unknown_field', 'min_p')
  if (repetitionPenalty !== undefined && repetitionPenalty !== 1) notes.drop('dropped:penalties', 'repetition_penalty')
}

/** What is the default anyway needs no word. */
function dropChoosing({ sampling }: CommonRequest, notes: Notes): void {
  const { temperature, topP, presencePenalty = 0, frequencyPenalty = 0, repetitionPenalty = 1 } = sampling
  if (temperature !== undefined && temperature !== 1) notes.adapt('adapted:temperature_clamped', 'temperature')
  if (topP !== undefined && topP !== 1) notes.drop('dropped:unknown_field', 'top_p')
  if (sampling.topK !== undefined) notes.drop('dropped:top_k', 'top_k')
  if (presencePenalty !== 0) notes.drop('dropped:penalties', 'presence_penalty')
  if (frequencyPenalty !== 0) notes.drop('dropped:penalties', 'frequency_penalty')
  if (repetitionPenalty !== 1) notes.drop('dropped:penalties', 'repetition_penalty')
  if (sampling.minP !== undefined && sampling.minP !== 0) notes.drop('dropped:unknown_field', 'min_p')
  if (Object.keys(sampling.logitBias ?? {}).length > 0) notes.drop('dropped:logit_bias', 'logit_bias')
  if (sampling.logprobs === true || (sampling.topLogprobs ?? 0) > 0) notes.drop('dropped:logprobs', 'logprobs')
}

function putCount(body: RequestBody, request: CommonRequest, profile: Profile, notes: Notes): void {
  const { n } = request.sampling
  if (n === undefined) return
  if (profile.takesN && body.takes('n')) body.put('n', n)
  else if (n > 1) {
    notes.reject(countField(request), 'more than one answer to a request is not supported')
  }
}

/** The sequences that the backend looks for, and those that we look for in its answer. */
export function splitStops(
  { sampling }: CommonRequest,
  profile: Profile,
  notes: Notes,
): { readonly sent: readonly string[] | undefined; readonly emulated: readonly string[] } {
  const stops = sampling.stop ?? []
  const stopMax = profile.refuses.has('stop') ? 0 : profile.stopMax
  const emulated = stops.slice(stopMax)
  if (emulated.length > 0) notes.adapt('adapted:stop_emulated', 'stop')
  const sent = stops.slice(0, stopMax)
  return { sent: sent.length === 0 ? undefined : sent, emulated }
}
