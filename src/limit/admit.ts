import type { Call } from '#core/call.ts'
import type { Caller } from '#core/caller.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { demandsOf, userOf, type Asker, type Demand } from './demand.ts'
import { guessTokens } from './estimate.ts'
import type { Limits } from './limits.ts'
import { plainPolicy, type LimitPolicy } from './policy.ts'
import type { Patient } from './queue.ts'
import { refusalOf } from './refusals.ts'
import type { SharedLimits } from './shared.ts'
import { Ticket, type Hindrance, type SlotDemand } from './ticket.ts'

/** A request that wants to be admitted. */
export interface Entrant {
  readonly limits: Limits
  /** Undefined: only the caller's own limits hold. */
  readonly policy: LimitPolicy | undefined
  readonly caller: Caller
  /** Callers have keys of their own. */
  readonly tellsApart: boolean
  readonly call: Call
  readonly plan: Plan
  readonly exchange: Exchange
  readonly presence: Patient
}

/** Takes what the request needs of every limit, all or nothing; at once, unless it has to wait or others are asked. */
// oxlint-disable-next-line typescript/promise-function-async -- nearly every request is admitted at once
export function admit(entrant: Entrant): Ticket | Refusal | Promise<Ticket | Refusal> {
  const { limits, policy = plainPolicy, exchange, plan } = entrant
  const ticket = new Ticket(limits, policy, exchange, { plan, ...wantsOf(entrant, policy, plan) })
  if (policy.shared !== undefined && ticket.demands.length + ticket.slots.length > 0) {
    const shared = limits.sharedBy(policy.shared)
    if (shared !== undefined) return admitShared(entrant, ticket, shared)
  }
  return enter(entrant, ticket)
}

// oxlint-disable-next-line typescript/promise-function-async -- see above
function enter(entrant: Entrant, ticket: Ticket): Ticket | Refusal | Promise<Ticket | Refusal> {
  const hindrance = ticket.tryEnter()
  if (hindrance === undefined) return ticket
  return overflow(entrant, ticket, hindrance)
}

// oxlint-disable-next-line typescript/promise-function-async -- see above
function overflow(
  entrant: Entrant,
  ticket: Ticket,
  hindrance: Hindrance,
): Ticket | Refusal | Promise<Ticket | Refusal> {
  const standIn = standInFor(entrant, ticket, hindrance)
  if (standIn !== undefined) {
    const other = standIn.tryEnter()
    if (other === undefined) {
      entrant.limits.tally.fellBack += 1
      return standIn
    }
    if (other.by.of === 'slots') return overflow(entrant, standIn, other)
    return reject(entrant, ticket, hindrance, 'full')
  }
  const kind = kindOf(hindrance)
  if (!ticket.mayWaitFor(hindrance)) return reject(entrant, ticket, hindrance, 'full')
  const { sizeMax } = queueOf(entrant, hindrance)
  // Limit: more do not wait.
  if (entrant.limits.waiting[kind] >= sizeMax) return reject(entrant, ticket, hindrance, 'crowded')
  return standInLine(entrant, ticket, hindrance)
}

async function standInLine(entrant: Entrant, ticket: Ticket, hindrance: Hindrance): Promise<Ticket | Refusal> {
  const { limits, presence } = entrant
  const kind = kindOf(hindrance)
  limits.tally.queued += 1
  limits.waiting[kind] += 1
  try {
    const ending = await limits.room.wait(ticket, hindrance, queueOf(entrant, hindrance).timeoutMs, presence)
    if (ending === 'entered') {
      if (presence.gone === undefined) return ticket
      ticket.pay()
      return presence.gone
    }
    if (ending === 'gone') return presence.gone ?? stopped
    if (ending === 'too_late') return reject(entrant, ticket, hindrance, 'too_late')
    return await overflow(entrant, ticket, ending)
  } finally {
    limits.waiting[kind] -= 1
  }
}

