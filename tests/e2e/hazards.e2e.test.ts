import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askChat } from '../support/ask.ts'
import { eventually } from '../support/eventually.ts'
import { command, startGateway, type RunningGateway } from '../support/gateway.ts'
import { isLinux, openFiles } from '../support/process.ts'
import { chatRequest, rawClient, rawRequest } from '../support/raw-client.ts'
import { chunkedHead, plainAnswer, rawOrigin, type RawOrigin, type RawPeer } from '../support/raw-origin.ts'

// What the platform does by itself and a gateway must not; those that bad input shows are in bad-input.e2e.test.ts.

const good = plainAnswer('{"choices":[]}', ['Content-Type: application/json'])

/** What an upstream does, by the model that it is asked for. */
const scripts: Record<string, (peer: RawPeer) => void> = {
  ok: (peer) => peer.write(good),
  'status-99': (peer) => peer.end('HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\n{}'),
  'status-600': (peer) => peer.end('HTTP/1.1 600 High\r\nContent-Length: 2\r\n\r\n{}'),
  'status-999': (peer) => peer.end('HTTP/1.1 999 Higher\r\nContent-Length: 2\r\n\r\n{}'),
  'status-101': (peer) => peer.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n'),
  'no-body': (peer) => {
    peer.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n')
    peer.reset()
  },
  'bad-chunk': (peer) => peer.end(`${chunkedHead('application/json')}zz\r\n`),
  typeless: (peer) => peer.write(plainAnswer('{"choices":[]}')),
  overloaded: (peer) =>
    peer.write(plainAnswer('{"error":{}}', ['Content-Type: application/json'], '529 Site overloaded')),
  'long-error': (peer) =>
    peer.write(
      plainAnswer(`{"error":{"message":"${'a'.repeat(12_000)}"}}`, ['Content-Type: application/json'], '500 No'),
    ),
}

