import { asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import { soleObject } from './sole-object.ts'

/** What an upstream said went wrong, wherever it said it. */
export interface ReportedError {
  readonly message: string
  readonly type: string | undefined
  readonly code: string | undefined
  /** The HTTP status that the error stands for, when it tells. */
  readonly status: number | undefined
}

// Limit: characters of an upstream's message that are kept.
const messageLengthMax = 500

/**
 * The error that a complete JSON body is, though its status may be 200. Undefined for answers, also for those that
 * speak of errors, and for text that is no JSON.
 */
export function findError(text: string): ReportedError | undefined {
  return errorOf(parseJson(text))
}

/** The same for a value that is parsed already. */
export function errorOf(value: unknown): ReportedError | undefined {
  const body = soleObject(value)
  if (body === undefined) return undefined
  const error = body['error']
  if (typeof error === 'string' && error !== '') return describe({ message: error }, body)
  const nested = asObject(error)
  if (nested !== undefined && Object.keys(nested).length > 0) return describe(nested, body)
  // The flat forms: Anthropic's and OpenAI's stream events, Mistral's body.
  if (body['type'] === 'error' || body['object'] === 'error') return describe(body, {})
  return undefined
}

function describe(error: JsonObject, around: JsonObject): ReportedError {
  const type = [error['type'], error['status']].map(textOf).find((text) => text !== undefined && text !== 'error')
  const code = textOf(error['code']) ?? textOf(around['code'])
  const message = textOf(error['message']) ?? textOf(around['message']) ?? code ?? type ?? 'no message'
  return {
    message: message.slice(0, messageLengthMax),
    type,
    code,
    status: statusIn(error) ?? statusIn(around) ?? statusOfName.get(type ?? '') ?? statusOfName.get(code ?? ''),
  }
}

/** A text that says something, or a number in digits. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function statusIn(error: JsonObject): number | undefined {
  for (const key of ['code', 'status', 'status_code']) {
    const status = Number(error[key] ?? Number.NaN)
    if (Number.isInteger(status) && status >= 400 && status <= 599) return status
  }
  return undefined
}

/** Names of errors whose meaning is a status: OpenAI's and Anthropic's types and codes, Google's canonical statuses. */
const statusOfName: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['INVALID_ARGUMENT', 400],
  ['FAILED_PRECONDITION', 400],
  ['authentication_error', 401],
  ['invalid_api_key', 401],
  ['UNAUTHENTICATED', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['PERMISSION_DENIED', 403],
  ['not_found_error', 404],
  ['model_not_found', 404],
  ['NOT_FOUND', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['rate_limit_exceeded', 429],
  ['insufficient_quota', 429],
  ['RESOURCE_EXHAUSTED', 429],
  ['api_error', 500],
  ['server_error', 500],
  ['INTERNAL', 500],
  ['UNAVAILABLE', 503],
  ['timeout_error', 504],
  ['DEADLINE_EXCEEDED', 504],
  ['overloaded_error', 529],
])
