import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** An upstream on bare TCP that answers with any bytes at all, right or wrong, and remembers what it was sent. */
export interface RawOrigin extends AsyncDisposable {
  readonly url: URL
  /** Every request that arrived whole, oldest first. */
  readonly received: readonly RawRequest[]
  /** The other ends of the same requests, for what is to happen later. */
  readonly peers: readonly RawPeer[]
  /** Connections that were opened so far. */
  readonly connections: number
  /** Resolves when this many requests have arrived. */
  arrived(count: number): Promise<void>
  /** Resolves when this many connections have been opened. */
  opened(count: number): Promise<void>
  /** Resolves when this many connections have been closed. */
  closed(count: number): Promise<void>
  /** Takes no more connections; those that are open stay so. */
  refuse(): void
  stop(): Promise<void>
}

export interface RawRequest {
  readonly method: string
  readonly target: string
  /** Names as sent. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** Value of the first header of this name, in any case. */
  header(name: string): string | undefined
}

/** What a script may do to the connection it was called for. */
export interface RawPeer {
  readonly request: RawRequest
  /** 1 for the first request of the origin. */
  readonly count: number
  write(bytes: string | Uint8Array): void
  /** Writes, then closes with FIN. */
  end(bytes?: string | Uint8Array): void
  /** Closes with RST. */
  reset(): void
  /** Resolves when its connection is closed, by whomever. */
  readonly gone: Promise<void>
}

export interface RawOptions {
  /** Runs for every connection before anything is read; `false` keeps the origin from reading it. */
  readonly onConnect?: (socket: Socket) => boolean
  /** Speaks TLS; the URL is then one of `https:`. */
  readonly tls?: TlsOptions
  /** Listens on this unix socket instead of a port; the URL is then one of nobody. */
  readonly unixPath?: string
  /** Listens on this port, and not on any that is free. */
  readonly port?: number
}

/** Starts an origin on a free port of loopback; `script` runs for every request that arrived whole. */
export async function rawOrigin(script: (peer: RawPeer) => void, options: RawOptions = {}): Promise<RawOrigin> {
  const received: RawRequest[] = []
  const peers: RawPeer[] = []
  const sockets = new Set<Socket>()
  const opened = new Counter()
  const arrived = new Counter()
  const closed = new Counter()
  const onSocket = (socket: Socket): void => {
    sockets.add(socket)
    opened.add()
    const gone = Promise.withResolvers<void>()
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      closed.add()
      gone.resolve()
    })
    if (options.onConnect?.(socket) === false) return
    let unread: Buffer = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      unread = Buffer.concat([unread, Buffer.from(bytes)])
      for (let next = takeRequest(unread); next !== undefined; next = takeRequest(unread)) {
        unread = unread.subarray(next.size)
        received.push(next.request)
        const peer = peerOf(socket, next.request, received.length, gone.promise)
        peers.push(peer)
        arrived.add()
        script(peer)
      }
    })
  }
  const { tls, unixPath } = options
  const server = tls === undefined ? createServer(onSocket) : createTlsServer(tls, onSocket)
  // A handshake that fails is for the other side to tell.
  server.on('tlsClientError', () => {})
  if (unixPath === undefined)
    await new Promise<void>((resolve) => void server.listen(options.port ?? 0, '127.0.0.1', resolve))
  else await new Promise<void>((resolve) => void server.listen(unixPath, resolve))
  const address = server.address()
  if (address === null) throw new Error('Cannot tell the address: the origin has none')
  const host = typeof address === 'string' ? 'origin.invalid' : `127.0.0.1:${address.port}`
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise<void>((resolve) => void server.close(() => resolve()))
  }
  return {
    url: new URL(`${tls === undefined ? 'http' : 'https'}://${host}`),
    received,
    peers,
    get connections() {
      return opened.count
    },
    arrived: async (count) => await arrived.reaches(count),
    opened: async (count) => await opened.reaches(count),
    closed: async (count) => await closed.reaches(count),
    refuse: () => void server.close(),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Counts what happens, for those who wait for a number of it. */
class Counter {
  count = 0
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  add(): void {
    this.count += 1
    for (const { count, resolve } of this.#waiting) if (this.count >= count) resolve()
  }

  async reaches(count: number): Promise<void> {
    if (this.count < count) await new Promise<void>((resolve) => void this.#waiting.push({ count, resolve }))
  }
}

/** A port of loopback where nobody listens. */
export async function closedPort(): Promise<number> {
  const origin = await rawOrigin(() => {})
  await origin.stop()
  return Number(origin.url.port)
}

/** An answer with its length, as a well-behaved origin sends it. */
export function plainAnswer(body: string, headers: readonly string[] = [], status = '200 OK'): string {
  const lines = [`HTTP/1.1 ${status}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** The head of an answer in chunks. */
export function chunkedHead(type = 'text/event-stream', headers: readonly string[] = []): string {
  return ['HTTP/1.1 200 OK', `Content-Type: ${type}`, 'Transfer-Encoding: chunked', ...headers, '', ''].join('\r\n')
}

/** One chunk; the empty text is the last one. */
export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

function peerOf(socket: Socket, request: RawRequest, count: number, gone: Promise<void>): RawPeer {
  return {
    request,
    count,
    write: (bytes) => void socket.write(bytes),
    end: (bytes) => void (bytes === undefined ? socket.end() : socket.end(bytes)),
    reset: () => void socket.resetAndDestroy(),
    gone,
  }
}

function takeRequest(bytes: Buffer): { readonly request: RawRequest; readonly size: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [first = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  const header = (name: string): string | undefined => headers.find(([own]) => own.toLowerCase() === name)?.[1]
  const bodyStart = headEnd + 4
  const isChunked = header('transfer-encoding')?.toLowerCase() === 'chunked'
  const length = Number(header('content-length') ?? 0)
  const read = isChunked
    ? takeChunks(bytes, bodyStart)
    : { body: bytes.subarray(bodyStart, bodyStart + length), length }
  if (read === undefined || bytes.byteLength < bodyStart + read.length) return undefined
  const [method = '', target = ''] = first.split(' ')
  const { body } = read
  return { request: { method, target, headers, body, header }, size: bodyStart + read.length }
}

/** A body in chunks, without trailers; `length` is that of all its bytes on the wire. */
function takeChunks(bytes: Buffer, start: number): { readonly body: Buffer; readonly length: number } | undefined {
  const chunks: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + size + 2
    if (bytes.byteLength < end) return undefined
    if (size === 0) return { body: Buffer.concat(chunks), length: end - start }
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = end
  }
}
