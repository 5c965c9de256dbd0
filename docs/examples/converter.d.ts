/**
 * What a converter is: one file of TypeScript that teaches the gateway to ask a provider of its own kind. This file is the
 * whole contract, version 1; a copy for editors is docs/examples/converter.d.ts, and docs/guides/converters.md explains it.
 *
 * A file exports `converter`. Everything in it answers at once: nothing is awaited, and whatever throws costs that attempt.
 */
export interface Converter {
  /** Version of this contract. */
  readonly contract: 1
  /** What `backends[].converter` calls it: letters, digits, `-` and `_`. */
  readonly name: string
  /** What the provider can be told. What is not here is never handed over: it is left out with a warning, or refused. */
  readonly takes?: ConverterTakes
  /** How pieces of a stream are cut, see {@link ConverterPiece}. Default: `sse`. */
  readonly framing?: 'sse' | 'lines' | 'raw'
  /** The request as the provider wants it. */
  writeRequest(request: ConverterRequest): ConverterSent
  /** The body of an answer with a good status, parsed; some providers tell errors in it. */
  readAnswer(body: JsonRecord, facts: ConverterFacts): ConverterAnswer | ConverterError
  /** Reads one stream. Absent: the provider is always asked for whole answers, and clients of streams get them as streams. */
  openStream?(facts: ConverterFacts): ConverterStream
  /** An error answer; `body` is parsed, or a text where it is no JSON. Absent: the usual places are looked at. */
  readError?(status: number, body: unknown, header: (name: string) => string | null): ConverterError
}

export type JsonRecord = Readonly<Record<string, unknown>>

export interface ConverterTakes {
  /** Tools that are functions; those of other kinds come as functions. Default: false, and requests with tools are refused. */
  readonly tools?: boolean
  /** `toolChoice: 'required'` can be told. Default: true where there are tools. */
  readonly forcedTools?: boolean
  /** Files among messages and results of tools. Default: none; text files come as text all the same. */
  readonly media?: readonly ConverterMedium[]
  /** Files may be addresses. Default: false. */
  readonly mediaUrls?: boolean
  /** `output: {kind: 'json'}` can be told. Default: false; the model is told in words. */
  readonly json?: boolean
  /** `output: {kind: 'json_schema'}` can be told. Default: false; it is asked for by a tool, or in words. */
  readonly jsonSchema?: boolean
  /** How many stop sequences may be sent. Default: 0; those that are not sent are looked for in the answer. */
  readonly stops?: number
  /** Default: `temperature` and `topP`. */
  readonly sampling?: readonly ConverterSampling[]
  /** Higher temperatures are sent as this one. Default: 2. */
  readonly temperatureMax?: number
  /** `thinking` of a request can be told. Default: false. */
  readonly thinking?: boolean
  /** Thoughts of earlier turns are wanted among the messages. Default: false. */
  readonly thoughts?: boolean
}

export type ConverterMedium = 'image' | 'audio' | 'video' | 'file'

export type ConverterSampling =
  | 'temperature'
  | 'topP'
  | 'topK'
  | 'minP'
  | 'presencePenalty'
  | 'frequencyPenalty'
  | 'repetitionPenalty'
  | 'seed'

/** A request for an answer. What a client did not say is missing. */
export interface ConverterRequest {
  /** As the provider calls it. */
  readonly model: string
  /** A stream is wanted. False where there is no `openStream`. */
  readonly stream: boolean
  /** Everything that the system says, in one text; empty when it says nothing. */
  readonly system: string
  /** Users and assistants in turn, never two of one role in a row. */
  readonly messages: readonly ConverterMessage[]
  readonly tools: readonly ConverterTool[]
  /** Where one tool was chosen, it is the only one in `tools`. */
  readonly toolChoice: 'auto' | 'none' | 'required'
  readonly maxTokens?: number
  readonly sampling: Readonly<Partial<Record<ConverterSampling, number>>>
  readonly stops: readonly string[]
  readonly output: ConverterOutput
  readonly thinking?: ConverterThinking
}

export interface ConverterMessage {
  readonly role: 'user' | 'assistant'
  readonly parts: readonly ConverterPart[]
}

