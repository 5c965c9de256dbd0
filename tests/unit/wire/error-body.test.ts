import { describe, expect, test } from 'bun:test'
import { refusalStatus, refuse, type RefusalCode } from '#core/refusal.ts'
import { errorBody, errorHeaders } from '#wire/error-body.ts'

const codes = Object.keys(refusalStatus) as RefusalCode[]
const openai = (code: RefusalCode): unknown => JSON.parse(errorBody('openai', refuse(code, 'no'), 'req_1').body)
const anthropic = (code: RefusalCode): unknown => JSON.parse(errorBody('anthropic', refuse(code, 'no'), 'req_1').body)
const gemini = (code: RefusalCode): unknown => JSON.parse(errorBody('gemini', refuse(code, 'no'), 'req_1').body)

const types: { code: RefusalCode; openai: string; anthropic: string; gemini: string }[] = [
  {
    code: 'invalid_json',
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    gemini: 'INVALID_ARGUMENT',
  },
  {
    code: 'missing_api_key',
    openai: 'authentication_error',
    anthropic: 'authentication_error',
    gemini: 'UNAUTHENTICATED',
  },
  { code: 'model_not_found', openai: 'invalid_request_error', anthropic: 'not_found_error', gemini: 'NOT_FOUND' },
  {
    code: 'method_not_allowed',
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
    gemini: 'INVALID_ARGUMENT',
  },
  {
    code: 'body_too_large',
    openai: 'invalid_request_error',
    anthropic: 'request_too_large',
    gemini: 'INVALID_ARGUMENT',
  },
  { code: 'internal_error', openai: 'server_error', anthropic: 'api_error', gemini: 'INTERNAL' },
  { code: 'upstream_error', openai: 'upstream_error', anthropic: 'api_error', gemini: 'UNAVAILABLE' },
  { code: 'no_backend_available', openai: 'server_error', anthropic: 'overloaded_error', gemini: 'UNAVAILABLE' },
  { code: 'overloaded', openai: 'server_error', anthropic: 'overloaded_error', gemini: 'UNAVAILABLE' },
  {
    code: 'too_many_wrong_keys',
    openai: 'rate_limit_error',
    anthropic: 'rate_limit_error',
    gemini: 'RESOURCE_EXHAUSTED',
  },
  { code: 'upstream_auth_failed', openai: 'upstream_error', anthropic: 'api_error', gemini: 'INTERNAL' },
  { code: 'queue_full', openai: 'server_error', anthropic: 'overloaded_error', gemini: 'UNAVAILABLE' },
  { code: 'queue_timeout', openai: 'server_error', anthropic: 'overloaded_error', gemini: 'UNAVAILABLE' },
  { code: 'upstream_timeout', openai: 'timeout_error', anthropic: 'timeout_error', gemini: 'DEADLINE_EXCEEDED' },
]

describe('errorBody()', () => {
  test.each(types)('B71, B72: names $code as each dialect does', (names) => {
    const status = refusalStatus[names.code]
    expect(openai(names.code)).toEqual({ error: { message: 'no', type: names.openai, param: null, code: names.code } })
    expect(anthropic(names.code)).toEqual({
      type: 'error',
      error: { type: names.anthropic, message: 'no' },
      request_id: 'req_1',
    })
    expect(gemini(names.code)).toEqual({ error: { code: status, message: 'no', status: names.gemini } })
  })

  test('B71: has no more than words for clients of Ollama', () => {
    expect(JSON.parse(errorBody('ollama', refuse('model_not_found', 'no'), 'r').body)).toEqual({ error: 'no' })
  })

  test('names the field at fault where the dialect can', () => {
    const refusal = refuse('missing_model', 'no', { param: 'model' })
    expect(JSON.parse(errorBody('openai', refusal, 'r').body)).toMatchObject({ error: { param: 'model' } })
  })

  test('B71: an unknown model that is answered with 400 has the types of a 400', () => {
    const refusal = refuse('model_not_found', 'no', { status: 400 })
    expect(JSON.parse(errorBody('anthropic', refusal, 'r').body)).toMatchObject({
      error: { type: 'invalid_request_error' },
    })
    expect(JSON.parse(errorBody('gemini', refusal, 'r').body)).toMatchObject({
      error: { code: 400, status: 'INVALID_ARGUMENT' },
    })
    expect(JSON.parse(errorBody('openai', refusal, 'r').body)).toMatchObject({ error: { code: 'model_not_found' } })
  })

  test('tells Gemini clients in the body how long to wait', () => {
    const refusal = refuse('no_backend_available', 'no', { retryAfterMs: 34_400 })
    expect(JSON.parse(errorBody('gemini', refusal, 'r').body)).toMatchObject({
      error: { details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' }] },
    })
  })

  test('N009: stays JSON with any message and any code', () => {
    const message = 'a "quoted"\nline \\ \u2028 {"error":'
    for (const code of codes) {
      for (const dialect of ['openai', 'anthropic', 'gemini'] as const) {
        const { contentType, body } = errorBody(dialect, refuse(code, message), 'req_1')
        expect(contentType).toBe('application/json')
        expect(JSON.parse(body)).toMatchObject({ error: { message } })
      }
      expect(JSON.parse(errorBody('ollama', refuse(code, message), 'req_1').body)).toEqual({ error: message })
    }
  })
})

function header(code: RefusalCode, name: string, extras = {}): string | undefined {
  return new Map(errorHeaders(refuse(code, 'no', extras))).get(name)
}

const retried: ReadonlySet<RefusalCode> = new Set([
  'upstream_unreachable',
  'upstream_invalid_response',
  'upstream_error',
  'no_backend_available',
  'queue_full',
  'queue_timeout',
  'overloaded',
  'too_many_wrong_keys',
  'rate_limit_exceeded',
  'concurrency_limit_exceeded',
  'shutting_down',
  'upstream_timeout',
  'hook_failed',
  'hook_timeout',
  'idempotency_in_progress',
])

describe('errorHeaders()', () => {
  test('asks clients to retry what may pass, and only that', () => {
    for (const code of codes.filter((each) => each !== 'client_closed')) {
      expect(`${code} ${header(code, 'x-should-retry')}`).toBe(`${code} ${retried.has(code)}`)
    }
    expect(header('client_closed', 'x-should-retry')).toBeUndefined()
  })

  test.each([
    { ms: 1, seconds: '1', exact: '1' },
    { ms: 1000, seconds: '1', exact: '1000' },
    { ms: 1000.2, seconds: '2', exact: '1001' },
    { ms: 34_400, seconds: '35', exact: '34400' },
    { ms: 3_600_000, seconds: '60', exact: '60000' },
    { ms: -5, seconds: '0', exact: '0' },
  ])('tells a wait of $ms ms as $seconds s, rounded up and at most a minute', ({ ms, seconds, exact }) => {
    expect(header('no_backend_available', 'retry-after', { retryAfterMs: ms })).toBe(seconds)
    expect(header('no_backend_available', 'retry-after-ms', { retryAfterMs: ms })).toBe(exact)
  })

  test('tells no wait where there is none', () => {
    expect(header('no_backend_available', 'retry-after')).toBeUndefined()
  })

  test('names the scheme with every 401 and the methods with a 405', () => {
    for (const code of ['missing_api_key', 'invalid_api_key', 'ambiguous_credentials'] as const) {
      expect(header(code, 'www-authenticate')).toBe('Bearer realm="llm-proxy"')
    }
    expect(header('model_not_found', 'www-authenticate')).toBeUndefined()
    expect(header('method_not_allowed', 'allow', { allow: 'GET, POST' })).toBe('GET, POST')
  })
})
