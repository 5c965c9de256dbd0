import type { Form } from '#core/talk.ts'
import type { JsonObject } from '#kit/json-value.ts'

/**
 * A request in no API's form: a superset of all of them, in typed parts, in order. Built by the client's codec, taken
 * apart by the backend's.
 */
export interface CommonRequest {
  /** Where it came from. */
  readonly form: Form
  /** As the client named it. */
  readonly model: string
  readonly stream: boolean
  /** System and developer messages may stand anywhere. */
  readonly messages: readonly Message[]
  /** Where the client asks several things at once, the messages of each; `messages` are those of the first. */
  readonly prompts?: readonly (readonly Message[])[] | undefined
  readonly tools: readonly Tool[]
  readonly toolChoice: ToolChoice | undefined
  /** Undefined: the client said nothing. */
  readonly parallelToolCalls: boolean | undefined
  readonly sampling: Sampling
  readonly reasoning: Reasoning | undefined
  readonly output: Output
  readonly cache: RequestCache | undefined
  readonly identity: Identity
  /** As the client wrote it: `auto`, `default`, `flex`, `priority`, `standard_only`, … */
  readonly tier: string | undefined
  readonly store: boolean | undefined
  readonly previousResponseId: string | undefined
  /** `include` of Responses. */
  readonly include: readonly string[]
  /** The client wants the usage at the end of a Chat stream. */
  readonly includeUsage: boolean
  /** Fields that nothing above holds, by name, as they came; only the codec of the same form reads them. */
  readonly rest: JsonObject
}

export interface Message {
  readonly role: 'system' | 'developer' | 'user' | 'assistant'
  readonly parts: readonly Part[]
  readonly name?: string | undefined
  /** `top`: beside the messages (`system`, `instructions`, `systemInstruction`); `inline`: among them. */
  readonly placement: 'top' | 'inline'
  readonly id?: string | undefined
  readonly phase?: string | undefined
  readonly rest?: JsonObject | undefined
}

export type Part = TextPart | RefusalPart | MediaPart | ReasoningPart | ToolCallPart | ToolResultPart | NativePart

export interface TextPart {
  readonly kind: 'text'
  readonly text: string
  readonly annotations?: readonly Annotation[] | undefined
  readonly cache?: CacheHint | undefined
  readonly logprobs?: readonly TokenLogprob[] | undefined
  readonly opaque?: Opaque | undefined
  readonly rest?: JsonObject | undefined
}

export interface RefusalPart {
  readonly kind: 'refusal'
  readonly text: string
}

export interface MediaPart {
  readonly kind: 'media'
  readonly medium: 'image' | 'audio' | 'video' | 'file'
  /** Empty when nobody said it. */
  readonly mime: string
  readonly source:
    | { readonly base64: string }
    | { readonly url: string }
    | { readonly file: { readonly form: Form; readonly id: string } }
    /** Of a document that is plain text. */
    | { readonly text: string }
  readonly filename?: string | undefined
  /** `auto`, `low`, `high`, `original`. */
  readonly detail?: string | undefined
  readonly title?: string | undefined
  readonly context?: string | undefined
  readonly citations?: boolean | undefined
  /** Of produced audio. */
  readonly transcript?: string | undefined
  readonly cache?: CacheHint | undefined
  readonly rest?: JsonObject | undefined
}

export interface ReasoningPart {
  readonly kind: 'reasoning'
  /** Empty when there is only what cannot be read. */
  readonly text: string
  /** A summary made for people, or the thoughts themselves. */
  readonly style: 'summary' | 'raw'
  readonly isRedacted: boolean
  readonly opaque?: Opaque | undefined
  readonly itemId?: string | undefined
}

export interface ToolCallPart {
  readonly kind: 'tool_call'
  /** As it came; empty when there was none. */
  readonly id: string
  readonly name: string
  readonly namespace?: string | undefined
  readonly args: ToolArgs
  /** Free text instead of JSON arguments. */
  readonly isCustom: boolean
  /** `function`, or a built-in that the client carries out: `bash`, `text_editor`, `computer`, `memory`, `shell`, `apply_patch`. */
  readonly tool: string
  /** Who carries it out, where that is not the client. */
  readonly caller?: string | undefined
  readonly opaque?: Opaque | undefined
  readonly cache?: CacheHint | undefined
  /** Begun, then taken back by a refusal: nobody may carry it out. */
  readonly isVoid?: boolean | undefined
  readonly itemId?: string | undefined
  readonly rest?: JsonObject | undefined
}

/**
 * Arguments as text where they came as text, so that numbers and spaces stay what they were; else as a value. The text of a
 * custom tool is its input, which is no JSON.
 */
