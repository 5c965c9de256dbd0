import { asBuffer, concat } from '#kit/bytes.ts'
import { parseJson } from '#kit/json-value.ts'
import { ElementScanner, startOfElement } from './element-scanner.ts'
import { ChoiceEnds, terminalOf, type StreamEnding, type Terminal } from './event-terminal.ts'
import { finishReason, MemberScanner } from './member-scanner.ts'
import { soleObject } from './sole-object.ts'

// Limit: bytes of an element that are parsed; of a larger one only its reason to end is looked for.
const elementBytesMax = 64 * 1024

// Limit: pieces of an element that are kept apart, since each costs more than its bytes.
const piecesMax = 512

/** Follows a streamed JSON array: complete when it is closed and every candidate that spoke has ended. */
export class ElementTail {
  readonly #scanner = new ElementScanner()
  #pieces: Uint8Array[] = []
  #bytes = 0
  /** Reads an element that is too large to be kept. */
  #large: MemberScanner | undefined
  /** The last element that could be kept. */
  #last = new Uint8Array(0)
  #terminal: Terminal | undefined
  #choices = new ChoiceEnds()

  see(chunk: Uint8Array): void {
    let start = 0
    for (const end of this.#scanner.scan(chunk)) {
      this.#keep(chunk.subarray(start, end))
      this.#endElement()
      start = end
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
  }

  get tail(): Uint8Array {
    return this.#last
  }

  look(): StreamEnding {
    const { isClosed } = this.#scanner
    const isComplete = this.#terminal === 'complete' && isClosed && !this.#choices.hasOpen
    const verdict = this.#terminal === 'errored' ? 'errored' : isComplete ? 'complete' : 'incomplete'
    return { verdict, isOver: isComplete, hasFinalWord: isClosed }
  }

  #keep(piece: Uint8Array): void {
    if (this.#large !== undefined) return this.#large.scan(piece)
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#bytes > elementBytesMax) {
      this.#large = new MemberScanner(finishReason)
      const bytes = this.#take()
      // An array that is open counts as one to stand in.
      this.#large.scan(bytes.subarray(startOfElement(asBuffer(bytes).toString('latin1'))))
    } else if (this.#pieces.length > piecesMax) {
      this.#pieces = [concat(this.#pieces)]
    }
  }

  #take(): Uint8Array<ArrayBuffer> {
    const bytes = concat(this.#pieces)
    this.#pieces = []
    this.#bytes = 0
    return bytes
  }

  #endElement(): void {
    const found = this.#large === undefined ? this.#terminalOf(this.#take()) : this.#terminalOfLarge(this.#large)
    if (this.#terminal !== 'errored') this.#terminal = found ?? this.#terminal
    this.#large = undefined
  }

  #terminalOf(bytes: Uint8Array<ArrayBuffer>): Terminal | undefined {
    const element = asBuffer(bytes)
    // The last piece is the closing bracket alone.
    if (bytes.length > bracketBytesMax) this.#last = bytes
    if (this.#choices.hasBegun(0) && !mayTell(element)) return undefined
    const text = element.toString()
    const data = text.slice(startOfElement(text))
    const body = soleObject(parseJson(data))
    this.#choices.add(body)
    return terminalOf('gemini_array', '', data, body)
  }

  /** Whose end it told is not known, so that nobody counts as open any more. */
  #terminalOfLarge(large: MemberScanner): Terminal | undefined {
    if (!large.hasFound) return undefined
    this.#choices = new ChoiceEnds()
    return 'complete'
  }
}

/** A bracket and the blanks around it. */
const bracketBytesMax = 16

/** Every terminal form holds one of these keys; looking for them spares parsing nearly every element. */
const keys = ['"finishReason"', '"error"', '"blockReason"']

/** Whether it may say more than that the first candidate goes on. */
function mayTell(element: Buffer): boolean {
  return keys.some((key) => element.includes(key)) || hasOtherIndex(element)
}

function hasOtherIndex(element: Buffer): boolean {
  const key = '"index"'
  for (let at = element.indexOf(key); at !== -1; at = element.indexOf(key, at + 1)) {
    let next = at + key.length
    while (blanks.has(element[next])) next++
    if (element[next] !== 0x30) return true
  }
  return false
}

/** And the colon. */
const blanks: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d, 0x3a])
