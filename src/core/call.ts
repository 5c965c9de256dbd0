import type { Client } from './client.ts'
import type { Endpoint } from './endpoint.ts'
import type { Plan } from './plan.ts'
import type { Refusal } from './refusal.ts'
import type { CallRules } from './rules.ts'

/** The parsed facts of a request, and its body as bytes. */
export interface Call {
  readonly endpoint: Endpoint
  readonly method: string
  /** Path as sent, still percent-encoded, starting with `/`; of a service, what stands behind its name and the model's. */
  readonly path: string
  /** Query as sent without its `?`, credentials removed; empty when there is none. */
  readonly query: string
  /** The credential that was in the query. Absent: there was none, or nobody looked. */
  readonly keyInQuery?: string | undefined
  readonly headers: Headers
  /** The alias that the client asked for; of a service, `service/model`; empty where nothing is named. */
  readonly model: string
  /** The client asked for a stream. */
  readonly stream: boolean
  readonly body: Uint8Array<ArrayBuffer> | undefined
  /** In place of `body`, where it is sent on while it comes. */
  readonly upload?: Upload | undefined
  /** Where the model's bytes stand: quoted JSON string or raw form value in `body`, or encoded segment in `path`. */
  readonly modelAt: Span
  readonly client: Client
  /** Asked of us as a proxy: the host that was meant has told where it goes, and nothing else is looked at. */
  readonly forwarded?: Plan | undefined
  /** What the operator adds to it, and changes of its answer; absent: nothing. */
  readonly rules?: CallRules | undefined
}

/** A request body that is passed on and never held. */
export interface Upload {
  /** Bytes that the client announced; undefined when it sends in chunks. */
  readonly length: number | undefined
  /** Some of it was read: nobody else can be sent it. */
  readonly wasTaken: boolean
  /** All of it was read, or nobody wants any more of it. */
  readonly isOver: boolean
  /** Why it came to no good end, where that is the client's doing. */
  readonly fault: Refusal | undefined
  /** A new one for each attempt; they are the same body, so that only one of them may be read. */
  stream(): ReadableStream<Uint8Array>
}

/** Half-open byte range. */
export interface Span {
  readonly start: number
  readonly end: number
}
