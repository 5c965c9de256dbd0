import type { Fill } from '#cache/fill.ts'
import type { Answer } from '#core/answer.ts'
import type { Exchange } from '#core/exchange.ts'
import { concat } from '#kit/bytes.ts'
import type { FirstBytes } from '#kit/first-bytes.ts'
import { LastBytes } from '#kit/last-bytes.ts'
import type { Clock } from '#ports/clock.ts'
import type { BodySink, IncomingBody, TransportFailure } from '#ports/transport.ts'
import type { Continuation } from '#wire/continuation.ts'
import { openGate, type Gate, type GatePosition } from '#wire/gate.ts'
import type { SaidText } from '#wire/said-text.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import { breakOf, endedEarly, fellSilent, toldError, type Break } from './break.ts'
import type { ClientStream } from './client-stream.ts'
import { keepReceived } from './keep-seen.ts'
import type { Flowed } from './meter.ts'

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
  /** What it took is asked for at its end. */
  readonly isMetered?: boolean
  /** Makes of the body what goes on where another one broke; undefined for the first. */
  readonly continuation: Continuation | undefined
  /** Keeps what the client gets, for the next who asks the same; undefined: nobody does. */
  readonly fill?: Fill | undefined
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
  /** Of a body whose end is not watched. */
  readonly #last: LastBytes | undefined
  #bytes = 0
  #isOver = false
  #hasTakenOver = false
  /** From an error event of the upstream on: kept back as long as another route may go on. */
  #ownWords: Uint8Array[] | undefined

  constructor(clock: Clock, exchange: Exchange, part: Part, client: ClientStream, owner: PumpOwner) {
    const { form } = part.answer
    this.#clock = clock
    this.#exchange = exchange
    this.#part = part
    this.#client = client
    this.#owner = owner
    // A continuation lets whole events through on its own.
    this.#gate = form === undefined || part.continuation !== undefined ? undefined : openGate(form)
    // Behind a sign of life a byte order mark would stand in the middle.
    if (exchange.heartbeats > 0) this.#gate?.begun()
    this.#end = form === undefined ? undefined : new StreamEnd(form)
    this.#kept = keepReceived(exchange)
    if (part.isMetered === true && form === undefined) this.#last = new LastBytes(lastBytesMax)
  }

  start(): void {
    const { answer, body } = this.#part
    this.#client.awaitFor(this.idleMs)
    for (const piece of answer.held) {
      if (this.#isOver) return
      this.#pass(piece)
    }
    if (!this.#isOver) body.flow(this)
  }

  /** Milliseconds for which the upstream may be silent. */
  get idleMs(): number {
    const { form, candidate } = this.#part.answer
    return form === undefined ? candidate.backend.timeouts.idleMs : candidate.streamClocks.idleMs
  }

  /** Where the client's bytes end. */
  get position(): GatePosition {
    return this.#gate?.position ?? 'between'
  }

  /** The last of what came, where it is watched for its end. */
  get tail(): Uint8Array | undefined {
    return this.#end?.tail
  }

  /** What came of it so far. */
  get flowed(): Flowed {
    return { answer: this.#part.answer, tail: this.#end?.tail ?? this.#last?.bytes() ?? nothing, bytesAll: this.#bytes }
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
    if (this.#ownWords !== undefined) this.#break(toldError(concat(this.#ownWords)))
    else if (this.#end?.isOver === true || this.#end?.verdict() === 'errored') this.#conclude(false)
    else this.#break(why)
  }

  fellSilent(): void {
    this.stop(fellSilent(this.#part.answer.candidate, this.#part.answer.form))
  }

  /** Nothing came for so long: ends it if the upstream said all it has to say, and only its connection is still open. */
  isOverAfter(stillMs: number): boolean {
    if (this.#isOver || this.#end === undefined) return false
    const hasSaidAll = this.#ownWords !== undefined || this.#end.hasFinalWord || this.#end.verdict() === 'errored'
    if (!hasSaidAll && (stillMs < likelyOverMs || !this.#end.isOver)) return false
    this.stop(endedEarly)
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
    if (this.#ownWords !== undefined) this.#break(toldError(concat(this.#ownWords)))
    else if (this.#end?.verdict() === 'incomplete') this.#break(endedEarly)
    else this.#conclude(true)
  }

  onBreak(failure: TransportFailure): void {
    if (this.#isOver) return
    if (this.#ownWords !== undefined) return this.#break(toldError(concat(this.#ownWords)))
    // A stream that said all it has to say is whole, however its connection ended.
    if (this.#end !== undefined && this.#end.verdict() !== 'incomplete') return this.#conclude(false)
    this.#break(breakOf(failure, this.#part.answer.candidate, this.#part.answer.form))
  }

  /** Nothing goes out yet while a gate keeps the beginning of an event, until the event is whole. */
  #pass(piece: Uint8Array): void {
    if (this.#ownWords !== undefined) return this.#keepBack(piece)
    this.#end?.see(piece)
    this.#bytes += piece.byteLength
    if (this.#last !== undefined) this.#last.add(piece)
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
    if (goodBytes === bytes.byteLength) return this.#emit(bytes)
    this.#emit(bytes.subarray(0, goodBytes))
    this.#ownWords = []
    this.#keepBack(bytes.subarray(goodBytes))
  }

  /** Some servers send more behind an error, which their clients want to see with it. */
  #keepBack(bytes: Uint8Array): void {
    const kept = this.#ownWords ?? []
    kept.push(bytes)
    if (kept.length > ownWordsPiecesMax) this.stop(endedEarly)
  }

  #emit(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return
    this.#exchange.firstByteMs ??= this.#clock.monotonicMs()
    this.#exchange.copy?.add(bytes)
    this.#part.fill?.see(bytes)
    if (this.#client.isClosed) return
    this.#exchange.bytesOut += bytes.byteLength
    this.#exchange.chunksOut += 1
    this.#client.send(bytes)
  }

  /** `isClean`: the transfer ended; otherwise no half of an event may go out at its end. */
  #conclude(isClean: boolean): void {
    if (this.#part.continuation !== undefined) {
      this.#goOn(this.#part.continuation.end())
      if (this.#isOver) return
    }
    const tail = isClean ? this.#gate?.end() : this.#gate?.mended()
    if (tail !== undefined) this.#send(tail)
    // The client may have half of an event that was too large to be held.
    if (!isClean && this.#gate?.position === 'inside' && this.#end?.hasFinalWord !== true)
      return this.#break(endedEarly)
    if (this.#ownWords !== undefined) return this.#break(toldError(concat(this.#ownWords)))
    this.#isOver = true
    this.#owner.onComplete(this.#end?.verdict() === 'errored' ? 'errored' : 'complete')
  }

  #break(why: Break): void {
    this.#isOver = true
    this.#owner.onBroken(why)
  }
}

const nothing = new Uint8Array(0)

/** Limit: bytes at the end of a body in which its usage is looked for. */
const lastBytesMax = 16_384

/** Limit: pieces behind an error event that are kept with it. */
const ownWordsPiecesMax = 64

/** Milliseconds of silence after which a stream is over that named a reason to finish, and no last word. */
const likelyOverMs = 10_000
