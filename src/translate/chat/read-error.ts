import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { HeaderLook } from '#translate/codec.ts'
import type { CommonError } from '#translate/common.ts'
import { errorFrom, errorWithin, wordsOf, type ErrorWords } from '#translate/errors.ts'

/** An error answer; what it says in HTML is not for clients. */
export function readError(status: number, headers: HeaderLook, body: unknown): CommonError {
  const isPage = typeof body === 'string' && /^\s*</.test(body)
  const words = isPage ? undefined : wordsOf(body)
  return errorFrom(status, headers, words ?? { message: `the backend answered with status ${status}` })
}

/** The error that a body or a chunk is, or has beside its choices; undefined where it is none. */
export function errorIn(body: JsonObject): CommonError | undefined {
  const error = body['error']
  if (isSaid(error) || body['object'] === 'error' || body['type'] === 'error') return errorOf(wordsOf(body))
  for (const value of asList(body['choices'])) {
    const choice = asObject(value)
    // Aggregators tell so that their provider broke.
    if (isSaid(choice?.['error'])) return errorOf(wordsOf(choice))
    if (choice?.['finish_reason'] === 'error') return errorOf(undefined)
  }
  return undefined
}

/** A body that is neither an answer nor an error: FastAPI's `detail`, a bare `message`, nothing. */
export function errorWithoutAnswer(body: JsonObject): CommonError {
  const isWord = isSaid(body['detail']) || asText(body['message']) !== undefined
  return errorOf(isWord ? wordsOf(body) : { message: 'the backend answered without choices' })
}

function errorOf(words: ErrorWords | undefined): CommonError {
  return errorWithin(words ?? { message: 'the backend broke the answer off with an error' })
}

function isSaid(error: unknown): boolean {
  return (typeof error === 'string' && error !== '') || Object.keys(asObject(error) ?? {}).length > 0
}
