/** Our "no" to a client. `turn-away.ts` puts it into the client's dialect. */
export interface Refusal {
  readonly kind: 'refusal'
  readonly code: RefusalCode
  readonly status: number
  /** `Cannot <verb> <object>: <state, and the wanted state>`; goes to client and log, so never a secret. */
  readonly message: string
  /** The request field at fault, if one is. */
  readonly param?: string
  /** Milliseconds after which trying again makes sense. */
  readonly retryAfterMs?: number
  /** Methods that would be allowed; only with `method_not_allowed`. */
  readonly allow?: string
  /** Headers that tell more about it, such as what is left of a limit. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** What clients are told in place of `code`: a word of the operator's. */
  readonly ownCode?: string
}

/** Every code with its status. */
export const refusalStatus = {
  invalid_json: 400,
  json_too_deep: 400,
  duplicate_key: 400,
  invalid_parameter: 400,
  invalid_host: 400,
  missing_model: 400,
  unsupported_by_backend: 400,
  previous_response_not_found: 400,
  missing_api_key: 401,
  invalid_api_key: 401,
  expired_api_key: 401,
  ambiguous_credentials: 401,
  permission_denied: 403,
  model_not_allowed: 403,
  ip_not_allowed: 403,
  refused_by_hook: 403,
  cross_origin: 403,
  foreign_host: 403,
  model_not_found: 404,
  request_not_found: 404,
  unknown_id: 404,
  route_not_found: 404,
  method_not_allowed: 405,
  idempotency_in_progress: 409,
  idempotency_not_kept: 409,
  body_too_large: 413,
  unsupported_media_type: 415,
  idempotency_mismatch: 422,
  too_many_wrong_keys: 429,
  rate_limit_exceeded: 429,
  insufficient_quota: 429,
  concurrency_limit_exceeded: 429,
  client_closed: 499,
  internal_error: 500,
  hook_failed: 500,
  upstream_unreachable: 502,
  upstream_invalid_response: 502,
  upstream_error: 502,
  upstream_auth_failed: 502,
  no_backend_available: 503,
  queue_full: 503,
  queue_timeout: 503,
  overloaded: 503,
  shutting_down: 503,
  upstream_timeout: 504,
  not_cached: 504,
  hook_timeout: 504,
} as const satisfies Record<string, number>

export type RefusalCode = keyof typeof refusalStatus

export type RefusalExtras = Partial<
  Pick<Refusal, 'status' | 'param' | 'retryAfterMs' | 'allow' | 'headers' | 'ownCode'>
>

export function refuse(code: RefusalCode, message: string, extras: RefusalExtras = {}): Refusal {
  return { kind: 'refusal', code, status: refusalStatus[code], message, ...extras }
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'refusal'
}
