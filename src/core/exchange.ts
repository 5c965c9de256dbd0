import type { Member } from '#kit/roster.ts'
import type { Client } from './client.ts'
import type { Debt, Debts } from './debts.ts'
import type { Dialect } from './dialect.ts'
import type { Failure } from './failure.ts'
import type { Refusal } from './refusal.ts'
import type { Form } from './talk.ts'
import type { ToldUsage, Usage } from './usage.ts'

/** Something that runs and can be ended, with an error that its client can read. */
export interface Cuttable {
  cut(): void
}

/** The account of one request and its response. Stages write into it; none reads it to decide anything. */
export interface Exchange extends Member {
  readonly id: string
  readonly startedMs: number
  readonly startedWallMs: number
  readonly method: string
  readonly path: string
  readonly client: Client
  readonly debts: Debts
  /** What the attempt under way owes its route: paid when its body ends, and by `debts` at the latest. */
  ride?: Debt | undefined
  dialect: Dialect
  /** Caller's id, once known. */
  caller: string | undefined
  /** The model's name as asked, once known. */
  alias: string | undefined
  stream: boolean
  /** Seed of this request's chance: with the same one, the same plan and the same rests, the same routes are chosen. */
  readonly seed: number
  /** Version of the one snapshot that served it. */
  readonly configVersion: number
  readonly attempts: Attempt[]
  /** Candidates that were passed over, and why; undefined while none was. */
  skips: Skip[] | undefined
  /** Status sent to the client; 499 when it left before one was. */
  status: number
  refusal: Refusal | undefined
  outcome: Outcome | undefined
  /** Why a stream ended early, for the log. */
  brokenBy: string | undefined
  /** Monotonic time of the first body byte to the client. */
  firstByteMs: number | undefined
  endedMs: number | undefined
  bytesOut: number
  /** Pieces in which they went. */
  chunksOut: number
  /** Keep-alives that the client got. */
  heartbeats: number
  /** Tokens of what the client was answered; undefined where nothing was, or nobody counts. */
  usage?: Usage | undefined
  /** What they cost, in US dollars; undefined where no price is known. */
  costUsd?: number | undefined
  /** What became of it at the cache; undefined: nothing was looked for there. */
  cache?: 'hit' | 'miss' | 'bypass' | undefined
  /** Of a hit: milliseconds that the answer took when it was made, and did not take now. */
  savedMs?: number | undefined
  /** It belonged to a route, and another one answered it; undefined for all others. */
  repinned?: Repinned | undefined
  /** Where another route took over a stream that broke: `bytesOut` of that moment, one for each rescue. */
  rescuedAtBytes: number[] | undefined
  /** Kept only while the snapshot's logging wants request files, merged blocks or dumps; undefined otherwise. */
  seen: SeenRequest | undefined
  /** Ends it now, with an error that its client can read; set while there is something to end. */
  cut?: Cuttable | undefined
  /** What the client got, only while `seen` is kept. Without a body the client got the last attempt's, byte for byte. */
  answered?: SeenMessage | undefined
  /** Kept of what the client gets, for those who ask the same again; undefined: nobody will. */
  copy?: AnswerCopy | undefined
}

/** Is told what the client gets, as it gets it. */
export interface AnswerCopy {
  /** `body`: all of it, where it is there already. */
  head(headers: readonly (readonly [name: string, value: string])[], body: Uint8Array | undefined): void
  add(bytes: Uint8Array): void
  /** All of it was added. */
  complete(): void
}

export type Outcome = 'complete' | 'client_closed' | 'upstream_broke' | 'stalled' | 'shut_down' | 'refused' | 'failed'

/** A request that left the route that it had stayed with so far. */
export interface Repinned {
  /** `backend/model`. */
  readonly from: string
  /** For people: `it is cooling down for another 12 s`. */
  readonly why: string
  /** Tokens of its prompts that the route had in its cache when it was asked last; undefined: it never told. */
  readonly cachedTokens?: number | undefined
}

/** A candidate that was not asked. */
export interface Skip {
  readonly backend: string
  readonly model: string
  /** For people: `it is cooling down for another 12 s`. */
  readonly reason: string
}

/** One try at one candidate. */
export interface Attempt {
  readonly backend: string
  readonly model: string
  /** The alias whose route this was; differs from the exchange's after an L2 fallback. */
  readonly alias: string
  readonly level: 'l1' | 'l2'
  /** Base of the backend; while `Exchange.seen` is kept, path and query as sent. Never with credentials. */
  url: string
  readonly startedMs: number
  /** Until head and first bytes were there, or until it failed. */
  durationMs: number
  status: number | undefined
  failure: Failure | undefined
  /** What proved it, where the backend has several credentials. */
  credential?: AttemptCredential
  /** What it was made for, other than for the beginning of an answer. */
  rescue?: 'match' | 'prefill'
  /** Absent where the request went out as it came. */
  translation?: AttemptTranslation
  /** Sent a second time at once, over a fresh connection: an idle one had died unnoticed. */
  isRepeated?: boolean
  /** What was sent and what came back, only while `Exchange.seen` is kept. */
  sent: SeenMessage | undefined
  received: SeenMessage | undefined
}

/** The form in which a backend was asked that does not know the client's, and what that cost. */
export interface AttemptTranslation {
  readonly form: Form
  /** Codes of what was dropped or adapted: `dropped:seed`. */
  readonly warnings: readonly string[]
  /** Requests that it took; absent where it was one. */
  readonly parts?: number | undefined
  /** What the backend told of its usage so far; absent where the client's bytes tell it as they are. */
  readonly usage?: { readonly told: ToldUsage | undefined } | undefined
}

export interface AttemptCredential {
  readonly name: string
  /** Count of the backend's turns since the start, from 1. */
  readonly number: number
  /** Place in the file, from 0. */
  readonly index: number
}

export interface SeenRequest extends SeenMessage {
  readonly method: string
  readonly target: string
}

/** Headers and the first bytes of a body, for request files and dumps; {@link seenBytesMax} of them are used. */
export interface SeenMessage {
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array | undefined
}

/** Limit: bytes of a body that request files and dumps show; collectors need not keep more. */
export const seenBytesMax = 262_144

/** Told once per exchange, by `settle`. Must neither throw nor wait. */
export interface ExchangeSink {
  settled(exchange: Exchange): void
}
