import { describe, expect, test } from 'bun:test'
import { Http1Client } from '#http1/client.ts'
import { concat } from '#kit/bytes.ts'
import { Stop } from '#kit/stop.ts'
import { systemClock } from '#ports/clock.ts'
import {
  isSafeToRepeat,
  type IncomingResponse,
  type OutgoingRequest,
  type TransportFailure,
  type Upgraded,
} from '#ports/transport.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { linkWith, outgoing, patient } from '../../support/outgoing.ts'
import { chunk, chunkedHead, plainAnswer, rawOrigin, type RawPeer } from '../../support/raw-origin.ts'

type Outcome = IncomingResponse | TransportFailure | Upgraded

function answered(outcome: Outcome): IncomingResponse {
  if (outcome.kind !== 'response') throw new Error(`No response but ${JSON.stringify(outcome)}`)
  return outcome
}

function failed(outcome: Outcome | Uint8Array | 'end'): TransportFailure {
  if (typeof outcome === 'object' && 'kind' in outcome && outcome.kind === 'transport_failure') return outcome
  throw new Error(`No failure but ${JSON.stringify(outcome)}`)
}

async function textOf({ body }: IncomingResponse): Promise<string> {
  if (body.whole !== undefined) return Buffer.from(body.whole).toString()
  const pieces: Uint8Array[] = []
  for (;;) {
    const step = await body.read()
    if (step === 'end') return Buffer.from(concat(pieces)).toString()
    if (!(step instanceof Uint8Array)) throw new Error(step.message)
    pieces.push(step)
  }
}

/** Sends and reads to the end. */
async function ask(client: Http1Client, request: OutgoingRequest): Promise<string> {
  return await textOf(answered(await client.send(request)))
}

