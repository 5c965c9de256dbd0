const quote = 0x22
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** Follows a JSON array through chunks cut anywhere and tells where its elements end. */
export class ElementScanner {
  #depth = 0
  /** Depth at which an element stands: 1 in an array, 0 when the text is one value that is no array. */
  #elementDepth: number | undefined
  #inString = false
  #escaped = false
  #isClosed = false

  /** The whole text has ended. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Offsets in the chunk behind each element that ends in it, and behind the text's last bracket. */
  scan(chunk: Uint8Array): number[] {
    const ends: number[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#inString) {
        at = this.#skipString(chunk, at)
        continue
      }
      const byte = chunk[at++]
      if (byte === quote) this.#inString = true
      else if (byte === openBracket || byte === openBrace) {
        this.#elementDepth ??= byte === openBracket ? 1 : 0
        this.#depth++
      } else if (byte === closeBracket || byte === closeBrace) {
        this.#depth--
        if (this.#depth === 0) this.#isClosed = true
        if (this.#depth === this.#elementDepth || this.#depth === 0) ends.push(at)
      }
    }
    return ends
  }

  #skipString(chunk: Uint8Array, start: number): number {
    let at = start
    for (;;) {
      const end = chunk.indexOf(quote, at)
      const stop = end === -1 ? chunk.length : end
      let slashes = stop
      while (slashes > at && chunk[slashes - 1] === backslash) slashes--
      const carried = slashes === at && this.#escaped ? 1 : 0
      this.#escaped = ((stop - slashes + carried) & 1) === 1
      if (end === -1) return chunk.length
      at = end + 1
      if (!this.#escaped) {
        this.#inString = false
        return at
      }
      this.#escaped = false
    }
  }
}

/** Where the element begins behind blanks, a comma or the array's opening bracket; its bytes are as many as its units. */
export function startOfElement(text: string): number {
  let at = 0
  while (at < text.length && ' \t\r\n,['.includes(text.charAt(at))) at++
  return at
}
