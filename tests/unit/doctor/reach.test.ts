import { expect, test } from 'bun:test'
import { reach, type Destination } from '#doctor/reach.ts'
import type { TlsOptions } from '#ports/transport.ts'
import { authority, expired, forElsewhere, forLocalhost, type KeyPair } from '../../support/certificates.ts'
import { linkOf, ScriptedResolver, tcpOrigin, tlsOrigin } from '../../support/dialing.ts'
import { linesOf, portsOf } from '../../support/doctor.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { outboundProxy } from '../../support/outbound-proxy.ts'
import { closedPort } from '../../support/raw-origin.ts'
import { selfSigned } from '../../support/tls.ts'

const trusting = { ca: authority }

function to(url: string, overrides: Partial<Destination> = {}): Destination {
  return { url: new URL(url), link: linkOf(), urlKey: 'url', ...overrides }
}

test('reach() tells each step of the way: name, connection, certificate', async () => {
  await using origin = await tlsOrigin(forLocalhost)
  const resolver = new ScriptedResolver({ localhost: ['127.0.0.1'] })
  const destination = to(`https://localhost:${origin.port}/v1`, { link: linkOf({ tls: trusting }) })
  const way = await reach(portsOf({ resolver }), destination)
  expect(way.isOpen).toBe(true)
  expect(linesOf(way.findings)).toEqual([
    'ok DNS: localhost is 127.0.0.1 (N ms)',
    `ok connected to localhost:${origin.port} directly (N ms)`,
    'ok TLS 1.3: certificate for localhost by test authority, valid until 2120-01-01 (N ms)',
  ])
})

test.each<{ name: string; shown: KeyPair; tls: Partial<TlsOptions>; says: RegExp }>([
  {
    name: 'self-signed',
    shown: selfSigned,
    tls: {},
    says: /^fail TLS: the certificate for localhost by localhost is signed by itself and trusted by nobody — .*"tls\.ca"/,
  },
  {
    name: 'of an unknown authority',
    shown: forLocalhost,
    tls: { ca: selfSigned.cert },
    says: /^fail TLS: the certificate for localhost by test authority is not trusted \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\) — /,
  },
  {
    name: 'expired',
    shown: expired,
    tls: trusting,
    says: /^fail TLS: the certificate for expired by test authority expired on 2020-02-01 — have the certificate renewed/,
  },
  {
    name: 'for another name',
    shown: forElsewhere,
    tls: trusting,
    says: /^fail TLS: the certificate is for elsewhere\.test, not for localhost — write one of these names in "url"/,
  },
])('reach() explains a certificate that is $name', async ({ shown, tls, says }) => {
  await using origin = await tlsOrigin(shown)
  const way = await reach(portsOf(), to(`https://localhost:${origin.port}`, { link: linkOf({ tls }) }))
  expect(way.isOpen).toBe(false)
  expect(linesOf(way.findings).at(-1)).toMatch(says)
})

test.each([
  {
    name: 'expires within two weeks',
    nowMs: Date.UTC(2020, 0, 22),
    says: /^warn TLS 1\.3: .*, 10 days from now — have/,
  },
  { name: 'is good for longer', nowMs: Date.UTC(2020, 0, 10), says: /^ok TLS 1\.3: certificate for expired / },
  { name: 'has expired, and nobody verifies', nowMs: Date.UTC(2026, 0, 1), says: /: it has expired — have/ },
])('reach() tells of a certificate that $name', async ({ nowMs, says }) => {
  await using origin = await tlsOrigin(expired)
  const link = linkOf({ tls: { verify: false } })
  const ports = portsOf({ clock: new FakeClock(nowMs), resolver: new ScriptedResolver({ localhost: ['127.0.0.1'] }) })
  const lines = linesOf((await reach(ports, to(`https://localhost:${origin.port}`, { link }))).findings)
  expect(lines.at(-2)).toStartWith('warn TLS 1.3: the certificate is not verified')
  expect(lines.at(-1)).toMatch(says)
})

test('reach() sees that what answers an https address does not speak TLS', async () => {
  await using origin = await tcpOrigin(
    (socket) => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  )
  const way = await reach(portsOf(), to(`https://127.0.0.1:${origin.port}`))
  expect(linesOf(way.findings).at(-1)).toMatch(/^fail TLS: .* does not speak TLS — write "http:\/\/" in "url"/)
})

test('reach() tells that nobody listens', async () => {
  const port = await closedPort()
  const way = await reach(portsOf(), to(`http://127.0.0.1:${port}`))
  expect(way.isOpen).toBe(false)
  expect(linesOf(way.findings)).toEqual([
    `fail connect to 127.0.0.1:${port} directly: the connection was refused (ECONNREFUSED) — is the server running, and is the port in "url" right?`,
  ])
})

test('reach() tells of a name that does not exist', async () => {
  const way = await reach(portsOf(), to('http://no-such-host.invalid/v1'))
  expect(way.isOpen).toBe(false)
  expect(linesOf(way.findings)[0]).toMatch(/^fail DNS: no-such-host\.invalid: .* — check /)
})

test('reach() waits for a name server only so long, whatever the configuration allows', async () => {
  const clock = new FakeClock()
  const clocks = { dnsMs: 0, connectMs: 0, tlsMs: 0 }
  const waiting = reach(portsOf({ clock, resolver: new ScriptedResolver({}) }), to('http://slow.test', { clocks }))
  await clock.advance(5000)
  expect(linesOf((await waiting).findings)).toEqual([
    'fail DNS: slow.test: the host name was not found within N ms — check the name servers of this machine (/etc/resolv.conf) and its way to the network',
  ])
})

test('reach() waits for a handshake only so long', async () => {
  await using origin = await tcpOrigin(() => {})
  const clock = new FakeClock()
  const waiting = reach(portsOf({ clock }), to(`https://127.0.0.1:${origin.port}`))
  await eventually(() => origin.opened === 2)
  await clock.advance(5000)
  expect(linesOf((await waiting).findings).at(-1)).toMatch(/^fail TLS: no TLS connection within N ms — /)
})

test('reach() goes through the outbound proxy, and tells so', async () => {
  await using origin = await tlsOrigin(forLocalhost)
  await using proxy = await outboundProxy()
  const link = linkOf({ tls: trusting, proxy: { url: new URL(proxy.url), authorization: undefined } })
  const way = await reach(portsOf(), to(`https://localhost:${origin.port}`, { link }))
  expect(linesOf(way.findings)).toEqual([
    `ok connected through the proxy ${proxy.url} (N ms)`,
    'ok TLS 1.3: certificate for localhost by test authority, valid until 2120-01-01 (N ms)',
  ])
  expect(proxy.heads.length).toBe(1)
})

test('reach() tells of a proxy that refuses', async () => {
  await using proxy = await tcpOrigin((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'))
  })
  const link = linkOf({ proxy: { url: new URL(`http://127.0.0.1:${proxy.port}`), authorization: undefined } })
  const way = await reach(portsOf(), to('https://api.example.com', { link }))
  expect(linesOf(way.findings).at(-1)).toMatch(
    /^fail connect through the proxy .* status 407.* — check "outbound_proxy"/,
  )
})
