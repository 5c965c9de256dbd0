import type { StreamForm } from '#core/endpoint.ts'
import { concat } from '#kit/bytes.ts'
import { parseJson } from '#kit/json-value.ts'
import { ElementScanner } from './array-gate.ts'
import type { ReportedError } from './error-in-body.ts'
import { errorOf } from './error-in-body.ts'
import { judgeEvent } from './event-content.ts'
import { LineParser } from './ndjson.ts'
import { SseParser } from './sse.ts'

/** What the beginning of a stream is worth: keep holding back, commit, or fail over. */
export type HeadVerdict = 'more' | 'content' | ReportedError

// Limits: a stream that has said nothing within these is sent on as it is.
const eventsMax = 64
const bytesMax = 256 * 1024

/**
 * Judges the beginning of a stream, so that one which fails before it has said anything can still be replaced by
 * another route's. Role-only deltas, handshakes, pings and comments say nothing; text, tool calls, reasoning, audio,
 * refusals and a regular end do. What it does not understand counts as content.
 */
export class HeadJudge {
  readonly #form: StreamForm
  readonly #reader: EventReader
  #events = 0
  #bytes = 0
  /** References, for a stream that turns out to be a plain JSON body. */
  #chunks: Uint8Array[] = []
  #committed = false

  constructor(form: StreamForm) {
    this.#form = form
    this.#reader = openReader(form)
  }

  /** An event came that has a meaning of its own, be it without content: a role, a handshake. Pings have none. */
  get hasEvents(): boolean {
    return this.#events > 0
  }

  /** To be called with each chunk until it says anything but `more`. */
  push(chunk: Uint8Array): HeadVerdict {
    if (this.#committed) return 'content'
    this.#bytes += chunk.length
    this.#chunks.push(chunk)
    for (const { event, data } of this.#reader.read(chunk)) {
      const verdict = this.#judge(event, data)
      if (verdict !== 'more') return verdict
    }
    return this.#bytes > bytesMax ? this.#commit() : 'more'
  }

  /** The stream ended although `push` never said anything but `more`. */
  end(): 'empty' | 'content' | ReportedError {
    if (this.#committed) return 'content'
    const last = this.#reader.end()
    const verdict = last === undefined ? 'more' : this.#judge(last.event, last.data)
    if (verdict !== 'more') return verdict
    if (this.#events > 0) return 'empty'
    // A whole JSON body although a stream was asked for: some servers report their errors so.
    const body = parseJson(concat(this.#chunks).toString())
    if (typeof body !== 'object' || body === null) return 'empty'
    return errorOf(body) ?? (isEmptyArray(body) ? 'empty' : 'content')
  }

  #judge(event: string, data: string): HeadVerdict {
    const verdict = judgeEvent(this.#form, event, data)
    if (verdict === 'ping') return 'more'
    this.#events++
    return verdict === 'content' || (verdict === 'more' && this.#events >= eventsMax) ? this.#commit() : verdict
  }

  #commit(): 'content' {
    this.#committed = true
    this.#chunks = []
    return 'content'
  }
}

interface StreamItem {
  readonly event: string
  readonly data: string
}

interface EventReader {
  read(chunk: Uint8Array): readonly StreamItem[]
  end(): StreamItem | undefined
}

function openReader(form: StreamForm): EventReader {
  if (form === 'ndjson') return new LineReader()
  return form === 'gemini_array' ? new ElementReader() : new SseReader()
}

class SseReader implements EventReader {
  readonly #parser = new SseParser()

  read(chunk: Uint8Array): readonly StreamItem[] {
    return this.#parser.push(chunk)
  }

  end(): StreamItem | undefined {
    return this.#parser.end()
  }
}

class LineReader implements EventReader {
  readonly #parser = new LineParser()

  read(chunk: Uint8Array): readonly StreamItem[] {
    return this.#parser.push(chunk).map(itemOf)
  }

  end(): StreamItem | undefined {
    const last = this.#parser.end()
    return last === undefined ? undefined : itemOf(last)
  }
}

function itemOf(data: string): StreamItem {
  return { event: '', data }
}

class ElementReader implements EventReader {
  readonly #scanner = new ElementScanner()
  #pieces: Uint8Array[] = []

  read(chunk: Uint8Array): readonly StreamItem[] {
    const items: StreamItem[] = []
    let start = 0
    for (const end of this.#scanner.scan(chunk)) {
      const text = Buffer.concat([...this.#pieces, chunk.subarray(start, end)]).toString()
      // In front of an element stands the bracket or comma that separates it; behind the last one nothing but a bracket.
      const data = text.replace(/^[\s,[]+/, '')
      if (data !== ']') items.push({ event: '', data })
      this.#pieces = []
      start = end
    }
    if (start < chunk.length) this.#pieces.push(chunk.subarray(start))
    return items
  }

  end(): undefined {
    return undefined
  }
}

function isEmptyArray(body: object): boolean {
  return Array.isArray(body) && body.length === 0
}
