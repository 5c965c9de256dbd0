import { connect, createServer, type Socket } from 'node:net'

/** An HTTP proxy that tunnels by CONNECT, or never answers, and remembers what it was asked. */
export interface OutboundProxy extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  /** The head of every CONNECT. */
  readonly heads: readonly string[]
}

/** Starts one on a free port of loopback; `silent`: it takes connections and says nothing. */
export async function outboundProxy(silent = false): Promise<OutboundProxy> {
  const heads: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    watch(sockets, client)
    if (silent) return void client.resume()
    client.once('data', (bytes) => {
      const head = bytes.toString('latin1')
      heads.push(head)
      const [, host = '', port = ''] = /^CONNECT ([^:\s]+):(\d+) HTTP\/1\.1\r\n/.exec(head) ?? []
      if (port === '') return void client.end('HTTP/1.1 405 Method Not Allowed\r\n\r\n')
      const upstream = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
        client.pipe(upstream).pipe(client)
      })
      watch(sockets, upstream)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('Cannot tell the port: the proxy has none')
  return {
    url: `http://127.0.0.1:${address.port}`,
    heads,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

function watch(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => sockets.delete(socket))
}
