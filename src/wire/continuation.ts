import type { PrefillStyle } from '#core/candidate.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { asBuffer, concat, encode } from '#kit/bytes.ts'
import type { JsonObject } from '#kit/json-value.ts'
import { startOfElement } from './element-scanner.ts'
import { isLastWord } from './event-content.ts'
import { readEvent, type EventSaid } from './event-said.ts'
import { parseExactly, renderEvent, withText } from './event-rewrite.ts'
import type { SaidText } from './said-text.ts'
import type { StreamIdentity } from './stream-identity.ts'
import { StreamPieces, withLineEnds, type StreamPiece } from './stream-pieces.ts'
import { RepeatSeam, SequelSeam, type TextSeam } from './text-seam.ts'

// Limit: bytes of an unfinished event that are kept; with a larger one the stream counts as one that does not fit.
const heldBytesMax = 16 * 1024 * 1024

/** An event whose text was kept back. */
interface TextEvent {
  readonly event: string
  readonly data: string
}

/**
 * Makes of a new stream what goes on with one that a client has the beginning of, as if it were the same stream.
 *
 * `match`: the new stream answers the whole question again; the client gets what stands behind the text it has, and
 * nothing at all when the new text differs anywhere before. `prefill`: the new stream was given the text, see prefill.ts,
 * and the client gets all that it says; its count of output tokens lacks those of the text before.
 *
 * Events are passed byte for byte where nothing in them has to be another's. An event that reports an error never
 * passes: it makes the stream one that does not go on.
 */
export class Continuation {
  readonly #form: StreamForm
  readonly #pieces: StreamPieces
  readonly #seam: TextSeam
  readonly #identity: StreamIdentity
  /** The last event of the text's frame that the client has, of whichever stream. */
  #step: number
  #isClosed: boolean
  #hasBegun: boolean
  #isOver: boolean
  #hasTold = false
  /** The new stream said something that the client had not, or why it ends. */
  #hasGoneOn = false
  #kept: TextEvent | undefined

  /**
   * What is said later does not matter. For a prefill: `cut` is what it left off the text's end, `style` how the text was
   * given.
   */
  constructor(said: SaidText, mode: 'match' | 'prefill', cut = '', style?: PrefillStyle) {
    const { form, text, step, isClosed, hasBegun, identity } = said.soFar
    this.#form = form
    this.#pieces = new StreamPieces(form)
    this.#seam = mode === 'match' ? new RepeatSeam(text) : new SequelSeam(text, cut, style === 'prefix')
    this.#identity = identity
    this.#step = step
    this.#isClosed = isClosed
    this.#hasBegun = hasBegun
    // The last events of a response hold its whole text, which nobody has after a prefill.
    const isSequelImpossible = mode === 'prefill' && (isClosed || form === 'responses')
    this.#isOver = !said.canContinue || isSequelImpossible
  }

