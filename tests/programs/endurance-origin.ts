// A process of its own: an upstream that answers by path, for tests of endurance. Prints its port; ends with its parent.
import { selfSigned } from '../support/tls.ts'

const isSecure = process.argv[2] === 'tls'

interface Peer {
  unread: Buffer
  /** Bytes of a request body that are still to come. */
  bodyLeft: number
  isChunked: boolean
  /** What it could not write yet: how many more bytes of filling. */
  fillLeft: number
}

type Socket = Bun.Socket<Peer>

const held = new Set<Socket>()
const stalled = new Set<Socket>()
const filling = Buffer.alloc(1_048_576, 'x')

const json = Buffer.from('{"ok":true}')
const ok = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${json.byteLength}\r\n\r\n`),
  json,
])
const begun =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n'
const ended = '9\r\ndata: 2\n\n\r\n0\r\n\r\n'

function answer(socket: Socket, target: string): void {
  if (target === '/hold') {
    socket.write(begun)
    held.add(socket)
  } else if (target === '/release') {
    for (const one of held) one.write(ended)
    held.clear()
    for (const one of stalled) one.resume()
    stalled.clear()
    socket.write(ok)
  } else if (target.startsWith('/flood/')) {
    const bytes = Number(target.slice('/flood/'.length))
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`)
    socket.data.fillLeft = bytes
    fill(socket)
  } else {
    socket.write(ok)
  }
}

function fill(socket: Socket): void {
  const { data } = socket
  while (data.fillLeft > 0) {
    const length = Math.min(filling.byteLength, data.fillLeft)
    const taken = Math.max(0, socket.write(filling, 0, length))
    data.fillLeft -= taken
    if (taken < length) return
  }
}

function read(socket: Socket): void {
  const { data } = socket
  for (;;) {
    if (data.isChunked) {
      const end = data.unread.indexOf('\r\n0\r\n\r\n')
      if (end === -1) {
        data.unread = data.unread.subarray(-6)
        return
      }
      data.unread = data.unread.subarray(end + 7)
      data.isChunked = false
      answer(socket, '/')
      continue
    }
    const taken = Math.min(data.bodyLeft, data.unread.byteLength)
    data.bodyLeft -= taken
    data.unread = data.unread.subarray(taken)
    const headEnd = data.unread.indexOf('\r\n\r\n')
    if (data.bodyLeft > 0 || headEnd === -1) return
    const head = data.unread.toString('latin1', 0, headEnd)
    const target = head.split(' ', 2)[1] ?? '/'
    data.bodyLeft = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    data.isChunked = /^transfer-encoding: *chunked/im.test(head)
    // The line end of the head stays, so that an empty body is found too.
    data.unread = data.unread.subarray(data.isChunked ? headEnd + 2 : headEnd + 4)
    if (target === '/stall') {
      socket.pause()
      stalled.add(socket)
    }
    if (!data.isChunked) answer(socket, target)
  }
}

const listener = Bun.listen<Peer>({
  hostname: '127.0.0.1',
  port: 0,
  ...(isSecure ? { tls: selfSigned } : {}),
  socket: {
    open(socket) {
      socket.data = { unread: Buffer.alloc(0), bodyLeft: 0, isChunked: false, fillLeft: 0 }
    },
    data(socket, bytes) {
      const { data } = socket
      data.unread = data.unread.byteLength === 0 ? bytes : Buffer.concat([data.unread, bytes])
      read(socket)
    },
    drain: fill,
    close(socket) {
      held.delete(socket)
      stalled.delete(socket)
    },
    error() {},
  },
})
console.log(listener.port)
// Whoever started it holds the other end of this pipe.
for await (const _ of Bun.stdin.stream()) continue
process.exit(0)
