import type { CompatPolicy } from '#core/compat.ts'
import type { Profile } from '#core/profile.ts'
import type { CommonRequest, Message } from './common.ts'
import type { Notes } from './notes.ts'

/** What has to be asked one by one, and how many answers each of it brings. */
export interface RequestParts {
  readonly requests: readonly CommonRequest[]
  readonly width: number
}

/** Limit: prompts of one request. */
const promptsMax = 16

/** Limit: answers that are asked for one by one; as many as OpenAI gives to one request. */
const answersMax = 128

/**
 * The requests that it takes to ask for all that the client wants of a backend which knows one prompt, and maybe one
 * answer, at a time; undefined where one is enough. The answers to a prompt stand together, in the order of the prompts.
 */
export function partsOf(
  request: CommonRequest,
  profile: Profile,
  policy: CompatPolicy,
  notes: Notes,
): RequestParts | undefined {
  const { prompts, sampling } = request
  const { n = 1 } = sampling
  const isOneByOne = n > 1 && policy.fansOutAnswers && !takesMore(profile)
  if (prompts === undefined && !isOneByOne) return undefined
  const asked = prompts === undefined ? [request] : prompts.map((messages) => forPrompt(request, messages))
  if (asked.length > promptsMax) {
    notes.reject('prompt', `${asked.length} prompts are too many, at most ${promptsMax} are asked one by one`)
    return undefined
  }
  if (!isOneByOne) return { requests: asked, width: Number.isSafeInteger(n) && n > 1 ? n : 1 }
  if (!Number.isSafeInteger(n) || asked.length * n > answersMax) {
    const field = request.form === 'gemini' ? 'generationConfig.candidateCount' : 'n'
    notes.reject(field, `at most ${answersMax} answers are asked for one by one`)
    return undefined
  }
  return { requests: asked.flatMap((each) => oneByOne(each, n)), width: 1 }
}

function forPrompt(request: CommonRequest, messages: readonly Message[]): CommonRequest {
  return { ...request, messages, prompts: undefined }
}

function takesMore({ takesN, refuses }: Profile): boolean {
  return takesN && !refuses.has('n')
}

/** With one seed for all, all would say the same; without any, there is but one request to write. */
function oneByOne(request: CommonRequest, n: number): readonly CommonRequest[] {
  const { seed } = request.sampling
  const one = { ...request, sampling: { ...request.sampling, n: undefined } }
  return Array.from({ length: n }, (_, at) =>
    seed === undefined || at === 0 ? one : { ...one, sampling: { ...one.sampling, seed: seed + at } },
  )
}
