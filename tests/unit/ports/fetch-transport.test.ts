import { afterEach, describe, expect, test } from 'bun:test'
import { createSecureServer } from 'node:http2'
import { Stop, type StopListener } from '#kit/stop.ts'
import { systemClock } from '#ports/clock.ts'
import { fetchTransport } from '#ports/fetch-transport.ts'
import { authority, forAddress } from '../../support/certificates.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { linkWith, outgoing, patient } from '../../support/outgoing.ts'
import {
  chunk,
  chunkedHead,
  plainAnswer,
  rawOrigin,
  type RawOptions,
  type RawOrigin,
  type RawPeer,
} from '../../support/raw-origin.ts'
import { responded, told } from '../../support/transport-lab.ts'

// What all transports have in common is tried in transport-conformance.test.ts.

const running: RawOrigin[] = []

async function origin(script: (peer: RawPeer) => void, options?: RawOptions): Promise<RawOrigin> {
  const started = await rawOrigin(script, options)
  running.push(started)
  return started
}

afterEach(async () => {
  for (const started of running.splice(0)) await started.stop()
})

/** Lets the event loop turn until something real has happened; time is not looked at. */
async function turn(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve))
}

describe('what cannot be sent', () => {
  test.each(['PURGE', 'post', 'CONNECT', 'TRACE'])(
    'the method %s is refused, rather than sent as another',
    async (method) => {
      const up = await origin((peer) => peer.end(plainAnswer('ok')))
      const outcome = await fetchTransport(systemClock).send(outgoing(up.url, { method, body: undefined }))
      expect(outcome).toMatchObject({ phase: 'write', cause: 'other', message: 'fetch cannot send this method' })
      expect(up.connections).toBe(0)
    },
  )

  test('HTTP/2 without TLS is refused', async () => {
    const up = await origin((peer) => peer.end(plainAnswer('ok')))
    const link = { ...linkWith(), http2: true }
    const outcome = await fetchTransport(systemClock).send(outgoing(up.url, { link }))
    expect(outcome).toMatchObject({ phase: 'write', cause: 'other', message: 'HTTP/2 needs https' })
    expect(up.connections).toBe(0)
  })
})

