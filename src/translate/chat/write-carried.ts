import type { Target } from '#translate/codec.ts'
import type { CommonRequest } from '#translate/common.ts'
import { modalitiesField } from '#translate/field-words.ts'
import type { Notes } from '#translate/notes.ts'
import { tierWord } from './answer-words.ts'
import type { RequestBody } from './request-body.ts'

/** What the answer would be wrong without, and Chat has no word for. */
export function checkCarried(request: CommonRequest, notes: Notes): void {
  if (request.cache?.resource !== undefined) {
    notes.reject('cachedContent', 'a cached prompt of another provider is not supported')
  }
  if (request.sampling.maxOutputTokens === 0 && request.form !== 'chat') {
    notes.reject('max_tokens', 'a request for no output at all is not supported')
  }
}

/** Who asks, what it is for, where it is kept, and what else is no matter of the prompt. */
export function putCarried(body: RequestBody, request: CommonRequest, target: Target, notes: Notes): void {
  putIdentity(body, request, target, notes)
  putCache(body, request, target, notes)
  const tier = tierWord(request.tier === 'standard_only' ? 'default' : request.tier)
  if (tier !== undefined && (tier !== 'auto' || body.takes('service_tier'))) body.put('service_tier', tier)
  else if (request.tier !== undefined && tier === undefined) notes.drop('dropped:service_tier', 'service_tier')
  const { verbosity, prediction } = request.output
  const knowsVerbosity = isOpenai(target) || request.form === 'chat'
  if (knowsVerbosity) body.put('verbosity', verbosity)
  else if (verbosity !== undefined) notes.drop('dropped:verbosity', 'verbosity')
  body.put('prediction', prediction)
  putModalities(body, request, notes)
  if (request.form !== 'chat') return
  body.put('store', request.store)
  for (const [name, value] of Object.entries(request.rest)) body.put(name, value)
}

/** OpenAI itself, or who speaks its form to the letter. */
function isOpenai({ profile }: Target): boolean {
  return profile.maxTokensField === 'max_completion_tokens'
}

/** Who the user is, is told only to the provider that the client meant. */
function putIdentity(body: RequestBody, request: CommonRequest, target: Target, notes: Notes): void {
  const { endUser, tags } = request.identity
  const isTold = request.form === 'chat' || request.form === 'completions' || target.policy.forwardsIdentity
  if (endUser !== undefined) {
    if (isTold) body.put(isOpenai(target) ? 'safety_identifier' : 'user', shortName(endUser))
    else notes.drop('dropped:user', 'user')
  }
  if (tags === undefined || Object.keys(tags).length === 0) return
  // OpenAI only takes them for what it keeps.
  if (isTold && request.form === 'chat') body.put('metadata', tags)
  else notes.drop('dropped:metadata', 'metadata')
}

/** Limit: 64 characters, which is OpenAI's; a longer one is told by its hash. */
function shortName(user: string): string {
  return user.length <= 64 ? user : new Bun.CryptoHasher('sha256').update(user).digest('hex')
}

function putCache(body: RequestBody, request: CommonRequest, target: Target, notes: Notes): void {
  const { auto, key, retention } = request.cache ?? {}
  const isOwn = isOpenai(target) || request.form === 'chat'
  if (isOwn) {
    body.put('prompt_cache_key', key)
    body.put('prompt_cache_retention', retention)
  } else if (key !== undefined || retention !== undefined) notes.drop('dropped:cache_hint')
  if (auto === undefined) return
  const { takesCacheHints, family } = target.profile
  const ttl = auto.ttl === undefined ? {} : { ttl: auto.ttl }
  if (takesCacheHints && family === 'gpt') body.put('prompt_cache_options', { mode: 'implicit', ...ttl })
  else if (takesCacheHints) body.put('cache_control', { type: 'ephemeral', ...ttl })
  else notes.drop('dropped:cache_hint')
}

function putModalities(body: RequestBody, { form, output }: CommonRequest, notes: Notes): void {
  const { audio } = output
  const modalities = output.modalities?.map((name) => name.toLowerCase())
  const isSpoken = modalities?.includes('audio') === true
  const isMore = modalities?.some((name) => name !== 'text') === true
  if (isSpoken && audio === undefined) {
    notes.reject(form === 'gemini' ? modalitiesField({ form }) : 'audio', 'audio without a voice is not supported')
  }
  // Whoever speaks here writes too.
  const all = isSpoken && form !== 'chat' && modalities.length === 1 ? ['text', 'audio'] : modalities
  if (isMore || form === 'chat') body.put('modalities', all)
  if (form === 'chat' || isSpoken) body.put('audio', audio)
}