  /**
   * Bytes for the client; `more` while there are none; `diverged` when none will come any more. Whole events only, so
   * that the client always stands between two of them.
   */
  push(bytes: Uint8Array): 'more' | 'diverged' | Uint8Array {
    if (this.#isOver) return 'diverged'
    const out: Uint8Array[] = []
    for (const piece of this.#pieces.push(bytes)) {
      this.#isOver = !this.#take(piece, out)
      if (this.#isOver) break
    }
    if (this.#pieces.heldBytes > heldBytesMax) this.#isOver = true
    // What fitted is told before what did not.
    if (out.length > 0) return concat(out)
    return this.#isOver ? 'diverged' : 'more'
  }

  /** The new stream has ended: bytes that were still missing, or `diverged` when it ended before it went on. */
  end(): 'diverged' | Uint8Array | undefined {
    if (this.#isOver) return 'diverged'
    const out: Uint8Array[] = []
    const last = this.#pieces.end()
    if (last !== undefined && !this.#take(last, out)) this.#isOver = true
    if (out.length > 0) return concat(out)
    return this.#isOver || !this.#seam.isThrough ? 'diverged' : undefined
  }

  /** False when the new stream does not go on with the client's. */
  #take(piece: StreamPiece, out: Uint8Array[]): boolean {
    const { event, data, raw } = piece
    if (data === undefined) {
      if (this.#hasTold) out.push(raw)
      return true
    }
    const { body, said } = readEvent(this.#form, event, data)
    if (said.fails || (said.beside !== undefined && !this.#seam.isThrough)) return false
    const news = this.#newsOf(said, out)
    if (news === undefined || (news !== '' && this.#isClosed)) return false
    if (said.seal !== undefined && !this.#seam.isThrough) return false
    this.#hasGoneOn ||= news !== '' || (said.finishes && !isLastWord(data))
    // Relays append their last word to whatever they got, be it nothing.
    if (said.finishes && !this.#hasGoneOn) return false
    if (this.#isNews(said, news)) this.#tell(piece, body, news === said.text ? undefined : news, out)
    else if (said.text !== '' && body !== undefined) this.#kept = { event, data }
    if (said.beside !== undefined) return true
    this.#step = Math.max(this.#step, said.step)
    this.#isClosed ||= said.closes && this.#seam.isThrough
    return true
  }

  /** The text of an event that the client has not; undefined when it does not fit. */
  #newsOf(said: EventSaid, out: Uint8Array[]): string | undefined {
    if (said.beside !== undefined) return said.text
    const news = said.text === '' ? '' : this.#seam.take(said.text)
    if (!said.closes || news === undefined) return news
    const late = this.#seam.close()
    if (late === undefined || late === '') return late === undefined ? undefined : news
    // Text that was kept back comes before the end, in this event or in one like those it came in.
    if (said.text !== '') return news + late
    if (this.#isClosed || this.#kept === undefined) return undefined
    const { event, data } = this.#kept
    this.#hasGoneOn = true
    out.push(this.#render(event, this.#identity.adopt(withText(this.#form, parseExactly(data) ?? {}, late))))
    return news
  }

  #isNews({ text, beside, seal, step }: EventSaid, news: string): boolean {
    if (news !== '' || beside !== undefined) return true
    if (!this.#seam.isThrough) return false
    if (step > 0) return step > this.#step
    // What says nothing is told only among what does: until then it belongs to the beginning, which the client has.
    return seal !== undefined || (text === '' && this.#hasTold)
  }

  #tell(piece: StreamPiece, body: JsonObject | undefined, text: string | undefined, out: Uint8Array[]): void {
    this.#hasTold = true
    if (body === undefined) {
      out.push(this.#asItCame(piece))
      return
    }
    const exact = parseExactly(piece.data ?? '') ?? body
    const told = this.#identity.adopt(text === undefined ? exact : withText(this.#form, exact, text))
    out.push(told === exact ? this.#asItCame(piece) : this.#render(piece.event, told))
  }

  #render(event: string, body: JsonObject): Uint8Array {
    const rendered = renderEvent(this.#form, event, body)
    if (this.#form !== 'gemini_array') return rendered
    return concat([this.#separator(), rendered])
  }

  #asItCame({ raw, isWhole }: StreamPiece): Uint8Array {
    if (this.#form === 'gemini_array') return this.#elementAsItCame(raw)
    // The transfer may have ended without the end of this event.
    return isWhole ? raw : withLineEnds(this.#form, raw)
  }

  #elementAsItCame(raw: Uint8Array): Uint8Array {
    const text = asBuffer(raw).toString('latin1')
    const start = startOfElement(text)
    const opens = text.slice(0, start).includes('[')
    if (opens !== this.#hasBegun) {
      this.#hasBegun = true
      return raw
    }
    const element = raw.subarray(start)
    return this.#hasBegun && text.charAt(start) === ']' ? element : concat([this.#separator(), element])
  }

  #separator(): Uint8Array {
    const separator = encode(this.#hasBegun ? ',\r\n' : '[')
    this.#hasBegun = true
    return separator
  }
}