let origin: RawOrigin
let elsewhere: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  elsewhere = await rawOrigin((peer) => peer.write(good))
  scripts['redirect'] = (peer) =>
    peer.write(plainAnswer('', [`Location: ${elsewhere.url.origin}/v1/messages`], '307 Temporary Redirect'))
  origin = await rawOrigin((peer) => {
    scripts[/"model"\s*:\s*"([^"]*)"/.exec(peer.request.body.toString())?.[1] ?? '']?.(peer)
  })
  gateway = await startGateway(`
backends:
  - { name: "阿里 云", url: "${origin.url.origin}/v1", api_key: sk-backend-0123456789 }
  - { name: claude, url: "${origin.url.origin}", protocol: anthropic, api_key: sk-ant-0123456789 }
models:
${Object.keys(scripts)
  .map((name) => `  "${name}": { routes: [{ backend: "阿里 云", model: "${name}" }] }`)
  .join('\n')}
  "通义": { routes: [{ backend: "阿里 云", model: ok }] }
  claude: { routes: [{ backend: claude, model: redirect }] }
headers: { debug: true }
fallback: { cooldown_seconds: 0 }
detection: { error_codes: ["4xx", "5xx"], error_patterns: ["re:(a+)+$", "re:(.*x.*y)+z", "quota"] }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([origin.stop(), elsewhere.stop()])
})

describe('headers', () => {
  test('H7: those about the connection are not passed on, nor those that Connection names', async () => {
    const before = origin.received.length
    const about = {
      connection: 'close, X-Mine',
      'keep-alive': 'timeout=5',
      te: 'trailers',
      trailer: 'X-T',
      'proxy-authorization': 'Basic eDp5',
      'proxy-connection': 'keep-alive',
      'http2-settings': 'AAMAAABkAAQAAP__',
      'x-mine': '1',
      cookie: 'a=b',
    }
    const answer = await askChat(gateway.url, 'ok', {}, { ...about, 'x-other': '2' })
    expect(answer.status).toBe(200)
    const [request] = origin.received.slice(before)
    expect(request?.header('x-other')).toBe('2')
    for (const name of Object.keys(about)) expect([name, request?.header(name)]).toEqual([name, undefined])
    expect(request?.header('host')).toBe(origin.url.host)
  })

  test('H22: names that no header can hold are told percent-encoded', async () => {
    const answer = await askChat(gateway.url, '通义')
    expect(answer.status).toBe(200)
    expect(decodeURIComponent(answer.headers.get('x-llm-proxy-backend') ?? '')).toBe('阿里 云')
    expect(answer.headers.get('x-llm-proxy-backend')).toMatch(/^[!-~]+$/)
  })
})

describe('an upstream', () => {
  test.each(['status-99', 'status-600', 'status-999', 'status-101'])(
    'H14: whose status is none (%s) is a failure',
    async (model) => {
      const { status, text } = await askChat(gateway.url, model)
      expect(status).toBe(502)
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'upstream_invalid_response' } })
    },
  )

  test.each(['no-body', 'bad-chunk'])(
    'H15: whose body breaks before it begins is a 502, no reset (%s)',
    async (model) => {
      const { status, text } = await askChat(gateway.url, model)
      expect(status).toBe(502)
      expect(JSON.parse(text)).toMatchObject({ error: { type: 'upstream_error' } })
    },
  )

  test('H16: that names no type, or a status of its own, is passed on', async () => {
    const typeless = await askChat(gateway.url, 'typeless')
    expect([typeless.status, typeless.text]).toEqual([200, '{"choices":[]}'])
    const overloaded = await askChat(gateway.url, 'overloaded')
    expect([overloaded.status, overloaded.text]).toEqual([529, '{"error":{}}'])
  })

  test('H19: that redirects gets no other address a key', async () => {
    const body = '{"model":"claude","max_tokens":1,"messages":[]}'
    const headers = { 'content-type': 'application/json' }
    const answer = await rawRequest(gateway.url, { method: 'POST', path: '/v1/messages', headers, body })
    expect(answer.status).toBe(502)
    expect(answer.headers.has('location')).toBe(false)
    expect(origin.received.at(-1)?.header('x-api-key')).toBe('sk-ant-0123456789')
    expect(elsewhere.connections).toBe(0)
  })

  test('H24, B71: whose error is made for the patterns does not stop the process', async () => {
    const startedMs = performance.now()
    expect((await askChat(gateway.url, 'long-error')).status).toBe(500)
    expect(performance.now() - startedMs).toBeLessThan(1000)
  })
})

describe('memory', () => {
  const large = { padding: 'x'.repeat(1_100_000) }

  test('F95: server.memory_limit is where large bodies are refused, and nothing else', async () => {
    const config = (limit: string): string => `
server: { memory_limit: ${limit} }
backends: [{ name: up, url: "mock://up" }]
models:
  m: { routes: [{ backend: up, model: ok }] }
  slow: { routes: [{ backend: up, model: "tokens=40+gap=30" }] }
`
    await using short = await startGateway(config('16mb'))
    await short.told(/\[WARN\] Memory is short: \d+ MB of 16 MB in use/)
    using client = await rawClient(short.url)
    const stream = client.send(chatRequest('slow'))
    await stream.begun
    const refused = await askChat(short.url, 'm', large)
    expect(refused.status).toBe(503)
    expect(JSON.parse(refused.text)).toMatchObject({ error: { type: 'server_error', code: 'overloaded' } })
    expect([refused.headers.get('retry-after'), refused.headers.get('x-should-retry')]).toEqual(['5', 'true'])
    expect((await askChat(short.url, 'm')).status).toBe(200)
    expect((await rawRequest(short.url, { path: '/health' })).status).toBe(200)
    expect((await stream.ended).isWhole).toBe(true)

    short.rewrite(config('0'))
    await short.told(/There is memory again/)
    expect((await askChat(short.url, 'm', large)).status).toBe(200)
  })

  test('F95: without a limit there is room', async () => {
    expect((await askChat(gateway.url, 'ok', large)).status).toBe(200)
    expect(gateway.output()).not.toContain('Memory is short')
  })
})

describe.skipIf(process.platform === 'win32')('the process', () => {
  test('F94, F79: that stood still says so, and serves on', async () => {
    await using stalled = await startGateway(`
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }
`)
    expect((await askChat(stalled.url, 'm')).status).toBe(200)
    stalled.signal('SIGSTOP')
    await Bun.sleep(1500)
    stalled.signal('SIGCONT')
    const [, ms = ''] = await stalled.told(/\[WARN\] The process stood still for (\d+)ms with 0 requests in flight/)
    expect(Number(ms)).toBeGreaterThan(1000)
    expect((await askChat(stalled.url, 'm')).status).toBe(200)
  })

  test('F49: with 2,000 idle connections serves all others, and has room again when they leave', async () => {
    const sockets = await Promise.all(Array.from({ length: 2000 }, async () => await dial(gateway.url)))
    const startedMs = performance.now()
    expect((await rawRequest(gateway.url, { path: '/health' })).status).toBe(200)
    expect((await askChat(gateway.url, 'ok')).status).toBe(200)
    expect(performance.now() - startedMs).toBeLessThan(2000)
    for (const socket of sockets) socket.destroy()
    if (!isLinux) return
    const seen = (): string => `${openFiles(gateway.pid).length} descriptors`
    await eventually(() => openFiles(gateway.pid).length < 200, seen)
  })

  test('F50: without descriptors left keeps others waiting, and nobody is lost when there are some again', async () => {
    await using narrow = await startNarrow()
    using early = await rawClient(narrow.url)
    const answered = await early.send({ path: '/health' }).ended
    expect(answered.status).toBe(200)
    const sockets = await Promise.all(Array.from({ length: 100 }, async () => await dial(narrow.url)))
    // Who is in already is served.
    expect((await early.send({ path: '/health' }).ended).status).toBe(200)
    const late = rawRequest(narrow.url, { path: '/health' })
    for (const socket of sockets) socket.destroy()
    expect((await late).status).toBe(200)
    expect((await askChat(narrow.url, 'm')).status).toBe(200)
  })
})

async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  return await new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket))
    socket.once('close', () => reject(new Error('It was not taken')))
  })
}

describe('the own limit of fetch for a silent upstream', () => {
  // Six minutes, unless this variable says something else, in seconds.
  const env = { BUN_CONFIG_HTTP_IDLE_TIMEOUT: '1' }
  const silenceMs = 9000

  test('H10: ends no request through it, neither before the head nor in the middle of a body', async () => {
    let asked = 0
    using slow = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      idleTimeout: 0,
      async fetch(request) {
        asked += 1
        const { model = '' } = (await request.json()) as { model?: string }
        if (model !== 'body') await Bun.sleep(silenceMs)
        return new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue('{"choices":')
              if (model === 'body') await Bun.sleep(silenceMs)
              controller.enqueue('[]}')
              controller.close()
            },
          }),
          { headers: { 'content-type': 'application/json' } },
        )
      },
    })
    await using patient = await startGateway(
      `backends: [{ name: up, url: "${slow.url.href}v1", transport: fetch }]
