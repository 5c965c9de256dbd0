import type { Failure } from '#core/failure.ts'
import type { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { BodySink, IncomingBody, IncomingResponse, TransportFailure } from '#ports/transport.ts'
import type { Parts } from '#translate/asked.ts'
import { isGood, PartLine, unwanted, type AskPart, type Came } from './part-line.ts'

type Step = Uint8Array | 'end' | TransportFailure

/** What a stream ends with, of which one request is refused. `told`: the refusal in the client's form. */
export type LastWords = (refusal: IncomingResponse, told: IncomingResponse, index: number) => readonly Uint8Array[]

const noWords: LastWords = () => []

/** Limit: bytes that are kept for who reads; the upstreams wait then. */
const keptBytesMax = 65_536

/** Milliseconds that an upstream has to end its transfer when it has said its last word. */
const lullMs = 1000

/** The streams of all of the requests as one: every piece in the moment in which it comes. */
export class PartStreams implements IncomingBody {
  readonly whole = undefined
  /** What broke it, where that says more than the break. */
  why: Came | undefined
  readonly #parts: Parts
  readonly #ask: AskPart
  readonly #lastWords: LastWords
  readonly #line: PartLine
  readonly #head = Promise.withResolvers<Came>()
  readonly #open = new Set<IncomingBody>()
  #hasHead = false
  #kept: Uint8Array[] = []
  #keptBytes = 0
  #ending: Step | undefined
  #waiting: ((step: Step) => void) | undefined
  #sink: BodySink | undefined
  #isPaused = false
  #isHeld = false
  readonly #clock: Clock

  /** `lastWords`: of one that is refused, for those who read the others; without any, their stream breaks. */
  constructor(parts: Parts, ask: AskPart, stop: Stop, clock: Clock, lastWords: LastWords = noWords) {
    this.#parts = parts
    this.#ask = ask
    this.#lastWords = lastWords
    this.#clock = clock
    this.#line = new PartLine(parts, stop)
  }

  /** The first good head, with this as its body; or what came in its place. */
  async begin(): Promise<Came> {
    for (let count = this.#line.width; count > 0; count--) {
      void this.#work().catch((error: unknown) => {
        this.#head.reject(error)
        this.#end(unwanted)
      })
    }
    return await this.#head.promise
  }

  async read(): Promise<Step> {
    const step = this.#kept.shift() ?? this.#ending
    if (step instanceof Uint8Array) this.#keptBytes -= step.byteLength
    this.#hold()
    if (step !== undefined) return step
    return await new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  /** What a read still waits for goes to the sink, too. */
  flow(sink: BodySink): void {
    this.#waiting = undefined
    this.#sink = sink
    const kept = this.#kept
    this.#kept = []
    this.#keptBytes = 0
    for (const piece of kept) sink.onPiece(piece)
    if (this.#ending !== undefined) this.#tellEnding()
    else this.#hold()
  }

  pause(): void {
    this.#isPaused = true
    this.#hold()
  }

  resume(): void {
    this.#isPaused = false
    this.#hold()
  }

  cancel(): void {
    this.#sink = undefined
    this.#kept = []
    this.#end(unwanted)
  }

  async #work(): Promise<void> {
    for (let index = this.#line.take(); index !== undefined; index = this.#line.take()) {
      const came = await this.#ask(index)
      if (this.#ending !== undefined) {
        if (came.kind === 'response') came.body.cancel()
        return
      }
      const told = came.kind === 'response' ? this.#parts.answer(came, index) : came
      const isFit = told.kind === 'response' && isGood(told)
      const failure = isFit ? await this.#flowOf(told, index) : undefined
      this.#line.left()
      if (this.#ending !== undefined || this.#line.mayWait(index, came)) return
      if (!isFit) return this.#fail(told, came, index)
      if (this.#parts.isOver) return this.#end('end')
      if (this.#parts.lacks(index)) return this.#end(failure ?? cutShort)
    }
  }

  /** Hands its pieces on until it is at its end. */
  async #flowOf(told: IncomingResponse, index: number): Promise<TransportFailure | undefined> {
    const { body } = told
    if (!this.#hasHead) {
      this.#hasHead = true
      this.#head.resolve({ ...told, body: this })
    }
    this.#open.add(body)
    const failure = await this.#ended(body, index)
    this.#open.delete(body)
    return failure
  }

  async #ended(body: IncomingBody, index: number): Promise<TransportFailure | undefined> {
    const { promise, resolve } = Promise.withResolvers<TransportFailure | undefined>()
    let stopWaiting: (() => void) | undefined
    body.flow({
      onPiece: (piece) => {
        this.#take(piece)
        if (stopWaiting !== undefined || this.#parts.lacks(index)) return
        stopWaiting = this.#clock.after(lullMs, () => {
          body.cancel()
          resolve(undefined)
        })
      },
      onEnd: () => resolve(undefined),
      onBreak: resolve,
    })
    if (this.#isHeld) body.pause()
    const failure = await promise
    stopWaiting?.()
    return failure
  }

  #take(piece: Uint8Array): void {
    if (this.#ending !== undefined) return
    if (this.#sink !== undefined) return this.#sink.onPiece(piece)
    // A sign of life is for those alone who watch it flow.
    if (piece.byteLength === 0) return
    if (this.#waiting !== undefined) return this.#give(piece)
    this.#kept.push(piece)
    this.#keptBytes += piece.byteLength
    this.#hold()
  }

  /** The upstreams wait for as long as nobody can take more. */
  #hold(): void {
    const isHeld = this.#isPaused || this.#keptBytes > keptBytesMax
    if (isHeld === this.#isHeld) return
    this.#isHeld = isHeld
    for (const body of this.#open) {
      if (isHeld) body.pause()
      else body.resume()
    }
  }

  #fail(told: Came, came: Came, index: number): void {
    if (!this.#hasHead) {
      this.#hasHead = true
      this.#head.resolve(told)
    } else {
      this.why = told
      const words = came.kind === 'response' && told.kind === 'response' ? this.#lastWords(came, told, index) : []
      for (const piece of words) this.#take(piece)
      if (words.length > 0) return this.#end('end')
    }
    this.#end(told.kind === 'transport_failure' ? told : refused(told))
  }

  #end(ending: Step): void {
    if (this.#ending !== undefined) return
    this.#ending = ending
    this.#line.stop.ask()
    for (const body of this.#open) body.cancel()
    this.#open.clear()
    this.#head.resolve(unwanted)
    if (this.#sink !== undefined) this.#tellEnding()
    else if (this.#waiting !== undefined && this.#kept.length === 0) this.#give(ending)
  }

  #give(step: Step): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(step)
  }

  #tellEnding(): void {
    const sink = this.#sink
    this.#sink = undefined
    if (this.#ending === 'end') sink?.onEnd()
    else if (this.#ending !== undefined && !(this.#ending instanceof Uint8Array)) sink?.onBreak(this.#ending)
  }
}

function refused(came: IncomingResponse | Failure): TransportFailure {
  const how =
    came.kind === 'failure' ? came.message : `it answered one of several requests with the status ${came.status}`
  return { kind: 'transport_failure', phase: 'body', cause: 'other', message: how }
}

const cutShort: TransportFailure = {
  kind: 'transport_failure',
  phase: 'body',
  cause: 'other',
  message: 'the answer to one of several requests ended before it was complete',
}
