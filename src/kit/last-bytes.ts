import { concat } from './bytes.ts'

/** Keeps the end of a byte stream, up to a limit. The chunks are kept as they are, so their owner must not reuse them. */
export class LastBytes {
  readonly #bytesMax: number
  #chunks: Uint8Array[] = []
  #count = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(chunk: Uint8Array): void {
    if (chunk.byteLength >= this.#bytesMax) {
      // A copy, so that a large buffer does not live on for its end.
      this.#chunks = [chunk.slice(-this.#bytesMax)]
      this.#count = this.#bytesMax
      return
    }
    this.#chunks.push(chunk)
    this.#count += chunk.byteLength
    if (this.#count > 2 * this.#bytesMax || this.#chunks.length > piecesMax) this.#chunks = [this.bytes()]
    if (this.#chunks.length === 1) this.#count = this.#chunks[0]?.byteLength ?? 0
  }

  bytes(): Uint8Array {
    const all = concat(this.#chunks)
    return all.byteLength > this.#bytesMax ? all.slice(-this.#bytesMax) : all
  }
}

/** Limit: pieces that are kept apart, since each costs more than its bytes. */
const piecesMax = 512
