import type { StreamForm } from '#core/endpoint.ts'
import { concat } from '#kit/bytes.ts'
import { parseJson } from '#kit/json-value.ts'
import type { ReportedError } from './error-in-body.ts'
import { errorOf } from './error-in-body.ts'
import { judgeEvent } from './event-content.ts'
import { StreamPieces, type StreamPiece } from './stream-pieces.ts'

/** What the beginning of a stream is worth: keep holding back, commit, or fail over. */
export type HeadVerdict = 'more' | 'content' | ReportedError

// Limits: a stream that has said nothing within these is sent on as it is.
const eventsMax = 64
const bytesMax = 256 * 1024

/**
 * Judges the beginning of a stream, so that one which fails before it has said anything can still be replaced by
 * another route's. Role-only deltas, handshakes, pings and comments say nothing; text, tool calls, reasoning, audio,
 * refusals and a reason to end do; `[DONE]` alone does not. What it does not understand counts as content.
 */
export class HeadJudge {
  readonly #form: StreamForm
  readonly #pieces: StreamPieces
  #events = 0
  #bytes = 0
  /** References, for a stream that turns out to be a plain JSON body. */
  #chunks: Uint8Array[] = []
  #committed = false

  constructor(form: StreamForm) {
    this.#form = form
    this.#pieces = new StreamPieces(form)
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
    for (const piece of this.#pieces.push(chunk)) {
      const verdict = this.#judge(piece)
      if (verdict !== 'more') return verdict
    }
    return this.#bytes > bytesMax ? this.#commit() : 'more'
  }

  /** The stream ended although `push` never said anything but `more`. */
  end(): 'empty' | 'content' | ReportedError {
    if (this.#committed) return 'content'
    const last = this.#pieces.end()
    const verdict = last === undefined ? 'more' : this.#judge(last)
    if (verdict !== 'more') return verdict
    if (this.#events > 0) return 'empty'
    // A whole JSON body although a stream was asked for: some servers report their errors so.
    const body = parseJson(concat(this.#chunks).toString())
    if (typeof body !== 'object' || body === null) return 'empty'
    return errorOf(body) ?? (isEmptyArray(body) ? 'empty' : 'content')
  }

  #judge({ event, data }: StreamPiece): HeadVerdict {
    if (data === undefined) return 'more'
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

function isEmptyArray(body: object): boolean {
  return Array.isArray(body) && body.length === 0
}
