/**
 * What hooks are: functions that a file of TypeScript exports, which the gateway calls at four points. This file is the whole
 * contract; put a copy of it beside your file, and an editor checks what you write. docs/guides/hooks.md explains it.
 */

/** `hooks.before_request`: may change a request, refuse it or answer it. Nothing given: it goes on as it is. */
export type BeforeRequest = (request: HookRequest) => BeforeResult | Promise<BeforeResult>

/** `hooks.after_request`: is told what became of a request. What it gives means nothing. */
export type AfterRequest = (record: HookRecord) => unknown

/** `hooks.on_error`: is told one failure. What it gives means nothing. */
export type OnError = (error: HookError) => unknown

/** `hooks.on_stream_chunk`: one event of a stream. Nothing given: it goes on as it came, byte by byte; null: it is left out. */
export type OnStreamChunk = (event: HookEvent) => EventResult | Promise<EventResult>

export interface HookRequest {
  readonly requestId: string
  /** Who asks: the id of a key, the subject of a token, `default`, `anonymous`. */
  readonly caller?: string
  readonly method: string
  readonly path: string
  /** The alias that was asked for; empty where a request names none. */
  readonly model: string
  readonly stream: boolean
  /** By name in small letters, without those that prove who asks. */
  readonly headers: Readonly<Record<string, string>>
  /** Parsed, each time anew; undefined where it is no JSON. Changes count only if they are given back. */
  readonly body: unknown
  /** Aborts when the hook's time is over. Not in what an address is sent. */
  readonly signal: AbortSignal
}

export type BeforeResult = void | undefined | null | BeforeChange

export interface BeforeChange {
  /** 400 to 499, by default 403; the message goes to the client, in the form of its API. */
  readonly refuse?: { readonly status?: number; readonly message: string; readonly code?: string }
  /** In place of a backend; nobody is asked. An object is written as JSON. */
  readonly answer?: {
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body: string | object
  }
  /** Another alias. */
  readonly model?: string
  /** In place of the client's; it names the model, too. */
  readonly body?: object
  /** Of what backends are sent. */
  readonly headers?: { readonly add?: Readonly<Record<string, string>>; readonly remove?: readonly string[] }
}

export interface HookRecord {
  readonly requestId: string
  readonly caller?: string
  readonly method: string
  readonly path: string
  readonly model?: string
  readonly stream: boolean
  /** As the client saw it. */
  readonly status: number
  readonly outcome: 'complete' | 'client_closed' | 'upstream_broke' | 'stalled' | 'shut_down' | 'refused' | 'failed'
  readonly error?: { readonly code: string; readonly message: string }
  /** Of the last attempt. */
  readonly backend?: string
  readonly upstreamModel?: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly durationMs: number
  readonly firstByteMs?: number
  readonly bytes: number
  readonly attempts: readonly {
    readonly backend: string
    readonly model: string
    readonly alias: string
    readonly status?: number
    readonly durationMs: number
    readonly error?: { readonly code: string; readonly message: string }
  }[]
  /** Tokens, where somebody counted them. */
  readonly usage?: Readonly<Record<string, unknown>>
  readonly costUsd?: number
}

export interface HookError {
  /** One attempt at a backend, our own no to the client, or a stream that broke after it began. */
  readonly kind: 'attempt' | 'refusal' | 'stream'
  readonly requestId: string
  readonly caller?: string
  readonly path: string
  readonly model?: string
  readonly code: string
  /** From 1; of a refusal the attempts that were made before it. */
  readonly attempt: number
  readonly backend?: string
  readonly upstreamModel?: string
  readonly status?: number
  readonly message: string
}

export interface HookEvent {
  readonly requestId: string
  readonly caller?: string
  readonly path: string
  readonly model: string
  /** From 0. */
  readonly index: number
  /** Name of a server-sent event that has one, else empty. */
  readonly event: string
  /** Mostly JSON in the form of the client's API. The mark `[DONE]` is never handed over. */
  readonly data: string
}

export type EventResult = void | undefined | null | string | { readonly data: string; readonly event?: string }
