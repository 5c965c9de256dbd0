import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { plainAnswer, rawOrigin, type RawOrigin } from '../support/raw-origin.ts'
import { askWire, type WireAnswer } from '../support/wire-client.ts'
import { startWebSocketUpstream, WebSocketClient } from '../support/ws-upstream.ts'

// Processes start slowly on a busy machine.
setDefaultTimeout(20_000)

const key = 'sk-client-0123456789'
const bearer: readonly [string, string] = ['Authorization', `Bearer ${key}`]
let first: RawOrigin
let second: RawOrigin

beforeAll(async () => {
  first = await rawOrigin((peer) => peer.write(plainAnswer('from the first')))
  second = await rawOrigin((peer) => peer.write(plainAnswer('from the second')))
})

afterAll(async () => {
  await first.stop()
  await second.stop()
})

/** What reached an origin since the last look, as `METHOD target`. */
function asked(origin: RawOrigin): string[] {
  const seen = taken.get(origin) ?? 0
  taken.set(origin, origin.received.length)
  return origin.received.slice(seen).map(({ method, target }) => `${method} ${target}`)
}

const taken = new Map<RawOrigin, number>()

beforeEach(() => {
  asked(first)
  asked(second)
})

const common = `
proxy_api_key: ${key}
health_check: { enabled: false }
fallback: { cooldown_seconds: 0 }
trusted_proxies: [127.0.0.1]
`

describe('paths', () => {
  let gateway: RunningGateway

  beforeAll(async () => {
    gateway = await startGateway(`${common}
services:
  svc:
    model:
      m: { backends: [{ id: a, url: "${first.url.origin}/" }] }
      meta/llama: { backends: [{ id: a, url: "${second.url.origin}" }] }
  服务名:
    models: { 模型名: { backends: [{ id: 唯一标识, url: "${first.url.origin}" }] } }
`)
  })

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
  })

  test.each([
    ['/svc/m/a%2Fb?x=%20', '/a%2Fb?x=%20'],
    ['/svc/m/a%2fb/%C3%A9/%e5%90%8d?x=a+b&y&=&&', '/a%2fb/%C3%A9/%e5%90%8d?x=a+b&y&=&&'],
    ['/svc/m//v1//x/', '//v1//x/'],
    ["/svc/m/!$&'()*+,;=:@-._~", "/!$&'()*+,;=:@-._~"],
    ['/svc/m/%zz', '/%zz'],
    ['/s%76c/m/v1', '/v1'],
    ['/svc/m', '/'],
    ['/svc/m?x=1', '/?x=1'],
    ['/svc/m/', '/'],
    ['/%E6%9C%8D%E5%8A%A1%E5%90%8D/%E6%A8%A1%E5%9E%8B%E5%90%8D/v1/models', '/v1/models'],
  ])('D02 D04 N303 N316: %s arrives as %s', async (target, wanted) => {
    expect((await askWire(gateway.url, { target, headers: [bearer] })).status).toBe(200)
    expect(asked(first)).toEqual([`GET ${wanted}`])
  })

  test.each(['/svc/meta%2Fllama/v1/models', '/svc/meta/llama/v1/models'])('D82: %s', async (target) => {
    expect((await askWire(gateway.url, { target, headers: [bearer] })).text).toBe('from the second')
    expect(asked(second)).toEqual(['GET /v1/models'])
  })

  test.each([
    ['/svc/m/../../v1/models', 200],
    ['/svc/m/%2e%2e/nope', 404],
    ['/svc/m/../meta/llama/x', 200],
  ])('what climbs out of a service with %s is where it climbed to', async (target, status) => {
    expect((await askWire(gateway.url, { target, headers: [bearer] })).status).toBe(status)
    // The path that counts is the path that is seen: nothing reaches a backend by another way than its own.
    expect(asked(first)).toEqual([])
  })
})