export type ToolArgs = { readonly raw: string } | { readonly value: unknown }

export interface ToolResultPart {
  readonly kind: 'tool_result'
  /** Empty when there was none (Gemini). */
  readonly callId: string
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly parts: readonly Part[]
  /** The result is a JSON value rather than a text (Gemini, Converse). */
  readonly value?: unknown
  readonly isError: boolean
  readonly isCustom: boolean
  readonly cache?: CacheHint | undefined
  readonly rest?: JsonObject | undefined
}

/** What only its own API understands: server tools, MCP items, compaction. */
export interface NativePart {
  readonly kind: 'native'
  readonly form: Form
  readonly type: string
  readonly value: JsonObject
}

/** A signature or encrypted thought: goes back to where it came from, or nowhere. */
export interface Opaque {
  readonly form: Form
  /** `claude`, `gpt`, `gemini`, … */
  readonly family: string
  readonly kind: 'signature' | 'encrypted' | 'redacted' | 'text'
  /** Id of the item that it belongs to. */
  readonly id?: string | undefined
  readonly payload: string
  /** What was signed, word for word: it travels along to clients that bring back signatures but no thoughts. */
  readonly text?: string | undefined
}

export interface CacheHint {
  /** `5m`, `1h`; undefined: the provider's default. */
  readonly ttl?: string | undefined
}

export interface Annotation {
  readonly kind: 'url' | 'file' | 'other'
  readonly url?: string | undefined
  readonly title?: string | undefined
  /** In code points of the text. */
  readonly start?: number | undefined
  readonly end?: number | undefined
  readonly citedText?: string | undefined
  /** As its own API wrote it. */
  readonly native?: JsonObject | undefined
}

export interface TokenLogprob {
  readonly token: string
  readonly logprob: number
  readonly top: readonly { readonly token: string; readonly logprob: number }[]
}

export type Tool =
  | {
      readonly kind: 'function'
      readonly name: string
      readonly namespace?: string | undefined
      readonly description?: string | undefined
      /** JSON Schema; undefined: it takes nothing. */
      readonly schema: JsonObject | undefined
      readonly strict?: boolean | undefined
      readonly cache?: CacheHint | undefined
      readonly rest?: JsonObject | undefined
    }
  | {
      readonly kind: 'custom'
      readonly name: string
      readonly namespace?: string | undefined
      readonly description?: string | undefined
      readonly grammar?: { readonly syntax: string; readonly definition: string } | undefined
      readonly rest?: JsonObject | undefined
    }
  /** Carried out by the client, defined by the provider. */
  | { readonly kind: 'client_builtin'; readonly tool: string; readonly name: string; readonly native: JsonObject }
  /** Carried out by the provider. */
  | { readonly kind: 'hosted'; readonly tool: string; readonly native: JsonObject }

export type ToolChoice =
  | { readonly mode: 'auto' | 'none' | 'required' }
  | { readonly mode: 'tool'; readonly name: string; readonly isCustom: boolean }
  | { readonly mode: 'allowed'; readonly names: readonly string[]; readonly isRequired: boolean }
  | { readonly mode: 'hosted'; readonly tool: string }

export interface Sampling {
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly topK?: number | undefined
  readonly minP?: number | undefined
  readonly presencePenalty?: number | undefined
  readonly frequencyPenalty?: number | undefined
  readonly repetitionPenalty?: number | undefined
  readonly seed?: number | undefined
  readonly logitBias?: JsonObject | undefined
  readonly stop?: readonly string[] | undefined
  readonly n?: number | undefined
  /** Thoughts included. */
  readonly maxOutputTokens?: number | undefined
  readonly logprobs?: boolean | undefined
  readonly topLogprobs?: number | undefined
}

export type Effort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'

export interface Reasoning {
  readonly effort?: Effort | undefined
  /** -1: as many as the model likes. */
  readonly budgetTokens?: number | undefined
  readonly kind?: 'off' | 'budget' | 'adaptive' | undefined
  readonly visibility?: 'none' | 'summary' | 'full' | undefined
  /** `reasoning.summary` of Responses as written. */
  readonly summary?: string | undefined
}

export interface Output {
  readonly format?:
    | { readonly kind: 'text' }
    | { readonly kind: 'json' }
    | {
        readonly kind: 'json_schema'
        readonly name?: string | undefined
        readonly description?: string | undefined
        readonly schema: JsonObject
        readonly strict?: boolean | undefined
        /** The client wants a text without its quotes. */
        readonly isBare?: true | undefined
      }
    | undefined
  readonly modalities?: readonly string[] | undefined
  readonly audio?: JsonObject | undefined
  readonly verbosity?: string | undefined
  readonly prediction?: JsonObject | undefined
}

