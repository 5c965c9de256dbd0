/** Collects the beginning of a byte stream, up to a limit, as copies: the chunks may be reused by their owner. */
export class FirstBytes {
  readonly #bytesMax: number
  readonly #kept: Uint8Array[] = []
  #count = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(chunk: Uint8Array): void {
    const room = this.#bytesMax - this.#count
    if (room <= 0 || chunk.byteLength === 0) return
    const part = chunk.slice(0, room)
    this.#kept.push(part)
    this.#count += part.byteLength
  }

  /** What was kept so far, in one piece. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#kept, this.#count)
  }
}
