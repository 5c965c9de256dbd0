import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Stop } from '#kit/stop.ts'
import { forLocalhost, authority } from '../../support/certificates.ts'
import {
  connected,
  dialTo,
  failed,
  linkOf,
  Listener,
  ScriptedResolver,
  tcpOrigin,
  tlsOrigin,
} from '../../support/dialing.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { closedPort } from '../../support/raw-origin.ts'

const nothingSent = { bytesSent: 0, bytesReceived: 0, wasReused: false, afterMs: 0 }

/** Several addresses of loopback, and their routing, are Linux's own. */
const onLinux = test.skipIf(process.platform !== 'linux')

test('dial() connects, and the owner is told what happens from then on', async () => {
  await using origin = await tcpOrigin(
    (socket) => void socket.on('data', (bytes) => socket.write(`got ${bytes.toString()}`)),
  )
  const socket = connected(await dialTo(`http://127.0.0.1:${origin.port}`))
  const { data: listener } = socket
  expect(socket.readyState).toBeGreaterThan(0)
  expect(socket.write(Buffer.from('hello'))).toBe(5)
  await listener.hears('got hello')
  socket.close()
  expect(listener.told.at(-1)).toBe('close')
  expect(socket.readyState).toBeLessThanOrEqual(0)
  expect(socket.write(Buffer.from('late'))).toBe(-1)
  await origin.closed(1)
})

test('the end of the other side is told before the close, behind all that came', async () => {
  await using origin = await tcpOrigin((socket) => void socket.end('last words'))
  const { data: listener } = connected(await dialTo(`http://127.0.0.1:${origin.port}`))
  await listener.closes()
  expect(listener.text).toBe('last words')
  expect(listener.told.slice(-2)).toEqual(['end', 'close'])
  await origin.closed(1)
})

test('a reset is told as a close with its error, and without an end', async () => {
  await using origin = await tcpOrigin((socket) => void socket.once('data', () => socket.resetAndDestroy()))
  const socket = connected(await dialTo(`http://127.0.0.1:${origin.port}`))
  socket.write(Buffer.from('x'))
  await socket.data.closes()
  expect(socket.data.told).toEqual(['close ECONNRESET'])
})

test('a paused socket hands over nothing, until it is resumed', async () => {
  await using origin = await tcpOrigin((socket) => void socket.on('data', () => socket.end('answer')))
  const socket = connected(await dialTo(`http://127.0.0.1:${origin.port}`))
  socket.pause()
  socket.write(Buffer.from('x'))
  // Another connection that came later was answered completely, so this answer was there to be read.
  const other = connected(await dialTo(`http://127.0.0.1:${origin.port}`))
  other.write(Buffer.from('x'))
  await other.data.closes()
  expect(socket.data.told).toEqual([])
  socket.resume()
  await socket.data.closes()
  expect(socket.data.told).toEqual(['data answer', 'end', 'close'])
})

test('what the kernel does not take is left to the writer, and asked for by a drain', async () => {
  let received = 0
  const taps: (() => void)[] = []
  await using origin = await tcpOrigin((socket) => {
    socket.pause()
    taps.push(() => socket.on('data', (bytes) => (received += bytes.length)).resume())
  })
  const socket = connected(await dialTo(`http://127.0.0.1:${origin.port}`))
  const bytes = Buffer.alloc(32 * 1024 * 1024, 'x')
  let sent = socket.write(bytes)
  expect(sent).toBeLessThan(bytes.byteLength)
  expect(socket.write(bytes, sent, 10)).toBe(0)
  for (const open of taps) open()
  while (sent < bytes.byteLength) {
    const seen = socket.data.drains
    const took = socket.write(bytes, sent, bytes.byteLength - sent)
    sent += took
    if (took === 0) await eventually(() => socket.data.drains > seen)
  }
  await eventually(() => received === bytes.byteLength)
  socket.terminate()
})

test('an owner that throws loses its connection, and the mistake is not swallowed', async () => {
  await using origin = await tcpOrigin((socket) => void socket.write('x'))
  const reported: unknown[] = []
  const { reportError } = globalThis
  globalThis.reportError = (error: unknown) => void reported.push(error)
  try {
    class Clumsy extends Listener {
      override onData(): void {
        throw new Error('a mistake')
      }
    }
    const { data: listener } = connected(await dialTo(`http://127.0.0.1:${origin.port}`, { owner: new Clumsy() }))
    await listener.closes()
    expect(reported).toMatchObject([{ message: 'a mistake' }])
  } finally {
    globalThis.reportError = reportError
  }
  await origin.closed(1)
})

test('F1: a closed port is a refused connection', async () => {
  expect(failed(await dialTo(`http://127.0.0.1:${await closedPort()}`))).toEqual({
    kind: 'transport_failure',
    phase: 'connect',
    cause: 'refused',
    message: 'the connection was refused (ECONNREFUSED)',
    trace: nothingSent,
  })
})

