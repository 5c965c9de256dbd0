import { identityOf, scopeOf, type SharedFact } from '#core/shared.ts'
import type { Clock } from '#ports/clock.ts'

type Kind = SharedFact['kind']

/**
 * What was learned and still holds, for those who come later. Limit: so many of each kind, so that pins, of which there
 * are as many as clients, displace no rest; the oldest go first.
 */
export class FactMemory {
  readonly #clock: Clock
  readonly #max: Readonly<Record<Kind, number>>
  readonly #byKind = new Map<Kind, Map<string, Remembered>>()

  constructor(clock: Clock, ownersMax: number) {
    this.#clock = clock
    this.#max = { ...rememberedMax, owner: ownersMax }
  }

  add(fact: SharedFact): void {
    const { kind } = fact
    let facts = this.#byKind.get(kind)
    if (facts === undefined) {
      facts = new Map()
      this.#byKind.set(kind, facts)
    }
    const identity = identityOf(fact)
    facts.delete(identity)
    if (fact.forMs <= 0) return forget(facts, scopeOf(fact))
    facts.set(identity, { fact, untilMs: this.#clock.monotonicMs() + fact.forMs })
    const [oldest] = facts.keys()
    if (facts.size > this.#max[kind] && oldest !== undefined) facts.delete(oldest)
  }

  /** May be taken piece by piece: what comes meanwhile is among them, and what holds no more is not. */
  *all(): Generator<SharedFact> {
    for (const kind of firstToLast) {
      const facts = this.#byKind.get(kind)
      if (facts === undefined) continue
      for (const [identity, { fact, untilMs }] of facts) {
        const forMs = untilMs - this.#clock.monotonicMs()
        if (forMs > 0) yield { ...fact, forMs }
        else facts.delete(identity)
      }
    }
  }
}

interface Remembered {
  readonly fact: SharedFact
  readonly untilMs: number
}

function forget(facts: Map<string, Remembered>, scope: string): void {
  for (const identity of facts.keys()) if (identity.startsWith(scope)) facts.delete(identity)
}

const restsMax = 10_000

/** Limits: rests of routes and credentials, of which there are as many as the configuration has; pins as in {@link Pins}. */
const rememberedMax = {
  cooldown: restsMax,
  circuit: restsMax,
  ejection: restsMax,
  credential: restsMax,
  health: restsMax,
  pin: 100_000,
}

const firstToLast: readonly Kind[] = ['health', 'cooldown', 'circuit', 'ejection', 'credential', 'owner', 'pin']
