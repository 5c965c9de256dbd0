import { concat } from '#kit/bytes.ts'
import type { Gate, GatePosition } from './sse.ts'

// Limit: an unfinished element of more bytes is passed on as it comes.
const heldBytesMax = 64 * 1024

const quote = 0x22
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * The gate for a streamed JSON array: lets whole elements through and holds the comma behind them back, so that an
 * error can still become the last element.
 */
export class ElementGate implements Gate {
  readonly #scanner = new ElementScanner()
  #held: Uint8Array[] = []
  #heldBytes = 0
  #position: GatePosition = 'start'

  get position(): GatePosition {
    return this.#position
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    const end = this.#scanner.scan(chunk).at(-1)
    if (end === undefined) return this.#hold(chunk)
    const whole = this.#release(chunk.subarray(0, end))
    // Nothing can be added to an array that is closed.
    this.#position = this.#scanner.isClosed ? 'inside' : 'between'
    if (end < chunk.length) this.#hold(chunk.subarray(end))
    return whole
  }

  end(): Uint8Array | undefined {
    if (this.#held.length === 0) return undefined
    this.#position = 'inside'
    return this.#release()
  }

  #hold(chunk: Uint8Array): Uint8Array | undefined {
    if (chunk.length === 0) return undefined
    const passes = this.#position === 'inside' || this.#heldBytes + chunk.length > heldBytesMax
    if (passes && !this.#scanner.isClosed) {
      this.#position = 'inside'
      return this.#release(chunk)
    }
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    return undefined
  }

  #release(next?: Uint8Array): Uint8Array {
    if (this.#held.length === 0 && next !== undefined) return next
    const whole = concat(next === undefined ? this.#held : [...this.#held, next])
    this.#held = []
    this.#heldBytes = 0
    return whole
  }
}

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
