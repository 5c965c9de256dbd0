import { describe, expect, test } from 'bun:test'
import type { FailureReason } from '#core/failure.ts'
import type { TransportFailure } from '#ports/transport.ts'
import { brokenFailure, reportedFailure, statusFailure, type StatusFacts } from '#upstream/failure.ts'
import { findError } from '#wire/error-in-body.ts'
import { callOf } from '../../support/upstream.ts'

describe('brokenFailure()', () => {
  type Row = readonly [TransportFailure['phase'], TransportFailure['cause'], FailureReason, retrySame: boolean]
  test.each<Row>([
    ['dns', 'not_found', 'dns', false],
    ['dns', 'other', 'dns', false],
    ['dns', 'timeout', 'dns', false],
    ['connect', 'refused', 'connect', true],
    ['connect', 'other', 'connect', false],
    ['connect', 'timeout', 'connect_timeout', false],
    ['tls', 'tls', 'tls', false],
    ['tls', 'reset', 'tls', false],
    ['tls', 'timeout', 'connect_timeout', false],
    ['write', 'timeout', 'write_timeout', false],
    ['write', 'reset', 'reset', false],
    ['head', 'timeout', 'first_byte_timeout', false],
    ['head', 'reset', 'reset', true],
    ['head', 'malformed', 'invalid_response', false],
    ['head', 'other', 'reset', false],
    ['body', 'reset', 'reset', false],
    ['body', 'timeout', 'idle_timeout', false],
    ['body', 'malformed', 'invalid_response', false],
    ['body', 'other', 'reset', false],
  ])('%s and %s are the route’s failure "%s", retried there: %p', (phase, cause, reason, retrySame) => {
    expect(brokenFailure({ kind: 'transport_failure', phase, cause, message: 'm' })).toEqual({
      kind: 'failure',
      side: 'upstream',
      reason,
      tryNext: true,
      retrySame,
      cools: true,
      message: 'm',
    })
  })

  test.each(['connect', 'head', 'body'] as const)(
    'a client that leaves in phase %s is held against nobody',
    (phase) => {
      const failure = brokenFailure({ kind: 'transport_failure', phase, cause: 'aborted', message: 'm' })
      expect(failure).toMatchObject({ side: 'client', reason: 'client_closed', tryNext: false, cools: false })
    },
  )

  test.each([
    ['timeout', 'queue_timeout'],
    ['full', 'queue_full'],
  ] as const)('F9: a line that ends by %s is the gateway’s "%s", for another route to mend', (cause, reason) => {
    const failure = brokenFailure({ kind: 'transport_failure', phase: 'queue', cause, message: 'm' })
    expect(failure).toMatchObject({ side: 'gateway', reason, tryNext: true, retrySame: false, cools: false })
  })

  test('a request that cannot be sent is the gateway’s fault', () => {
    const failure = brokenFailure({ kind: 'transport_failure', phase: 'write', cause: 'other', message: 'm' })
    expect(failure).toMatchObject({ side: 'gateway', tryNext: true, retrySame: false, cools: false })
  })
})

function factsOf(status: number, text = '', facts: Partial<StatusFacts> = {}): StatusFacts {
  return {
    status,
    call: callOf(),
    tryNext: true,
    reported: findError(text),
    pattern: undefined,
    widened: false,
    retryAfterMs: undefined,
    held: undefined,
    ...facts,
  }
}

/** A path that the client thought up and that is sent on as it came. */
const madeUp = callOf({
  endpoint: { path: '/v1/*', dialect: 'openai', reads: 'json', stream: undefined },
  path: '/v1/quota-model',
})

const withCode = (code: string): string => JSON.stringify({ error: { message: 'the model is busy', type: 'x', code } })

