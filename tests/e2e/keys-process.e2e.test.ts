import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { chatRequest, rawClient, rawRequest } from '../support/raw-client.ts'
import { closedPort, plainAnswer, rawOrigin } from '../support/raw-origin.ts'
import { selfSigned } from '../support/tls.ts'

const isWindows = process.platform === 'win32'

const mock = `
backends: [{ name: up, url: "mock://up" }]
models:
  m: { routes: [{ backend: up, model: ok }] }
  brief: { routes: [{ backend: up, model: "tokens=20+gap=30" }] }
  endless: { routes: [{ backend: up, model: "tokens=100000+gap=30" }] }
`

describe('listen', () => {
  test('"host:port" is the address that is served', async () => {
    const port = await closedPort()
    await using gateway = await startGateway(`listen: "127.0.0.1:${port}"\n${mock}`)
    expect(gateway.url).toBe(`http://127.0.0.1:${port}`)
    expect((await rawRequest(`http://127.0.0.1:${port}`, chatRequest('m'))).status).toBe(200)
  })

  test.skipIf(isWindows)('"unix:/path" is a socket that is served', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
    const address = `unix:${join(directory, 'gateway.sock')}`
    try {
      await using gateway = await startGateway(`listen: "${address}"\n${mock}`, { waits: false })
      await gateway.told(/listening on unix:/)
      const answer = await rawRequest(address, chatRequest('m'))
      expect([answer.status, answer.isWhole]).toEqual([200, true])
      await gateway.told(/Request received: .*client=unix/)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

/** An address of this machine that other machines see; undefined where there is none. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address !== undefined && address.family === 'IPv4' && !address.internal)?.address

describe.skipIf(outside === undefined)('without a client key', () => {
  test.each([
    { yaml: 'allow_unauthenticated: false', isOpen: false },
    { yaml: 'allow_unauthenticated: true', isOpen: true },
    { yaml: 'proxy_api_key: sk-one', isOpen: true },
  ])('B02: allow_unauthenticated opens the addresses beside loopback: "$yaml"', async ({ yaml, isOpen }) => {
    await using gateway = await startGateway(`listen: ":0"\n${yaml}\n${mock}`)
    expect((await rawRequest(gateway.url, { path: '/health' })).status).toBe(200)
    expect(await takesConnections(outside ?? '', Number(new URL(gateway.url).port))).toBe(isOpen)
    const told = '[WARN] No client key is configured'
    const why =
      'Listening on loopback only, although ":0" was asked for: set proxy_api_key or allow_unauthenticated: true'
    expect([gateway.output().includes(told), gateway.output().includes(why)]).toEqual([
      !yaml.startsWith('proxy_api_key'),
      !isOpen,
    ])
  })
})

async function takesConnections(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host)
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
  } finally {
    socket.destroy()
  }
}

describe('backends[].enabled', () => {
  const yaml = `
backends:
  - { name: set, url: "mock://set", api_key: "\${SET_KEY}", enabled: auto }
  - { name: unset, url: "mock://unset", api_key: "\${UNSET_KEY}", enabled: auto }
  - { name: off, url: "mock://off", enabled: false }
models:
  set: { routes: [{ backend: set, model: ok }] }
  unset: { routes: [{ backend: unset, model: ok }] }
  both: { routes: [{ backend: unset, model: ok, priority: 1 }, { backend: set, model: ok, priority: 2 }] }
  off: { routes: [{ backend: off, model: ok }] }
`

  test('auto goes by the variable of the key, with one line for each that is unset; false is off', async () => {
    await using gateway = await startGateway(`headers: { debug: true }\n${yaml}`, { env: { SET_KEY: 'sk-1' } })
    const statuses: Record<string, number> = {}
    for (const alias of ['set', 'unset', 'both', 'off'])
      statuses[alias] = (await rawRequest(gateway.url, chatRequest(alias))).status
    expect(statuses).toEqual({ set: 200, unset: 503, both: 200, off: 503 })
    expect((await rawRequest(gateway.url, chatRequest('both'))).headers.get('x-llm-proxy-backend')).toBe('set')
    const told = gateway.output().match(/.*is switched off:.*/g)
    expect(told?.map((line) => line.replace(/^.*?\] /, ''))).toEqual([
      '[WARN] Backend unset is switched off: UNSET_KEY is not set',
    ])
  })

  test('true wants the variable, and there is no start without it', async () => {
    const strict = yaml.replaceAll('auto', 'true')
    await using gateway = await startGateway(strict, { env: { SET_KEY: 'sk-1' }, waits: false })
    expect(await gateway.exited).toBe(1)
    await gateway.told(/backends\[1\]\.api_key: .*UNSET_KEY/)
  })
})

describe('backends[].tls.verify', () => {
  test('F5: a certificate that nobody signed is refused, unless it is false', async () => {
    const origin = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: selfSigned,
      fetch: () => Response.json({ choices: [{ message: { content: 'secure' } }] }),
    })
    try {
      const url = `https://127.0.0.1:${origin.port}/v1`
      await using gateway = await startGateway(`
backends:
  - { name: strict, url: "${url}" }
  - { name: lax, url: "${url}", tls: { verify: false } }
models:
  strict: { routes: [{ backend: strict, model: m }] }
  lax: { routes: [{ backend: lax, model: m }] }
`)
      const refused = await rawRequest(gateway.url, chatRequest('strict', { stream: false }))
      expect([refused.status, refused.text.includes('TLS')]).toEqual([502, true])
      const taken = await rawRequest(gateway.url, chatRequest('lax', { stream: false }))
      expect([taken.status, taken.text.includes('secure')]).toEqual([200, true])
    } finally {
      await origin.stop(true)
    }
  })
})

