import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authority, expired, forElsewhere, type KeyPair } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { deafPort, faultOrigin, fin, goodAnswer, goodJson, rst } from '../support/fault-origin.ts'
import {
  expectGoodAccounts,
  faultLab,
  proveEarlyFault,
  recordsOf,
  within,
  type EarlyFault,
  type FaultLab,
} from '../support/fault-origin-lab.ts'
import { startGateway } from '../support/gateway.ts'
import { chatRequest, rawClient, rawRequest } from '../support/raw-client.ts'
import { closedPort, rawOrigin, type RawOptions } from '../support/raw-origin.ts'
import { selfSigned } from '../support/tls.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const isLinux = process.platform === 'linux'
const brokenOff = /connection (?:was )?(?:ended before|closed|reset)/
const started = new AsyncDisposableStack()
const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-faults-'))
const names = [
  'F1: a port where nobody listens',
  'F2: a host name that does not exist',
  'F3: an address that takes no connection',
  'F4: TLS that is never answered',
  'F5: a certificate that nobody signed',
  'F5: a certificate that has expired',
  'F5: a certificate for another name',
  'F6: plain HTTP where TLS is spoken',
  'F7: a connection that is closed at once',
  'F7: a connection that is reset at once',
  'F7: a connection that is closed when the request came',
  'F7: a connection that is reset when the request came',
] as const
const onlyOnLinux: ReadonlySet<string> = new Set<(typeof names)[number]>(['F3: an address that takes no connection'])
let rows: ReadonlyMap<string, EarlyFault>
let lab: FaultLab

/** Where nothing but the beginning of a connection happens. */
async function place(scheme: 'http' | 'https', options: RawOptions): Promise<string> {
  const origin = started.use(await rawOrigin(() => {}, options))
  return `${scheme}://127.0.0.1:${origin.url.port}/v1`
}

async function tlsPlace(pair: KeyPair): Promise<string> {
  const server = createTlsServer(pair, (socket) => socket.on('error', () => {}).end(goodAnswer))
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  started.defer(() => void server.close())
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
}

beforeAll(async () => {
  writeFileSync(join(folder, 'ca.pem'), authority, { mode: 0o600 })
  const trusting = `tls: { ca: "\${file:${join(folder, 'ca.pem')}}" }`
  const deaf = isLinux ? started.use(await deafPort()) : { port: await closedPort() }
  const unreachable = { status: 502, code: 'upstream_unreachable' }
  const tooLate = { status: 504, code: 'upstream_timeout' }
  const table: Readonly<Record<(typeof names)[number], Omit<EarlyFault, 'name'>>> = {
    'F1: a port where nobody listens': {
      fault: { url: `http://127.0.0.1:${await closedPort()}/v1` },
      ...unreachable,
      says: /connection was refused/,
    },
    'F2: a host name that does not exist': {
      fault: { url: 'http://no-such.invalid/v1' },
      ...unreachable,
      says: /host name|name server|DNS/i,
    },
    'F3: an address that takes no connection': {
      fault: { url: `http://127.0.0.1:${deaf.port}/v1` },
      ...tooLate,
      says: /no connection within 300 ms/,
    },
    'F4: TLS that is never answered': {
      fault: { url: await place('https', { onConnect: (socket) => (socket.resume(), false) }) },
      ...tooLate,
      says: /no TLS (?:handshake|connection).* within 300 ms/,
    },
    'F5: a certificate that nobody signed': {
      fault: { url: await tlsPlace(selfSigned) },
      ...unreachable,
      says: /TLS.*DEPTH_ZERO_SELF_SIGNED_CERT/,
    },
    'F5: a certificate that has expired': {
      fault: { url: await tlsPlace(expired), keys: trusting },
      ...unreachable,
      says: /TLS.*CERT_HAS_EXPIRED/,
    },
    'F5: a certificate for another name': {
      fault: { url: await tlsPlace(forElsewhere), keys: trusting },
      ...unreachable,
      says: /TLS.*(?:ALTNAME|HOSTNAME)/,
    },
    'F6: plain HTTP where TLS is spoken': {
      fault: { url: await place('https', { onConnect: (socket) => (socket.end('HTTP/1.1 400 No\r\n\r\n'), false) }) },
      ...unreachable,
      says: /does not speak TLS/,
    },
    'F7: a connection that is closed at once': {
      fault: { url: await place('http', { onConnect: (socket) => (socket.end(), false) }) },
      ...unreachable,
      says: brokenOff,
    },
    'F7: a connection that is reset at once': {
      fault: { url: await place('http', { onConnect: (socket) => (socket.resetAndDestroy(), false) }) },
      ...unreachable,
      says: brokenOff,
    },
    'F7: a connection that is closed when the request came': { fault: [fin], ...unreachable, says: brokenOff },
    'F7: a connection that is reset when the request came': { fault: [rst], ...unreachable, says: brokenOff },
  }
  rows = new Map(names.map((name) => [name, { name, ...table[name] }]))
  const faults = Object.fromEntries(names.map((name) => [name, table[name].fault]))
  // A retry budget makes sure that what is not retried is so by rule, not for want of attempts.
  lab = started.use(await faultLab(faults, 'timeout: { connect: 300ms, tls: 300ms }\nfallback: { max_retries: 10 }'))
})

afterAll(async () => {
  await expectGoodAccounts(lab.gateway)
  await started.disposeAsync()
  rmSync(folder, { recursive: true })
})

