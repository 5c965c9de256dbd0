const quote = 0x22
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const smallT = 0x74
const openBrace = 0x7b
const closeBrace = 0x7d

const done = [0x64, 0x6f, 0x6e, 0x65]

/**
 * Looks for `"done": true` among the members of one JSON object that comes in pieces and may be too large to be kept.
 * What stands deeper, such as the arguments of a tool call, is no member of it.
 */
export class DoneScanner {
  #depth = 0
  #inString = false
  #escaped = false
  /** Letters of a member's name that agree so far; -1 when it is another one. */
  #agreed = -1
  /** What is behind: nothing of interest, the name, or the name and its colon. */
  #behind: 'other' | 'name' | 'colon' = 'other'
  #isDone = false
  #isClosed = false

  /** Goes on where another one stands, which is left as it is. */
  constructor(other?: DoneScanner) {
    if (other === undefined) return
    this.#depth = other.#depth
    this.#inString = other.#inString
    this.#escaped = other.#escaped
    this.#agreed = other.#agreed
    this.#behind = other.#behind
    this.#isDone = other.#isDone
    this.#isClosed = other.#isClosed
  }

  get isDone(): boolean {
    return this.#isDone
  }

  /** The object has ended. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  scan(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#inString) this.#readString(byte)
      else this.#readStructure(byte)
    }
  }

  #readString(byte: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === backslash) this.#escaped = true
    else if (byte === quote) {
      this.#inString = false
      this.#behind = this.#depth === 1 && this.#agreed === done.length ? 'name' : 'other'
      return
    }
    this.#agreed = this.#agreed !== -1 && byte === done[this.#agreed] ? this.#agreed + 1 : -1
  }

  #readStructure(byte: number): void {
    // Blanks change nothing.
    if (byte <= 0x20) return
    const behind = this.#behind
    this.#behind = 'other'
    if (byte === quote) {
      this.#inString = true
      this.#agreed = 0
    } else if (byte === openBrace || byte === openBracket) this.#depth++
    else if (byte === closeBrace || byte === closeBracket) {
      this.#depth--
      if (this.#depth === 0) this.#isClosed = true
    } else if (byte === colon) {
      if (behind === 'name') this.#behind = 'colon'
    } else if (byte === smallT && behind === 'colon') this.#isDone = true
  }
}
