import type { Answer } from '#core/answer.ts'
import type { Exchange } from '#core/exchange.ts'
import type { FirstBytes } from '#kit/first-bytes.ts'
import type { Clock } from '#ports/clock.ts'
import type { BodySink, IncomingBody, TransportFailure } from '#ports/transport.ts'
import type { Continuation } from '#wire/continuation.ts'
import { openGate } from '#wire/gate.ts'
import type { SaidText } from '#wire/said-text.ts'
import type { Gate, GatePosition } from '#wire/sse.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { breakOf, endedEarly, fellSilent, toldError, type Break } from './break.ts'
import type { ClientStream } from './client-stream.ts'
import { keepReceived } from './keep-seen.ts'

/** Is told, once, how a body ended. */
export interface PumpOwner {
  /** All was said; `errored`: the last of it was an error event of the upstream. */
  onComplete(how: 'complete' | 'errored'): void
  onBroken(why: Break): void
  /** It does not go on with what the client has. */
  onDiverged(): void
}

/** What a body is to the client's stream. */
export interface Part {
  readonly answer: Answer
  readonly body: IncomingBody
  /** Follows what the client gets, where another route may have to go on with it. */
  readonly said: SaidText | undefined
  /** Makes of the body what goes on where another one broke; undefined for the first. */
  readonly continuation: Continuation | undefined
}

/**
 * One upstream body on its way to the client: hands every piece on in the moment it comes and tells how the body ended.
 * A stream is complete when it said so in its own protocol, however its connection ended.
 */
export class Pump implements BodySink {
  readonly #clock: Clock
  readonly #exchange: Exchange
  readonly #part: Part
  readonly #client: ClientStream
  readonly #owner: PumpOwner
  readonly #gate: Gate | undefined
  readonly #end: StreamEnd | undefined
  readonly #kept: FirstBytes | undefined
  #isOver = false
  #hasTakenOver = false

  constructor(clock: Clock, exchange: Exchange, part: Part, client: ClientStream, owner: PumpOwner) {
    const { form } = part.answer
    this.#clock = clock
    this.#exchange = exchange
    this.#part = part
    this.#client = client
    this.#owner = owner
    // A continuation lets whole events through on its own.
    this.#gate = form === undefined || part.continuation !== undefined ? undefined : openGate(form)
    this.#end = form === undefined ? undefined : new StreamEnd(form)
    this.#kept = keepReceived(exchange)
  }

  start(): void {
    const { answer, body } = this.#part
    const { timeouts } = answer.candidate.backend
    const { idleMs, durationMs } = answer.candidate.streamClocks
    this.#client.limit(answer.form === undefined ? { idleMs: timeouts.idleMs, durationMs: 0 } : { idleMs, durationMs })
    for (const piece of answer.held) {
      if (this.#isOver) return
      this.#pass(piece)
    }
    if (!this.#isOver) body.flow(this)
  }

  /** Where the client's bytes end. */
  get position(): GatePosition {
    return this.#gate?.position ?? 'between'
  }

  get answer(): Answer {
    return this.#part.answer
  }

  /** The client got something of it. */
  get hasSpoken(): boolean {
    return this.#part.continuation === undefined || this.#hasTakenOver
  }

  pause(): void {
    this.#part.body.pause()
  }

  resume(): void {
    this.#part.body.resume()
  }

  /** Nothing of it is wanted any more, and nothing told. */
  drop(): void {
    this.#isOver = true
    this.#part.body.cancel()
  }

  /** Ends it for this reason, unless it has said all. */
  stop(why: Break): void {
    if (this.#isOver) return
    this.#part.body.cancel()
    if (this.saidAll) this.#conclude()
    else this.#break(why)
  }

  fellSilent(): void {
    this.stop(fellSilent(this.#part.answer.candidate, this.#part.answer.form))
  }

  /** A stream that said all it has to say is whole, even if its connection stays open. */
  get saidAll(): boolean {
    return this.#end?.verdict() === 'complete'
  }

  /** Ends it if the upstream said all it has to say, and only its connection is still open. */
  finishIfOver(): boolean {
    if (this.#isOver || this.#end?.isOver !== true) return false
    this.#part.body.cancel()
    this.#conclude()
    return true
  }

  // Called by the body.

  onPiece(bytes: Uint8Array): void {
    if (this.#isOver) return
    this.#client.heard()
    this.#kept?.add(bytes)
    this.#pass(bytes)
  }

  onEnd(): void {
    if (this.#isOver) return
    if (this.#end?.verdict() === 'incomplete') this.#break(endedEarly)
    else this.#conclude()
  }

  onBreak(failure: TransportFailure): void {
    if (this.#isOver) return
    if (this.saidAll) return this.#conclude()
    this.#break(breakOf(failure, this.#part.answer.candidate, this.#part.answer.form))
  }

  /** Nothing goes out yet while a gate keeps the beginning of an event, until the event is whole. */
  #pass(piece: Uint8Array): void {
    this.#end?.see(piece)
    if (this.#part.continuation !== undefined) return this.#goOn(this.#part.continuation.push(piece))
    const ready = this.#gate === undefined ? piece : this.#gate.push(piece)
    if (ready !== undefined) this.#send(ready)
  }

  #goOn(step: 'more' | 'diverged' | Uint8Array | undefined): void {
    if (step === 'more' || step === undefined) return
    if (step !== 'diverged') return this.#takeOver(step)
    this.drop()
    this.#owner.onDiverged()
  }

  #takeOver(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    if (!this.#hasTakenOver) {
      this.#hasTakenOver = true
      this.#exchange.rescuedAtBytes ??= []
      this.#exchange.rescuedAtBytes.push(this.#exchange.bytesOut)
    }
    this.#send(bytes)
  }

  #send(bytes: Uint8Array): void {
    const { said } = this.#part
    const goodBytes = said === undefined ? bytes.byteLength : said.see(bytes)
    if (goodBytes < bytes.byteLength) {
      this.#emit(bytes.subarray(0, goodBytes))
      this.#part.body.cancel()
      return this.#break(toldError(bytes.subarray(goodBytes)))
    }
    this.#emit(bytes)
  }

  #emit(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    this.#exchange.firstByteMs ??= this.#clock.monotonicMs()
    if (this.#client.isClosed) return
    this.#exchange.bytesOut += bytes.byteLength
    this.#client.send(bytes)
  }

  #conclude(): void {
    if (this.#part.continuation !== undefined) {
      this.#goOn(this.#part.continuation.end())
      if (this.#isOver) return
    }
    const tail = this.#gate?.end()
    if (tail !== undefined) this.#send(tail)
    if (this.#isOver) return
    this.#isOver = true
    this.#owner.onComplete(this.#end?.verdict() === 'errored' ? 'errored' : 'complete')
  }

  #break(why: Break): void {
    this.#isOver = true
    this.#owner.onBroken(why)
  }
}
