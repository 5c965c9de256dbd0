import type { Clock } from '#ports/clock.ts'
import type { RawSocket, RawSocketOwner, TransportFailure } from '#ports/transport.ts'
import { FrameReader, FrameWriter, type FrameFault, type FrameSink } from './websocket-frames.ts'

/** Takes what comes over a WebSocket. */
export interface WebSocketOwner {
  /** `bytes`: length of its UTF-8. */
  onText(text: string, bytes: number): void
  onBinary(payload: Uint8Array): void
  /** What was sent is on its way; only after a `send` that was false. */
  onDrain(): void
  /** Once, unless it was closed from this side. */
  onEnd(end: WebSocketEnd): void
}

/** How a WebSocket ended by the other side's doing. */
export type WebSocketEnd =
  /** In order, by a close frame; `closeCodes.none` when that had no code. */
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }
  /** It broke the protocol or a limit, and was told so. */
  | ({ readonly kind: 'fault' } & FrameFault)
  /** Without a close frame. */
  | { readonly kind: 'broke'; readonly message: string }
  /** It answered nothing, not even a ping. */
  | { readonly kind: 'silent' }
  /** It took nothing of what was sent. */
  | { readonly kind: 'stuck' }

export interface WebSocketOptions {
  readonly clock: Clock
  /** Not to be guessed, such as `crypto.getRandomValues`. */
  readonly fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void
  /** Of a message that arrives; what is larger ends the WebSocket. */
  readonly messageBytesMax: number
  /** Milliseconds of silence after which the other side is given up, 0 = never. It is asked by a ping before. */
  readonly idleMs: number
  /** Milliseconds for which it may take nothing, 0 = for ever. */
  readonly writeMs: number
}

/** Limit: milliseconds for the other side to close its end as well. */
const closeMsMax = 5000

/** Limit: milliseconds for which what was sent before a close frame may wait, unless `writeMs` says otherwise. */
const lastWriteMsMax = 60_000

/** Milliseconds of silence after which a ping is sent at the latest: shorter than the patience of common middleboxes. */
const pingMsMax = 30_000

/** The client's side of a WebSocket (RFC 6455) over a connection that was upgraded to one. */
export class WebSocketConnection implements RawSocketOwner, FrameSink {
  readonly #socket: RawSocket
  readonly #owner: WebSocketOwner
  readonly #clock: Clock
  readonly #writeMs: number
  readonly #idleMs: number
  readonly #reader: FrameReader
  readonly #writer: FrameWriter
  #state: 'open' | 'closing' | 'closed' = 'open'
  #isFull = false
  #isPaused = false
  /** The last ping that could not be answered yet; only the last one needs an answer (RFC 6455 §5.5.3). */
  #pinged: Uint8Array | undefined
  /** How the connection closed while what came before was still kept back. */
  #closedBy: { readonly failure: TransportFailure | undefined } | undefined
  /** Runs while it is full, and while it is closing. */
  #cancelLimit: (() => void) | undefined
  #cancelLook: (() => void) | undefined
  #hasHeard = true
  #silentMs = 0

  constructor(socket: RawSocket, owner: WebSocketOwner, options: WebSocketOptions) {
    this.#socket = socket
    this.#owner = owner
    this.#clock = options.clock
    this.#writeMs = options.writeMs
    this.#idleMs = options.idleMs
    this.#reader = new FrameReader(this, options.messageBytesMax)
    this.#writer = new FrameWriter(options.fillRandom)
  }

  /** Messages come from now on; some may have come with the opening, and are told before this returns. */
  start(): void {
    this.#lookLater()
    this.#socket.attach(this)
  }

  /** False: it waits to be sent, and so should the next until `onDrain`. */
  sendText(text: string): boolean {
    return this.#state === 'open' && this.#write(this.#writer.text(text))
  }

  sendBinary(payload: Uint8Array): boolean {
    return this.#state === 'open' && this.#write(this.#writer.binary(payload))
  }

