/** The type of an error in each dialect that has types. */
export interface ErrorNames {
  readonly openai: string
  readonly anthropic: string
  readonly gemini: string
}

/** How the dialects name an error: by its status, except for codes that mean something more special. */
export function errorNames(code: string, status: number | undefined): ErrorNames {
  const special = namesByCode.get(code)
  if (special !== undefined || status === undefined) return special ?? brokenStream
  return namesByStatus.get(status) ?? (status < 500 ? badRequest : serverFault)
}

const badRequest: ErrorNames = {
  openai: 'invalid_request_error',
  anthropic: 'invalid_request_error',
  gemini: 'INVALID_ARGUMENT',
}
const timeout: ErrorNames = { openai: 'timeout_error', anthropic: 'timeout_error', gemini: 'DEADLINE_EXCEEDED' }
const serverFault: ErrorNames = { openai: 'server_error', anthropic: 'api_error', gemini: 'INTERNAL' }
const upstreamFault: ErrorNames = { openai: 'upstream_error', anthropic: 'api_error', gemini: 'UNAVAILABLE' }
const unavailable: ErrorNames = { openai: 'server_error', anthropic: 'overloaded_error', gemini: 'UNAVAILABLE' }
const brokenStream: ErrorNames = { openai: 'server_error', anthropic: 'api_error', gemini: 'UNAVAILABLE' }

const namesByStatus: ReadonlyMap<number, ErrorNames> = new Map([
  [401, { openai: 'authentication_error', anthropic: 'authentication_error', gemini: 'UNAUTHENTICATED' }],
  [402, { openai: 'insufficient_quota', anthropic: 'billing_error', gemini: 'RESOURCE_EXHAUSTED' }],
  [403, { openai: 'permission_error', anthropic: 'permission_error', gemini: 'PERMISSION_DENIED' }],
  [404, { openai: 'invalid_request_error', anthropic: 'not_found_error', gemini: 'NOT_FOUND' }],
  [408, timeout],
  [409, { openai: 'invalid_request_error', anthropic: 'invalid_request_error', gemini: 'ABORTED' }],
  [413, { ...badRequest, anthropic: 'request_too_large' }],
  [429, { openai: 'rate_limit_error', anthropic: 'rate_limit_error', gemini: 'RESOURCE_EXHAUSTED' }],
  [499, { ...badRequest, gemini: 'CANCELLED' }],
  [502, upstreamFault],
  [503, unavailable],
  [504, timeout],
  [529, unavailable],
])

const namesByCode: ReadonlyMap<string, ErrorNames> = new Map([
  ['insufficient_quota', { openai: 'insufficient_quota', anthropic: 'billing_error', gemini: 'RESOURCE_EXHAUSTED' }],
  // Whoever reads it can do nothing about it.
  ['upstream_auth_failed', { ...upstreamFault, gemini: 'INTERNAL' }],
  ['stream_incomplete', brokenStream],
])
