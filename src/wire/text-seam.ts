/** Where the text of a new stream meets the text that a client has: tells what of it is news to the client. */
export interface TextSeam {
  /** What of the next piece the client gets, empty while it has that or it is not clear yet; undefined: it does not fit. */
  take(text: string): string | undefined
  /** The text is over: what was kept back, or undefined when it does not fit. */
  close(): string | undefined
  /** The seam lies behind: all that comes is news. */
  readonly isThrough: boolean
}

/** The new stream says everything again, and only what comes behind is news. */
export class RepeatSeam implements TextSeam {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get isThrough(): boolean {
    return this.#at === this.#text.length
  }

  take(text: string): string | undefined {
    // Compared are UTF-16 units: where the client has half of a pair, the other half is the rest.
    const shared = Math.min(text.length, this.#text.length - this.#at)
    if (!this.#text.startsWith(text.slice(0, shared), this.#at)) return undefined
    this.#at += shared
    return text.slice(shared)
  }

  close(): string | undefined {
    return this.isThrough ? '' : undefined
  }
}

// Limit: units from which on a text that begins like the one so far is another try at it, and no coincidence.
const coincidenceLengthMax = 32

/**
 * The new stream was given the text and says what comes next. Some providers, Mistral for one, say the given text first;
 * that is no news. What was cut off the given text's end is said again by most of them, and no news either.
 */
export class SequelSeam implements TextSeam {
  readonly #given: string
  readonly #cut: string
  #stage: 'given' | 'cut' | 'through'
  /** Units of the given text, or of the cut one, that came so far. */
  #at = 0

  /** `saysAgain`: the given text may come first, however short it is. */
  constructor(text: string, cut: string, saysAgain: boolean) {
    this.#given = text.slice(0, text.length - cut.length)
    this.#cut = cut
    // Behind "ha" a "ha!" goes on, most likely.
    this.#stage = saysAgain || this.#given.length > coincidenceLengthMax ? 'given' : 'cut'
  }

  get isThrough(): boolean {
    return this.#stage === 'through'
  }

  take(text: string): string | undefined {
    if (this.#stage === 'through') return text
    let rest = text
    if (this.#stage === 'given') {
      const shared = sharedLength(rest, this.#given, this.#at)
      this.#at += shared
      rest = rest.slice(shared)
      if (this.#at < this.#given.length) {
        if (rest === '') return ''
        if (this.#at > coincidenceLengthMax) return undefined
        rest = this.#given.slice(0, this.#at) + rest
      }
      this.#stage = 'cut'
      this.#at = 0
    }
    const shared = sharedLength(rest, this.#cut, this.#at)
    this.#at += shared
    if (shared === rest.length && this.#at < this.#cut.length) return ''
    this.#stage = 'through'
    return rest.slice(shared)
  }

  close(): string | undefined {
    const said = this.#stage === 'given' ? this.#given.slice(0, this.#at) : ''
    this.#stage = 'through'
    if (said.length > coincidenceLengthMax) return undefined
    return said.slice(sharedLength(said, this.#cut, 0))
  }
}

/** Units that a text shares with another one from the other's unit `from` on. */
function sharedLength(one: string, other: string, from: number): number {
  const end = Math.min(one.length, other.length - from)
  let at = 0
  while (at < end && one.charCodeAt(at) === other.charCodeAt(from + at)) at++
  return at
}
