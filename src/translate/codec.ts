import type { CompatPolicy } from '#core/compat.ts'
import type { Profile } from '#core/profile.ts'
import type { Form } from '#core/talk.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { CommonError, CommonEvent, CommonRequest, CommonResponse, Part } from './common.ts'
import type { Notes } from './notes.ts'

/**
 * One form, read and written from the client's side: its requests come in, its answers go out. Nothing here throws, whatever
 * a client wrote: what has the wrong type is rejected by its field, or counts as missing.
 */
export interface ClientCodec {
  readonly form: Form
  /** The request as it came, parsed, → the common form. What must not be ignored is rejected by `notes`. */
  readRequest(body: JsonObject, facts: RequestFacts, notes: Notes): CommonRequest
  /** An answer as a body that is complete for its clients' types. */
  writeBody(response: CommonResponse, context: AnswerContext): JsonObject
  openWriter(context: AnswerContext): StreamWriter
}

/** One form, written and read from the backend's side: requests go out, its answers come in. Nothing here throws. */
export interface BackendCodec {
  readonly form: Form
  /** Everything that is lost or adapted is noted; what must not be lost is rejected. */
  writeRequest(request: CommonRequest, target: Target, notes: Notes): BackendRequest
  /** A body with a good status; some servers tell errors in it. */
  readBody(body: JsonObject, facts: AnswerFacts): CommonResponse | CommonError
  openReader(facts: AnswerFacts): StreamReader
  /** Status, headers and body (parsed, or text where it is no JSON) of an error answer. */
  readError(status: number, headers: HeaderLook, body: unknown): CommonError
  readonly framing: Framing
}

/**
 * How the pieces of a backend's stream are framed: server-sent events, JSON lines, a JSON array, the binary event stream of
 * AWS (name: `:event-type`, or `exception` with the type in `data.__type`), or not at all: text as it comes.
 */
export type Framing = 'sse' | 'lines' | 'array' | 'aws' | 'raw'

export interface HeaderLook {
  get(name: string): string | null
}

/** What stands beside the body of a request. */
export interface RequestFacts {
  readonly path: string
  readonly query: string
  readonly headers: HeaderLook
  /** The alias that was asked for, wherever the form has it. */
  readonly model: string
  readonly stream: boolean
  /** What is remembered of earlier answers to the same tenant. */
  readonly recall?: Recall | undefined
  /** What is not remembered of them may not be left out. */
  readonly rejectsMissingThoughts?: boolean | undefined
}

/** Earlier turns as their clients know them, by the ids that they were given. */
export interface Recall {
  /** An item of the Responses form. */
  item(id: string): JsonObject | undefined
  response(id: string): { readonly input: readonly JsonObject[]; readonly output: readonly JsonObject[] } | undefined
  /** What cannot be read, and stood before a call in its turn. */
  partsBefore(callId: string): readonly Part[] | undefined
}

/** Who is asked. */
export interface Target {
  /** The backend's name of the model. */
  readonly model: string
  /** For messages to people. */
  readonly backend: string
  readonly profile: Profile
  readonly policy: CompatPolicy
  /** Tokens of the prompt by our own estimate. */
  readonly inputEstimate: number
}

export interface BackendRequest {
  /** Behind the backend's base address, beginning with `/v1`, `/v1beta`, `/api`, … as its own clients would ask. */
  readonly path: string
  /** Without `?`. */
  readonly query: string
  readonly body: JsonObject
  /** Beside those that every request to this dialect has; names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The backend is asked for a stream: the client wants one, or the answer would take too long otherwise. */
  readonly stream: boolean
  /** How names of tools and custom tools come back to what the client called them. */
  readonly back: WayBack
}

/** What the answer needs of the request to be told in the client's words. */
export interface WayBack {
  /** Name as sent → as the client wrote it. Only those that differ. */
  readonly toolNames: ReadonlyMap<string, { readonly name: string; readonly namespace?: string | undefined }>
  /** Names, as sent, of function tools that stand for custom ones. */
  readonly customTools: ReadonlySet<string>
  /** Names, as sent, of function tools that stand for built-ins of the client's form → `bash`, `shell`, … */
  readonly builtins: ReadonlyMap<string, string>
  /** The function tool that stands for a structured output: its arguments are the text. */
  readonly outputTool: string | undefined
  /** The structured output was wrapped into `{"value": …}` by us. */
  readonly isOutputWrapped: boolean
  /** Stop sequences that the backend does not know and we look for. */
  readonly stops: readonly string[]
}

/** What an answer is read with. */
export interface AnswerFacts {
  /** The backend's name of the model. */
  readonly model: string
  readonly profile: Profile
  readonly ids: IdSource
  /** Seconds. */
  readonly nowSeconds: number
  /** What of the answer has no place in the common form. */
  readonly notes?: Notes | undefined
}

/** Makes ids. */
export interface IdSource {
  /** Characters of `0-9A-Za-z`. */
  base62(length: number): string
  /** Characters of `0-9a-f`. */
  hex(length: number): string
}

/** What an answer is written with. */
export interface AnswerContext {
  readonly request: CommonRequest
  /** The client's body, parsed, for what its answers repeat of it. */
  readonly body: JsonObject
  readonly facts: RequestFacts
  readonly requestId: string
  /** As the client asked for it. */
  readonly model: string
  readonly ids: IdSource
  readonly nowSeconds: number
  /** Tokens of the prompt by our own estimate, for those who must be told at the start. */
  readonly inputEstimate: number
  readonly policy: CompatPolicy
  /** What of the answer the client's form has no place for. */
  readonly notes?: Notes | undefined
}

/** Events of one framing → common events. Synchronous; for every way of cutting the bytes the events are the same. */
export interface StreamReader {
  /** One framed event: the name that it had, empty when it had none, and its data. */
  push(name: string, data: string): readonly CommonEvent[]
  /** The transfer ended; without a finish that is an error. */
  end(): readonly CommonEvent[]
}

/** Common events → framed events of the client's form, in the order that its official clients require. */
export interface StreamWriter {
  /**
   * `serial`: parts must come one after the other, whole; the events are put in that order before they come here. `calls`:
   * tool calls may be interleaved with each other.
   */
  readonly order: 'serial' | 'calls'
  write(event: CommonEvent): readonly FramedEvent[]
}

/** `name`: of an event that has one. An empty `data` is never framed. */
export interface FramedEvent {
  readonly name?: string | undefined
  readonly data: string
  /** Goes out as it is, in a write of its own; left out where the framing has no place for it. */
  readonly bare?: boolean | undefined
}
