import type { StreamForm } from '#core/endpoint.ts'
import { ElementTail } from './element-tail.ts'
import { EventTail } from './event-tail.ts'
import { LineTail } from './ndjson-tail.ts'

/** How a stream ended, by its dialect's own terminal marker. */
export type StreamVerdict = 'complete' | 'incomplete' | 'errored'

/**
 * Sees the chunks of a stream go by and tells at the end whether it is complete, since a connection that was closed
 * cleanly says nothing about that. It neither changes nor delays them.
 */
export class StreamEnd {
  readonly #tail: Tail
  #verdict: StreamVerdict | undefined
  #isOver: boolean | undefined

  constructor(form: StreamForm) {
    this.#tail = openTail(form)
  }

  see(chunk: Uint8Array): void {
    this.#verdict = undefined
    this.#isOver = undefined
    this.#tail.see(chunk)
  }

  /** Valid at any time for what was seen so far. */
  verdict(): StreamVerdict {
    this.#verdict ??= this.#tail.verdict()
    return this.#verdict
  }

  /**
   * Complete, and nothing says that more may come: a stream whose connection stays open may be ended. Stricter than the
   * verdict, which may know that the transfer has ended.
   */
  get isOver(): boolean {
    this.#isOver ??= this.verdict() === 'complete' && (!(this.#tail instanceof EventTail) || this.#tail.isOver())
    return this.#isOver
  }
}

interface Tail {
  see(chunk: Uint8Array): void
  verdict(): StreamVerdict
}

function openTail(form: StreamForm): Tail {
  if (form === 'ndjson') return new LineTail()
  return form === 'gemini_array' ? new ElementTail() : new EventTail(form)
}
