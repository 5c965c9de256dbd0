import { asObject, type JsonObject } from '#kit/json-value.ts'
import type { Notes } from '#translate/notes.ts'
import { answerMembers, tellUnread } from '#translate/unread.ts'
import { hasNameless } from './grounding.ts'
import { natives } from './read-parts.ts'

const bodyMembers = answerMembers(
  'candidates promptFeedback usageMetadata modelVersion responseId createTime error sdkHttpResponse',
)

/** How many tokens a candidate has stands in the usage, too. */
const candidateMembers = answerMembers(
  'content finishReason finishMessage index tokenCount avgLogprobs groundingMetadata citationMetadata logprobsResult',
  {
    safetyRatings: 'dropped:safety_ratings',
    urlContextMetadata: 'dropped:citations',
    urlRetrievalMetadata: 'dropped:citations',
    groundingAttributions: 'dropped:citations',
  },
)

const groundingMembers = answerMembers('groundingChunks groundingSupports')

const feedbackMembers = answerMembers('blockReason blockReasonMessage', { safetyRatings: 'dropped:safety_ratings' })

const partMembers = answerMembers(`text thought thoughtSignature functionCall inlineData fileData ${natives.join(' ')}`)

/** What no codec reads of a body, or of a chunk of a stream. */
export function tellUnreadOfBody(body: JsonObject, notes: Notes | undefined): void {
  tellUnread(body, bodyMembers, '', notes)
  const feedback = asObject(body['promptFeedback'])
  if (feedback !== undefined) tellUnread(feedback, feedbackMembers, 'promptFeedback.', notes)
}

export function tellUnreadOfCandidate(candidate: JsonObject, notes: Notes | undefined): void {
  tellUnread(candidate, candidateMembers, 'candidates.', notes)
  if (candidate['avgLogprobs'] !== undefined && candidate['logprobsResult'] === undefined) {
    notes?.lose('dropped:logprobs', 'candidates.avgLogprobs')
  }
  const grounding = asObject(candidate['groundingMetadata'])
  if (grounding !== undefined) tellUnread(grounding, groundingMembers, 'candidates.groundingMetadata.', notes)
  if (hasNameless(candidate)) notes?.lose('dropped:citations', 'candidates')
}

export function tellUnreadOfPart(part: JsonObject, notes: Notes | undefined): void {
  tellUnread(part, partMembers, 'candidates.content.parts.', notes)
}
