import type { Answering } from './dialect-said.ts'

export const openAiError = (message: string, type: string, code: string | null): object => ({
  error: { message, type, param: null, code },
})
export const anthropicError = (type: string, message: string): object => ({
  type: 'error',
  error: { type, message },
  request_id: 'req_u',
})
export const googleError = (
  code: number,
  status: string,
  message: string,
  details: readonly object[] = [],
): object => ({
  error: { code, message, status, details },
})

function failing(
  status: number,
  openAi: object,
  anthropic: object,
  google: object,
  headers: readonly (readonly [string, string])[] = [],
): Answering {
  return {
    chat: { status, body: openAi, headers },
    responses: { status, body: openAi, headers },
    messages: { status, body: anthropic, headers },
    gemini: { status, body: google },
  }
}

/** What goes wrong, as each form tells it. */
export const failures: Readonly<Record<string, Answering>> = {
  'error: a bad request': failing(
    400,
    openAiError('Bad field.', 'invalid_request_error', 'invalid_value'),
    anthropicError('invalid_request_error', 'Bad field.'),
    googleError(400, 'INVALID_ARGUMENT', 'Bad field.'),
  ),
  'error: too long a prompt': failing(
    400,
    openAiError('This model has 8192 tokens.', 'invalid_request_error', 'context_length_exceeded'),
    anthropicError('invalid_request_error', 'prompt is too long: 9000 tokens > 8192 maximum'),
    googleError(
      400,
      'INVALID_ARGUMENT',
      'The input token count (9000) exceeds the maximum number of tokens allowed (8192).',
    ),
  ),
  'error: our key': failing(
    401,
    openAiError('Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key'),
    anthropicError('authentication_error', 'invalid x-api-key'),
    googleError(400, 'INVALID_ARGUMENT', 'API key not valid.', [
      { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' },
    ]),
  ),
  'error: not allowed': failing(
    403,
    openAiError('Not for you.', 'permission_error', null),
    anthropicError('permission_error', 'Not for you.'),
    googleError(403, 'PERMISSION_DENIED', 'Not for you.'),
  ),
  'error: not there': failing(
    404,
    openAiError('The model `m` does not exist.', 'invalid_request_error', 'model_not_found'),
    anthropicError('not_found_error', 'model: m'),
    googleError(404, 'NOT_FOUND', 'models/m is not found.'),
  ),
  'error: too large': failing(
    413,
    openAiError('Too large.', 'invalid_request_error', null),
    anthropicError('request_too_large', 'Too large.'),
    googleError(413, 'INVALID_ARGUMENT', 'Too large.'),
  ),
  'error: too often': {
    ...failing(
      429,
      openAiError('Slower.', 'requests', 'rate_limit_exceeded'),
      anthropicError('rate_limit_error', 'Slower.'),
      googleError(429, 'RESOURCE_EXHAUSTED', 'Slower.', [
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '7.2s' },
      ]),
      [['retry-after', '8']],
    ),
  },
  'error: nothing left to pay with': failing(
    429,
    openAiError('You exceeded your current quota.', 'insufficient_quota', 'insufficient_quota'),
    anthropicError('invalid_request_error', 'Your credit balance is too low.'),
    googleError(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.'),
  ),
  'error: refused by policy': failing(
    400,
    openAiError('Policy.', 'invalid_request_error', 'content_policy_violation'),
    anthropicError('invalid_request_error', 'Output blocked by content filtering policy'),
    googleError(400, 'INVALID_ARGUMENT', 'Policy.'),
  ),
  'error: broken': failing(
    500,
    openAiError('Oops.', 'server_error', null),
    anthropicError('api_error', 'Oops.'),
    googleError(500, 'INTERNAL', 'Oops.'),
  ),
  'error: too busy': {
    ...failing(
      503,
      openAiError('Busy.', 'server_error', null),
      anthropicError('overloaded_error', 'Busy.'),
      googleError(503, 'UNAVAILABLE', 'Busy.'),
    ),
    messages: { status: 529, body: anthropicError('overloaded_error', 'Busy.') },
  },
  'error: too slow': failing(
    504,
    openAiError('Slow.', 'server_error', null),
    anthropicError('timeout_error', 'Slow.'),
    googleError(504, 'DEADLINE_EXCEEDED', 'Slow.'),
  ),
}
