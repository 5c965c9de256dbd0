import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect as connectTo } from 'node:net'
import { createServer } from 'node:tls'
import OpenAI from 'openai'
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import { eventually } from '../support/eventually.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { isLinux, residentBytes } from '../support/process.ts'
import { rawClient, type ClientHead } from '../support/raw-client.ts'
import { selfSigned } from '../support/tls.ts'
import { startWebSocketUpstream, WebSocketClient, type Accepted } from '../support/ws-upstream.ts'

const clientKey = 'sk-client-of-the-gateway'

/** A gateway before these upstreams, the first of which is asked first. Each is `name: port`. */
async function gatewayBefore(ports: Readonly<Record<string, number>>, extra = ''): Promise<RunningGateway> {
  const names = Object.keys(ports)
  const backends = names.map((name) => {
    return `  - { name: ${name}, protocol: openai, url: "http://127.0.0.1:${ports[name]}/v1", api_key: sk-of-${name} }`
  })
  const routes = names.map(
    (name, index) => `      - { backend: ${name}, model: ${name}-model, priority: ${index + 1} }`,
  )
  return await startGateway(`proxy_api_key: ${clientKey}
backends:
${backends.join('\n')}
models:
  voice:
    routes:
${routes.join('\n')}
${extra}`)
}

const authorized = { headers: { authorization: `Bearer ${clientKey}` } }

function connect(
  gateway: RunningGateway,
  protocols: string[] = [],
  path = '/v1/realtime?model=voice',
): WebSocketClient {
  return new WebSocketClient(`${gateway.url}${path}`, { ...authorized, protocols })
}

/** Asks for a WebSocket by hand, to see the answer itself. */
async function ask(
  gateway: RunningGateway,
  headers: Readonly<Record<string, string | undefined>> = {},
  path = '/v1/realtime?model=voice',
): Promise<ClientHead & { readonly text: string }> {
  using client = await rawClient(gateway.url)
  const opening = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...authorized.headers,
    ...headers,
  }
  const given = Object.entries(opening).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  const exchange = client.send({ path, headers: Object.fromEntries(given) })
  const head = await exchange.head
  return head.status === 101 ? { ...head, text: '' } : await exchange.ended
}

