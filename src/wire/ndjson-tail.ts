import { asBuffer, concat } from '#kit/bytes.ts'
import { parseJson } from '#kit/json-value.ts'
import { terminalOf, type StreamEnding, type Terminal } from './event-terminal.ts'
import { done, MemberScanner } from './member-scanner.ts'
import { soleObject } from './sole-object.ts'

// Limit: bytes of the stream's end that are kept; of a longer line only the mark of its end is remembered.
const tailBytes = 16 * 1024

// Limit: pieces that are kept apart, since each costs more than its bytes.
const piecesMax = 512

/** Lines in front of a terminal one that are searched for an error: some servers send one and then end as usual. */
const linesBefore = 2

const lineFeed = 0x0a

const nothing = new Uint8Array(0)

/**
 * Keeps the end of a stream of newline-delimited JSON and judges it. A chunk costs an entry in a list; only the last
 * lines are parsed, when the stream has ended.
 */
export class LineTail {
  #chunks: Uint8Array[] = []
  #bytes = 0
  /** Has read the last line that began in front of what is kept; undefined while the whole stream is kept. */
  #front: MemberScanner | undefined

  see(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > 2 * tailBytes || this.#chunks.length > piecesMax) this.#compact()
  }

  /** In one piece from now on: it is asked for again by those who read more in it than its end. */
  get tail(): Uint8Array {
    if (this.#chunks.length > 1) this.#chunks = [concat(this.#chunks)]
    return this.#chunks[0] ?? nothing
  }

  look(): StreamEnding {
    const terminal = this.#terminal()
    const isDone = terminal === 'complete'
    return {
      verdict: isDone ? 'complete' : terminal === undefined ? 'incomplete' : 'errored',
      isOver: isDone,
      hasFinalWord: isDone,
    }
  }

  #terminal(): Terminal | undefined {
    const { tail } = this
    const front = this.#front === undefined ? undefined : new MemberScanner(done, this.#front)
    // A line that had not ended goes on in what is kept.
    const first = front === undefined || front.isClosed ? 0 : endOfLine(tail)
    let terminal: Terminal | undefined
    let before = 0
    // From the last line back to the first whole one that is kept.
    for (let end = endOfContent(tail, tail.length); end > first && before <= linesBefore;) {
      const start = tail.lastIndexOf(lineFeed, end - 1) + 1
      const line = asBuffer(tail).toString('utf8', start, end)
      const found = terminalOf('ndjson', '', line, soleObject(parseJson(line)))
      if (found === 'errored') return found
      terminal ??= found
      if (terminal !== undefined) before++
      end = endOfContent(tail, start)
    }
    if (terminal !== undefined) return terminal
    front?.scan(tail.subarray(0, first))
    return front !== undefined && front.isClosed && front.hasFound ? 'complete' : undefined
  }

  #compact(): void {
    const all = concat(this.#chunks)
    if (all.length <= 2 * tailBytes) {
      this.#chunks = [all]
      return
    }
    const cut = all.length - tailBytes
    this.#read(all, endOfContent(all, cut), cut)
    // A copy, so that a large buffer does not live on for its end.
    const tail = all.slice(cut)
    this.#chunks = [tail]
    this.#bytes = tail.length
  }

  /** Remembers the last line in front of `end`, or what there is of it; from there to the cut there are blanks. */
  #read(bytes: Uint8Array, end: number, cut: number): void {
    if (end > 0) {
      const start = bytes.lastIndexOf(lineFeed, end - 1) + 1
      if (this.#front === undefined || this.#front.isClosed || start > 0) this.#front = new MemberScanner(done)
      this.#front.scan(bytes.subarray(start, end))
    }
    // A line that ended in the middle of its object was none.
    if (this.#front?.isClosed === false && bytes.subarray(end, cut).includes(lineFeed)) this.#front = undefined
  }
}

function endOfLine(bytes: Uint8Array): number {
  const end = bytes.indexOf(lineFeed)
  return end === -1 ? bytes.length : end
}

/** The offset behind the last byte in front of `end` that is not blank. */
function endOfContent(bytes: Uint8Array, end: number): number {
  let at = end
  while (at > 0 && isBlank(bytes[at - 1])) at--
  return at
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
