import { describe, expect, test } from 'bun:test'
import { Connection, type Home } from '#http1/connection.ts'
import { Exchange, type HeadOutcome } from '#http1/exchange.ts'
import { RawConnection } from '#http1/raw-connection.ts'
import type { Socket } from '#http1/socket.ts'
import { Turn } from '#http1/turn.ts'
import { Writer } from '#http1/writer.ts'
import { Stop } from '#kit/stop.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import { isSafeToRepeat, type OutgoingRequest } from '#ports/transport.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'
import { outgoing, patient } from '../../support/outgoing.ts'

/** A connection over a socket that takes only as much as it is let. */
function connected() {
  const clock = new FakeClock()
  const told: string[] = []
  const home: Home = {
    clock,
    wheel: new TimerWheel(clock),
    turn: new Turn(clock),
    idleMs: 0,
    released: () => void told.push('released'),
    closed: () => void told.push('closed'),
  }
  let room = Infinity
  let sent = ''
  const socket = {
    write(bytes: Uint8Array, offset = 0, length = bytes.byteLength) {
      const taken = Math.min(length, room)
      room -= taken
      sent += Buffer.from(bytes.subarray(offset, offset + taken)).toString('latin1')
      return taken
    },
    pause() {},
    resume() {},
    close: () => void told.push('fin'),
    terminate: () => void told.push('reset'),
  }
  const connection = new Connection(home)
  connection.opened(socket as unknown as Socket<Connection>)
  return {
    clock,
    connection,
    told,
    sent: () => sent,
    letTake: (bytes: number) => void (room = bytes),
    carry: async (changes: Partial<OutgoingRequest> = {}): Promise<HeadOutcome> => {
      const request = outgoing(new URL('http://up.test'), { body: [Buffer.from('0123456789')], ...changes })
      return await new Promise((resolve) => connection.carry(new Exchange(request, 'HEAD ', resolve)))
    },
  }
}

test('a request goes out at the end of the turn in which it was given', async () => {
  const { carry, sent } = connected()
  void carry()
  expect(sent()).toBe('')
  await settled()
  expect(sent()).toBe('HEAD 0123456789')
})

test('a request that is given up in the same turn is not sent', async () => {
  const { carry, connection, sent, told } = connected()
  void carry()
  connection.abandon()
  await settled()
  expect([sent(), told]).toEqual(['', ['closed', 'reset']])
})

test('a drain that nobody waits for, before the request went out or behind it, changes nothing', async () => {
  const { carry, connection, letTake, sent } = connected()
  letTake(7)
  void carry()
  connection.onDrain()
  await settled()
  expect(sent()).toBe('HEAD 01')
  letTake(Infinity)
  connection.onDrain()
  expect(sent()).toBe('HEAD 0123456789')
  connection.onDrain()
  expect(sent()).toBe('HEAD 0123456789')
})

test('a drain while a streamed body has nothing to send does not end the request', async () => {
  const { carry, clock, connection, sent } = connected()
  let give: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({ start: (controller) => void (give = controller) })
  void carry({ body, clocks: { ...patient, firstByteMs: 10 } })
  await settled()
  connection.onDrain()
  await clock.advance(1000)
  give?.enqueue(Buffer.from('late'))
  give?.close()
  await settled()
  expect(sent()).toBe('HEAD 4\r\nlate\r\n0\r\n\r\n')
})

test('an answer before the whole request was taken ends the connection with it', async () => {
  const { carry, connection, letTake, told } = connected()
  letTake(3)
  const outcome = carry()
  await settled()
  connection.onData(Buffer.from('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'))
  expect(await outcome).toMatchObject({ kind: 'response', status: 413 })
  expect(told).toEqual(['closed', 'fin'])
})

test('bytes that come before the request went out are no answer to it, and it may be sent again', async () => {
  const { carry, connection, sent, told } = connected()
  connection.served = 1
  const outcome = carry()
  connection.onData(Buffer.from('HTTP/1.1 408 Request Timeout\r\nContent-Length: 3\r\n\r\nold'))
  const failure = await outcome
  expect(failure).toMatchObject({ kind: 'transport_failure', cause: 'reset', trace: { bytesSent: 0, wasReused: true } })
  expect(failure.kind === 'transport_failure' && isSafeToRepeat(failure)).toBeTrue()
  await settled()
  expect([sent(), told]).toEqual(['', ['closed', 'reset']])
})

