import { afterEach, describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { systemClock } from '#ports/clock.ts'
import { fetchTransport } from '#ports/fetch-transport.ts'
import type { IncomingResponse, OutgoingRequest, TransportFailure } from '#ports/transport.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import {
  chunk,
  chunkedHead,
  closedPort,
  plainAnswer,
  rawOrigin,
  type RawOptions,
  type RawOrigin,
  type RawPeer,
} from '../../support/raw-origin.ts'
import { selfSigned } from '../../support/tls.ts'

const noLimits = { connectMs: 0, writeMs: 0, firstByteMs: 0 }

function requestTo(url: URL, overrides: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return {
    method: 'POST',
    url,
    headers: [['content-type', 'application/json']],
    body: new TextEncoder().encode('{"a":1}'),
    clocks: noLimits,
    verifyTls: true,
    abort: new AbortController(),
    ...overrides,
  }
}

const running: RawOrigin[] = []

async function origin(script: (peer: RawPeer) => void, options?: RawOptions): Promise<RawOrigin> {
  const started = await rawOrigin(script, options)
  running.push(started)
  return started
}

afterEach(async () => {
  for (const started of running.splice(0)) await started.stop()
})

function answered(outcome: IncomingResponse | TransportFailure): IncomingResponse {
  if (outcome.kind === 'response') return outcome
  throw new Error(`Cannot go on: ${outcome.message}`)
}

async function textOf(outcome: IncomingResponse | TransportFailure): Promise<string> {
  return await new Response(answered(outcome).body).text()
}

/** Lets the event loop turn until something real has happened; time is not looked at. */
async function turn(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve))
}

describe('a request', () => {
  test('B37: arrives with the headers it was given and none of the platform’s that say something', async () => {
    const up = await origin((peer) => peer.end(plainAnswer('ok')))
    const headers = [
      ['Anthropic-Beta', 'a,b'],
      ['user-agent', ''],
      ['x-latin', 'é'],
    ] as const
    await textOf(await fetchTransport(systemClock).send(requestTo(up.url, { headers })))
    const [request] = up.received
    expect(request?.header('anthropic-beta')).toBe('a,b')
    expect(request?.header('x-latin')).toBe('é')
    expect(request?.headers.map(([name]) => name.toLowerCase()).toSorted()).toEqual([
      'accept',
      'anthropic-beta',
      'connection',
      'content-length',
      'host',
      'user-agent',
      'x-latin',
    ])
  })

  test('N121: with an empty user agent arrives without the name of the platform', async () => {
    const up = await origin((peer) => peer.end(plainAnswer('ok')))
    await fetchTransport(systemClock).send(requestTo(up.url, { headers: [['user-agent', '']] }))
    expect(up.received[0]?.header('user-agent')).toBe('')
  })

  test('B73: arrives at the path it was given, percent-encoding as it came', async () => {
    const up = await origin((peer) => peer.end(plainAnswer('ok')))
    await fetchTransport(systemClock).send(requestTo(new URL('/v1/a%2Fb/%zz/c:d?x=%20&y=a+b', up.url)))
    expect(up.received[0]?.target).toBe('/v1/a%2Fb/%zz/c:d?x=%20&y=a+b')
  })

  test.each([0, 1, 1_048_576, 1_048_577, 3_000_001])(
    'B39: of %i bytes arrives whole, with its length',
    async (size) => {
      const up = await origin((peer) => peer.end(plainAnswer('ok')))
      const body = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)))
      const whole = new Uint8Array(size).map((_, at) => body[at % body.length] ?? 0)
      const headers = [['Content-Length', '5']] as const
      const outcome = await fetchTransport(systemClock).send(
        requestTo(up.url, { body: whole, headers: size > 1_048_576 ? headers : [] }),
      )
      expect(await textOf(outcome)).toBe('ok')
      expect(up.received[0]?.body.equals(Buffer.from(whole))).toBe(true)
      expect(up.received[0]?.header('content-length')).toBe(String(size))
      expect(up.received[0]?.header('transfer-encoding')).toBeUndefined()
    },
  )

  test('does not go through a proxy of the environment', async () => {
    const up = await origin((peer) => peer.end(plainAnswer('ok')))
    const dead = `http://127.0.0.1:${await closedPort()}`
    const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'] as const
    const before = names.map((name) => process.env[name])
    for (const name of names) process.env[name] = dead
    try {
      expect(await textOf(await fetchTransport(systemClock).send(requestTo(up.url)))).toBe('ok')
    } finally {
      for (const [at, name] of names.entries()) {
        const value = before[at]
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
    }
  })

  test('with a header that cannot be sent is nobody else’s fault', async () => {
    const up = await origin((peer) => peer.end(plainAnswer('ok')))
    const outcome = await fetchTransport(systemClock).send(requestTo(up.url, { headers: [['x-name', '阿里']] }))
    expect(outcome).toMatchObject({ kind: 'transport_failure', phase: 'write', cause: 'other' })
    expect(up.received).toEqual([])
  })
})

