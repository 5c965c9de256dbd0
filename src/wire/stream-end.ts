import type { StreamForm } from '#core/endpoint.ts'
import { ElementTail } from './element-tail.ts'
import { EventTail } from './event-tail.ts'
import type { StreamEnding, StreamVerdict } from './event-terminal.ts'
import { LineTail } from './ndjson-tail.ts'

/**
 * Sees the chunks of a stream go by and tells at the end whether it is complete, since a connection that was closed
 * cleanly says nothing about that. It neither changes nor delays them. What it tells is valid at any time for what was
 * seen so far.
 */
export class StreamEnd {
  readonly #tail: Tail
  #ending: StreamEnding | undefined

  constructor(form: StreamForm) {
    this.#tail = openTail(form)
  }

  see(chunk: Uint8Array): void {
    this.#ending = undefined
    this.#tail.see(chunk)
  }

  verdict(): StreamVerdict {
    return this.#look().verdict
  }

  /**
   * Complete, and nothing says that more may come. It still may, as long as there is no final word: usage, an error, a
   * choice that nobody announced, text behind a reason to end that a server names in every event.
   */
  get isOver(): boolean {
    return this.#look().isOver
  }

  /**
   * The stream's own last word was seen, behind which its protocol allows nothing: `[DONE]`, `message_stop`,
   * `response.completed`, `.incomplete` or `.failed`, a line that is done, the array's last bracket. Gemini's events have
   * none. It says nothing about the verdict.
   */
  get hasFinalWord(): boolean {
    return this.#look().hasFinalWord
  }

  /** The last bytes of what was seen; empty where nobody tells more in them than that it is over. */
  get tail(): Uint8Array {
    return this.#tail.tail
  }

  #look(): StreamEnding {
    this.#ending ??= this.#tail.look()
    return this.#ending
  }
}

interface Tail {
  see(chunk: Uint8Array): void
  look(): StreamEnding
  readonly tail: Uint8Array
}

function openTail(form: StreamForm): Tail {
  if (form === 'ndjson') return new LineTail()
  return form === 'gemini_array' ? new ElementTail() : new EventTail(form)
}