describe('two backends', () => {
  const pair = (more = ''): string => `${common}
services:
  svc: { models: { m: { backends: [{ id: a, url: "${first.url.origin}" }, { id: b, url: "${second.url.origin}" }${more}] } } }
`

  async function from(gateway: RunningGateway, address: string): Promise<WireAnswer> {
    return await askWire(gateway.url, { target: '/svc/m/x', headers: [bearer, ['X-Real-IP', address]] })
  }

  test('D18 D19 D23: clients behind a trusted proxy take turns, and each stays', async () => {
    await using gateway = await startGateway(pair())
    const where = new Map<string, string>()
    for (let round = 0; round < 3; round += 1) {
      for (let client = 0; client < 4; client += 1) {
        const { text } = await from(gateway, `192.0.2.${client}`)
        expect(where.get(`${client}`) ?? text).toBe(text)
        where.set(`${client}`, text)
      }
    }
    expect([...where.values()].filter((text) => text === 'from the first').length).toBe(2)
  })

  test('D66: what a reload takes away gets nothing any more, and what it brings does', async () => {
    await using gateway = await startGateway(pair())
    for (let client = 0; client < 4; client += 1) await from(gateway, `192.0.2.${client}`)
    expect(asked(second).length).toBe(2)
    gateway.rewrite(pair().replace(/, \{ id: b[^}]*\}/, ''))
    await gateway.told(/service svc\/m: backend b removed/)
    for (let client = 0; client < 4; client += 1) {
      expect((await from(gateway, `192.0.2.${client}`)).text).toBe('from the first')
    }
    gateway.rewrite(pair())
    await gateway.told(/service svc\/m: backend b added/)
    for (let client = 0; client < 4; client += 1) await from(gateway, `198.51.100.${client}`)
    expect(asked(second).length).toBe(2)
  })

  test('D21: one that dies is stood in for at once, and comes back', async () => {
    let mortal = await rawOrigin((peer) => peer.write(plainAnswer('alive')))
    const { port } = mortal.url
    try {
      await using gateway = await startGateway(`${common}
services:
  svc: { models: { m: { affinity: { by: "off" }, backends: [{ id: a, url: "${mortal.url.origin}" }, { id: b, url: "${first.url.origin}", weight: 0 }] } } }
`)
      const ask = async (): Promise<string> =>
        (await askWire(gateway.url, { method: 'POST', target: '/svc/m/x', headers: [bearer], body: 'hello' })).text
      expect(await ask()).toBe('alive')
      await mortal.stop()
      expect(await ask()).toBe('from the first')
      expect(first.received.at(-1)?.body.toString()).toBe('hello')
      mortal = await rawOrigin((peer) => peer.write(plainAnswer('alive')), { port: Number(port) })
      expect(await ask()).toBe('alive')
    } finally {
      await mortal.stop()
    }
  })
})

