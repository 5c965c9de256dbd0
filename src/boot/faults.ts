import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'

/** How long the same mistake is told only once, and how long mistakes are counted together. */
const quietMs = 10_000

/** More within that time are no mistakes in a corner any more. */
const burstMin = 100

// Limit: different mistakes that are told within that time; more are only counted.
const kindsMax = 100

/** Mistakes that nobody caught. One in a corner must not end every stream: it is counted and told, the process goes on. */
export class Faults {
  readonly #clock: Clock
  readonly #log: Log
  /** When each was told last, and how often it came since. */
  readonly #told = new Map<string, { readonly atMs: number; since: number }>()
  readonly #onFault = (reason: unknown): void => this.take(reason)
  #count = 0
  #burst = { sinceMs: 0, count: 0 }

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** Since the start. */
  get count(): number {
    return this.#count
  }

  /** From now on the process does not end for one of them. */
  watch(): void {
    process.on('unhandledRejection', this.#onFault)
    process.on('uncaughtException', this.#onFault)
  }

  unwatch(): void {
    process.off('unhandledRejection', this.#onFault)
    process.off('uncaughtException', this.#onFault)
  }

  take(fault: unknown): void {
    this.#count += 1
    try {
      this.#tell(fault)
    } catch {
      // Nobody is left to be told: a mistake in the telling would end the process after all.
      this.#count += 1
    }
  }

  #tell(fault: unknown): void {
    const nowMs = this.#clock.monotonicMs()
    this.#countBurst(nowMs)
    const { reason, stack } = wordsOf(fault)
    const before = this.#told.get(reason)
    if (before !== undefined && nowMs - before.atMs < quietMs) {
      before.since += 1
      return
    }
    if (before === undefined && !this.#hasRoom(nowMs)) return
    this.#told.set(reason, { atMs: nowMs, since: 0 })
    const times = before === undefined || before.since === 0 ? undefined : before.since + 1
    this.#log.write('error', 'unhandled_error', { reason, stack, times })
  }

  #countBurst(nowMs: number): void {
    if (nowMs - this.#burst.sinceMs >= quietMs) this.#burst = { sinceMs: nowMs, count: 0 }
    this.#burst.count += 1
    if (this.#burst.count !== burstMin + 1) return
    this.#log.write('error', 'unhandled_errors', { count: this.#burst.count, withinMs: quietMs, inAll: this.#count })
  }

  #hasRoom(nowMs: number): boolean {
    if (this.#told.size < kindsMax) return true
    for (const [reason, { atMs }] of this.#told) if (nowMs - atMs >= quietMs) this.#told.delete(reason)
    return this.#told.size < kindsMax
  }
}

function wordsOf(fault: unknown): { readonly reason: string; readonly stack: string | undefined } {
  return fault instanceof Error
    ? { reason: fault.message === '' ? fault.name : fault.message, stack: fault.stack }
    : { reason: String(fault), stack: undefined }
}
