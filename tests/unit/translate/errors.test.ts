import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { CommonError, ErrorKind } from '#translate/common.ts'
import { errorEnvelope, errorFrom, errorWithin, errorWordsFor, wordsOf } from '#translate/errors.ts'

function headers(list: Readonly<Record<string, string>> = {}): { get(name: string): string | null } {
  return { get: (name) => list[name] ?? null }
}

/** The error of a body as an upstream sends it. */
function read(status: number, body: unknown, list: Readonly<Record<string, string>> = {}): CommonError {
  return errorFrom(status, headers(list), wordsOf(body) ?? { message: '' })
}

function openai(message: string, type?: string, code?: string | null): object {
  return { error: { message, type, param: null, code } }
}

function google(code: number, status: string, message: string, details?: object[]): object {
  return { error: { code, message, status, details } }
}

describe('errorFrom() by status alone (§8.2)', () => {
  test.each<[status: number, kind: ErrorKind, told: number]>([
    [302, 'upstream_failed', 502],
    [400, 'invalid_request', 400],
    [401, 'upstream_auth', 401],
    [402, 'quota', 402],
    [403, 'upstream_auth', 403],
    [404, 'not_found', 404],
    [405, 'invalid_request', 405],
    [408, 'timeout', 504],
    [409, 'conflict', 409],
    [410, 'invalid_request', 410],
    [413, 'too_large', 413],
    [415, 'media_type', 415],
    [422, 'invalid_request', 422],
    [424, 'upstream_failed', 502],
    [429, 'rate_limit', 429],
    [451, 'invalid_request', 451],
    [499, 'upstream_failed', 502],
    [500, 'upstream_failed', 500],
    [501, 'upstream_failed', 501],
    [502, 'upstream_failed', 502],
    [503, 'overloaded', 503],
    [504, 'timeout', 504],
    [520, 'upstream_failed', 520],
    [529, 'overloaded', 529],
  ])('%d is %s, told as %d', (status, kind, told) => {
    expect(read(status, { error: { message: 'oh' } })).toMatchObject({ kind, status: told, message: 'oh' })
  })
})

