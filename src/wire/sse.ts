import { asBuffer, concat } from '#kit/bytes.ts'

/** Where the bytes that a client has end: before anything, between two whole events, or where nothing can be added. */
export type GatePosition = 'start' | 'between' | 'inside'

/** Lets whole events through and holds the beginning of an unfinished one. Bytes are never altered. */
export interface Gate {
  /** What may go out now, or undefined; the chunk itself when it may pass as it is. */
  push(chunk: Uint8Array): Uint8Array | undefined
  /** What is still held, for a transfer that ended cleanly. That of a broken one is left unsent. */
  end(): Uint8Array | undefined
  readonly position: GatePosition
}

// Limit: an unfinished event of more bytes is passed on as it comes, so that huge events stream too.
const heldBytesMax = 64 * 1024

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** The gate for server-sent events: an event ends with a blank line, whatever its line ends are. */
export class EventGate implements Gate {
  #held: Uint8Array[] = []
  #heldBytes = 0
  /** The last two bytes that came, since a blank line can be cut between chunks. */
  #before: LastBytes = [0, 0]
  #position: GatePosition = 'start'

  get position(): GatePosition {
    return this.#position
  }

  push(chunk: Uint8Array): Uint8Array | undefined {
    if (chunk.length === 0) return undefined
    const end = endOfLastEvent(chunk, this.#before)
    this.#before = lastBytes(chunk, this.#before)
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
    if (this.#position === 'inside') return chunk
    if (this.#heldBytes + chunk.length > heldBytesMax) {
      this.#position = 'inside'
      return this.#release(chunk)
    }
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    return undefined
  }

  /** What was held and what follows, in one piece: one write costs less than two, and copying less than a write. */
  #release(next?: Uint8Array): Uint8Array {
    if (this.#held.length === 0 && next !== undefined) return next
    const whole = concat(next === undefined ? this.#held : [...this.#held, next])
    this.#held = []
    this.#heldBytes = 0
    return whole
  }
}

/** The last but one byte of a stream so far, and the last. */
type LastBytes = readonly [number, number]

const none: LastBytes = [0, 0]
const lineFeeds: LastBytes = [lineFeed, lineFeed]

function lastBytes(chunk: Uint8Array, before: LastBytes): LastBytes {
  const last = chunk[chunk.length - 1] ?? before[1]
  const lastButOne = chunk[chunk.length - 2] ?? before[1]
  return last === lineFeed && lastButOne === lineFeed ? lineFeeds : [lastButOne, last]
}

/** The offset behind the last blank line, 0 when there is none. A line ends with LF, CR LF or CR. */
export function endOfLastEvent(chunk: Uint8Array, before = none): number {
  const length = chunk.length
  // The usual case: the chunk ends with whole events.
  if (chunk[length - 1] === lineFeed && (length > 1 ? chunk[length - 2] : before[1]) === lineFeed) return length
  if (chunk.includes(carriageReturn) || before[1] === carriageReturn) return endOfLastEventWithReturns(chunk, before)
  for (let at = chunk.lastIndexOf(lineFeed); at > 0; at = chunk.lastIndexOf(lineFeed, at - 1)) {
    if (chunk[at - 1] === lineFeed) return at + 1
  }
  return chunk[0] === lineFeed && before[1] === lineFeed ? 1 : 0
}

function endOfLastEventWithReturns(chunk: Uint8Array, before: LastBytes): number {
  for (let at = chunk.length - 1; at >= 0; at--) {
    const byte = chunk[at]
    const previous = at === 0 ? before[1] : chunk[at - 1]
    if (byte === lineFeed) {
      const third = at === 1 ? before[1] : at === 0 ? before[0] : chunk[at - 2]
      const isBlank = previous === carriageReturn && (third === lineFeed || third === carriageReturn)
      if (previous === lineFeed || isBlank) return at + 1
    } else if (byte === carriageReturn) {
      if (previous === carriageReturn) return at + 1
      // At the very end it is the first half of CR LF: the blank line is not over.
      if (previous === lineFeed && at + 1 < chunk.length) return at + 1
    }
  }
  return 0
}

/** One server-sent event. */
export interface SseEvent {
  /** The `event` field, empty when there is none. */
  readonly event: string
  /** The `data` lines, joined with LF. */
  readonly data: string
}

/**
 * Reads server-sent events by the algorithm of the HTML standard, from chunks cut anywhere. It keeps the event that is
 * being read, however long it gets: whoever feeds it sets the bound.
 */
export class SseParser {
  /** Bytes of the line that has not ended yet. */
  #line: Uint8Array[] = []
  #atStart = true
  #afterReturn = false
  #event = ''
  #data: string[] = []

  push(chunk: Uint8Array): SseEvent[] {
    const events: SseEvent[] = []
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      const isSecondHalf = this.#afterReturn && byte === lineFeed
      this.#afterReturn = byte === carriageReturn
      if (isSecondHalf) start = at + 1
      else if (byte === lineFeed || byte === carriageReturn) {
        this.#endLine(chunk.subarray(start, at), events)
        start = at + 1
      }
    }
    if (start < chunk.length) this.#line.push(chunk.subarray(start))
    return events
  }

  /** The event that the stream broke off in, if it lacks no more than its last line ends. */
  end(): SseEvent | undefined {
    const events: SseEvent[] = []
    this.#endLine(new Uint8Array(), events)
    this.#endLine(new Uint8Array(), events)
    const last = events.at(-1)
    return last !== undefined && (last.data.trim() === '[DONE]' || isJson(last.data)) ? last : undefined
  }

  #endLine(rest: Uint8Array, events: SseEvent[]): void {
    this.#line.push(rest)
    // Whole lines only are decoded, so that no character is cut; bytes that are no UTF-8 become U+FFFD.
    const text = asBuffer(this.#line.length === 1 ? rest : concat(this.#line)).toString('utf8')
    this.#line = []
    const line = this.#atStart && text.startsWith('\ufeff') ? text.slice(1) : text
    this.#atStart = false
    if (line === '') this.#dispatch(events)
    else this.#readField(line)
  }

  #readField(line: string): void {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'data') this.#data.push(value)
    else if (name === 'event') this.#event = value
  }

  #dispatch(events: SseEvent[]): void {
    if (this.#data.length > 0) events.push({ event: this.#event, data: this.#data.join('\n') })
    this.#event = ''
    this.#data = []
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
