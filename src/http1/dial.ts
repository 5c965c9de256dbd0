import { isIP } from 'node:net'
import type { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { Link, ProxyOptions, TlsOptions, TransportClocks, TransportFailure } from '#ports/transport.ts'
import { givenUp, isFailure } from './dial-errors.ts'
import type { Address, Resolver } from './dns.ts'
import { transportFailure } from './failure.ts'
import { runPhase, type PhaseLimits, type Step } from './phase.ts'
import { openTunnel } from './proxy-connect.ts'
import { secure, type Identity } from './secure.ts'
import type { PlatformSocket, Socket, SocketOwner, Unowned } from './socket.ts'
import { connectTcp, connectUnix } from './tcp.ts'

export type { Resolver } from './dns.ts'
export type { Socket, SocketOwner } from './socket.ts'

export interface DialRequest {
  /** `http:` or `https:`; only its host and port matter. */
  readonly url: URL
  readonly link: Link
  readonly clocks: Pick<TransportClocks, 'dnsMs' | 'connectMs' | 'tlsMs'>
  /** Asked, it gives up at once and leaves no socket behind. */
  readonly stop: Stop
}

export interface DialPorts {
  readonly clock: Clock
  readonly resolver: Resolver
}

/**
 * Makes a connection over which the requests for `url` can go: found, connected, through the proxy where there is one,
 * and for `https:` verified. From then on `owner` is told what happens on it. Resolves with what broke otherwise; never
 * rejects.
 */
export async function dial<T extends SocketOwner>(
  request: DialRequest,
  ports: DialPorts,
  owner: T,
): Promise<Socket<T> | TransportFailure> {
  const socket = await new Dialing(request, ports).run()
  if (isFailure(socket)) return socket
  const phase = request.url.protocol === 'https:' ? 'tls' : 'connect'
  if (request.stop.isAsked) {
    socket.terminate()
    return givenUp(phase)
  }
  // It may have been closed while it belonged to nobody.
  if (socket.readyState <= 0) return transportFailure(phase, 'reset', 'the connection was closed at once')
  return given(socket, owner)
}

function given<T extends SocketOwner>(socket: Unowned, owner: T): Socket<T> {
  socket.data = owner
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its data was set just now
  return socket as unknown as Socket<T>
}

/** One connection in the making. */
class Dialing {
  readonly #request: DialRequest
  readonly #ports: DialPorts
  /** What connecting took of its clock so far. */
  #connectingMs = 0

  constructor(request: DialRequest, ports: DialPorts) {
    this.#request = request
    this.#ports = ports
  }

  async run(): Promise<Unowned | TransportFailure> {
    const { url, link } = this.#request
    const { unixPath, proxy, tls } = link
    const isSecure = url.protocol === 'https:'
    if (unixPath === undefined && proxy !== undefined) return await this.#goThrough(proxy)
    const socket = unixPath === undefined ? await this.#reach(url) : await this.#connect(connectUnix(unixPath))
    if (isFailure(socket) || !isSecure) return socket
    return await this.#secure(socket, upstreamOf(url, tls, unixPath === undefined))
  }

  async #goThrough(proxy: ProxyOptions): Promise<Unowned | TransportFailure> {
    const { url, link } = this.#request
    const isProxySecure = proxy.url.protocol === 'https:'
    // The platform's streams are needed for nothing else, and loading them takes time that a start does not have.
    const streams = isProxySecure ? await import('./stream-socket.ts') : undefined
    let socket = await this.#reach(proxy.url)
    if (isFailure(socket)) return socket
    if (isProxySecure) socket = await this.#secure(socket, identityOf(proxy, link.tls))
    if (isFailure(socket) || url.protocol === 'http:') return socket
    const tunnel = await this.#connect(openTunnel(socket, `${url.hostname}:${portOf(url)}`, proxy))
    if (isFailure(tunnel)) {
      socket.terminate()
      return tunnel
    }
    const upstream = upstreamOf(url, link.tls, false)
    if (streams === undefined) return await this.#secure(tunnel, upstream)
    const inner = await runPhase(this.#tlsLimits(), streams.secureInside(tunnel, upstream))
    if (isFailure(inner)) tunnel.terminate()
    return inner
  }

  /** Connects to the host of a URL. */
  async #reach(url: URL): Promise<PlatformSocket | TransportFailure> {
    const host = hostOf(url)
    const family = isIP(host)
    const addresses =
      family === 0 ? await this.#resolve(host) : [{ address: host, family: family === 6 ? 6 : 4 } as const]
    if (isFailure(addresses)) return addresses
    const { clock, resolver } = this.#ports
    return await this.#connect(connectTcp({ host, port: portOf(url), addresses }, clock, resolver))
  }

  async #resolve(host: string): Promise<readonly Address[] | TransportFailure> {
    const { clock, resolver } = this.#ports
    const { clocks, stop } = this.#request
    const late = transportFailure('dns', 'timeout', `the host name was not found within ${clocks.dnsMs} ms`)
    return await runPhase<readonly Address[]>({ clock, stop, limitMs: clocks.dnsMs, late }, (settle) => {
      void resolver.resolve(host).then(settle)
      // Others may wait for the same answer.
      return () => {}
    })
  }

  /** Runs a step on what is left of the connect clock. */
  async #connect<S>(step: Step<S>): Promise<S | TransportFailure> {
    const { clock } = this.#ports
    const { clocks, stop } = this.#request
    const { connectMs } = clocks
    const late = transportFailure('connect', 'timeout', `no connection within ${connectMs} ms`)
    const limitMs = connectMs === 0 ? 0 : Math.max(1, connectMs - this.#connectingMs)
    const startedMs = clock.monotonicMs()
    const outcome = await runPhase({ clock, stop, limitMs, late }, step)
    this.#connectingMs += clock.monotonicMs() - startedMs
    return outcome
  }

  async #secure(socket: PlatformSocket, identity: Identity): Promise<PlatformSocket | TransportFailure> {
    const outcome = await runPhase(this.#tlsLimits(), secure(socket, identity))
    // Given up before it began.
    if (isFailure(outcome)) socket.terminate()
    return outcome
  }

  #tlsLimits(): PhaseLimits {
    const { clocks, stop } = this.#request
    const late = transportFailure('tls', 'timeout', `no TLS connection within ${clocks.tlsMs} ms`)
    return { clock: this.#ports.clock, stop, limitMs: clocks.tlsMs, late }
  }
}

/** `isDirect`: the connection goes to the very host of the URL. */
function upstreamOf(url: URL, tls: TlsOptions, isDirect: boolean): Identity {
  const name = tls.serverName ?? hostOf(url)
  return { name, port: portOf(url), tls, isDirect: isDirect && tls.serverName === undefined, whom: 'the upstream' }
}

/** How a proxy is verified: always, by the authorities of the system and by that of the backend behind it. */
function identityOf({ url }: ProxyOptions, backend: TlsOptions): Identity {
  let tls = proxyTlsByBackend.get(backend)
  if (tls === undefined) {
    const { ca } = backend
    const authorities =
      ca === undefined
        ? undefined
        : [...process.getBuiltinModule('node:tls').getCACertificates('default'), ca].join('\n')
    tls = { verify: true, ca: authorities, cert: undefined, key: undefined, serverName: undefined, minVersion: '1.2' }
    proxyTlsByBackend.set(backend, tls)
  }
  return { name: hostOf(url), port: portOf(url), tls, isDirect: true, whom: 'the proxy' }
}

const proxyTlsByBackend = new WeakMap<TlsOptions, TlsOptions>()

function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}
