import { parseJson } from '#kit/json-value.ts'
import { ValueUnwrapper } from './value-unwrapper.ts'
import type { Return } from './way-back.ts'

/** Takes from a text, while it comes, what the client did not ask for around it. */
export interface Unwrapper {
  push(piece: string): string
  /** What was held back. */
  end(): string
}

/** Undefined: the text is the client's as it is. */
export function openUnwrapper({ back, isBare }: Pick<Return, 'back' | 'isBare'>): Unwrapper | undefined {
  const wrapped = back.isOutputWrapped ? new ValueUnwrapper() : undefined
  return isBare === true ? new BareText(wrapped) : wrapped
}

/** A text in JSON without its quotes; what is none stays as it is. Known when all of it is there. */
class BareText implements Unwrapper {
  readonly #wrapped: Unwrapper | undefined
  #held = ''

  constructor(wrapped: Unwrapper | undefined) {
    this.#wrapped = wrapped
  }

  push(piece: string): string {
    this.#held += this.#wrapped?.push(piece) ?? piece
    if (this.#held.length <= heldMax) return ''
    return this.#taken()
  }

  end(): string {
    this.#held += this.#wrapped?.end() ?? ''
    const value = parseJson(this.#held)
    if (typeof value !== 'string') return this.#taken()
    this.#held = ''
    return value
  }

  #taken(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}

/** Limit: characters that are held back; no value of an enumeration has as many. */
const heldMax = 65_536