describe('a WebSocket through the gateway', () => {
  const seen: Accepted[] = []
  const upstream = startWebSocketUpstream({
    onOpen: (accepted) => void seen.push(accepted),
    onMessage({ socket, received }, message) {
      received.push(message)
      const [, code, reason] = /^close (\d+) ?(.*)$/.exec(String(message)) ?? []
      if (code !== undefined) socket.close(Number(code), reason)
      else if (message === 'die') socket.terminate()
      else socket.send(message)
    },
  })
  let gateway: RunningGateway
  beforeAll(
    async () => void (gateway = await gatewayBefore({ one: upstream.port }, 'fallback: { cooldown_seconds: 0 }\n')),
  )
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })

  test('carries texts and binaries both ways, unchanged and in order', async () => {
    const client = connect(gateway)
    await client.opened
    const said = ['', 'hello', Buffer.alloc(0), Buffer.from([0, 255, 128]), '😀\uFEFFü', 'x'.repeat(70_000), 'end']
    for (const message of said) client.socket.send(message)
    await client.has(said.length)
    expect(client.received).toEqual(said)
    expect(seen.at(-1)?.received).toEqual(said)
    client.socket.close()
    await client.closed
  })

  test('carries messages of a megabyte', async () => {
    const client = connect(gateway)
    await client.opened
    const blob = Buffer.from(Uint8Array.from({ length: 1_048_576 }, (_, index) => (index * 7) >> 3))
    const text = '0123456789abcdé'.repeat(70_000)
    client.socket.send(blob)
    client.socket.send(text)
    await client.has(2)
    expect(blob.equals(client.received[0] as Buffer)).toBe(true)
    expect(client.received[1] === text).toBe(true)
    client.socket.close()
    await client.closed
  })

  test('is opened upstream under the backend’s key and its name of the model, without what is ours', async () => {
    const path = '/v1/realtime?intent=x%20y&model=voice&key=nothing'
    const client = new WebSocketClient(`${gateway.url}${path}`, {
      headers: { authorization: `Bearer ${clientKey}`, 'openai-beta': 'realtime=v1', 'x-forwarded-for': '1.2.3.4' },
    })
    // Two different keys are one too many.
    expect(client.opened).rejects.toThrow('401')
    const good = new WebSocketClient(`${gateway.url}/v1/realtime?intent=x%20y&model=voice`, {
      headers: { authorization: `Bearer ${clientKey}`, 'openai-beta': 'realtime=v1', 'x-forwarded-for': '1.2.3.4' },
    })
    await good.opened
    const request = seen.at(-1)?.request
    expect(request?.url).toEndWith('/v1/realtime?intent=x%20y&model=one-model')
    const { headers } = request ?? new Request('http://none')
    expect(headers.get('authorization')).toBe('Bearer sk-of-one')
    expect(headers.get('openai-beta')).toBe('realtime=v1')
    expect(headers.get('host')).toBe(`127.0.0.1:${upstream.port}`)
    for (const name of ['x-forwarded-for', 'sec-websocket-extensions', 'sec-websocket-protocol']) {
      expect(headers.has(name)).toBe(false)
    }
    good.socket.close()
    await good.closed
  })

  test.each<{ offered: string[]; chosen: string }>([
    { offered: ['realtime', 'json'], chosen: 'realtime' },
    { offered: ['json'], chosen: 'json' },
    { offered: [], chosen: '' },
  ])('keeps the subprotocol: of $offered the upstream chooses $chosen', async ({ offered, chosen }) => {
    const client = connect(gateway, offered)
    await client.opened
    expect(client.socket.protocol).toBe(chosen)
    expect(seen.at(-1)?.request.headers.get('sec-websocket-protocol') ?? '').toBe(offered.join(', '))
    client.socket.close()
    await client.closed
  })

  test('takes the key that browsers put among the subprotocols, and keeps it from the upstream', async () => {
    const protocols = ['realtime', `openai-insecure-api-key.${clientKey}`, 'openai-beta.realtime-v1']
    const client = new WebSocketClient(`${gateway.url}/v1/realtime?model=voice`, { protocols })
    await client.opened
    expect(client.socket.protocol).toBe('realtime')
    const request = seen.at(-1)?.request
    expect(request?.headers.get('sec-websocket-protocol')).toBe('realtime, openai-beta.realtime-v1')
    expect(request?.headers.get('authorization')).toBe('Bearer sk-of-one')
    client.socket.close()
    await client.closed
    expect(gateway.output()).not.toContain(clientKey)
  })

  test('takes the key that Azure’s clients put into the query, and keeps it from the upstream', async () => {
    const client = new WebSocketClient(`${gateway.url}/v1/realtime?model=voice&api-key=${clientKey}&x=1`)
    await client.opened
    expect(seen.at(-1)?.request.url).toEndWith('/v1/realtime?model=one-model&x=1')
    client.socket.close()
    await client.closed
    expect(gateway.output()).not.toContain(clientKey)
  })

  test.each([
    { code: 1000, reason: '' },
    { code: 1000, reason: 'all said' },
    { code: 3001, reason: 'of an application' },
    { code: 4999, reason: 'ä'.repeat(61) },
  ])('closes upstream as the client does: $code $reason', async ({ code, reason }) => {
    const client = connect(gateway)
    await client.opened
    client.socket.send('first')
    client.socket.close(code, reason)
    const accepted = await eventually(() => seen.at(-1))
    expect(await accepted.closed).toEqual({ code, reason })
    expect(accepted.received).toEqual(['first'])
    await gateway.told(new RegExp(`Request finished: backend=one status=101`))
  })

  test.each([
    { code: 1000, reason: '' },
    { code: 1001, reason: 'the session is over' },
    { code: 1008, reason: 'not allowed' },
    { code: 1011, reason: 'a fault of mine' },
    { code: 1013, reason: '' },
    { code: 4000, reason: 'ä'.repeat(61) },
  ])('closes the client as the upstream does: $code $reason', async ({ code, reason }) => {
    const client = connect(gateway)
    await client.opened
    client.socket.send(`close ${code} ${reason}`.trim())
    expect(await client.closed).toEqual({ code, reason })
  })

  test('passes on a close without a code', async () => {
    const client = connect(gateway)
    await client.opened
    client.socket.send('close 1005')
    expect((await client.closed).code).toBe(1005)
  })

  test('an upstream that dies closes the client with 1011 and leaves a line', async () => {
    const client = connect(gateway)
    await client.opened
    client.socket.send('hello')
    await client.has(1)
    client.socket.send('die')
    expect(await client.closed).toEqual({ code: 1011, reason: 'the upstream connection broke' })
    await gateway.told(/Stream broken: backend=one .* bytes=5 .*reason=the upstream broke/)
  })

  test('a client that vanishes leaves no upstream behind', async () => {
    const client = connect(gateway)
    await client.opened
    client.socket.terminate()
    const accepted = await eventually(() => seen.at(-1))
    expect(await accepted.closed).toEqual({ code: 1001, reason: 'the client is gone' })
    await gateway.told(/Client closed the connection: backend=one/)
  })

  test('B77 a message over 16 MB closes the client with 1009, and the upstream goes with it', async () => {
    const client = connect(gateway)
    await client.opened
    client.socket.send(Buffer.alloc(17 * 1024 * 1024))
    expect((await client.closed).code).toBe(1009)
    expect((await (await eventually(() => seen.at(-1))).closed).code).toBe(1001)
  })

  test('tells the id of the request in the answer that opens it', async () => {
    const answer = await ask(gateway, { 'sec-websocket-protocol': 'realtime' })
    expect(answer.status).toBe(101)
    expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/)
    expect(answer.headers.get('x-llm-proxy-upstream-id')).toBe('upstream-7')
    expect(answer.headers.get('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    expect(answer.headers.get('sec-websocket-protocol')).toBe('realtime')
  })
})