describe('trusted_proxies', () => {
  test.each([
    { yaml: '', client: '127.0.0.1' },
    { yaml: 'trusted_proxies: ["127.0.0.1/32"]', client: '203.0.113.9' },
  ])(
    'B86: "$yaml": X-Forwarded-For makes $client the client in the log, and the backend is told the whole chain',
    async (row) => {
      await using origin = await rawOrigin((peer) => peer.write(plainAnswer('{"choices":[]}')))
      await using gateway = await startGateway(`
${row.yaml}
proxy: { forward_client_ip: true }
backends: [{ name: up, url: "${origin.url.href}v1" }]
models: { m: { routes: [{ backend: up, model: m }] } }
`)
      const request = chatRequest('m', { stream: false })
      const headers = { ...request.headers, 'x-forwarded-for': '203.0.113.9' }
      expect((await rawRequest(gateway.url, { ...request, headers })).status).toBe(200)
      await gateway.told(new RegExp(`Request received: .*client=${RegExp.escape(row.client)} `))
      expect(origin.received[0]?.header('x-forwarded-for')).toBe('203.0.113.9, 127.0.0.1')
    },
  )
})

describe('server.idle_timeout', () => {
  // The platform looks every four seconds; a connection that stays must be seen to stay a little longer.
  test.each([
    { timeout: '1s', closes: true },
    { timeout: '75s', closes: false },
  ])('A60: server.idle_timeout $timeout closes an idle connection: $closes', async ({ timeout, closes }) => {
    await using gateway = await startGateway(`${mock}server: { idle_timeout: ${timeout} }\n`)
    const { hostname, port } = new URL(gateway.url)
    const socket = connect(Number(port), hostname)
    const closed = new Promise<string>((resolve) => socket.on('close', () => resolve('closed')))
    socket.on('error', () => undefined).resume()
    // Slow enough that the connection was given time to wait for an upstream, and must get its own time back.
    const body = '{"model":"brief","messages":[{"role":"user","content":"hi"}]}'
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    const ended = await Promise.race([closed, Bun.sleep(6500).then(() => 'open')])
    socket.destroy()
    expect(ended).toBe(closes ? 'closed' : 'open')
  })
})

describe('max_body_size', () => {
  test('is enforced on the wire, whether a body is announced or comes in chunks', async () => {
    await using gateway = await startGateway(`max_body_size: 64kb\n${mock}`)
    const bodyOf = (size: number): string => {
      const frame = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: '' }] })
      return frame.replace('""', `"${'x'.repeat(size - frame.length)}"`)
    }
    const request = (body: string | ReadableStream): RequestInit => ({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    for (const [size, status] of [
      [65_536, 200],
      [65_537, 413],
      [8_000_000, 413],
    ] as const) {
      const announced = await fetch(`${gateway.url}/v1/chat/completions`, request(bodyOf(size)))
      const inChunks = await fetch(`${gateway.url}/v1/chat/completions`, request(new Blob([bodyOf(size)]).stream()))
      expect([size, announced.status, inChunks.status]).toEqual([size, status, status])
      if (status !== 413) continue
      for (const answer of [announced, inChunks])
        expect(await answer.json()).toMatchObject({ error: { code: 'body_too_large' } })
    }
    // An honest client that asks before it sends is told before it sends.
    const asked = await toldBeforeSending(gateway, 65_537)
    expect(asked).toStartWith('HTTP/1.1 413')
  })
})

/** The beginning of the answer to a request of which only the head is sent. */
async function toldBeforeSending(gateway: RunningGateway, bytes: number): Promise<string> {
  const { hostname, port } = new URL(gateway.url)
  const socket = connect(Number(port), hostname)
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: gateway', 'Content-Type: application/json']
  socket.write(`${[...head, `Content-Length: ${bytes}`, 'Connection: close'].join('\r\n')}\r\n\r\n`)
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.once('data', (data) => resolve(String(data)))
      socket.once('error', reject)
    })
  } finally {
    socket.destroy()
  }
}

describe.skipIf(isWindows)('shutdown.drain_timeout', () => {
  test.each([
    { timeout: '200ms', alias: 'endless', isWhole: false, says: 'Shut down by force: 1 request was cut' },
    { timeout: '0', alias: 'brief', isWhole: false, says: 'Shut down by force: 1 request was cut' },
    { timeout: '20s', alias: 'brief', isWhole: true, says: 'Shut down: 0 requests in flight' },
  ])('B118: $timeout is how long a running stream may go on ($alias)', async ({ timeout, alias, isWhole, says }) => {
    await using gateway = await startGateway(`shutdown: { drain_timeout: ${timeout} }\n${mock}`)
    using client = await rawClient(gateway.url)
    const stream = client.send(chatRequest(alias))
    await stream.begun
    const startedMs = performance.now()
    expect(await gateway.stop()).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(5000)
    const answer = await stream.ended
    expect(answer.isWhole).toBe(isWhole)
    expect(answer.text.includes('[DONE]')).toBe(isWhole)
    if (!isWhole) expect(answer.text).toContain('shutting_down')
    await gateway.told(new RegExp(says))
  })
})
