import type { StreamForm } from '#core/endpoint.ts'
import { readEvent, type EventSaid } from './event-said.ts'
import { StreamIdentity } from './stream-identity.ts'
import { StreamPieces } from './stream-pieces.ts'

// Limit: UTF-16 units of text that are kept; an answer that is longer cannot be gone on with.
const textLengthMax = 1024 * 1024

// Limit: bytes of an unfinished event that are kept; what is larger is no plain text.
const heldBytesMax = 4 * 1024 * 1024

/** What another stream has to know of the one that it goes on with. */
export interface StreamSoFar {
  readonly form: StreamForm
  readonly text: string
  /** The last event of the text's frame that the client has. */
  readonly step: number
  /** The client was told that the text is over. */
  readonly isClosed: boolean
  /** The client has the beginning of an array. */
  readonly hasBegun: boolean
  readonly identity: StreamIdentity
}

/** Follows what a client was told, from the bytes it got, so that another route may go on with it. */
export class SaidText {
  readonly #form: StreamForm
  readonly #pieces: StreamPieces
  readonly #identity: StreamIdentity
  #text = ''
  #step = 0
  #isClosed = false
  #hasBegun = false
  #whyNot: string | undefined

  constructor(form: StreamForm) {
    this.#form = form
    this.#pieces = new StreamPieces(form)
    this.#identity = new StreamIdentity(form)
  }

  /**
   * Bytes that the client is about to get, cut anywhere. Gives how many of them it may get: those from an error event on
   * are better kept back, as long as another route may go on.
   */
  see(bytes: Uint8Array): number {
    if (this.#whyNot !== undefined) return bytes.byteLength
    let at = -this.#pieces.heldBytes
    for (const { raw, event, data } of this.#pieces.push(bytes)) {
      if (data !== undefined && this.#whyNot === undefined && !this.#hear(event, data)) return Math.max(0, at)
      at += raw.byteLength
    }
    if (this.#pieces.heldBytes > heldBytesMax) this.#giveUp('one of its events is very large')
    return bytes.byteLength
  }

  /** The plain text so far; empty where it cannot be gone on with. */
  get text(): string {
    return this.#text
  }

  /** Nothing but plain text of one choice was said, and its end was not. */
  get canContinue(): boolean {
    return this.whyNot === undefined
  }

  /** Why nobody can go on with it, in words for people. */
  get whyNot(): string | undefined {
    return this.#whyNot ?? (this.#pieces.isInside ? 'the client has half of an event' : undefined)
  }

  /** The number that the client's next event has, where its form numbers them. */
  get nextSequence(): number | undefined {
    const { sequence } = this.#identity
    return sequence === undefined ? undefined : sequence + 1
  }

  /** As it is now; it does not change when more is said. */
  get soFar(): StreamSoFar {
    return {
      form: this.#form,
      text: this.#text,
      step: this.#step,
      isClosed: this.#isClosed,
      hasBegun: this.#hasBegun,
      identity: this.#identity.copy(),
    }
  }

  /** False for an error. */
  #hear(event: string, data: string): boolean {
    const { body, said } = readEvent(this.#form, event, data)
    if (said.fails) return false
    const problem = this.#problemOf(said)
    if (problem !== undefined) {
      this.#giveUp(problem)
      return true
    }
    this.#hasBegun = true
    if (body !== undefined) this.#identity.learn(body)
    this.#text += said.text
    this.#step = Math.max(this.#step, said.step)
    this.#isClosed ||= said.closes
    if (this.#text.length > textLengthMax) this.#giveUp('its text is very long')
    return true
  }

  #problemOf(said: EventSaid): string | undefined {
    const other = said.beside ?? said.seal
    if (other !== undefined) return `it holds ${other}`
    if (said.finishes) return 'its end was told'
    return said.text !== '' && this.#isClosed ? 'its text went on behind its end' : undefined
  }

  #giveUp(why: string): void {
    this.#whyNot = why
    this.#text = ''
  }
}