test('F2: an unknown host fails in the phase dns', async () => {
  expect(failed(await dialTo('http://no-such.invalid'))).toMatchObject({
    phase: 'dns',
    cause: 'not_found',
    trace: nothingSent,
  })
})

test('F3: a slow name server is waited for as long as the clock for names says', async () => {
  const clock = new FakeClock()
  const resolver = new ScriptedResolver({})
  const outcome = dialTo('http://slow.test', { clock, resolver, clocks: { dnsMs: 3000, connectMs: 1 } })
  await clock.advance(2999)
  expect(Bun.peek.status(outcome)).toBe('pending')
  await clock.advance(1)
  expect(failed(await outcome)).toMatchObject({
    phase: 'dns',
    cause: 'timeout',
    message: 'the host name was not found within 3000 ms',
  })
  expect(clock.pending).toBe(0)
})

test.each([
  { url: 'http://127.0.0.1' },
  { url: 'http://[::1]' },
  { url: 'http://0x7f.1' },
  { url: 'http://2130706433' },
])('H17: no name server is asked for $url, which is an address however it is written', async ({ url }) => {
  await using origin = await tcpOrigin(() => {}, url.includes('[') ? { host: '::1' } : {})
  const resolver = new ScriptedResolver({})
  connected(await dialTo(`${url}:${origin.port}`, { resolver })).terminate()
})

test.each<{ name: string; addresses: string[]; told: string[] }>([
  {
    name: 'the second address is used when the first is refused',
    addresses: ['::1', '127.0.0.1'],
    told: ['demote a.test ::1'],
  },
  { name: 'a working first address is used alone', addresses: ['127.0.0.1', '::1'], told: [] },
])('F3: $name', async ({ addresses, told }) => {
  await using origin = await tcpOrigin(() => {})
  const resolver = new ScriptedResolver({ 'a.test': addresses })
  connected(await dialTo(`http://a.test:${origin.port}`, { resolver })).terminate()
  expect(resolver.told).toEqual(told)
  await origin.closed(1)
  expect(origin.opened).toBe(1)
})

test('an origin of IPv6 only is reached', async () => {
  await using origin = await tcpOrigin((socket) => void socket.end('six'), { host: '::1' })
  const resolver = new ScriptedResolver({ 'a.test': ['127.0.0.1', '::1'] })
  const { data: listener } = connected(await dialTo(`http://a.test:${origin.port}`, { resolver }))
  await listener.hears('six')
})

test('when every address fails, the first failure is told and the host forgotten', async () => {
  const resolver = new ScriptedResolver({ 'a.test': ['127.0.0.1', '::1'] })
  expect(failed(await dialTo(`http://a.test:${await closedPort()}`, { resolver }))).toMatchObject({
    phase: 'connect',
    cause: 'refused',
    message: 'the connection was refused (ECONNREFUSED)',
  })
  expect(resolver.told).toEqual(['demote a.test 127.0.0.1', 'forget a.test'])
})

interface SilentPort extends AsyncDisposable {
  readonly port: number
  /** Resolves when so many connections to it are asked for without an answer, besides those that keep its queue full. */
  isAsked(count: number): Promise<void>
}

/** A port of 127.0.0.2 that answers no connection at all, because its queue is full and nobody looks into it. */
async function silentPort(wanted = 0): Promise<SilentPort> {
  const program = `
    const server = require('node:net').createServer()
    server.listen({ host: '127.0.0.2', port: ${wanted} }, () => {
      process.stdout.write(server.address().port + '\\n', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
    })`
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'inherit' })
  const { value } = await child.stdout.getReader().read()
  const port = Number(Buffer.from(value ?? []).toString())
  const remote = `0200007F:${port.toString(16).toUpperCase().padStart(4, '0')} 02`
  const asked = async (): Promise<number> => (await Bun.file('/proc/self/net/tcp').text()).split(remote).length - 1
  // The platform's queue holds 512.
  const fillers = Array.from({ length: 520 }, () => connect({ host: '127.0.0.2', port }).on('error', () => {}))
  while (
    fillers.some((filler) => filler.connecting) &&
    (await asked()) !== fillers.filter((filler) => filler.connecting).length
  ) {
    await Bun.sleep(5)
  }
  const before = await asked()
  return {
    port,
    async isAsked(count) {
      const untilMs = performance.now() + 4000
      for (let seen = await asked(); seen - before !== count; seen = await asked()) {
        if (performance.now() > untilMs) throw new Error(`It was asked for ${seen - before} connections`)
        await Bun.sleep(5)
      }
    },
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy()
      child.kill('SIGKILL')
      await child.exited
    },
  }
}

