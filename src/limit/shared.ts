import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import type { Redis, RedisScript } from '#ports/redis.ts'
import type { Demand } from './demand.ts'
import type { LimitState } from './headers.ts'
import { takenOf, type Hindrance, type SlotDemand } from './ticket.ts'
import type { Counting, SharedPolicy } from './policy.ts'
import { correctScript, holdScript, leaveScript, takeScript } from './shared-scripts.ts'
import type { Slots } from './slots.ts'

export interface SharedParts {
  readonly clock: Clock
  readonly log: Log | undefined
  /** Names this process among those that share. */
  readonly processId: string
  readonly policy: SharedPolicy
  readonly open: (url: string) => Promise<Redis>
  /** What runs in this process. */
  readonly slots: Slots
  readonly leaseMs?: number
}

export type SharedOutcome =
  | { readonly kind: 'taken'; readonly marks: Marks }
  | { readonly kind: 'hindered'; readonly hindrance: Hindrance }
  /** Nobody answered in time. */
  | { readonly kind: 'down' }

/** What was counted where, for each meter in the order of its demand. */
export class Marks {
  readonly #numbers: readonly number[]

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  /** Where it was counted. */
  at(index: number): number {
    return this.#numbers[index * 3 + 2] ?? 0
  }

  states(demands: readonly Demand[]): readonly LimitState[] {
    return demands.map(({ of, rate }, index) => ({
      of,
      limit: rate.limit,
      used: this.#numbers[index * 3] ?? 0,
      resetMs: this.#numbers[index * 3 + 1] ?? 0,
    }))
  }
}

/**
 * Counts together with other processes in one Redis. Nobody waits for it longer than its timeout: who is late or fails is
 * left alone for a while, and every request is told at once that it is not there; then one of them tries it again.
 */
export class SharedLimits {
  readonly #parts: SharedParts
  #redis: Redis | undefined
  #opening: Promise<Redis> | undefined
  #downUntilMs = -Infinity
  #restMs = restMsMin
  #isDown = false
  #isClosed = false
  /** Places that are being asked for, by key. */
  readonly #asked = new Map<string, number>()
  #isHolding = false
  /** Places that others may think we have: they are told also when we have none any more. */
  readonly #told = new Set<string>()

  readonly #leaseMs: number

  constructor(parts: SharedParts) {
    this.#parts = parts
    this.#leaseMs = parts.leaseMs ?? defaultLeaseMs
  }

  get state(): 'up' | 'down' {
    return this.#isDown ? 'down' : 'up'
  }

