import { asBuffer } from '#kit/bytes.ts'
import { carriageReturn, lineFeed } from './octets.ts'

/** What ends a head: the end of its last line, and an empty line. */
export const blockEnd = Buffer.from('\r\n\r\n', 'latin1')

/** Collects lines up to the first empty one where they did not come in one piece, without looking at a byte twice. */
export class Block {
  /** The lines without the empty one, as latin-1, once they are all there. */
  text: string | undefined
  /** What is wrong with them. */
  fault: string | undefined
  #bytes: Buffer = none
  #length = 0

  /** Nothing of a block was kept. */
  get isEmpty(): boolean {
    return this.#length === 0
  }

  get length(): number {
    return this.#length
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Takes what belongs to the block; returns where that ends. */
  take(bytes: Uint8Array, start: number, bytesMax: number): number {
    const before = this.#length
    const length = Math.min(before + bytes.length - start, bytesMax)
    this.#keep(bytes, start, length)
    const end = this.#bytes.subarray(0, length).indexOf(blockEnd, Math.max(0, before - (blockEnd.length - 1)))
    if (end === -1) {
      this.fault = hasLooseEnd(this.#bytes, Math.max(0, before - 1), length)
        ? 'a line does not end with CRLF'
        : length === bytesMax
          ? `it is larger than ${bytesMax} bytes`
          : undefined
      return bytes.length
    }
    this.text = this.#bytes.toString('latin1', 0, end + 2)
    return start + end + blockEnd.length - before
  }

  clear(): void {
    this.text = undefined
    this.#bytes = none
    this.#length = 0
  }

  #keep(bytes: Uint8Array, start: number, length: number): void {
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#bytes.length * 2, firstBytes))
      larger.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = larger
    }
    asBuffer(bytes).copy(this.#bytes, this.#length, start, start + length - this.#length)
    this.#length = length
  }
}

const none = Buffer.alloc(0)
const firstBytes = 1024

/** A carriage return and a line feed stand only together; that the last byte is a carriage return is no fault yet. */
function hasLooseEnd(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]
    if (byte === lineFeed && (at === 0 || bytes[at - 1] !== carriageReturn)) return true
    if (byte === carriageReturn && at + 1 < end && bytes[at + 1] !== lineFeed) return true
  }
  return false
}