test('WebSockets are relayed too: to a service, and to passthrough with the model that the client names', async () => {
  await using upstream = startWebSocketUpstream()
  const url = `http://127.0.0.1:${upstream.port}`
  await using gateway = await startGateway(`${common}
services: { svc: { models: { m: { backends: [{ id: a, url: "${url}/base", api_key: sk-of-a }] } } } }
passthrough: { backends: [{ id: p, url: "${url}/other" }] }
`)
  const targets = ['/svc/m/v1/realtime?x=a%20b', '/v1/realtime?model=any', '/socket']
  for (const target of targets) {
    const client = new WebSocketClient(gateway.url + target, { headers: { authorization: `Bearer ${key}` } })
    await client.opened
    client.socket.send('hello')
    await client.has(1)
    expect(client.received).toEqual(['hello'])
    client.socket.close()
  }
  expect(upstream.asked.map((request) => request.url.slice(url.length))).toEqual([
    '/base/v1/realtime?x=a%20b',
    '/other/v1/realtime?model=any',
    '/other/socket',
  ])
  expect(upstream.asked.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer sk-of-a', null, null])
})

describe('a proxy that programs are told to use', () => {
  let gateway: RunningGateway
  let port = ''

  beforeAll(async () => {
    gateway = await startGateway(`${common.replace(`proxy_api_key: ${key}`, '')}
forward_proxy: { enabled: true }
passthrough: { backends: [{ id: flow, url: "${first.url.origin}/flow-llm-proxy", api_key: sk-of-flow }] }
`)
    port = new URL(gateway.url).port
  })

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
  })

  async function curl(...args: string[]): Promise<{ readonly status: string; readonly body: string }> {
    const child = Bun.spawn(
      ['curl', '-sS', '-m', '5', '-w', '\n%{http_code}', '-x', gateway.url, '--noproxy', '', ...args],
      {
        stderr: 'pipe',
      },
    )
    const [out, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    const [, body = '', status = ''] = /^([^]*)\n(\d{3})$/.exec(out) ?? []
    return { status, body: body + error }
  }

  test('A51: curl -x: a request for the backend is signed and sent there, its base path not doubled', async () => {
    const { status, body } = await curl(
      `${first.url.origin}/flow-llm-proxy/v1/models?x=1`,
      '-H',
      'Proxy-Authorization: Basic eA==',
    )
    expect([status, body]).toEqual(['200', 'from the first'])
    const [request] = first.received.slice(-1)
    expect(asked(first)).toEqual(['GET /flow-llm-proxy/v1/models?x=1'])
    expect(request?.header('authorization')).toBe('Bearer sk-of-flow')
    expect([request?.header('proxy-connection'), request?.header('proxy-authorization')]).toEqual([
      undefined,
      undefined,
    ])
  })

  test('A51: a POST with a body goes the same way, unread', async () => {
    const { status } = await curl(`${first.url.origin}/flow-llm-proxy/v1/messages`, '-d', '{ "model": "x" }')
    expect(status).toBe('200')
    expect(first.received.at(-1)?.body.toString()).toBe('{ "model": "x" }')
    expect(asked(first)).toEqual(['POST /flow-llm-proxy/v1/messages'])
  })

  test('A53 N001: curl -x: a request for another host is refused, and goes nowhere', async () => {
    const { status, body } = await curl(`${second.url.origin}/v1/models`)
    expect(status).toBe('403')
    expect(JSON.parse(body)).toEqual({
      error: expect.stringContaining(`Cannot forward to "${second.url.host}"`),
      request_id: expect.any(String),
    })
    expect([asked(first), asked(second)]).toEqual([[], []])
  })

  test('A52: curl -x https://…: there are no tunnels', async () => {
    const { body } = await curl('https://127.0.0.1:1/v1/models')
    expect(body).toContain('405')
    const { status, text } = await askWire(gateway.url, { method: 'CONNECT', target: 'flow.example.com:443' })
    expect([status, JSON.parse(text)]).toEqual([
      405,
      { error: expect.stringContaining('write http:// in place of https://'), request_id: expect.any(String) },
    ])
  })

  test('A17 A20: who connects directly is served as ever', async () => {
    const answer = await fetch(`${gateway.url}/v1/models?x=1`)
    expect(await answer.text()).toBe('from the first')
    expect(asked(first)).toEqual(['GET /flow-llm-proxy/v1/models?x=1'])
    expect((await fetch(`http://localhost:${port}/health`)).status).toBe(200)
  })

  test('an address that does not fit its Host counts for nothing: what is sent goes to our backend alone', async () => {
    const answer = await askWire(gateway.url, {
      target: `${second.url.origin}/v1/models`,
      headers: [['X-Ignored', 'the client writes Host: gateway']],
    })
    expect(answer.status).toBe(403)
    expect([asked(first), asked(second)]).toEqual([[], []])
  })
})

describe('pages and ids on the wire', () => {
  test('A27 C418 D56 D57: a question of a browser, by curl', async () => {
    await using gateway = await startGateway(`${common}
cors: { allowed_origins: ['http://a'] }
services: { svc: { models: { m: { backends: [{ id: a, url: "${first.url.origin}" }] } } } }
`)
    for (const path of ['/svc/m/v1/models', '/v1/models']) {
      const child = Bun.spawn(
        [
          'curl',
          '-s',
          '-i',
          '-m',
          '5',
          '-X',
          'OPTIONS',
          '-H',
          'Origin: http://a',
          '-H',
          'Access-Control-Request-Method: POST',
          gateway.url + path,
        ],
        { stderr: 'ignore' },
      )
      const answer = (await new Response(child.stdout).text()).toLowerCase()
      expect(answer).toStartWith('http/1.1 204')
      expect(answer).toContain('\r\naccess-control-allow-origin: http://a\r\n')
      expect(answer).toContain('\r\nx-request-id: req_')
    }
    const evil = await askWire(gateway.url, {
      target: '/svc/m/x',
      headers: [bearer, ['Origin', 'http://evil'], ['X-Request-ID', 'mine']],
    })
    expect([evil.status, evil.header('access-control-allow-origin'), evil.header('x-request-id')]).toEqual([
      200,
      undefined,
      'mine',
    ])
    // N315
    expect(evil.headers.filter(([name]) => name.toLowerCase() === 'date').length).toBe(1)
    expect(asked(first)).toEqual(['GET /x'])
  })
})
