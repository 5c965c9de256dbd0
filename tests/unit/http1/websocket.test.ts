import { describe, expect, test } from 'bun:test'
import { WebSocketConnection, type WebSocketOptions } from '#http1/websocket.ts'
import { encode } from '#kit/bytes.ts'
import type { RawSocket, RawSocketOwner } from '#ports/transport.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A connection that notes what is done to it; full from `takes` frames on. */
class FakeSocket implements RawSocket {
  owner: RawSocketOwner | undefined
  readonly done: string[] = []
  takes = Infinity

  attach(owner: RawSocketOwner): void {
    this.owner = owner
  }

  write(bytes: Uint8Array): boolean {
    this.done.push(clear(bytes))
    this.takes -= 1
    return this.takes > 0
  }

  pause(): void {
    this.done.push('pause')
  }

  resume(): void {
    this.done.push('resume')
  }

  end(): void {
    this.done.push('end')
  }

  destroy(): void {
    this.done.push('destroy')
  }

  /** The server sends these bytes. */
  says(hex: string): void {
    this.owner?.onPiece(Uint8Array.fromHex(hex.replaceAll(' ', '')))
  }

  drain(): void {
    this.takes = Infinity
    this.owner?.onDrain()
  }
}

/** First byte and payload of a short frame. Its mask is all zero. */
function clear(frame: Uint8Array): string {
  return `${frame.slice(0, 1).toHex()} ${frame.slice(6).toHex()}`.trim()
}

function open(options: Partial<WebSocketOptions> = {}) {
  const clock = new FakeClock()
  const socket = new FakeSocket()
  const told: string[] = []
  const connection: WebSocketConnection = new WebSocketConnection(
    socket,
    {
      onText: (text, bytes) => void told.push(`text ${text} ${bytes}`),
      onBinary: (payload) => void told.push(`binary ${payload.toHex()}`),
      onDrain: () => void told.push('drain'),
      onEnd: (end) => void told.push(Object.values(end).join(' ')),
    },
    { clock, fillRandom: (bytes) => void bytes.fill(0), messageBytesMax: 100, idleMs: 0, writeMs: 0, ...options },
  )
  connection.start()
  return { clock, socket, told, connection }
}

