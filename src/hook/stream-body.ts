import { concat } from '#kit/bytes.ts'
import type { BodySink, IncomingBody, TransportFailure } from '#ports/transport.ts'

type Step = Uint8Array | 'end' | TransportFailure

/** Makes other bytes of a stream, and may take its time for it. */
export interface SlowRewriter {
  /** A chunk to be made something of. */
  push(chunk: Uint8Array): void
  /** The transfer ended. */
  end(): void
  /** What goes out next of what was pushed; none: of that nothing. Undefined: it needs more. */
  next(): readonly Uint8Array[] | Promise<readonly Uint8Array[]> | undefined
  /** Nothing more can be made of it. */
  readonly failure: TransportFailure | undefined
}

/** Something came of which nothing goes out: whoever waits for the upstream must not take it for silent. */
const signOfLife = new Uint8Array()

const unwanted: TransportFailure = {
  kind: 'transport_failure',
  phase: 'body',
  cause: 'aborted',
  message: 'the body was not wanted any more',
}

/**
 * A body that is rewritten in order, piece by piece: the next one is read when the last one is through, which holds the
 * upstream back for as long as it takes.
 */
export class SlowBody implements IncomingBody {
  readonly whole = undefined
  readonly #body: IncomingBody
  readonly #rewriter: SlowRewriter
  #ending: 'end' | TransportFailure | undefined
  #resume: (() => void) | undefined
  #isPaused = false
  #isCancelled = false
  /** Nothing more comes; what came may still have to be made something of. */
  #hasEnded = false

  constructor(body: IncomingBody, rewriter: SlowRewriter) {
    this.#body = body
    this.#rewriter = rewriter
  }

  async read(): Promise<Step> {
    for (;;) {
      const step = await this.#step()
      if (!(step instanceof Uint8Array) || step.byteLength > 0) return step
    }
  }

  flow(sink: BodySink): void {
    void this.#flow(sink)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  cancel(): void {
    this.#isCancelled = true
    this.#ending ??= unwanted
    this.#body.cancel()
    this.resume()
  }

  async #flow(sink: BodySink): Promise<void> {
    for (;;) {
      if (this.#isPaused) await new Promise<void>((resolve) => (this.#resume = resolve))
      const step = await this.#step()
      if (this.#isCancelled) return
      if (step === 'end') return sink.onEnd()
      if (!(step instanceof Uint8Array)) return sink.onBreak(step)
      sink.onPiece(step)
    }
  }

  async #step(): Promise<Step> {
    for (;;) {
      if (this.#ending !== undefined) return this.#ending
      const making = this.#rewriter.next()
      const made = making instanceof Promise ? await making : making
      if (this.#ending !== undefined) return this.#ending
      const { failure } = this.#rewriter
      if (failure !== undefined) {
        this.#ending = failure
        this.#body.cancel()
      }
      if (made !== undefined && made.length > 0) return concat(made)
      if (failure !== undefined) continue
      if (made !== undefined) return signOfLife
      if (this.#hasEnded) return (this.#ending = 'end')
      await this.#more()
    }
  }

  async #more(): Promise<void> {
    const step = await this.#body.read()
    if (this.#ending !== undefined) return
    if (step instanceof Uint8Array) this.#rewriter.push(step)
    else if (step === 'end') {
      this.#hasEnded = true
      this.#rewriter.end()
    } else this.#ending = step
  }
}
