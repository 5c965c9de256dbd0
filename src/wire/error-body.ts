import type { Dialect } from '#core/dialect.ts'
import type { Refusal } from '#core/refusal.ts'
import { errorNames } from './error-names.ts'

/** An error envelope, ready to be sent. */
export interface ErrorBody {
  readonly contentType: string
  readonly body: string
}

/** The refusal as the dialect's own clients know errors. */
export function errorBody(dialect: Dialect, refusal: Refusal, requestId: string): ErrorBody {
  return { contentType: 'application/json', body: JSON.stringify(envelope(dialect, refusal, requestId)) }
}

/** Headers that tell a client's retry logic what to do about the refusal. `mayBeDone`: a second time might do harm. */
export function errorHeaders(refusal: Refusal, mayBeDone = false): readonly (readonly [name: string, value: string])[] {
  const headers: [string, string][] = []
  const retry = shouldRetry(refusal, mayBeDone)
  if (retry !== undefined) headers.push(['x-should-retry', String(retry)])
  if (refusal.retryAfterMs !== undefined) {
    const waitMs = Math.min(Math.max(Math.ceil(refusal.retryAfterMs), 0), retryAfterMsMax)
    headers.push(['retry-after', String(Math.ceil(waitMs / 1000))], ['retry-after-ms', String(waitMs)])
  }
  if (refusal.status === 401) headers.push(['www-authenticate', 'Bearer realm="llm-proxy"'])
  if (refusal.allow !== undefined) headers.push(['allow', refusal.allow])
  if (refusal.headers !== undefined) for (const [name, value] of refusal.headers) headers.push([name, value])
  return headers
}

// Limit: official clients wait as long as they are told, so longer waits are told as this one.
export const retryAfterMsMax = 60_000

function envelope(dialect: Dialect, refusal: Refusal, requestId: string): object {
  const { code, message, status } = refusal
  const names = errorNames(code, status)
  switch (dialect) {
    case 'openai':
      return { error: { message, type: names.openai, param: refusal.param ?? null, code: refusal.ownCode ?? code } }
    case 'anthropic':
      return { type: 'error', error: { type: names.anthropic, message }, request_id: requestId }
    case 'gemini':
      return { error: { code: status, message, status: names.gemini, ...retryDetails(refusal) } }
    case 'ollama':
      return { error: message }
    case 'raw':
      return { error: message, request_id: requestId }
  }
}

/** Google's clients read the wait from the body, not from a header. */
function retryDetails(refusal: Refusal): { details?: object[] } {
  if (refusal.retryAfterMs === undefined) return {}
  const seconds = Math.min(refusal.retryAfterMs, retryAfterMsMax) / 1000
  return { details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` }] }
}

/** Undefined where nobody is left to read it. */
function shouldRetry(refusal: Refusal, mayBeDone: boolean): boolean | undefined {
  if (refusal.code === 'client_closed') return undefined
  if (mayBeDone) return false
  // Clients retry every 5xx on their own; these would only fail again.
  if (refusal.code === 'internal_error' || refusal.code === 'upstream_auth_failed') return false
  if (refusal.code === 'not_cached') return false
  if (refusal.code === 'idempotency_in_progress') return true
  if (refusal.code === 'insufficient_quota') return false
  return refusal.status === 408 || refusal.status === 429 || refusal.status >= 500
}