test('a head alone does not start the clock between pieces; the first piece does', async () => {
  const { carry, clock, connection } = connected()
  const outcome = carry({ clocks: { ...patient, firstByteMs: 600_000, idleMs: 1000 } })
  await settled()
  connection.onData(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'))
  const response = await outcome
  if (response.kind !== 'response') throw new Error('No response')
  const first = response.body.read()
  await clock.advance(120_000)
  connection.onData(Buffer.from('1\r\na\r\n'))
  expect(Buffer.from((await first) as Uint8Array).toString()).toBe('a')
  const second = response.body.read()
  await clock.advance(1000)
  expect(await second).toMatchObject({ phase: 'body', cause: 'timeout' })
})

test('who stops in the middle of what was queued gets its end once, and nothing behind it', async () => {
  const { carry, connection } = connected()
  const stop = new Stop()
  const outcome = carry({ stop })
  await settled()
  connection.onData(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n'))
  const response = await outcome
  if (response.kind !== 'response') throw new Error('No response')
  const said: string[] = []
  response.body.flow({
    onPiece(bytes) {
      said.push(Buffer.from(bytes).toString())
      stop.ask()
    },
    onEnd: () => void said.push('end'),
    onBreak: ({ cause }) => void said.push(cause),
  })
  expect(said).toEqual(['a', 'aborted'])
})

test('nothing flows after a body was cancelled, not even its end', async () => {
  const { carry, connection } = connected()
  const outcome = carry()
  await settled()
  connection.onData(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab'))
  const response = await outcome
  if (response.kind !== 'response') throw new Error('No response')
  response.body.cancel()
  const said: string[] = []
  response.body.flow({
    onPiece: () => void said.push('piece'),
    onEnd: () => void said.push('end'),
    onBreak: () => void said.push('break'),
  })
  expect(said).toEqual([])
})

describe('A streamed body', () => {
  test('whose head was not taken at once is sent behind it, and an early answer ends the connection', async () => {
    const { carry, connection, letTake, sent, told } = connected()
    letTake(3)
    const outcome = carry({ body: new ReadableStream() })
    await settled()
    letTake(Infinity)
    connection.onDrain()
    connection.onData(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    expect(await outcome).toMatchObject({ kind: 'response' })
    expect([sent(), told]).toEqual(['HEAD ', ['closed', 'fin']])
  })

  test('is let go when its exchange breaks', async () => {
    const { carry, connection } = connected()
    const said: string[] = []
    const outcome = carry({ body: new ReadableStream({ cancel: () => void said.push('cancelled') }) })
    await settled()
    connection.onClose()
    await outcome
    await settled()
    expect(said).toEqual(['cancelled'])
  })

  test('that pauses by itself is not the upstream’s silence', async () => {
    const { carry, clock, connection, sent } = connected()
    let give: ReadableStreamDefaultController<Uint8Array> | undefined
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (give = controller) })
    const outcome = carry({ body, clocks: { ...patient, writeMs: 100 } })
    await settled()
    await clock.advance(10_000)
    give?.close()
    await settled()
    expect(sent()).toBe('HEAD 0\r\n\r\n')
    connection.onData(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    expect(await outcome).toMatchObject({ kind: 'response' })
  })

  test.each([
    { name: 'takes no more of it', room: 3 },
    { name: 'has all of it', room: Infinity },
  ])(
    'that pauses by itself, while its answer is under way, leaves no limit to the upstream that $name',
    async ({ room }) => {
      const { carry, clock, connection, letTake, sent } = connected()
      let give: ReadableStreamDefaultController<Uint8Array> | undefined
      const body = new ReadableStream<Uint8Array>({ start: (controller) => void (give = controller) })
      const outcome = carry({ body, clocks: { ...patient, firstByteMs: 5000, writeMs: 1000, idleMs: 1000 } })
      await settled()
      connection.onData(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na'))
      const response = await outcome
      if (response.kind !== 'response') throw new Error('No response')
      await response.body.read()
      const second = response.body.read()
      await clock.advance(10_000)
      connection.onData(Buffer.from('b'))
      expect(Buffer.from((await second) as Uint8Array).toString()).toBe('b')
      await clock.advance(10_000)
      const third = response.body.read()
      letTake(room)
      give?.enqueue(Buffer.from('xyz'))
      if (room === Infinity) give?.close()
      await settled()
      expect(sent()).toBe(room === Infinity ? 'HEAD 3\r\nxyz\r\n0\r\n\r\n' : 'HEAD 3\r\n')
      await clock.advance(999)
      expect(connection.isOpen).toBe(true)
      await clock.advance(1)
      expect(await third).toMatchObject({ phase: 'body', cause: 'timeout' })
    },
  )

  test('that pauses once the upstream has taken what it had, while its answer is under way, is waited for', async () => {
    const { carry, clock, connection, letTake, sent } = connected()
    let give: ReadableStreamDefaultController<Uint8Array> | undefined
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (give = controller) })
    const outcome = carry({ body, bodyBytes: 6, clocks: { ...patient, writeMs: 1000, idleMs: 1000 } })
    await settled()
    connection.onData(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na'))
    expect(await outcome).toMatchObject({ kind: 'response' })
    letTake(1)
    give?.enqueue(Buffer.from('xyz'))
    await settled()
    letTake(Infinity)
    connection.onDrain()
    await settled()
    await clock.advance(10_000)
    give?.enqueue(Buffer.from('uvw'))
    await settled()
    expect([connection.isOpen, sent()]).toEqual([true, 'HEAD xyzuvw'])
  })

  test('that somebody else reads fails its exchange', async () => {
    const { carry } = connected()
    const body = new ReadableStream<Uint8Array>()
    body.getReader()
    expect(await carry({ body })).toMatchObject({ phase: 'write', cause: 'other' })
  })
})

test('an upgraded connection stays paused when its owner had enough of what came with the opening', () => {
  const said: string[] = []
  const socket = {
    write: () => 0,
    pause: () => void said.push('pause'),
    resume: () => void said.push('resume'),
    close() {},
    terminate() {},
  }
  const raw = new RawConnection(socket, new Writer(socket), () => {})
  raw.onPiece(Buffer.from('x'))
  raw.attach({ onPiece: () => raw.pause(), onDrain() {}, onClose() {} })
  expect(said).toEqual(['pause', 'pause'])
  raw.resume()
  expect(said.at(-1)).toBe('resume')
})
