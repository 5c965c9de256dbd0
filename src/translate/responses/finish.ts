import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { CommonError, Finish } from '#translate/common.ts'
import { errorWithin, wordsOf } from '#translate/errors.ts'

/** Why an answer finished. */
export function readFinish(response: JsonObject, hasCalls: boolean): Finish {
  const status = asText(response['status'])
  if (status !== 'incomplete') return { reason: hasCalls ? 'tool_calls' : 'stop', native: status }
  const reason = asText(asObject(response['incomplete_details'])?.['reason'])
  switch (reason) {
    case 'content_filter':
      return { reason: 'content_filter', native: reason }
    case 'steered':
      return { reason: 'pause', native: reason }
    // Some servers say it in the words of other APIs, or not at all.
    case 'max_output_tokens':
    case 'max_messages':
    case 'max_tokens':
    case 'length':
    case undefined:
      return { reason: 'length', native: reason ?? status }
    default:
      return { reason: 'other', native: reason }
  }
}

/** Why there is no answer; undefined where there is one. */
export function failureOf(response: JsonObject): CommonError | undefined {
  const status = asText(response['status'])
  const error = response['error']
  const hasFailed = status === 'failed' || status === 'cancelled'
  const isOnlyError = status === undefined && response['output'] === undefined && isSaid(error)
  if (!hasFailed && !isOnlyError) return undefined
  const words = isSaid(error) ? wordsOf({ error }) : undefined
  return errorWithin(words ?? { message: `the response was ${status ?? 'failed'}` })
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null
}
