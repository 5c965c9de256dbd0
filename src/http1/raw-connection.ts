import type { RawSocket, RawSocketOwner } from '#ports/transport.ts'
import type { Socket } from './socket.ts'
import { transportFailure } from './failure.ts'
import type { Writer } from './writer.ts'

/** A connection after its upgrade: bytes in both directions, and nothing that this room knows about them. */
export class RawConnection implements RawSocket {
  readonly #socket: Pick<Socket, 'pause' | 'resume' | 'close' | 'terminate'>
  readonly #writer: Writer
  readonly #onGone: () => void
  #owner: RawSocketOwner | undefined
  /** What came before there was an owner. */
  #early: Uint8Array[] = []
  #isEnding = false
  #isPaused = false
  #isClosed = false
  #received = 0
  /** How it was closed, until there is someone to tell. */
  #closedBy: { readonly error: Error | undefined } | undefined

  /** `onGone`: it is closed; told once. */
  constructor(socket: Pick<Socket, 'pause' | 'resume' | 'close' | 'terminate'>, writer: Writer, onGone: () => void) {
    this.#socket = socket
    this.#writer = writer
    this.#onGone = onGone
    // Whoever asked for the upgrade gets to read at its own pace.
    socket.pause()
  }

  attach(owner: RawSocketOwner): void {
    this.#owner = owner
    const early = this.#early
    this.#early = []
    for (const bytes of early) if (!this.#isClosed || this.#closedBy !== undefined) owner.onPiece(bytes)
    if (this.#closedBy !== undefined) return this.#tellClosed(this.#closedBy.error)
    // The owner may have had enough already.
    if (!this.#isClosed && !this.#isPaused) this.#socket.resume()
  }

  write(bytes: Uint8Array): boolean {
    return this.#isClosed || this.#writer.send(bytes)
  }

  pause(): void {
    this.#isPaused = true
    if (!this.#isClosed) this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    if (!this.#isClosed && this.#owner !== undefined) this.#socket.resume()
  }

  end(): void {
    if (this.#isClosed || this.#isEnding) return
    this.#isEnding = true
    if (this.#writer.isEmpty) this.#socket.close()
  }

  destroy(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#owner = undefined
    this.#socket.terminate()
    this.#onGone()
  }

  // What the connection tells.

  onPiece(bytes: Uint8Array): void {
    this.#received += bytes.byteLength
    if (this.#owner === undefined) this.#early.push(bytes)
    else this.#owner.onPiece(bytes)
  }

  onDrain(): void {
    if (this.#writer.isEmpty || !this.#writer.resume()) return
    if (this.#isEnding) this.#socket.close()
    else this.#owner?.onDrain()
  }

  onEnd(): void {
    this.onClose()
  }

  onClose(error?: Error): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onGone()
    if (this.#owner === undefined) this.#closedBy = { error }
    else this.#tellClosed(error)
  }

  #tellClosed(error: Error | undefined): void {
    const owner = this.#owner
    this.#owner = undefined
    if (error === undefined || this.#isEnding) return owner?.onClose()
    owner?.onClose(
      transportFailure('body', 'reset', 'the connection was reset', {
        bytesSent: this.#writer.sent,
        bytesReceived: this.#received,
        wasReused: false,
        afterMs: 0,
      }),
    )
  }
}