/** Asks the counters of all processes; those who are refused come again when there may be something. */
async function admitShared(
  entrant: Entrant,
  ticket: Ticket,
  opening: SharedLimits | Promise<SharedLimits>,
): Promise<Ticket | Refusal> {
  const { limits, policy = plainPolicy, presence } = entrant
  const shared = await opening
  let asked = ticket
  let startedMs: number | undefined
  let waitsFor: 'rate' | 'crowd' | undefined
  try {
    for (;;) {
      const outcome = await shared.take(asked.demands, asked.slots, policy.counting)
      if (outcome.kind === 'taken') {
        asked.enterBy(shared, outcome.marks)
        if (asked !== ticket) limits.tally.fellBack += 1
        if (presence.gone === undefined) return asked
        asked.pay()
        return presence.gone
      }
      if (outcome.kind === 'down') {
        limits.tally.withoutShared += 1
        return withoutShared(entrant, asked, policy.shared?.onError)
      }
      const { hindrance } = outcome
      const standIn = asked === ticket ? standInFor(entrant, ticket, hindrance) : undefined
      if (standIn !== undefined) {
        asked = standIn
        continue
      }
      if (!asked.mayWaitFor(hindrance)) return reject(entrant, asked, hindrance, 'full')
      const kind = kindOf(hindrance)
      const { sizeMax, timeoutMs } = queueOf(entrant, hindrance)
      if (waitsFor === undefined) {
        if (limits.waiting[kind] >= sizeMax) return reject(entrant, asked, hindrance, 'crowded')
        limits.tally.queued += 1
        limits.waiting[(waitsFor = kind)] += 1
      }
      startedMs ??= limits.clock.monotonicMs()
      const leftMs = startedMs + timeoutMs - limits.clock.monotonicMs()
      if (leftMs <= 0) return reject(entrant, asked, hindrance, 'too_late')
      const pauseMs = Math.min(leftMs, Math.max(askAgainMs, Math.min(hindrance.waitMs, longestPauseMs)))
      await limits.pause(pauseMs, presence, hindrance.key)
      if (presence.gone !== undefined) return presence.gone
    }
  } finally {
    if (waitsFor !== undefined) limits.waiting[waitsFor] -= 1
  }
}

/** Nobody tells when another process gives something back, so it is asked for again and again. */
const askAgainMs = 100
const longestPauseMs = 1000

// oxlint-disable-next-line typescript/promise-function-async -- see above
function withoutShared(
  entrant: Entrant,
  ticket: Ticket,
  onError: 'local' | 'allow' | 'refuse' = 'local',
): Ticket | Refusal | Promise<Ticket | Refusal> {
  if (onError === 'refuse') return unreachable
  if (onError === 'local') return enter(entrant, ticket)
  const { limits, policy = plainPolicy, exchange } = entrant
  const free = new Ticket(limits, policy, exchange, {
    plan: ticket.plan,
    standIn: ticket.standIn,
    demands: [],
    slots: [],
  })
  return enter(entrant, free)
}

const unreachable = refuse(
  'overloaded',
  'Cannot accept the request: the counters of its limits cannot be reached, try again later',
  { retryAfterMs: 1000 },
)
const stopped = refuse('shutting_down', 'Cannot answer: the server is shutting down', { retryAfterMs: 1000 })

function wantsOf(
  { limits, caller, tellsApart, call, exchange }: Entrant,
  policy: LimitPolicy,
  { alias }: Plan,
): { readonly demands: readonly Demand[]; readonly slots: readonly SlotDemand[] } {
  const asker: Asker = { caller, tellsApart, client: exchange.client, alias }
  // Counted together, nobody has a share of their own.
  const workers = policy.shared === undefined ? limits.workers : 1
  const demands = demandsOf(policy, asker, workers, () => guessTokens(call))
  return { demands, slots: slotsOf(policy, asker, workers) }
}

function slotsOf({ crowd }: LimitPolicy, asker: Asker, workers: number): readonly SlotDemand[] {
  const own = asker.caller.limits?.concurrent ?? crowd?.perUser ?? 0
  const all = crowd?.all ?? 0
  if (all === 0 && own === 0) return noSlots
  const queue = crowd?.queue ?? noQueue
  const shareOf = (limit: number): number => Math.ceil(limit / workers)
  const slots: SlotDemand[] = []
  if (all > 0) slots.push({ of: 'slots', id: 'c:global:', scope: 'global', limit: all, share: shareOf(all), queue })
  if (own > 0) {
    slots.push({ of: 'slots', id: `c:user:${userOf(asker)}`, scope: 'user', limit: own, share: shareOf(own), queue })
  }
  return slots
}

const noSlots: readonly SlotDemand[] = []
const noQueue = { sizeMax: 0, timeoutMs: 0 }

/** Who answers in its place: held to the limits of that alias, and to no rate that the request has used up. */
function standInFor(entrant: Entrant, ticket: Ticket, { by }: Hindrance): Ticket | undefined {
  const { limits, policy = plainPolicy, exchange, plan } = entrant
  if (by.of === 'slots' || policy.overflow !== 'fallback' || ticket.standIn !== undefined) return undefined
  const other = policy.fallbackFor(plan)
  if (other === undefined) return undefined
  const { demands, slots } = wantsOf(entrant, policy, other)
  const own = demands.filter(({ scope }) => scope === 'model')
  return new Ticket(limits, policy, exchange, { plan: other, standIn: other.alias, demands: own, slots })
}

function kindOf({ by }: Hindrance): 'rate' | 'crowd' {
  return by.of === 'slots' ? 'crowd' : 'rate'
}

function queueOf({ policy = plainPolicy }: Entrant, { by }: Hindrance): { sizeMax: number; timeoutMs: number } {
  return by.of === 'slots' ? by.queue : policy.queue
}

function reject(
  { limits }: Entrant,
  ticket: Ticket,
  hindrance: Hindrance,
  why: 'full' | 'crowded' | 'too_late',
): Refusal {
  limits.tally.rejected += 1
  return refusalOf(ticket, hindrance, why)
}
