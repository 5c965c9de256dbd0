import { expect, test } from 'bun:test'
import { Connection, type Home } from '#http1/connection.ts'
import { Exchange, type HeadOutcome } from '#http1/exchange.ts'
import type { Socket } from '#http1/socket.ts'
import { Turn } from '#http1/turn.ts'
import { TimerWheel } from '#ports/timer-wheel.ts'
import type { OutgoingRequest } from '#ports/transport.ts'
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
      return await new Promise((resolve) => connection.carry(new Exchange(request, 'HEAD ', false, resolve)))
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
