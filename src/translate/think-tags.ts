/** What a piece of text is made of: first thoughts, then text. */
export interface Thinking {
  readonly thought: string
  readonly text: string
}

/**
 * Takes the thoughts out of an answer that begins with `<think>`. A tag anywhere else is text: answers may speak of it.
 * Held back is no more than what may be a tag.
 */
export class ThinkTags {
  #state: 'start' | 'thinking' | 'behind' | 'text' = 'start'
  #held = ''

  push(piece: string): Thinking {
    if (this.#state === 'text') return { thought: '', text: piece }
    if (this.#state === 'start') return this.#begin(this.#held + piece)
    if (this.#state === 'thinking') return this.#think(this.#held + piece)
    return { thought: '', text: this.#follow(piece) }
  }

  /** Thoughts that nobody ended are thoughts to the end. */
  end(): Thinking {
    const held = this.#held
    this.#held = ''
    return this.#state === 'thinking' ? { thought: held, text: '' } : { thought: '', text: held }
  }

  #begin(all: string): Thinking {
    const start = all.trimStart()
    if (start.startsWith(opening)) {
      this.#state = 'thinking'
      this.#held = ''
      return this.#think(start.slice(opening.length))
    }
    if (opening.startsWith(start) && all.length < blanksMax) {
      this.#held = all
      return nothing
    }
    this.#state = 'text'
    this.#held = ''
    return { thought: '', text: all }
  }

  #think(all: string): Thinking {
    const end = all.indexOf(closing)
    if (end !== -1) {
      this.#state = 'behind'
      this.#held = ''
      return { thought: all.slice(0, end), text: this.#follow(all.slice(end + closing.length)) }
    }
    const cut = all.length - tailThatMayClose(all)
    this.#held = all.slice(cut)
    return { thought: all.slice(0, cut), text: '' }
  }

  /** Without the empty lines behind the tag. */
  #follow(piece: string): string {
    const text = piece.replace(/^[\r\n]+/, '')
    if (text !== '') this.#state = 'text'
    return text
  }
}

const opening = '<think>'
const closing = '</think>'
const nothing: Thinking = { thought: '', text: '' }

/** Limit: blanks in front of a tag; behind more of them it is text. */
const blanksMax = 1024

function tailThatMayClose(text: string): number {
  for (let length = Math.min(closing.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(closing.slice(0, length))) return length
  }
  return 0
}
