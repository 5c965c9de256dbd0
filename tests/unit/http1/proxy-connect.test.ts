import { expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import { Stop } from '#kit/stop.ts'
import type { Link } from '#ports/transport.ts'
import { authority, forAddress, forElsewhere, forLocalhost } from '../../support/certificates.ts'
import { connected, dialTo, failed, linkOf, ScriptedResolver, tcpOrigin, tlsOrigin } from '../../support/dialing.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { closedPort } from '../../support/raw-origin.ts'

/** Behind a proxy, names are the proxy's to look up. */
const nobodyIsAsked = { resolver: new ScriptedResolver({}) }

interface ProxyLinkOptions {
  readonly scheme?: 'http' | 'https'
  readonly authorization?: string
}

function through(port: number, { scheme = 'http', authorization }: ProxyLinkOptions = {}): Link {
  return linkOf({ tls: { ca: authority }, proxy: { url: new URL(`${scheme}://127.0.0.1:${port}`), authorization } })
}

/** Reads the head of a request, writes `answer`, and hands everything on to `port` from then on. */
function tunnelTo(port: number, heads: string[], answer = 'HTTP/1.1 200 Connection established\r\n\r\n') {
  return (socket: Socket): void => {
    socket.once('data', (bytes) => {
      heads.push(bytes.toString('latin1'))
      const inner = connect({ host: '127.0.0.1', port })
      inner.on('error', () => {})
      inner.on('close', () => socket.destroy())
      socket.on('close', () => inner.destroy())
      socket.write(answer)
      socket.pipe(inner)
      inner.pipe(socket)
    })
  }
}

test('https goes through a tunnel, verified against the upstream behind it', async () => {
  const heads: string[] = []
  await using origin = await tlsOrigin({ ...forLocalhost, ALPNProtocols: ['http/1.1'] })
  await using proxy = await tcpOrigin(tunnelTo(origin.port, heads))
  const link = through(proxy.port, { authorization: 'Basic dTpw' })
  const socket = connected(await dialTo(`https://localhost:${origin.port}`, { link, ...nobodyIsAsked }))
  socket.write(Buffer.from('hello'))
  await socket.data.hears('hello')
  expect(heads).toEqual([
    `CONNECT localhost:${origin.port} HTTP/1.1\r\nHost: localhost:${origin.port}\r\nProxy-Authorization: Basic dTpw\r\n\r\n`,
  ])
  expect(origin.secured[0]).toMatchObject({ name: 'localhost', alpn: 'http/1.1' })
  expect(origin.heard).toBe('hello')
  socket.close()
  await proxy.closed(1)
  await origin.closed(1)
})

test.each([
  { name: 'the default port', url: 'https://localhost', target: 'localhost:443' },
  { name: 'an address of IPv6', url: 'https://[::1]:8443', target: '[::1]:8443' },
])('CONNECT names $name', async ({ url, target }) => {
  const heads: string[] = []
  await using proxy = await tcpOrigin((socket) => {
    socket.once('data', (bytes) => {
      heads.push(bytes.toString('latin1'))
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
  })
  failed(await dialTo(url, { link: through(proxy.port), ...nobodyIsAsked }))
  expect(heads).toEqual([`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`])
})

test('http goes to the proxy as it is, without a tunnel', async () => {
  const heads: string[] = []
  await using proxy = await tcpOrigin((socket) => {
    socket.once('data', (bytes) => {
      heads.push(bytes.toString('latin1'))
      socket.end('answer')
    })
  })
  const socket = connected(await dialTo('http://localhost', { link: through(proxy.port), ...nobodyIsAsked }))
  socket.write(Buffer.from('GET http://localhost/ HTTP/1.1\r\n\r\n'))
  await socket.data.closes()
  expect(heads).toEqual(['GET http://localhost/ HTTP/1.1\r\n\r\n'])
})

test('an address behind a proxy is verified as that address, not as the proxy’s', async () => {
  await using good = await tlsOrigin(forAddress)
  await using bad = await tlsOrigin(forElsewhere)
  await using toGood = await tcpOrigin(tunnelTo(good.port, []), { host: '::1' })
  await using toBad = await tcpOrigin(tunnelTo(bad.port, []), { host: '::1' })
  const linkTo = (port: number): Link =>
    linkOf({ tls: { ca: authority }, proxy: { url: new URL(`http://[::1]:${port}`), authorization: undefined } })
  connected(await dialTo('https://127.0.0.1', { link: linkTo(toGood.port) })).terminate()
  // The certificate of the origin holds ::1 and 127.0.0.1, and no other address.
  expect(failed(await dialTo('https://127.0.0.2', { link: linkTo(toGood.port) })).message).toEndWith('ALTNAME_INVALID')
  expect(failed(await dialTo('https://127.0.0.1', { link: linkTo(toBad.port) })).message).toEndWith('ALTNAME_INVALID')
})

test('a wrong certificate behind a proxy is refused before a byte is sent', async () => {
  await using origin = await tlsOrigin(forElsewhere)
  await using proxy = await tcpOrigin(tunnelTo(origin.port, []))
  expect(failed(await dialTo('https://localhost', { link: through(proxy.port), ...nobodyIsAsked }))).toMatchObject({
    phase: 'tls',
    cause: 'tls',
    message: 'the TLS connection to the upstream failed with ERR_TLS_CERT_ALTNAME_INVALID',
  })
  await proxy.closed(1)
  expect(origin.heard).toBe('')
})

const refusals: { name: string; answer: string; cause: string; says: string }[] = [
  {
    name: 'status 407',
    answer: 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n',
    cause: 'refused',
    says: 'the proxy refused the connection with status 407: it wants credentials, or other ones',
  },
  {
    name: 'status 403 with a body',
    answer: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
    cause: 'refused',
    says: 'the proxy refused the connection with status 403',
  },
  {
    name: 'a redirect',
    answer: 'HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\n\r\n',
    cause: 'refused',
    says: 'the proxy refused the connection with status 302',
  },
  {
    name: 'garbage',
    answer: 'SSH-2.0-OpenSSH_9.9\r\n\r\n',
    cause: 'malformed',
    says: 'the answer of the proxy cannot be used: ',
  },
  {
    name: 'a bare line feed',
    answer: 'HTTP/1.1 200 OK\n\n',
    cause: 'malformed',
    says: 'the answer of the proxy cannot be used: ',
  },
  {
    name: 'a head without end',
    answer: `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}`,
    cause: 'malformed',
    says: 'the answer of the proxy cannot be used: it is larger than 16384 bytes',
  },
  {
    name: 'bytes behind its head',
    answer: 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    cause: 'malformed',
    says: 'the answer of the proxy cannot be used: bytes follow it before the tunnel was used',
  },
]

test.each(refusals)('a proxy that answers with $name has made no tunnel', async ({ answer, cause, says }) => {
  await using proxy = await tcpOrigin((socket) => void socket.once('data', () => socket.write(answer)))
  const failure = failed(await dialTo('https://localhost', { link: through(proxy.port), ...nobodyIsAsked }))
  expect(failure).toMatchObject({ phase: 'connect', cause, trace: { bytesSent: 0 } })
  expect(failure.message).toStartWith(says)
  await proxy.closed(1)
})

test.each(['end', 'resetAndDestroy'] as const)(
  'a proxy that closes by %s instead of an answer is a reset',
  async (how) => {
    await using proxy = await tcpOrigin((socket) => void socket.once('data', () => socket[how]()))
    expect(failed(await dialTo('https://localhost', { link: through(proxy.port), ...nobodyIsAsked }))).toMatchObject({
      phase: 'connect',
      cause: 'reset',
      message: 'the proxy closed the connection instead of making a tunnel',
    })
  },
)

test('the answer of a proxy may come in any pieces', async () => {
  const answer = 'HTTP/1.0 200 OK\r\nVia: 1.0 proxy\r\n\r\n'
  for (const cut of [1, 12, answer.length - 1]) {
    await using origin = await tlsOrigin(forLocalhost)
    await using proxy = await tcpOrigin((socket) => {
      socket.setNoDelay(true)
      socket.once('data', () => {
        socket.write(answer.slice(0, cut), () => setImmediate(() => tunnel.emit('ready')))
      })
      const tunnel = socket
      socket.once('ready', () => {
        const inner = connect({ host: '127.0.0.1', port: origin.port })
        inner.on('error', () => {})
        inner.pipe(socket)
        socket.pipe(inner)
        socket.write(answer.slice(cut))
      })
    })
    connected(await dialTo('https://localhost', { link: through(proxy.port), ...nobodyIsAsked })).terminate()
    await proxy.closed(1)
  }
})

test('a silent proxy is given up by what is left of the connect clock', async () => {
  const asked = Promise.withResolvers<void>()
  await using proxy = await tcpOrigin((socket) => void socket.once('data', () => asked.resolve()))
  const clock = new FakeClock()
  const clocks = { connectMs: 3000, tlsMs: 1 }
  const outcome = dialTo('https://localhost', { link: through(proxy.port), clock, clocks, ...nobodyIsAsked })
  await asked.promise
  await clock.advance(2999)
  expect(Bun.peek.status(outcome)).toBe('pending')
  await clock.advance(1)
  expect(failed(await outcome)).toMatchObject({
    phase: 'connect',
    cause: 'timeout',
    message: 'no connection within 3000 ms',
  })
  await proxy.closed(1)
  expect(clock.pending).toBe(0)
})

test('a stop while the proxy is asked closes the connection to it', async () => {
  const stop = new Stop()
  await using proxy = await tcpOrigin((socket) => void socket.once('data', () => stop.ask()))
  expect(
    failed(await dialTo('https://localhost', { link: through(proxy.port), stop, ...nobodyIsAsked })),
  ).toMatchObject({
    phase: 'connect',
    cause: 'aborted',
  })
  await proxy.closed(1)
})

test('a proxy that cannot be reached is a refused connection', async () => {
  const link = through(await closedPort())
  expect(failed(await dialTo('https://localhost', { link, ...nobodyIsAsked }))).toMatchObject({
    phase: 'connect',
    cause: 'refused',
  })
})

test('credentials that would break the head are not sent', async () => {
  await using proxy = await tcpOrigin(() => {})
  const link = through(proxy.port, { authorization: 'Basic x\r\nX-Evil: 1' })
  const failure = failed(await dialTo('https://localhost', { link, ...nobodyIsAsked }))
  expect(failure).toMatchObject({ phase: 'connect', cause: 'other' })
  expect(failure.message).not.toContain('Evil')
  await proxy.closed(1)
})

test('variables of the environment name no proxy (H18)', async () => {
  const before = { ...process.env }
  process.env['HTTPS_PROXY'] =
    process.env['https_proxy'] =
    process.env['ALL_PROXY'] =
      `http://127.0.0.1:${await closedPort()}`
  try {
    await using origin = await tlsOrigin(forLocalhost)
    const link = linkOf({ tls: { ca: authority } })
    connected(await dialTo(`https://localhost:${origin.port}`, { link })).terminate()
  } finally {
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
})

/** A proxy that is itself reached by TLS. */
async function secureProxy(serve: (socket: Socket) => void, shown = forAddress) {
  const server = createServer(shown, (socket) => {
    socket.on('error', () => {})
    serve(socket)
  })
  server.on('tlsClientError', () => {})
  const plain = await tcpOrigin((socket) => void server.emit('connection', socket))
  return plain
}

test('a proxy over TLS carries http', async () => {
  await using proxy = await secureProxy(
    (socket) => void socket.once('data', (bytes) => socket.end(`got ${bytes.toString()}`)),
  )
  const link = through(proxy.port, { scheme: 'https' })
  const socket = connected(await dialTo('http://localhost', { link, ...nobodyIsAsked }))
  socket.write(Buffer.from('hello'))
  await socket.data.hears('got hello')
})

test('a proxy over TLS is verified, though verification is off for the backend', async () => {
  await using proxy = await secureProxy(() => {}, forElsewhere)
  const url = new URL(`https://127.0.0.1:${proxy.port}`)
  const link = linkOf({ tls: { verify: false }, proxy: { url, authorization: undefined } })
  expect(failed(await dialTo('https://localhost', { link, ...nobodyIsAsked }))).toMatchObject({
    phase: 'tls',
    message: 'the TLS connection to the proxy failed with UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  })
})

test('a proxy over TLS carries https: TLS inside of TLS, through pauses and full buffers, to a close', async () => {
  await using origin = await tlsOrigin(forLocalhost)
  const heads: string[] = []
  await using proxy = await secureProxy(tunnelTo(origin.port, heads))
  const link = through(proxy.port, { scheme: 'https' })
  const socket = connected(await dialTo(`https://localhost:${origin.port}`, { link, ...nobodyIsAsked }))
  const { data: listener } = socket
  const bytes = Buffer.alloc(4 * 1024 * 1024, 'abcdefghij')
  let received = 0
  listener.onData = (piece) => {
    received += piece.byteLength
    socket.pause()
    queueMicrotask(() => socket.resume())
  }
  for (let sent = 0; sent < bytes.byteLength;) {
    const seen = listener.drains
    const took = socket.write(bytes, sent, Math.min(65_536, bytes.byteLength - sent))
    expect(took).toBeGreaterThanOrEqual(0)
    sent += took
    if (took === 0) await eventually(() => listener.drains > seen)
  }
  await eventually(
    () => received === bytes.byteLength,
    () => `${received} came back`,
  )
  expect(heads[0]).toStartWith(`CONNECT localhost:${origin.port} HTTP/1.1\r\n`)
  socket.close()
  expect(listener.told).toEqual(['close'])
  expect(socket.write(Buffer.from('late'))).toBe(-1)
  await proxy.closed(1)
  await origin.closed(1)
})

test('TLS inside of TLS is verified as well', async () => {
  await using origin = await tlsOrigin(forElsewhere)
  await using proxy = await secureProxy(tunnelTo(origin.port, []))
  const link = through(proxy.port, { scheme: 'https' })
  expect(failed(await dialTo('https://localhost', { link, ...nobodyIsAsked }))).toMatchObject({
    phase: 'tls',
    cause: 'tls',
    message: 'the TLS connection to the upstream failed with ERR_TLS_CERT_ALTNAME_INVALID',
  })
  await proxy.closed(1)
  expect(origin.heard).toBe('')
})

test('TLS inside of TLS tells of the end of the other side', async () => {
  await using origin = await tlsOrigin(forLocalhost, (socket) => void socket.end('last words'))
  await using proxy = await secureProxy(tunnelTo(origin.port, []))
  const link = through(proxy.port, { scheme: 'https' })
  const { data: listener } = connected(await dialTo('https://localhost', { link, ...nobodyIsAsked }))
  await listener.closes()
  expect(listener.told).toEqual(['data last words', 'end', 'close'])
})

test('a stop inside of both handshakes leaves no connection', async () => {
  const stop = new Stop()
  await using origin = await tcpOrigin((socket) => void socket.once('data', () => stop.ask()))
  await using proxy = await secureProxy(tunnelTo(origin.port, []))
  const link = through(proxy.port, { scheme: 'https' })
  expect(failed(await dialTo('https://localhost', { link, stop, ...nobodyIsAsked }))).toMatchObject({
    phase: 'tls',
    cause: 'aborted',
  })
  await proxy.closed(1)
  await origin.closed(1)
})
