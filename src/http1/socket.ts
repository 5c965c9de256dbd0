/**
 * A connected socket. `write` takes what it can and says how much: the rest is to be offered again after `onDrain`,
 * beginning with the same bytes; −1 means it is closed.
 */
export interface Socket<T extends SocketOwner = SocketOwner> {
  /** Who is told what happens. */
  readonly data: T
  /** Positive while it is open. */
  readonly readyState: number
  write(bytes: Uint8Array, offset?: number, length?: number): number
  /** Nothing is handed over any more, but a reset still is, together with what came before it. */
  pause(): void
  resume(): void
  /**
   * Closes behind what was written (FIN); `onClose` runs before it returns. (The platform's `end` would wait for the other
   * side where there is TLS, for ever.)
   */
  close(): void
  /** Closes at once (RST); `onClose` runs before it returns. */
  terminate(): void
}

/** A socket whose owner is still to come. */
export interface Unowned extends Socket {
  data: SocketOwner
}

/** What a socket tells. */
export interface SocketOwner {
  /** The bytes are the owner's own from now on. */
  onData(bytes: Buffer): void
  /** It takes more; also told when nobody waited for it. */
  onDrain(): void
  /**
   * The other side sends no more (FIN); `onClose` follows at once. Over TLS, a connection that was cut looks the same
   * as one that was closed in due form: the platform does not tell.
   */
  onEnd(): void
  /** It is closed, for whatever reason; told once. With an error where the connection was reset or TLS broke. */
  onClose(error?: Error): void
}

/** The platform's socket, whose owner changes while it is being made. */
export type PlatformSocket = Bun.Socket<SocketOwner>

/**
 * One set of handlers for all sockets. With sockets that may be half open (all that are made here), the platform leaves
 * closing after a FIN to us.
 */
export const plainHandlers = {
  data(socket, bytes) {
    socket.data.onData(bytes)
  },
  drain(socket) {
    socket.data.onDrain()
  },
  end(socket) {
    socket.data.onEnd()
    socket.close()
  },
  close(socket, error) {
    socket.data.onClose(error ?? faults.get(socket))
  },
  error(socket, error) {
    faults.set(socket, error)
    socket.terminate()
    // TLS errors have a code; an owner that throws is a mistake of ours, which must not pass unseen.
    if (!('code' in error)) reportError(error)
  },
} satisfies Bun.SocketHandler<SocketOwner>

/** For the socket below a TLS socket: what concerns it is told to the upper one. Without `data` it costs nothing. */
export const carrierHandlers = {
  drain() {},
  error() {},
} satisfies Bun.SocketHandler<SocketOwner>

/** What broke a socket, told before it is closed. */
const faults = new WeakMap<object, Error>()

/** Between two owners: nothing is expected, and that it was closed shows in its state. */
export const nobody: SocketOwner = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }
