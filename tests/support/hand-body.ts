import { encode } from '#kit/bytes.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { BodySink, IncomingBody, IncomingResponse, TransportFailure } from '#ports/transport.ts'

type Step = Uint8Array | 'end' | TransportFailure

/** A body whose pieces come when the test says so, paused or not; it remembers what it was asked. */
export class HandBody implements IncomingBody {
  readonly whole = undefined
  readonly asked: string[] = []
  #sink: BodySink | undefined
  #waiting: ((step: Step) => void) | undefined
  #early: Step[] = []

  /** `first` is there before anybody asks. */
  constructor(first: readonly string[] = []) {
    this.#early.push(...first.map((text) => encode(text)))
  }

  async read(): Promise<Step> {
    return this.#early.shift() ?? (await new Promise<Step>((resolve) => void (this.#waiting = resolve)))
  }

  flow(sink: BodySink): void {
    this.#sink = sink
    const early = this.#early
    this.#early = []
    for (const step of early) this.#tell(step)
  }

  pause(): void {
    this.asked.push('pause')
  }

  resume(): void {
    this.asked.push('resume')
  }

  cancel(): void {
    this.asked.push('cancel')
  }

  piece(text: string): void {
    this.#tell(encode(text))
  }

  end(): void {
    this.#tell('end')
  }

  break(cause: TransportFailure['cause'] = 'reset'): void {
    this.#tell({ kind: 'transport_failure', phase: 'body', cause, message: 'it broke' })
  }

  /** The answer that it is the body of. */
  answer(type = 'text/event-stream', status = 200): IncomingResponse {
    return {
      kind: 'response',
      status,
      headers: HeaderList.from([['content-type', type]]),
      sentMs: undefined,
      body: this,
    }
  }

  #tell(step: Step): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) waiting(step)
    else if (this.#sink === undefined) this.#early.push(step)
    else if (step === 'end') this.#sink.onEnd()
    else if (step instanceof Uint8Array) this.#sink.onPiece(step)
    else this.#sink.onBreak(step)
  }
}
