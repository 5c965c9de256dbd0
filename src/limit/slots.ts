/** Requests that run at a time, by whose they are. An entry lives as long as one of its requests. */
export class Slots {
  readonly #taken = new Map<string, number>()

  taken(key: string): number {
    return this.#taken.get(key) ?? 0
  }

  take(key: string): void {
    this.#taken.set(key, this.taken(key) + 1)
  }

  giveBack(key: string): void {
    const left = this.taken(key) - 1
    if (left > 0) this.#taken.set(key, left)
    else this.#taken.delete(key)
  }

  get size(): number {
    return this.#taken.size
  }

  [Symbol.iterator](): IterableIterator<readonly [key: string, count: number]> {
    return this.#taken.entries()
  }
}
