import type { StreamForm } from '#core/endpoint.ts'
import { ElementTail } from './element-tail.ts'
import { EventTail } from './event-tail.ts'

/** How a stream ended, by its dialect's own terminal marker. */
export type StreamVerdict = 'complete' | 'incomplete' | 'errored'

/**
 * Sees the chunks of a stream go by and tells at the end whether it is complete, since a connection that was closed
 * cleanly says nothing about that. It neither changes nor delays them.
 */
export class StreamEnd {
  readonly #tail: EventTail | ElementTail
  #verdict: StreamVerdict | undefined

  constructor(form: StreamForm) {
    this.#tail = form === 'gemini_array' ? new ElementTail() : new EventTail(form)
  }

  see(chunk: Uint8Array): void {
    this.#verdict = undefined
    this.#tail.see(chunk)
  }

  /** Valid at any time for what was seen so far. */
  verdict(): StreamVerdict {
    this.#verdict ??= this.#tail.verdict()
    return this.#verdict
  }
}
