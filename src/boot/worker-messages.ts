import type { SharedFact } from '#core/shared.ts'
import type { BootOnly } from '#snapshot/diff.ts'
import type { Reading } from '#telemetry/metric.ts'

/** Messages of another version are not understood: the program was replaced while its processes ran. */
export const messageVersion = 1

/** What a worker is told at its start, by a variable of its environment. */
export interface SeatFacts {
  /** From 1. */
  readonly number: number
  readonly of: number
  /** Nobody listens yet: the port must be free, and what is wrong at the start is told by this one. */
  readonly isFirst: boolean
  /** What the first one got where the configuration leaves the choice to the system. */
  readonly ports: Ports | undefined
  /** What all of them hold to until a restart, whatever the configuration says by now. */
  readonly kept?: BootOnly | undefined
}

/** Where a worker listens. */
export interface Ports {
  readonly main: number
  readonly admin: number | undefined
  readonly metrics?: number | undefined
}

/** Worker → the process that started it. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly ports: Ports; readonly address: string }
  | { readonly kind: 'facts'; readonly facts: readonly SharedFact[] }
  /** It takes nothing new, and ends when all is done. */
  | { readonly kind: 'leaving' }
  /** A person asked it for a reload, and means all of them. */
  | { readonly kind: 'reload' }
  /** The last facts were taken: more may come. */
  | { readonly kind: 'took' }
  /** It serves with this configuration, and drains for so long. */
  | { readonly kind: 'keeps'; readonly source: string; readonly drainMs: number }
  /** What stands in the files is no good: what do the others serve with? */
  | { readonly kind: 'lacks' }
  /** Somebody asks it what all of them counted; it counted this. */
  | { readonly kind: 'metrics_wanted'; readonly round: number; readonly reading: Reading }
  /** It counted this: in answer to `metrics_asked`, or, without a round, because it ends. */
  | { readonly kind: 'metrics'; readonly round?: number | undefined; readonly reading: Reading }

/** The process that started it → worker. */
export type ToWorker =
  | { readonly kind: 'facts'; readonly facts: readonly SharedFact[] }
  /** What the others serve with. */
  | { readonly kind: 'source'; readonly source: string | undefined }
  /** What did it count? */
  | { readonly kind: 'metrics_asked'; readonly round: number }
  /** What all of them counted. */
  | { readonly kind: 'metrics'; readonly round: number; readonly reading: Reading }
  /** It checks the health of backends, for all. */
  | { readonly kind: 'lead' }
  | { readonly kind: 'signal'; readonly name: NodeJS.Signals }

export type Versioned<Message> = Message & { readonly version: number }

export function isFromWorker(message: unknown): message is FromWorker {
  return isUnderstood(message)
}

export function isToWorker(message: unknown): message is ToWorker {
  // Whoever is told to stop does so, also where the program was replaced since its starter began.
  return isUnderstood(message) || isSignal(message)
}

function isSignal(message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false
  return 'kind' in message && message.kind === 'signal' && 'name' in message && typeof message.name === 'string'
}

/** The same program of the same version wrote it. */
function isUnderstood(message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false
  return 'version' in message && message.version === messageVersion && 'kind' in message
}

export const seatVariable = 'LLM_PROXY_WORKER'
