/** A header as it stands on the wire; names in any case, values latin-1. */
export type HeaderPair = readonly [name: string, value: string]

/**
 * The headers of a message in their order. Names are kept in lower case. Reads like the platform's Headers, of which
 * making one costs more than reading a dozen headers.
 */
export class HeaderList {
  #pairs: HeaderPair[]

  /** `pairs`: names in lower case; taken over, not copied. */
  constructor(pairs: HeaderPair[] = []) {
    this.#pairs = pairs
  }

  static from(headers: Iterable<HeaderPair>): HeaderList {
    return new HeaderList(Array.from(headers, ([name, value]) => [name.toLowerCase(), value]))
  }

  /** As they go on; not to be changed. */
  get pairs(): readonly HeaderPair[] {
    return this.#pairs
  }

  /** `name` in lower case. All values of that name joined by `, `; null when there is none. */
  get(name: string): string | null {
    let found: string | null = null
    for (const pair of this.#pairs) {
      if (pair[0] === name) found = found === null ? pair[1] : `${found}, ${pair[1]}`
    }
    return found
  }

  has(name: string): boolean {
    for (const pair of this.#pairs) if (pair[0] === name) return true
    return false
  }

  append(name: string, value: string): void {
    this.#pairs.push([name, value])
  }

  /** Replaces every header of that name. */
  set(name: string, value: string): void {
    if (this.has(name)) this.delete(name)
    this.#pairs.push([name, value])
  }

  delete(name: string): void {
    this.#pairs = this.#pairs.filter((pair) => pair[0] !== name)
  }

  /** Those that `keeps` wants, in a list of its own. */
  filter(keeps: (name: string, value: string) => boolean): HeaderList {
    const kept: HeaderPair[] = []
    for (const pair of this.#pairs) if (keeps(pair[0], pair[1])) kept.push(pair)
    return new HeaderList(kept)
  }

  [Symbol.iterator](): IterableIterator<HeaderPair> {
    return this.#pairs[Symbol.iterator]()
  }
}