describe('an opening that is refused', () => {
  const upstream = startWebSocketUpstream()
  let gateway: RunningGateway
  beforeAll(async () => {
    gateway = await gatewayBefore(
      { one: upstream.port },
      `  pretended:
    routes:
      - { backend: one, model: mock-1, priority: 1 }
`,
    )
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await upstream[Symbol.asyncDispose]()
  })

  test.each<{
    name: string
    headers?: Record<string, string | undefined>
    path?: string
    status: number
    says: string
  }>([
    {
      name: 'B77 of an old version',
      headers: { 'sec-websocket-version': '8' },
      status: 400,
      says: 'Sec-WebSocket-Version is not 13',
    },
    { name: 'without a key of its own', headers: { 'sec-websocket-key': 'x' }, status: 400, says: 'Sec-WebSocket-Key' },
    { name: 'without a client key', headers: { authorization: undefined }, status: 401, says: 'carries no API key' },
    { name: 'with a wrong client key', headers: { authorization: 'Bearer no' }, status: 401, says: 'unknown' },
    {
      name: 'with a wrong key among its subprotocols',
      headers: { authorization: undefined, 'sec-websocket-protocol': 'realtime, openai-insecure-api-key.no' },
      status: 401,
      says: 'unknown',
    },
    { name: 'without a model', path: '/v1/realtime', status: 400, says: 'names no model' },
    { name: 'of two models', path: '/v1/realtime?model=voice&model=b', status: 400, says: 'two models' },
    { name: 'of an unknown model', path: '/v1/realtime?model=voic', status: 404, says: 'did you mean' },
    { name: 'of Responses, which say their model later', path: '/v1/responses', status: 426, says: 'names no model' },
    { name: 'outside of /v1', path: '/chat?model=voice', status: 404, says: 'Cannot find this path' },
  ])('$name answers $status', async ({ headers, path, status, says }) => {
    const answer = await ask(gateway, headers, path)
    expect(answer.text).toContain(says)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toContain('json')
    expect(upstream.asked).toHaveLength(0)
  })

  test('B27 another Upgrade is not heeded', async () => {
    expect((await ask(gateway, { upgrade: 'h2c' }, '/health')).status).toBe(200)
    expect((await ask(gateway, {}, '/v1/models')).status).toBe(200)
    expect((await ask(gateway, { upgrade: 'foo' })).status).toBe(404)
  })
})

test('a gateway without keys lets in no page from elsewhere', async () => {
  await using upstream = startWebSocketUpstream()
  await using gateway = await startGateway(`backends:
  - { name: one, protocol: openai, url: "http://127.0.0.1:${upstream.port}/v1" }
models:
  voice: { routes: [{ backend: one, model: m, priority: 1 }] }
`)
  const statusFor = async (origin: string, host = 'gateway'): Promise<number> =>
    (await ask(gateway, { authorization: undefined, origin, host })).status
  expect(await statusFor('https://evil.example')).toBe(401)
  expect(await statusFor('null')).toBe(401)
  // A name that leads to this machine for a moment.
  expect(await statusFor('https://evil.example', 'evil.example')).toBe(403)
  expect(await statusFor('http://localhost:3000')).toBe(101)
  expect((await ask(gateway, { authorization: undefined })).status).toBe(101)
})

