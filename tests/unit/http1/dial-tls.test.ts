import { expect, test } from 'bun:test'
import { Stop } from '#kit/stop.ts'
import type { TlsOptions } from '#ports/transport.ts'
import {
  authority,
  forClient,
  expired,
  forAddress,
  forElsewhere,
  forLocalhost,
  type KeyPair,
} from '../../support/certificates.ts'
import { connected, dialTo, failed, linkOf, ScriptedResolver, tcpOrigin, tlsOrigin } from '../../support/dialing.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { selfSigned } from '../../support/tls.ts'

const trusting = { ca: authority }

test.each<{ name: string; shown: KeyPair; host: string; tls: Partial<TlsOptions> }>([
  { name: 'a certificate of the given authority', shown: forLocalhost, host: 'localhost', tls: trusting },
  { name: 'a certificate for the address', shown: forAddress, host: '127.0.0.1', tls: trusting },
  {
    name: 'a certificate for the server name that is set',
    shown: forElsewhere,
    host: 'localhost',
    tls: { ...trusting, serverName: 'elsewhere.test' },
  },
  {
    name: 'a certificate for the server name that is set, at an address',
    shown: forElsewhere,
    host: '127.0.0.1',
    tls: { ...trusting, serverName: 'elsewhere.test' },
  },
  {
    name: 'a self-signed certificate that is its own authority',
    shown: selfSigned,
    host: 'localhost',
    tls: { ca: selfSigned.cert },
  },
  {
    name: 'a self-signed certificate where verification is off',
    shown: selfSigned,
    host: 'localhost',
    tls: { verify: false },
  },
  { name: 'an expired one where verification is off', shown: expired, host: 'localhost', tls: { verify: false } },
  {
    name: 'one for another name where verification is off',
    shown: forElsewhere,
    host: 'localhost',
    tls: { verify: false },
  },
])('dial() takes $name', async ({ shown, host, tls }) => {
  await using origin = await tlsOrigin(shown)
  const socket = connected(await dialTo(`https://${host}:${origin.port}`, { link: linkOf({ tls }) }))
  expect(socket.write(Buffer.from('hello'))).toBe(5)
  await socket.data.hears('hello')
  socket.close()
  expect(socket.data.told.at(-1)).toBe('close')
  await origin.closed(1)
})

