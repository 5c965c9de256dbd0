import type { ServerWebSocket } from 'bun'

/** A WebSocket that an upstream of the tests accepted. */
export interface Accepted {
  readonly socket: ServerWebSocket<Accepted>
  /** What its opening looked like. */
  readonly request: Request
  /** What came, in order. */
  readonly received: (string | Buffer)[]
  /** How it ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
}

export interface WebSocketUpstream extends AsyncDisposable {
  readonly port: number
  readonly accepted: readonly Accepted[]
  /** Openings seen, refused ones too. */
  readonly asked: readonly Request[]
  /** Ends without a word on any connection. */
  stop(): Promise<void>
}

export interface UpstreamScript {
  /** Instead of opening, if it gives anything. */
  readonly refuse?: (request: Request) => Response | undefined
  /** The subprotocol that it chooses; the first that is offered unless given. */
  readonly protocol?: string
  readonly onOpen?: (accepted: Accepted) => void
  /** Without it, everything is echoed. */
  readonly onMessage?: (accepted: Accepted, message: string | Buffer) => void
  readonly onDrain?: (accepted: Accepted) => void
}

/** A real WebSocket server on loopback. */
export function startWebSocketUpstream(script: UpstreamScript = {}): WebSocketUpstream {
  const accepted: Accepted[] = []
  const asked: Request[] = []
  const ended = new Map<Accepted, (end: { code: number; reason: string }) => void>()
  const server = Bun.serve<Accepted>({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request, self) {
      asked.push(request)
      const refused = script.refuse?.(request)
      if (refused !== undefined) return refused
      const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>()
      const data = { request, received: [], closed: promise } as unknown as Accepted
      ended.set(data, resolve)
      const headers = {
        'x-request-id': 'upstream-7',
        ...(script.protocol && { 'sec-websocket-protocol': script.protocol }),
      }
      return self.upgrade(request, { data, headers }) ? undefined : new Response('no', { status: 400 })
    },
    websocket: {
      maxPayloadLength: 64 * 1024 * 1024,
      backpressureLimit: 256 * 1024 * 1024,
      open(socket) {
        Object.assign(socket.data, { socket })
        accepted.push(socket.data)
        script.onOpen?.(socket.data)
      },
      message(socket, message) {
        if (script.onMessage !== undefined) return script.onMessage(socket.data, message)
        socket.data.received.push(message)
        socket.send(message)
      },
      drain: (socket) => script.onDrain?.(socket.data),
      close: (socket, code, reason) => ended.get(socket.data)?.({ code, reason }),
    },
  })
  return {
    port: server.port ?? 0,
    accepted,
    asked,
    stop: async () => await server.stop(true),
    [Symbol.asyncDispose]: async () => await server.stop(true),
  }
}

/** The client's side, with everything that came kept in order. */
export class WebSocketClient {
  readonly socket: WebSocket
  readonly received: (string | Buffer)[] = []
  readonly opened: Promise<void>
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  #look: () => void = () => {}

  constructor(url: string, options: { protocols?: string[]; headers?: Record<string, string> } = {}) {
    this.socket = new WebSocket(url.replace(/^http/, 'ws'), options as string[])
    this.socket.binaryType = 'nodebuffer'
    this.socket.addEventListener('message', ({ data }) => {
      this.received.push(data as string | Buffer)
      this.#look()
    })
    this.opened = new Promise((resolve, reject) => {
      this.socket.addEventListener('open', () => resolve())
      this.socket.addEventListener('error', (event) => reject(new Error(event.message)))
    })
    this.opened.catch(() => {})
    this.closed = new Promise((resolve) => {
      this.socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }))
    })
  }

  /** Resolves when so many messages came. */
  async has(count: number): Promise<void> {
    if (this.received.length >= count) return
    await new Promise<void>((resolve) => {
      this.#look = () => {
        if (this.received.length >= count) resolve()
      }
    })
  }
}
