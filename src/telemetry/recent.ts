import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import type { Story } from '#core/story.ts'
import type { Masker } from './mask.ts'
import { storyOf, type StoryWords } from './story.ts'

/** The last requests as stories, newest last; a new one takes the place of the oldest. */
export class RecentRequests implements ExchangeSink {
  readonly #words: StoryWords
  #countMax: number
  /** A ring once it is full; until then it grows. */
  #stories: Story[] = []
  /** Place of the oldest, once it is full. */
  #oldest = 0

  constructor(countMax: number, masker: Masker) {
    this.#countMax = countMax
    this.#words = new OwnWords(masker)
  }

  settled(exchange: Exchange): void {
    if (this.#countMax === 0) return
    const story = storyOf(exchange, this.#words)
    if (this.#stories.length < this.#countMax) {
      this.#stories.push(story)
      return
    }
    this.#stories[this.#oldest] = story
    this.#oldest = (this.#oldest + 1) % this.#countMax
  }

  /** How many there are. */
  get size(): number {
    return this.#stories.length
  }

  /** How many are kept at most. */
  get countMax(): number {
    return this.#countMax
  }

  /** A reload wants more or fewer of them; the newest stay. */
  resize(countMax: number): void {
    if (countMax === this.#countMax) return
    this.#stories = countMax === 0 ? [] : this.#inOrder().slice(-countMax)
    this.#countMax = countMax
    this.#oldest = 0
  }

  /** Up to `countMax` stories that are wanted, newest first. */
  newest(countMax: number, isWanted: (story: Story) => boolean): Story[] {
    const found: Story[] = []
    const ordered = this.#inOrder()
    for (let at = ordered.length - 1; at >= 0 && found.length < countMax; at -= 1) {
      const story = ordered[at]
      if (story !== undefined && isWanted(story)) found.push(story)
    }
    return found
  }

  /** Stories whose id begins with the text, `req_` or not, newest first; the one alone whose id it is. */
  named(text: string): Story[] {
    const found = this.newest(this.#countMax, ({ id }) => id.startsWith(text) || id.startsWith(text, idHead.length))
    const exact = found.find(({ id }) => id === text || id.slice(idHead.length) === text)
    return exact === undefined ? found : [exact]
  }

  #inOrder(): readonly Story[] {
    if (this.#oldest === 0) return this.#stories
    return [...this.#stories.slice(this.#oldest), ...this.#stories.slice(0, this.#oldest)]
  }
}

const idHead = 'req_'

/**
 * Texts cut out of others keep those alive, here a URL with a key in its query or a whole body: what is remembered is
 * copied. The same few names come again and again, so a copy is made once for each of them.
 */
class OwnWords implements StoryWords {
  readonly #masker: Masker
  readonly #known = new Map<string, string>()

  constructor(masker: Masker) {
    this.#masker = masker
  }

  told(text: string): string {
    return this.#masker.mask(copied(text.slice(0, toldMax)))
  }

  own(text: string): string {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    if (this.#known.size >= knownMax) this.#known.clear()
    const cut = this.#masker.mask(copied(text.slice(0, nameMax)))
    // Longer names are looked up by their whole text, which would have to be kept for it.
    if (cut === text) this.#known.set(cut, cut)
    return cut
  }
}

/** Limit: characters of a name and of a sentence that are remembered. */
const nameMax = 256
const toldMax = 500

/** Limit: names that are known; beyond it they are learned anew. */
const knownMax = 1000

function copied(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8')
}