  /** The message that is being handed over is the last one until `resume`. */
  pause(): void {
    if (this.#state !== 'open' || this.#isPaused) return
    this.#isPaused = true
    this.#reader.pause()
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#hasHeard = true
    this.#reader.resume()
    // What was kept may have filled the owner again.
    if (this.#isPaused || this.#state === 'closed') return
    if (this.#closedBy === undefined) this.#socket.resume()
    else this.onClose(this.#closedBy.failure)
  }

  /** Says goodbye after all that was sent. Nothing is handed over any more; the connection ends by itself. */
  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    this.#leave(this.#writer.close(code, reason))
    // The answer can only be read by who reads; what else still comes is of no interest.
    if (this.#isPaused) this.resume()
  }

  /** Without a goodbye. */
  destroy(): void {
    if (this.#state === 'closed') return
    this.#over()
    this.#socket.destroy()
  }

  onPiece(bytes: Uint8Array): void {
    this.#hasHeard = true
    this.#reader.push(bytes)
  }

  onDrain(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.#cancelLimit?.()
    const pinged = this.#pinged
    this.#pinged = undefined
    if (this.#state === 'closing') this.#limit(closeMsMax)
    if (this.#state !== 'open') return
    if (pinged !== undefined) this.onPing(pinged)
    if (!this.#isFull) this.#owner.onDrain()
  }

  onClose(failure?: TransportFailure): void {
    const wasOpen = this.#state === 'open'
    if (wasOpen && this.#isPaused) {
      this.#closedBy = { failure }
      return
    }
    this.#over()
    if (!wasOpen) return
    const message = failure?.message ?? 'the connection ended without a close frame'
    this.#owner.onEnd({ kind: 'broke', message })
  }

  onText(text: string, bytes: number): void {
    if (this.#state === 'open') this.#owner.onText(text, bytes)
  }

  onBinary(payload: Uint8Array): void {
    if (this.#state === 'open') this.#owner.onBinary(payload)
  }

  onPing(payload: Uint8Array): void {
    if (this.#state !== 'open') return
    if (this.#isFull) this.#pinged = payload
    else this.#write(this.#writer.pong(payload))
  }

  onPong(): void {}

  onCloseFrame(code: number, reason: string): void {
    // Closing already: this is the answer, and the server is the one to end the connection.
    if (this.#state !== 'open') return
    this.#leave(this.#writer.close(code, ''))
    this.#owner.onEnd({ kind: 'closed', code, reason })
  }

  onFault(fault: FrameFault): void {
    if (this.#state !== 'open') return this.destroy()
    this.#leave(this.#writer.close(fault.code, fault.message))
    this.#socket.end()
    this.#owner.onEnd({ kind: 'fault', ...fault })
  }

  #write(frame: Uint8Array): boolean {
    if (this.#socket.write(frame)) return !this.#isFull
    if (this.#isFull) return false
    this.#isFull = true
    if (this.#writeMs > 0) this.#cancelLimit = this.#clock.after(this.#writeMs, () => this.#giveUp('stuck'))
    return false
  }

  /** Whether it is still there. One timer for the whole connection: what arrives costs no look at the clock. */
  #lookLater(): void {
    const ms = this.#idleMs === 0 ? pingMsMax : Math.min(pingMsMax, this.#idleMs / 2)
    this.#cancelLook = this.#clock.after(ms, () => this.#look(ms))
  }

  #look(sinceMs: number): void {
    // Nothing can be heard of someone who is not listened to.
    this.#silentMs = this.#hasHeard || this.#isPaused ? 0 : this.#silentMs + sinceMs
    this.#hasHeard = false
    if (this.#idleMs > 0 && this.#silentMs >= this.#idleMs) return this.#giveUp('silent')
    if (this.#silentMs > 0 && !this.#isFull) this.#write(this.#writer.ping(noBytes))
    this.#lookLater()
  }

  #giveUp(kind: 'silent' | 'stuck'): void {
    this.destroy()
    this.#owner.onEnd({ kind })
  }

  /** From here on it is only about an orderly end. */
  #leave(goodbye: Uint8Array): void {
    this.#state = 'closing'
    this.#cancelLimit?.()
    this.#cancelLook?.()
    if (!this.#socket.write(goodbye)) this.#isFull = true
    this.#limit(this.#isFull ? this.#writeMs || lastWriteMsMax : closeMsMax)
  }

  #limit(ms: number): void {
    this.#cancelLimit = this.#clock.after(ms, () => this.destroy())
  }

  #over(): void {
    this.#state = 'closed'
    this.#reader.stop()
    this.#cancelLimit?.()
    this.#cancelLook?.()
  }
}

const noBytes = new Uint8Array()
