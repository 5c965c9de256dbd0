import { asBuffer, concat } from '#kit/bytes.ts'

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Finds where server-sent events end: with a blank line, whatever their line ends are. */
export class EventEnds {
  /** The last two bytes that came, since a blank line can be cut between chunks. */
  #before: LastBytes = none

  /** The offset behind the last event that ends in the next chunk, 0 when none does. */
  lastIn(chunk: Uint8Array): number {
    const end = endOfLastEvent(chunk, this.#before)
    this.#before = lastBytes(chunk, this.#before)
    return end
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
