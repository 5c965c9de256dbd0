import type { Candidate } from './candidate.ts'
import type { StreamForm } from './endpoint.ts'

/** What an attempt brought back: fit to be sent, nothing of it sent yet. */
export interface Answer {
  readonly kind: 'answer'
  readonly candidate: Candidate
  readonly status: number
  /** The upstream's headers without hop-by-hop ones, framing and credentials. */
  readonly headers: Headers
  /** Bytes read while the answer was judged; they go out first, unchanged. */
  readonly held: readonly Uint8Array[]
  /** The rest, or undefined when `held` is all. `explain` tells why a read rejected. */
  readonly rest: BodySource | undefined
  /** How the stream ends; undefined for bodies and for streams without a known terminal marker. */
  readonly form: StreamForm | undefined
}

/** A body that is read to its end or cancelled; what a stream's reader is, as far as it is needed. */
export interface BodySource {
  read(): Promise<{ done: false; value: Uint8Array } | { done: true; value?: Uint8Array | undefined }>
  /** Closes the exchange. */
  cancel(): Promise<void>
  /** What a rejected read means: a TransportFailure, if anyone knows. */
  explain(error: unknown): unknown
}

export function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'answer'
}