describe('HTTP/2', () => {
  const link = { ...linkWith({}, { ca: authority }), http2: true }

  test('is spoken where the link says so', async () => {
    const served = Promise.withResolvers<string>()
    const server = createSecureServer({ ...forAddress, allowHTTP1: true }, (request, response) => {
      served.resolve(request.httpVersion)
      response.end('ok')
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const url = new URL(`https://127.0.0.1:${port}/`)
    try {
      expect(await told(await fetchTransport(systemClock).send(outgoing(url, { link })))).toBe('200 ok')
      expect(await served.promise).toBe('2.0')
    } finally {
      server.close()
    }
  })

  test('is not fallen back from', async () => {
    const up = await origin((peer) => peer.end(plainAnswer('ok')), { tls: forAddress })
    const outcome = await fetchTransport(systemClock).send(outgoing(up.url, { link }))
    expect(outcome).toMatchObject({ phase: 'tls', cause: 'tls', message: 'it does not speak HTTP/2' })
    expect(up.received).toEqual([])
  })
})

describe('F8: the trace of a reset', () => {
  const resetting = (peer: RawPeer): void => (peer.count === 1 ? peer.write(plainAnswer('ok')) : peer.reset())

  test('tells of an idle connection that may have been used', async () => {
    const up = await origin(resetting)
    const transport = fetchTransport(new FakeClock())
    await told(await transport.send(outgoing(up.url)))
    expect(await transport.send(outgoing(up.url, { body: [Buffer.from('12345')] }))).toMatchObject({
      trace: { bytesSent: 5, bytesReceived: 0, wasReused: true, afterMs: 0 },
    })
  })

  test.each([
    ['a request that wanted a fresh connection', { fresh: true }, 0],
    ['a request long after the last answer', {}, 120_000],
    ['a stream, which could not be sent once more', { body: new Blob(['12345']).stream() }, 0],
  ])('is missing for %s', async (_, changes, waitedMs) => {
    const clock = new FakeClock()
    const up = await origin(resetting)
    const transport = fetchTransport(clock)
    await told(await transport.send(outgoing(up.url)))
    await clock.advance(waitedMs)
    const outcome = await transport.send(outgoing(up.url, changes))
    expect(outcome).toMatchObject({ phase: 'head', cause: 'reset' })
    expect(outcome).not.toHaveProperty('trace')
  })
})

test('a stop that outlives its exchanges keeps none of them', async () => {
  const up = await origin((peer) =>
    peer.count === 3 ? peer.reset() : peer.write(plainAnswer(peer.count === 2 ? '' : 'ok')),
  )
  const transport = fetchTransport(systemClock)
  const stop = new WatchedStop()
  for (let count = 0; count < 3; count += 1) {
    const outcome = await transport.send(outgoing(up.url, { stop }))
    if (outcome.kind === 'response') await told(outcome)
  }
  expect({ asked: stop.asked, forgotten: stop.forgotten }).toEqual({ asked: 3, forgotten: 3 })
})

class WatchedStop extends Stop {
  asked = 0
  forgotten = 0

  override tell(listener: StopListener): void {
    super.tell(listener)
    this.asked += 1
  }

  override forget(listener: StopListener): void {
    super.forget(listener)
    this.forgotten += 1
  }
}

describe('B111: clocks', () => {
  test('an upstream that is slow but takes connections is waited for beyond the connect limit', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {})
    const clocks = { ...patient, connectMs: 1000, firstByteMs: 60_000 }
    const outcome = fetchTransport(clock).send(outgoing(up.url, { clocks }))
    await up.arrived(1)
    await clock.advance(1000)
    await up.opened(2)
    await up.closed(1)
    up.peers[0]?.end(plainAnswer('late'))
    expect(await told(await outcome)).toBe('200 late')
    expect(clock.pending).toBe(0)
  })

  test('the first-byte limit still ends it then', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {})
    const clocks = { ...patient, connectMs: 1000, firstByteMs: 60_000 }
    const outcome = fetchTransport(clock).send(outgoing(up.url, { clocks }))
    await up.arrived(1)
    await clock.advance(1000)
    await up.closed(1)
    await turn()
    await clock.advance(59_000)
    expect(await outcome).toMatchObject({ phase: 'head', cause: 'timeout' })
  })

  test('F3: an upstream that takes no connection any more fails at the connect limit', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {})
    const clocks = { ...patient, connectMs: 1000, firstByteMs: 60_000 }
    const outcome = fetchTransport(clock).send(outgoing(up.url, { clocks }))
    await up.arrived(1)
    up.refuse()
    await clock.advance(1000)
    expect(await outcome).toMatchObject({ phase: 'connect', cause: 'timeout', message: 'no connection within 1000 ms' })
    expect(clock.pending).toBe(0)
  })

  test('F4: a TLS handshake that is never answered fails soon after the connect limit', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {}, { onConnect: (socket) => (socket.resume(), false) })
    const clocks = { ...patient, connectMs: 1000, firstByteMs: 60_000 }
    const url = new URL(up.url.href.replace('http:', 'https:'))
    const outcome = fetchTransport(clock).send(outgoing(url, { clocks }))
    await up.opened(1)
    await clock.advance(1000)
    await up.opened(2)
    await clock.advance(1000)
    expect(await outcome).toMatchObject({ phase: 'connect', cause: 'timeout' })
    await up.closed(2)
  })

  test('F4: nor does a large body wait longer for its connection', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {}, { onConnect: (socket) => (socket.resume(), false) })
    const clocks = { ...patient, connectMs: 1000, writeMs: 3000, firstByteMs: 60_000 }
    const url = new URL(up.url.href.replace('http:', 'https:'))
    const outcome = fetchTransport(clock).send(outgoing(url, { clocks, body: [new Uint8Array(3_000_000)] }))
    await up.opened(1)
    await clock.advance(1000)
    await up.opened(2)
    await clock.advance(1000)
    expect(await outcome).toMatchObject({ phase: 'connect', cause: 'timeout' })
    expect(clock.pending).toBe(0)
    await up.closed(2)
  })

  test('a large body that is on its way is not taken for one without a connection', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {})
    const clocks = { ...patient, connectMs: 1000, writeMs: 3000, firstByteMs: 60_000 }
    const outcome = fetchTransport(clock).send(outgoing(up.url, { clocks, body: [new Uint8Array(3_000_000)] }))
    await up.arrived(1)
    await clock.advance(1000)
    up.peers[0]?.end(plainAnswer('ok'))
    const response = responded(await outcome)
    expect(await told(response)).toBe('200 ok')
    expect(up.connections).toBe(1)
    // The clock may have moved before the last byte was taken.
    expect(response.sentMs).toBeOneOf([0, 1000])
  })

  test('an upstream that answered another request meanwhile is not probed', async () => {
    const clock = new FakeClock()
    const up = await origin((peer) => (peer.count === 1 ? undefined : peer.end(plainAnswer('ok'))))
    const transport = fetchTransport(clock)
    const clocks = { ...patient, connectMs: 1000, firstByteMs: 5000 }
    const slow = transport.send(outgoing(up.url, { clocks }))
    await up.arrived(1)
    await clock.advance(10)
    await told(await transport.send(outgoing(up.url)))
    await clock.advance(990)
    expect(up.connections).toBe(2)
    await clock.advance(4000)
    expect(await slow).toMatchObject({ phase: 'head', cause: 'timeout' })
    expect(up.connections).toBe(2)
  })

  test('after a large body the first-byte limit counts from its end', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {})
    const clocks = { ...patient, connectMs: 1000, writeMs: 3000, firstByteMs: 5000 }
    const outcome = fetchTransport(clock).send(outgoing(up.url, { clocks, body: [new Uint8Array(4_000_000)] }))
    await up.arrived(1)
    await turn()
    await clock.advance(5000)
    expect(await outcome).toMatchObject({ phase: 'head', cause: 'timeout' })
  })

  test('no clock goes on once the answer is there', async () => {
    const clock = new FakeClock()
    const up = await origin((peer) => peer.write(chunkedHead() + chunk('data: 1\n\n')))
    const clocks = { ...patient, connectMs: 1000, writeMs: 1000, firstByteMs: 1000 }
    const response = responded(await fetchTransport(clock).send(outgoing(up.url, { clocks })))
    expect(clock.pending).toBe(0)
    response.body.cancel()
  })
})
