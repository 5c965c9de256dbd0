import { asBuffer } from '#kit/bytes.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import { Block } from './block.ts'
import { readFields } from './head.ts'
import { carriageReturn, hexValues, lineFeed, semicolon, space, tab, valueKinds } from './octets.ts'

export interface ChunkedLimits {
  /** Of one chunk's extensions, which nobody here understands. */
  readonly extensionBytesMax: number
  readonly trailerBytesMax: number
  readonly headersMax: number
}

/** Takes what is in the chunks. */
export interface PieceTaker {
  onPiece(bytes: Uint8Array): void
}

/**
 * Reads a chunked body (RFC 9112 §7.1), in whatever pieces it comes. What a chunk holds is handed over as soon as it
 * is there, the beginning of a chunk too. Extensions and trailers are checked and dropped.
 */
export class ChunkedBody {
  /** The body is complete. */
  isDone = false
  /** What is wrong with it; after that nothing may be read any more. */
  fault: string | undefined
  readonly #limits: ChunkedLimits
  #awaits: Awaited = 'size'
  /** Of the size that is being read. */
  #digits = 0
  #size = 0
  /** Bytes of the chunk still to come. */
  #left = 0
  #extension = ''
  #trailers: Block | undefined

  constructor(limits: ChunkedLimits) {
    this.#limits = limits
  }

  /** A new body. */
  begin(): void {
    this.isDone = false
    this.fault = undefined
    this.#awaits = 'size'
    this.#digits = 0
    this.#size = 0
    this.#extension = ''
    this.#trailers = undefined
  }

  /** Returns where the body ends in these bytes, their length where it does not or where it is wrong. */
  read(bytes: Uint8Array, start: number, taker: PieceTaker): number {
    let at = start
    while (at < bytes.length) {
      const byte = bytes[at] ?? 0
      switch (this.#awaits) {
        case 'size': {
          const value = hexValues[byte] ?? -1
          if (value >= 0) {
            if (this.#digits === digitsMax) return this.#fail(bytes, 'the size of a chunk has too many digits')
            this.#digits += 1
            this.#size = this.#size * 16 + value
          } else if (this.#digits === 0) return this.#fail(bytes, 'a chunk begins without its size')
          else if (byte === carriageReturn) this.#awaits = 'size-end'
          else if (byte === semicolon || byte === space || byte === tab) {
            this.#awaits = 'extension'
            continue
          } else return this.#fail(bytes, 'the size of a chunk is not a hexadecimal number')
          at += 1
          break
        }
        case 'size-end':
          if (byte !== lineFeed) return this.#fail(bytes, 'the line of a chunk size does not end with CRLF')
          at += 1
          this.#left = this.#size
          this.#awaits = this.#size === 0 ? 'trailers' : 'content'
          this.#size = 0
          this.#digits = 0
          break
        case 'content': {
          const end = Math.min(at + this.#left, bytes.length)
          this.#left -= end - at
          if (this.#left === 0) this.#awaits = 'content-end'
          const from = at
          at = end
          taker.onPiece(from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end))
          break
        }
        case 'content-end':
          if (byte !== carriageReturn) return this.#fail(bytes, 'a chunk does not end where its size says')
          at += 1
          this.#awaits = 'chunk-end'
          break
        case 'chunk-end':
          if (byte !== lineFeed) return this.#fail(bytes, 'a chunk does not end with CRLF')
          at += 1
          this.#awaits = 'size'
          break
        case 'extension':
          at = this.#readExtension(bytes, at)
          break
        case 'trailers':
          if (this.#trailers === undefined && byte === carriageReturn && bytes[at + 1] === lineFeed) {
            this.isDone = true
            return at + 2
          }
          return this.#readTrailers(bytes, at)
      }
    }
    return at
  }

  #readExtension(bytes: Uint8Array, start: number): number {
    let at = start
    while (at < bytes.length && valueKinds[bytes[at] ?? 0] === 1) at += 1
    if (this.#extension.length + at - start > this.#limits.extensionBytesMax) {
      return this.#fail(bytes, `the extensions of a chunk are larger than ${this.#limits.extensionBytesMax} bytes`)
    }
    this.#extension += asBuffer(bytes).toString('latin1', start, at)
    if (at === bytes.length) return at
    // An open quote would leave it to the reader's taste where the line ends.
    if (bytes[at] !== carriageReturn || !extensions.test(this.#extension)) {
      return this.#fail(bytes, 'the extensions of a chunk are not as they should be')
    }
    this.#extension = ''
    this.#awaits = 'size-end'
    return at + 1
  }

  #readTrailers(bytes: Uint8Array, start: number): number {
    let trailers = this.#trailers
    if (trailers === undefined) {
      trailers = this.#trailers = new Block()
      // Behind the end of the last chunk's line an empty line can follow at once, like behind any other.
      trailers.take(lineEnd, 0, lineEnd.length + 1)
    }
    const end = trailers.take(bytes, start, lineEnd.length + this.#limits.trailerBytesMax)
    if (trailers.fault !== undefined) return this.#fail(bytes, `in its trailers ${trailers.fault}`)
    if (trailers.text === undefined) return end
    const dropped: HeaderPair[] = []
    const wrong = readFields(trailers.text, lineEnd.length, this.#limits.headersMax, dropped)
    if (wrong !== undefined) return this.#fail(bytes, `in its trailers ${wrong}`)
    this.isDone = true
    return end
  }

  #fail(bytes: Uint8Array, fault: string): number {
    this.fault = fault
    return bytes.length
  }
}

/** Part of a chunked body that the next byte belongs to. */
type Awaited = 'size' | 'extension' | 'size-end' | 'content' | 'content-end' | 'chunk-end' | 'trailers'

/** Limit: so many keep the size a whole number that is exact. */
const digitsMax = 13
const lineEnd = Buffer.from('\r\n', 'latin1')

/** `;name`, `;name=token` or `;name="text"`, any number of them; white space is bad, but allowed (RFC 9112 §7.1.1). */
const extensions =
  /^(?:[ \t]*;[ \t]*[!#$%&'*+.^_`|~\w-]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+.^_`|~\w-]+|"(?:[^"\\]|\\.)*"))?)+$/
