/** Where a text stops being JSON5, counted from 1. */
export interface TextFault {
  readonly line: number
  readonly column: number
}

/** The first place at which a text can be no JSON5, or undefined. The platform's parser knows, but does not tell. */
export function findJson5Fault(text: string): TextFault | undefined {
  const reader = new Reader(text)
  if (reader.readsDocument()) return undefined
  const before = text.slice(0, reader.at).split(/\r\n|\n|\r/)
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

/** Limit: lists and objects inside each other; nothing that is read here comes near. */
const depthMax = 64

/** Walks over a text as its grammar allows, without taking anything out of it. Stops at the fault. */
class Reader {
  at = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  readsDocument(): boolean {
    return this.#skipBlank() && this.#readsValue(0) && this.#skipBlank() && this.at === this.#text.length
  }

  #readsValue(depth: number): boolean {
    if (depth > depthMax) return false
    if (this.#takes('[')) return this.#readsMembers(']', () => this.#readsValue(depth + 1))
    if (this.#takes('{')) return this.#readsMembers('}', () => this.#readsEntry(depth + 1))
    return this.#matches(literal) || this.#readsText()
  }

  #readsMembers(end: string, readsMember: () => boolean): boolean {
    for (;;) {
      if (!this.#skipBlank()) return false
      if (this.#takes(end)) return true
      if (!readsMember() || !this.#skipBlank()) return false
      if (this.#takes(',')) continue
      return this.#takes(end)
    }
  }

  #readsEntry(depth: number): boolean {
    if (!this.#matches(name) && !this.#readsText()) return false
    return this.#skipBlank() && this.#takes(':') && this.#skipBlank() && this.#readsValue(depth)
  }

  /** A fault inside of a text is one at its beginning: where it should have ended nobody knows. */
  #readsText(): boolean {
    return this.#matches(doubleQuoted) || this.#matches(singleQuoted)
  }

  /** False at a comment that does not end. */
  #skipBlank(): boolean {
    while (this.#matches(blank) || this.#matches(comment));
    return !this.#text.startsWith('/*', this.at)
  }

  #takes(character: string): boolean {
    if (this.#text[this.at] !== character) return false
    this.at += 1
    return true
  }

  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    if (!pattern.test(this.#text)) return false
    this.at = pattern.lastIndex
    return true
  }
}

const blank = /[\s\uFEFF]+/y
const comment = /\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\//y
const literal =
  /(?:true|false|null|[+-]?(?:Infinity|NaN|0[xX][\da-fA-F]+|(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?))(?![\w$.])/y
const name = /[\p{L}\p{Nl}$_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}$\u200C\u200D]*/uy
const doubleQuoted = /"(?:[^"\\\n\r]|\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|\r\n|0(?!\d)|[^xu\d]))*"/y
const singleQuoted = /'(?:[^'\\\n\r]|\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|\r\n|0(?!\d)|[^xu\d]))*'/y
