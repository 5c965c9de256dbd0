import { identityOf, type SharedFact } from '#core/shared.ts'

type Kind = SharedFact['kind']

/** Facts that wait to be told, the newest of each identity. Limit: so many of each kind; the one that came first makes room. */
export class FactBag {
  readonly #byKind = new Map<Kind, Map<string, SharedFact>>()
  readonly #max: Readonly<Record<Kind, number>>

  constructor(max: Readonly<Record<Kind, number>> = waitingMax) {
    this.#max = max
  }

  get size(): number {
    let size = 0
    for (const facts of this.#byKind.values()) size += facts.size
    return size
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
    facts.set(identity, fact)
    const [oldest] = facts.keys()
    if (facts.size > this.#max[kind] && oldest !== undefined) facts.delete(oldest)
  }

  /** Takes out as many as go into one message: what is few and weighs most first, and of each kind what came first. */
  take(max: number = factsMax): SharedFact[] {
    const taken: SharedFact[] = []
    for (const kind of urgency) {
      const facts = this.#byKind.get(kind)
      if (facts === undefined) continue
      for (const [identity, fact] of facts) {
        if (taken.length >= max) return taken
        taken.push(fact)
        facts.delete(identity)
      }
    }
    return taken
  }

  clear(): void {
    this.#byKind.clear()
  }
}

/** Limit: facts in one message. */
export const factsMax = 1000

/** Limits: of what is learned again when it is lost, one message; who has what is learned once. */
const waitingMax = {
  cooldown: 1000,
  circuit: 1000,
  ejection: 1000,
  credential: 1000,
  health: 1000,
  owner: 20_000,
  pin: 1000,
}

const urgency: readonly Kind[] = ['health', 'cooldown', 'circuit', 'ejection', 'credential', 'owner', 'pin']
