import { asList, asNumber, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { Annotation, CommonError, Finish, FinishReason, Opaque, TokenLogprob, Usage } from '#translate/common.ts'
import { errorWithin } from '#translate/errors.ts'
import { answerMembers } from '#translate/unread.ts'
import { isWebUrl } from '#translate/media.ts'

export const bodyMembers = answerMembers('id message finish_reason usage logprobs error meta generation_id response_id')
export const messageMembers = answerMembers('role content citations tool_calls tool_plan')
export const eventMembers = answerMembers('type id index delta logprobs error message')
export const deltaMembers = answerMembers('message finish_reason usage error')

/** Marks a plan among thoughts: what a model says before it calls tools, which has a place of its own. */
export const planPayload = 'tool_plan'

/** Thoughts are not sealed; it is only known whose they are. */
export function ownThought(family: string, payload: '' | typeof planPayload): Opaque {
  return { form: 'cohere', family, kind: 'text', payload }
}

const reasonOf: ReadonlyMap<string, FinishReason> = new Map([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['TOOL_CALL', 'tool_calls'],
  ['MAX_TOKENS', 'length'],
  ['ERROR', 'error'],
  ['TIMEOUT', 'error'],
])

export function finishOf(native: string): Finish {
  return { reason: reasonOf.get(native.toUpperCase()) ?? 'other', native }
}

/** An answer that was broken off; undefined where it was not. `detail`: what it says about that. */
export function errorOfFinish(finish: Finish, detail: unknown): CommonError | undefined {
  if (finish.reason !== 'error') return undefined
  const said = asText(detail) ?? asText(asObject(detail)?.['message']) ?? ''
  if (finish.native?.toUpperCase() === 'TIMEOUT') {
    return { kind: 'timeout', status: 504, message: said === '' ? 'the backend took too long' : said, code: 'TIMEOUT' }
  }
  return errorWithin({ message: said === '' ? 'the backend broke the answer off with an error' : said, code: 'ERROR' })
}

/** Tokens of the model where they are told, else those that are paid for. What was cached counts among them. */
export function usageOf(value: unknown): Usage | undefined {
  const usage = asObject(value)
  const tokens = asObject(usage?.['tokens']) ?? asObject(usage?.['billed_units'])
  const input = asNumber(tokens?.['input_tokens'])
  const output = asNumber(tokens?.['output_tokens'])
  if (input === undefined && output === undefined) return undefined
  const cacheRead = asNumber(usage?.['cached_tokens'])
  return {
    ...(input === undefined ? {} : { input }),
    ...(cacheRead === undefined ? {} : { cacheRead }),
    ...(output === undefined ? {} : { output }),
  }
}

/** A citation of a text, once for each address that it names; without one it is kept as it is. */
export function annotationsOf(citation: JsonObject): readonly Annotation[] {
  const place = {
    start: asNumber(citation['start']),
    end: asNumber(citation['end']),
    citedText: asText(citation['text']),
    native: citation,
  }
  const named = asList(citation['sources']).flatMap((value): Annotation[] => {
    const source = asObject(value)
    const document = asObject(source?.['document']) ?? asObject(source?.['tool_output'])
    const url = asText(document?.['url']) ?? ''
    if (!isWebUrl(url)) return []
    return [{ kind: 'url', url, title: asText(document?.['title']), ...place }]
  })
  return named.length > 0 ? named : [{ kind: 'other', title: titleOf(citation), ...place }]
}

function titleOf(citation: JsonObject): string | undefined {
  for (const value of asList(citation['sources'])) {
    const title = asText(asObject(asObject(value)?.['document'])?.['title'])
    if (title !== undefined) return title
  }
  return undefined
}

/** Of plans and thoughts nothing is cited for a client. */
export function isOfText(citation: JsonObject): boolean {
  const type = citation['type']
  return type === undefined || type === null || type === 'TEXT_CONTENT'
}

/** One chunk of text with the probabilities of its tokens, whose own texts it does not tell. */
export function logprobOf(value: unknown): TokenLogprob | undefined {
  const chunk = asObject(value)
  const token = asText(chunk?.['text'])
  const logprobs = asList(chunk?.['logprobs']).filter((each) => typeof each === 'number')
  if (token === undefined || logprobs.length === 0) return undefined
  return { token, logprob: logprobs.reduce((sum, each) => sum + each, 0), top: [] }
}

/** Its calls come in a list in bodies, and one by one in streams. */
export function firstOf(value: unknown): JsonObject | undefined {
  return asObject(value) ?? asObject(asList(value)[0])
}

export function isNothing(args: string): boolean {
  const text = args.trim()
  return text === '' || text === 'null'
}
