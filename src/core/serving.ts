import type { Candidate } from './candidate.ts'
import type { Asked } from './endpoint.ts'
import type { Talk } from './talk.ts'

/** Can it answer, by itself or by translation? */
export function canServe(candidate: Candidate, asked: Asked): boolean {
  return servesItself(candidate, asked) || (asked.talk !== undefined && translates(candidate, asked.talk))
}

/** Does its backend know what is asked, so that the request goes out as it came? */
export function servesItself({ dialects, apis, translation }: Candidate, { dialect, talk }: Asked): boolean {
  if (!dialects.has(dialect)) return talk !== undefined && talk.form === translation?.form
  // They are OpenAI's, and say nothing of what others are asked for.
  return dialect !== 'openai' || apis === undefined || talk === undefined || apis.has(talk.form)
}

function translates({ apis, translation }: Candidate, { form, does }: Talk): boolean {
  if (translation === undefined || translation.spoken?.has(form) === true) return false
  if (does !== 'embed') return translation.form !== 'embeddings'
  const isOpenai = ofOpenai.has(translation.form)
  return isOpenai && apis !== undefined ? apis.has('embeddings') : embedding.has(translation.form)
}

const ofOpenai: ReadonlySet<string> = new Set(['chat', 'responses', 'embeddings'])

/** Forms of providers that make vectors. */
const embedding: ReadonlySet<string> = new Set(['chat', 'embeddings', 'gemini', 'ollama', 'cohere', 'converse'])

/** Those who know what is asked come first, each in the place that it had among its like. */
export function nativesFirst(candidates: readonly Candidate[], asked: Asked): readonly Candidate[] {
  if (candidates.length < 2 || asked.talk === undefined) return candidates
  const natives = candidates.filter((candidate) => servesItself(candidate, asked))
  if (natives.length === 0 || natives.length === candidates.length) return candidates
  return [...natives, ...candidates.filter((candidate) => !servesItself(candidate, asked))]
}
