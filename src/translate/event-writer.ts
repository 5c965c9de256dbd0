import type { StreamForm } from '#core/endpoint.ts'
import type { StreamWriter } from './codec.ts'
import type { CommonEvent } from './common.ts'
import type { EventSink } from './event-sink.ts'
import { Framer } from './frame.ts'

/** Writes events in the client's form, up to the last one. */
export class EventWriter implements EventSink {
  readonly #writer: StreamWriter
  readonly #framer: Framer
  #isOver = false
  #isBroken = false
  #lastData = ''

  constructor(writer: StreamWriter, form: StreamForm) {
    this.#writer = writer
    this.#framer = new Framer(form)
  }

  /** The last word was said. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** It was an error. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /** Of the last event that was written. */
  get lastData(): string {
    return this.#lastData
  }

  take(event: CommonEvent): void {
    if (this.#isOver) return
    if (event.event === 'keepalive') return this.#framer.live()
    for (const framed of this.#writer.write(event)) {
      this.#framer.add(framed)
      this.#lastData = framed.data
    }
    if (event.event !== 'end' && event.event !== 'error') return
    this.#framer.close()
    this.#isOver = true
    this.#isBroken = event.event === 'error'
  }

  /** What was written since they were last asked for. */
  pieces(): readonly Uint8Array[] {
    return this.#framer.take()
  }
}
