import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom, type Random } from '#ports/random.ts'

/** What can be wrong with a line, for one direction of it. */
export type Toxic =
  /** Every byte comes later by `ms`, give or take `jitterMs`; order is kept. */
  | { readonly kind: 'latency'; readonly ms: number; readonly jitterMs?: number }
  /** No more than so many bytes in a second. */
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }
  /** The bytes come at once, the end of the connection `ms` after them. */
  | { readonly kind: 'slow_close'; readonly ms: number }
  /** Nothing comes through; after `ms` the connection is closed, with 0 never. */
  | { readonly kind: 'timeout'; readonly ms: number }
  /** The connection is reset, both ends of it, `afterMs` after its first byte in this direction. */
  | { readonly kind: 'reset'; readonly afterMs: number }
  /** Bytes come in pieces of `bytes`, give or take `variation`, with `delayMs` between them. */
  | { readonly kind: 'slicer'; readonly bytes: number; readonly variation?: number; readonly delayMs?: number }
  /** After so many bytes the connection is closed. */
  | { readonly kind: 'limit_data'; readonly bytes: number }

/** `up` is from the client to the server, `down` back again. */
export interface Toxics {
  readonly up?: readonly Toxic[]
  readonly down?: readonly Toxic[]
}

export interface ToxicOptions extends Toxics {
  /** What jitter and variation are drawn from; the same seed gives the same line. */
  readonly seed?: number
}

/** A line on loopback that does what its toxics say; without any it is a plain one. */
export interface ToxicProxy extends AsyncDisposable {
  /** Connect here instead of to the server. */
  readonly url: URL
  /** Connections that were taken so far. */
  readonly connections: number
  /** What later connections suffer from; those that are open keep theirs. */
  poison(toxics: Toxics): void
  stop(): Promise<void>
}