describe('errorFrom() refined by what it says (§8.2)', () => {
  const overflow = 'context_overflow'
  test.each<[name: string, status: number, body: unknown, kind: ErrorKind, told: number]>([
    [
      'context_length_exceeded',
      400,
      openai('This model has a maximum', 'invalid_request_error', 'context_length_exceeded'),
      overflow,
      400,
    ],
    [
      'prompt is too long',
      400,
      {
        type: 'error',
        error: { type: 'invalid_request_error', message: 'prompt is too long: 205000 tokens > 200000 maximum' },
      },
      overflow,
      400,
    ],
    [
      'maximum context length',
      400,
      openai(
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        'BadRequestError',
      ),
      overflow,
      400,
    ],
    [
      'input token count exceeds',
      400,
      google(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      ),
      overflow,
      400,
    ],
    [
      'Input is too long for requested model',
      400,
      { message: 'Input is too long for requested model.' },
      overflow,
      400,
    ],
    [
      'llama.cpp',
      400,
      {
        error: {
          code: 400,
          type: 'exceed_context_size_error',
          message: 'the request exceeds the available context size, try increasing it',
        },
      },
      overflow,
      400,
    ],
    ['too large and too long', 413, openai('Please reduce the length of the messages or completion.'), overflow, 400],
    [
      'insufficient_quota',
      429,
      openai('You exceeded your current quota', 'insufficient_quota', 'insufficient_quota'),
      'quota',
      429,
    ],
    [
      'credit balance is too low',
      400,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: 'Your credit balance is too low to access the Anthropic API.',
        },
      },
      'quota',
      402,
    ],
    ['402', 402, openai('Insufficient Balance', 'unknown_error', 'invalid_request_error'), 'quota', 402],
    [
      'content_filter',
      400,
      {
        error: {
          code: 'content_filter',
          message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
          innererror: { code: 'ResponsibleAIPolicyViolation' },
        },
      },
      'content_policy',
      400,
    ],
    [
      'content_policy_violation',
      400,
      openai('rejected', 'image_generation_user_error', 'content_policy_violation'),
      'content_policy',
      400,
    ],
    [
      'ResponsibleAIPolicyViolation',
      400,
      { error: { message: 'no', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
      'content_policy',
      400,
    ],
    [
      'a flagged prompt',
      400,
      openai(
        'Invalid prompt: your prompt was flagged as potentially violating our usage policy',
        'invalid_request_error',
        'invalid_prompt',
      ),
      'content_policy',
      400,
    ],
    [
      'model_not_found',
      404,
      openai('The model `x` does not exist', 'invalid_request_error', 'model_not_found'),
      'not_found',
      404,
    ],
    [
      'model_not_found with a 403',
      403,
      openai('Project has no access', 'invalid_request_error', 'model_not_found'),
      'not_found',
      404,
    ],
    ['NotFound', 400, openai('nothing here', 'NotFoundError', 'NotFound'), 'not_found', 404],
    ['model does not exist', 400, { message: 'The model "x-9" does not exist, see the docs' }, 'not_found', 404],
    ['529', 529, {}, 'overloaded', 529],
    [
      'overloaded_error',
      500,
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'overloaded',
      529,
    ],
    ['engine_overloaded_error', 429, openai('try later', 'engine_overloaded_error'), 'overloaded', 503],
    [
      'FAILED_PRECONDITION',
      400,
      google(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.'),
      'upstream_auth',
      403,
    ],
    [
      'FAILED_PRECONDITION of a file',
      400,
      google(400, 'FAILED_PRECONDITION', 'The File x is not in an ACTIVE state'),
      'invalid_request',
      400,
    ],
    [
      'API_KEY_INVALID',
      400,
      google(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' },
      ]),
      'upstream_auth',
      401,
    ],
    ['API key not valid', 400, google(400, 'INVALID_ARGUMENT', 'API key not valid.'), 'upstream_auth', 401],
    [
      'RESOURCE_EXHAUSTED about a quota',
      429,
      google(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan'),
      'rate_limit',
      429,
    ],
    ['UNAVAILABLE', 503, google(503, 'UNAVAILABLE', 'The model is overloaded.'), 'overloaded', 503],
    ['INTERNAL', 500, google(500, 'INTERNAL', 'An internal error has occurred.'), 'upstream_failed', 500],
    ['DEADLINE_EXCEEDED', 504, google(504, 'DEADLINE_EXCEEDED', 'late'), 'timeout', 504],
    ['PERMISSION_DENIED', 403, google(403, 'PERMISSION_DENIED', 'no'), 'upstream_auth', 403],
    [
      'tool_use_failed',
      400,
      {
        error: {
          message: 'Failed to call a function',
          type: 'invalid_request_error',
          code: 'tool_use_failed',
          failed_generation: '<function',
        },
      },
      'upstream_failed',
      502,
    ],
    [
      'Groq about a request that never fits',
      413,
      openai('Request too large for model `x` on tokens per minute (TPM): Limit 6000', 'tokens', 'rate_limit_exceeded'),
      'too_large',
      413,
    ],
    [
      'a limit of tokens by the minute',
      429,
      openai('Too many tokens, please wait before trying again.'),
      'rate_limit',
      429,
    ],
    [
      'a server that fails and speaks of context',
      500,
      openai('could not resolve host for the context window service: exceeded retries'),
      'upstream_failed',
      500,
    ],
  ])('%s with %d', (_, status, body, kind, told) => {
    expect(read(status, body)).toMatchObject({ kind, status: told })
  })

  test.each<[exception: string, status: number, message: string, kind: ErrorKind, told: number]>([
    ['AccessDeniedException', 403, 'no', 'upstream_auth', 403],
    ['ValidationException', 400, 'bad', 'invalid_request', 400],
    ['ValidationException', 400, 'Input is too long for requested model.', 'context_overflow', 400],
    ['ValidationException', 400, 'Malformed: too many tokens in the prompt', 'context_overflow', 400],
    ['ThrottlingException', 429, 'Too many tokens per day', 'rate_limit', 429],
    ['ThrottlingException', 400, 'slow', 'rate_limit', 429],
    ['ServiceQuotaExceededException', 400, 'quota', 'rate_limit', 429],
    ['ResourceNotFoundException', 404, 'no model', 'not_found', 404],
    ['ModelTimeoutException', 408, 'late', 'timeout', 504],
    ['ModelNotReadyException', 429, 'wait', 'overloaded', 503],
    ['ModelErrorException', 424, 'oh', 'upstream_failed', 502],
    ['ServiceUnavailableException', 503, 'oh', 'overloaded', 503],
    ['InternalServerException', 500, 'oh', 'upstream_failed', 500],
    ['UnrecognizedClientException', 403, 'token', 'upstream_auth', 403],
    ['ExpiredTokenException', 400, 'token', 'upstream_auth', 401],
  ])('%s of AWS with %d "%s"', (exception, status, message, kind, told) => {
    const byHeader = { 'x-amzn-errortype': `${exception}:http://internal.amazon.com/coral/` }
    expect(read(status, { message }, byHeader)).toMatchObject({ kind, status: told, code: exception })
    const inBody = { __type: `com.amazon.coral.service#${exception}`, Message: message }
    expect(read(status, inBody)).toMatchObject({ kind, status: told, code: exception, message })
  })
})

describe('errorWithin()', () => {
  test.each<[name: string, body: unknown, kind: ErrorKind, told: number]>([
    ['an OpenAI error chunk', openai('oh', 'server_error', 'server_error'), 'upstream_failed', 502],
    ['a numeric code of OpenRouter', { error: { code: 429, message: 'slow down' } }, 'rate_limit', 429],
    ['a numeric code of a failure', { error: { code: 502, message: 'Provider disconnected' } }, 'upstream_failed', 502],
    [
      "Anthropic's overload",
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'overloaded',
      529,
    ],
    [
      "Anthropic's failure",
      { type: 'error', error: { type: 'api_error', message: 'Internal' } },
      'upstream_failed',
      502,
    ],
    ['a bad request', openai('no', 'invalid_request_error'), 'invalid_request', 400],
    ["Google's", [google(503, 'UNAVAILABLE', 'oh')], 'overloaded', 503],
    ["Ollama's line", { error: 'an error was encountered while running the model' }, 'upstream_failed', 502],
    [
      'a flat event of Responses',
      { type: 'error', code: 'rate_limit_exceeded', message: 'slow', param: null },
      'rate_limit',
      429,
    ],
    ['a stream exception of AWS', { __type: 'modelStreamErrorException', message: 'oh' }, 'upstream_failed', 502],
  ])('%s', (_, body, kind, told) => {
    expect(errorWithin(wordsOf(body) ?? { message: '' })).toMatchObject({ kind, status: told })
  })

  test('says so where nothing was said', () => {
    expect(errorWithin({ message: '' }, 500).message).toBe(
      'Cannot answer the request: the backend answered with status 500 and said no more',
    )
  })
})

describe('wordsOf() (§8.1)', () => {
  test.each<[name: string, body: unknown, words: object | undefined]>([
    [
      'OpenAI',
      { error: { message: 'm', type: 't', param: 'p', code: 'c' } },
      { message: 'm', type: 't', param: 'p', code: 'c' },
    ],
    [
      'Anthropic',
      { type: 'error', error: { type: 't', message: 'm', details: { error_code: 'deep' } }, request_id: 'r' },
      { message: 'm', type: 't', code: 'deep' },
    ],
    [
      'Gemini, wrapped',
      [{ error: { code: 400, message: 'm', status: 'INVALID_ARGUMENT' } }],
      { message: 'm', type: 'INVALID_ARGUMENT', code: '400' },
    ],
    ['Bedrock', { Message: 'm' }, { message: 'm' }],
    ['Ollama', { error: 'm' }, { message: 'm' }],
    ['Cohere', { id: 'x', message: 'm' }, { message: 'm' }],
    [
      'Mistral',
      { object: 'error', message: 'm', type: 'invalid_model', code: '1500' },
      { message: 'm', type: 'invalid_model', code: '1500' },
    ],
    ['FastAPI with a text', { detail: 'm' }, { message: 'm' }],
    [
      'FastAPI with a list',
      { detail: [{ loc: ['body', 'messages', 0], msg: 'field required', type: 'missing' }] },
      { message: 'body.messages.0: field required' },
    ],
    [
      'Mistral with a list',
      { object: 'error', message: { detail: [{ loc: ['body', 'n'], msg: 'extra' }] }, type: 'invalid_request_error' },
      { message: 'body.n: extra' },
    ],
    [
      'OpenRouter with what the provider said',
      {
        error: {
          code: 400,
          message: 'Provider returned error',
          metadata: { raw: '{"error":{"message":"prompt is too long"}}' },
        },
      },
      { message: 'prompt is too long', code: '400' },
    ],
    [
      'OpenRouter with plain words of the provider',
      { error: { message: 'Provider returned error', metadata: { raw: 'busy' } } },
      { message: 'busy' },
    ],
    ['a title with a message beside', { error: 'Unauthorized', message: 'no key' }, { message: 'no key' }],
    ['plain text', ' gone \n', { message: 'gone' }],
    ['long text', 'one two '.repeat(100), { message: `${'one two '.repeat(37)}one ` }],
    ['long text, not cut within a key', `${'x '.repeat(145)}sk-0123456789 is wrong`, { message: 'x '.repeat(145) }],
    ['long text without blanks', '说'.repeat(1000), { message: '说'.repeat(300) }],
    ['HTML', '<html><body>502</body></html>', undefined],
    ['nothing', '', undefined],
    ['an answer', { id: 'x', choices: [] }, undefined],
    ['null', null, undefined],
    ['an empty array', [], undefined],
    ['a null error', { error: null }, undefined],
  ])('%s', (_, body, words) => {
    const found = wordsOf(body)
    if (words === undefined) expect(found).toBeUndefined()
    else expect(found).toMatchObject(words)
  })

  test('holds no surprise in any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 300, max: 599 }), (body, status) => {
        const words = wordsOf({ error: body }) ?? wordsOf(body) ?? { message: '' }
        const error = errorFrom(status, headers(), words)
        expect(error.status).toBeGreaterThanOrEqual(400)
        expect(error.message).not.toBe('')
        expect(JSON.stringify(errorEnvelope(error, 'messages', 'r'))).toBeString()
      }),
    )
  })
})