  /** Takes everything or nothing, in one step for all processes. */
  async take(demands: readonly Demand[], slots: readonly SlotDemand[], counting: Counting): Promise<SharedOutcome> {
    const { processId, clock } = this.#parts
    const keys = [...demands.map(({ id }) => this.#key(id, counting)), ...slots.map(({ id }) => this.#key(id))]
    const values = [String(demands.length), String(slots.length), processId, String(this.#leaseMs)]
    for (const demand of demands) {
      const { limit, windowMs } = demand.rate
      const holds = Math.max(limit * counting.burst, Math.min(1, demand.amount))
      values.push(kindOf(counting), String(limit), String(windowMs), String(takenOf(demand)), String(holds))
    }
    for (const { limit } of slots) values.push(String(limit))
    for (const { id } of slots) this.#asked.set(id, (this.#asked.get(id) ?? 0) + 1)
    const answer = await this.#run(takeScript, keys, values)
    for (const { id } of slots) {
      const left = (this.#asked.get(id) ?? 1) - 1
      if (left > 0) this.#asked.set(id, left)
      else this.#asked.delete(id)
    }
    if (answer === undefined) {
      if (slots.length > 0) this.#hold()
      return { kind: 'down' }
    }
    const numbers = numbersIn(answer, 3 + demands.length * 3)
    if (numbers === undefined) {
      this.#fail(clock.monotonicMs())
      return { kind: 'down' }
    }
    const [isTaken = 0, place = 0, waitMs = 0, ...marks] = numbers
    if (isTaken === 1) {
      if (slots.length > 0) this.#hold()
      return { kind: 'taken', marks: new Marks(marks) }
    }
    const by = demands[place - 1] ?? slots[place - 1 - demands.length]
    if (by === undefined) return { kind: 'down' }
    return { kind: 'hindered', hindrance: { key: by.id, waitMs: waitMs < 0 ? Infinity : waitMs, by } }
  }

  /** A demand came to more or less than was taken. */
  correct(demand: Demand, mark: number, over: number, counting: Counting): void {
    const { limit, windowMs } = demand.rate
    const values = [kindOf(counting), String(limit), String(windowMs), String(over), String(mark)]
    void this.#run(correctScript, [this.#key(demand.id, counting)], values)
  }

  /** A request ended that had this place. */
  leave(id: string): void {
    void this.#run(leaveScript, [this.#key(id)], [this.#parts.processId, String(this.#leaseMs)])
  }

  close(): void {
    this.#isClosed = true
    this.#redis?.close()
    this.#redis = undefined
  }

  #key(id: string, counting?: Counting): string {
    return `${this.#parts.policy.keyPrefix}limit:${counting === undefined ? '' : `${kindOf(counting)}:`}${id}`
  }

  /** While requests run here, their places are kept: a process that dies loses them after a while. */
  #hold(): void {
    if (this.#isHolding || this.#isClosed) return
    this.#isHolding = true
    this.#parts.clock.after(this.#leaseMs / 3, () => {
      this.#isHolding = false
      void this.#holdNow()
    })
  }

  async #holdNow(): Promise<void> {
    const { slots, processId } = this.#parts
    const keys: string[] = []
    const counts: string[] = []
    for (const [id] of slots) this.#told.add(id)
    const ended: string[] = []
    for (const id of this.#told) {
      const count = slots.taken(id)
      const asked = this.#asked.get(id) ?? 0
      keys.push(this.#key(id))
      counts.push(String(count), String(count + asked))
      if (count === 0 && asked === 0) ended.push(id)
    }
    if (keys.length === 0) return
    this.#hold()
    for (const id of ended) this.#told.delete(id)
    await this.#run(holdScript, keys, [processId, String(this.#leaseMs), ...counts])
  }

  /** Undefined: it is down. */
  async #run(script: RedisScript, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const { clock, policy } = this.#parts
    const startedMs = clock.monotonicMs()
    if (this.#isClosed || startedMs < this.#downUntilMs) return undefined
    // Of those that come while it is not known to be back, one tries it out.
    if (this.#isDown) this.#downUntilMs = startedMs + policy.timeoutMs
    const late = Promise.withResolvers<undefined>()
    const cancel = clock.after(policy.timeoutMs, () => late.resolve(undefined))
    try {
      const asked = this.#ask(script, keys, values)
      const answer = await Promise.race([asked, late.promise])
      if (answer === undefined || answer === null) {
        // It comes too late for anybody, and the connection may be dead.
        asked.catch(() => {})
        if (answer === undefined) this.#redis?.close()
        this.#fail(clock.monotonicMs())
        return undefined
      }
      this.#works()
      return answer
    } catch {
      this.#fail(clock.monotonicMs())
      return undefined
    } finally {
      cancel()
    }
  }

  async #ask(script: RedisScript, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const { open, policy } = this.#parts
    this.#opening ??= open(policy.url)
    this.#redis ??= await this.#opening
    return await this.#redis.run(script, keys, values)
  }

  #fail(nowMs: number): void {
    this.#downUntilMs = nowMs + this.#restMs
    this.#restMs = Math.min(this.#restMs * 2, restMsMax)
    if (this.#isDown) return
    this.#isDown = true
    this.#parts.log?.write('warn', 'limits_not_shared', { onError: this.#parts.policy.onError })
  }

  #works(): void {
    this.#downUntilMs = -Infinity
    this.#restMs = restMsMin
    if (!this.#isDown) return
    this.#isDown = false
    this.#parts.log?.write('info', 'limits_shared', {})
  }
}

/** Milliseconds for which it is left alone: at first, and at most. */
const restMsMin = 500
const restMsMax = 5000

/** Milliseconds after which the places of a process are free that does not tell that it still has them. */
const defaultLeaseMs = 15_000

function kindOf({ algorithm }: Counting): 'w' | 'b' {
  return algorithm === 'token_bucket' ? 'b' : 'w'
}

/** Undefined: whoever answered does not know what was asked. */
function numbersIn(answer: unknown, count: number): number[] | undefined {
  if (!Array.isArray(answer) || answer.length !== count) return undefined
  const values: readonly unknown[] = answer
  const numbers = values.map(Number)
  return numbers.every(Number.isFinite) ? numbers : undefined
}