describe('before anything is answered', () => {
  test.concurrent.each(names)('%s leads on, alone it is told, and it rests', async (name) => {
    const row = rows.get(name)
    if (row === undefined) throw new Error(`There is no row "${name}"`)
    if (!onlyOnLinux.has(name) || isLinux) await proveEarlyFault(lab, row)
  })

  test.skipIf(!isLinux)('F3: the connect limit is what a dead address costs', async () => {
    await using gateway = await faultLab(
      { dead: rows.get('F3: an address that takes no connection')?.fault ?? [] },
      'timeout: { connect: 250ms }\nfallback: { cooldown_seconds: 0 }',
    )
    const { answer, tookMs } = await gateway.ask('dead 2nd')
    expect([answer.status, answer.text]).toEqual([200, goodJson])
    expect(tookMs).toBeWithin(240, 1500)
  })

  test('F3: a dead first address of a name costs nothing but the try', async () => {
    // On most machines the name has two addresses, of which nobody listens on the first one.
    await using origin = await faultOrigin({})
    await using gateway = await faultLab({ two: { url: `http://localhost:${origin.url.port}/v1` } })
    const { answer, record } = await gateway.ask('two')
    expect([answer.status, record.attempts]).toEqual([200, 1])
  })

  test('F4, F10: the place in the line is free again after a handshake without an answer', async () => {
    const url = await place('https', { onConnect: (socket) => (socket.resume(), false) })
    await using single = await faultLab(
      { silent: { url, keys: 'max_connections: 1' } },
      'timeout: { connect: 100ms, tls: 100ms, queue: 5s }\nfallback: { cooldown_seconds: 0 }',
    )
    // If the place were not given back, the second one would wait for 5 s and be told of the line.
    const codes = await Promise.all([single.ask('silent'), single.ask('silent'), single.ask('silent')])
    expect(codes.map(({ record }) => record.code)).toEqual(Array.from({ length: 3 }, () => 'upstream_timeout'))
  })
})

describe('F8: an idle connection that the upstream has closed', () => {
  /** Answers the first request of each connection; the second one finds its connection closed as it is written. */
  async function forgetful(): Promise<{ readonly url: string; readonly requests: () => number } & AsyncDisposable> {
    let requests = 0
    const server = createServer((socket) => {
      let seen = 0
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        if (!bytes.includes('POST ')) return
        requests += 1
        seen += 1
        if (seen === 1) socket.write(goodAnswer)
        else socket.resetAndDestroy()
      })
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
      requests: () => requests,
      async [Symbol.asyncDispose]() {
        server.close()
        await Promise.resolve()
      },
    }
  }

  test('costs no request and no attempt, and the upstream sees one of them twice at most', async () => {
    await using upstream = await forgetful()
    await using gateway = await faultLab({ stale: { url: upstream.url } }, 'fallback: { max_retries: 1 }')
    const first = await gateway.ask('stale')
    const second = await gateway.ask('stale')
    expect([first.answer.status, second.answer.status, second.answer.text]).toEqual([200, 200, goodJson])
    expect([first.record.attempts, second.record.attempts]).toEqual([1, 1])
    expect(upstream.requests()).toBe(3)
    expect(gateway.lines('route_cooled')).toEqual([])
  })
})

describe('F9: a backend whose connections are all taken', () => {
  async function busyGateway(queueMs: number) {
    const origin = await rawOrigin(() => {})
    const gateway = await startGateway(`
logging: { format: json }
backends: [{ name: a, url: "${origin.url.origin}/v1", max_connections: 1 }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
timeout: { queue: ${queueMs}ms }
`)
    return {
      origin,
      gateway,
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]()
        await origin.stop()
      },
    }
  }

  test('is waited for as long as timeout.queue says, then the client is told to come again', async () => {
    await using busy = await busyGateway(300)
    using holder = await rawClient(busy.gateway.url)
    void holder.send(chatRequest('m', { stream: false }))
    await busy.origin.arrived(1)
    const startedMs = performance.now()
    const { status, text, headers } = await rawRequest(busy.gateway.url, chatRequest('m', { stream: false }))
    expect(performance.now() - startedMs).toBeWithin(290, 2000)
    expect([status, JSON.parse(text).error.code]).toEqual([503, 'queue_timeout'])
    expect([headers.get('retry-after'), headers.get('x-should-retry')]).toEqual(['1', 'true'])
    expect(busy.gateway.output()).not.toContain('route_cooled')
    expect(busy.origin.received.length).toBe(1)
  })

  test('is had in the order of asking, and who leaves gives up his place', async () => {
    await using busy = await busyGateway(10_000)
    const clients = await Promise.all([1, 2, 3, 4].map(async () => await rawClient(busy.gateway.url)))
    const [holder, leaver, second, third] = clients
    const ask = async (client = holder, user = '') => {
      const before = busy.gateway.output().split('request_received').length
      const exchange = client?.send(chatRequest('m', { stream: false, user }))
      await eventually(() => busy.gateway.output().split('request_received').length > before)
      return exchange
    }
    void (await ask(holder, 'holder'))
    await busy.origin.arrived(1)
    void (await ask(leaver, 'leaver'))
    const [answerTwo, answerThree] = [await ask(second, 'two'), await ask(third, 'three')]
    leaver?.close()
    await eventually(() => recordsOf(busy.gateway).some((record) => record.event === 'client_closed'))
    for (let turn = 0; turn < 3; turn += 1) {
      await within(busy.origin.arrived(turn + 1), 'the next request at the upstream')
      busy.origin.peers[turn]?.write(goodAnswer)
    }
    expect([(await answerTwo?.ended)?.status, (await answerThree?.ended)?.status]).toEqual([200, 200])
    const users = busy.origin.received.map(({ body }) => /"user":"(\w+)"/.exec(body.toString())?.[1])
    expect(users).toEqual(['holder', 'two', 'three'])
    for (const client of clients) client.close()
    await expectGoodAccounts(busy.gateway)
  })
})
