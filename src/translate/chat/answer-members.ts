import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Annotation } from '#translate/common.ts'
import { answerMembers } from '#translate/unread.ts'

/** Whom an answer passed on its way, and how long it took, is no part of it. */
export const bodyMembers = answerMembers(
  'id object created model choices usage error service_tier system_fingerprint citations search_results timings x_groq ' +
    'provider obfuscation type',
  { prompt_filter_results: 'dropped:safety_ratings', moderation: 'dropped:safety_ratings' },
)

export const choiceMembers = answerMembers(
  'index message delta text finish_reason native_finish_reason stop_reason logprobs error',
  {
    content_filter_results: 'dropped:safety_ratings',
    content_filter_result: 'dropped:safety_ratings',
    content_filter_offsets: 'dropped:safety_ratings',
  },
)

export const messageMembers = answerMembers(
  'role content refusal annotations audio images tool_calls function_call reasoning_content reasoning reasoning_details',
)

/** Limit: sources of an answer that are remembered; further ones are told where they come, or left out. */
export const sourcesMax = 1000

/**
 * Sources of the whole answer, as Perplexity and xAI tell them beside its choices: addresses, or what was found there. Their
 * numbers stand in the text.
 */
export function sourcesBeside(body: JsonObject): readonly Annotation[] {
  const byUrl = new Map<string, Annotation>()
  for (const value of [...asList(body['search_results']), ...asList(body['citations'])]) {
    const source = asObject(value)
    const url = asText(value) ?? asText(source?.['url'])
    if (url === undefined || url === '' || byUrl.has(url) || byUrl.size >= sourcesMax) continue
    byUrl.set(url, { kind: 'url', url, title: asText(source?.['title']), citedText: asText(source?.['snippet']) })
  }
  return [...byUrl.values()]
}
