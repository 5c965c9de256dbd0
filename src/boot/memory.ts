import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { Clock } from '#ports/clock.ts'
import type { Log } from '#ports/log.ts'

/** How often it is looked how much memory the process holds. */
const everyMs = 1000

/** While memory is short, how many looks pass until garbage is collected once more: that stops everything else. */
const looksPerCollection = 10

/** Of what there is, where no limit is configured. */
const share = 0.8

/** Below this share of the limit there is room again; right at the limit it would come and go. */
const roomShare = 0.95

export interface MemoryPorts {
  readonly clock: Clock
  readonly log: Log
  /** `server.memory_limit`: undefined for a share of what there is, 0 for none. */
  readonly limit: () => number | undefined
  /** What the container or the machine has; undefined when nobody can tell. */
  readonly available: number | undefined
  /** What the process holds. */
  readonly held: () => number
  /** Gives back what is not needed any more. */
  readonly collect: () => void
}

/** Knows whether memory is short. Then large bodies are refused, so that those who are being served can be served on. */
export class MemoryWatch {
  /** Read with every request. */
  isHigh = false
  readonly #ports: MemoryPorts
  #cancel: (() => void) | undefined
  #looks = 0

  constructor(ports: MemoryPorts) {
    this.#ports = ports
  }

  start(): void {
    this.#look()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  readonly #look = (): void => {
    this.#cancel = this.#ports.clock.after(everyMs, this.#look)
    const limit = this.#limit()
    const shortFrom = this.isHigh ? limit * roomShare : limit
    let held = this.#ports.held()
    this.#looks = held >= shortFrom ? this.#looks + 1 : 0
    if (this.#looks % looksPerCollection === 1) {
      // Much of it may be garbage that nobody had a reason to collect.
      this.#ports.collect()
      held = this.#ports.held()
    }
    const isHigh = held >= shortFrom
    if (isHigh === this.isHigh) return
    this.isHigh = isHigh
    const facts = { heldMb: megabytes(held), limitMb: megabytes(limit) }
    this.#ports.log.write(isHigh ? 'warn' : 'info', isHigh ? 'memory_short' : 'memory_enough', facts)
  }

  #limit(): number {
    const { available } = this.#ports
    const wanted = this.#ports.limit()
    if (wanted === 0) return Infinity
    return wanted ?? (available === undefined ? Infinity : available * share)
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 ** 2)
}

/** The memory that this process may use at most: its container's or unit's, or the machine's. */
export function availableMemory(
  read: (file: string) => string = (file) => readFileSync(file, 'utf8'),
  total: () => number = totalmem,
): number | undefined {
  // Where little of /proc can be seen, the system's own answer is no number of bytes.
  const found = [controlGroupLimit(read), total()].filter((bytes) => bytes !== undefined && bytes >= plausibleMin)
  const smallest = Math.min(...found.map(Number))
  return Number.isFinite(smallest) ? smallest : undefined
}

/** The least memory that a container, a unit or a slice around this process allows; undefined where none of them does. */
export function controlGroupLimit(read: (file: string) => string): number | undefined {
  const limits = controlGroupFiles(read).map((file) => numberIn(file, read))
  const found = limits.filter((bytes) => bytes !== undefined && bytes >= plausibleMin && bytes < unlimitedMin)
  return found.length === 0 ? undefined : Math.min(...found.map(Number))
}

/** The files with the limits of the process's own group and of every one around it, in both forms of control groups. */
function controlGroupFiles(read: (file: string) => string): string[] {
  const groups = textIn('/proc/self/cgroup', read)
  const [, unified = '/'] = /^0::(\/.*)$/m.exec(groups) ?? []
  const [, older = '/'] = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m.exec(groups) ?? []
  return [
    ...foldersUp(unified).map((folder) => `/sys/fs/cgroup${folder}/memory.max`),
    ...foldersUp(older).map((folder) => `/sys/fs/cgroup/memory${folder}/memory.limit_in_bytes`),
  ]
}

/** `/a/b` → `/a/b`, `/a`, and the root as an empty text. */
function foldersUp(path: string): string[] {
  const steps = path.split('/').filter((step) => step !== '')
  return Array.from({ length: steps.length + 1 }, (_, less) =>
    steps
      .slice(0, steps.length - less)
      .map((step) => `/${step}`)
      .join(''),
  )
}

/** Smaller ones are no limits: the runtime alone needs more. */
const plausibleMin = 16 * 1024 ** 2

/** Where nothing is set, the older form tells a number beyond all memory. */
const unlimitedMin = 2 ** 60

function numberIn(file: string, read: (file: string) => string): number | undefined {
  const text = textIn(file, read).trim()
  return /^\d+$/.test(text) ? Number(text) : undefined
}

function textIn(file: string, read: (file: string) => string): string {
  try {
    return read(file)
  } catch {
    // Other systems, and machines without control groups, have no such file.
    return ''
  }
}
