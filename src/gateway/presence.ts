import type { Debt } from '#core/debts.ts'
import type { Cuttable, Exchange } from '#core/exchange.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import { Deadline, type DeadlineOwner, type TimerWheel } from '#ports/timer-wheel.ts'
import { idleSeconds, uploadSeconds, type Incoming } from './incoming.ts'

/**
 * Milliseconds after which a request is slow: from then on it is listened for a client that leaves, and its connection
 * may be silent. Those that are answered sooner are spared both, which are dear to have on every request.
 */
const slowAfterMs = 20

/** Whether there is still someone to work for: the client may leave, the gateway may stop. Ends what runs just then. */
export class Presence implements Cuttable, Debt, DeadlineOwner {
  readonly #incoming: Incoming
  readonly #wheel: TimerWheel
  readonly #slow: Deadline
  #running: Stop | undefined
  #hasAsked = false
  #isSlow = false
  #isCut = false
  #isLeft = false
  #listener: (() => void) | undefined

  constructor(wheel: TimerWheel, incoming: Incoming, exchange: Exchange) {
    this.#incoming = incoming
    this.#wheel = wheel
    this.#slow = new Deadline(this)
    wheel.arm(this.#slow, slowAfterMs)
    exchange.cut = this
    exchange.debts.owe(this)
  }

  /** The client's part is done: from here on the silence is ours. */
  hasAsked(): void {
    this.#hasAsked = true
    if (this.#isSlow) this.#wait()
  }

  /** From now on this is what a leaving client ends. */
  watch(running: Stop): void {
    this.#running = running
    if (this.#isCut || this.#isLeft) running.ask()
  }

  get hasLeft(): boolean {
    return this.#isLeft || this.#incoming.request.signal.aborted
  }

  /** Why there is nobody to work for any more, or undefined. */
  get gone(): Refusal | undefined {
    if (this.hasLeft) return clientLeft
    return this.#isCut ? shuttingDown : undefined
  }

  /** Waits, but not for someone who is gone. */
  async pause(clock: Clock, ms: number): Promise<void> {
    if (this.gone !== undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiting = new Stop()
    waiting.tell({ onStop: resolve })
    this.watch(waiting)
    const cancel = clock.after(ms, resolve)
    await promise
    cancel()
  }

  /** It has become slow. */
  onDue(): void {
    this.#isSlow = true
    if (this.#hasAsked) this.#wait()
    else this.#incoming.connection.patience(uploadSeconds)
  }

  /** Waiting for an upstream must not close the client's connection. */
  #wait(): void {
    const { connection, request } = this.#incoming
    connection.patience(0)
    if (request.signal.aborted) return this.#running?.ask()
    this.#listener = () => this.#running?.ask()
    request.signal.addEventListener('abort', this.#listener, { once: true })
  }

  /** The client's stream was given up, which the request itself may tell only later. */
  leave(): void {
    this.#isLeft = true
    this.#running?.ask()
  }

  cut(): void {
    this.#isCut = true
    this.#running?.ask()
  }

  pay(): void {
    this.#wheel.disarm(this.#slow)
    if (this.#listener !== undefined) this.#incoming.request.signal.removeEventListener('abort', this.#listener)
    // Before the answer ends, or the idle connection would never be closed.
    if (this.#isSlow) this.#incoming.connection.patience(this.#incoming.connection.idleSeconds ?? idleSeconds)
  }
}

const clientLeft = refuse('client_closed', 'Cannot answer: the client closed the connection')
const shuttingDown = refuse('shutting_down', 'Cannot answer: the server is shutting down', { retryAfterMs: 1000 })
