import type { Debt } from '#core/debts.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import type { HeaderList } from '#kit/header-list.ts'
import type { Demand } from './demand.ts'
import { limitHeaders, type LimitState } from './headers.ts'
import type { Limits } from './limits.ts'
import { saneAmount, type Meter } from './meter.ts'
import type { LimitPolicy, QueuePolicy } from './policy.ts'
import type { Block, Comer } from './queue.ts'
import type { Marks, SharedLimits } from './shared.ts'

/** A place among those that run at a time. */
export interface SlotDemand {
  readonly of: 'slots'
  readonly id: string
  readonly scope: 'global' | 'user'
  readonly limit: number
  readonly share: number
  readonly queue: QueuePolicy
}

/** What keeps a request from entering, and until when. */
export interface Hindrance extends Block {
  readonly by: Demand | SlotDemand
}

/** All that one request takes of limits: nothing, or everything at once. What it took is owed by its exchange. */
export class Ticket implements Debt, Comer<Hindrance> {
  /** Who is to answer. */
  readonly plan: Plan
  /** The alias that answers above a limit in place of the asked one. */
  readonly standIn: string | undefined
  readonly demands: readonly Demand[]
  readonly slots: readonly SlotDemand[]
  readonly #limits: Limits
  readonly #policy: LimitPolicy
  readonly #exchange: Exchange
  #takenMs: number | undefined
  /** Of each demand, as of the last try: looking them up costs more than counting. */
  #meters: readonly Meter[] = noMeters
  /** Where it was taken from, if not from this process's own. */
  #shared: { readonly limits: SharedLimits; readonly marks: Marks } | undefined

  constructor(
    limits: Limits,
    policy: LimitPolicy,
    exchange: Exchange,
    wants: {
      readonly plan: Plan
      readonly standIn?: string | undefined
      readonly demands: readonly Demand[]
      readonly slots: readonly SlotDemand[]
    },
  ) {
    this.#limits = limits
    this.#policy = policy
    this.#exchange = exchange
    this.plan = wants.plan
    this.standIn = wants.standIn
    this.demands = wants.demands
    this.slots = wants.slots
  }

  /** What it takes must be known at its end. */
  get countsTokens(): boolean {
    return this.demands.some(({ of }) => of === 'tokens')
  }

  tryEnter(line?: string): Hindrance | undefined {
    const nowMs = this.#limits.clock.monotonicMs()
    const hindrance = this.#hindrance(nowMs, line)
    if (hindrance === undefined) this.#take(nowMs)
    return hindrance
  }

  mayWaitFor({ by, waitMs }: Hindrance): boolean {
    if (by.of === 'slots') return true
    const { overflow, queue } = this.#policy
    return overflow === 'queue' && !(by.of === 'requests' && waitMs > queue.timeoutMs)
  }

  /** The counters that are shared said yes. */
  enterBy(limits: SharedLimits, marks: Marks): void {
    this.#shared = { limits, marks }
    this.#takenMs = this.#limits.clock.monotonicMs()
    for (const { id } of this.slots) this.#limits.slots.take(id)
    this.#exchange.debts.owe(this)
  }

  /** The request is over: its place is free, and the tokens that it took are known. */
  pay(): void {
    const takenMs = this.#takenMs
    if (takenMs === undefined) return
    this.#takenMs = undefined
    const shared = this.#shared
    for (const { id } of this.slots) {
      this.#limits.slots.giveBack(id)
      shared?.limits.leave(id)
      if (shared !== undefined) this.#limits.nudge(id)
      this.#limits.room.wake(id)
    }
    const nowMs = this.#limits.clock.monotonicMs()
    for (const [index, demand] of this.demands.entries()) {
      if (demand.of !== 'tokens') continue
      const guessed = takenOf(demand)
      const over = tokensOf(this.#exchange, guessed) - guessed
      if (over === 0) continue
      if (shared !== undefined) shared.limits.correct(demand, shared.marks.at(index), over, this.#policy.counting)
      else this.#correct(demand, over, takenMs, nowMs)
    }
  }

  /** How much of each limit is left, of those that are counted here or were told with the permission. */
  states(): readonly LimitState[] {
    if (this.#shared !== undefined) return this.#shared.marks.states(this.demands)
    const nowMs = this.#limits.clock.monotonicMs()
    return this.demands.map((demand) => {
      const meter = this.#limits.meterOf(demand, this.#policy.counting)
      const { of, share } = demand
      return { of, limit: share.limit, used: meter.used(nowMs, share), resetMs: meter.resetMs(nowMs, share) }
    })
  }

  /** Tells the client what is left, in place of what a provider told about its own limits. */
  tell(headers: HeaderList): void {
    if (this.standIn !== undefined) headers.set('x-llm-proxy-fallback', encodeURIComponent(this.standIn))
    if (!this.#policy.tellsClients || this.demands.length === 0) return
    for (const [name] of headers.pairs) if (rateHeader.test(name)) headers.delete(name)
    for (const [name, value] of this.headers()) headers.set(name, value)
  }

  headers(): readonly (readonly [name: string, value: string])[] {
    if (!this.#policy.tellsClients || this.demands.length === 0) return []
    return limitHeaders(this.states(), this.#exchange.dialect, this.#limits.clock.wallMs())
  }

  /** Of several hindrances the one that lasts longest. */
  #hindrance(nowMs: number, line: string | undefined): Hindrance | undefined {
    const { room } = this.#limits
    let worst: Hindrance | undefined
    this.#meters = this.demands.map((demand) => this.#limits.meterOf(demand, this.#policy.counting))
    for (const [index, demand] of this.demands.entries()) {
      const { id, share, amount } = demand
      let waitMs = this.#meters[index]?.waitMs(nowMs, share, this.#policy.counting, amount) ?? 0
      if (waitMs === 0 && id !== line && room.isAwaited(id)) waitMs = 1
      if (waitMs > 0 && (worst === undefined || waitMs > worst.waitMs)) worst = { key: id, waitMs, by: demand }
    }
    if (worst !== undefined) return worst
    for (const slot of this.slots) {
      const isTaken = this.#limits.slots.taken(slot.id) >= slot.share
      if (isTaken || (slot.id !== line && room.isAwaited(slot.id))) return { key: slot.id, waitMs: Infinity, by: slot }
    }
    return undefined
  }

  #take(nowMs: number): void {
    this.#takenMs = nowMs
    for (const [index, demand] of this.demands.entries()) {
      this.#meters[index]?.take(nowMs, demand.share, takenOf(demand))
    }
    for (const { id } of this.slots) this.#limits.slots.take(id)
    this.#exchange.debts.owe(this)
  }

  #correct(demand: Demand, over: number, takenMs: number, nowMs: number): void {
    const meter = this.#limits.meterOf(demand, this.#policy.counting)
    if (over > 0) return meter.take(nowMs, demand.share, over)
    meter.giveBack(nowMs, demand.share, -over, takenMs)
    this.#limits.room.wake(demand.id)
  }
}

const noMeters: readonly Meter[] = []

const rateHeader = /^(?:x-ratelimit|anthropic-ratelimit)-/

/** More than all of it cannot be taken; what was more is found out at the end. */
export function takenOf({ amount, share }: Demand): number {
  return Math.min(amount, share.limit)
}

/** What it came to; where nobody knows, what was guessed, unless nobody answered. */
function tokensOf({ usage, outcome, attempts }: Exchange, guessed: number): number {
  if (usage !== undefined) return saneAmount(usage.inputTokens) + saneAmount(usage.outputTokens)
  return attempts.length === 0 || outcome === 'refused' || outcome === 'failed' ? 0 : guessed
}