describe('an answer', () => {
  test.each<[string, string, number, string]>([
    ['after 1xx heads', `HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Go\r\n\r\n${plainAnswer('ok')}`, 200, 'ok'],
    ['with its length told twice alike', plainAnswer('ok', ['Content-Length: 2']), 200, 'ok'],
    ['with a length and chunks', `${chunkedHead('x/y', ['Content-Length: 1'])}${chunk('ok')}${chunk('')}`, 200, 'ok'],
    ['that lasts until the connection ends', 'HTTP/1.1 200 OK\r\n\r\nuntil the end', 200, 'until the end'],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nten', 200, 'ten'],
    ['without a body', 'HTTP/1.1 204 No\r\n\r\n', 204, ''],
    ['with a head of 60 kB', plainAnswer('ok', [`X-Big: ${'a'.repeat(60_000)}`]), 200, 'ok'],
    ['with a status of its own', plainAnswer('ok', [], '529 Overloaded'), 529, 'ok'],
  ])('%s is read', async (_, bytes, status, text) => {
    const up = await origin((peer) => peer.end(bytes))
    const outcome = answered(await fetchTransport(systemClock).send(requestTo(up.url)))
    expect(outcome.status).toBe(status)
    expect(await textOf(outcome)).toBe(text)
  })

  test('N119: keeps its encoding and its bytes', async () => {
    const body = gzipSync('{"a":1}')
    const up = await origin((peer) => {
      peer.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`)
      peer.end(body)
    })
    const outcome = answered(await fetchTransport(systemClock).send(requestTo(up.url)))
    expect(outcome.headers.get('content-encoding')).toBe('gzip')
    expect(Buffer.from(await new Response(outcome.body).bytes()).equals(body)).toBe(true)
  })

  test('N001: a redirect is handed on, and nobody else is asked', async () => {
    const other = await origin((peer) => peer.end(plainAnswer('stolen')))
    const up = await origin((peer) => peer.end(plainAnswer('', [`Location: ${other.url.href}`], '302 Found')))
    const outcome = answered(await fetchTransport(systemClock).send(requestTo(up.url)))
    expect(outcome.status).toBe(302)
    expect(other.connections).toBe(0)
  })

  test('B42: starts before the upstream ends', async () => {
    const up = await origin((peer) => peer.write(chunkedHead() + chunk('data: 1\n\n')))
    const reader = answered(await fetchTransport(systemClock).send(requestTo(up.url))).body.getReader()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('data: 1\n\n')
    up.peers[0]?.end(chunk('data: 2\n\n') + chunk(''))
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('data: 2\n\n')
    expect((await reader.read()).done).toBe(true)
  })
})

describe('an exchange that breaks before its answer', () => {
  const cases: readonly [string, (peer: RawPeer) => void, TransportFailure['cause']][] = [
    ['a close', (peer) => peer.end(), 'reset'],
    ['a reset', (peer) => peer.reset(), 'reset'],
    ['half a head', (peer) => peer.end('HTTP/1.1 200 OK\r\nContent-Le'), 'reset'],
    ['something else than HTTP', (peer) => peer.end('220 mail.test ESMTP at your service\r\n\r\n'), 'malformed'],
    ['status 99', (peer) => peer.end(plainAnswer('ok', [], '99 Low')), 'malformed'],
    ['status 099', (peer) => peer.end(plainAnswer('ok', [], '099 Low')), 'malformed'],
    ['status 600', (peer) => peer.end(plainAnswer('ok', [], '600 High')), 'malformed'],
    ['status 999', (peer) => peer.end(plainAnswer('ok', [], '999 High')), 'malformed'],
    ['status 99999', (peer) => peer.end(plainAnswer('ok', [], '99999 High')), 'malformed'],
    ['an upgrade', (peer) => peer.end('HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'), 'malformed'],
    ['two lengths', (peer) => peer.end(plainAnswer('ok', ['Content-Length: 3'])), 'malformed'],
    ['a negative length', (peer) => peer.end('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok'), 'malformed'],
    ['a folded header', (peer) => peer.end(plainAnswer('ok', ['X-A: b\r\n c'])), 'malformed'],
    ['a NUL in a header', (peer) => peer.end(plainAnswer('ok', ['X-A: b\0c'])), 'malformed'],
    [
      'too many headers',
      (peer) =>
        peer.end(
          plainAnswer(
            'ok',
            Array.from({ length: 300 }, (_, n) => `X-${n}: y`),
          ),
        ),
      'malformed',
    ],
    ['a head of 2 MB', (peer) => peer.end(plainAnswer('ok', [`X-Big: ${'a'.repeat(2_000_000)}`])), 'malformed'],
  ]
  test.each(cases)('by %s is told', async (_, script, cause) => {
    const up = await origin(script)
    const outcome = await fetchTransport(systemClock).send(requestTo(up.url))
    expect(outcome).toMatchObject({ kind: 'transport_failure', phase: 'head', cause })
    if (outcome.kind === 'transport_failure') expect(outcome.message).not.toContain('127.0.0.1')
    expect(up.received.length).toBe(1)
  })

  test('F1: by a refused connection is told', async () => {
    const outcome = await fetchTransport(systemClock).send(requestTo(new URL(`http://127.0.0.1:${await closedPort()}`)))
    expect(outcome).toMatchObject({ phase: 'connect', cause: 'refused' })
  })

  test('F6: by a server that speaks no TLS is told', async () => {
    const up = await origin(() => {}, { onConnect: (socket) => (socket.end('HTTP/1.1 400 Bad\r\n\r\n'), false) })
    const outcome = await fetchTransport(systemClock).send(requestTo(new URL(up.url.href.replace('http:', 'https:'))))
    expect(outcome).toMatchObject({ phase: 'tls', cause: 'tls' })
  })
})

test('F5: a certificate that nobody signed is refused, unless the operator switched that off', async () => {
  using server = Bun.serve({ port: 0, hostname: '127.0.0.1', tls: selfSigned, fetch: () => new Response('ok') })
  const url = new URL(`https://127.0.0.1:${server.port}/`)
  const transport = fetchTransport(systemClock)
  expect(await transport.send(requestTo(url))).toMatchObject({ phase: 'tls', cause: 'tls' })
  expect(await textOf(await transport.send(requestTo(url, { verifyTls: false })))).toBe('ok')
  expect(await transport.send(requestTo(url))).toMatchObject({ phase: 'tls', cause: 'tls' })
})

test('F5: no variable of the environment switches the check of certificates off', async () => {
  using server = Bun.serve({ port: 0, hostname: '127.0.0.1', tls: selfSigned, fetch: () => new Response('ok') })
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  try {
    const outcome = await fetchTransport(systemClock).send(requestTo(new URL(`https://127.0.0.1:${server.port}/`)))
    expect(outcome).toMatchObject({ phase: 'tls', cause: 'tls' })
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  }
})

describe('N108: an answer that breaks in its body', () => {
  const cases: readonly [string, (peer: RawPeer) => void, TransportFailure['cause']][] = [
    ['short of its length', (peer) => peer.end('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok'), 'reset'],
    ['without its last chunk', (peer) => peer.end(chunkedHead() + chunk('ok')), 'reset'],
    ['with a bad chunk', (peer) => peer.end(`${chunkedHead()}${chunk('ok')}zz\r\nok\r\n`), 'malformed'],
    ['with an endless chunk', (peer) => peer.end(`${chunkedHead()}${'F'.repeat(20)}\r\nok`), 'malformed'],
  ]
  test.each(cases)('%s does not look complete', async (_, script, cause) => {
    const up = await origin(script)
    const response = answered(await fetchTransport(systemClock).send(requestTo(up.url)))
    const broken = await new Response(response.body).text().then(
      () => undefined,
      (error: unknown) => response.explain?.(error),
    )
    expect(broken).toMatchObject({ kind: 'transport_failure', phase: 'body', cause })
  })
})

describe('B43: giving up', () => {
  test('before it began sends nothing', async () => {
    const up = await origin(() => {})
    const abort = new AbortController()
    abort.abort()
    const outcome = await fetchTransport(systemClock).send(requestTo(up.url, { abort }))
    expect(outcome).toMatchObject({ kind: 'transport_failure', cause: 'aborted' })
    expect(up.connections).toBe(0)
  })

  test('N107: while the upstream thinks closes the connection', async () => {
    const up = await origin(() => {})
    const controller = new AbortController()
    const outcome = fetchTransport(systemClock).send(requestTo(up.url, { abort: controller }))
    await up.arrived(1)
    controller.abort()
    expect(await outcome).toMatchObject({ phase: 'head', cause: 'aborted' })
    await up.closed(1)
  })

  test('N107: in the middle of a stream closes the connection and fails the read', async () => {
    const up = await origin((peer) => peer.write(chunkedHead() + chunk('data: 1\n\n')))
    const controller = new AbortController()
    const response = answered(await fetchTransport(systemClock).send(requestTo(up.url, { abort: controller })))
    const reader = response.body.getReader()
    await reader.read()
    const broken = reader.read().then(
      () => undefined,
      (error: unknown) => response.explain?.(error),
    )
    controller.abort()
    expect(await broken).toMatchObject({ phase: 'body', cause: 'aborted' })
    await up.closed(1)
  })

  test('by cancelling the body closes the connection', async () => {
    const up = await origin((peer) => peer.write(chunkedHead() + chunk('data: 1\n\n')))
    const response = answered(await fetchTransport(systemClock).send(requestTo(up.url)))
    await response.body.cancel()
    await up.closed(1)
  })

  test('at the moment when the head arrives closes the connection', async () => {
    const controller = new AbortController()
    const up = await origin((peer) => {
      peer.write(chunkedHead() + chunk('data: 1\n\n'))
      controller.abort()
    })
    const outcome = await fetchTransport(systemClock).send(requestTo(up.url, { abort: controller }))
    expect(outcome).toMatchObject({ cause: 'aborted' })
    await up.closed(1)
  })

  test('while a large body is sent closes the connection', async () => {
    const up = await origin(() => {}, { onConnect: (socket) => (socket.pause(), false) })
    const controller = new AbortController()
    const body = new Uint8Array(32_000_000)
    const outcome = fetchTransport(systemClock).send(requestTo(up.url, { body, abort: controller }))
    await up.opened(1)
    controller.abort()
    expect(await outcome).toMatchObject({ cause: 'aborted' })
  })
})

describe('connections', () => {
  test('are used again', async () => {
    const up = await origin((peer) => peer.write(plainAnswer('ok')))
    const transport = fetchTransport(systemClock)
    for (let count = 0; count < 3; count += 1) expect(await textOf(await transport.send(requestTo(up.url)))).toBe('ok')
    expect(up.connections).toBe(1)
  })

  test('F8: a request that an idle connection took down with it is sent once more', async () => {
    const up = await origin((peer) => (peer.count === 2 ? peer.reset() : peer.write(plainAnswer('ok'))))
    const transport = fetchTransport(systemClock)
    await textOf(await transport.send(requestTo(up.url)))
    expect(await textOf(await transport.send(requestTo(up.url)))).toBe('ok')
    expect(up.received.length).toBe(3)
    expect(up.connections).toBe(2)
  })

  test('F8: and not a third time', async () => {
    const up = await origin((peer) => (peer.count > 1 ? peer.reset() : peer.write(plainAnswer('ok'))))
    const transport = fetchTransport(systemClock)
    await textOf(await transport.send(requestTo(up.url)))
    expect(await transport.send(requestTo(up.url))).toMatchObject({ phase: 'head', cause: 'reset' })
    expect(up.received.length).toBe(3)
  })

  test('F7: a request that a fresh connection lost is not sent again', async () => {
    const up = await origin((peer) => peer.reset())
    expect(await fetchTransport(systemClock).send(requestTo(up.url))).toMatchObject({ cause: 'reset' })
    expect(up.received.length).toBe(1)
  })

  test('F8: an upstream that thought before it closed is not asked again', async () => {
    const clock = new FakeClock()
    const up = await origin((peer) => (peer.count === 1 ? peer.write(plainAnswer('ok')) : undefined))
    const transport = fetchTransport(clock)
    await textOf(await transport.send(requestTo(up.url)))
    const outcome = transport.send(requestTo(up.url))
    await up.arrived(2)
    await clock.advance(1000)
    up.peers[1]?.reset()
    expect(await outcome).toMatchObject({ cause: 'reset' })
    expect(up.received.length).toBe(2)
  })
})

describe('B111: clocks', () => {
  test('F10: no head within the first-byte limit ends the exchange', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {})
    const outcome = fetchTransport(clock).send(requestTo(up.url, { clocks: { ...noLimits, firstByteMs: 5000 } }))
    await up.arrived(1)
    await clock.advance(5000)
    expect(await outcome).toMatchObject({ phase: 'head', cause: 'timeout', message: 'no answer within 5000 ms' })
    await up.closed(1)
  })

  test('an upstream that is slow but takes connections is waited for beyond the connect limit', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {})
    const clocks = { connectMs: 1000, writeMs: 0, firstByteMs: 60_000 }
    const outcome = fetchTransport(clock).send(requestTo(up.url, { clocks }))
    await up.arrived(1)
    await clock.advance(1000)
    await up.opened(2)
    await up.closed(1)
    up.peers[0]?.end(plainAnswer('late'))
    expect(await textOf(await outcome)).toBe('late')
    expect(clock.pending).toBe(0)
  })

  test('the first-byte limit still ends it then', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {})
    const clocks = { connectMs: 1000, writeMs: 0, firstByteMs: 60_000 }
    const outcome = fetchTransport(clock).send(requestTo(up.url, { clocks }))
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
    const clocks = { connectMs: 1000, writeMs: 0, firstByteMs: 60_000 }
    const outcome = fetchTransport(clock).send(requestTo(up.url, { clocks }))
    await up.arrived(1)
    up.refuse()
    await clock.advance(1000)
    expect(await outcome).toMatchObject({ phase: 'connect', cause: 'timeout', message: 'no connection within 1000 ms' })
    expect(clock.pending).toBe(0)
  })

  test('F4: a TLS handshake that is never answered fails soon after the connect limit', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {}, { onConnect: (socket) => (socket.resume(), false) })
    const clocks = { connectMs: 1000, writeMs: 0, firstByteMs: 60_000 }
    const url = new URL(up.url.href.replace('http:', 'https:'))
    const outcome = fetchTransport(clock).send(requestTo(url, { clocks }))
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
    const clocks = { connectMs: 1000, writeMs: 3000, firstByteMs: 60_000 }
    const url = new URL(up.url.href.replace('http:', 'https:'))
    const outcome = fetchTransport(clock).send(requestTo(url, { clocks, body: new Uint8Array(3_000_000) }))
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
    const clocks = { connectMs: 1000, writeMs: 3000, firstByteMs: 60_000 }
    const outcome = fetchTransport(clock).send(requestTo(up.url, { clocks, body: new Uint8Array(3_000_000) }))
    await up.arrived(1)
    await clock.advance(1000)
    up.peers[0]?.end(plainAnswer('ok'))
    const response = answered(await outcome)
    expect(await textOf(response)).toBe('ok')
    expect(up.connections).toBe(1)
    expect(response.sentMs).toBe(0)
  })

  test('an upstream that answered another request meanwhile is not probed', async () => {
    const clock = new FakeClock()
    const up = await origin((peer) => (peer.count === 1 ? undefined : peer.end(plainAnswer('ok'))))
    const transport = fetchTransport(clock)
    const clocks = { connectMs: 1000, writeMs: 0, firstByteMs: 5000 }
    const slow = transport.send(requestTo(up.url, { clocks }))
    await up.arrived(1)
    await clock.advance(10)
    await textOf(await transport.send(requestTo(up.url)))
    await clock.advance(990)
    expect(up.connections).toBe(2)
    await clock.advance(4000)
    expect(await slow).toMatchObject({ phase: 'head', cause: 'timeout' })
    expect(up.connections).toBe(2)
  })

  test('a body that cannot be sent on fails at the write limit', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {}, { onConnect: (socket) => (socket.pause(), false) })
    const clocks = { connectMs: 1000, writeMs: 3000, firstByteMs: 60_000 }
    const told: (IncomingResponse | TransportFailure)[] = []
    const request = requestTo(up.url, { clocks, body: new Uint8Array(64_000_000) })
    const sending = fetchTransport(clock)
      .send(request)
      .then((outcome) => told.push(outcome))
    await up.opened(1)
    // How much the kernel takes is its own affair; at some point it takes no more.
    while (told.length === 0) {
      await clock.advance(1000)
      await turn()
    }
    await sending
    expect(told[0]).toMatchObject({ phase: 'write', cause: 'timeout' })
  })

  test('after a large body the first-byte limit counts from its end', async () => {
    const clock = new FakeClock()
    const up = await origin(() => {})
    const clocks = { connectMs: 1000, writeMs: 3000, firstByteMs: 5000 }
    const outcome = fetchTransport(clock).send(requestTo(up.url, { clocks, body: new Uint8Array(4_000_000) }))
    await up.arrived(1)
    await turn()
    await clock.advance(5000)
    expect(await outcome).toMatchObject({ phase: 'head', cause: 'timeout' })
  })

  test('no clock goes on once the answer is there', async () => {
    const clock = new FakeClock()
    const up = await origin((peer) => peer.write(chunkedHead() + chunk('data: 1\n\n')))
    const clocks = { connectMs: 1000, writeMs: 1000, firstByteMs: 1000 }
    const response = answered(await fetchTransport(clock).send(requestTo(up.url, { clocks })))
    expect(clock.pending).toBe(0)
    await response.body.cancel()
  })
})
