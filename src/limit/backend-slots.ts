import type { Debt, Debts } from '#core/debts.ts'
import { Stop, type StopListener } from '#kit/stop.ts'
import { Deadline, type DeadlineOwner, type TimerWheel } from '#ports/timer-wheel.ts'
import type { QueuePolicy } from './policy.ts'
import type { Patient } from './queue.ts'
import { Slots } from './slots.ts'

/** Requests that run at each backend, and those that wait until one of several is no longer full. */
export class BackendSlots {
  readonly #slots = new Slots()
  readonly #wheel: TimerWheel
  readonly #waiters = new Set<Waiter>()

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel
  }

  taken(backend: string): number {
    return this.#slots.taken(backend)
  }

  get waiting(): number {
    return this.#waiters.size
  }

  take(backend: string): void {
    this.#slots.take(backend)
  }

  giveBack(backend: string): void {
    this.#slots.giveBack(backend)
    // The first of those who wait for it has it from now on, or whoever comes just then would take it.
    for (const waiter of this.#waiters) {
      // A reload may have lowered the limit.
      if (!waiter.wants.has(backend) || this.#slots.taken(backend) >= waiter.limit) continue
      this.#waiters.delete(waiter)
      this.#slots.take(backend)
      waiter.offer(backend)
      return
    }
  }

  async wait(
    { wants, limit }: { readonly wants: ReadonlySet<string>; readonly limit: number },
    untilMs: number,
    patient: Patient,
    onOffer: (backend: string) => void,
  ): Promise<'free' | 'too_late' | 'gone'> {
    if (patient.gone !== undefined) return 'gone'
    if (untilMs <= 0) return 'too_late'
    const waiter = new Waiter(wants, limit, onOffer, (left) => void this.#waiters.delete(left))
    this.#waiters.add(waiter)
    this.#wheel.arm(waiter.deadline, untilMs)
    const running = new Stop()
    running.tell(waiter)
    patient.watch(running)
    const ending = await waiter.ending
    this.#wheel.disarm(waiter.deadline)
    running.forget(waiter)
    return ending
  }
}

class Waiter implements DeadlineOwner, StopListener {
  readonly wants: ReadonlySet<string>
  readonly deadline = new Deadline(this)
  readonly ending: Promise<'free' | 'too_late' | 'gone'>
  readonly #resolve: (ending: 'free' | 'too_late' | 'gone') => void
  readonly limit: number
  readonly #onOffer: (backend: string) => void
  readonly #leave: (waiter: Waiter) => void

  constructor(
    wants: ReadonlySet<string>,
    limit: number,
    onOffer: (backend: string) => void,
    leave: (waiter: Waiter) => void,
  ) {
    this.wants = wants
    this.limit = limit
    this.#onOffer = onOffer
    this.#leave = leave
    const { promise, resolve } = Promise.withResolvers<'free' | 'too_late' | 'gone'>()
    this.ending = promise
    this.#resolve = resolve
  }

  offer(backend: string): void {
    this.#onOffer(backend)
    this.end('free')
  }

  end(ending: 'free' | 'too_late' | 'gone'): void {
    this.#resolve(ending)
  }

  onDue(): void {
    this.#leave(this)
    this.end('too_late')
  }

  onStop(): void {
    this.#leave(this)
    this.end('gone')
  }
}

/** One request's place at a backend, which moves with it from one to the next. */
export class BackendPlace implements Debt {
  readonly limit: number
  readonly queue: QueuePolicy
  readonly #slots: BackendSlots
  readonly #debts: Debts
  #at: string | undefined
  /** A place that it got after a wait, until it goes there. */
  #offered: string | undefined
  #isOwed = false

  constructor(slots: BackendSlots, limit: number, queue: QueuePolicy, debts: Debts) {
    this.#slots = slots
    this.limit = limit
    this.queue = queue
    this.#debts = debts
  }

  isFull(backend: string): boolean {
    return this.#at !== backend && this.#offered !== backend && this.#slots.taken(backend) >= this.limit
  }

  /** The one that it had is given back. */
  moveTo(backend: string): void {
    // A request that is over takes nothing: nobody would give it back.
    if (this.#at === backend || this.#debts.isPaid) return
    this.leave()
    this.#at = backend
    if (this.#offered === backend) this.#offered = undefined
    else this.#slots.take(backend)
    this.#passOn()
    this.#owe()
  }

  get waiting(): number {
    return this.#slots.waiting
  }

  async wait(wants: ReadonlySet<string>, untilMs: number, patient: Patient): Promise<'free' | 'too_late' | 'gone'> {
    this.#passOn()
    this.#owe()
    return await this.#slots.wait({ wants, limit: this.limit }, untilMs, patient, (backend) => {
      this.#offered = backend
    })
  }

  /** Where it is, its place is given back; the one that it got and where it did not go yet remains. */
  leave(): void {
    const at = this.#at
    this.#at = undefined
    if (at !== undefined) this.#slots.giveBack(at)
  }

  pay(): void {
    this.leave()
    this.#passOn()
  }

  #owe(): void {
    if (this.#isOwed) return
    this.#isOwed = true
    this.#debts.owe(this)
  }

  #passOn(): void {
    const offered = this.#offered
    this.#offered = undefined
    if (offered !== undefined) this.#slots.giveBack(offered)
  }
}
