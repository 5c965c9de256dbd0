/** Decodes a string of JSON while it comes. What may be half of a character is held back. */
export class JsonText {
  #state: 'closed' | 'open' | 'over' = 'closed'
  /** An escape that is not over yet, from its backslash on. */
  #escape = ''
  /** First half of a pair that was written as two escapes. */
  #high = ''
  #decoded = ''

  /** Behind its first quote. */
  open(): void {
    this.#state = 'open'
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** Reads up to its closing quote; gives the index behind what was read. */
  push(piece: string, from: number): number {
    let at = from
    while (at < piece.length) {
      if (this.#escape !== '') {
        this.#readEscape(piece.charAt(at++))
        continue
      }
      const end = plainUntil(piece, at)
      if (end > at) this.#tell(piece.slice(at, end))
      if (end === piece.length) return end
      at = end + 1
      if (piece.charCodeAt(end) === backslash) this.#escape = '\\'
      else {
        this.#tell('')
        this.#state = 'over'
        return at
      }
    }
    return at
  }

  /** What was decoded since it was last asked for. */
  take(): string {
    const decoded = this.#decoded
    this.#decoded = ''
    return decoded
  }

  /** The same for a text that was cut: half an escape is nothing. */
  rest(): string {
    this.#tell('')
    return this.take()
  }

  #readEscape(character: string): void {
    this.#escape += character
    if (this.#escape[1] !== 'u') {
      const meaning = escapes[this.#escape.slice(1)] ?? character
      this.#escape = ''
      this.#tell(meaning)
    } else if (this.#escape.length === unicodeLength) {
      const code = Number.parseInt(this.#escape.slice(2), 16)
      this.#escape = ''
      if (!Number.isNaN(code)) this.#tellUnit(code)
    }
  }

  #tellUnit(code: number): void {
    const unit = String.fromCharCode(code)
    if (code >= 0xdc00 && code <= 0xdfff && this.#high !== '') {
      this.#decoded += this.#high + unit
      this.#high = ''
      return
    }
    this.#tell('')
    if (code >= 0xd800 && code <= 0xdbff) this.#high = unit
    else this.#decoded += unit
  }

  /** A first half without a second one is told as it is. */
  #tell(text: string): void {
    this.#decoded += this.#high + text
    this.#high = ''
  }
}

const quote = 0x22
const backslash = 0x5c
const unicodeLength = 6

const escapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

function plainUntil(piece: string, from: number): number {
  for (let at = from; at < piece.length; at++) {
    const code = piece.charCodeAt(at)
    if (code === quote || code === backslash) return at
  }
  return piece.length
}
