import { concat } from '#kit/bytes.ts'
import { parseJson } from '#kit/json-value.ts'
import { AwsEvents } from '#wire/aws-events.ts'
import { ElementScanner, startOfElement } from '#wire/element-scanner.ts'
import type { Framing } from './codec.ts'

/** Is handed the events of a stream, one by one. */
export interface FramedSink {
  takeFramed(name: string, data: string): void
}

/** Cuts the bytes of a backend's stream into events, however the chunks are cut. */
export interface Unframer {
  push(chunk: Uint8Array, sink: FramedSink): void
  /** The transfer ended: what lacks nothing but its line ends is an event too. */
  end(sink: FramedSink): void
  /** Bytes of the event that is not over yet. */
  readonly heldBytes: number
  /** The transfer ended within an event. */
  readonly isTorn: boolean
}

export function openUnframer(framing: Framing): Unframer {
  switch (framing) {
    case 'sse':
      return new SseUnframer()
    case 'lines':
      return new LineUnframer()
    case 'array':
      return new ElementUnframer()
    case 'aws':
      return new AwsUnframer()
    case 'raw':
      return new TextUnframer()
  }
}

/** Takes half the time of a Buffer. A byte order mark is one only in front of everything. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Bytes up to the last line end are decoded in one go: no character is cut there, and it costs the least. */
abstract class Lines implements Unframer {
  isTorn = false
  /** What is read now had no line end. */
  protected isLast = false
  #held: Uint8Array[] = []
  #heldBytes = 0
  #afterReturn = false
  #atStart = true

  get heldBytes(): number {
    return this.#heldBytes
  }

  push(chunk: Uint8Array, sink: FramedSink): void {
    const bytes = this.#afterReturn && chunk[0] === lineFeed ? chunk.subarray(1) : chunk
    if (chunk.length > 0) this.#afterReturn = false
    const end = endOfLines(bytes)
    if (end > 0) {
      this.#afterReturn = bytes[end - 1] === carriageReturn
      this.#readAll(bytes, end, sink)
    }
    if (end === bytes.length) return
    // A copy, since the chunk may be used again by its owner.
    this.#held.push(bytes.slice(end))
    this.#heldBytes += bytes.length - end
  }

  end(sink: FramedSink): void {
    this.isLast = true
    if (this.#heldBytes > 0) this.#readAll(new Uint8Array(), 0, sink)
    this.finish(sink)
  }

  protected abstract readLine(line: string, sink: FramedSink): void

  protected abstract finish(sink: FramedSink): void

  #readAll(bytes: Uint8Array, end: number, sink: FramedSink): void {
    const text = this.#decode(bytes, end)
    let start = 0
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', start)) {
      this.readLine(text.slice(start, at), sink)
      start = at + 1
    }
    if (start < text.length) this.readLine(text.slice(start), sink)
  }

  /** With LF alone for line ends. Bytes that are no UTF-8 become U+FFFD. */
  #decode(bytes: Uint8Array, end: number): string {
    let text: string
    if (this.#heldBytes === 0) {
      text = decoder.decode(end === bytes.length ? bytes : bytes.subarray(0, end))
    } else {
      text = decoder.decode(concat([...this.#held, bytes.subarray(0, end)]))
      this.#held = []
      this.#heldBytes = 0
    }
    if (this.#atStart) {
      this.#atStart = false
      if (text.startsWith('\ufeff')) text = text.slice(1)
    }
    return text.includes('\r') ? text.replaceAll(/\r\n?/g, '\n') : text
  }
}

function endOfLines(bytes: Uint8Array): number {
  const length = bytes.length
  if (bytes[length - 1] === lineFeed) return length
  return Math.max(bytes.lastIndexOf(lineFeed), bytes.lastIndexOf(carriageReturn)) + 1
}

/** Server-sent events by the algorithm of the HTML standard. */
class SseUnframer extends Lines {
  #name = ''
  #data: string | undefined
  #dataLength = 0

  override get heldBytes(): number {
    return super.heldBytes + this.#dataLength
  }

  protected override readLine(line: string, sink: FramedSink): void {
    if (line === '') return this.#dispatch(sink)
    // Most lines are these.
    if (this.#data === undefined && line.startsWith('data: ')) {
      this.#data = line.slice('data: '.length)
      this.#dataLength = this.#data.length
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'data') {
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
      this.#dataLength = this.#data.length
    } else if (name === 'event') this.#name = value
  }

  /** Some servers forget the last blank line. */
  protected override finish(sink: FramedSink): void {
    const data = this.#data?.trim()
    if (data === undefined || data === '') return
    if (data === '[DONE]' || isAllJson(data)) this.#dispatch(sink)
    else this.isTorn = true
  }

  #dispatch(sink: FramedSink): void {
    const name = this.#name
    const data = this.#data
    this.#name = ''
    this.#data = undefined
    this.#dataLength = 0
    if (data === undefined || data === '') return
    if (!data.includes('\n') || parseJson(data) !== undefined) return sink.takeFramed(name, data)
    for (const part of eventsIn(data)) sink.takeFramed(name, part)
  }
}

