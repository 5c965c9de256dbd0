import type { Client } from './client.ts'
import type { Endpoint } from './endpoint.ts'

/** The parsed facts of a request, and its body as bytes. */
export interface Call {
  readonly endpoint: Endpoint
  readonly method: string
  /** Path as sent, still percent-encoded, starting with `/`. */
  readonly path: string
  /** Query as sent without its `?`, credentials removed; empty when there is none. */
  readonly query: string
  readonly headers: Headers
  /** The alias that the client asked for. */
  readonly model: string
  /** The client asked for a stream. */
  readonly stream: boolean
  readonly body: Uint8Array<ArrayBuffer> | undefined
  /** Where the model's bytes stand: quoted JSON string or raw form value in `body`, or encoded segment in `path`. */
  readonly modelAt: Span
  readonly client: Client
}

/** Half-open byte range. */
export interface Span {
  readonly start: number
  readonly end: number
}
