import type { Dialect } from './dialect.ts'
import type { Talk } from './talk.ts'

/** One public model path. The rows live in `server/endpoints.ts`. */
export interface Endpoint {
  /** Hono pattern. */
  readonly path: string
  readonly dialect: Dialect
  /** Where the model's name stands, and so how the body is read. `nothing`: the path alone says where it goes. */
  readonly reads: 'json' | 'multipart' | 'path' | 'nothing'
  /** How a stream of this endpoint ends; `undefined` for endpoints whose streams have no known terminal marker. */
  readonly stream: StreamForm | undefined
  /** A body that says nothing about `stream` asks for one. */
  readonly streamsByDefault?: true
  /** What it asks of a model, where backends of other forms could be asked it too. */
  readonly talk?: Talk | undefined
  /** The path by which backends know it, where that is another. */
  readonly sentAs?: string
  /** A body without a model is as good as one with it: where it goes, what it speaks of says, or a header. */
  readonly mayLackModel?: true
}

/** What is asked for, as far as it decides who can answer. */
export type Asked = Pick<Endpoint, 'dialect' | 'talk'>

/** Stream framings whose terminal marker and error form are known (`wire/stream-end.ts`, `wire/stream-error.ts`). */
export type StreamForm = 'chat' | 'completions' | 'responses' | 'messages' | 'gemini_sse' | 'gemini_array' | 'ndjson'
