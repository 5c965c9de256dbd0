import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { ask, configOf, good, transports } from '../support/links.ts'
import { rawRequest } from '../support/raw-client.ts'
import { rawOrigin, type RawOrigin } from '../support/raw-origin.ts'
import { selfSigned } from '../support/tls.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const isWindows = process.platform === 'win32'

async function askTimes(gateway: RunningGateway, times: number): Promise<number[]> {
  const statuses: number[] = []
  for (let time = 0; time < times; time += 1) statuses.push((await ask(gateway)).status)
  return statuses
}

/** An origin that holds each answer back until it is told to go on. */
async function waitingOrigin(): Promise<RawOrigin> {
  return await rawOrigin(() => {})
}

function release({ peers }: RawOrigin): void {
  for (const peer of peers) peer.write(good)
}

describe('how many connections there are', () => {
  test('D53: requests one after the other share a single one, of either transport', async () => {
    for (const transport of transports) {
      await using origin = await rawOrigin((peer) => peer.write(good))
      await using gateway = await startGateway(configOf({ m: `url: "${origin.url.href}v1", transport: ${transport}` }))
      expect(await askTimes(gateway, 5)).toEqual([200, 200, 200, 200, 200])
      expect(origin.connections).toBe(1)
    }
  })

  test('N126: five hundred requests at once each have their own', async () => {
    await using origin = await waitingOrigin()
    await using gateway = await startGateway(configOf({ m: `url: "${origin.url.href}v1"` }))
    const answers = Array.from({ length: 500 }, async () => await ask(gateway))
    await origin.arrived(500)
    release(origin)
    expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([200]))
  })

  test('D49: max_connections is the most there are, and the others wait for their turn', async () => {
    await using origin = await waitingOrigin()
    await using gateway = await startGateway(configOf({ m: `url: "${origin.url.href}v1", max_connections: 2` }))
    const answers = Array.from({ length: 6 }, async () => await ask(gateway))
    for (const count of [2, 4, 6]) {
      await origin.arrived(count)
      expect([origin.received.length, origin.connections]).toEqual([count, 2])
      for (const peer of origin.peers.slice(count - 2)) peer.write(good)
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
  })

  test('pool.max_waiting is how many may wait; the next one is told at once', async () => {
    await using origin = await waitingOrigin()
    const backend = `url: "${origin.url.href}v1", max_connections: 1, pool: { max_waiting: 1 }`
    await using gateway = await startGateway(configOf({ m: backend }))
    const first = ask(gateway)
    await origin.arrived(1)
    const others = [ask(gateway), ask(gateway), ask(gateway)]
    const refused = await Promise.any(others)
    expect([refused.status, refused.text.includes('queue_full')]).toEqual([503, true])
    origin.peers[0]?.write(good)
    await origin.arrived(2)
    origin.peers[1]?.write(good)
    const statuses = (await Promise.all([first, ...others])).map(({ status }) => status)
    expect(Map.groupBy(statuses, (status) => status).get(503)).toHaveLength(2)
  })

  test.each(['timeout', 'backends[].timeout'])('%s.queue is how long they wait', async (place) => {
    await using origin = await waitingOrigin()
    const limit = 'timeout: { queue: 310ms }'
    const isOwn = place !== 'timeout'
    const backend = `url: "${origin.url.href}v1", max_connections: 1${isOwn ? `, ${limit}` : ''}`
    await using gateway = await startGateway(configOf({ m: backend }, isOwn ? '' : limit))
    const first = ask(gateway)
    await origin.arrived(1)
    const refused = await ask(gateway)
    expect([refused.status, refused.text.includes('queue_timeout')]).toEqual([503, true])
    expect(refused.text).toContain('310 ms')
    release(origin)
    expect((await first).status).toBe(200)
  })
})

