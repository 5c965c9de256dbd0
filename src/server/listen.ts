import { rmSync, statSync } from 'node:fs'
import type { Server } from 'bun'
import { uploadBytesLimit } from '#config/schema.ts'
import { idleSeconds, type Connection } from '#gateway/incoming.ts'
import type { TunnelRelay } from '#gateway/tunnel-relay.ts'
import type { ListenTls } from '#snapshot/listen-tls.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import { systemClock } from '#ports/clock.ts'
import type { ListenAddress } from '#snapshot/snapshot.ts'
import type { App } from './app.ts'
import { websocketHandlers } from './websockets.ts'

export interface Listener {
  /** As a person would write it: `http://127.0.0.1:8080`, `unix:/run/llm-proxy.sock`. */
  readonly address: string
  readonly port: number | undefined
  /** From now on each answer is the last one of its connection, for which its client has to go elsewhere. */
  bow(): Farewell
  /** Takes no new connections; resolves when running requests are done. */
  stop(): Promise<void>
  /** Closes what is still open. */
  cut(): Promise<void>
  /** Other certificates for new connections; rejects when they cannot be had, and nothing has changed then. Absent: there are none. */
  renew?(tls: ListenTls): Promise<void>
}

/** A listener that is about to leave its port to others. */
export interface Farewell {
  /** Requests since it began. */
  readonly requests: number
}

/** Asks whoever takes a connection whether it is about to leave; others take no notice. */
export const leavingHeader = 'x-llm-proxy-leaving'

/** Who may listen there at the same time: nobody; others of this program, but nobody who is there already; anybody. */
export type Sharing = 'none' | 'from_now_on' | 'any'

/**
 * Starts the HTTP server. What nobody caught is told to `onError`, which gives the id that the client gets for it.
 * Rejects with a Node-like error (`code` EADDRINUSE, EACCES, …) when the address cannot be had.
 */
export async function listen(
  address: ListenAddress,
  app: App,
  onError: (error: Error) => string,
  sharing: Sharing = 'none',
  idleFor: number = idleSeconds,
  tls?: ListenTls,
): Promise<Listener> {
  const serve = (request: Request, server: Server<TunnelRelay>): Response | Promise<Response> =>
    app(request, new ServedConnection(server, request, idleFor))
  const common = {
    fetch: serve,
    websocket: websocketHandlers,
    // The platform's own error page shows source code.
    development: false,
    error: (error: Error): Response => {
      const requestId = onError(error)
      return Response.json(
        {
          error: {
            message: 'Cannot answer the request: the gateway failed',
            type: 'server_error',
            param: null,
            code: 'internal_error',
          },
        },
        { status: 500, headers: { 'x-request-id': requestId } },
      )
    },
    idleTimeout: idleFor,
    // Above any limit of ours: it cannot change with a reload, and clients should get our JSON instead of a bare 413.
    maxRequestBodySize: uploadBytesLimit + 1024 * 1024,
  }
  if (address.kind === 'unix') {
    await removeStaleSocket(address.path)
    // A unix socket knows no idle time in the platform's types, only in its behaviour.
    const { idleTimeout: _, ...rest } = common
    const server = Bun.serve({ ...rest, unix: address.path })
    const serveBy = (handler: typeof serve): void => void server.reload({ ...common, fetch: handler })
    return listenerOf(server, app, { idleFor, serveBy }, `unix:${address.path}`, () =>
      rmSync(address.path, { force: true }),
    )
  }
  const place = { port: address.port, ...(address.host === undefined ? {} : { hostname: address.host }) }
  // Another socket can take the place of one with TLS only where two may listen for a moment.
  const isRenewable = tls !== undefined && process.platform === 'linux'
  // A port that is shared already cannot be had alone.
  if ((sharing === 'from_now_on' || (isRenewable && sharing === 'none')) && address.port !== 0)
    await Bun.serve({ ...common, ...place, reusePort: false }).stop(true)
  const host =
    address.host === undefined || address.host === '0.0.0.0' || address.host === '::' ? 'localhost' : address.host
  const openOn = (port: number, encryption: object): Listener => {
    const server = Bun.serve({
      ...common,
      ...place,
      port,
      // Said in any case: `development: false` lets a second process take the same port unnoticed.
      reusePort: sharing !== 'none' || isRenewable,
      ...encryption,
    })
    const serveBy = (handler: typeof serve): void => void server.reload({ ...common, fetch: handler })
    const scheme = tls === undefined ? 'http' : 'https'
    const shown = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${server.port}`
    return listenerOf(server, app, { idleFor, serveBy }, shown)
  }
  if (tls === undefined) return openOn(address.port, {})
  const { platformTls } = await import('./tls-options.ts')
  const { renewable } = await import('./renewable-listener.ts')
  const first = openOn(address.port, { tls: platformTls(tls) })
  return renewable(first, tls, {
    clock: systemClock,
    open: (other) => openOn(first.port ?? 0, { tls: platformTls(other) }),
    findPort: async (port) => (await import('#ports/port-sharing.ts')).openSharedPort(port),
    isShareable: isRenewable,
  })
}

/** The connection that a request came on. */
class ServedConnection implements Connection {
  readonly idleSeconds: number
  readonly #server: Server<TunnelRelay>
  readonly #request: Request
  #peer: string | null | undefined

  constructor(server: Server<TunnelRelay>, request: Request, idleFor: number) {
    this.#server = server
    this.#request = request
    this.idleSeconds = idleFor
  }

  get peer(): string | undefined {
    // Asked once: it is dear, and after the request's end there is no answer.
    if (this.#peer === undefined) this.#peer = this.#server.requestIP(this.#request)?.address ?? null
    return this.#peer ?? undefined
  }

  get port(): number | undefined {
    return this.#server.port
  }

  patience(seconds: number): void {
    this.#server.timeout(this.#request, seconds)
  }

  upgrade(relay: TunnelRelay, headers: readonly HeaderPair[]): boolean {
    return this.#server.upgrade(this.#request, {
      data: relay,
      headers: headers.map(([name, value]): [string, string] => [name, value]),
    })
  }
}

/** How requests are served. */
interface Serving {
  /** Seconds that a connection may be idle. */
  readonly idleFor: number
  readonly serveBy: (handler: (request: Request) => Promise<Response>) => void
}

function listenerOf(
  server: Server<TunnelRelay>,
  app: App,
  { idleFor, serveBy }: Serving,
  address: string,
  cleanUp?: () => void,
): Listener {
  return {
    address,
    port: server.port,
    bow() {
      const farewell = { requests: 0 }
      // Another handler, so that nothing is asked at each request while nobody leaves.
      serveBy(async (request) => {
        if (request.headers.has(leavingHeader)) return new Response(null, { headers: lastOfAll })
        farewell.requests += 1
        const response = await app(request, new ServedConnection(server, request, idleFor))
        // An upgrade is answered by the platform.
        if (response instanceof Response) response.headers.set('connection', 'close')
        return response
      })
      return farewell
    },
    stop: async () => await server.stop(),
    async cut() {
      await server.stop(true)
      cleanUp?.()
    },
  }
}

const lastOfAll = { [leavingHeader]: 'yes', connection: 'close' }

/** A socket file of a process that is gone would make the address look taken; that of a living one is. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isSocket() !== true) return
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } })
    socket.terminate()
  } catch (error) {
    // Whatever else is wrong with it, listening will tell.
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') rmSync(path)
  }
}
