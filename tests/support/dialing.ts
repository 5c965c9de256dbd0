import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions as ServerTls, type TLSSocket } from 'node:tls'
import { Stop } from '#kit/stop.ts'
import { systemClock, type Clock } from '#ports/clock.ts'
import type { Link, ProxyOptions, TlsOptions, TransportFailure } from '#ports/transport.ts'
import { dial, type DialRequest, type Socket as Dialed, type SocketOwner } from '#http1/dial.ts'
import type { Address, Resolver } from '#http1/dns.ts'
import { systemResolver } from '#http1/dns.ts'
import { eventually } from './eventually.ts'

/** A link as the configuration makes it when nothing is said. */
export function linkOf({
  tls = {},
  unixPath,
  proxy,
}: { tls?: Partial<TlsOptions>; unixPath?: string; proxy?: ProxyOptions } = {}): Link {
  return {
    tls: {
      verify: true,
      ca: undefined,
      cert: undefined,
      key: undefined,
      serverName: undefined,
      minVersion: '1.2',
      ...tls,
    },
    unixPath,
    proxy,
    pool: { connectionsMax: 0, idleMax: 64, idleMs: 50_000, ageMs: 0, waitingMax: 1024, prewarm: 0 },
    http2: false,
    transport: 'own',
  }
}

/** Writes down what a socket tells. */
export class Listener implements SocketOwner {
  readonly told: string[] = []
  text = ''
  drains = 0
  isClosed = false

  onData(bytes: Buffer): void {
    this.text += bytes.toString('latin1')
    this.told.push(`data ${bytes.toString('latin1')}`)
  }

  onDrain(): void {
    this.drains += 1
  }

  onEnd(): void {
    this.told.push('end')
  }

  onClose(error?: Error): void {
    this.isClosed = true
    this.told.push(error === undefined ? 'close' : `close ${String(Reflect.get(error, 'code'))}`)
  }

  async hears(text: string): Promise<void> {
    await eventually(
      () => this.text.includes(text),
      () => this.told.join('\n'),
    )
  }

  async closes(): Promise<void> {
    await eventually(
      () => this.isClosed,
      () => this.told.join('\n'),
    )
  }
}

export interface DialOptions {
  readonly link?: Link
  readonly clocks?: Partial<DialRequest['clocks']>
  readonly stop?: Stop
  readonly clock?: Clock
  readonly resolver?: Resolver
  readonly owner?: Listener
}

/** Dials with everything that is not said left open. */
export async function dialTo(
  url: string | URL,
  options: DialOptions = {},
): Promise<Dialed<Listener> | TransportFailure> {
  const { clock = systemClock } = options
  const clocks = { dnsMs: 0, connectMs: 0, tlsMs: 0, ...options.clocks }
  const request = { url: new URL(url), link: options.link ?? linkOf(), clocks, stop: options.stop ?? new Stop() }
  const ports = { clock, resolver: options.resolver ?? systemResolver(clock) }
  return await dial(request, ports, options.owner ?? new Listener())
}

/** The socket; a failure is thrown. */
export function connected(outcome: Dialed<Listener> | TransportFailure): Dialed<Listener> {
  if ('kind' in outcome) throw new Error(`It was to connect, but: ${outcome.phase} ${outcome.cause} ${outcome.message}`)
  return outcome
}

/** The failure; a socket is closed and thrown. */
export function failed(outcome: Dialed<Listener> | TransportFailure): TransportFailure {
  if ('kind' in outcome) return outcome
  outcome.terminate()
  throw new Error('It was to fail, but it connected')
}

/** A resolver that knows these hosts, and writes down what it is told. */
export class ScriptedResolver implements Resolver {
  readonly told: string[] = []
  readonly #addresses: Readonly<Record<string, readonly string[]>>

  constructor(addresses: Readonly<Record<string, readonly string[]>>) {
    this.#addresses = addresses
  }

  async resolve(host: string): Promise<readonly Address[] | TransportFailure> {
    const known = this.#addresses[host]
    // A host that nobody knows is one that is looked for without end.
    if (known === undefined) return await new Promise(() => {})
    return known.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }

  demote(host: string, address: string): void {
    this.told.push(`demote ${host} ${address}`)
  }

  forget(host: string): void {
    this.told.push(`forget ${host}`)
  }
}

/** A server of any kind that counts its connections. */
export interface Origin extends AsyncDisposable {
  readonly port: number
  readonly opened: number
  /** Resolves when this many connections were closed. */
  closed(count: number): Promise<void>
}

export interface Where {
  readonly host?: string
  readonly port?: number
  readonly path?: string
}

/** A server on bare TCP, or on a unix socket. */
export async function tcpOrigin(serve: (socket: Socket) => void, where: Where = {}): Promise<Origin> {
  return await listening(createServer(), 'connection', serve, where)
}

/** What a TLS server knows of a connection. */
export interface SecuredConnection {
  readonly name: string | false | null
  readonly alpn: string | false | null
  readonly isResumed: boolean
  readonly hasCertificate: boolean
  readonly version: string | null
}

export interface TlsOrigin extends Origin {
  readonly secured: readonly SecuredConnection[]
  /** All that was ever said to it after a handshake. */
  readonly heard: string
}

/** A server on TLS that answers each piece with itself. */
export async function tlsOrigin(
  options: ServerTls,
  serve: (socket: TLSSocket) => void = () => {},
  where: Where = {},
): Promise<TlsOrigin> {
  const secured: SecuredConnection[] = []
  let heard = ''
  const server = createTlsServer(options)
  server.on('tlsClientError', () => {})
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {})
    secured.push({
      name: socket.servername,
      alpn: socket.alpnProtocol,
      isResumed: socket.isSessionReused(),
      hasCertificate: socket.authorized,
      version: socket.getProtocol(),
    })
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1')
      socket.write(bytes)
    })
    serve(socket)
  })
  const origin = await listening(server, 'connection', () => {}, where)
  return {
    ...origin,
    get opened() {
      return origin.opened
    },
    secured,
    get heard() {
      return heard
    },
  }
}

async function listening(
  server: Server,
  event: string,
  serve: (socket: Socket) => void,
  { host = '127.0.0.1', port = 0, path }: Where,
): Promise<Origin> {
  const sockets = new Set<Socket>()
  let opened = 0
  let closed = 0
  server.on(event, (socket: Socket) => {
    opened += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      closed += 1
    })
    serve(socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path === undefined ? { host, port } : { path }, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get opened() {
      return opened
    },
    async closed(count) {
      await eventually(
        () => closed >= count,
        () => `${closed} of ${opened} connections were closed`,
      )
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}
