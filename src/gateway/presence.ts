import type { Exchange } from '#core/exchange.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import type { Clock } from '#ports/clock.ts'

/**
 * Milliseconds after which it is listened for a client that leaves. Answers that come sooner are spared the listener,
 * which is dear to have on every request.
 */
const listenAfterMs = 20

/** Whether there is still someone to work for: the client may leave, the gateway may stop. Aborts what runs just then. */
export class Presence {
  readonly #request: Request
  #running: AbortController | undefined
  #isCut = false

  constructor(exchange: Exchange, request: Request, clock: Clock) {
    this.#request = request
    const leave = (): void => this.#running?.abort()
    const stopListening = clock.after(listenAfterMs, () => {
      if (request.signal.aborted) return leave()
      request.signal.addEventListener('abort', leave, { once: true })
      exchange.debts.owe(() => request.signal.removeEventListener('abort', leave))
    })
    exchange.debts.owe(stopListening)
    exchange.cut = (): void => {
      this.#isCut = true
      leave()
    }
  }

  /** From now on this is what a leaving client aborts. */
  watch(running: AbortController): void {
    this.#running = running
  }

  /** Why there is nobody to work for any more, or undefined. */
  get gone(): Refusal | undefined {
    if (this.#request.signal.aborted) return clientLeft
    return this.#isCut ? shuttingDown : undefined
  }

  /** Waits, but not for someone who is gone. */
  async pause(clock: Clock, ms: number): Promise<void> {
    if (this.gone !== undefined) return
    const waiting = new AbortController()
    this.watch(waiting)
    await clock.sleep(ms, waiting.signal)
  }
}

const clientLeft = refuse('client_closed', 'Cannot answer: the client closed the connection')
const shuttingDown = refuse('shutting_down', 'Cannot answer: the server is shutting down', { retryAfterMs: 1000 })
