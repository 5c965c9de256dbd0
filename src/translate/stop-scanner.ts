/**
 * Looks for stop sequences in a text that comes in pieces. Held back is no more than what may be the beginning of one.
 */
export class StopScanner {
  readonly #stops: readonly string[]
  readonly #longest: number
  #held = ''
  #found: string | undefined

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '')
    this.#longest = Math.max(0, ...this.#stops.map((stop) => stop.length))
  }

  /** The one that was found; nothing behind it is wanted. */
  get found(): string | undefined {
    return this.#found
  }

  /** What can be told, up to the first stop sequence. */
  push(text: string): string {
    if (this.#found !== undefined) return ''
    const all = this.#held + text
    let cut = all.length
    for (const stop of this.#stops) {
      const at = all.indexOf(stop)
      // Of two at the same place the longer one.
      if (at !== -1 && (at < cut || (at === cut && stop.length > (this.#found?.length ?? 0)))) {
        cut = at
        this.#found = stop
      }
    }
    if (this.#found === undefined) cut -= this.#mayBegin(all)
    this.#held = this.#found === undefined ? all.slice(cut) : ''
    return all.slice(0, cut)
  }

  /** What was held back for nothing. */
  end(): string {
    const held = this.#held
    this.#held = ''
    return held
  }

  /** How much of the text's end may be the beginning of a stop sequence. */
  #mayBegin(text: string): number {
    for (let length = Math.min(this.#longest - 1, text.length); length > 0; length--) {
      const tail = text.slice(text.length - length)
      for (const stop of this.#stops) if (stop.length > length && stop.startsWith(tail)) return length
    }
    return 0
  }
}
