import type { Candidate } from '#core/candidate.ts'
import type { Asked } from '#core/endpoint.ts'
import type { Form } from '#core/talk.ts'

/** Why a route can be asked something neither as it comes nor by translation, as people read it. */
export interface Inability {
  /** Behind `it`. */
  readonly lacks: string
  /** Behind `none of its backends`. */
  readonly none: string
  /** What the operator can do about it where the backend can do more than is known. */
  readonly remedy: string
}

/** Only of a candidate that cannot serve what is asked. */
export function inabilityOf(candidate: Candidate, asked: Asked): Inability {
  const { dialects, apis, translation, protocol } = candidate
  const { dialect, talk } = asked
  if (talk !== undefined && translation !== undefined && talk.does === 'embed') return vectors(dialects.has(dialect))
  if (talk !== undefined && translation?.form === 'embeddings') return onlyVectors
  if (protocol === 'converter') return converter
  // Somebody who speaks OpenAI's dialect has not all of its APIs.
  if (dialects.has(dialect) && talk !== undefined && apis !== undefined) return api(talk.form)
  if (translation === undefined || talk !== undefined) return otherDialect(dialect)
  const { lacks, none, remedy } = otherDialect(dialect)
  return { lacks: `${lacks}, ${untranslated}`, none: `${none}, ${untranslated}`, remedy }
}

/** Why none of them can be asked, as a sentence goes on behind a colon. There is at least one. */
export function whyNobody(candidates: readonly Candidate[], asked: Asked): string {
  const told = candidates.map((candidate) => ({ id: candidate.id, inability: inabilityOf(candidate, asked) }))
  const none = new Set(told.map(({ inability }) => inability.none))
  const [only] = none
  if (none.size === 1) return `none of its backends ${only}`
  // The second address of a backend may be another reason than its first one.
  const reasons = [...new Set(told.map(({ id, inability }) => `${id} ${inability.lacks}`))]
  const more = reasons.length > toldMax ? `, and ${reasons.length - toldMax} more` : ''
  return `none of its backends can be asked that: ${reasons.slice(0, toldMax).join('; ')}${more}`
}

/** Limit: routes of which it is told why they cannot be asked. */
const toldMax = 5

const untranslated = 'and this path is not translated'

function otherDialect(dialect: string): Inability {
  return {
    lacks: `does not speak the ${dialect} dialect`,
    none: `speaks the ${dialect} dialect`,
    remedy: `if it does, say so: "protocol: ${dialect}", or "any", at the route or its backend`,
  }
}

function api(form: Form): Inability {
  return {
    lacks: `does not have the API "${form}"`,
    none: `has the API "${form}"`,
    remedy: `if it does, say so: "${form}" among the "apis" of its backend`,
  }
}

function vectors(isOpenai: boolean): Inability {
  return {
    lacks: 'makes no embeddings',
    none: 'makes embeddings',
    remedy: isOpenai
      ? 'if it does, say so: "embeddings" among the "apis" of its backend'
      : 'ask a model that makes them',
  }
}

const onlyVectors: Inability = {
  lacks: 'makes embeddings and nothing else',
  none: 'makes anything but embeddings',
  remedy: 'if it does, say so among the "apis" of its backend',
}

const converter: Inability = {
  lacks: 'has a converter, which cannot be asked that',
  none: 'has a converter that can be asked that',
  remedy: 'converters are asked to talk, and for nothing else: name another backend for it',
}