test.each<{ name: string; shown: KeyPair; host: string; tls: Partial<TlsOptions>; code: string }>([
  { name: 'self-signed', shown: selfSigned, host: 'localhost', tls: {}, code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  {
    name: 'of an unknown authority',
    shown: forLocalhost,
    host: 'localhost',
    tls: {},
    code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  },
  {
    name: 'of another authority than the given one',
    shown: forLocalhost,
    host: 'localhost',
    tls: { ca: selfSigned.cert },
    code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  },
  { name: 'expired', shown: expired, host: 'localhost', tls: trusting, code: 'CERT_HAS_EXPIRED' },
  {
    name: 'for another name',
    shown: forElsewhere,
    host: 'localhost',
    tls: trusting,
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  },
  {
    name: 'for a name where an address is asked for',
    shown: forLocalhost,
    host: '127.0.0.1',
    tls: trusting,
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  },
  {
    name: 'for another name than the server name that is set',
    shown: forLocalhost,
    host: 'localhost',
    tls: { ...trusting, serverName: 'elsewhere.test' },
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  },
  {
    name: 'for an address where a name is asked for',
    shown: forAddress,
    host: 'localhost',
    tls: trusting,
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  },
])('F5: a certificate that is $name is refused before a byte is sent', async ({ shown, host, tls, code }) => {
  await using origin = await tlsOrigin(shown)
  expect(failed(await dialTo(`https://${host}:${origin.port}`, { link: linkOf({ tls }) }))).toEqual({
    kind: 'transport_failure',
    phase: 'tls',
    cause: 'tls',
    message: `the TLS connection to the upstream failed with ${code}`,
    trace: { bytesSent: 0, bytesReceived: 0, wasReused: false, afterMs: 0 },
  })
  await origin.closed(1)
  expect(origin.heard).toBe('')
})

test.each([
  {
    name: 'a name is told to the server',
    shown: forLocalhost,
    host: 'localhost',
    serverName: undefined,
    sees: 'localhost',
  },
  {
    name: 'so is one that is set',
    shown: forElsewhere,
    host: 'localhost',
    serverName: 'elsewhere.test',
    sees: 'elsewhere.test',
  },
  {
    name: 'an address is not (RFC 6066)',
    shown: forAddress,
    host: '127.0.0.1',
    serverName: undefined,
    sees: false as const,
  },
])('$name, and HTTP/1.1 as the only protocol', async ({ shown, host, serverName, sees }) => {
  await using origin = await tlsOrigin({ ...shown, ALPNProtocols: ['h2', 'http/1.1'] })
  const socket = connected(
    await dialTo(`https://${host}:${origin.port}`, { link: linkOf({ tls: { ...trusting, serverName } }) }),
  )
  await eventually(() => origin.secured.length === 1)
  expect(origin.secured[0]).toMatchObject({ name: sees, alpn: 'http/1.1' })
  socket.terminate()
})

test('a client certificate is shown to a server that asks for one', async () => {
  await using origin = await tlsOrigin({ ...forLocalhost, ca: authority, requestCert: true })
  const socket = connected(
    await dialTo(`https://localhost:${origin.port}`, { link: linkOf({ tls: { ...trusting, ...forClient } }) }),
  )
  await eventually(() => origin.secured.length === 1)
  expect(origin.secured[0]?.hasCertificate).toBe(true)
  socket.terminate()
})

test('a server that misses a client certificate closes the connection, with an error that says so', async () => {
  await using origin = await tlsOrigin({ ...forLocalhost, ca: authority, requestCert: true })
  // With TLS 1.3 the server tells only after the handshake, so the connection stands for a moment.
  const socket = connected(await dialTo(`https://localhost:${origin.port}`, { link: linkOf({ tls: trusting }) }))
  await socket.data.closes()
  expect(socket.data.told).toEqual(['close EPROTO'])
  expect(origin.secured).toEqual([])
})

test('with TLS 1.2, it fails in the handshake already', async () => {
  await using origin = await tlsOrigin({ ...forLocalhost, ca: authority, requestCert: true, maxVersion: 'TLSv1.2' })
  expect(failed(await dialTo(`https://localhost:${origin.port}`, { link: linkOf({ tls: trusting }) }))).toMatchObject({
    phase: 'tls',
  })
})

test.each<{
  name: string
  minVersion: TlsOptions['minVersion']
  server: { maxVersion?: 'TLSv1.1' | 'TLSv1.2'; minVersion?: 'TLSv1' }
  speaks: string | undefined
}>([
  { name: 'the newest version is spoken', minVersion: '1.2', server: {}, speaks: 'TLSv1.3' },
  {
    name: 'TLS 1.2 is spoken where it is the newest',
    minVersion: '1.2',
    server: { maxVersion: 'TLSv1.2' },
    speaks: 'TLSv1.2',
  },
  { name: 'TLS 1.3 is spoken where it is the least', minVersion: '1.3', server: {}, speaks: 'TLSv1.3' },
  {
    name: 'TLS 1.2 is refused where 1.3 is the least',
    minVersion: '1.3',
    server: { maxVersion: 'TLSv1.2' },
    speaks: undefined,
  },
  {
    name: 'TLS 1.1 is always refused',
    minVersion: '1.2',
    server: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
    speaks: undefined,
  },
])('$name', async ({ minVersion, server, speaks }) => {
  await using origin = await tlsOrigin({ ...forLocalhost, ...server })
  const outcome = await dialTo(`https://localhost:${origin.port}`, {
    link: linkOf({ tls: { ...trusting, minVersion } }),
  })
  if (speaks === undefined) {
    expect(failed(outcome)).toMatchObject({ phase: 'tls', cause: 'tls' })
    expect(failed(outcome).message).toEndWith('it speaks no TLS version that is allowed here')
  } else {
    connected(outcome)
    await eventually(() => origin.secured.length === 1)
    expect(origin.secured[0]?.version).toBe(speaks)
    connected(outcome).terminate()
  }
})

test('F4: an upstream that is silent after the connect is given up by the TLS clock', async () => {
  const hello = Promise.withResolvers<void>()
  await using origin = await tcpOrigin((socket) => void socket.once('data', () => hello.resolve()))
  const clock = new FakeClock()
  const outcome = dialTo(`https://127.0.0.1:${origin.port}`, { clock, clocks: { connectMs: 1, tlsMs: 5000 } })
  await hello.promise
  await clock.advance(4999)
  expect(Bun.peek.status(outcome)).toBe('pending')
  await clock.advance(1)
  expect(failed(await outcome)).toMatchObject({
    phase: 'tls',
    cause: 'timeout',
    message: 'no TLS connection within 5000 ms',
  })
  await origin.closed(1)
  expect(clock.pending).toBe(0)
})

test('F6: an upstream that speaks plain HTTP is a TLS failure', async () => {
  await using origin = await tcpOrigin(
    (socket) => void socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')),
  )
  expect(failed(await dialTo(`https://127.0.0.1:${origin.port}`))).toMatchObject({
    phase: 'tls',
    cause: 'tls',
    message:
      'the TLS connection to the upstream failed with EPROTO WRONG_VERSION_NUMBER: what answers there does not speak TLS',
  })
  await origin.closed(1)
})

test.each([
  { name: 'closes', how: 'end' as const },
  { name: 'resets', how: 'resetAndDestroy' as const },
])('F7: an upstream that $name instead of a handshake is a reset in the phase tls', async ({ how }) => {
  await using origin = await tcpOrigin((socket) => void socket.once('data', () => socket[how]()))
  expect(failed(await dialTo(`https://127.0.0.1:${origin.port}`))).toMatchObject({
    phase: 'tls',
    cause: 'reset',
    message: 'the upstream closed the connection during the TLS handshake (ECONNRESET)',
  })
  await origin.closed(1)
})

test.each([
  { name: 'an authority that is none', tls: { ca: 'nonsense' } },
  { name: 'a client certificate that is none', tls: { cert: 'nonsense', key: forClient.key } },
  { name: 'a key that is not that of the certificate', tls: { cert: forClient.cert, key: forElsewhere.key } },
])('$name is a TLS failure, and the connection is closed', async ({ tls }) => {
  await using origin = await tlsOrigin(forLocalhost)
  expect(failed(await dialTo(`https://localhost:${origin.port}`, { link: linkOf({ tls }) }))).toMatchObject({
    phase: 'tls',
    cause: 'tls',
  })
  await origin.closed(1)
})

test('a stop during the handshake closes the connection at once', async () => {
  await using origin = await tcpOrigin((socket) => void socket.once('data', () => stop.ask()))
  const stop = new Stop()
  expect(failed(await dialTo(`https://127.0.0.1:${origin.port}`, { stop }))).toMatchObject({
    phase: 'tls',
    cause: 'aborted',
  })
  await origin.closed(1)
})

test.each([{ maxVersion: 'TLSv1.2' as const }, { maxVersion: 'TLSv1.3' as const }])(
  'a later connection resumes the session ($maxVersion), with the same options only',
  async ({ maxVersion }) => {
    await using origin = await tlsOrigin({ ...forLocalhost, maxVersion })
    const url = `https://localhost:${origin.port}`
    const link = linkOf({ tls: trusting })
    const serve = async (own: typeof link): Promise<void> => {
      const socket = connected(await dialTo(url, { link: own }))
      socket.write(Buffer.from('x'))
      // The ticket comes before the answer.
      await socket.data.hears('x')
      socket.close()
    }
    await serve(link)
    await serve(link)
    await serve(link)
    await serve(linkOf({ tls: trusting }))
    expect(origin.secured.map(({ isResumed }) => isResumed)).toEqual([false, true, true, false])
  },
)

test('a session that was begun without verification does not get around it', async () => {
  await using origin = await tlsOrigin(forLocalhost)
  const url = `https://localhost:${origin.port}`
  const socket = connected(await dialTo(url, { link: linkOf({ tls: { verify: false } }) }))
  socket.write(Buffer.from('x'))
  await socket.data.hears('x')
  socket.close()
  expect(failed(await dialTo(url))).toMatchObject({ phase: 'tls', cause: 'tls' })
})

test('a session of one name is not offered under another, though the port is the same', async () => {
  await using origin = await tlsOrigin(forLocalhost)
  const link = linkOf({ tls: trusting })
  const resolver = new ScriptedResolver({ localhost: ['127.0.0.1'], 'elsewhere.test': ['127.0.0.1'] })
  const socket = connected(await dialTo(`https://localhost:${origin.port}`, { link, resolver }))
  socket.write(Buffer.from('x'))
  await socket.data.hears('x')
  socket.close()
  expect(failed(await dialTo(`https://elsewhere.test:${origin.port}`, { link, resolver })).message).toEndWith(
    'ERR_TLS_CERT_ALTNAME_INVALID',
  )
  expect(origin.secured.filter(({ isResumed }) => isResumed)).toEqual([])
})

test('over TLS as well, the end is told before the close, and a reset with its error', async () => {
  await using polite = await tlsOrigin(forLocalhost, (socket) => void socket.end('last words'))
  const one = connected(await dialTo(`https://localhost:${polite.port}`, { link: linkOf({ tls: trusting }) }))
  await one.data.closes()
  expect(one.data.told).toEqual(['data last words', 'end', 'close'])
  await polite.closed(1)
})

test('over TLS as well, all of a large body arrives through pauses, and goes out through full buffers', async () => {
  const bytes = Buffer.alloc(16 * 1024 * 1024, 'abcdefghij')
  await using origin = await tlsOrigin(forLocalhost)
  const socket = connected(await dialTo(`https://localhost:${origin.port}`, { link: linkOf({ tls: trusting }) }))
  let received = 0
  const { data: listener } = socket
  listener.onData = (piece) => {
    received += piece.byteLength
    socket.pause()
    queueMicrotask(() => socket.resume())
  }
  let sent = 0
  while (sent < bytes.byteLength) {
    const seen = listener.drains
    const took = socket.write(bytes, sent, bytes.byteLength - sent)
    expect(took).toBeGreaterThanOrEqual(0)
    sent += took
    if (sent < bytes.byteLength) await eventually(() => listener.drains > seen)
  }
  await eventually(
    () => received === bytes.byteLength,
    () => `${received} came back`,
  )
  socket.terminate()
})
