import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'
import { Faults } from './faults.ts'
import { availableMemory, MemoryWatch } from './memory.ts'
import { Watchdog } from './watchdog.ts'

export interface LookoutPorts {
  readonly clock: Clock
  readonly log: Log
  /** `server.memory_limit` of the running configuration. */
  readonly memoryLimit: () => number | undefined
  /** Requests that are on the road. */
  readonly inFlight: () => number
}

/** Looks after the process itself: mistakes that nobody caught, memory that runs short, a loop that stands still. */
export class Lookout {
  readonly faults: Faults
  readonly memory: MemoryWatch
  readonly #watchdog: Watchdog

  constructor({ clock, log, memoryLimit, inFlight }: LookoutPorts) {
    this.faults = new Faults(clock, log)
    this.memory = new MemoryWatch({
      clock,
      log,
      limit: memoryLimit,
      available: availableMemory(),
      held: () => process.memoryUsage.rss(),
      collect: () => Bun.gc(true),
    })
    this.#watchdog = new Watchdog({ clock, log, inFlight })
  }

  get pauses(): Watchdog['pauses'] {
    return this.#watchdog.pauses
  }

  start(): void {
    this.faults.watch()
    this.memory.start()
    this.#watchdog.start()
  }

  stop(): void {
    this.faults.unwatch()
    this.memory.stop()
    this.#watchdog.stop()
  }
}
