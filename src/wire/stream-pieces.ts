import type { StreamForm } from '#core/endpoint.ts'
import { asBuffer, concat, encode } from '#kit/bytes.ts'
import { parseJson } from '#kit/json-value.ts'
import { ElementScanner, startOfElement } from './element-scanner.ts'
import { SseParser } from './sse.ts'

/** One event, line or element of a stream. */
export interface StreamPiece {
  /** Its bytes on the wire, with what separates it from its neighbours. */
  readonly raw: Uint8Array
  /** The `event` field of a server-sent event, empty when there is none. */
  readonly event: string
  /** What it says, as text; undefined for a comment or an empty line. The end of an array says `]`. */
  readonly data: string | undefined
  /** False for a last piece that lacks the end of its line or block. */
  readonly isWhole: boolean
}

/** Cuts a stream of any form into its pieces, from chunks that are cut anywhere. */
export class StreamPieces {
  readonly #form: StreamForm
  readonly #cutter: Cutter
  #held: Uint8Array[] = []
  #heldBytes = 0

  constructor(form: StreamForm) {
    this.#form = form
    this.#cutter = cutterOf(form)
  }

  push(chunk: Uint8Array): StreamPiece[] {
    const pieces: StreamPiece[] = []
    let start = 0
    for (const end of this.#cutter.scan(chunk)) {
      pieces.push(readPiece(this.#form, this.#release(chunk.subarray(start, end)), true))
      start = end
    }
    if (start < chunk.length) {
      // A copy, since the chunk may be used again by its owner.
      this.#held.push(chunk.slice(start))
      this.#heldBytes += chunk.length - start
    }
    return pieces
  }

  /** The piece that the stream ended in, if it lacks nothing but its line ends. */
  end(): StreamPiece | undefined {
    if (!this.isInside) return undefined
    const piece = readPiece(this.#form, this.#release(new Uint8Array()), false)
    return piece.data === undefined ? undefined : piece
  }

  /** Bytes of the piece that is not over yet. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Its bytes. */
  get rest(): Uint8Array {
    return concat(this.#held)
  }

  /** The stream stands in the middle of a piece; blanks between two of them do not count. */
  get isInside(): boolean {
    return this.#held.some((part) => part.some((byte) => byte > 0x20))
  }

  #release(last: Uint8Array): Uint8Array {
    if (this.#held.length === 0) return last
    const whole = concat([...this.#held, last])
    this.#held = []
    this.#heldBytes = 0
    return whole
  }
}

/** Tells where in a chunk pieces end. */
interface Cutter {
  scan(chunk: Uint8Array): number[]
}

function cutterOf(form: StreamForm): Cutter {
  if (form === 'gemini_array') return new ElementScanner()
  return form === 'ndjson' ? new LineCutter() : new BlockCutter()
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

class LineCutter implements Cutter {
  scan(chunk: Uint8Array): number[] {
    const ends: number[] = []
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, at + 1)) ends.push(at + 1)
    return ends
  }
}

/** Finds the blank lines between server-sent events, whatever their line ends are. */
class BlockCutter implements Cutter {
  #isLineEmpty = true
  #afterReturn = false

  scan(chunk: Uint8Array): number[] {
    const ends: number[] = []
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      const isSecondHalf = this.#afterReturn && byte === lineFeed
      this.#afterReturn = byte === carriageReturn
      if (isSecondHalf) continue
      if (byte !== lineFeed && byte !== carriageReturn) this.#isLineEmpty = false
      else if (!this.#isLineEmpty) this.#isLineEmpty = true
      // An LF that comes with the next chunk stands in front of the next event, where it means nothing.
      else ends.push(byte === carriageReturn && chunk[at + 1] === lineFeed ? at + 2 : at + 1)
    }
    return ends
  }
}

/** What the bytes of one piece say. One that is not whole says something only if it lacks nothing but its line ends. */
export function readPiece(form: StreamForm, raw: Uint8Array, isWhole: boolean): StreamPiece {
  if (form === 'ndjson') return readLine(raw, isWhole)
  return form === 'gemini_array' ? readElement(raw, isWhole) : readBlock(raw, isWhole)
}

/** A piece that lacks its line ends, with them. */
export function withLineEnds(form: StreamForm, raw: Uint8Array): Uint8Array {
  return concat([raw, encode(form === 'ndjson' || raw.at(-1) === lineFeed ? '\n' : '\n\n')])
}

function readBlock(raw: Uint8Array, isWhole: boolean): StreamPiece {
  const parser = new SseParser()
  const event = parser.push(raw)[0] ?? (isWhole ? undefined : parser.end())
  return { raw, event: event?.event ?? '', data: event?.data, isWhole }
}

function readLine(raw: Uint8Array, isWhole: boolean): StreamPiece {
  const text = asBuffer(raw).toString('utf8').trim()
  const isSomething = isWhole ? text !== '' : parseJson(text) !== undefined
  return { raw, event: '', data: isSomething ? text : undefined, isWhole }
}

function readElement(raw: Uint8Array, isWhole: boolean): StreamPiece {
  // An element ends with its own bracket.
  if (!isWhole) return { raw, event: '', data: undefined, isWhole }
  const text = asBuffer(raw).toString('utf8')
  const element = text.slice(startOfElement(text))
  // An object that stands in no array is no element: as a list it is none that anybody can go on with.
  const isAlone = text.trimStart() === element && element !== ']'
  return { raw, event: '', data: isAlone ? `[${element}]` : element, isWhole }
}
