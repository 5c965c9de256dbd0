import { concat } from '#kit/bytes.ts'
import type { BodySink, IncomingBody, TransportFailure } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'

/** Makes other bytes of the bytes of a body, as they come. */
export interface Rewriter {
  /** What can go out now, each piece as a write of its own. */
  push(chunk: Uint8Array): readonly Uint8Array[]
  /** The transfer ended. */
  end(): readonly Uint8Array[]
  /** Nothing of the rest is wanted, though the upstream may have more. */
  readonly isOver: boolean
  /** Nothing can be made of it. */
  readonly failure: TransportFailure | undefined
}

/** The body as the rewriter makes it: at once where all of it is there, else piece by piece. */
export function rewritten(body: IncomingBody, rewriter: Rewriter): IncomingBody {
  const { whole } = body
  if (whole === undefined) return new RewrittenBody(body, rewriter)
  const guarded = new Guarded(rewriter)
  const pieces = whole.byteLength === 0 ? [] : [...guarded.push(whole)]
  if (!guarded.isOver && guarded.failure === undefined) pieces.push(...guarded.end())
  return guarded.failure === undefined ? new WholeBody(concat(pieces)) : new BrokenBody(guarded.failure)
}

/** A body that nothing can be made of. */
export class BrokenBody implements IncomingBody {
  readonly whole = undefined
  readonly #failure: TransportFailure
  readonly #body: IncomingBody | undefined

  /** `body`: that of the upstream, which is given up. */
  constructor(failure: TransportFailure, body?: IncomingBody) {
    this.#failure = failure
    this.#body = body
  }

  async read(): Promise<TransportFailure> {
    this.cancel()
    return this.#failure
  }

  flow(sink: BodySink): void {
    this.cancel()
    sink.onBreak(this.#failure)
  }

  pause(): void {}

  resume(): void {}

  cancel(): void {
    this.#body?.cancel()
  }
}

/** Why a body breaks that came in order and cannot be read. */
export function unreadable(message: string): TransportFailure {
  return { kind: 'transport_failure', phase: 'body', cause: 'malformed', message }
}

/** A rewriter that breaks the body where it would throw. */
class Guarded implements Rewriter {
  readonly #rewriter: Rewriter
  #failure: TransportFailure | undefined

  constructor(rewriter: Rewriter) {
    this.#rewriter = rewriter
  }

  get isOver(): boolean {
    return this.#rewriter.isOver
  }

  get failure(): TransportFailure | undefined {
    return this.#failure ?? this.#rewriter.failure
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    try {
      return this.#rewriter.push(chunk)
    } catch (error) {
      return this.#fail(error)
    }
  }

  end(): readonly Uint8Array[] {
    try {
      return this.#rewriter.end()
    } catch (error) {
      return this.#fail(error)
    }
  }

  #fail(error: unknown): readonly Uint8Array[] {
    const reason = error instanceof Error ? error.message : String(error)
    this.#failure = unreadable(`its answer cannot be translated: ${reason}`)
    return []
  }
}

type Step = Uint8Array | 'end' | TransportFailure

/** Something came of which nothing goes out: whoever waits for the upstream must not take it for silent. */
const signOfLife = new Uint8Array()

const unwanted: TransportFailure = {
  kind: 'transport_failure',
  phase: 'body',
  cause: 'aborted',
  message: 'the body was not wanted any more',
}

/** Read piece by piece, then left to flow, at the pace of who takes it. */
class RewrittenBody implements IncomingBody, BodySink {
  readonly whole = undefined
  readonly #body: IncomingBody
  readonly #rewriter: Guarded
  /** Made, and not asked for yet. */
  #ready: Uint8Array[] = []
  #ending: 'end' | TransportFailure | undefined
  #isReading = false
  #waiting: ((step: Step) => void) | undefined
  #sink: BodySink | undefined
  #isPaused = false

  constructor(body: IncomingBody, rewriter: Rewriter) {
    this.#body = body
    this.#rewriter = new Guarded(rewriter)
  }

  async read(): Promise<Step> {
    const step = this.#ready.shift() ?? this.#ending
    if (step !== undefined) return step
    return await new Promise((resolve) => {
      this.#waiting = resolve
      this.#readOn()
    })
  }

  /** What a read still waits for goes to the sink, too. */
  flow(sink: BodySink): void {
    this.#waiting = undefined
    this.#sink = sink
    if (!this.#isReading) this.#flowOn()
  }

  pause(): void {
    this.#isPaused = true
    this.#body.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#body.resume()
  }

  cancel(): void {
    const waiting = this.#waiting
    this.#sink = undefined
    this.#waiting = undefined
    this.#ready = []
    this.#ending ??= unwanted
    this.#body.cancel()
    waiting?.(this.#ending)
  }

  // Called by the upstream's body, once it flows.

  onPiece(bytes: Uint8Array): void {
    if (this.#ending !== undefined) return
    const pieces = this.#rewriter.push(bytes)
    for (const piece of pieces) this.#sink?.onPiece(piece)
    if (this.#isDone()) this.#tellEnding()
    else if (pieces.length === 0) this.#sink?.onPiece(signOfLife)
  }

  onEnd(): void {
    if (this.#ending !== undefined) return
    for (const piece of this.#rewriter.end()) this.#sink?.onPiece(piece)
    this.#ending ??= this.#rewriter.failure ?? 'end'
    this.#tellEnding()
  }

  onBreak(failure: TransportFailure): void {
    if (this.#ending !== undefined) return
    this.#ending = failure
    this.#tellEnding()
  }

  #readOn(): void {
    this.#isReading = true
    void this.#body.read().then((step) => this.#onStep(step))
  }

  #onStep(step: Step): void {
    this.#isReading = false
    if (this.#ending !== undefined) return
    this.#keep(step)
    if (this.#sink !== undefined) return this.#flowOn()
    const next = this.#ready.shift() ?? this.#ending
    if (next === undefined) return this.#readOn()
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(next)
  }

  #keep(step: Step): void {
    if (step instanceof Uint8Array) {
      this.#ready.push(...this.#rewriter.push(step))
      this.#isDone()
    } else if (step === 'end') {
      this.#ready.push(...this.#rewriter.end())
      this.#ending = this.#rewriter.failure ?? 'end'
    } else {
      this.#ending = step
    }
  }

  #flowOn(): void {
    const ready = this.#ready
    this.#ready = []
    for (const piece of ready) this.#sink?.onPiece(piece)
    if (this.#ending !== undefined) return this.#tellEnding()
    this.#body.flow(this)
    if (this.#isPaused) this.#body.pause()
  }

  /** Has the rewriter come to an end before the upstream? Then nobody waits for that one. */
  #isDone(): boolean {
    const { failure, isOver } = this.#rewriter
    if (this.#ending !== undefined || (failure === undefined && !isOver)) return false
    this.#ending = failure ?? 'end'
    this.#body.cancel()
    return true
  }

  #tellEnding(): void {
    const sink = this.#sink
    this.#sink = undefined
    if (this.#ending === 'end') sink?.onEnd()
    else if (this.#ending !== undefined) sink?.onBreak(this.#ending)
  }
}