describe('an upstream that does not open', () => {
  const answers: Record<string, () => Response> = {
    unauthorized: () => Response.json({ error: { message: 'bad key', code: 'invalid_api_key' } }, { status: 401 }),
    busy: () => Response.json({ error: { message: 'slow down' } }, { status: 429, headers: { 'retry-after': '7' } }),
    plain: () => new Response('hello'),
  }

  test.each([
    { name: 'a 429 goes to the client when nobody else is there', said: 'busy', status: 429, text: 'slow down' },
    {
      name: 'a 401 is about our key, not the client’s',
      said: 'unauthorized',
      status: 502,
      text: 'upstream_auth_failed',
    },
    { name: 'a 200 is no WebSocket', said: 'plain', status: 502, text: '200 instead of opening a WebSocket' },
  ])('$name', async ({ said, status, text }) => {
    await using upstream = startWebSocketUpstream({ refuse: answers[said] ?? (() => undefined) })
    await using gateway = await gatewayBefore({ one: upstream.port })
    const answer = await ask(gateway)
    expect(answer.text).toContain(text)
    expect(answer.status).toBe(status)
    if (said === 'busy') expect(answer.headers.get('retry-after')).toBe('7')
  })

  test('goes on with HTTP for everyone, and says why there is no WebSocket', async () => {
    const chat = { id: 'c', object: 'chat.completion', choices: [{ index: 0, message: { content: 'hi' } }] }
    await using upstream = startWebSocketUpstream({
      refuse: ({ headers }) => (headers.has('upgrade') ? new Response('no', { status: 403 }) : Response.json(chat)),
    })
    await using gateway = await gatewayBefore({ one: upstream.port })
    const answer = await ask(gateway)
    expect(answer.status).toBe(502)
    expect(answer.text).toContain('upstream_error')
    expect(answer.text).toContain('it opens no WebSocket there')
    const spoken = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...authorized.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'voice', messages: [] }),
    })
    expect(await spoken.json()).toEqual(chat)
  })

  test('leaves the session to the next one', async () => {
    await using bad = startWebSocketUpstream({ refuse: answers['unauthorized'] ?? (() => undefined) })
    await using good = startWebSocketUpstream()
    const gone = startWebSocketUpstream()
    await gone.stop()
    await using gateway = await gatewayBefore({ gone: gone.port, bad: bad.port, good: good.port })
    const client = connect(gateway)
    await client.opened
    client.socket.send('hello')
    await client.has(1)
    client.socket.close(1000)
    expect(await client.closed).toEqual({ code: 1000, reason: '' })
    expect(good.asked[0]?.url).toEndWith('/v1/realtime?model=good-model')
    await gateway.told(/Request finished: backend=good status=101 .*attempts=3.* bytes=5/)
  })
})

