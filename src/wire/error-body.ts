import type { Dialect } from '#core/dialect.ts'
import type { Refusal, RefusalCode } from '#core/refusal.ts'

/** An error envelope, ready to be sent. */
export interface ErrorBody {
  readonly contentType: string
  readonly body: string
}

/** The refusal as the dialect's own clients know errors. */
export function errorBody(dialect: Dialect, refusal: Refusal, requestId: string): ErrorBody {
  return { contentType: 'application/json', body: JSON.stringify(envelope(dialect, refusal, requestId)) }
}

/** Headers that tell a client's retry logic what to do about the refusal. */
export function errorHeaders(refusal: Refusal): readonly (readonly [name: string, value: string])[] {
  const headers: [string, string][] = []
  const retry = shouldRetry(refusal)
  if (retry !== undefined) headers.push(['x-should-retry', String(retry)])
  if (refusal.retryAfterMs !== undefined) {
    const waitMs = Math.min(Math.max(Math.ceil(refusal.retryAfterMs), 0), retryAfterMsMax)
    headers.push(['retry-after', String(Math.ceil(waitMs / 1000))], ['retry-after-ms', String(waitMs)])
  }
  if (refusal.status === 401) headers.push(['www-authenticate', 'Bearer realm="llm-proxy"'])
  if (refusal.allow !== undefined) headers.push(['allow', refusal.allow])
  return headers
}

// Limit: official clients wait as long as they are told, so longer waits are told as this one.
const retryAfterMsMax = 60_000

function envelope(dialect: Dialect, refusal: Refusal, requestId: string): object {
  const { code, message, status } = refusal
  const names = namesOf(refusal)
  switch (dialect) {
    case 'openai':
      return { error: { message, type: names.openai, param: refusal.param ?? null, code } }
    case 'anthropic':
      return { type: 'error', error: { type: names.anthropic, message }, request_id: requestId }
    case 'gemini':
      return { error: { code: status, message, status: names.gemini, ...retryDetails(refusal) } }
  }
}

/** Google's clients read the wait from the body, not from a header. */
function retryDetails(refusal: Refusal): { details?: object[] } {
  if (refusal.retryAfterMs === undefined) return {}
  const seconds = Math.min(refusal.retryAfterMs, retryAfterMsMax) / 1000
  return { details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` }] }
}

/** The type of an error in each dialect. */
interface ErrorNames {
  readonly openai: string
  readonly anthropic: string
  readonly gemini: string
}

const badRequest: ErrorNames = {
  openai: 'invalid_request_error',
  anthropic: 'invalid_request_error',
  gemini: 'INVALID_ARGUMENT',
}
const unauthenticated: ErrorNames = {
  openai: 'authentication_error',
  anthropic: 'authentication_error',
  gemini: 'UNAUTHENTICATED',
}
const notFound: ErrorNames = { openai: 'invalid_request_error', anthropic: 'not_found_error', gemini: 'NOT_FOUND' }
const upstreamFault: ErrorNames = { openai: 'upstream_error', anthropic: 'api_error', gemini: 'UNAVAILABLE' }
const unavailable: ErrorNames = { openai: 'server_error', anthropic: 'overloaded_error', gemini: 'UNAVAILABLE' }

const namesByCode: Readonly<Record<RefusalCode, ErrorNames>> = {
  invalid_json: badRequest,
  json_too_deep: badRequest,
  duplicate_key: badRequest,
  invalid_parameter: badRequest,
  invalid_host: badRequest,
  missing_model: badRequest,
  unsupported_by_backend: badRequest,
  missing_api_key: unauthenticated,
  invalid_api_key: unauthenticated,
  ambiguous_credentials: unauthenticated,
  model_not_found: notFound,
  route_not_found: notFound,
  method_not_allowed: badRequest,
  body_too_large: { ...badRequest, anthropic: 'request_too_large' },
  unsupported_media_type: badRequest,
  client_closed: { ...badRequest, gemini: 'CANCELLED' },
  internal_error: { openai: 'server_error', anthropic: 'api_error', gemini: 'INTERNAL' },
  upstream_unreachable: upstreamFault,
  upstream_invalid_response: upstreamFault,
  upstream_error: upstreamFault,
  upstream_auth_failed: { ...upstreamFault, gemini: 'INTERNAL' },
  no_backend_available: unavailable,
  queue_full: unavailable,
  queue_timeout: unavailable,
  shutting_down: unavailable,
  upstream_timeout: { openai: 'timeout_error', anthropic: 'timeout_error', gemini: 'DEADLINE_EXCEEDED' },
}

function namesOf(refusal: Refusal): ErrorNames {
  // An operator may have unknown models answered with 400, whose types are other ones.
  return refusal.code === 'model_not_found' && refusal.status === 400 ? badRequest : namesByCode[refusal.code]
}

/** Undefined where nobody is left to read it. */
function shouldRetry(refusal: Refusal): boolean | undefined {
  if (refusal.code === 'client_closed') return undefined
  // Clients retry every 5xx on their own; these two would only fail again.
  if (refusal.code === 'internal_error' || refusal.code === 'upstream_auth_failed') return false
  return refusal.status === 408 || refusal.status === 429 || refusal.status >= 500
}