test('a parameter at fault is told on', () => {
  const error = read(400, {
    error: { message: 'm', type: 'invalid_request_error', param: 'top_p', code: 'unsupported_parameter' },
  })
  expect(errorEnvelope(error, 'chat', 'r')).toEqual({
    error: { message: 'm', type: 'invalid_request_error', param: 'top_p', code: 'unsupported_parameter' },
  })
})

describe('errorEnvelope() (§8.1)', () => {
  const error: CommonError = {
    kind: 'rate_limit',
    status: 429,
    message: 'slow',
    code: 'ThrottlingException',
    retryAfterMs: 34_400,
  }

  test.each(['chat', 'completions', 'responses', 'embeddings'])('%s', (form) => {
    expect(errorEnvelope(error, form, 'req_1')).toEqual({
      error: { message: 'slow', type: 'rate_limit_error', param: null, code: 'rate_limit_exceeded' },
    })
  })

  test('messages', () => {
    expect(errorEnvelope(error, 'messages', 'req_1')).toEqual({
      type: 'error',
      error: { type: 'rate_limit_error', message: 'slow' },
      request_id: 'req_1',
    })
  })

  test('gemini tells the wait (§8.3)', () => {
    expect(errorEnvelope(error, 'gemini', 'req_1')).toEqual({
      error: {
        code: 429,
        message: 'slow',
        status: 'RESOURCE_EXHAUSTED',
        details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' }],
      },
    })
  })

  test('gemini tells the field (§3)', () => {
    const rejected: CommonError = { kind: 'unsupported', status: 400, message: 'no audio', param: 'contents[0]' }
    expect(errorEnvelope(rejected, 'gemini', 'r')).toEqual({
      error: {
        code: 400,
        message: 'no audio',
        status: 'INVALID_ARGUMENT',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.BadRequest',
            fieldViolations: [{ field: 'contents[0]', description: 'no audio' }],
          },
        ],
      },
    })
  })

  test('ollama', () => {
    expect(errorEnvelope(error, 'ollama', 'req_1')).toEqual({ error: 'slow' })
  })

  test.each([
    [
      "This model's maximum context length is 128000 tokens. However, your messages resulted in 130,000 tokens.",
      'prompt is too long: 130000 tokens > 128000 maximum (',
    ],
    [
      'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      'prompt is too long: 1200000 tokens > 1048576 maximum (',
    ],
    ['prompt is too long: 205000 tokens > 200000 maximum', 'prompt is too long: 205000 tokens > 200000 maximum'],
    ['Input is too long for requested model.', 'prompt is too long: Input is too long for requested model.'],
  ])('Anthropic clients are told in their words that a prompt is too long: %s', (message, start) => {
    const body = JSON.stringify(errorEnvelope({ kind: 'context_overflow', status: 400, message }, 'messages', 'r'))
    expect(body).toContain(JSON.stringify(start).slice(1, -1))
    expect(body).toContain('"type":"invalid_request_error"')
  })

  test('a stream that broke off keeps its own name', () => {
    const broken: CommonError = { kind: 'upstream_failed', status: 502, message: 'm', code: 'stream_incomplete' }
    expect(errorEnvelope(broken, 'chat', 'r')).toEqual({
      error: { message: 'm', type: 'server_error', param: null, code: 'stream_incomplete' },
    })
  })

  test("another provider's words are no code of OpenAI's", () => {
    const failed: CommonError = { kind: 'upstream_failed', status: 500, message: 'm', code: 'INTERNAL' }
    expect(errorEnvelope(failed, 'chat', 'r')).toMatchObject({ error: { code: 'upstream_error' } })
    const limited: CommonError = { kind: 'rate_limit', status: 429, message: 'm', code: 'tokens' }
    expect(errorEnvelope(limited, 'chat', 'r')).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
    const typed: CommonError = { kind: 'invalid_request', status: 400, message: 'm', code: 'invalid_request_error' }
    expect(errorEnvelope(typed, 'chat', 'r')).toMatchObject({ error: { code: null } })
  })
})