export type ConverterPart =
  | { readonly kind: 'text'; readonly text: string }
  | ConverterFile
  | { readonly kind: 'thinking'; readonly text: string }
  /** Of an assistant. `args` is the object that `argsText` is the JSON of. */
  | {
      readonly kind: 'tool_call'
      readonly id: string
      readonly name: string
      readonly args: JsonRecord
      readonly argsText: string
    }
  /** Of a user; stands in front of everything else that he says. */
  | {
      readonly kind: 'tool_result'
      readonly callId: string
      readonly name: string
      readonly text: string
      readonly files: readonly ConverterFile[]
      readonly isError: boolean
    }

/** Has `base64` or `url`. */
export interface ConverterFile {
  readonly kind: 'file'
  readonly medium: ConverterMedium
  /** Empty when nobody said it. */
  readonly mime: string
  readonly base64?: string
  readonly url?: string
  readonly filename?: string
}

export interface ConverterTool {
  readonly name: string
  readonly description: string
  /** JSON Schema of an object. */
  readonly parameters: JsonRecord
}

export type ConverterOutput =
  | { readonly kind: 'text' }
  | { readonly kind: 'json' }
  | { readonly kind: 'json_schema'; readonly name: string; readonly schema: JsonRecord }

export interface ConverterThinking {
  readonly isOff: boolean
  readonly effort?: 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'
  /** How many tokens it may take, where the client said so. */
  readonly budgetTokens?: number
}

/** What goes to the provider, always by POST. */
export interface ConverterSent {
  /** Behind the address of the backend, beginning with `/`; or empty. */
  readonly path: string
  /** Without `?`. */
  readonly query?: string
  /** Beside `content-type` and the key, which the gateway sends as `auth_mode` says. */
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body: JsonRecord
}

export interface ConverterFacts {
  /** As the provider calls it. */
  readonly model: string
}

export interface ConverterAnswer {
  readonly id?: string | undefined
  readonly parts: readonly ConverterAnswerPart[]
  readonly finish: ConverterFinish
  readonly usage?: ConverterUsage | undefined
}

export type ConverterAnswerPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thinking'; readonly text: string }
  /** `args`: a text of JSON, or the value. Without an id it gets one. */
  | {
      readonly kind: 'tool_call'
      readonly id?: string | undefined
      readonly name: string
      readonly args: string | JsonRecord
    }

/** Calls win: an answer with calls that ends with `stop` ends with `tool_calls`. */
export type ConverterFinish = 'stop' | 'length' | 'tool_calls' | 'content_filter'

export interface ConverterUsage {
  /** What was read from a cache included. */
  readonly input?: number | undefined
  readonly cacheRead?: number | undefined
  /** Thoughts included. */
  readonly output?: number | undefined
  readonly thinking?: number | undefined
}

export interface ConverterError {
  readonly kind: 'error'
  readonly message: string
  /** 400 to 599. Default: the provider's own. Of an error in an answer with a good status the client is told 502. */
  readonly status?: number | undefined
  /** The provider's word for it. */
  readonly code?: string | undefined
  readonly retryAfterMs?: number | undefined
}

export interface ConverterStream {
  push(piece: ConverterPiece): readonly ConverterEvent[]
  /** The transfer ended. An answer without `finish` until then counts as broken. */
  end?(): readonly ConverterEvent[]
}

/**
 * `sse`: one event, with its name, which may be empty. `lines`: one line that is not blank. `raw`: the text as it comes,
 * however it is cut; characters are whole.
 */
export interface ConverterPiece {
  readonly name: string
  readonly data: string
}

export type ConverterEvent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thinking'; readonly text: string }
  /** With a `name` it begins a call; without one, `args` is more JSON of the call of that `index`. Default of `index`: 0. */
  | {
      readonly kind: 'tool_call'
      readonly index?: number | undefined
      readonly id?: string | undefined
      readonly name?: string | undefined
      readonly args?: string | undefined
    }
  /** Counts so far; may come several times, behind `finish` too. */
  | { readonly kind: 'usage'; readonly usage: ConverterUsage }
  /** Nothing more is said. */
  | { readonly kind: 'finish'; readonly finish: ConverterFinish }
  /** The stream is over, whatever comes. Needed only where the provider does not end the transfer. */
  | { readonly kind: 'end' }
  | ConverterError
