import type { Debts } from '#core/debts.ts'
import { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { Redis } from '#ports/redis.ts'
import type { TimerWheel } from '#ports/timer-wheel.ts'
import { BackendPlace, BackendSlots } from './backend-slots.ts'
import type { Demand, Scope } from './demand.ts'
import { MeterShelf, type Meter } from './meter.ts'
import type { Counting, LimitPolicy, SharedPolicy } from './policy.ts'
import { WaitingRoom, type Patient } from './queue.ts'
import type { SharedLimits } from './shared.ts'
import { Slots } from './slots.ts'
import type { Hindrance } from './ticket.ts'

export interface LimitParts {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly log?: Log
  /** Processes that serve together; each holds its share. */
  readonly workers?: number
  /** Names this process to those that share counters with it. */
  readonly processId?: string
  readonly openRedis?: (url: string) => Promise<Redis>
}

/** What was taken of every limit, and who runs and waits. Survives reloads, and is told the limits at each use. */
export class Limits {
  readonly slots = new Slots()
  readonly backends: BackendSlots
  readonly room: WaitingRoom<Hindrance>
  readonly clock: Clock
  readonly workers: number
  /** How often each way of saying no, or later, was taken since the start. */
  readonly tally = { rejected: 0, queued: 0, fellBack: 0, withoutShared: 0 }
  /** Requests that wait for a rate, and for others to end. */
  readonly waiting = { rate: 0, crowd: 0 }
  readonly #shelves: Readonly<Record<Scope, MeterShelf>> = {
    global: new MeterShelf(),
    user: new MeterShelf(),
    ip: new MeterShelf(),
    model: new MeterShelf(),
  }
  readonly #parts: LimitParts
  /** Those who wait before they ask others again, by what they wait for. */
  readonly #pauses = new Map<string, Set<() => void>>()
  #shared: { readonly policy: SharedPolicy; readonly opening: Promise<SharedLimits>; limits?: SharedLimits } | undefined

  constructor(parts: LimitParts) {
    this.#parts = parts
    this.clock = parts.clock
    this.workers = parts.workers ?? 1
    this.backends = new BackendSlots(parts.wheel)
    this.room = new WaitingRoom(parts.clock, parts.wheel)
  }

  meterOf({ scope, id }: Demand, counting: Counting): Meter {
    return this.#shelves[scope].meterOf(id, counting)
  }

  /** A request's place at backends; undefined: any number may run there. */
  placeFor({ crowd }: LimitPolicy, debts: Debts): BackendPlace | undefined {
    if (crowd === undefined || crowd.perBackend === 0) return undefined
    return new BackendPlace(this.backends, Math.ceil(crowd.perBackend / this.workers), crowd.queue, debts)
  }

  /** Callers, addresses and models of which something is remembered. */
  sizeOf(scope: Scope): number {
    return this.#shelves[scope].size
  }

  /** A configuration begins to serve: what is counted elsewhere is connected to. */
  adopt(policy: LimitPolicy | undefined): void {
    const wanted = policy?.shared
    const old = this.#shared
    if (wanted !== undefined && old !== undefined && isSame(old.policy, wanted)) return
    this.#shared = undefined
    if (old !== undefined) void old.opening.then((limits) => limits.close())
    if (wanted !== undefined) this.#shared = { policy: wanted, opening: this.#open(wanted) }
  }

  /** At the start there is a moment in which they are not there yet. Undefined: another configuration holds by now. */
  sharedBy(policy: SharedPolicy): SharedLimits | Promise<SharedLimits> | undefined {
    const shared = this.#shared
    return shared !== undefined && isSame(shared.policy, policy) ? (shared.limits ?? shared.opening) : undefined
  }

  /** Undefined: nothing is shared. */
  get sharing(): SharedLimits['state'] | 'connecting' | undefined {
    return this.#shared === undefined ? undefined : (this.#shared.limits?.state ?? 'connecting')
  }

  /** Waits, but not for someone who is gone, and no longer than until some of `key` is given back here. */
  async pause(ms: number, patient: Patient, key: string): Promise<void> {
    if (patient.gone !== undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiting = new Stop()
    waiting.tell({ onStop: resolve })
    patient.watch(waiting)
    const cancel = this.clock.after(ms, resolve)
    const pauses = this.#pauses.get(key) ?? new Set()
    this.#pauses.set(key, pauses.add(resolve))
    await promise
    cancel()
    pauses.delete(resolve)
    if (pauses.size === 0) this.#pauses.delete(key)
  }

  /** Some of it was given back to others as well as to us: who has paused longest asks for it. */
  nudge(key: string): void {
    const pauses = this.#pauses.get(key)
    const [first] = pauses ?? []
    if (first === undefined) return
    pauses?.delete(first)
    first()
  }

  close(): void {
    this.adopt(undefined)
  }

  async #open(policy: SharedPolicy): Promise<SharedLimits> {
    const { SharedLimits } = await import('./shared.ts')
    const { clock, log, processId = 'process' } = this.#parts
    const open = this.#parts.openRedis ?? (async (url: string) => (await import('#ports/redis.ts')).openRedis(url))
    const limits = new SharedLimits({ clock, log, processId, policy, open, slots: this.slots })
    if (this.#shared?.policy === policy) this.#shared.limits = limits
    return limits
  }
}

function isSame(one: SharedPolicy, other: SharedPolicy): boolean {
  return (
    one.url === other.url &&
    one.keyPrefix === other.keyPrefix &&
    one.timeoutMs === other.timeoutMs &&
    one.onError === other.onError
  )
}