describe('Connections are pooled', () => {
  test('five calls in a row use one connection (D53)', async () => {
    await using origin = await rawOrigin((peer) => peer.write(plainAnswer(`answer ${peer.count}`)))
    const client = new Http1Client({ clock: systemClock })
    for (let count = 1; count <= 5; count += 1) expect(await ask(client, outgoing(origin.url))).toBe(`answer ${count}`)
    expect(origin.connections).toBe(1)
    expect(client.gauges()).toEqual([
      { origin: origin.url.origin, open: 1, idle: 1, waiting: 0, opened: 1, carried: 5, reused: 4 },
    ])
  })

  test('500 at once are all under way at once (N126)', async () => {
    const peers: RawPeer[] = []
    await using origin = await rawOrigin((peer) => void peers.push(peer))
    const client = new Http1Client({ clock: systemClock })
    const all = Array.from({ length: 500 }, async () => await ask(client, outgoing(origin.url)))
    await origin.arrived(500)
    for (const peer of peers) peer.write(plainAnswer('done'))
    expect(new Set(await Promise.all(all))).toEqual(new Set(['done']))
  })

  test('a pool of one serves its line in order, each as soon as the one before is done', async () => {
    const peers: RawPeer[] = []
    await using origin = await rawOrigin((peer) => void peers.push(peer))
    const client = new Http1Client({ clock: systemClock })
    const link = linkWith({ connectionsMax: 1 })
    const order: number[] = []
    const all = [1, 2, 3].map(async (number) => {
      await ask(client, outgoing(origin.url, { link, headers: [['x-number', `${number}`]] }))
      order.push(number)
    })
    for (let count = 1; count <= 3; count += 1) {
      await origin.arrived(count)
      expect(client.gauges()).toMatchObject([{ open: 1, waiting: 3 - count }])
      peers[count - 1]?.write(plainAnswer('ok'))
    }
    await Promise.all(all)
    expect(order).toEqual([1, 2, 3])
    expect(origin.received.map((request) => request.header('x-number'))).toEqual(['1', '2', '3'])
    expect(origin.connections).toBe(1)
  })

  test('whoever waits too long in line fails, and nothing of it was sent (F9)', async () => {
    const clock = new FakeClock()
    await using origin = await rawOrigin(() => {})
    const client = new Http1Client({ clock })
    const link = linkWith({ connectionsMax: 1 })
    void client.send(outgoing(origin.url, { link }))
    await origin.arrived(1)
    const second = client.send(outgoing(origin.url, { link, clocks: { ...patient, queueMs: 300 } }))
    await clock.advance(300)
    expect(failed(await second)).toMatchObject({ phase: 'queue', cause: 'timeout', trace: { bytesSent: 0 } })
    expect(client.gauges()).toMatchObject([{ waiting: 0 }])
  })

  test('a line that is full takes nobody more (F9)', async () => {
    await using origin = await rawOrigin(() => {})
    const client = new Http1Client({ clock: systemClock })
    const link = linkWith({ connectionsMax: 1, waitingMax: 1 })
    const stop = new Stop()
    void client.send(outgoing(origin.url, { link, stop }))
    await origin.arrived(1)
    void client.send(outgoing(origin.url, { link, stop }))
    expect(failed(await client.send(outgoing(origin.url, { link })))).toMatchObject({ phase: 'queue', cause: 'full' })
    stop.ask()
  })

  test('a client that leaves the line makes room for the next (F9)', async () => {
    const peers: RawPeer[] = []
    await using origin = await rawOrigin((peer) => void peers.push(peer))
    const client = new Http1Client({ clock: systemClock })
    const link = linkWith({ connectionsMax: 1 })
    const first = ask(client, outgoing(origin.url, { link }))
    await origin.arrived(1)
    const stop = new Stop()
    const second = client.send(outgoing(origin.url, { link, stop }))
    const third = ask(client, outgoing(origin.url, { link }))
    stop.ask()
    expect(failed(await second)).toMatchObject({ cause: 'aborted' })
    peers[0]?.write(plainAnswer('one'))
    await origin.arrived(2)
    peers[1]?.write(plainAnswer('three'))
    expect(await Promise.all([first, third])).toEqual(['one', 'three'])
    expect(origin.received).toHaveLength(2)
  })

  test('an exchange that breaks frees its place in the pool', async () => {
    await using origin = await rawOrigin((peer) => (peer.count === 1 ? peer.reset() : peer.write(plainAnswer('ok'))))
    const client = new Http1Client({ clock: systemClock })
    const link = linkWith({ connectionsMax: 1 })
    const [first, second] = await Promise.all([
      client.send(outgoing(origin.url, { link })),
      client.send(outgoing(origin.url, { link })),
    ])
    expect(failed(first)).toMatchObject({ phase: 'head', cause: 'reset' })
    expect(await textOf(answered(second))).toBe('ok')
  })

  test('idle connections beyond the limit are closed, the oldest first', async () => {
    const peers: RawPeer[] = []
    await using origin = await rawOrigin((peer) => void peers.push(peer))
    const client = new Http1Client({ clock: systemClock })
    const link = linkWith({ idleMax: 2 })
    const all = Array.from({ length: 5 }, async () => await ask(client, outgoing(origin.url, { link })))
    await origin.arrived(5)
    for (const peer of peers) peer.write(plainAnswer('ok'))
    await Promise.all(all)
    await origin.closed(3)
    expect(client.gauges()).toMatchObject([{ open: 2, idle: 2 }])
  })

  test('an idle connection is closed after its time, and leaves nothing behind (C1204)', async () => {
    const clock = new FakeClock()
    await using origin = await rawOrigin((peer) => peer.write(plainAnswer('ok')))
    const client = new Http1Client({ clock })
    await ask(client, outgoing(origin.url, { link: linkWith({ idleMs: 90_000 }) }))
    await clock.advance(89_999)
    expect(client.gauges()).toHaveLength(1)
    await clock.advance(1)
    await origin.closed(1)
    expect(client.gauges()).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('a connection is not used beyond its age', async () => {
    const clock = new FakeClock()
    await using origin = await rawOrigin((peer) => peer.write(plainAnswer('ok')))
    const client = new Http1Client({ clock })
    const link = linkWith({ ageMs: 60_000, idleMs: 0 })
    await ask(client, outgoing(origin.url, { link }))
    await clock.advance(59_999)
    await ask(client, outgoing(origin.url, { link }))
    expect(origin.connections).toBe(1)
    await clock.advance(1)
    await ask(client, outgoing(origin.url, { link }))
    expect(origin.connections).toBe(2)
    await origin.closed(1)
  })

  test('connections are opened before they are needed (C1203)', async () => {
    await using origin = await rawOrigin((peer) => peer.write(plainAnswer('ok')))
    const client = new Http1Client({ clock: systemClock })
    const link = linkWith({ prewarm: 3 })
    await client.warm(origin.url, link, patient)
    await origin.opened(3)
    expect(client.gauges()).toMatchObject([{ open: 3, idle: 3, carried: 0 }])
    await ask(client, outgoing(origin.url, { link }))
    await client.warm(origin.url, link, patient)
    expect(origin.connections).toBe(3)
  })

  test('links of equal content share connections, those of another identity do not', async () => {
    await using origin = await rawOrigin((peer) => peer.write(plainAnswer('ok')))
    const client = new Http1Client({ clock: systemClock })
    await ask(client, outgoing(origin.url, { link: linkWith() }))
    await ask(client, outgoing(new URL(origin.url.href), { link: linkWith({ idleMax: 7 }) }))
    expect(origin.connections).toBe(1)
    await ask(client, outgoing(origin.url, { link: linkWith({}, { serverName: 'other.example' }) }))
    expect(origin.connections).toBe(2)
  })

  test('who must have a fresh connection gets the place of a used one, and the limit holds', async () => {
    const peers: RawPeer[] = []
    await using origin = await rawOrigin((peer) => void peers.push(peer))
    const client = new Http1Client({ clock: systemClock })
    const link = linkWith({ connectionsMax: 1 })
    const first = ask(client, outgoing(origin.url, { link }))
    await origin.arrived(1)
    const others = [1, 2].map(async () => await ask(client, outgoing(origin.url, { link, fresh: true })))
    for (let count = 1; count <= 3; count += 1) {
      await origin.arrived(count)
      expect(client.gauges()).toMatchObject([{ open: 1 }])
      peers[count - 1]?.write(plainAnswer(`${count}`))
    }
    expect(await Promise.all([first, ...others])).toEqual(['1', '2', '3'])
    expect(origin.connections).toBe(3)
  })

  test('a request has its own clocks, even while a connection is being warmed up', async () => {
    const clock = new FakeClock()
    // Nothing is ever found by this one.
    const resolver = { resolve: async () => await new Promise<never>(() => {}), demote() {}, forget() {} }
    const client = new Http1Client({ clock, resolver })
    const url = new URL('http://slow.test')
    const link = linkWith({ prewarm: 1 })
    void client.warm(url, link, { dnsMs: 5000, connectMs: 5000, tlsMs: 5000 })
    const sent = client.send(outgoing(url, { link, clocks: { ...patient, queueMs: 1000, dnsMs: 200 } }))
    await clock.advance(200)
    expect(failed(await sent)).toMatchObject({ phase: 'dns', cause: 'timeout' })
  })

  test('all paths of an origin share one pool, also after it was empty', async () => {
    await using origin = await rawOrigin((peer) => {
      if (peer.request.target === '/close') peer.end(plainAnswer('bye', ['Connection: close']))
      else peer.write(plainAnswer('ok'))
    })
    const client = new Http1Client({ clock: systemClock })
    const [one, other] = [new URL('/one', origin.url), new URL('/other', origin.url)]
    await ask(client, outgoing(one))
    await ask(client, outgoing(new URL('/close', origin.url)))
    await eventually(() => client.gauges().length === 0)
    await ask(client, outgoing(other))
    await ask(client, outgoing(one))
    expect(origin.connections).toBe(2)
    expect(client.gauges()).toMatchObject([{ open: 1, idle: 1, opened: 2 }])
  })

  test('links with an owner share with nobody, so that each limit counts for itself', async () => {
    const peers: RawPeer[] = []
    await using origin = await rawOrigin((peer) => void peers.push(peer))
    const client = new Http1Client({ clock: systemClock })
    const limited = linkWith({ connectionsMax: 1 })
    const all = ['one', 'other'].map(
      async (owner) => await ask(client, outgoing(origin.url, { link: { ...limited, owner } })),
    )
    await origin.arrived(2)
    for (const peer of peers) peer.write(plainAnswer('ok'))
    expect(await Promise.all(all)).toEqual(['ok', 'ok'])
  })

  test('an idle connection that the upstream closed is not used', async () => {
    await using origin = await rawOrigin((peer) => peer.end(plainAnswer(`${peer.count}`)))
    const client = new Http1Client({ clock: systemClock })
    expect(await ask(client, outgoing(origin.url))).toBe('1')
    await eventually(() => client.gauges().length === 0)
    expect(await ask(client, outgoing(origin.url))).toBe('2')
  })

  test('an idle connection on which the upstream speaks up is not used', async () => {
    await using origin = await rawOrigin((peer) => peer.write(plainAnswer(`${peer.count}`)))
    const client = new Http1Client({ clock: systemClock })
    expect(await ask(client, outgoing(origin.url))).toBe('1')
    origin.peers[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    await origin.closed(1)
    expect(await ask(client, outgoing(origin.url))).toBe('2')
  })

  test('a connection is not used again after Connection: close, nor after surplus bytes', async () => {
    for (const answer of [plainAnswer('ok', ['Connection: close']), `${plainAnswer('ok')}surplus`]) {
      await using origin = await rawOrigin((peer) => peer.write(answer))
      const client = new Http1Client({ clock: systemClock })
      await ask(client, outgoing(origin.url))
      await ask(client, outgoing(origin.url))
      expect(origin.connections).toBe(2)
    }
  })
})

describe('A failure tells what may be done about it', () => {
  test('a connection that was closed upon the second request: safe to repeat, and over a fresh one it works (F8, H20)', async () => {
    await using origin = await rawOrigin((peer) => (peer.count === 2 ? peer.reset() : peer.write(plainAnswer('ok'))))
    const client = new Http1Client({ clock: systemClock })
    await ask(client, outgoing(origin.url))
    const failure = failed(await client.send(outgoing(origin.url)))
    expect(failure).toMatchObject({ phase: 'head', cause: 'reset', trace: { wasReused: true, bytesReceived: 0 } })
    expect(isSafeToRepeat(failure)).toBeTrue()
    expect(await ask(client, outgoing(origin.url, { fresh: true }))).toBe('ok')
    expect(origin.connections).toBe(2)
  })

  test('a fresh connection that is reset: not safe', async () => {
    await using origin = await rawOrigin((peer) => peer.reset())
    const client = new Http1Client({ clock: systemClock })
    const failure = failed(await client.send(outgoing(origin.url)))
    expect(failure).toMatchObject({ phase: 'head', cause: 'reset', trace: { wasReused: false } })
    expect(failure.trace?.bytesSent).toBeGreaterThan(2)
    expect(isSafeToRepeat(failure)).toBeFalse()
  })

  test('a reused connection that is reset after the first byte, or late: not safe', async () => {
    for (const late of [false, true]) {
      const clock = new FakeClock()
      await using origin = await rawOrigin((peer) => {
        if (peer.count === 1) return peer.write(plainAnswer('ok'))
        if (!late) peer.end('HTTP/1.1 2')
      })
      const client = new Http1Client({ clock })
      await ask(client, outgoing(origin.url))
      const second = client.send(outgoing(origin.url))
      await origin.arrived(2)
      if (late) {
        await clock.advance(5000)
        origin.peers[1]?.reset()
      }
      const failure = failed(await second)
      expect(failure).toMatchObject({ phase: 'head', cause: 'reset', trace: { wasReused: true } })
      expect(isSafeToRepeat(failure)).toBeFalse()
    }
  })

  test('an answer that breaks off: how much had come (F28)', async () => {
    await using origin = await rawOrigin((peer) => peer.end(`${chunkedHead()}${chunk('data: 1\n\n')}`))
    const client = new Http1Client({ clock: systemClock })
    const { body } = answered(await client.send(outgoing(origin.url)))
    expect(Buffer.from((await body.read()) as Uint8Array).toString()).toBe('data: 1\n\n')
    expect(failed(await body.read())).toMatchObject({ phase: 'body', cause: 'reset' })
  })

  test('bad chunk size in the middle of a stream (F31)', async () => {
    await using origin = await rawOrigin((peer) => peer.write(`${chunkedHead()}${chunk('data: 1\n\n')}zz\r\n`))
    const client = new Http1Client({ clock: systemClock })
    const { body } = answered(await client.send(outgoing(origin.url)))
    expect(await body.read()).toBeInstanceOf(Uint8Array)
    expect(failed(await body.read())).toMatchObject({ phase: 'body', cause: 'malformed' })
    await origin.closed(1)
  })
})

describe('Each phase has a clock of its own', () => {
  test('the head (F10)', async () => {
    const clock = new FakeClock()
    await using origin = await rawOrigin(() => {})
    const client = new Http1Client({ clock })
    const sent = client.send(outgoing(origin.url, { clocks: { ...patient, firstByteMs: 700 } }))
    await origin.arrived(1)
    await clock.advance(700)
    expect(failed(await sent)).toMatchObject({ phase: 'head', cause: 'timeout' })
    await origin.closed(1)
  })

  test('the request, while the upstream takes none of it', async () => {
    const clock = new FakeClock()
    await using origin = await rawOrigin(() => {}, { onConnect: (socket) => (socket.pause(), false) })
    const client = new Http1Client({ clock })
    const body = [new Uint8Array(64 * 1024 * 1024)]
    const sent = client.send(outgoing(origin.url, { body, clocks: { ...patient, writeMs: 900 } }))
    await origin.opened(1)
    await eventually(() => client.gauges()[0]?.carried === 1)
    await clock.advance(900)
    const failure = failed(await sent)
    expect(failure).toMatchObject({ phase: 'write', cause: 'timeout' })
    expect(failure.trace?.bytesSent).toBeLessThan(64 * 1024 * 1024)
  })

  test('the pieces of an answer, but not while nobody reads them', async () => {
    const clock = new FakeClock()
    await using origin = await rawOrigin((peer) => peer.write(`${chunkedHead()}${chunk('one')}`))
    const client = new Http1Client({ clock })
    const { body } = answered(await client.send(outgoing(origin.url, { clocks: { ...patient, idleMs: 400 } })))
    expect(await body.read()).toBeInstanceOf(Uint8Array)
    body.pause()
    await clock.advance(10_000)
    body.resume()
    const next = body.read()
    await clock.advance(400)
    expect(failed(await next)).toMatchObject({ phase: 'body', cause: 'timeout' })
    await origin.closed(1)
  })
})

describe('An exchange ends when it is asked to stop', () => {
  test('before it began', async () => {
    const client = new Http1Client({ clock: systemClock })
    const stop = new Stop()
    stop.ask()
    const sent = await client.send(outgoing(new URL('http://127.0.0.1:9'), { stop }))
    expect(failed(sent)).toMatchObject({ cause: 'aborted' })
  })

  test('while the head is awaited', async () => {
    await using origin = await rawOrigin(() => {})
    const client = new Http1Client({ clock: systemClock })
    const stop = new Stop()
    const sent = client.send(outgoing(origin.url, { stop }))
    await origin.arrived(1)
    stop.ask()
    expect(failed(await sent)).toMatchObject({ phase: 'head', cause: 'aborted' })
    await origin.closed(1)
    expect(client.gauges()).toEqual([])
  })

  test('in the middle of a body, by stop and by cancel', async () => {
    for (const how of ['stop', 'cancel']) {
      await using origin = await rawOrigin((peer) => peer.write(`${chunkedHead()}${chunk('one')}`))
      const client = new Http1Client({ clock: systemClock })
      const stop = new Stop()
      const { body } = answered(await client.send(outgoing(origin.url, { stop })))
      expect(await body.read()).toBeInstanceOf(Uint8Array)
      const next = body.read()
      if (how === 'stop') stop.ask()
      else body.cancel()
      expect(failed(await next)).toMatchObject({ phase: 'body', cause: 'aborted' })
      await origin.closed(1)
    }
  })

  test('after its end nothing happens to the connection, which is another one’s by then', async () => {
    const peers: RawPeer[] = []
    await using origin = await rawOrigin((peer) => void peers.push(peer))
    const client = new Http1Client({ clock: systemClock })
    const stop = new Stop()
    const first = client.send(outgoing(origin.url, { stop }))
    await origin.arrived(1)
    peers[0]?.write(plainAnswer('one'))
    const { body } = answered(await first)
    const second = ask(client, outgoing(origin.url))
    await origin.arrived(2)
    stop.ask()
    body.cancel()
    peers[1]?.write(plainAnswer('two'))
    expect(await second).toBe('two')
    expect(origin.connections).toBe(1)
  })
})

describe('A body', () => {
  test('that came with its head is there at once', async () => {
    await using origin = await rawOrigin((peer) => peer.write(plainAnswer('all of it')))
    const client = new Http1Client({ clock: systemClock })
    const { body } = answered(await client.send(outgoing(origin.url)))
    expect(Buffer.from(body.whole ?? []).toString()).toBe('all of it')
  })

  test('flows piece by piece, in the moment it comes, to its end', async () => {
    await using origin = await rawOrigin((peer) => peer.write(`${chunkedHead()}${chunk('one')}`))
    const client = new Http1Client({ clock: systemClock })
    const { body } = answered(await client.send(outgoing(origin.url)))
    const seen: string[] = []
    body.flow({
      onPiece: (bytes) => void seen.push(Buffer.from(bytes).toString()),
      onEnd: () => void seen.push('(end)'),
      onBreak: () => void seen.push('(broken)'),
    })
    await eventually(() => Bun.deepEquals(seen, ['one']))
    origin.peers[0]?.write(chunk('two'))
    await eventually(() => Bun.deepEquals(seen, ['one', 'two']))
    origin.peers[0]?.write(chunk(''))
    await eventually(() => Bun.deepEquals(seen, ['one', 'two', '(end)']))
  })

  test('that was paused before it flows stays paused', async () => {
    const piece = Buffer.from(`10000\r\n${'a'.repeat(65_536)}\r\n`)
    await using origin = await rawOrigin((peer) => {
      peer.write(chunkedHead())
      for (let count = 0; count < 400; count += 1) peer.write(piece)
    })
    const client = new Http1Client({ clock: systemClock })
    const stop = new Stop()
    const { body } = answered(await client.send(outgoing(origin.url, { stop })))
    await body.read()
    body.pause()
    let bytes = 0
    body.flow({ onPiece: (next) => void (bytes += next.byteLength), onEnd() {}, onBreak() {} })
    const atOnce = bytes
    // Round trips on the same event loop, in which more would have come.
    for (let count = 0; count < 5; count += 1)
      await (await fetch(origin.url, { method: 'HEAD' })).text().catch(() => '')
    expect(bytes).toBe(atOnce)
    body.resume()
    await eventually(() => bytes > 10_000_000)
    stop.ask()
  })

  test('that nobody reads stops the upstream', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, 'x')
    await using origin = await rawOrigin((peer) => {
      peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${100 * megabyte.byteLength}\r\n\r\n`)
      for (let count = 0; count < 100; count += 1) peer.write(megabyte)
    })
    const client = new Http1Client({ clock: systemClock })
    const before = process.memoryUsage.rss()
    const { body } = answered(await client.send(outgoing(origin.url)))
    let bytes = 0
    await eventually(() => client.gauges()[0]?.carried === 1)
    for (let step = await body.read(); step !== 'end'; step = await body.read()) {
      if (!(step instanceof Uint8Array)) throw new Error(step.message)
      bytes += step.byteLength
    }
    expect(bytes).toBe(100 * megabyte.byteLength)
    expect(process.memoryUsage.rss() - before).toBeLessThan(400 * megabyte.byteLength)
  })

  test('of a request goes out as a stream, in chunks', async () => {
    const text: string[] = []
    await using server = await (async () => {
      const listener = Bun.serve({
        port: 0,
        hostname: '127.0.0.1',
        fetch: async (request) => {
          text.push(request.headers.get('transfer-encoding') ?? '', await request.text())
          return new Response('ok')
        },
      })
      return { url: listener.url, [Symbol.asyncDispose]: async () => await listener.stop(true) }
    })()
    const client = new Http1Client({ clock: systemClock })
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const word of ['one ', '', 'two ', 'three']) controller.enqueue(Buffer.from(word))
        controller.close()
      },
    })
    expect(await ask(client, outgoing(server.url, { body }))).toBe('ok')
    expect(text).toEqual(['chunked', 'one two three'])
  })
})
