const quote = 0x22
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const smallT = 0x74
const openBrace = 0x7b
const closeBrace = 0x7d

/** A member, and what it must hold to say something. */
export interface WantedMember {
  readonly name: Uint8Array
  /** How many objects and arrays it stands in. */
  readonly depth: number
  readonly holds: 'true' | 'a word'
}

/** The last line of a stream of Ollama's says `"done": true`. */
export const done: WantedMember = { name: Buffer.from('done'), depth: 1, holds: 'true' }

/** A candidate of Gemini's: the event, its list of candidates, the candidate. */
export const finishReason: WantedMember = { name: Buffer.from('finishReason'), depth: 3, holds: 'a word' }

/**
 * Looks for a member of one JSON value that comes in pieces and may be too large to be kept. What has its name but stands
 * elsewhere, such as among the arguments of a tool call, is another one.
 */
export class MemberScanner {
  readonly #wanted: WantedMember
  #depth = 0
  #inString = false
  #escaped = false
  /** Letters of a member's name that agree so far; -1 when it is another one. */
  #agreed = -1
  /** What is behind: nothing of interest, the name, or the name and its colon. */
  #behind: 'other' | 'name' | 'colon' = 'other'
  /** The next letter is the first one of the wanted member's text. */
  #beginsText = false
  #hasFound = false
  #isClosed = false

  /** With another one it goes on where that stands, which is left as it is. */
  constructor(wanted: WantedMember, other?: MemberScanner) {
    this.#wanted = wanted
    if (other === undefined) return
    this.#depth = other.#depth
    this.#inString = other.#inString
    this.#escaped = other.#escaped
    this.#agreed = other.#agreed
    this.#behind = other.#behind
    this.#beginsText = other.#beginsText
    this.#hasFound = other.#hasFound
    this.#isClosed = other.#isClosed
  }

  get hasFound(): boolean {
    return this.#hasFound
  }

  /** The value has ended. */
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
    if (this.#beginsText) {
      this.#beginsText = false
      if (isLetter(byte)) this.#hasFound = true
    }
    if (this.#escaped) this.#escaped = false
    else if (byte === backslash) this.#escaped = true
    else if (byte === quote) {
      this.#inString = false
      const { name, depth } = this.#wanted
      this.#behind = this.#depth === depth && this.#agreed === name.length ? 'name' : 'other'
      return
    }
    this.#agreed = this.#agreed !== -1 && byte === this.#wanted.name[this.#agreed] ? this.#agreed + 1 : -1
  }

  #readStructure(byte: number): void {
    // Blanks change nothing.
    if (byte <= 0x20) return
    const behind = this.#behind
    this.#behind = 'other'
    if (byte === quote) {
      this.#inString = true
      this.#agreed = 0
      this.#beginsText = behind === 'colon' && this.#wanted.holds === 'a word'
    } else if (byte === openBrace || byte === openBracket) this.#depth++
    else if (byte === closeBrace || byte === closeBracket) {
      this.#depth--
      if (this.#depth === 0) this.#isClosed = true
    } else if (byte === colon) {
      if (behind === 'name') this.#behind = 'colon'
    } else if (byte === smallT && behind === 'colon' && this.#wanted.holds === 'true') this.#hasFound = true
  }
}

function isLetter(byte: number): boolean {
  return (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
}
