import type { Profile } from '#core/profile.ts'
import type { Target } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import type { Notes } from '#translate/notes.ts'
import { countField, modalitiesField } from '#translate/field-words.ts'
import { betaHeader } from './block-member.ts'
import { cacheControlOf } from './cache-hint.ts'

type Fields = Record<string, unknown>

/** What Anthropic has no field for: hints are dropped, and what the answer would be wrong without is rejected. */
export function checkCarried(request: CommonRequest, notes: Notes): void {
  const { sampling, output } = request
  if ((sampling.n ?? 1) > 1) notes.reject(countField(request), 'more than one answer to a request is not supported')
  if (output.modalities?.some((modality) => modality.toLowerCase() !== 'text') === true) {
    notes.reject(modalitiesField(request), 'answers in anything but text are not supported')
  } else if (output.audio !== undefined) notes.drop('dropped:unknown_field', 'audio')
  if (request.cache?.resource !== undefined)
    notes.reject('cachedContent', 'a cached prompt of another provider is not supported')
  if (request.previousResponseId !== undefined) {
    notes.reject('previous_response_id', 'the history of an earlier response is not known here')
  }
  if (request.cache?.key !== undefined) notes.drop('dropped:cache_hint', 'prompt_cache_key')
  if (sampling.seed !== undefined) notes.drop('dropped:seed', 'seed')
  if (Object.keys(sampling.logitBias ?? {}).length > 0) notes.drop('dropped:logit_bias', 'logit_bias')
  checkPenalties(request, notes)
  if (sampling.logprobs === true || (sampling.topLogprobs ?? 0) > 0) notes.drop('dropped:logprobs', 'logprobs')
  if (output.verbosity !== undefined) notes.drop('dropped:verbosity', 'verbosity')
  if (output.prediction !== undefined) notes.drop('dropped:prediction', 'prediction')
  if (Object.keys(request.identity.tags ?? {}).length > 0) notes.drop('dropped:metadata', 'metadata')
  if (request.messages.some(({ name }) => name !== undefined)) notes.drop('dropped:message_name', 'messages')
}

/** Zero, and one of those that multiply, are what happens without them. */
function checkPenalties({ sampling }: CommonRequest, notes: Notes): void {
  const { presencePenalty = 0, frequencyPenalty = 0, repetitionPenalty = 1, minP = 0 } = sampling
  if (presencePenalty !== 0) notes.drop('dropped:penalties', 'presence_penalty')
  if (frequencyPenalty !== 0) notes.drop('dropped:penalties', 'frequency_penalty')
  if (repetitionPenalty !== 1) notes.drop('dropped:penalties', 'repetition_penalty')
  if (minP !== 0) notes.drop('dropped:unknown_field', 'min_p')
}

/** Who the user is, is told only to the provider that the client meant. */
export function writeIdentity(request: CommonRequest, { policy }: Target, notes: Notes): Fields {
  const { endUser } = request.identity
  if (endUser === undefined) return {}
  if (request.form === 'messages' || policy.forwardsIdentity) return { metadata: { user_id: endUser } }
  notes.drop('dropped:user', 'user')
  return {}
}

export function writeTier({ form, tier }: CommonRequest, notes: Notes): Fields {
  if (tier === undefined || (form === 'messages' && tier === 'fast')) return {}
  const written = tiers.get(tier.toLowerCase())
  if (written === undefined) notes.drop('dropped:service_tier', 'service_tier')
  return written === undefined ? {} : { service_tier: written }
}

const tiers: ReadonlyMap<string, string> = new Map([
  ['auto', 'auto'],
  ['priority', 'auto'],
  ['default', 'standard_only'],
  ['standard', 'standard_only'],
  ['standard_only', 'standard_only'],
])

export function writeCacheOfRequest({ cache }: CommonRequest): Fields {
  if (cache?.auto === undefined) return {}
  return { cache_control: cacheControlOf(cache.auto, ttlDefaultOf(cache.retention)) }
}

/** Of breakpoints that do not say themselves how long they last: of those that there are, the nearest to a day. */
export function ttlDefaultOf(retention: string | undefined): string | undefined {
  return retention === '24h' ? '1h' : undefined
}

/** What only Anthropic's own clients say. */
export function writeRest({ form, rest }: CommonRequest): Fields {
  if (form !== 'messages') return {}
  const { [betaHeader]: _beta, output_config: _config, thinking: _thinking, ...fields } = rest
  return fields
}

/** Fields of the form that this backend refuses. */
export function dropRefused(body: Fields, profile: Profile, notes: Notes): void {
  for (const name of profile.refuses) {
    if (!Object.hasOwn(body, name) || needed.has(name)) continue
    delete body[name]
    notes.drop(droppedAs.get(name) ?? 'dropped:unknown_field', name)
  }
}

const needed: ReadonlySet<string> = new Set(['model', 'messages', 'max_tokens', 'tools', 'system', 'stream'])

const droppedAs: ReadonlyMap<string, `dropped:${string}`> = new Map([
  ['metadata', 'dropped:user'],
  ['service_tier', 'dropped:service_tier'],
  ['top_k', 'dropped:top_k'],
  ['cache_control', 'dropped:cache_hint'],
  ['context_management', 'dropped:context_management'],
])
