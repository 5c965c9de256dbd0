import type { Clock } from '#ports/clock.ts'
import type { TransportFailure, TransportPhase } from '#ports/transport.ts'
import type { Exchange } from './exchange.ts'
import { transportFailure } from './failure.ts'
import { RawConnection } from './raw-connection.ts'
import { ResponseReader, type ReadFault, type ResponseHead } from './reader.ts'
import type { Socket, SocketOwner } from './socket.ts'
import { Deadline, type DeadlineOwner, type TimerWheel } from '#ports/timer-wheel.ts'
import type { Sender, Turn } from './turn.ts'
import { Writer } from './writer.ts'

/** Where a connection lives between two exchanges. */
export interface Home {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly turn: Turn
  /** Milliseconds for which a connection may be idle, 0 = for ever. */
  readonly idleMs: number
  /** It may carry another exchange. */
  released(connection: Connection): void
  /** It is closed; told once. */
  closed(connection: Connection): void
}

/** One connection to an upstream. It carries one exchange at a time, and tells its home when it is free or gone. */
export class Connection implements SocketOwner, Sender, DeadlineOwner {
  openedMs = 0
  /** Exchanges that it carried to their end. */
  served = 0
  readonly #home: Home
  readonly #reader = new ResponseReader({
    onHead: (head) => this.#onHead(head),
    onPiece: (bytes) => this.#onPiece(bytes),
    // The rest of what was just read is still being looked at, so nothing new may begin here.
    onEnd: (mayReuse) => (this.#mayReuse = mayReuse),
  })
  readonly #deadline = new Deadline(this)
  #socket: Socket<Connection> | undefined
  #writer: Writer | undefined
  #exchange: Exchange | undefined
  /** The request was handed over whole. */
  #isSent = true
  /** When its first byte went out. */
  #startedMs: number | undefined
  #isPaused = false
  /** The body has begun. */
  #hasPiece = false
  /** The response is complete; may the connection be used again? */
  #mayReuse: boolean | undefined
  /** What waits for the socket to take more, while a streamed body is sent. */
  #onDrained: (() => void) | undefined
  /** The next piece of a streamed body has yet to come: nobody but its source can be late. */
  #awaitsSource = false
  /** Lets go of a streamed body that is still being sent. */
  #cancelSource: (() => void) | undefined
  #raw: RawConnection | undefined

  constructor(home: Home) {
    this.#home = home
  }

  /** The socket stands. */
  opened(socket: Socket<Connection>): void {
    this.#socket = socket
    this.#writer = new Writer(socket)
    this.openedMs = this.#home.clock.monotonicMs()
  }

  get isOpen(): boolean {
    return this.#socket !== undefined
  }

  /** How far the exchange has come. */
  get phase(): TransportPhase {
    if (this.#exchange?.hasHead === true) return 'body'
    return this.#isSent ? 'head' : 'write'
  }

  /** Sends the exchange's request, at the end of this turn, and reads the answer. */
  carry(exchange: Exchange): void {
    if (this.#writer === undefined) return exchange.onBroken(transportFailure('connect', 'reset', closedBefore))
    this.#exchange = exchange
    this.#isSent = false
    this.#hasPiece = false
    this.#awaitsSource = false
    this.#startedMs = undefined
    this.#mayReuse = undefined
    this.#home.wheel.disarm(this.#deadline)
    this.#reader.begin(exchange.request.method, exchange.asksUpgrade)
    this.#writer.begin()
    exchange.carriedBy(this)
    this.#home.turn.add(this)
  }

  sendNow(): void {
    const exchange = this.#exchange
    const writer = this.#writer
    // It may have been given up, or its connection closed, in the same turn.
    if (exchange === undefined || writer === undefined || !this.isOpen) return
    const { body, clocks } = exchange.request
    this.#startedMs = this.#home.clock.monotonicMs()
    if (body instanceof ReadableStream) {
      const isTaken = writer.sendRequest(exchange.head, noPieces)
      void this.#sendStream(exchange, body, isTaken)
    } else if (writer.sendRequest(exchange.head, body ?? noPieces)) {
      this.#onSent(clocks.firstByteMs)
    } else {
      this.#home.wheel.arm(this.#deadline, clocks.writeMs)
    }
  }

  /** It has nothing to carry; it may wait so long. */
  rest(): void {
    this.#home.wheel.arm(this.#deadline, this.#home.idleMs)
  }

  /** Nobody wants the answer any more, so nothing on this connection is of use. */
  abandon(): void {
    this.#exchange = undefined
    this.#leave()?.terminate()
  }

  /** Closes it in due form. */
  close(): void {
    this.#leave()?.close()
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#home.wheel.disarm(this.#deadline)
    this.#socket?.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket?.resume()
    this.#awaitPiece()
  }

  // What the socket tells.

  onData(bytes: Buffer): void {
    if (this.#raw !== undefined) return this.#raw.onPiece(bytes)
    // Nobody asked: the upstream does not know where its answers begin and end.
    if (this.#exchange === undefined) return this.abandon()
    // Neither can it be the answer to a request that has yet to go out.
    if (this.#startedMs === undefined) return this.#break('reset', closedBefore)
    const fault = this.#reader.push(bytes)
    if (fault !== undefined) return this.#onFault(fault)
    if (this.#mayReuse !== undefined) this.#finish(this.#mayReuse)
  }

  onDrain(): void {
    if (this.#raw !== undefined) return this.#raw.onDrain()
    const exchange = this.#exchange
    const writer = this.#writer
    // The platform also tells this when nothing waits.
    if (exchange === undefined || writer === undefined || writer.isEmpty) return
    const { body, clocks } = exchange.request
    if (!writer.resume()) return this.#awaitProgress(clocks.writeMs)
    if (body instanceof ReadableStream) {
      const onDrained = this.#onDrained
      this.#onDrained = undefined
      return onDrained?.()
    }
    exchange.sentMs = this.#home.clock.monotonicMs()
    this.#onSent(clocks.firstByteMs)
  }

  /** The upstream sends no more. */
  onEnd(): void {
    if (this.#raw !== undefined) return this.#raw.onEnd()
    if (this.#exchange === undefined) return this.close()
    const fault = this.#reader.end()
    if (fault !== undefined) return this.#onFault(fault)
    if (this.#mayReuse !== undefined) this.#finish(false)
  }

  onClose(error?: Error): void {
    if (this.#raw !== undefined) return this.#raw.onClose(error)
    if (this.#socket === undefined) return
    this.#leave()
    if (error === undefined) return this.#break('reset', closedBefore)
    this.#break(tlsCode.test(codeOf(error)) ? 'tls' : 'reset', `${closedBefore} (${codeOf(error)})`)
  }

  // What the reader tells.

  #onHead(head: ResponseHead): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    if (head.status === 101) return this.#upgrade(exchange, head)
    // Some upstreams send the head at once and think afterwards, so it does not start the clock between pieces. One that
    // is still to take the request goes on with that.
    if (this.#onDrained === undefined) this.#home.wheel.disarm(this.#deadline)
    exchange.onHead(head)
  }

  #onPiece(bytes: Uint8Array): void {
    if (this.#raw !== undefined) return this.#raw.onPiece(bytes)
    this.#hasPiece = true
    this.#exchange?.onPiece(bytes)
    this.#awaitPiece()
  }

  #finish(mayReuse: boolean): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.#home.wheel.disarm(this.#deadline)
    this.served += 1
    // An answer that came before the whole request leaves a connection in the middle of something.
    if (mayReuse && this.#isSent && this.isOpen) {
      if (this.#isPaused) this.resume()
      this.#home.released(this)
    } else {
      this.close()
    }
    exchange?.onComplete()
  }

  #onSent(firstByteMs: number): void {
    this.#isSent = true
    if (this.#exchange?.hasHead === true) this.#awaitPiece()
    else this.#home.wheel.arm(this.#deadline, firstByteMs)
  }

  /** Once the answer has begun, each side may be silent as long as the other one is not. */
  #awaitProgress(writeMs: number): void {
    if (this.#hasPiece) this.#awaitPiece()
    else this.#home.wheel.arm(this.#deadline, writeMs)
  }

  /** The idle clock runs while the upstream owes a piece and may send it. */
  #awaitPiece(): void {
    if (this.#isPaused || !this.#hasPiece || this.#awaitsSource || this.#exchange === undefined) return
    this.#home.wheel.arm(this.#deadline, this.#exchange.request.clocks.idleMs ?? 0)
  }

  /** Its own pauses are nobody's fault: no clock runs but while the upstream is to take something. */
  async #sendStream(exchange: Exchange, body: ReadableStream<Uint8Array>, isHeadTaken: boolean): Promise<void> {
    const { bodyBytes, clocks } = exchange.request
    const { writeMs, firstByteMs } = clocks
    try {
      const source = body.getReader()
      this.#cancelSource = () => void source.cancel().catch(() => {})
      if (!isHeadTaken) await this.#drained(writeMs)
      let leftBytes = bodyBytes ?? Infinity
      for (;;) {
        this.#awaitsSource = true
        this.#home.wheel.disarm(this.#deadline)
        const { done, value } = await source.read()
        if (this.#exchange !== exchange || this.#writer === undefined) return
        this.#awaitsSource = false
        if (done) break
        if (value.byteLength === 0) continue
        leftBytes -= value.byteLength
        if (leftBytes < 0) return this.#break('other', otherLength)
        if (!this.#sendPart(this.#writer, value, bodyBytes !== undefined)) await this.#drained(writeMs)
        if (this.#exchange !== exchange) return
      }
      this.#cancelSource = undefined
      if (bodyBytes === undefined) {
        if (!this.#writer.send(lastChunk)) await this.#drained(writeMs)
        if (this.#exchange !== exchange) return
      } else if (leftBytes > 0) {
        return this.#break('other', otherLength)
      }
      exchange.sentMs = this.#home.clock.monotonicMs()
      this.#onSent(firstByteMs)
    } catch {
      if (this.#exchange === exchange) this.#break('other', 'the body of the request could not be read')
    }
  }

  /** True when the socket took all of it. */
  #sendPart(writer: Writer, part: Uint8Array, isFramed: boolean): boolean {
    if (isFramed) return writer.send(part)
    writer.send(Buffer.from(`${part.byteLength.toString(16)}\r\n`, 'latin1'))
    writer.send(part)
    return writer.send(lineEnd)
  }

  async #drained(writeMs: number): Promise<void> {
    this.#awaitProgress(writeMs)
    await new Promise<void>((resolve) => (this.#onDrained = resolve))
    if (!this.#hasPiece) this.#home.wheel.disarm(this.#deadline)
  }

  /** From here on the bytes are no longer HTTP, and the connection is its new owner's. */
  #upgrade(exchange: Exchange, { headers }: ResponseHead): void {
    const socket = this.#socket
    const writer = this.#writer
    if (socket === undefined || writer === undefined) return
    this.#home.wheel.disarm(this.#deadline)
    // It goes on counting among the connections until it is closed.
    this.#raw = new RawConnection(socket, writer, () => this.#home.closed(this))
    this.#exchange = undefined
    exchange.onUpgraded(headers, this.#raw)
  }

  #onFault({ kind, message }: ReadFault): void {
    this.#break(kind === 'cut' ? 'reset' : 'malformed', message)
  }

  onDue(): void {
    const exchange = this.#exchange
    if (exchange === undefined) return this.close()
    const { clocks } = exchange.request
    if (!this.#isSent && !this.#hasPiece)
      this.#break('timeout', `the request could not be sent on for ${clocks.writeMs} ms`)
    else if (this.phase === 'head') this.#break('timeout', `no answer within ${clocks.firstByteMs} ms`)
    else this.#break('timeout', `the answer fell silent for ${clocks.idleMs} ms`)
  }

  /** Whatever the reason, a connection on which something broke is of no further use. */
  #break(cause: TransportFailure['cause'], message: string): void {
    const exchange = this.#exchange
    if (exchange !== undefined) {
      // A server that misses a client certificate says so only now.
      const phase = cause === 'tls' ? 'tls' : this.phase
      const trace = {
        bytesSent: this.#writer?.sent ?? 0,
        bytesReceived: this.#reader.received,
        wasReused: this.served > 0,
        afterMs: this.#startedMs === undefined ? 0 : this.#home.clock.monotonicMs() - this.#startedMs,
      }
      this.#exchange = undefined
      this.#leave()?.terminate()
      exchange.onBroken(transportFailure(phase, cause, message, trace))
    } else {
      this.#leave()?.terminate()
    }
  }

  /** From now on it is closed; the socket is still to be told. */
  #leave(): Socket<Connection> | undefined {
    const socket = this.#socket
    if (socket === undefined) return undefined
    this.#socket = undefined
    this.#home.wheel.disarm(this.#deadline)
    // A body that is still being sent is not wanted any more.
    this.#cancelSource?.()
    this.#cancelSource = undefined
    const onDrained = this.#onDrained
    this.#onDrained = undefined
    onDrained?.()
    this.#home.closed(this)
    return socket
  }
}

const tlsCode = /^(?:EPROTO|ERR_SSL|ERR_TLS|SSL)/

/** Such as ECONNRESET; or a TLS error, as when the upstream misses a client certificate. */
function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

const noPieces: readonly Uint8Array[] = []
const closedBefore = 'the connection was closed before the answer was complete'
const otherLength = 'the body of the request had another length than the one that was announced'
const lineEnd = Buffer.from('\r\n', 'latin1')
const lastChunk = Buffer.from('0\r\n\r\n', 'latin1')
