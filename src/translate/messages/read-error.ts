import { asObject, asText } from '#kit/json-value.ts'
import type { HeaderLook } from '#translate/codec.ts'
import type { CommonError } from '#translate/common.ts'
import { errorFrom, wordsOf } from '#translate/errors.ts'

/** `details.error_code` says more than the type, where there is one. */
export function readError(status: number, headers: HeaderLook, body: unknown): CommonError {
  const words = wordsOf(body) ?? { message: `the backend answered with status ${status}` }
  const details = asObject(asObject(asObject(body)?.['error'])?.['details'])
  const code = asText(details?.['error_code'])
  return errorFrom(status, headers, code === undefined ? words : { ...words, code })
}
