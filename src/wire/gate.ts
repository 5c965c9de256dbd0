import type { StreamForm } from '#core/endpoint.ts'
import { concat } from '#kit/bytes.ts'
import { ElementScanner } from './element-scanner.ts'
import { EventEnds } from './sse.ts'
import { readPiece, withLineEnds } from './stream-pieces.ts'

/** Where the bytes that a client has end: before anything, between two whole events, or where nothing can be added. */
export type GatePosition = 'start' | 'between' | 'inside'

/** The gate for a framing: whole server-sent events, elements of a JSON array, or lines. */
export function openGate(form: StreamForm): Gate {
  if (form === 'ndjson') return new Gate(form, lineEnds)
  return new Gate(form, form === 'gemini_array' ? new ElementEnds() : new EventEnds())
}

// Limit: an unfinished event of more bytes is passed on as it comes, so that huge events stream too.
const heldBytesMax = 64 * 1024

/**
 * Lets whole events through and holds the beginning of an unfinished one. Of an array it holds the comma behind an
 * element back, so that an error can still become the last one.
 */
export class Gate {
  readonly #form: StreamForm
  readonly #ends: Ends
  #held: Uint8Array[] = []
  #heldBytes = 0
  #position: GatePosition = 'start'
  #leavesOutMark = false

  constructor(form: StreamForm, ends: Ends) {
    this.#form = form
    this.#ends = ends
  }

  get position(): GatePosition {
    return this.#position
  }

  /**
   * The client has something already, such as a sign of life: a byte order mark in front of the stream would stand in the
   * middle of what it reads, where it is none. No more than that is ever left out.
   */
  begun(): void {
    this.#leavesOutMark = this.#position === 'start'
  }

  /** What may go out now, or undefined; the chunk itself when it may pass as it is. */
  push(chunk: Uint8Array): Uint8Array | undefined {
    if (chunk.length === 0) return undefined
    const end = this.#ends.lastIn(chunk)
    if (end === 0) return this.#hold(chunk)
    // Nothing can be added to an array that is closed.
    this.#position = this.#ends.isClosed === true ? 'inside' : 'between'
    if (end === chunk.length) return this.#release(chunk)
    const whole = this.#release(chunk.subarray(0, end))
    this.#held.push(chunk.subarray(end))
    this.#heldBytes = chunk.length - end
    return whole
  }

  /** What is still held, as it came, for a transfer that ended cleanly. */
  end(): Uint8Array | undefined {
    if (this.#held.length === 0) return undefined
    this.#position = 'inside'
    return this.#release()
  }

  /**
   * What is still held, for a transfer that broke or is ended by us: an event that lacks nothing but its line ends, and
   * these. The beginning of any other is left unsent.
   */
  mended(): Uint8Array | undefined {
    if (this.#held.length === 0) return undefined
    const held = this.#release()
    if (readPiece(this.#form, held, false).data === undefined) return undefined
    this.#position = 'between'
    return withLineEnds(this.#form, held)
  }

  #hold(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#position === 'inside' || this.#heldBytes + chunk.length > heldBytesMax) {
      this.#position = 'inside'
      return this.#release(chunk)
    }
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    return undefined
  }

  /** What was held and what follows, in one piece: one write costs less than two, and copying less than a write. */
  #release(next?: Uint8Array): Uint8Array {
    let whole = next
    if (this.#held.length > 0 || whole === undefined) {
      whole = concat(whole === undefined ? this.#held : [...this.#held, whole])
      this.#held = []
      this.#heldBytes = 0
    }
    return this.#leavesOutMark ? this.#withoutMark(whole) : whole
  }

  #withoutMark(bytes: Uint8Array): Uint8Array {
    this.#leavesOutMark = false
    return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
  }
}

/** Tells where the events of one framing end. */
interface Ends {
  /** The offset behind the last event that ends in the next chunk, 0 when none does. */
  lastIn(chunk: Uint8Array): number
  /** Nothing can follow. */
  readonly isClosed?: boolean
}

/** A carriage return in front of the line feed is blank. */
const lineEnds: Ends = { lastIn: (chunk) => chunk.lastIndexOf(0x0a) + 1 }

class ElementEnds implements Ends {
  readonly #scanner = new ElementScanner()

  get isClosed(): boolean {
    return this.#scanner.isClosed
  }

  lastIn(chunk: Uint8Array): number {
    return this.#scanner.scan(chunk).at(-1) ?? 0
  }
}