onLinux('F3: a silent first address gets a rival after 250 ms, and is tried last from then on', async () => {
  await using origin = await tcpOrigin(() => {})
  await using silent = await silentPort(origin.port)
  const clock = new FakeClock()
  const resolver = new ScriptedResolver({ 'a.test': ['127.0.0.2', '127.0.0.1'] })
  const outcome = dialTo(`http://a.test:${silent.port}`, { clock, resolver, clocks: { connectMs: 5000 } })
  await clock.advance(0)
  await clock.advance(249)
  await silent.isAsked(1)
  expect(origin.opened).toBe(0)
  await clock.advance(1)
  connected(await outcome).terminate()
  expect(resolver.told).toEqual(['demote a.test 127.0.0.2'])
  expect(clock.pending).toBe(0)
  await silent.isAsked(0)
})

onLinux('F3: the connect clock bounds all addresses together, and leaves no connection behind', async () => {
  await using silent = await silentPort()
  const clock = new FakeClock()
  const resolver = new ScriptedResolver({ 'a.test': ['127.0.0.2', '127.0.0.2'] })
  const outcome = dialTo(`http://a.test:${silent.port}`, { clock, resolver, clocks: { connectMs: 1000 } })
  await clock.advance(0)
  await clock.advance(999)
  expect(Bun.peek.status(outcome)).toBe('pending')
  await silent.isAsked(2)
  await clock.advance(1)
  expect(failed(await outcome)).toEqual({
    kind: 'transport_failure',
    phase: 'connect',
    cause: 'timeout',
    message: 'no connection within 1000 ms',
    trace: nothingSent,
  })
  expect(clock.pending).toBe(0)
  await silent.isAsked(0)
})

onLinux('a stop while it connects leaves no connection behind', async () => {
  await using silent = await silentPort()
  const stop = new Stop()
  const clock = new FakeClock()
  const outcome = dialTo(`http://127.0.0.2:${silent.port}`, { clock, stop, clocks: { connectMs: 1000 } })
  await clock.advance(0)
  await silent.isAsked(1)
  stop.ask()
  expect(failed(await outcome)).toMatchObject({ phase: 'connect', cause: 'aborted', trace: nothingSent })
  await silent.isAsked(0)
  expect(clock.pending).toBe(0)
})

test.each([
  { name: 'before it begins', when: 'before', phase: 'dns' },
  { name: 'while the host is looked up', when: 'dns', phase: 'dns' },
])('a stop $name ends it at once', async ({ when, phase }) => {
  const stop = new Stop()
  const clock = new FakeClock()
  if (when === 'before') stop.ask()
  const outcome = dialTo('http://slow.test', { clock, stop, resolver: new ScriptedResolver({}), clocks: { dnsMs: 9 } })
  await clock.advance(0)
  stop.ask()
  expect(failed(await outcome)).toMatchObject({ phase, cause: 'aborted' })
  expect(clock.pending).toBe(0)
})

test('a stop that comes in the moment of connecting closes the connection', async () => {
  const stop = new Stop()
  await using origin = await tcpOrigin(() => {})
  const resolver = new ScriptedResolver({ 'a.test': ['127.0.0.1'] })
  const outcome = dialTo(`http://a.test:${origin.port}`, { stop, resolver })
  await eventually(() => origin.opened === 1)
  stop.ask()
  const socket = await outcome
  // It may have been faster than the stop; then the caller has it, and closes it.
  if (!('kind' in socket)) socket.terminate()
  await origin.closed(1)
})

test('nobody who waits is left once the connection stands', async () => {
  await using origin = await tcpOrigin(() => {})
  const clock = new FakeClock()
  const socket = connected(
    await dialTo(`http://127.0.0.1:${origin.port}`, { clock, clocks: { dnsMs: 1, connectMs: 1, tlsMs: 1 } }),
  )
  expect(clock.pending).toBe(0)
  socket.terminate()
})

test('a unix socket is connected to instead of the host, by http and by https', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dial-'))
  try {
    const plainPath = join(folder, 'plain')
    const securePath = join(folder, 'secure')
    await using plain = await tcpOrigin((socket) => void socket.end('plain'), { path: plainPath })
    await using secure = await tlsOrigin(forLocalhost, (socket) => void socket.end('secure'), { path: securePath })
    const resolver = new ScriptedResolver({})
    const one = connected(await dialTo('http://localhost', { link: linkOf({ unixPath: plainPath }), resolver }))
    await one.data.hears('plain')
    const link = linkOf({ unixPath: securePath, tls: { ca: authority } })
    const other = connected(await dialTo('https://localhost', { link, resolver }))
    await other.data.hears('secure')
    await plain.closed(1)
    await secure.closed(1)
    const wrong = failed(await dialTo('https://elsewhere.test', { link, resolver }))
    expect(wrong).toMatchObject({ phase: 'tls', cause: 'tls' })
    const missing = linkOf({ unixPath: join(folder, 'missing') })
    expect(failed(await dialTo('http://localhost', { link: missing, resolver }))).toMatchObject({
      phase: 'connect',
      cause: 'refused',
      message: 'there is no such unix socket (ENOENT)',
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})
