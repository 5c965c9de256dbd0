import { describe, expect, test } from 'bun:test'
import type { Dialect } from '#core/dialect.ts'
import { refuse, type RefusalCode } from '#core/refusal.ts'
import { refusalResponse } from '#gateway/turn-away.ts'

interface Contract {
  readonly status: number
  readonly openai: string
  readonly anthropic: string
  readonly gemini: string
  /** What `x-should-retry` says; undefined: nobody is left to read it. */
  readonly retry: boolean | undefined
}

const invalid = {
  openai: 'invalid_request_error',
  anthropic: 'invalid_request_error',
  gemini: 'INVALID_ARGUMENT',
  retry: false,
}
const unauthenticated = {
  status: 401,
  openai: 'authentication_error',
  anthropic: 'authentication_error',
  gemini: 'UNAUTHENTICATED',
  retry: false,
}
const notFound = {
  status: 404,
  openai: 'invalid_request_error',
  anthropic: 'not_found_error',
  gemini: 'NOT_FOUND',
  retry: false,
}
const upstream = { status: 502, openai: 'upstream_error', anthropic: 'api_error', gemini: 'UNAVAILABLE', retry: true }
const unavailable = {
  status: 503,
  openai: 'server_error',
  anthropic: 'overloaded_error',
  gemini: 'UNAVAILABLE',
  retry: true,
}

const forbidden = {
  status: 403,
  openai: 'permission_error',
  anthropic: 'permission_error',
  gemini: 'PERMISSION_DENIED',
  retry: false,
}

const tooMany = {
  status: 429,
  openai: 'rate_limit_error',
  anthropic: 'rate_limit_error',
  gemini: 'RESOURCE_EXHAUSTED',
  retry: true,
}

const late = {
  status: 504,
  openai: 'timeout_error',
  anthropic: 'timeout_error',
  gemini: 'DEADLINE_EXCEEDED',
  retry: true,
}

/** What clients of each dialect are told. A code that is missing here is an error of types. */
const contract: Readonly<Record<RefusalCode, Contract>> = {
  invalid_json: { ...invalid, status: 400 },
  json_too_deep: { ...invalid, status: 400 },
  duplicate_key: { ...invalid, status: 400 },
  invalid_parameter: { ...invalid, status: 400 },
  invalid_host: { ...invalid, status: 400 },
  missing_model: { ...invalid, status: 400 },
  unsupported_by_backend: { ...invalid, status: 400 },
  previous_response_not_found: { ...invalid, status: 400 },
  missing_api_key: unauthenticated,
  invalid_api_key: unauthenticated,
  expired_api_key: unauthenticated,
  ambiguous_credentials: unauthenticated,
  permission_denied: forbidden,
  model_not_allowed: forbidden,
  ip_not_allowed: forbidden,
  refused_by_hook: forbidden,
  cross_origin: {
    status: 403,
    openai: 'permission_error',
    anthropic: 'permission_error',
    gemini: 'PERMISSION_DENIED',
    retry: false,
  },
  foreign_host: {
    status: 403,
    openai: 'permission_error',
    anthropic: 'permission_error',
    gemini: 'PERMISSION_DENIED',
    retry: false,
  },
  model_not_found: notFound,
  request_not_found: notFound,
  unknown_id: notFound,
  route_not_found: notFound,
  method_not_allowed: { ...invalid, status: 405 },
  idempotency_in_progress: { ...invalid, status: 409, gemini: 'ABORTED', retry: true },
  idempotency_not_kept: { ...invalid, status: 409, gemini: 'ABORTED' },
  idempotency_mismatch: { ...invalid, status: 422 },
  body_too_large: { ...invalid, status: 413, anthropic: 'request_too_large' },
  unsupported_media_type: { ...invalid, status: 415 },
  too_many_wrong_keys: tooMany,
  rate_limit_exceeded: tooMany,
  insufficient_quota: { ...tooMany, openai: 'insufficient_quota', anthropic: 'billing_error', retry: false },
  concurrency_limit_exceeded: tooMany,
  client_closed: { ...invalid, status: 499, gemini: 'CANCELLED', retry: undefined },
  internal_error: { status: 500, openai: 'server_error', anthropic: 'api_error', gemini: 'INTERNAL', retry: false },
  hook_failed: { status: 500, openai: 'server_error', anthropic: 'api_error', gemini: 'INTERNAL', retry: true },
  upstream_unreachable: upstream,
  upstream_invalid_response: upstream,
  upstream_error: upstream,
  upstream_auth_failed: { ...upstream, gemini: 'INTERNAL', retry: false },
  no_backend_available: unavailable,
  queue_full: unavailable,
  queue_timeout: unavailable,
  overloaded: unavailable,
  shutting_down: unavailable,
  upstream_timeout: late,
  not_cached: { ...late, retry: false },
  hook_timeout: late,
}

const message = 'Cannot do it: "x" is not there'

function bodyOf(dialect: Dialect, code: RefusalCode, wanted: Contract): unknown {
  switch (dialect) {
    case 'openai':
      return { error: { message, type: wanted.openai, param: null, code } }
    case 'anthropic':
      return { type: 'error', error: { type: wanted.anthropic, message }, request_id: 'req_1' }
    case 'gemini':
      return { error: { code: wanted.status, message, status: wanted.gemini } }
    case 'ollama':
      return { error: message }
    case 'raw':
      return { error: message, request_id: 'req_1' }
  }
}

const codes = Object.keys(contract) as RefusalCode[]

describe.each(['openai', 'anthropic', 'gemini', 'ollama', 'raw'] as const)(
  'the error contract for clients of %s',
  (dialect) => {
    test.each(codes)('%s', async (code) => {
      const wanted = contract[code]
      const response = refusalResponse(refuse(code, message), dialect, 'req_1')
      const { headers } = response
      expect(response.status).toBe(wanted.status)
      expect(await response.json()).toEqual(bodyOf(dialect, code, wanted))
      expect(headers.get('content-type')).toBe('application/json')
      expect(headers.get('x-should-retry')).toBe(wanted.retry === undefined ? null : String(wanted.retry))
      expect(headers.get('www-authenticate')).toBe(wanted.status === 401 ? 'Bearer realm="llm-proxy"' : null)
      expect(headers.get('x-request-id')).toBe('req_1')
      expect(headers.get('request-id')).toBe(dialect === 'anthropic' ? 'req_1' : null)
      expect([headers.get('retry-after'), headers.get('retry-after-ms'), headers.get('allow')]).toEqual([
        null,
        null,
        null,
      ])
    })

    test('waits are told in both forms, and at most as a minute', () => {
      const told = (retryAfterMs: number): (string | null)[] => {
        const { headers } = refusalResponse(refuse('overloaded', message, { retryAfterMs }), dialect, 'req_1')
        return [headers.get('retry-after'), headers.get('retry-after-ms')]
      }
      expect([told(1500), told(60_001), told(9_999_999_000)]).toEqual([
        ['2', '1500'],
        ['60', '60000'],
        ['60', '60000'],
      ])
    })

    test('methods that would do are told with a 405', () => {
      const refusal = refuse('method_not_allowed', message, { allow: 'GET, POST' })
      expect(refusalResponse(refusal, dialect, 'req_1').headers.get('allow')).toBe('GET, POST')
    })
  },
)