export interface RequestCache {
  readonly auto?: CacheHint | undefined
  readonly key?: string | undefined
  readonly retention?: string | undefined
  /** `cachedContent` of Gemini: a part of the prompt that only its owner has. */
  readonly resource?: string | undefined
}

export interface Identity {
  readonly endUser?: string | undefined
  readonly session?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** A whole answer. */
export interface CommonResponse {
  readonly id: string | undefined
  readonly model: string
  /** Seconds. */
  readonly createdAt: number | undefined
  readonly choices: readonly Choice[]
  readonly usage: Usage | undefined
  readonly tier: string | undefined
  readonly fingerprint: string | undefined
}

export interface Choice {
  readonly index: number
  readonly parts: readonly Part[]
  readonly finish: Finish
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'pause' | 'error' | 'other'

export interface Finish {
  readonly reason: FinishReason
  /** The backend's own word. */
  readonly native?: string | undefined
  readonly stopSequence?: string | undefined
  /** Why it was refused. */
  readonly explanation?: string | undefined
}

export interface Usage {
  /** What was read from a cache and written to it included. */
  readonly input?: number | undefined
  readonly cacheRead?: number | undefined
  readonly cacheWrite?: number | undefined
  readonly cacheWrite5m?: number | undefined
  readonly cacheWrite1h?: number | undefined
  /** Thoughts included. */
  readonly output?: number | undefined
  readonly reasoning?: number | undefined
  readonly audioInput?: number | undefined
  readonly audioOutput?: number | undefined
  readonly acceptedPrediction?: number | undefined
  readonly rejectedPrediction?: number | undefined
}

/** Why a backend, or we, could not answer. */
export interface CommonError {
  readonly kind: ErrorKind
  /** For the client. */
  readonly status: number
  readonly message: string
  /** The provider's own word for it. */
  readonly code?: string | undefined
  readonly param?: string | undefined
  readonly retryAfterMs?: number | undefined
}

export type ErrorKind =
  | 'invalid_request'
  | 'context_overflow'
  | 'unsupported'
  | 'auth'
  | 'quota'
  | 'permission'
  | 'not_found'
  | 'conflict'
  | 'too_large'
  | 'media_type'
  | 'rate_limit'
  | 'content_policy'
  | 'upstream_failed'
  | 'upstream_auth'
  | 'overloaded'
  | 'timeout'
  | 'internal'

/**
 * A piece of an answer on its way. `start` comes first and once; part numbers of a choice rise from 0; no delta stands
 * outside its part, and of a part that is over only sources are told; each choice has one `finish` and no part event after it; `end` follows the last finish, and a stream
 * that broke has `error` instead.
 */
export type CommonEvent =
  | {
      readonly event: 'start'
      readonly id: string
      readonly model: string
      readonly createdAt: number
      /** Where they are known by then. */
      readonly tier?: string | undefined
      readonly fingerprint?: string | undefined
    }
  | { readonly event: 'part_start'; readonly choice: number; readonly part: number; readonly head: PartHead }
  | { readonly event: 'part_delta'; readonly choice: number; readonly part: number; readonly text: string }
  | { readonly event: 'part_meta'; readonly choice: number; readonly part: number; readonly meta: PartMeta }
  | { readonly event: 'part_end'; readonly choice: number; readonly part: number }
  /** Of a text that is over: backends learn of some sources late. */
  | { readonly event: 'late_source'; readonly choice: number; readonly part: number; readonly annotation: Annotation }
  | { readonly event: 'usage'; readonly usage: Usage }
  | { readonly event: 'finish'; readonly choice: number; readonly finish: Finish }
  | { readonly event: 'keepalive' }
  | { readonly event: 'error'; readonly error: CommonError }
  | { readonly event: 'end' }

/** What is known of a part when it begins. Its deltas are text, refusal, thoughts, arguments or base64. */
export type PartHead =
  | { readonly kind: 'text' }
  | { readonly kind: 'refusal' }
  | { readonly kind: 'reasoning'; readonly style: 'summary' | 'raw'; readonly isRedacted: boolean }
  | {
      readonly kind: 'tool_call'
      readonly id: string
      readonly name: string
      readonly namespace?: string | undefined
      readonly isCustom: boolean
      readonly tool: string
    }
  | { readonly kind: 'media'; readonly part: MediaPart }
  | { readonly kind: 'native'; readonly part: NativePart }

export interface PartMeta {
  readonly opaque?: Opaque | undefined
  readonly annotation?: Annotation | undefined
  readonly logprobs?: readonly TokenLogprob[] | undefined
  /** More of what produced audio says. */
  readonly transcript?: string | undefined
}
