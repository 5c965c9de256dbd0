import { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { isIP } from 'node:net'
import { tlsFailure } from './dial-errors.ts'
import type { Step } from './phase.ts'
import type { Identity } from './secure.ts'
import { nobody, type SocketOwner, type Unowned } from './socket.ts'
import { Writer } from './writer.ts'

/**
 * Makes TLS inside of a connection that is TLS already, as behind a proxy that is reached by `https:`. The platform's
 * sockets cannot, its streams can; they cost more, resume no sessions, and are used for nothing else.
 */
export function secureInside(carrier: Unowned, identity: Identity): Step<Unowned> {
  return (settle) => {
    const { name, tls, whom } = identity
    const { verify, ca, cert, key, minVersion } = tls
    const pipe = new CarrierStream(carrier)
    let stream: TLSSocket
    try {
      stream = connect({
        socket: pipe,
        host: name,
        servername: isIP(name) === 0 ? name : '',
        rejectUnauthorized: verify,
        minVersion: minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
        ALPNProtocols: ['http/1.1'],
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
      })
    } catch (error) {
      settle(tlsFailure(error, whom))
      carrier.terminate()
      return () => {}
    }
    const socket = new StreamSocket(stream, carrier)
    stream.once('secureConnect', () => {
      if (!verify || stream.authorized) return settle(socket)
      settle(tlsFailure(stream.authorizationError, whom))
      socket.terminate()
    })
    stream.once('error', (error) => {
      settle(tlsFailure(error, whom))
      socket.terminate()
    })
    stream.once('close', () => settle(tlsFailure(closedEarly, whom)))
    return () => socket.terminate()
  }
}

const closedEarly = Object.assign(new Error('closed'), { code: 'ECONNRESET' })

/** A socket as the platform's TLS streams want to have it below them. */
class CarrierStream extends Duplex implements SocketOwner {
  readonly #carrier: Unowned
  readonly #writer: Writer
  #onWritten: (() => void) | undefined

  constructor(carrier: Unowned) {
    super()
    this.#carrier = carrier
    this.#writer = new Writer(carrier)
    carrier.data = this
  }

  override _read(): void {
    this.#carrier.resume()
  }

  override _write(bytes: Buffer, _encoding: string, onWritten: () => void): void {
    if (this.#writer.send(bytes)) onWritten()
    else this.#onWritten = onWritten
  }

  override _final(onDone: () => void): void {
    this.#carrier.close()
    onDone()
  }

  override _destroy(error: Error | null, onDone: (error: Error | null) => void): void {
    this.#carrier.terminate()
    onDone(error)
  }

  onData(bytes: Buffer): void {
    if (!this.push(bytes)) this.#carrier.pause()
  }

  onDrain(): void {
    if (this.#writer.isEmpty || !this.#writer.resume()) return
    const onWritten = this.#onWritten
    this.#onWritten = undefined
    onWritten?.()
  }

  onEnd(): void {
    this.push(null)
  }

  onClose(error?: Error): void {
    if (error !== undefined) this.destroy(error)
    else if (!this.readableEnded) this.push(null)
  }
}

/** A TLS stream as the rest of this room wants to have its sockets. */
class StreamSocket implements Unowned {
  data: SocketOwner = nobody
  readonly #stream: TLSSocket
  readonly #carrier: Unowned
  #error: Error | undefined
  #isClosed = false

  constructor(stream: TLSSocket, carrier: Unowned) {
    this.#stream = stream
    this.#carrier = carrier
    stream.on('data', (bytes: Buffer) => this.data.onData(bytes))
    stream.on('drain', () => this.data.onDrain())
    stream.on('end', () => {
      this.data.onEnd()
      this.terminate()
    })
    stream.on('error', (error) => {
      this.#error = error
      this.terminate()
    })
    stream.on('close', () => this.#tellClosed())
  }

  get readyState(): number {
    return this.#stream.destroyed || this.#isClosed ? -1 : 1
  }

  write(bytes: Uint8Array, offset = 0, length = bytes.byteLength - offset): number {
    if (this.readyState <= 0) return -1
    if (this.#stream.writableNeedDrain) return 0
    // The stream keeps what it is given, and the caller may use its buffer again.
    this.#stream.write(Uint8Array.from(bytes.subarray(offset, offset + length)))
    return length
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  close(): void {
    if (this.readyState <= 0) return
    this.#stream.end(() => this.#carrier.close())
    this.#tellClosed()
  }

  terminate(): void {
    this.#stream.destroy()
    this.#carrier.terminate()
    this.#tellClosed()
  }

  #tellClosed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.data.onClose(this.#error)
  }
}
