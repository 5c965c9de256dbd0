import type { ReadableStreamDefaultReader, ReadableStreamReadResult } from 'node:stream/web'
import type { BodySink, IncomingBody, TransportFailure } from './transport.ts'

/** The exchange that a body belongs to. */
export interface StreamOwner {
  /** What a failed read means. */
  explain(error: unknown): TransportFailure
  /** The body is over, one way or another; told once. */
  release(): void
}

/** A body that comes as a ReadableStream. One read at a time is under way, and none while it is paused. */
export class StreamBody implements IncomingBody {
  readonly whole = undefined
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #owner: StreamOwner
  #sink: BodySink | undefined
  #waiting: ((step: Uint8Array | 'end' | TransportFailure) => void) | undefined
  #isPaused = false
  #isReading = false
  /** How it ended, once it did. */
  #ending: 'end' | TransportFailure | undefined

  constructor(stream: ReadableStream<Uint8Array>, owner: StreamOwner) {
    this.#reader = stream.getReader()
    this.#owner = owner
  }

  async read(): Promise<Uint8Array | 'end' | TransportFailure> {
    if (this.#ending !== undefined) return this.#ending
    return await new Promise((resolve) => {
      this.#waiting = resolve
      this.#next()
    })
  }

  /** What a read still waits for goes to the sink, too. */
  flow(sink: BodySink): void {
    this.#waiting = undefined
    if (this.#ending === undefined) {
      this.#sink = sink
      if (!this.#isPaused) this.#next()
    } else if (this.#ending === 'end') sink.onEnd()
    else if (this.#ending !== cancelled) sink.onBreak(this.#ending)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#sink !== undefined) this.#next()
  }

  cancel(): void {
    if (this.#ending !== undefined) return
    // Cancelling a stream that broke already rejects; there is nothing left to close then.
    this.#reader.cancel().catch(nothing)
    this.#sink = undefined
    this.#end(cancelled)
  }

  /** It broke, and nothing of it will be read any more. */
  breakOff(failure: TransportFailure): void {
    if (this.#ending === undefined) this.#end(failure)
  }

  #next(): void {
    if (this.#isReading) return
    this.#isReading = true
    this.#reader.read().then(this.#onRead, this.#onError)
  }

  readonly #onRead = ({ done, value }: ReadableStreamReadResult<Uint8Array>): void => {
    this.#isReading = false
    if (this.#ending !== undefined) return
    if (done) return this.#end('end')
    if (value.byteLength === 0) return this.#next()
    if (this.#sink === undefined) {
      const waiting = this.#waiting
      this.#waiting = undefined
      waiting?.(value)
      return
    }
    this.#sink.onPiece(value)
    if (!this.#isPaused && this.#sink !== undefined) this.#next()
  }

  readonly #onError = (error: unknown): void => {
    this.#isReading = false
    if (this.#ending === undefined) this.#end(this.#owner.explain(error))
  }

  #end(ending: 'end' | TransportFailure): void {
    const sink = this.#sink
    const waiting = this.#waiting
    this.#ending = ending
    this.#sink = undefined
    this.#waiting = undefined
    this.#owner.release()
    waiting?.(ending)
    if (ending === 'end') sink?.onEnd()
    else sink?.onBreak(ending)
  }
}

const cancelled: TransportFailure = {
  kind: 'transport_failure',
  phase: 'body',
  cause: 'aborted',
  message: 'the body was not wanted any more',
}

function nothing(): void {}