test.each<[kind: ErrorKind, type: string, code: string | null, anthropic: string, google: string]>([
  ['invalid_request', 'invalid_request_error', null, 'invalid_request_error', 'INVALID_ARGUMENT'],
  ['context_overflow', 'invalid_request_error', 'context_length_exceeded', 'invalid_request_error', 'INVALID_ARGUMENT'],
  ['unsupported', 'invalid_request_error', 'unsupported_by_backend', 'invalid_request_error', 'INVALID_ARGUMENT'],
  ['auth', 'authentication_error', 'invalid_api_key', 'authentication_error', 'UNAUTHENTICATED'],
  ['quota', 'insufficient_quota', 'insufficient_quota', 'billing_error', 'RESOURCE_EXHAUSTED'],
  ['permission', 'permission_error', 'model_not_allowed', 'permission_error', 'PERMISSION_DENIED'],
  ['not_found', 'invalid_request_error', 'model_not_found', 'not_found_error', 'NOT_FOUND'],
  ['conflict', 'invalid_request_error', null, 'invalid_request_error', 'ABORTED'],
  ['too_large', 'invalid_request_error', 'request_too_large', 'request_too_large', 'INVALID_ARGUMENT'],
  ['media_type', 'invalid_request_error', null, 'invalid_request_error', 'INVALID_ARGUMENT'],
  ['rate_limit', 'rate_limit_error', 'rate_limit_exceeded', 'rate_limit_error', 'RESOURCE_EXHAUSTED'],
  ['content_policy', 'invalid_request_error', 'content_policy_violation', 'invalid_request_error', 'INVALID_ARGUMENT'],
  ['upstream_failed', 'upstream_error', 'upstream_error', 'api_error', 'UNAVAILABLE'],
  ['upstream_auth', 'upstream_error', 'upstream_auth_failed', 'api_error', 'INTERNAL'],
  ['overloaded', 'server_error', 'overloaded', 'overloaded_error', 'UNAVAILABLE'],
  ['timeout', 'timeout_error', 'upstream_timeout', 'timeout_error', 'DEADLINE_EXCEEDED'],
  ['internal', 'server_error', 'internal_error', 'api_error', 'INTERNAL'],
])('the names of %s (§8.2)', (kind, openaiType, openaiCode, anthropicType, googleStatus) => {
  expect(errorWordsFor(kind)).toEqual({ openaiType, openaiCode, anthropicType, googleStatus })
})
