import { describe, expect, test } from 'bun:test'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { toxicProxy, type Toxic, type Toxics } from '../../support/toxics.ts'

/** What came over the line in one direction, piece by piece, and how it ended. */
interface Arrival {
  readonly pieces: readonly { readonly size: number; readonly atMs: number }[]
  readonly text: string
  readonly endedMs: number
  readonly end: 'fin' | 'reset'
}

const said = 'The quick brown fox jumps over the lazy dog. '.repeat(20)

describe.each(['up', 'down'] as const)('a line whose way %s', (way) => {
  test('has no toxic brings every byte and the end', async () => {
    const { text, end, endedMs } = await arrival(way, [], said)
    expect([text, end]).toEqual([said, 'fin'])
    expect(endedMs).toBeLessThan(1000)
  })

  test('has latency brings them later, by jitter too', async () => {
    const { text, pieces } = await arrival(way, [{ kind: 'latency', ms: 150, jitterMs: 50 }], said)
    expect(text).toBe(said)
    expect(pieces[0]?.atMs).toBeWithin(95, 1000)
  })

  test('has little bandwidth brings them no faster than that', async () => {
    const { text, pieces } = await arrival(way, [{ kind: 'bandwidth', bytesPerSecond: 3000 }], said)
    expect(text).toBe(said)
    expect(pieces.length).toBeGreaterThan(1)
    expect(pieces.at(-1)?.atMs).toBeWithin(280, 2000)
  })

  test('closes slowly brings them at once, and the end later', async () => {
    const { text, pieces, endedMs, end } = await arrival(way, [{ kind: 'slow_close', ms: 200 }], said)
    expect([text, end]).toEqual([said, 'fin'])
    expect(endedMs - (pieces.at(-1)?.atMs ?? 0)).toBeWithin(150, 1500)
  })

  test('times out brings nothing, and closes after a while', async () => {
    const { text, endedMs } = await arrival(way, [{ kind: 'timeout', ms: 150 }], said, false)
    expect(text).toBe('')
    expect(endedMs).toBeWithin(140, 1500)
  })

  test('is reset ends with a reset', async () => {
    const { end, endedMs } = await arrival(way, [{ kind: 'reset', afterMs: 100 }], said, false)
    expect(end).toBe('reset')
    expect(endedMs).toBeWithin(90, 1500)
  })

  test('is sliced brings the same bytes in small pieces', async () => {
    const { text, pieces } = await arrival(way, [{ kind: 'slicer', bytes: 30, variation: 10, delayMs: 3 }], said)
    expect(text).toBe(said)
    expect(pieces.length).toBeGreaterThan(10)
  })

  test('is limited brings so many bytes and closes', async () => {
    const { text } = await arrival(way, [{ kind: 'limit_data', bytes: 100 }], said, false)
    expect(text).toBe(said.slice(0, 100))
  })
})

test('toxics of one way act one after the other', async () => {
  const toxics: readonly Toxic[] = [
    { kind: 'slicer', bytes: 50 },
    { kind: 'latency', ms: 100 },
    { kind: 'limit_data', bytes: 120 },
  ]
  const { text, pieces } = await arrival('down', toxics, said, false)
  expect(text).toBe(said.slice(0, 120))
  expect(pieces[0]?.atMs).toBeWithin(90, 1000)
})

test('the same seed gives the same line', async () => {
  const toxics: readonly Toxic[] = [{ kind: 'slicer', bytes: 60, variation: 50, delayMs: 8 }]
  const sizes = async (seed: number): Promise<readonly number[]> =>
    (await arrival('down', toxics, said, true, seed)).pieces.map(({ size }) => size)
  const [first, again, other] = [await sizes(7), await sizes(7), await sizes(8)]
  expect(again).toEqual(first)
  expect(other).not.toEqual(first)
})

test('a line can be poisoned and healed between two connections', async () => {
  await using server = await echo()
  await using line = await toxicProxy(server.url)
  const ask = async (): Promise<string> => (await arrivalAt(await open(line.url), 'hello', true)).text
  expect(await ask()).toBe('hello')
  line.poison({ down: [{ kind: 'limit_data', bytes: 2 }] })
  expect(await ask()).toBe('he')
  line.poison({})
  expect(await ask()).toBe('hello')
  expect(line.connections).toBe(3)
})

/** Sends `text` over a poisoned line in one direction and tells what arrived at the other end. */
async function arrival(
  way: keyof Toxics,
  toxics: readonly Toxic[],
  text: string,
  closes = true,
  seed = 1,
): Promise<Arrival> {
  const arrived = Promise.withResolvers<Arrival>()
  await using server = await listening((socket) => {
    arrived.resolve(arrivalAt(socket, way === 'down' ? text : undefined, closes))
  })
  await using line = await toxicProxy(server.url, { [way]: toxics, seed })
  const client = await open(line.url)
  const atClient = arrivalAt(client, way === 'up' ? text : undefined, closes)
  const told = await (way === 'up' ? arrived.promise : atClient)
  client.destroy()
  return told
}

async function arrivalAt(socket: Socket, text: string | undefined, closes: boolean): Promise<Arrival> {
  const startedMs = performance.now()
  const sinceStart = (): number => performance.now() - startedMs
  const pieces: { size: number; atMs: number }[] = []
  const bytes: Buffer[] = []
  let end: Arrival['end'] = 'fin'
  const ended = Promise.withResolvers<number>()
  socket.on('data', (data) => {
    bytes.push(Buffer.from(data))
    pieces.push({ size: data.length, atMs: sinceStart() })
  })
  socket.on('error', () => (end = 'reset'))
  socket.on('end', () => ended.resolve(sinceStart()))
  socket.on('close', () => ended.resolve(sinceStart()))
  if (text !== undefined) socket.write(text)
  if (text !== undefined && closes) socket.end()
  const endedMs = await ended.promise
  // An error is told before the close that belongs to it.
  await new Promise<void>((resolve) => void setImmediate(resolve))
  return { pieces, text: Buffer.concat(bytes).toString(), endedMs, end }
}

async function open(url: URL): Promise<Socket> {
  const socket = connect({ host: url.hostname, port: Number(url.port), allowHalfOpen: true })
  socket.setNoDelay(true)
  await new Promise<void>((resolve, reject) => void socket.once('connect', resolve).once('error', reject))
  return socket
}

async function echo(): Promise<{ url: URL } & AsyncDisposable> {
  return await listening((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => socket.write(bytes))
    socket.on('end', () => socket.end())
  })
}

async function listening(onSocket: (socket: Socket) => void): Promise<{ url: URL } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    onSocket(socket)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}
