import { asBuffer, concat } from '#kit/bytes.ts'
import { asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { TransportFailure } from '#ports/transport.ts'
import { unreadable, type Rewriter } from './translated-body.ts'

// Limit: bytes of a body that is translated; it has to be in memory as a whole.
const bodyBytesMax = 32 * 1_048_576

/** Collects a body and makes something of it when all of it is there. */
export class WholeAnswer implements Rewriter {
  readonly #make: (body: Uint8Array) => readonly Uint8Array[] | TransportFailure
  #pieces: Uint8Array[] = []
  #bytes = 0
  #failure: TransportFailure | undefined

  constructor(make: (body: Uint8Array) => readonly Uint8Array[] | TransportFailure) {
    this.#make = make
  }

  readonly isOver = false

  get failure(): TransportFailure | undefined {
    return this.#failure
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    this.#bytes += chunk.byteLength
    if (this.#bytes > bodyBytesMax) {
      this.#pieces = []
      this.#failure = unreadable('its answer is too large to be translated')
    } else {
      this.#pieces.push(chunk)
    }
    return nothing
  }

  end(): readonly Uint8Array[] {
    const [only] = this.#pieces
    const body = this.#pieces.length === 1 && only !== undefined ? only : concat(this.#pieces)
    this.#pieces = []
    const made = this.#make(body)
    if (!('kind' in made)) return made
    this.#failure = made
    return nothing
  }
}

/** A body that may turn out to be a stream, by its first character that is no blank. */
export class Undecided implements Rewriter {
  readonly #choose: (first: string) => Rewriter
  #chosen: Rewriter | undefined

  constructor(choose: (first: string) => Rewriter) {
    this.#choose = choose
  }

  get isOver(): boolean {
    return this.#chosen?.isOver === true
  }

  get failure(): TransportFailure | undefined {
    return this.#chosen?.failure
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    if (this.#chosen !== undefined) return this.#chosen.push(chunk)
    const at = chunk.findIndex((byte) => byte > 0x20 && !markBytes.has(byte))
    // Blanks in front of everything mean nothing in any form.
    if (at === -1) return nothing
    this.#chosen = this.#choose(String.fromCharCode(chunk[at] ?? 0))
    return this.#chosen.push(at === 0 ? chunk : chunk.subarray(at))
  }

  end(): readonly Uint8Array[] {
    return this.#chosen?.end() ?? nothing
  }
}

/** Of a byte order mark. */
const markBytes: ReadonlySet<number> = new Set([0xef, 0xbb, 0xbf])

const nothing: readonly Uint8Array[] = []

/** The object that a body is, or the only one in its list. */
export function objectIn(body: Uint8Array): JsonObject | undefined {
  const value = valueIn(body)
  return Array.isArray(value) && value.length === 1 ? asObject(value[0]) : asObject(value)
}

/** The parsed value, or the text where it is no JSON. */
export function valueIn(body: Uint8Array): unknown {
  const text = asBuffer(body).toString('utf8')
  return parseJson(text.startsWith('\ufeff') ? text.slice(1) : text) ?? text
}
