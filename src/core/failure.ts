import type { HeaderList } from '#kit/header-list.ts'

/** Why an attempt did not become an answer. Set where the failure is seen; the attempt loop only obeys it. */
export interface Failure {
  readonly kind: 'failure'
  /** Whose doing it was. A client that leaves is never held against a backend. */
  readonly side: 'upstream' | 'client' | 'gateway'
  readonly reason: FailureReason
  /** Status of the upstream's answer, if there was one. */
  readonly status?: number
  /** Of the error that an answer with another status holds, where it tells one. */
  readonly reportedStatus?: number
  /** May another route answer? */
  readonly tryNext: boolean
  /** Could the same route answer if asked again after a pause? */
  readonly retrySame: boolean
  /** Does the route rest after this? */
  readonly cools: boolean
  /** The error's own words say that it is about the backend's key or account. */
  readonly blamesCredential?: boolean
  /** What the upstream asked us to wait. */
  readonly retryAfterMs?: number
  /** For people and logs; masked, without URL. */
  readonly message: string
  /** The upstream's own error answer, complete, to be passed on when no other route answers. */
  readonly held?: HeldResponse
}

export type FailureReason =
  | 'queue_full'
  | 'queue_timeout'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'connect_timeout'
  | 'write_timeout'
  | 'first_byte_timeout'
  | 'first_content_timeout'
  | 'idle_timeout'
  | 'total_timeout'
  | 'reset'
  | 'invalid_response'
  | 'status'
  | 'pattern'
  | 'error_in_body'
  | 'empty'
  | 'incomplete'
  | 'client_closed'
  /** There was nothing to prove the request with. */
  | 'no_credential'

/** An upstream answer of at most 1 MiB, read to its end. */
export interface HeldResponse {
  readonly status: number
  readonly headers: HeaderList
  readonly body: Uint8Array
}
