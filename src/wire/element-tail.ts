import { asBuffer, concat } from '#kit/bytes.ts'
import { ElementScanner } from './array-gate.ts'
import type { Terminal } from './event-terminal.ts'
import { terminalOf } from './event-terminal.ts'
import { findMarker } from './terminal-marker.ts'

// Limit: bytes of an element that are kept; a larger one is judged by a marker in its end.
const elementBytesMax = 64 * 1024

/** Follows a streamed JSON array: complete when it is closed and one of its elements said that it was the last. */
export class ElementTail {
  readonly #scanner = new ElementScanner()
  #pieces: Uint8Array[] = []
  #bytes = 0
  #isCut = false
  #terminal: Terminal | undefined

  see(chunk: Uint8Array): void {
    let start = 0
    for (const end of this.#scanner.scan(chunk)) {
      this.#keep(chunk.subarray(start, end))
      this.#endElement()
      start = end
    }
    this.#keep(chunk.subarray(start))
  }

  verdict(): Terminal | 'incomplete' {
    if (this.#terminal === 'errored') return 'errored'
    return this.#terminal === 'complete' && this.#scanner.isClosed ? 'complete' : 'incomplete'
  }

  #keep(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#bytes <= 2 * elementBytesMax) return
    const tail = concat(this.#pieces).slice(-elementBytesMax)
    this.#pieces = [tail]
    this.#bytes = tail.length
    this.#isCut = true
  }

  #endElement(): void {
    const bytes = concat(this.#pieces)
    const found = this.#isCut ? findMarker('gemini_array', bytes, false) : terminalOfElement(bytes)
    if (this.#terminal !== 'errored') this.#terminal = found ?? this.#terminal
    this.#pieces = []
    this.#bytes = 0
    this.#isCut = false
  }
}

/** Every terminal form holds one of these keys; looking for them spares parsing nearly every element. */
const keys = ['"finishReason"', '"error"', '"blockReason"']

function terminalOfElement(bytes: Uint8Array): Terminal | undefined {
  const element = asBuffer(bytes)
  if (!keys.some((key) => element.includes(key))) return undefined
  // In front of an element stands the bracket or comma that separates it.
  return terminalOf('gemini_array', '', element.toString().replace(/^[\s,[]+/, ''))
}