/** Puts a line in front of a server; toxics of one direction act one after the other. */
export async function toxicProxy(server: URL, { up, down, seed = 1 }: ToxicOptions = {}): Promise<ToxicProxy> {
  let current: Toxics = { up: up ?? [], down: down ?? [] }
  const sockets = new Set<Socket>()
  let connections = 0
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    connections += 1
    const target = connect({ host: server.hostname, port: Number(server.port), allowHalfOpen: true })
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('close', () => sockets.delete(socket))
    }
    // Each direction has chance of its own: which of them is quicker must not decide what the other one gets.
    const seeds = seed + 2 * connections
    void run({ client, target, random: seededRandom(seeds) }, client, target, current.up ?? [])
    void run({ client, target, random: seededRandom(seeds + 1) }, target, client, current.down ?? [])
  })
  await new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('Cannot tell the port: the line has none')
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    if (listener.listening) await new Promise<void>((resolve) => void listener.close(() => resolve()))
  }
  return {
    url: new URL(`http://127.0.0.1:${address.port}`),
    get connections() {
      return connections
    },
    poison: (toxics) => void (current = toxics),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** One direction of a connection: both its ends, and what chance says. */
interface Line {
  readonly client: Socket
  readonly target: Socket
  readonly random: Random
}

/** Bytes and when they came; `end` closes the connection as its sender did, `cut` closes it at once. */
type Piece = { readonly bytes: Uint8Array; readonly atMs: number } | 'end' | 'cut'
type Flow = AsyncGenerator<Piece, void>

/** One direction of a line, from its source through every toxic into its sink. */
async function run(line: Line, source: Socket, sink: Socket, toxics: readonly Toxic[]): Promise<void> {
  source.on('error', () => resetBoth(line))
  sink.on('close', () => void source.destroy())
  let flow = piecesOf(source)
  for (const toxic of toxics) flow = pass(line, flow, toxic)
  for await (const piece of flow) {
    if (sink.destroyed) return
    if (piece === 'cut') {
      line.client.destroy()
      line.target.destroy()
      return
    }
    if (piece === 'end') return void sink.end()
    // A sink that takes no more holds its source back.
    if (!sink.write(piece.bytes)) await roomIn(sink)
  }
}

async function roomIn(sink: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  sink.on('drain', resolve).on('close', resolve)
  await promise
  sink.off('drain', resolve).off('close', resolve)
}

function resetBoth({ client, target }: Line): void {
  client.resetAndDestroy()
  target.resetAndDestroy()
}

/** Limit: bytes that wait on a line before its source is paused. */
const waitingBytesMax = 262_144

/** What a socket brings, with the time at which it came, however late it is asked for. */
async function* piecesOf(socket: Socket): Flow {
  const waiting: Piece[] = []
  let waitingBytes = 0
  let wake: (() => void) | undefined
  const put = (piece: Piece): void => {
    waiting.push(piece)
    wake?.()
  }
  socket.on('data', (data) => {
    const bytes = Buffer.from(data)
    waitingBytes += bytes.byteLength
    if (waitingBytes > waitingBytesMax) socket.pause()
    put({ bytes, atMs: performance.now() })
  })
  socket.on('end', () => put('end'))
  socket.on('close', () => wake?.())
  for (;;) {
    const piece = waiting.shift()
    if (piece === undefined) {
      if (socket.destroyed) return
      await new Promise<void>((resolve) => (wake = resolve))
      continue
    }
    yield piece
    if (typeof piece === 'string') return
    waitingBytes -= piece.bytes.byteLength
    if (waitingBytes <= waitingBytesMax && socket.isPaused()) socket.resume()
  }
}

function pass(line: Line, flow: Flow, toxic: Toxic): Flow {
  switch (toxic.kind) {
    case 'latency':
      return late(flow, () => around(line.random, toxic.ms, toxic.jitterMs))
    case 'bandwidth':
      return narrow(flow, toxic.bytesPerSecond)
    case 'slow_close':
      return closeSlowly(flow, toxic.ms)
    case 'timeout':
      return swallow(flow, toxic.ms)
    case 'reset':
      return reset(line, flow, toxic.afterMs)
    case 'slicer':
      return slice(flow, toxic.delayMs ?? 0, () => Math.max(1, around(line.random, toxic.bytes, toxic.variation)))
    case 'limit_data':
      return limit(flow, toxic.bytes)
  }
}

function around(random: Random, middle: number, variation = 0): number {
  return Math.round(middle + (2 * random.unit() - 1) * variation)
}

async function until(dueMs: number): Promise<void> {
  await sleep(Math.max(0, dueMs - performance.now()))
}

// Pieces carry the time at which they are due, so that toxics behind each other do not add up by being slow themselves.

async function* late(flow: Flow, delayMs: () => number): Flow {
  let dueMs = 0
  for await (const piece of flow) {
    if (typeof piece === 'string') yield piece
    else {
      dueMs = Math.max(dueMs, piece.atMs + delayMs())
      await until(dueMs)
      yield { bytes: piece.bytes, atMs: dueMs }
    }
  }
}

async function* narrow(flow: Flow, bytesPerSecond: number): Flow {
  // Ten pieces a second, so that a large one is not followed by a long silence.
  const step = Math.max(1, Math.ceil(bytesPerSecond / 10))
  let dueMs = 0
  for await (const piece of flow) {
    if (typeof piece === 'string') yield piece
    else {
      for (let at = 0; at < piece.bytes.byteLength; at += step) {
        const bytes = piece.bytes.subarray(at, at + step)
        dueMs = Math.max(dueMs, piece.atMs) + (bytes.byteLength * 1000) / bytesPerSecond
        await until(dueMs)
        yield { bytes, atMs: dueMs }
      }
    }
  }
}

async function* closeSlowly(flow: Flow, ms: number): Flow {
  for await (const piece of flow) {
    if (piece === 'end') await sleep(ms)
    yield piece
  }
}

async function* swallow(flow: Flow, ms: number): Flow {
  const isOver = { now: false }
  const over = ms === 0 ? new Promise<never>(() => {}) : sleep(ms).then(() => (isOver.now = true))
  for (let next = flow.next(); !isOver.now;) {
    const step = await Promise.race([next, over])
    if (step === true || (typeof step === 'object' && step.done === true)) break
    next = flow.next()
  }
  yield 'cut'
}

async function* reset(line: Line, flow: Flow, afterMs: number): Flow {
  let isArmed = false
  for await (const piece of flow) {
    if (!isArmed) {
      isArmed = true
      void sleep(afterMs).then(() => resetBoth(line))
    }
    yield piece
  }
}

async function* slice(flow: Flow, delayMs: number, size: () => number): Flow {
  let dueMs = 0
  for await (const piece of flow) {
    if (typeof piece === 'string') yield piece
    else {
      for (let at = 0; at < piece.bytes.byteLength;) {
        const bytes = piece.bytes.subarray(at, at + size())
        at += bytes.byteLength
        dueMs = Math.max(dueMs + delayMs, piece.atMs)
        // Without a wait, however short, the system would put the pieces together again.
        await until(dueMs)
        yield { bytes, atMs: dueMs }
      }
    }
  }
}

async function* limit(flow: Flow, bytesMax: number): Flow {
  let left = bytesMax
  for await (const piece of flow) {
    if (typeof piece === 'string') yield piece
    else {
      const bytes = piece.bytes.subarray(0, left)
      left -= bytes.byteLength
      if (bytes.byteLength > 0) yield { ...piece, bytes }
      if (left === 0) return yield 'cut'
    }
  }
}
