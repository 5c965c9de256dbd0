import type { Backend } from '#core/candidate.ts'
import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import type { Finding, HealthPolicy } from '#core/health.ts'
import type { Learned, SharedFact } from '#core/shared.ts'
import { Stop } from '#kit/stop.ts'
import type { Log } from '#ports/log.ts'
import type { Random } from '#ports/random.ts'
import { areCheckedAlike } from '#snapshot/health.ts'
import { addressOf, type Health } from '#upstream/health.ts'
import { checkOnce, type CheckedBackend, type CheckPorts } from '#upstream/health-check.ts'

export interface HealthTaskPorts extends CheckPorts {
  readonly random: Random
  readonly log: Log
  /** Where findings go. */
  readonly health: Health
}

/**
 * Asks every backend that is checked for its health, each at its own pace and all beside each other, from the start to
 * the end of the program. As a sink it hears of requests that a backend answered although it counts as down.
 */
export class HealthTask implements ExchangeSink {
  readonly #ports: HealthTaskPorts
  /** Other processes are to know of findings; undefined: there are none. */
  learned: Learned | undefined
  #watches: ReadonlyMap<string, Watch> = new Map()
  #isRunning = false
  /** Checks under way. */
  #underWay = 0
  /** Due, but there are too many under way. */
  readonly #waiting = new Set<Watch>()
  #cancelLook: (() => void) | undefined
  /** How far the wall clock is ahead of the monotonic one. */
  #aheadMs = 0

  constructor(ports: HealthTaskPorts) {
    this.#ports = ports
  }

