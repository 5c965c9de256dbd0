import { asList, asNumber, asObject, asText } from '#kit/json-value.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { HeaderLook } from '#translate/codec.ts'
import type { CommonError } from '#translate/common.ts'
import { errorFrom, errorWithin, wordsOf } from '#translate/errors.ts'
import type { ErrorWords } from '#translate/errors.ts'
import { objectsOf } from './fields.ts'

/** An error answer; Google sometimes puts it into a list of one. */
export function readError(status: number, headers: HeaderLook, body: unknown): CommonError {
  const error = errorIn(body)
  if (error === undefined) return errorFrom(status, headers, wordsOf(body) ?? { message: '' })
  return errorFrom(status, headers, wordsIn(error), retryAfterMsOf(error))
}

/** An error that stands where an answer should; undefined where there is none. */
export function readErrorWithin(body: unknown): CommonError | undefined {
  const error = errorIn(body)
  if (error === undefined) return undefined
  const retryAfterMs = retryAfterMsOf(error)
  const within = errorWithin(wordsIn(error), asNumber(error['code']))
  return retryAfterMs === undefined ? within : { ...within, retryAfterMs }
}

function errorIn(body: unknown): JsonObject | undefined {
  const [only] = asList(body)
  return asObject((asObject(body) ?? asObject(only))?.['error'])
}

/** The reason says more than the status: `INVALID_ARGUMENT` is also told of a key that is not valid. */
function wordsIn(error: JsonObject): ErrorWords {
  const type = asText(error['status'])
  const details = objectsOf(error['details'])
  const reason = details.map((detail) => asText(detail['reason'])).find((each) => each !== undefined)
  const violations = details.flatMap((detail) => asList(detail['fieldViolations']))
  const param = violations.map((each) => asText(asObject(each)?.['field'])).find((each) => each !== undefined)
  return { message: asText(error['message']) ?? '', type, code: reason ?? type, param }
}

/** `retryDelay` of a RetryInfo: `34.4s`. */
function retryAfterMsOf(error: JsonObject): number | undefined {
  for (const each of asList(error['details'])) {
    const seconds = /^(\d+(?:\.\d+)?)s$/.exec(asText(asObject(each)?.['retryDelay']) ?? '')?.[1]
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1000)
  }
  return undefined
}
