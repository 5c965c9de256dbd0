import type { Clock } from './clock.ts'

/** Is told that a deadline of its has passed. */
export interface DeadlineOwner {
  onDue(): void
}

/** A moment by which something must have happened. Armed again and again over its owner's life, at no cost of memory. */
export class Deadline {
  readonly owner: DeadlineOwner
  dueMs = 0
  /** The line it stands in; undefined while it is not armed. */
  line: Line | undefined
  before: Deadline | undefined
  behind: Deadline | undefined

  constructor(owner: DeadlineOwner) {
    this.owner = owner
  }
}

/**
 * All deadlines of the client on a handful of timers. Deadlines of the same length fall due in the order in which they
 * were armed, so each length has a line of its own and only its first needs a timer.
 */
export class TimerWheel {
  readonly #clock: Clock
  readonly #lines = new Map<number, Line>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `afterMs` from now on; 0 = never. A deadline that was armed before starts over. */
  arm(deadline: Deadline, afterMs: number): void {
    this.disarm(deadline)
    if (afterMs <= 0) return
    let line = this.#lines.get(afterMs)
    if (line === undefined) this.#lines.set(afterMs, (line = new Line(this.#clock, afterMs, this.#lines)))
    line.add(deadline)
  }

  disarm(deadline: Deadline): void {
    deadline.line?.remove(deadline)
  }
}

/** Deadlines of one length, soonest first. */
class Line {
  readonly #clock: Clock
  readonly #afterMs: number
  readonly #lines: Map<number, Line>
  #first: Deadline | undefined
  #last: Deadline | undefined
  #hasTimer = false

  constructor(clock: Clock, afterMs: number, lines: Map<number, Line>) {
    this.#clock = clock
    this.#afterMs = afterMs
    this.#lines = lines
  }

  add(deadline: Deadline): void {
    deadline.line = this
    deadline.dueMs = this.#clock.monotonicMs() + this.#afterMs
    deadline.before = this.#last
    if (this.#last === undefined) this.#first = deadline
    else this.#last.behind = deadline
    this.#last = deadline
    // A timer that is running may belong to one that was taken out; it then looks at who is first.
    if (!this.#hasTimer) this.#wait(this.#afterMs)
  }

  remove(deadline: Deadline): void {
    const { before, behind } = deadline
    if (before === undefined) this.#first = behind
    else before.behind = behind
    if (behind === undefined) this.#last = before
    else behind.before = before
    deadline.before = deadline.behind = deadline.line = undefined
  }

  #wait(ms: number): void {
    this.#hasTimer = true
    this.#clock.after(ms, () => this.#look())
  }

  #look(): void {
    this.#hasTimer = false
    const nowMs = this.#clock.monotonicMs()
    for (let first = this.#first; first !== undefined && first.dueMs <= nowMs; first = this.#first) {
      this.remove(first)
      first.owner.onDue()
    }
    if (this.#first === undefined) {
      // Lengths come and go with the configuration.
      if (!this.#hasTimer) this.#lines.delete(this.#afterMs)
    } else if (!this.#hasTimer) {
      this.#wait(Math.max(1, this.#first.dueMs - nowMs))
    }
  }
}