describe('which connections are kept', () => {
  test('pool.max_idle: of three that are done, so many stay', async () => {
    const kept = [0, 1, 2]
    const origins = await Promise.all(kept.map(waitingOrigin))
    const backends = origins.map((origin, max) => [
      `m${max}`,
      `url: "${origin.url.href}v1", pool: { max_idle: ${max} }`,
    ])
    await using gateway = await startGateway(configOf(Object.fromEntries(backends)))
    for (const [max, origin] of origins.entries()) {
      const model = `m${max}`
      const answers = [ask(gateway, model), ask(gateway, model), ask(gateway, model)]
      await origin.arrived(3)
      release(origin)
      await Promise.all(answers)
      await origin.closed(3 - max)
      const again = ask(gateway, model)
      await origin.arrived(4)
      origin.peers[3]?.write(good)
      expect([(await again).status, origin.connections]).toEqual([200, max === 0 ? 4 : 3])
      await origin.stop()
    }
  })

  test('C1204: pool.idle_timeout closes those that nobody needs', async () => {
    await using origin = await rawOrigin((peer) => peer.write(good))
    const backend = `url: "${origin.url.href}v1", pool: { idle_timeout: 200ms }`
    await using gateway = await startGateway(configOf({ m: backend }))
    expect((await ask(gateway)).status).toBe(200)
    await origin.closed(1)
    expect([(await ask(gateway)).status, origin.connections]).toEqual([200, 2])
  })

  test.each([
    { age: '200ms', isRenewed: true },
    { age: '0', isRenewed: false },
  ])('pool.max_age $age: one is renewed when it is older ($isRenewed)', async ({ age, isRenewed }) => {
    await using origin = await rawOrigin((peer) => void setTimeout(() => peer.write(good), 100))
    await using gateway = await startGateway(configOf({ m: `url: "${origin.url.href}v1", pool: { max_age: ${age} }` }))
    expect(await askTimes(gateway, 6)).toEqual([200, 200, 200, 200, 200, 200])
    expect(origin.connections > 1).toBe(isRenewed)
  })

  test('C1203: pool.prewarm opens them before anyone asks, at the start and after a reload', async () => {
    await using first = await rawOrigin((peer) => peer.write(good))
    await using second = await rawOrigin((peer) => peer.write(good))
    const backend = (origin: RawOrigin, count: number): string =>
      `url: "${origin.url.href}v1", pool: { prewarm: ${count} }`
    await using gateway = await startGateway(configOf({ m: backend(first, 3) }))
    await first.opened(3)
    gateway.rewrite(configOf({ m: backend(second, 2) }))
    await second.opened(2)
    await gateway.told(/reloaded/)
    expect([first.received.length, second.received.length]).toEqual([0, 0])
    expect(await askTimes(gateway, 3)).toEqual([200, 200, 200])
    expect(second.connections).toBe(2)
  })
})

const handshake = { 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }

describe('who talks to the backend', () => {
  test('transport: the own client sends what there is to send, fetch adds to it', async () => {
    await using origin = await rawOrigin((peer) => peer.write(good))
    const backends = { own: `url: "${origin.url.href}v1"`, fetch: `url: "${origin.url.href}v1", transport: fetch` }
    await using gateway = await startGateway(configOf(backends))
    for (const name of transports) expect((await ask(gateway, name)).status).toBe(200)
    expect(origin.received.map((request) => request.header('connection'))).toEqual([undefined, 'keep-alive'])
  })

  test.each([true, false])('websocket: %p decides whether one may be opened', async (allowed) => {
    await using origin = await rawOrigin((peer) => peer.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'))
    await using gateway = await startGateway(configOf({ m: `url: "${origin.url.href}v1", websocket: ${allowed}` }))
    const headers = { connection: 'Upgrade', upgrade: 'websocket', ...handshake }
    const answer = await rawRequest(gateway.url, { path: '/v1/realtime?model=m', headers })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(origin.received.map((request) => request.header('upgrade'))).toEqual(allowed ? ['websocket'] : [])
  })

  test('C1201: http2 is what such a backend is spoken to in', async () => {
    const versions: string[] = []
    const server = createSecureServer({ ...selfSigned, allowHTTP1: true }, (request, response) => {
      versions.push(request.httpVersion)
      request.resume()
      request.on('end', () => {
        response.setHeader('content-type', 'application/json')
        response.end('{"choices":[{"message":{"content":"hello"}}]}')
      })
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    try {
      const backend = `url: "https://127.0.0.1:${port}/v1", tls: { verify: false }`
      await using gateway = await startGateway(configOf({ one: backend, two: `${backend}, http2: true` }))
      const statuses = [(await ask(gateway, 'one')).status, (await ask(gateway, 'two')).status]
      expect([statuses, versions]).toEqual([
        [200, 200],
        ['1.1', '2.0'],
      ])
    } finally {
      server.close()
    }
  })

  test.skipIf(isWindows).each(transports)('unix_socket is connected to instead of the host in url (%s)', async (by) => {
    const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
    const path = join(directory, 'backend.sock')
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(`${request.headers.host} ${request.url}`)
      request.resume()
      response.setHeader('content-type', 'application/json')
      response.end('{"choices":[{"message":{"content":"hello"}}]}')
    })
    await new Promise<void>((resolve) => void server.listen(path, resolve))
    try {
      const backend = `url: "http://llm.test/v1", unix_socket: "${path}", transport: ${by}`
      await using gateway = await startGateway(configOf({ m: backend }))
      expect((await ask(gateway)).status).toBe(200)
      expect(asked).toEqual(['llm.test /v1/chat/completions'])
    } finally {
      server.closeAllConnections()
      server.close()
      rmSync(directory, { recursive: true })
    }
  })
})
