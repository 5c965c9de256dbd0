import { JsonEnd } from './json-end.ts'

/**
 * The text of the value in `{"value": …}`, as it stands there and while it comes. A text of any other shape stays as it is.
 */
export class ValueUnwrapper {
  #state: 'start' | 'value' | 'over' | 'other' = 'start'
  #held = ''
  readonly #end = new JsonEnd()

  push(piece: string): string {
    switch (this.#state) {
      case 'start':
        return this.#begin(this.#held + piece)
      case 'value':
        return this.#copy(piece)
      case 'over':
        return ''
      case 'other':
        return piece
    }
  }

  /** What was held back because it might have been wrapped. */
  end(): string {
    const held = this.#held
    this.#held = ''
    return held
  }

  #begin(all: string): string {
    const wrapper = wrapping.exec(all)
    if (wrapper !== null) {
      this.#state = 'value'
      this.#held = ''
      return this.#copy(all.slice(wrapper[0].length))
    }
    if (all.length < wrapperMax && isBeginning(all)) {
      this.#held = all
      return ''
    }
    this.#state = 'other'
    this.#held = ''
    return all
  }

  #copy(piece: string): string {
    const end = this.#end.push(piece)
    if (this.#end.isComplete) this.#state = 'over'
    return piece.slice(0, end)
  }
}

/** With the first character of the value. */
const wrapping = /^\s*\{\s*"value"\s*:\s*(?=\S)/

/** Limit: blanks and all in front of the value. */
const wrapperMax = 1024

function isBeginning(text: string): boolean {
  return '{"value":'.startsWith(text.replaceAll(/\s+/g, ''))
}