describe('a WebSocket', () => {
  test('sends texts and binaries, each in a frame', () => {
    const { connection, socket } = open()
    expect(connection.sendText('hi')).toBe(true)
    expect(connection.sendBinary(Uint8Array.of(1, 2))).toBe(true)
    expect(socket.done).toEqual([`81 ${encode('hi').toHex()}`, '82 0102'])
  })

  test('hands over what comes', () => {
    const { socket, told } = open()
    socket.says('8102 6869 0201 01')
    socket.says('8001 02')
    expect(told).toEqual(['text hi 2', 'binary 0102'])
  })

  test('answers a ping with its own bytes', () => {
    const { socket, told } = open()
    socket.says('8902 0708 8a01 01')
    expect(socket.done).toEqual(['8a 0708'])
    expect(told).toEqual([])
  })

  test('B77 answers only the last of the pings that come while nothing can be sent', () => {
    const { connection, socket, told } = open()
    socket.takes = 1
    expect(connection.sendText('a')).toBe(false)
    socket.says('8901 01'.repeat(1000))
    socket.says('8901 02')
    expect(socket.done).toEqual(['81 61'])
    socket.drain()
    expect(socket.done).toEqual(['81 61', '8a 02'])
    expect(told).toEqual(['drain'])
  })

  test('tells that it takes more once what waited is on its way', () => {
    const { connection, socket, told } = open()
    socket.takes = 1
    expect([connection.sendText('a'), connection.sendText('b')]).toEqual([false, false])
    expect(told).toEqual([])
    socket.drain()
    socket.drain()
    expect(told).toEqual(['drain'])
    expect(connection.sendText('c')).toBe(true)
  })

  test('pauses in the middle of what came and loses nothing', () => {
    const { connection, socket, told } = open()
    connection.pause()
    socket.says('8101 61 8101 62')
    expect(told).toEqual([])
    connection.resume()
    expect(told).toEqual(['text a 1', 'text b 1'])
    expect(socket.done).toEqual(['pause', 'resume'])
  })

  test.each([
    { name: 'with code and reason', said: '8805 0fa0627965', answered: '88 0fa0', told: 'closed 4000 bye' },
    { name: 'without a code', said: '8800', answered: '88', told: 'closed 1005 ' },
  ])('answers a close $name, and leaves it to the server to end the connection', async ({ said, answered, told }) => {
    const opened = open({ idleMs: 1000 })
    opened.socket.says(said)
    expect(opened.told).toEqual([told])
    expect(opened.socket.done).toEqual([answered])
    expect(opened.connection.sendText('late')).toBe(false)
    opened.socket.owner?.onClose()
    expect(opened.told).toEqual([told])
    expect(opened.clock.pending).toBe(0)
  })

  test('does not wait for ever for a server that does not end the connection', async () => {
    const { clock, socket } = open()
    socket.says('8800')
    await clock.advance(5000)
    expect(socket.done).toEqual(['88', 'destroy'])
    expect(clock.pending).toBe(0)
  })

  test('closes in order: what came before is sent, what comes after is of no interest, the answer ends it', () => {
    const { clock, connection, socket, told } = open()
    connection.sendText('a')
    connection.close(4001, 'bye')
    connection.close(4002, 'again')
    socket.says('8101 61 8901 01 8802 0fa1')
    expect(socket.done).toEqual(['81 61', '88 0fa1627965'])
    socket.owner?.onClose()
    expect(told).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('reads again to see the answer when it is closed while paused', () => {
    const { connection, socket, told } = open()
    connection.pause()
    socket.says('8101 61')
    connection.close(1000, '')
    expect(socket.done).toEqual(['pause', '88 03e8', 'resume'])
    expect(told).toEqual([])
  })

  test.each([
    { name: 'a broken rule', said: '8300', code: '03ea', told: 'fault 1002 the opcode 3 is unknown' },
    { name: 'broken text', said: '8101 ff', code: '03ef', told: 'fault 1007 a text is not valid UTF-8' },
    { name: 'a message that is too large', said: '827e0080', code: '03f1', told: 'fault 1009 a message is larger' },
  ])('tells the server of $name and ends the connection', ({ said, code, told }) => {
    const opened = open()
    opened.socket.says(said)
    expect(opened.told.join()).toStartWith(told)
    expect(opened.socket.done[0]).toStartWith(`88 ${code}`)
    expect(opened.socket.done[1]).toBe('end')
    opened.socket.owner?.onClose()
    expect(opened.told).toHaveLength(1)
    expect(opened.clock.pending).toBe(0)
  })

  test('tells that the connection broke', () => {
    const { clock, socket, told } = open({ idleMs: 1000 })
    socket.owner?.onClose({ kind: 'transport_failure', phase: 'body', cause: 'reset', message: 'it was reset' })
    expect(told).toEqual(['broke it was reset'])
    expect(clock.pending).toBe(0)
    const other = open()
    other.socket.owner?.onClose()
    expect(other.told).toEqual(['broke the connection ended without a close frame'])
  })

  test('waits longer for the end while what was sent before it is still on its way', async () => {
    const { clock, connection, socket } = open({ writeMs: 20_000 })
    socket.takes = 1
    connection.sendText('a')
    connection.close(1000, '')
    await clock.advance(19_000)
    expect(socket.done).toEqual(['81 61', '88 03e8'])
    socket.drain()
    await clock.advance(4999)
    expect(socket.done).toHaveLength(2)
    await clock.advance(1)
    expect(socket.done).toEqual(['81 61', '88 03e8', 'destroy'])
    expect(clock.pending).toBe(0)
  })

  test.each([
    { name: 'with a close frame', last: '8802 03e8', told: 'closed 1000 ' },
    { name: 'without one', last: '', told: 'broke the connection ended without a close frame' },
  ])('hands over all that it kept back before it tells of a connection that ended $name', ({ last, told }) => {
    const opened = open()
    opened.connection.pause()
    opened.socket.says('8101 61 8101 62')
    opened.socket.says(last)
    opened.socket.owner?.onClose()
    expect(opened.told).toEqual([])
    opened.connection.resume()
    expect(opened.told).toEqual(['text a 1', 'text b 1', told])
  })

  test('pings a silent server, and gives it up when that brings nothing', async () => {
    const { clock, socket, told } = open({ idleMs: 40_000 })
    await clock.advance(20_000)
    expect(socket.done).toEqual([])
    await clock.advance(20_000)
    expect(socket.done).toEqual(['89'])
    socket.says('8a00')
    await clock.advance(40_000)
    expect(socket.done).toEqual(['89', '89'])
    await clock.advance(20_000)
    expect(socket.done).toEqual(['89', '89', 'destroy'])
    expect(told).toEqual(['silent'])
    expect(clock.pending).toBe(0)
  })

  test('without a limit it pings on and waits for ever', async () => {
    const { clock, socket, told } = open({ idleMs: 0 })
    await clock.advance(3_600_000)
    expect(socket.done).toHaveLength(119)
    expect(told).toEqual([])
  })

  test('does not hold the silence of a server against it that it does not listen to', async () => {
    const { clock, connection, socket, told } = open({ idleMs: 40_000 })
    connection.pause()
    await clock.advance(600_000)
    connection.resume()
    await clock.advance(20_000)
    expect(told).toEqual([])
    expect(socket.done).toEqual(['pause', 'resume'])
  })

  test('gives up a server that takes nothing', async () => {
    const { clock, connection, socket, told } = open({ writeMs: 1000 })
    socket.takes = 1
    connection.sendText('a')
    connection.sendText('b')
    await clock.advance(999)
    socket.drain()
    socket.takes = 1
    connection.sendText('c')
    await clock.advance(999)
    expect(told).toEqual(['drain'])
    await clock.advance(1)
    expect(told).toEqual(['drain', 'stuck'])
    expect(socket.done.at(-1)).toBe('destroy')
    expect(clock.pending).toBe(0)
  })

  test('is silent once it was destroyed, even in the middle of what came', () => {
    const { clock, connection, socket, told } = open({ idleMs: 1000, writeMs: 1000 })
    connection.destroy()
    connection.destroy()
    socket.says('8101 61 8800')
    socket.owner?.onDrain()
    expect([connection.sendText('a'), told, socket.done]).toEqual([false, [], ['destroy']])
    expect(clock.pending).toBe(0)
  })
})
