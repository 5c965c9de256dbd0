import type { Refusal } from '#core/refusal.ts'
import { Stop, type StopListener } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import { Deadline, type DeadlineOwner, type TimerWheel } from '#ports/timer-wheel.ts'

/** What keeps a request from entering. */
export interface Block {
  /** The line to wait in. */
  readonly key: string
  /** Until it is worth another try; Infinity: somebody must leave first. */
  readonly waitMs: number
}

/** Wants to enter. */
export interface Comer<Why extends Block> {
  /** Takes all that it needs, or nothing; `line` is the one in which it is first. */
  tryEnter(line?: string): Why | undefined
  /** Whether it may go on waiting for this. */
  mayWaitFor(why: Why): boolean
}

/** For whom it is waited. */
export interface Patient {
  readonly gone: Refusal | undefined
  watch(running: Stop): void
}

/** How waiting ended: entered, out of time, nobody left to wait for, or in front of something that is not waited for. */
export type Ending<Why extends Block> = 'entered' | 'too_late' | 'gone' | Why

/**
 * Those who wait, in a line for each thing that is waited for: first come, first served, and nobody waits for what keeps
 * only others. Its sizes are held by those who send somebody here.
 */
export class WaitingRoom<Why extends Block> {
  readonly #lines = new Map<string, Line<Why>>()
  readonly #clock: Clock
  readonly #wheel: TimerWheel
  #size = 0

  constructor(clock: Clock, wheel: TimerWheel) {
    this.#clock = clock
    this.#wheel = wheel
  }

  get size(): number {
    return this.#size
  }

  /** Somebody who came earlier waits for it. */
  isAwaited(key: string): boolean {
    return this.#size > 0 && this.#lines.has(key)
  }

  /** `timeoutMs`: at least one. */
  async wait(comer: Comer<Why>, why: Why, timeoutMs: number, patient: Patient): Promise<Ending<Why>> {
    if (patient.gone !== undefined) return 'gone'
    const waiter = new Waiter(comer, (left) => this.#leave(left))
    this.#size += 1
    this.#join(waiter, why)
    this.#wheel.arm(waiter.deadline, Math.max(1, timeoutMs))
    const running = new Stop()
    running.tell(waiter)
    patient.watch(running)
    const ending = await waiter.ending
    this.#size -= 1
    this.#wheel.disarm(waiter.deadline)
    running.forget(waiter)
    return ending
  }

  /** There may be some of it again. */
  wake(key: string): void {
    const line = this.#lines.get(key)
    if (line === undefined) return
    line.cancel?.()
    line.cancel = undefined
    for (const waiter of line.waiters) {
      const why = waiter.comer.tryEnter(key)
      if (why?.key === key) {
        this.#wakeLater(line, why)
        break
      }
      line.waiters.delete(waiter)
      if (why === undefined) waiter.end('entered')
      else if (waiter.comer.mayWaitFor(why)) this.#join(waiter, why)
      else waiter.end(why)
    }
    this.#closeIfEmpty(line)
  }

  #join(waiter: Waiter<Why>, why: Why): void {
    let line = this.#lines.get(why.key)
    if (line === undefined) this.#lines.set(why.key, (line = new Line(why.key)))
    line.waiters.add(waiter)
    waiter.line = line
    if (line.waiters.size === 1) this.#wakeLater(line, why)
  }

  #wakeLater(line: Line<Why>, { waitMs }: Why): void {
    line.cancel?.()
    if (waitMs !== Infinity) line.cancel = this.#clock.after(Math.max(1, Math.ceil(waitMs)), () => this.wake(line.key))
  }

  /** It waits no longer; those behind it may be let in by what it did not take. */
  #leave(waiter: Waiter<Why>): void {
    const { line } = waiter
    if (line === undefined) return
    line.waiters.delete(waiter)
    this.#closeIfEmpty(line)
    if (line.waiters.size > 0) this.wake(line.key)
  }

  #closeIfEmpty(line: Line<Why>): void {
    if (line.waiters.size > 0) return
    line.cancel?.()
    line.cancel = undefined
    if (this.#lines.get(line.key) === line) this.#lines.delete(line.key)
  }
}

class Line<Why extends Block> {
  readonly key: string
  /** In the order of their coming. */
  readonly waiters = new Set<Waiter<Why>>()
  cancel: (() => void) | undefined

  constructor(key: string) {
    this.key = key
  }
}

class Waiter<Why extends Block> implements DeadlineOwner, StopListener {
  readonly comer: Comer<Why>
  readonly deadline = new Deadline(this)
  readonly ending: Promise<Ending<Why>>
  line: Line<Why> | undefined
  readonly #resolve: (ending: Ending<Why>) => void
  readonly #leave: (waiter: Waiter<Why>) => void
  #isOver = false

  constructor(comer: Comer<Why>, leave: (waiter: Waiter<Why>) => void) {
    this.comer = comer
    this.#leave = leave
    const { promise, resolve } = Promise.withResolvers<Ending<Why>>()
    this.ending = promise
    this.#resolve = resolve
  }

  end(ending: Ending<Why>): void {
    if (this.#isOver) return
    this.#isOver = true
    this.line = undefined
    this.#resolve(ending)
  }

  onDue(): void {
    this.#giveUp('too_late')
  }

  onStop(): void {
    this.#giveUp('gone')
  }

  #giveUp(why: 'too_late' | 'gone'): void {
    if (this.#isOver) return
    this.#leave(this)
    this.end(why)
  }
}