  /** Checks these backends from now on: at once those of whom too little is known, the others when it is their turn. */
  adopt(checked: ReadonlyMap<string, Backend>): void {
    const { health, clock } = this.#ports
    health.retain(checked.values())
    const before = this.#watches
    const watches = new Map<string, Watch>()
    for (const [name, backend] of checked) {
      if (!isChecked(backend)) continue
      const known = before.get(name)
      const isSame = known !== undefined && addressOf(known.backend) === addressOf(backend)
      const isAskedAlike = isSame && areCheckedAlike(known.backend, backend)
      // A check under way still asks as before, and its finding is nobody's.
      const watch = isAskedAlike ? known : new Watch(backend)
      watches.set(name, watch)
      watch.backend = backend
      if (isAskedAlike && health.recordOf(name)?.state === 'healthy') continue
      if (this.#isRunning) this.#plan(watch, 0)
      else health.expects(name, clock.monotonicMs() + firstCheckMs)
    }
    this.#watches = watches
    for (const [name, watch] of before) if (watches.get(name) !== watch) this.#forget(watch)
    if (this.#isRunning) this.#lookOut()
  }

  /** The first checks come soon, not at once: the first requests of clients need no company. Ends with the signal. */
  start(signal: AbortSignal): void {
    if (signal.aborted) return
    signal.addEventListener('abort', this.#stop, { once: true })
    this.#isRunning = true
    for (const watch of this.#watches.values()) this.#plan(watch, firstCheckMs)
    this.#lookOut()
  }

  readonly #stop = (): void => {
    this.#isRunning = false
    this.#cancelLook?.()
    this.#cancelLook = undefined
    for (const watch of this.#watches.values()) this.#forget(watch)
    this.#watches = new Map()
  }

  /** Another process checked a backend. */
  hear({ key, forMs, finding, state }: Extract<SharedFact, { kind: 'health' }>): void {
    if (this.#isRunning || !this.#watches.has(key)) return
    const { clock, health } = this.#ports
    const nowMs = clock.monotonicMs()
    health.hear(key, finding, state, { nowMs, wallMs: clock.wallMs(), nextDueMs: nowMs + forMs })
  }

  /** Whoever answers a request although checks say that it is down is looked at again. */
  settled({ attempts }: Exchange): void {
    if (!this.#isRunning || this.#ports.health.downCount === 0) return
    const last = attempts.at(-1)
    if (last === undefined || last.failure !== undefined || last.status === undefined) return
    const watch = this.#watches.get(last.backend)
    if (watch === undefined || this.#ports.health.downUntil(last.backend) === undefined) return
    // Not with each of them: what answers requests may well fail its checks for good.
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs - watch.hurriedMs < secondLookMs(watch.backend.health.intervalMs)) return
    watch.hurriedMs = nowMs
    this.#plan(watch, 0)
  }

  #plan(watch: Watch, inMs: number): void {
    const { clock, health } = this.#ports
    if (watch.isUnderWay) return
    watch.cancel?.()
    this.#waiting.delete(watch)
    health.expects(watch.backend.name, clock.monotonicMs() + inMs)
    watch.cancel = clock.after(inMs, () => {
      watch.cancel = undefined
      this.#begin(watch)
    })
  }

  #begin(watch: Watch): void {
    if (this.#underWay >= atOnceMax) {
      this.#waiting.add(watch)
      return
    }
    this.#waiting.delete(watch)
    this.#underWay += 1
    void this.#check(watch)
  }

  async #check(watch: Watch): Promise<void> {
    const { clock, health, random } = this.#ports
    const { backend } = watch
    const startedMs = clock.monotonicMs()
    watch.stop = new Stop()
    health.expects(backend.name, startedMs + backend.health.timeoutMs)
    const finding = await checkOnce(this.#ports, backend, watch.stop)
    watch.stop = undefined
    this.#underWay -= 1
    const [next] = this.#waiting
    if (next !== undefined) this.#begin(next)
    if (!this.#isRunning || this.#watches.get(backend.name) !== watch) return
    // The policy may be newer than the check.
    const policy = watch.backend.health
    const nowMs = clock.monotonicMs()
    const times = { nowMs, wallMs: clock.wallMs(), nextDueMs: nowMs }
    this.#tell(backend.name, health.note(backend.name, finding, policy, times), finding, policy)
    const { intervalMs } = policy
    const pauseMs = health.isInDoubt(backend.name) ? secondLookMs(intervalMs) : intervalMs
    const jitter = 1 - jitterShare + 2 * jitterShare * random.unit()
    const inMs = Math.max(0, startedMs + pauseMs * jitter - nowMs)
    const state = health.recordOf(backend.name)?.state ?? 'unknown'
    // A fact of no time at all would take back the one before it.
    this.learned?.({ kind: 'health', key: backend.name, forMs: Math.max(1, inMs), finding, state })
    this.#plan(watch, inMs)
  }

  #tell(backend: string, change: 'down' | 'up' | undefined, finding: Finding, policy: HealthPolicy): void {
    const { log } = this.#ports
    if (change === 'up' && finding.kind === 'well') {
      log.write('info', 'backend_up', { backend, latencyMs: Math.round(finding.latencyMs) })
    }
    if (change === 'down' && finding.kind !== 'well') {
      log.write('warn', 'backend_down', { backend, reason: finding.reason, everyMs: policy.intervalMs })
    }
  }

  #forget(watch: Watch): void {
    watch.cancel?.()
    watch.cancel = undefined
    this.#waiting.delete(watch)
    watch.stop?.ask()
  }

  /** While the machine slept the monotonic clock stood still, and what was known is of another time. */
  #lookOut(): void {
    this.#cancelLook?.()
    this.#cancelLook = undefined
    if (this.#watches.size === 0) return
    this.#aheadMs = this.#ahead()
    this.#cancelLook = this.#ports.clock.after(lookMs, this.#look)
  }

  readonly #look = (): void => {
    const before = this.#aheadMs
    this.#aheadMs = this.#ahead()
    this.#cancelLook = this.#ports.clock.after(lookMs, this.#look)
    if (this.#aheadMs - before <= sleptMs) return
    for (const watch of this.#watches.values()) this.#plan(watch, 0)
  }

  #ahead(): number {
    const { clock } = this.#ports
    return clock.wallMs() - clock.monotonicMs()
  }
}

/** One backend under watch. */
class Watch {
  /** The newest configuration of it. */
  backend: CheckedBackend
  /** Takes back the next check. */
  cancel: (() => void) | undefined
  /** Ends the check under way. */
  stop: Stop | undefined
  /** When its next check was last put forward. */
  hurriedMs = -Infinity

  constructor(backend: CheckedBackend) {
    this.backend = backend
  }

  get isUnderWay(): boolean {
    return this.stop !== undefined
  }
}

/** Limit: checks at once; the others wait for one of them to end. */
const atOnceMax = 500

/** From the start to the first checks. */
export const firstCheckMs = 100

const lookMs = 1000

/** A lead of the wall clock that grows by more than this between two looks means that the machine slept. */
const sleptMs = 5000

/** How much a pause varies in both directions, so that many backends, and many gateways, do not ask in step. */
const jitterShare = 0.1

/** A finding that speaks against what is known is looked at again soon, or news would take several intervals. */
function secondLookMs(intervalMs: number): number {
  return Math.min(intervalMs, Math.max(intervalMs / 10, 1000))
}

function isChecked(backend: Backend): backend is CheckedBackend {
  return backend.health !== undefined
}
