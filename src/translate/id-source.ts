import { fillRandom } from '#ports/random.ts'
import type { IdSource } from './codec.ts'

/** Ids that nobody can guess and that never come twice. */
export class RandomIds implements IdSource {
  /** Chance is asked for in portions: most ids take a few bytes. */
  readonly #bytes = new Uint8Array(portionBytes)
  #used = portionBytes

  base62(length: number): string {
    let id = ''
    while (id.length < length) {
      const byte = this.#next()
      // More than four times 62 would make the first letters likelier.
      if (byte < fairMax) id += base62.charAt(byte % 62)
    }
    return id
  }

  hex(length: number): string {
    let id = ''
    while (id.length < length) id += base62.charAt(this.#next() & 15)
    return id
  }

  #next(): number {
    if (this.#used === portionBytes) {
      fillRandom(this.#bytes)
      this.#used = 0
    }
    return this.#bytes[this.#used++] ?? 0
  }
}

const portionBytes = 256
const fairMax = 248
const base62 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
