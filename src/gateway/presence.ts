import type { Exchange } from '#core/exchange.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import type { Clock } from '#ports/clock.ts'

/** Whether there is still someone to work for: the client may leave, the gateway may stop. Aborts what runs just then. */
export class Presence {
  readonly #client: AbortSignal
  #running: AbortController | undefined
  #isCut = false

  constructor(exchange: Exchange, client: AbortSignal) {
    this.#client = client
    const leave = (): void => this.#running?.abort()
    client.addEventListener('abort', leave, { once: true })
    exchange.debts.owe(() => client.removeEventListener('abort', leave))
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
    if (this.#client.aborted) return clientLeft
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
