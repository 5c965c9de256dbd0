import type { HeaderList } from '#kit/header-list.ts'
import type { IncomingBody } from '#ports/transport.ts'
import type { Candidate } from './candidate.ts'
import type { StreamForm } from './endpoint.ts'

/** What an attempt brought back: fit to be sent, nothing of it sent yet. */
export interface Answer {
  readonly kind: 'answer'
  readonly candidate: Candidate
  readonly status: number
  /** The upstream's headers without hop-by-hop ones, framing and credentials. */
  readonly headers: HeaderList
  /** Bytes read while the answer was judged; they go out first, unchanged. */
  readonly held: readonly Uint8Array[]
  /** The rest, or undefined when `held` is all. */
  readonly rest: IncomingBody | undefined
  /** How the stream ends; undefined for bodies and for streams without a known terminal marker. */
  readonly form: StreamForm | undefined
}

export function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'answer'
}