models: { head: { routes: [{ backend: up, model: head }] }, body: { routes: [{ backend: up, model: body }] } }`,
      { env: { ...env, BUN_CONFIG_MAX_HTTP_REQUESTS: '65535' } },
    )
    const asks = ['head', 'body'].map(async (model) => {
      const { status, text } = await rawRequest(patient.url, chatRequest(model, { stream: false }))
      return [model, status, text]
    })
    const plain = `fetch("${slow.url.href}", { method: "POST", body: "{}" }).catch((error) => console.log(error.name))`
    const child = Bun.spawn([process.execPath, '-e', plain], { env: { ...process.env, ...env }, stdout: 'pipe' })
    expect((await child.stdout.text()).trim()).toBe('TimeoutError')
    const whole = '{"choices":[]}'
    expect(await Promise.all(asks)).toEqual([
      ['head', 200, whole],
      ['body', 200, whole],
    ])
    expect(asked).toBe(3)
  }, 20_000)
})

/** A gateway that may open 64 descriptors. */
async function startNarrow(): Promise<{ readonly url: string } & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
  const yaml =
    'listen: "127.0.0.1:0"\nbackends: [{ name: up, url: "mock://up" }]\nmodels: { m: { routes: [{ backend: up, model: ok }] } }\n'
  writeFileSync(join(folder, 'config.yaml'), yaml)
  const child = Bun.spawn(['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh', ...command, '-config', 'config.yaml'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let text = ''
  const decoder = new TextDecoder()
  let url = ''
  for await (const part of child.stdout) {
    text += decoder.decode(part, { stream: true })
    url = /listening on (http:\S+)/.exec(text)?.[1] ?? ''
    if (url !== '') break
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
