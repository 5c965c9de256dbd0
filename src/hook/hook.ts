import type { Call } from '#core/call.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Refusal } from '#core/refusal.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { Link, Transport } from '#ports/transport.ts'
import type { HookBook } from './book.ts'

/** Where a hook is called. */
export type HookPoint = 'before_request' | 'after_request' | 'on_error' | 'on_stream_chunk'

/** One entry of the configuration, compiled. */
export interface Hook {
  /** What is remembered of it goes by this; another content of its file is another hook. */
  readonly id: string
  readonly point: HookPoint
  /** For people: file and export, or host and place in the list. Never with credentials. */
  readonly name: string
  readonly timeoutMs: number
  /** A request ends where it fails; otherwise it goes on without it. */
  readonly refuses: boolean
  /** Calls of it at a time. */
  readonly concurrency: number
  readonly isFor: ((model: string) => boolean) | undefined
  readonly target: HookTarget
}

export type HookTarget =
  | { readonly kind: 'function'; readonly run: (context: unknown) => unknown }
  | {
      readonly kind: 'address'
      readonly url: URL
      readonly headers: readonly HeaderPair[]
      readonly secret: { reveal(): string } | undefined
      readonly link: Link
    }

/** An answer that a hook gives in place of a backend. */
export interface HookAnswer {
  readonly kind: 'hook_answer'
  readonly status: number
  readonly headers: readonly HeaderPair[]
  readonly body: Uint8Array<ArrayBuffer>
}

export function isHookAnswer(value: object): value is HookAnswer {
  return 'kind' in value && value.kind === 'hook_answer'
}

/** Who asks, for what hooks are told of it. */
export interface HookAsker {
  readonly requestId: string
  readonly caller: string | undefined
  readonly path: string
}

/** What hooks work with. */
export interface HookPorts {
  readonly clock: Clock
  readonly transport: Transport
  readonly log: Log
  /** What is remembered of them. */
  readonly hooks?: HookBook | undefined
}

/** The hooks of a snapshot. */
export interface Hooks {
  /** On the road: the call as hooks want it, and its stream watched by them; undefined: there are none. */
  readonly onRoad:
    | ((ports: HookPorts, call: Call, asker: HookAsker) => Promise<Call | Refusal | HookAnswer>)
    | undefined
  /** Beside the road: is handed every settled exchange; undefined: nobody is told. */
  readonly tell: ((ports: HookPorts, exchange: Exchange) => void) | undefined
  readonly ids: ReadonlySet<string>
}
