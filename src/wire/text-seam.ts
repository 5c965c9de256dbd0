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
  #stage: 'given' | 'cut' | 'through' = 'given'
  #held = ''

  constructor(text: string, cut: string) {
    this.#given = text.slice(0, text.length - cut.length)
    this.#cut = cut
  }

  get isThrough(): boolean {
    return this.#stage === 'through'
  }

  take(text: string): string | undefined {
    if (this.#stage === 'through') return text
    this.#held += text
    if (this.#stage === 'given') {
      const shared = sharedLength(this.#held, this.#given)
      if (shared === this.#given.length) this.#held = this.#held.slice(shared)
      else if (shared === this.#held.length) return ''
      else if (shared > coincidenceLengthMax) return undefined
      this.#stage = 'cut'
    }
    const shared = sharedLength(this.#held, this.#cut)
    if (shared === this.#held.length && shared < this.#cut.length) return ''
    return this.#release(shared)
  }

  close(): string | undefined {
    if (this.#stage === 'through') return ''
    if (this.#stage === 'given' && this.#held.length > coincidenceLengthMax) return undefined
    return this.#release(sharedLength(this.#held, this.#cut))
  }

  #release(start: number): string {
    const news = this.#held.slice(start)
    this.#held = ''
    this.#stage = 'through'
    return news
  }
}

/** Units that both texts begin with. */
function sharedLength(one: string, other: string): number {
  const end = Math.min(one.length, other.length)
  let at = 0
  while (at < end && one.charCodeAt(at) === other.charCodeAt(at)) at++
  return at
}
