import type { Clock } from '#ports/clock.ts'
import type { Level, Log } from '#ports/log.ts'

/** How often it looks; a pause is seen with this much of a doubt. */
const everyMs = 200

/** A pause is told at most this often, the longest one with the number of all. */
const quietMs = 10_000

/** How long a pause must be to be told, longest first. */
const levels: readonly { readonly fromMs: number; readonly level: Level }[] = [
  { fromMs: 5000, level: 'error' },
  { fromMs: 1000, level: 'warn' },
  { fromMs: 200, level: 'debug' },
]

export interface WatchdogPorts {
  readonly clock: Clock
  readonly log: Log
  /** Requests that are on the road, all of which had to wait. */
  readonly inFlight: () => number
}

/**
 * Notices that the process stood still: meanwhile nothing was read, written or timed for anybody. Work that takes too
 * long in one go, a machine without time to spare, or a process that was stopped are the causes.
 */
export class Watchdog {
  readonly #ports: WatchdogPorts
  #cancel: (() => void) | undefined
  #dueMs = 0
  #longestMs = 0
  #times = 0
  /** How late the last look was, and what pauses came to since the start. */
  readonly pauses = { lagMs: 0, count: 0, totalMs: 0 }
  #inFlight = 0
  #toldMs = -quietMs

  constructor(ports: WatchdogPorts) {
    this.#ports = ports
  }

  start(): void {
    const { clock } = this.#ports
    this.#dueMs = clock.monotonicMs() + everyMs
    this.#cancel = clock.after(everyMs, this.#look)
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  readonly #look = (): void => {
    const nowMs = this.#ports.clock.monotonicMs()
    const lateMs = nowMs - this.#dueMs
    this.start()
    this.pauses.lagMs = Math.max(0, lateMs)
    if (lateMs >= everyMs) {
      this.#times += 1
      this.pauses.count += 1
      this.pauses.totalMs += lateMs
      if (lateMs > this.#longestMs) {
        this.#longestMs = lateMs
        this.#inFlight = this.#ports.inFlight()
      }
    }
    if (this.#times > 0 && nowMs - this.#toldMs >= quietMs) this.#tell(nowMs)
  }

  #tell(nowMs: number): void {
    const forMs = Math.round(this.#longestMs)
    const times = this.#times === 1 ? undefined : this.#times
    const level = levels.find(({ fromMs }) => forMs >= fromMs)?.level ?? 'debug'
    this.#ports.log.write(level, 'process_stalled', { forMs, inFlight: this.#inFlight, times })
    this.#toldMs = nowMs
    this.#longestMs = 0
    this.#times = 0
  }
}