describe.if(isLinux)('a flood', () => {
  const message = Buffer.alloc(256 * 1024, 7)
  const count = 480
  const boundBytes = 64 * 1024 * 1024

  test('120 MB for a client that reads nothing for a while stay upstream, and none is lost', async () => {
    let left = count
    const pour = ({ socket }: Accepted): void => {
      while (left > 0) {
        message.writeUInt32BE(count - left)
        left -= 1
        if (socket.send(message) === -1) return
      }
      socket.close(3000, 'that was all')
    }
    await using upstream = startWebSocketUpstream({ onOpen: pour, onDrain: pour })
    await using gateway = await gatewayBefore({ one: upstream.port })
    const before = residentBytes(gateway.pid)
    const client = connect(gateway)
    await client.opened
    client.socket.pause()
    // The upstream can go on only as far as buffers between here and there take it.
    let held = -1
    while (held !== left) {
      held = left
      await Bun.sleep(300)
    }
    expect(left).toBeGreaterThan(count / 2)
    expect(residentBytes(gateway.pid) - before).toBeLessThan(boundBytes)
    client.socket.resume()
    expect(await client.closed).toEqual({ code: 3000, reason: 'that was all' })
    expect(client.received.map((part) => (part as Buffer).readUInt32BE())).toEqual(
      Array.from({ length: count }, (_, at) => at),
    )
    expect(residentBytes(gateway.pid) - before).toBeLessThan(boundBytes)
  })

  test('120 MB for an upstream that reads nothing for a while stay with the client, and none is lost', async () => {
    const numbers: number[] = []
    await using upstream = startWebSocketUpstream({
      onOpen: ({ socket }) => socket.pause(),
      onMessage: (_, part) => void numbers.push((part as Buffer).readUInt32BE()),
    })
    await using gateway = await gatewayBefore({ one: upstream.port })
    const before = residentBytes(gateway.pid)
    const client = connect(gateway)
    await client.opened
    for (let at = 0; at < count; at += 1) {
      message.writeUInt32BE(at)
      client.socket.send(message)
    }
    client.socket.close(1000, 'that was all')
    const accepted = await eventually(() => upstream.accepted[0])
    let waiting = -1
    while (waiting !== client.socket.bufferedAmount) {
      waiting = client.socket.bufferedAmount
      await Bun.sleep(300)
    }
    expect(waiting).toBeGreaterThan((count / 2) * message.length)
    expect(residentBytes(gateway.pid) - before).toBeLessThan(boundBytes)
    accepted.socket.resume()
    expect(await accepted.closed).toEqual({ code: 1000, reason: 'that was all' })
    expect(numbers).toEqual(Array.from({ length: count }, (_, at) => at))
    expect(residentBytes(gateway.pid) - before).toBeLessThan(boundBytes)
  })
})

test('a gateway that shuts down says so to both sides, after its time to drain', async () => {
  await using upstream = startWebSocketUpstream()
  await using gateway = await gatewayBefore({ one: upstream.port }, 'shutdown: { drain_timeout: 300ms }\n')
  const client = connect(gateway)
  await client.opened
  client.socket.send('hello')
  await client.has(1)
  gateway.signal('SIGTERM')
  await gateway.told(/Shutting down/)
  expect((await client.closed).code).toBe(1012)
  expect((await upstream.accepted[0]?.closed)?.code).toBe(1001)
  await gateway.exited
  expect(gateway.output()).toMatch(/Stream broken: backend=one .* bytes=5 /)
})

describe('the official client', () => {
  const event = { type: 'session.created', event_id: 'e1', session: {} }

  test.each(['ws', 'websocket'] as const)('openai/realtime/%s talks through the gateway', async (kind) => {
    await using upstream = startWebSocketUpstream({ onOpen: ({ socket }) => void socket.send(JSON.stringify(event)) })
    await using gateway = await gatewayBefore({ one: upstream.port })
    using secured = await startTls(gateway)
    const client = new OpenAI({ baseURL: `${secured.url}/v1`, apiKey: clientKey })
    // The certificate of the test is nobody's; one of these clients has no other place to say so.
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    const realtime =
      kind === 'ws'
        ? await OpenAIRealtimeWS.create(client, { model: 'voice' })
        : await OpenAIRealtimeWebSocket.create(client, { model: 'voice', dangerouslyAllowBrowser: true })
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    const types: string[] = []
    const got = Promise.withResolvers<void>()
    realtime.on('error', (error) => got.reject(error))
    realtime.on('event', ({ type }) => {
      types.push(type)
      if (types.length === 1) realtime.send({ type: 'response.create' })
      else got.resolve()
    })
    await got.promise
    expect<string[]>(types).toEqual(['session.created', 'response.create'])
    realtime.close({ code: 1000, reason: 'OK' })
    expect((await upstream.accepted[0]?.closed)?.code).toBe(1000)
    expect(upstream.asked[0]?.headers.get('authorization')).toBe('Bearer sk-of-one')
    expect(upstream.asked[0]?.headers.get('sec-websocket-protocol') ?? '').not.toContain(clientKey)
  })
})

/** These clients insist on TLS, which the gateway leaves to whatever stands before it. */
async function startTls(gateway: RunningGateway): Promise<Disposable & { readonly url: string }> {
  const { hostname, port } = new URL(gateway.url)
  const server = createServer(selfSigned, (outside) => {
    const inside = connectTo(Number(port), hostname)
    outside.pipe(inside).pipe(outside)
    outside.on('error', () => inside.destroy())
    inside.on('error', () => outside.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    [Symbol.dispose]: () => void server.close(),
  }
}
