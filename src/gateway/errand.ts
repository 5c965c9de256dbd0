import type { Fill } from '#cache/fill.ts'
import type { Call } from '#core/call.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import type { Ticket } from '#limit/ticket.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { AwaitedForm } from './client-stream.ts'
import type { Gateway } from './gateway.ts'
import type { Presence } from './presence.ts'
import type { TranslatedFor } from './translator.ts'
import type { Walk } from './walk.ts'

/** What the last stages of the road share: one request that is to be answered by someone. */
export interface Errand {
  readonly gateway: Gateway
  readonly snapshot: Snapshot
  readonly plan: Plan
  readonly call: Call
  readonly exchange: Exchange
  readonly presence: Presence
  /** Goes on where it stopped when a stream has to be rescued. */
  readonly walk: Walk
  /** What it took of limits; undefined: nothing is limited. */
  readonly entry?: Ticket | undefined
  /** Watches its answer, to keep it for the next like it; undefined: nobody does. */
  readonly fill?: Fill | undefined
  /** How the body is framed of which the client got the head before there was an answer. */
  head?: AwaitedForm | undefined
}

/** For whom it is translated. */
export function whoseIs({ exchange, plan, snapshot }: Errand): TranslatedFor {
  return {
    requestId: exchange.id,
    tenant: exchange.caller ?? '',
    policy: plan.compat,
    codecs: snapshot.converters?.codecs,
  }
}
