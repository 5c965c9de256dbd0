import type { Clock } from '#ports/clock.ts'

/** Has something to send. */
export interface Sender {
  sendNow(): void
}

/**
 * Lets the requests of one turn of the event loop go out one behind the other at its end. Sent one by one between other
 * work, each of them would find the network stack, or an upstream on the same machine, asleep and wake it anew.
 */
export class Turn {
  readonly #clock: Clock
  #senders: Sender[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** At the end of this turn it is told to send. */
  add(sender: Sender): void {
    if (this.#senders.push(sender) === 1) this.#clock.soon(this.#end)
  }

  // Made once: a closure in `add` would be paid for by each request.
  readonly #end = (): void => {
    const senders = this.#senders
    this.#senders = []
    for (const sender of senders) sender.sendNow()
  }
}
