// A process of its own: an upstream whose chat streams end in every way, by model. Prints its port; ends with its parent.
import { plainStream, firstVoice, secondVoice } from '../support/plain-streams.ts'
import { chunk, chunkedHead, plainAnswer } from '../support/raw-origin.ts'
import { chatChunk } from '../support/streams.ts'

interface Peer {
  unread: Buffer
  /** Bytes that were not taken yet, and how many times the flood is still to be written behind them. */
  unsent: Buffer
  floodsLeft: number
}

type Socket = Bun.Socket<Peer>

const words = ['One', ' two', ' three', ' four', ' five', ' six', ' seven', ' eight.']

const events = plainStream('chat').events(words, firstVoice)
const begun = chunkedHead() + events.slice(0, 5).map(chunk).join('')
const rest = events.slice(5).map(chunk).join('') + chunk('')
const whole = begun + rest
const again = chunkedHead() + plainStream('chat').events(words, secondVoice).map(chunk).join('') + chunk('')
const half = chunk(events[5]?.slice(0, 40) ?? '').slice(0, -2)
const flood = Buffer.from(chunk(chatChunk({ content: 'x'.repeat(65_000) })))

const scripts: Readonly<Record<string, (socket: Socket) => void>> = {
  whole: (socket) => say(socket, whole),
  again: (socket) => say(socket, again),
  paced(socket) {
    say(socket, begun)
    setTimeout(() => say(socket, rest), 20)
  },
  // In three parts, with pauses in which a client may leave.
  slow(socket) {
    setTimeout(() => say(socket, begun), 150)
    setTimeout(() => say(socket, rest), 200)
  },
  silent() {},
  cut(socket) {
    say(socket, begun)
    setTimeout(() => socket.end(half), 5)
  },
  reset(socket) {
    say(socket, begun)
    setTimeout(() => socket.terminate(), 15)
  },
  stall: (socket) => say(socket, begun),
  unmarked(socket) {
    say(socket, begun)
    setTimeout(() => say(socket, chunk('')), 15)
  },
  fails: (socket) => say(socket, plainAnswer('{"error":{"message":"no"}}', [], '500 No')),
  flood(socket) {
    say(socket, begun)
    socket.data.floodsLeft = floodsMax
    write(socket)
  },
}

/** More than all the buffers between here and a client that never reads. */
const floodsMax = 600

function say(socket: Socket, text: string): void {
  socket.data.unsent = Buffer.concat([socket.data.unsent, Buffer.from(text)])
  write(socket)
}

function write(socket: Socket): void {
  const { data } = socket
  for (;;) {
    if (data.unsent.byteLength === 0) {
      if (data.floodsLeft === 0) return
      data.floodsLeft -= 1
      data.unsent = flood
    }
    const taken = Math.max(0, socket.write(data.unsent))
    data.unsent = data.unsent.subarray(taken)
    if (data.unsent.byteLength > 0) return
  }
}

function read(socket: Socket): void {
  const { data } = socket
  for (;;) {
    const headEnd = data.unread.indexOf('\r\n\r\n')
    if (headEnd === -1) return
    const length = Number(/^content-length: *(\d+)/im.exec(data.unread.toString('latin1', 0, headEnd))?.[1] ?? 0)
    const end = headEnd + 4 + length
    if (data.unread.byteLength < end) return
    const body = data.unread.toString('utf8', headEnd + 4, end)
    data.unread = data.unread.subarray(end)
    const script = scripts[/"model":"([^"]*)"/.exec(body)?.[1] ?? '']
    if (script === undefined) say(socket, plainAnswer('no such model', [], '404 Not Found'))
    else script(socket)
  }
}

const listener = Bun.listen<Peer>({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    open(socket) {
      socket.data = { unread: Buffer.alloc(0), unsent: Buffer.alloc(0), floodsLeft: 0 }
    },
    data(socket, bytes) {
      socket.data.unread = Buffer.concat([socket.data.unread, bytes])
      read(socket)
    },
    drain: write,
    error() {},
  },
})
console.log(listener.port)
// Whoever started it holds the other end of this pipe.
for await (const _ of Bun.stdin.stream()) continue
process.exit(0)
