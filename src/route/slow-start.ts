import type { Candidate } from '#core/candidate.ts'
import type { RouteBooks } from '#core/rest.ts'
import type { Clock } from '#ports/clock.ts'

/** What part of its weight counts for a route now. */
export interface Easing {
  /** Above 0, at most 1. */
  easeOf(candidate: Candidate): number
}

/** A route that comes back is not given all its traffic at once: its caches are cold, and it may still be weak. */
export class SlowStart implements Easing {
  readonly #books: RouteBooks
  readonly #lengthMs: number
  readonly #clock: Now

  /** A request may wait for longer than others need to come back, so it asks for the time each time. */
  constructor(books: RouteBooks, lengthMs: number, clock: Now) {
    this.#books = books
    this.#lengthMs = lengthMs
    this.#clock = clock
  }

  easeOf({ stateKey, backend }: Candidate): number {
    const { breakers, health } = this.#books
    const nowMs = this.#clock.monotonicMs()
    const ofRoute = breakers.backSinceMs(stateKey, nowMs) ?? -Infinity
    const ofBackend = (backend.health && health?.backSinceMs(backend.name)) ?? -Infinity
    const passedMs = Math.max(0, nowMs - Math.max(ofRoute, ofBackend))
    return passedMs >= this.#lengthMs ? 1 : firstEase + ((1 - firstEase) * passedMs) / this.#lengthMs
  }
}

type Now = Pick<Clock, 'monotonicMs'>

const firstEase = 0.1

/** Of each of the candidates in turn; undefined when all have their whole weight, as nearly always. */
export function easesOf(candidates: readonly Candidate[], easing: Easing | undefined): Float64Array | undefined {
  if (easing === undefined) return undefined
  const eases = Float64Array.from(candidates, (candidate) => easing.easeOf(candidate))
  return eases.every((ease) => ease === 1) ? undefined : eases
}
