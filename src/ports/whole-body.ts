import type { BodySink, IncomingBody } from './transport.ts'

/** A body that was there at once. Who does not take it as a whole gets it like any other. */
export class WholeBody implements IncomingBody {
  readonly whole: Uint8Array
  #isTaken: boolean

  constructor(bytes: Uint8Array) {
    this.whole = bytes
    this.#isTaken = bytes.byteLength === 0
  }

  async read(): Promise<Uint8Array | 'end'> {
    if (this.#isTaken) return 'end'
    this.#isTaken = true
    return this.whole
  }

  flow(sink: BodySink): void {
    if (!this.#isTaken) {
      this.#isTaken = true
      sink.onPiece(this.whole)
    }
    sink.onEnd()
  }

  pause(): void {}

  resume(): void {}

  cancel(): void {
    this.#isTaken = true
  }
}
