import { JsonEnd } from './json-end.ts'
import { JsonText } from './json-text.ts'
import { customInput } from './tool-args.ts'

/**
 * The free text of a custom tool out of the arguments of the function that stands for it: `{"input": "…"}`, decoded while
 * it comes. Arguments of any other shape are the text as they are, told at the end.
 */
export class CustomDecoder {
  #state: 'open' | 'key' | 'colon' | 'value' | 'input' | 'skip' | 'next' | 'over' | 'other' = 'open'
  /** All of it, as long as it may turn out to have another shape. */
  #raw: string[] | undefined = []
  #hasInput = false
  #name = ''
  readonly #keyText = new JsonText()
  #text = new JsonText()
  #skipped = new JsonEnd()

  /** The object is closed: what follows means nothing. */
  get isOver(): boolean {
    return this.#state === 'over'
  }

  push(piece: string): string {
    this.#raw?.push(piece)
    let told = ''
    let at = 0
    while (at < piece.length && this.#state !== 'over' && this.#state !== 'other') {
      if (this.#state === 'input') {
        at = this.#text.push(piece, at)
        told += this.#text.take()
        if (this.#text.isOver) this.#state = 'next'
      } else {
        at = this.#step(piece, at)
      }
    }
    return told
  }

  /** What was not told yet. */
  end(): string {
    if (this.#hasInput) return this.#state === 'input' ? this.#text.rest() : ''
    const raw = this.#raw?.join('') ?? ''
    this.#raw = undefined
    return customInput({ raw })
  }

  /** One character, or all of a text. */
  #step(piece: string, at: number): number {
    if (this.#state === 'key' && this.#keyText.isOpen) return this.#readKey(piece, at)
    if (this.#state === 'skip') return this.#skip(piece, at)
    const character = piece.charAt(at)
    if (blanks.has(character)) return at + 1
    switch (this.#state) {
      case 'open':
        this.#state = character === '{' ? 'key' : 'other'
        return at + 1
      case 'key':
        if (character === '"') this.#keyText.open()
        else this.#state = character === '}' ? 'over' : 'other'
        return at + 1
      case 'colon':
        this.#state = character === ':' ? 'value' : 'other'
        return at + 1
      case 'value':
        return this.#beginValue(character, at)
      case 'input':
      case 'next':
      case 'other':
      case 'over':
        this.#state = character === ',' ? 'key' : character === '}' ? 'over' : 'other'
        return at + 1
    }
  }

  #readKey(piece: string, at: number): number {
    const end = this.#keyText.push(piece, at)
    this.#name += this.#keyText.take()
    if (this.#keyText.isOver) this.#state = 'colon'
    return end
  }

  #beginValue(character: string, at: number): number {
    const isInput = this.#name === 'input' && !this.#hasInput
    this.#name = ''
    if (isInput && character === '"') {
      this.#hasInput = true
      this.#raw = undefined
      this.#text.open()
      this.#state = 'input'
      return at + 1
    }
    this.#skipped = new JsonEnd()
    this.#state = isInput ? 'other' : 'skip'
    return at
  }

  /** A value that is no input, up to the comma or bracket behind it. */
  #skip(piece: string, at: number): number {
    const end = this.#skipped.push(piece, at)
    if (this.#skipped.isComplete) this.#state = 'next'
    return end
  }
}

const blanks: ReadonlySet<string> = new Set([' ', '\t', '\r', '\n'])