/** Some servers leave out the blank lines between events: each line is one then. */
function eventsIn(data: string): readonly string[] {
  const lines = data.split('\n').filter((line) => line.trim() !== '')
  return lines.every((line) => line.trim() === '[DONE]' || parseJson(line) !== undefined) ? lines : [data]
}

function isAllJson(data: string): boolean {
  return parseJson(data) !== undefined || eventsIn(data).length > 1
}

/** One value of JSON per line. */
class LineUnframer extends Lines {
  protected override readLine(line: string, sink: FramedSink): void {
    const trimmed = line.trim()
    // Some servers write the lines of an event stream all the same.
    const data = trimmed.startsWith('data:') ? trimmed.slice('data:'.length).trim() : trimmed
    if (this.isLast && data !== '' && data !== '[DONE]' && parseJson(data) === undefined) this.isTorn = true
    else if (trimmed !== '') sink.takeFramed('', data)
  }

  protected override finish(): void {}
}

/** The elements of a JSON array, or a single value. */
class ElementUnframer implements Unframer {
  isTorn = false
  readonly #scanner = new ElementScanner()
  #held: Uint8Array[] = []
  #heldBytes = 0

  get heldBytes(): number {
    return this.#heldBytes
  }

  push(chunk: Uint8Array, sink: FramedSink): void {
    let start = 0
    for (const end of this.#scanner.scan(chunk)) {
      this.#tell(chunk.subarray(start, end), sink)
      start = end
    }
    if (start === chunk.length) return
    this.#held.push(chunk.slice(start))
    this.#heldBytes += chunk.length - start
  }

  /** An element ends with its own bracket. */
  end(): void {
    const text = decoder.decode(concat(this.#held))
    this.isTorn = startOfElement(text) < text.length
  }

  #tell(last: Uint8Array, sink: FramedSink): void {
    const bytes = this.#heldBytes === 0 ? last : concat([...this.#held, last])
    this.#held = []
    this.#heldBytes = 0
    const text = decoder.decode(bytes)
    const element = text.slice(startOfElement(text))
    if (element !== ']' && element !== '') sink.takeFramed('', element)
  }
}

class AwsUnframer implements Unframer {
  /** Told as an event. */
  readonly isTorn = false
  readonly #events = new AwsEvents()

  get heldBytes(): number {
    return this.#events.heldBytes
  }

  push(chunk: Uint8Array, sink: FramedSink): void {
    for (const { name, data } of this.#events.push(chunk)) sink.takeFramed(name, data)
  }

  end(sink: FramedSink): void {
    for (const { name, data } of this.#events.end()) sink.takeFramed(name, data)
  }
}

/** Text as it comes, in whole characters. */
class TextUnframer implements Unframer {
  readonly heldBytes = 0
  readonly isTorn = false
  readonly #decoder = new TextDecoder('utf-8')

  push(chunk: Uint8Array, sink: FramedSink): void {
    const text = this.#decoder.decode(chunk, { stream: true })
    if (text !== '') sink.takeFramed('', text)
  }

  end(sink: FramedSink): void {
    const text = this.#decoder.decode()
    if (text !== '') sink.takeFramed('', text)
  }
}
