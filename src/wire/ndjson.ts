import { asBuffer, concat } from '#kit/bytes.ts'
import { parseJson } from '#kit/json-value.ts'
import type { Gate, GatePosition } from './sse.ts'

// Limit: an unfinished line of more bytes is passed on as it comes.
const heldBytesMax = 64 * 1024

const lineFeed = 0x0a

/** The gate for newline-delimited JSON: lets whole lines through. A carriage return in front of the line feed is blank. */
export class LineGate implements Gate {
  #held: Uint8Array[] = []
  #heldBytes = 0
  #position: GatePosition = 'start'

  get position(): GatePosition {
    return this.#position
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    const end = chunk.lastIndexOf(lineFeed) + 1
    if (end === 0) return this.#hold(chunk)
    this.#position = 'between'
    if (end === chunk.length) return this.#release(chunk)
    const whole = this.#release(chunk.subarray(0, end))
    this.#held.push(chunk.subarray(end))
    this.#heldBytes = chunk.length - end
    return whole
  }

  end(): Uint8Array | undefined {
    if (this.#held.length === 0) return undefined
    this.#position = 'inside'
    return this.#release()
  }

  #hold(chunk: Uint8Array): Uint8Array | undefined {
    if (chunk.length === 0) return undefined
    if (this.#position === 'inside') return chunk
    if (this.#heldBytes + chunk.length > heldBytesMax) {
      this.#position = 'inside'
      return this.#release(chunk)
    }
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    return undefined
  }

  #release(next?: Uint8Array): Uint8Array {
    if (this.#held.length === 0 && next !== undefined) return next
    const whole = concat(next === undefined ? this.#held : [...this.#held, next])
    this.#held = []
    this.#heldBytes = 0
    return whole
  }
}

/**
 * Reads the lines of newline-delimited JSON from chunks cut anywhere, without those that are blank. It keeps the line
 * that is being read, however long it gets: whoever feeds it sets the bound.
 */
export class LineParser {
  #line: Uint8Array[] = []

  push(chunk: Uint8Array): string[] {
    const lines: string[] = []
    let start = 0
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, start)) {
      const line = this.#endLine(chunk.subarray(start, at))
      if (line !== '') lines.push(line)
      start = at + 1
    }
    if (start < chunk.length) this.#line.push(chunk.subarray(start))
    return lines
  }

  /** The line that the stream broke off in, if it lacks no more than its line end. */
  end(): string | undefined {
    const line = this.#endLine(new Uint8Array())
    return parseJson(line) === undefined ? undefined : line
  }

  #endLine(rest: Uint8Array): string {
    this.#line.push(rest)
    const text = asBuffer(this.#line.length === 1 ? rest : concat(this.#line)).toString()
    this.#line = []
    return text.trim()
  }
}