describe('statusFailure() says whether the route rests', () => {
  test.each([401, 402, 403, 408, 409, 425, 429, 500, 502, 503, 504, 529, 599])(
    'N101: a %i is the route’s own',
    (status) => {
      expect(statusFailure(factsOf(status)).cools).toBe(true)
    },
  )

  test.each([400, 405, 410, 413, 415, 418, 422, 424])('N101: a %i is the request’s', (status) => {
    expect(statusFailure(factsOf(status)).cools).toBe(false)
  })

  test.each<[string, number, string, boolean]>([
    ['a model that the backend does not have', 404, withCode('model_not_found'), true],
    ['a deployment that the backend does not have', 404, withCode('DeploymentNotFound'), true],
    ['words about models without a name for the error', 404, 'The model does not exist: /v1/models', false],
    ['a path that is echoed', 404, '{"error":{"message":"Invalid URL (POST /v1/model-deployment)"}}', false],
    ['a path that the backend does not have', 404, '{"detail":"Not Found"}', false],
    ['too long a prompt', 400, withCode('context_length_exceeded'), false],
    ['a filtered prompt, told with 403', 403, withCode('content_filter'), false],
    ['too long a prompt, told with 500', 500, withCode('context_length_exceeded'), false],
    ['another organization than the key’s, told with 401', 401, withCode('mismatched_organization'), false],
    ['an organization that is none, told with 401', 401, withCode('invalid_organization'), false],
    ['a spent quota, told with 400', 400, withCode('insufficient_quota'), true],
    ['a wrong backend key, told with 400', 400, withCode('invalid_api_key'), true],
    ['a large request over a rate, told with 413', 413, withCode('rate_limit_exceeded'), false],
    [
      'a prompt about quotas',
      400,
      '{"error":{"message":"bad value: insufficient_quota","type":"invalid_request_error"}}',
      false,
    ],
  ])('N101: %s (%i)', (_, status, text, cools) => {
    expect(statusFailure(factsOf(status, text)).cools).toBe(cools)
  })

  test.each([
    [404, withCode('model_not_found')],
    [404, '{"error":{"message":"The model is not here","type":"not_found_error"}}'],
    [401, '{"error":{"message":"a session is needed"}}'],
    [403, '{"error":{"message":"no","type":"permission_error"}}'],
    [501, '{"error":{"message":"no","code":501}}'],
  ])('N101: a %i on a path that the client thought up is not held against the route', (status, text) => {
    expect(statusFailure(factsOf(status, text, { call: madeUp })).cools).toBe(false)
  })

  test.each([429, 500, 503])('N101: a %i is the route’s own on such a path, too', (status) => {
    expect(statusFailure(factsOf(status, '', { call: madeUp })).cools).toBe(true)
  })

  test('N101: a pattern about quota is not believed where such a path may be echoed', () => {
    expect(statusFailure(factsOf(418, '/v1/quota', { pattern: 'quota', call: madeUp })).cools).toBe(false)
    expect(statusFailure(factsOf(404, 'quota', { pattern: 'quota' })).cools).toBe(false)
  })

  test('a configured pattern about quota cools, except where the request is at fault', () => {
    expect(statusFailure(factsOf(418, 'quota', { pattern: 'quota' })).cools).toBe(true)
    expect(statusFailure(factsOf(418, 'busy', { pattern: 'busy' })).cools).toBe(false)
    expect(statusFailure(factsOf(422, 'quota', { pattern: 'quota' })).cools).toBe(false)
  })

  test('cooldown_on widens the rule', () => {
    expect(statusFailure(factsOf(400, '', { widened: true })).cools).toBe(true)
  })
})

describe('statusFailure()', () => {
  test.each([400, 401, 403, 404, 408, 429, 500, 503, 529])(
    'B108: whether a %i is worth a retry is left to the list',
    (status) => {
      expect(statusFailure(factsOf(status)).retrySame).toBe(true)
    },
  )

  test('N101: whether another route is tried and whether this one rests are two decisions', () => {
    expect(statusFailure(factsOf(429, '', { tryNext: false }))).toMatchObject({ tryNext: false, cools: true })
    expect(statusFailure(factsOf(400, '', { tryNext: true }))).toMatchObject({ tryNext: true, cools: false })
  })

  test('tells the status and the error’s own name, and never its prose', () => {
    const text = JSON.stringify({ error: { message: 'key sk-live-123 at http://10.0.0.1', code: 'invalid_api_key' } })
    expect(statusFailure(factsOf(401, text)).message).toBe('it answered with status 401 (invalid_api_key)')
    const strange = JSON.stringify({ error: { message: 'm', code: 'sk live 123', type: 'x'.repeat(80) } })
    expect(statusFailure(factsOf(401, strange)).message).toBe('it answered with status 401')
  })

  test('B25: what the upstream asked to wait is handed on', () => {
    expect(statusFailure(factsOf(429, '', { retryAfterMs: 7000 })).retryAfterMs).toBe(7000)
  })

  test('the reason names a pattern where one was found', () => {
    expect(statusFailure(factsOf(500)).reason).toBe('status')
    expect(statusFailure(factsOf(500, 'quota', { pattern: 'quota' })).reason).toBe('pattern')
  })
})

describe('reportedFailure() says whether the route rests', () => {
  test.each<[string, boolean]>([
    ['{"error":{"message":"m","type":"overloaded_error"}}', true],
    ['{"error":{"message":"m","code":"insufficient_quota"}}', true],
    ['{"error":{"message":"m","code":429}}', true],
    ['{"error":{"message":"m"}}', true],
    ['{"error":{"message":"m","type":"invalid_request_error"}}', false],
    ['{"error":{"message":"m","type":"invalid_request_error","code":"invalid_api_key"}}', true],
    ['{"error":{"message":"m","code":"context_length_exceeded"}}', false],
    ['{"error":{"message":"m","status":"INVALID_ARGUMENT","code":400}}', false],
  ])('N109: %s cools: %p', (text, cools) => {
    const reported = findError(text)
    if (reported === undefined) throw new Error('Cannot test: the text is no error')
    const failure = reportedFailure(200, reported, callOf())
    expect(failure).toMatchObject({ reason: 'error_in_body', status: 200, tryNext: true, cools })
  })

  test.each([
    ['{"error":"Unexpected endpoint or method. (POST /v1/quota-model)"}', false],
    ['{"error":{"message":"m","code":"model_not_found"}}', false],
    ['{"error":{"message":"m","type":"overloaded_error"}}', true],
  ])('N101: on a path that the client thought up, %s cools: %p', (text, cools) => {
    const reported = findError(text)
    if (reported === undefined) throw new Error('Cannot test: the text is no error')
    expect(reportedFailure(200, reported, madeUp).cools).toBe(cools)
  })
})
