import type {
  BodySink,
  IncomingBody,
  IncomingResponse,
  OutgoingRequest,
  RawSocket,
  TransportFailure,
  Upgraded,
} from '#ports/transport.ts'
import { concat } from '#kit/bytes.ts'
import type { HeaderList } from '#kit/header-list.ts'
import type { StopListener } from '#kit/stop.ts'
import type { Connection } from './connection.ts'
import { transportFailure } from './failure.ts'
import type { ResponseHead } from './reader.ts'

/** Bytes of a body that nobody asked for yet; beyond, the connection is paused. */
const queuedBytesMax = 262_144

/** What an exchange can come to before its body. */
export type HeadOutcome = IncomingResponse | TransportFailure

/** One request on its way, and the body of the answer to it. */
export class Exchange implements IncomingBody, StopListener {
  readonly request: OutgoingRequest
  /** Serialised head of the request. */
  readonly head: string
  /** Monotonic; set by the connection when sending took its time. */
  sentMs: number | undefined
  /** Takes it out of the pool it waits in, before it has a connection, and tells what for: a free one, or its own. */
  onLeave: (() => 'queue' | 'connect') | undefined
  readonly #resolve: (outcome: HeadOutcome) => void
  /** Absent where leaving HTTP is not asked for. */
  readonly #resolveUpgrade: ((outcome: Upgraded) => void) | undefined
  #connection: Connection | undefined
  #hasHead = false
  #isOver = false
  /** How the body ended, once it did. */
  #ending: 'end' | TransportFailure | undefined
  #queue: Uint8Array[] | undefined
  #queuedBytes = 0
  #isQueueFull = false
  #sink: BodySink | undefined
  #reading: ((step: Uint8Array | 'end' | TransportFailure) => void) | undefined
  #isTaken = false
  /** Whoever reads wants nothing for now. */
  #isHeld = false
  #isCancelled = false

  constructor(
    request: OutgoingRequest,
    head: string,
    resolve: (outcome: HeadOutcome) => void,
    resolveUpgrade?: (outcome: Upgraded) => void,
  ) {
    this.request = request
    this.head = head
    this.#resolve = resolve
    this.#resolveUpgrade = resolveUpgrade
    request.stop.tell(this)
  }

  get asksUpgrade(): boolean {
    return this.#resolveUpgrade !== undefined
  }

  /** Nothing more will happen to it. */
  get isOver(): boolean {
    return this.#isOver
  }

  get hasHead(): boolean {
    return this.#hasHead
  }

  /** From now on this connection works for it. */
  carriedBy(connection: Connection): void {
    this.#connection = connection
    this.onLeave = undefined
  }

  // What the connection tells.

  onHead({ status, headers }: ResponseHead): void {
    this.#hasHead = true
    this.#resolve({ kind: 'response', status, headers, sentMs: this.sentMs, body: this })
  }

  onPiece(bytes: Uint8Array): void {
    if (this.#isOver) return
    if (this.#sink !== undefined) return this.#sink.onPiece(bytes)
    const reading = this.#reading
    if (reading !== undefined) {
      this.#reading = undefined
      return reading(bytes)
    }
    if (this.#queue === undefined) this.#queue = [bytes]
    else this.#queue.push(bytes)
    this.#queuedBytes += bytes.byteLength
    if (this.#queuedBytes > queuedBytesMax && !this.#isQueueFull) {
      this.#isQueueFull = true
      this.#connection?.pause()
    }
  }

  onComplete(): void {
    this.#end('end')
  }

  onBroken(failure: TransportFailure): void {
    if (this.#isOver) return
    if (this.#hasHead) return this.#end(failure)
    this.#isOver = true
    this.request.stop.forget(this)
    this.#resolve(failure)
  }

  /** The connection left HTTP behind: it belongs to someone else now. */
  onUpgraded(headers: HeaderList, socket: RawSocket): void {
    this.#hasHead = true
    this.#isOver = true
    this.#connection = undefined
    this.request.stop.forget(this)
    this.#resolveUpgrade?.({ kind: 'upgraded', status: 101, headers, socket })
  }

  // The body.

  get whole(): Uint8Array | undefined {
    if (this.#ending !== 'end' || this.#isTaken) return undefined
    const queue = this.#queue
    if (queue === undefined) return nothing
    // Asked more than once, it is joined once.
    if (queue.length > 1) queue.splice(0, queue.length, concat(queue))
    return queue[0]
  }

  async read(): Promise<Uint8Array | 'end' | TransportFailure> {
    this.#isTaken = true
    const queued = this.#queue?.shift()
    if (queued !== undefined) {
      this.#queuedBytes -= queued.byteLength
      if (this.#isQueueFull && this.#queuedBytes <= queuedBytesMax) this.#drained()
      return queued
    }
    if (this.#ending !== undefined) return this.#ending
    return await new Promise((resolve) => (this.#reading = resolve))
  }

  flow(sink: BodySink): void {
    if (this.#isCancelled) return
    this.#isTaken = true
    const queue = this.#queue
    this.#queue = undefined
    this.#queuedBytes = 0
    this.#sink = sink
    if (this.#isQueueFull) this.#drained()
    if (queue !== undefined) {
      for (const bytes of queue) {
        sink.onPiece(bytes)
        // It may have been enough for the sink, or the end of the exchange.
        if (this.#sink === undefined) return
      }
    }
    if (this.#ending !== undefined) this.#tellEnd(this.#ending)
  }

  pause(): void {
    this.#isHeld = true
    this.#connection?.pause()
  }

  resume(): void {
    this.#isHeld = false
    if (!this.#isQueueFull) this.#connection?.resume()
  }

  cancel(): void {
    this.#isCancelled = true
    this.#sink = undefined
    this.#queue = undefined
    if (this.#isOver) return
    this.#isOver = true
    this.request.stop.forget(this)
    this.#ending ??= cancelled
    const reading = this.#reading
    this.#reading = undefined
    const connection = this.#connection
    this.#connection = undefined
    connection?.abandon()
    reading?.(cancelled)
  }

  #drained(): void {
    this.#isQueueFull = false
    if (!this.#isHeld) this.#connection?.resume()
  }

  #end(ending: 'end' | TransportFailure): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#ending = ending
    this.#connection = undefined
    this.request.stop.forget(this)
    const reading = this.#reading
    this.#reading = undefined
    reading?.(ending)
    this.#tellEnd(ending)
  }

  #tellEnd(ending: 'end' | TransportFailure): void {
    const sink = this.#sink
    this.#sink = undefined
    if (ending === 'end') sink?.onEnd()
    else sink?.onBreak(ending)
  }

  onStop(): void {
    const connection = this.#connection
    const left = this.onLeave?.() ?? 'connect'
    const phase = connection?.phase ?? left
    this.#connection = undefined
    connection?.abandon()
    this.onBroken(transportFailure(phase, 'aborted', 'the exchange was given up'))
  }
}

const nothing = new Uint8Array()
const cancelled = transportFailure('body', 'aborted', 'the body was not wanted any more')
