import { seededRandom } from '#ports/random.ts'

/** Chance by seed, in the ways that a simulation asks for it. */
export class Dice {
  readonly #random: ReturnType<typeof seededRandom>

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  unit(): number {
    return this.#random.unit()
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1))
  }

  chance(share: number): boolean {
    return this.unit() < share
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.between(0, values.length - 1)]
    if (value === undefined) throw new Error('Cannot pick: there is nothing to pick from')
    return value
  }
}
