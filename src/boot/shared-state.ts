import type { Learned, SharedFact } from '#core/shared.ts'
import type { Clock } from '#ports/clock.ts'
import { FactBag } from './fact-bag.ts'

/** Takes in what another process learned. */
export type Hearers = { readonly [Kind in SharedFact['kind']]?: (fact: Extract<SharedFact, { kind: Kind }>) => void }

/** What this process learned is told to the others, in batches; what they learned is taken in. */
export class SharedState {
  readonly #clock: Clock
  readonly #send: (facts: readonly SharedFact[]) => void
  readonly #hearers: Hearers
  readonly #bag = new FactBag()
  #isWaiting = false
  /** Rooms tell what they take in like what they learn: that is no news. */
  #isHearing = false

  constructor(clock: Clock, send: (facts: readonly SharedFact[]) => void, hearers: Hearers) {
    this.#clock = clock
    this.#send = send
    this.#hearers = hearers
  }

  /** For the rooms that learn. */
  readonly learned: Learned = (fact) => {
    if (this.#isHearing) return
    this.#bag.add(fact)
    // Its client may ask another process for it as soon as it has read the answer.
    if (fact.kind === 'owner') return this.#sendAll()
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#clock.after(togetherMs, () => {
      this.#isWaiting = false
      this.#sendAll()
    })
  }

  #sendAll(): void {
    while (this.#bag.size > 0) this.#send(this.#bag.take())
  }

  hear(facts: readonly SharedFact[]): void {
    this.#isHearing = true
    try {
      for (const fact of facts) this.#hear(fact)
    } finally {
      this.#isHearing = false
    }
  }

  #hear<Kind extends SharedFact['kind']>(fact: Extract<SharedFact, { kind: Kind }>): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table is keyed by the kind
    const hearer = this.#hearers[fact.kind] as ((fact: SharedFact) => void) | undefined
    hearer?.(fact)
  }
}

/** Milliseconds that facts wait for company. */
const togetherMs = 50
