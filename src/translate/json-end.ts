/**
 * Follows one value of JSON through pieces cut anywhere and knows where it ends. Each character is looked at once. A number,
 * or a word, ends in front of what follows it.
 */
export class JsonEnd {
  #depth = 0
  #inString = false
  #isEscaped = false
  #inWord = false
  #isComplete = false

  get isComplete(): boolean {
    return this.#isComplete
  }

  /** The index behind the value where it ends in this piece, else the piece's length. */
  push(text: string, from = 0): number {
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (this.#inString) this.#readInString(code)
      else if (this.#inWord && isBehindWord(code)) return this.#complete(at)
      else this.#readOutside(code)
      if (this.#isComplete) return at + 1
    }
    return text.length
  }

  #readInString(code: number): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (code === backslash) this.#isEscaped = true
    else if (code === quote) {
      this.#inString = false
      if (this.#depth === 0) this.#isComplete = true
    }
  }

  #readOutside(code: number): void {
    if (code === quote) this.#inString = true
    else if (code === openBrace || code === openBracket) this.#depth++
    else if (code === closeBrace || code === closeBracket) {
      this.#depth--
      if (this.#depth <= 0) this.#isComplete = true
    } else if (this.#depth === 0 && !isBlank(code)) this.#inWord = true
  }

  #complete(at: number): number {
    this.#isComplete = true
    return at
  }
}

const quote = 0x22
const comma = 0x2c
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

function isBehindWord(code: number): boolean {
  return code === comma || code === closeBrace || code === closeBracket || isBlank(code)
}
