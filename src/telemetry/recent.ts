import type { Exchange, ExchangeSink } from '#core/exchange.ts'
import type { Story } from '#core/story.ts'
import type { Masker } from './mask.ts'
import {
  blankStory,
  keepStory,
  runningStoryOf,
  toldStory,
  type KeptStory,
  type RunningStory,
  type StoryWords,
} from './story.ts'

/**
 * The last requests as stories, newest last; a new one takes the place of the oldest. Those whose key was not accepted
 * have a small place of their own: they cost their sender nothing, and must not push out what others want to look up.
 */
export class RecentRequests implements ExchangeSink {
  readonly #words: StoryWords
  #countMax: number
  readonly #known: Ring
  readonly #strangers: Ring
  /** How many were told since the start. */
  #told = 0

  constructor(countMax: number, masker: Masker) {
    this.#countMax = countMax
    this.#words = new OwnWords(masker)
    this.#known = new Ring(countMax)
    this.#strangers = new Ring(strangersFor(countMax))
  }

  settled(exchange: Exchange): void {
    if (this.#countMax === 0) return
    const ring = exchange.caller === undefined ? this.#strangers : this.#known
    this.#told += 1
    const place = ring.claim()
    place.number = this.#told
    keepStory(place, exchange, this.#words)
  }

  /** One that is on the road still. */
  tellRunning(exchange: Exchange, nowMs: number): RunningStory {
    return runningStoryOf(exchange, this.#words, nowMs)
  }

  /** How many there are, those of strangers included. */
  get size(): number {
    return this.#known.size + this.#strangers.size
  }

  /** How many of them came without a key that was accepted. */
  get strangers(): number {
    return this.#strangers.size
  }

  /** How many are kept at most, not counting those of strangers. */
  get countMax(): number {
    return this.#countMax
  }

  /** A reload wants more or fewer of them; the newest stay. */
  resize(countMax: number): void {
    if (countMax === this.#countMax) return
    this.#countMax = countMax
    this.#known.resize(countMax)
    this.#strangers.resize(strangersFor(countMax))
  }

  /** Up to `countMax` that are wanted, newest first, of those that were told before the one of this number. */
  newest(countMax: number, isWanted: (story: Story) => boolean, before = Infinity): Told[] {
    const found: Told[] = []
    for (const kept of this.#newestFirst()) {
      if (found.length >= countMax) break
      if (kept.number >= before) continue
      const story = toldStory(kept)
      if (isWanted(story)) found.push({ story, number: kept.number })
    }
    return found
  }

  /** Those whose id begins with the text, ours also without `req_`, newest first; the newest alone of those whose id it is. */
  named(text: string): Told[] {
    const found = this.newest(Infinity, ({ id }) => beginsWith(id, text))
    const exact =
      found.find(({ story }) => story.id === text) ?? found.find(({ story }) => story.id === `${idHead}${text}`)
    return exact === undefined ? found : [exact]
  }

  *#newestFirst(): Generator<KeptStory> {
    const known = this.#known.inOrder()
    const strangers = this.#strangers.inOrder()
    let [one, other] = [known.length - 1, strangers.length - 1]
    for (;;) {
      const [ofKnown, ofStrangers] = [known[one], strangers[other]]
      if (ofKnown !== undefined && ofKnown.number > (ofStrangers?.number ?? 0)) {
        yield ofKnown
        one -= 1
      } else if (ofStrangers !== undefined) {
        yield ofStrangers
        other -= 1
      } else return
    }
  }
}

/** Is the text the beginning of the id? Ours may be written without their head. */
export function beginsWith(id: string, text: string): boolean {
  return id.startsWith(text) || (id.startsWith(idHead) && id.startsWith(text, idHead.length))
}

function strangersFor(countMax: number): number {
  return Math.ceil(countMax / 10)
}

/** A story, and which one it is since the start: clients may give several requests one id. */
export interface Told {
  readonly story: Story
  readonly number: number
}

/** The last ones of a row. */
class Ring {
  #countMax: number
  /** A ring once it is full; until then it grows. */
  #kept: KeptStory[] = []
  /** Place of the oldest, once it is full. */
  #oldest = 0

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  get size(): number {
    return this.#kept.length
  }

  /** The place of the oldest once it is full; until then a new one. */
  claim(): KeptStory {
    const oldest = this.#kept.length < this.#countMax ? undefined : this.#kept[this.#oldest]
    if (oldest === undefined) {
      const place = blankStory()
      this.#kept.push(place)
      return place
    }
    this.#oldest = (this.#oldest + 1) % this.#countMax
    return oldest
  }

  resize(countMax: number): void {
    this.#kept = countMax === 0 ? [] : this.inOrder().slice(-countMax)
    this.#countMax = countMax
    this.#oldest = 0
  }

  /** Oldest first. */
  inOrder(): readonly KeptStory[] {
    if (this.#oldest === 0) return this.#kept
    return [...this.#kept.slice(this.#oldest), ...this.#kept.slice(0, this.#oldest)]
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
  readonly #names = new Map<string, string>()

  constructor(masker: Masker) {
    this.#masker = masker
  }

  told(text: string): string {
    return copied(this.#masked(text, toldMax))
  }

  name(text: string): string {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    if (this.#names.size >= knownMax) this.#names.clear()
    const cut = copied(text.slice(0, nameMax))
    if (cut === text) this.#names.set(cut, cut)
    return cut
  }

  own(text: string): string {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    if (this.#known.size >= knownMax) this.#known.clear()
    const cut = copied(this.#masked(text, nameMax))
    // Longer names are looked up by their whole text, which would have to be kept for it.
    if (cut === text) this.#known.set(cut, cut)
    return cut
  }

  /** Cut only when it is masked: of a secret that is cut in two, the first half would be none any more. */
  #masked(text: string, lengthMax: number): string {
    return this.#masker.mask(text.slice(0, lengthMax + maskedBeyond)).slice(0, lengthMax)
  }
}

/** Limit: characters of a name and of a sentence that are remembered. */
const nameMax = 256
const toldMax = 500

/** Limit: characters behind those that are looked through for secrets; no key is longer. */
const maskedBeyond = 16_384

/** Limit: names that are known; beyond it they are learned anew. */
const knownMax = 1000

function copied(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8')
}
