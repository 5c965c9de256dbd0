import { isIP } from 'node:net'
import type { TlsOptions } from '#ports/transport.ts'
import { codeOf, tlsFailure } from './dial-errors.ts'
import type { Step } from './phase.ts'
import { carrierHandlers, nobody, plainHandlers, type PlatformSocket, type SocketOwner } from './socket.ts'

/** Whom a TLS connection is to reach, and how. */
export interface Identity {
  /** The name or the address that the certificate must bear. */
  readonly name: string
  readonly port: number
  readonly tls: TlsOptions
  /** The connection goes to that very address. */
  readonly isDirect: boolean
  /** For messages. */
  readonly whom: string
}

/**
 * Makes TLS on a connected socket. The platform verifies chain and name and closes the connection when either is wrong;
 * until then it sends nothing but the handshake.
 */
export function secure(socket: PlatformSocket, identity: Identity): Step<PlatformSocket> {
  return (settle) => {
    const handshake = new Handshake(identity, settle)
    socket.data = nobody
    // Otherwise each piece would also be handed to it as it was before decryption.
    socket.reload({ socket: carrierHandlers })
    try {
      const tls = platformOptions(identity)
      const [, upper] = socket.upgradeTLS<SocketOwner>({ data: handshake, tls, socket: tlsHandlers })
      return () => upper.terminate()
    } catch (error) {
      // A certificate, key or authority that cannot be read.
      settle(tlsFailure(error, identity.whom))
      socket.terminate()
      return () => {}
    }
  }
}

/** The platform knows more than its types say. */
interface PlatformTls extends Bun.TLSOptions {
  readonly minVersion: number
}

function platformOptions({ name, tls, isDirect }: Identity): PlatformTls {
  const { verify, ca, cert, key, minVersion } = tls
  return {
    // Always said: left open, a variable of the environment would decide.
    rejectUnauthorized: verify,
    minVersion: minVersion === '1.3' ? tls13 : tls12,
    ALPNProtocols: http11,
    // An address is no server name (RFC 6066 §3); with an empty one, the address connected to is what is verified.
    serverName: isDirect && isIP(name) !== 0 ? '' : name,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
}

const tls12 = 0x0303
const tls13 = 0x0304

/** The list as it stands in the handshake: each name behind its length. */
const http11 = '\u0008http/1.1'

/** Waits for the handshake. */
class Handshake implements SocketOwner {
  readonly identity: Identity
  readonly #settle: Parameters<Step<PlatformSocket>>[0]

  constructor(identity: Identity, settle: Parameters<Step<PlatformSocket>>[0]) {
    this.identity = identity
    this.#settle = settle
  }

  onHandshake(socket: PlatformSocket, isDone: boolean, error: Error | null): void {
    const { tls, whom } = this.identity
    const isAccepted = tls.verify ? isDone && error === null && socket.authorized : isDone || isDoubt(error)
    if (isAccepted) {
      sessionKeys.set(socket, this.identity)
      socket.data = nobody
      return this.#settle(socket)
    }
    // The offered session may be what the other side could not stand.
    forgetSession(this.identity)
    this.#settle(tlsFailure(error, whom))
    socket.terminate()
  }

  onClose(error?: Error): void {
    this.#settle(tlsFailure(error ?? closedEarly, this.identity.whom))
  }

  onData(): void {}
  onDrain(): void {}
  onEnd(): void {}
}

/** Only about whom the certificate is for: those are told by codes like `CERT_HAS_EXPIRED`, other errors by `EPROTO`. */
function isDoubt(error: Error | null): boolean {
  return codeOf(error).includes('_')
}

const closedEarly = Object.assign(new Error('closed'), { code: 'ECONNRESET' })

const tlsHandlers = {
  ...plainHandlers,
  open(socket: PlatformSocket) {
    const { data } = socket
    const session = data instanceof Handshake ? sessionFor(data.identity) : undefined
    if (session !== undefined) socket.setSession(session)
  },
  handshake(socket: PlatformSocket, isDone: boolean, error: Error | null) {
    const { data } = socket
    if (data instanceof Handshake) data.onHandshake(socket, isDone, error)
  },
  // The platform tells of tickets for later connections, though its types do not.
  session(socket: PlatformSocket, session: Buffer) {
    const { data } = socket
    const identity = data instanceof Handshake ? data.identity : sessionKeys.get(socket)
    if (identity !== undefined) keepSession(identity, session)
  },
}

/**
 * Sessions by which later connections save half of the handshake. With one, the platform verifies the name again, but not
 * the chain, so a session counts only for the very options under which it was verified.
 */
const sessionsByTls = new WeakMap<TlsOptions, Map<string, Buffer>>()
const sessionKeys = new WeakMap<object, Identity>()

/** Limit: sessions for this many servers are kept for each set of options; the oldest goes first. */
const sessionsMax = 64

function sessionFor(identity: Identity): Buffer | undefined {
  return sessionsByTls.get(identity.tls)?.get(sessionKey(identity))
}

function keepSession(identity: Identity, session: Buffer): void {
  let sessions = sessionsByTls.get(identity.tls)
  if (sessions === undefined) sessionsByTls.set(identity.tls, (sessions = new Map()))
  const key = sessionKey(identity)
  sessions.delete(key)
  sessions.set(key, session)
  const [oldest] = sessions.keys()
  if (sessions.size > sessionsMax && oldest !== undefined) sessions.delete(oldest)
}

function forgetSession(identity: Identity): void {
  sessionsByTls.get(identity.tls)?.delete(sessionKey(identity))
}

function sessionKey({ name, port }: Identity): string {
  return `${name} ${port}`
}
