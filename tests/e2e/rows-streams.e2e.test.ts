import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { askChat } from '../support/ask.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { chatRequest, rawClient, rawRequest, type ClientExchange } from '../support/raw-client.ts'
import {
  chunk,
  chunkedHead,
  plainAnswer,
  rawOrigin,
  type RawOptions,
  type RawOrigin,
  type RawPeer,
} from '../support/raw-origin.ts'

const content = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
const finish = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
const jsonHead = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n'
const smallJsonHead = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n'
const longJson = `{"choices":[{"message":{"content":"${'x'.repeat(40_000)}`

/** How long the end of one connection may take to reach the other; the promise is 200 ms on a machine with time. */
const promptMs = 1000

async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  return await Promise.race([
    promise,
    Bun.sleep(ms).then(() => {
      throw new Error(`${what} did not happen within ${ms} ms`)
    }),
  ])
}

describe('a client that leaves', () => {
  const phases: Record<
    string,
    {
      readonly script: (peer: RawPeer) => void
      readonly stream: boolean
      /** Resolves when the request is in the phase. */
      readonly reached: (exchange: ClientExchange, origin: RawOrigin) => Promise<unknown>
      readonly options?: RawOptions
      readonly bytes?: number
    }
  > = {
    'before the head': { script: () => {}, stream: true, reached: async (_, origin) => await origin.arrived(1) },
    'before the head of a body': {
      script: () => {},
      stream: false,
      reached: async (_, origin) => await origin.arrived(1),
    },
    'before the first content': {
      script: (peer) =>
        peer.write(chunkedHead() + chunk('data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n')),
      stream: true,
      reached: async (_, origin) => await origin.arrived(1),
    },
    'in the middle of a stream': {
      script: (peer) => peer.write(chunkedHead() + chunk(content)),
      stream: true,
      reached: async (exchange) => await exchange.begun,
    },
    'in the middle of a body': {
      script: (peer) => peer.write(jsonHead + longJson),
      stream: false,
      reached: async (exchange) => await exchange.begun,
    },
    'in the middle of a small body': {
      script: (peer) => peer.write(smallJsonHead + '{"choices":['),
      stream: false,
      reached: async (_, origin) => await origin.arrived(1),
    },
    'in the middle of an error': {
      script: (peer) => peer.write(smallJsonHead.replace('200 OK', '500 No') + '{"error":'),
      stream: false,
      reached: async (_, origin) => await origin.arrived(1),
    },
    'while its request is sent on': {
      script: () => {},
      stream: true,
      options: { onConnect: (socket) => (socket.pause(), false) },
      bytes: 16_000_000,
      reached: async (_, origin) => await origin.opened(1),
    },
  }
  const origins = new Map<string, RawOrigin>()
  let gateway: RunningGateway

  beforeAll(async () => {
    for (const [name, { script, options }] of Object.entries(phases))
      origins.set(name, await rawOrigin(script, options))
    const list = [...origins].map(([name, { url }]) => ({ name, url: url.origin }))
    gateway = await startGateway(`
backends:
${list.map(({ name, url }) => `  - { name: "${name}", url: "${url}/v1" }`).join('\n')}
models:
${list.map(({ name }) => `  "${name}": { routes: [{ backend: "${name}", model: m, priority: 1 }] }`).join('\n')}
`)
  })

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    for (const origin of origins.values()) await origin.stop()
  })

  test.each(Object.keys(phases))('B43, N107: %s takes its upstream request with it', async (name) => {
    const phase = phases[name]
    const origin = origins.get(name)
    if (phase === undefined || origin === undefined) throw new Error(`There is no phase "${name}"`)
    using client = await rawClient(gateway.url)
    const extra = { stream: phase.stream, ...(phase.bytes === undefined ? {} : { padding: 'x'.repeat(phase.bytes) }) }
    const exchange = client.send(chatRequest(name, extra))
    await within(phase.reached(exchange, origin), 5000, 'reaching the phase')
    client.close()
    await within(origin.closed(1), promptMs, 'the end of the upstream connection')
    await gateway.told(new RegExp(`Client closed the connection: backend=${name} `))
    // It is nobody's failure: nothing rests, nothing is told as an error.
    expect(gateway.output()).not.toMatch(/cools down|Attempt failed|\[ERROR\]/)
    expect(origin.connections).toBe(1)
  })
})

describe('a client that leaves while nothing is on its way', () => {
  test.each([
    {
      name: 'between two attempts at one route',
      settings: 'retry: { max_retries: 3, base_delay: 300s, max_delay: 300s, jitter: none }',
      waits: /Waiting 300000ms/,
      before: 0,
    },
    {
      name: 'while all routes rest',
      settings: 'fallback: { cooldown_seconds: 50, when_all_cooling: wait }',
      waits: /Route skipped: .*cooling down/,
      before: 1,
    },
  ])('B43, N107: $name is not asked for any more', async ({ settings, waits, before }) => {
    await using origin = await rawOrigin((peer) => peer.end(plainAnswer('{}', [], '503 Busy')))
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
logging: { level: debug }
${settings}
`)
    for (let turn = 0; turn < before; turn += 1) expect((await askChat(gateway.url, 'm')).status).toBe(503)
    using client = await rawClient(gateway.url)
    client.send(chatRequest('m'))
    await gateway.told(waits)
    client.close()
    await gateway.told(/Client closed the connection/, promptMs)
    expect(origin.received.length).toBe(1)
  })
})

test('B43, N107: a client that leaves before its body is complete reaches no backend', async () => {
  await using origin = await rawOrigin(() => {})
  await using gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
  for (const framing of ['Content-Length: 1000', 'Transfer-Encoding: chunked']) {
    const url = new URL(gateway.url)
    const socket = await Bun.connect({ hostname: url.hostname, port: Number(url.port), socket: { data: () => {} } })
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`
    socket.write(`${head}${framing.includes('chunked') ? chunk('{"model":"m"') : '{"model":"m"'}`)
    const before = gateway.output().length
    socket.end()
    await eventually(
      () => gateway.output().slice(before).includes('Client closed the connection'),
      () => gateway.output(),
    )
  }
  expect(gateway.output()).not.toMatch(/\[ERROR\]/)
  expect(origin.connections).toBe(0)
  expect((await rawRequest(gateway.url, { path: '/health' })).status).toBe(200)
})

describe('an upstream that breaks', () => {
  /** The end follows the bytes, as it would on a real line; at once, there would be nothing to hand on. */
  const later = (peer: RawPeer, bytes: string, end: 'end' | 'reset' = 'end'): void => {
    peer.write(bytes)
    setTimeout(() => peer[end](), 50)
  }
  const messages =
    'event: message_start\ndata: {"type":"message_start","message":{}}\n\n' +
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'
  const responses = 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"hi"}\n\n'
  const gemini = 'data: {"candidates":[{"content":{"parts":[{"text":"hi"}]},"index":0}]}\n\n'
  const headWith = (line: string): string => `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${line}\r\n\r\n`
  const scripts: Record<string, (peer: RawPeer) => void> = {
    'chunked-fin': (peer) => later(peer, chunkedHead() + chunk(content)),
    'chunked-reset': (peer) => later(peer, chunkedHead() + chunk(content), 'reset'),
    'chunked-torn': (peer) => later(peer, chunkedHead() + chunk(content) + chunk('data: {"torn')),
    'complete-without-end': (peer) => {
      peer.write(chunkedHead() + chunk(content))
      setTimeout(() => peer.write(chunk('')), 50)
    },
    'length-stream': (peer) => later(peer, headWith('Content-Length: 9999') + content),
    'close-stream': (peer) => later(peer, headWith('Connection: close') + content),
    'length-small': (peer) =>
      later(peer, 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"choices":[]}'),
    'length-large': (peer) => later(peer, jsonHead + longJson),
    'chunked-small': (peer) => later(peer, chunkedHead('application/json') + chunk('{"choices":[')),
    'chunked-large': (peer) => later(peer, chunkedHead('application/json') + chunk(longJson)),
    good: (peer) => peer.write(chunkedHead() + chunk(content) + chunk(finish) + chunk('')),
    messages: (peer) => later(peer, chunkedHead() + chunk(messages)),
    responses: (peer) => later(peer, chunkedHead() + chunk(responses)),
    gemini: (peer) => later(peer, chunkedHead() + chunk(gemini)),
  }
  let origin: RawOrigin
  let gateway: RunningGateway

  beforeAll(async () => {
    origin = await rawOrigin((peer) => {
      const model = /"model"\s*:\s*"([^"]*)"/.exec(peer.request.body.toString())?.[1]
      scripts[model ?? /models\/([^:]+):/.exec(peer.request.target)?.[1] ?? '']?.(peer)
    })
    gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}", protocol: any }]
models:
${Object.keys(scripts)
  .map((name) => `  ${name}: { routes: [{ backend: a, model: ${name}, priority: 1 }] }`)
  .join('\n')}
  rescued: { routes: [{ backend: a, model: length-small, priority: 1 }, { backend: a, model: good, priority: 2 }] }
fallback: { cooldown_seconds: 0 }
`)
  })

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await origin.stop()
  })

  test.each(['chunked-fin', 'chunked-reset', 'chunked-torn', 'complete-without-end', 'length-stream', 'close-stream'])(
    'B44, N108: a stream that ends too early is told as broken (%s)',
    async (model) => {
      const answer = await rawRequest(gateway.url, chatRequest(model))
      expect(answer.status).toBe(200)
      // N302: what came before is not lost, and half an event is not handed on.
      expect(answer.text).toStartWith(content)
      expect(answer.text).not.toContain('torn')
      expect(answer.text).not.toContain('[DONE]')
      const last = answer.text.trim().split('\n\n').at(-1) ?? ''
      expect(JSON.parse(last.replace(/^data: /, ''))).toHaveProperty('error.message')
      expect(answer.isWhole).toBe(false)
    },
  )

  test.each([
    {
      model: 'messages',
      path: '/v1/messages',
      says: /event: error\ndata: \{"type":"error","error":\{"type":"[a-z_]+"/,
    },
    { model: 'responses', path: '/v1/responses', says: /event: error\n[^]*event: response\.failed\n/ },
    { model: 'gemini', path: '/v1beta/models/gemini:streamGenerateContent?alt=sse', says: /data: \{"error":\{/ },
  ])('B44, N108: in the words of its dialect ($path)', async ({ model, path, says }) => {
    const answer = await rawRequest(gateway.url, { ...chatRequest(model), path })
    expect(answer.status).toBe(200)
    expect(answer.text).toContain('hi')
    expect(answer.text).toMatch(says)
    expect(answer.isWhole).toBe(path === '/v1/responses')
  })

  test.each(['length-large', 'chunked-large'])(
    'B44, N108: a body that is cut does not look whole (%s)',
    async (model) => {
      const answer = await rawRequest(gateway.url, chatRequest(model, { stream: false }))
      expect(answer.status).toBe(200)
      expect(answer.isWhole).toBe(false)
    },
  )

  test.each(['length-small', 'chunked-small'])(
    'B44: a small body that is cut is an error of the upstream (%s)',
    async (model) => {
      const answer = await rawRequest(gateway.url, chatRequest(model, { stream: false }))
      expect([answer.status, answer.isWhole]).toEqual([502, true])
      expect(JSON.parse(answer.text)).toMatchObject({ error: { type: 'upstream_error' } })
    },
  )

  test('B44: or another route answers', async () => {
    const answer = await rawRequest(gateway.url, chatRequest('rescued', { stream: false }))
    expect([answer.status, answer.isWhole]).toEqual([200, true])
    expect(answer.text).toBe(content + finish)
  })

  test('N012: the end of one stream harms none of the others', async () => {
    const peers: RawPeer[] = []
    await using many = await rawOrigin((peer) => {
      peers.push(peer)
      peer.write(chunkedHead() + chunk(content))
    })
    await using proxy = await startGateway(`
backends: [{ name: a, url: "${many.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
    const clients = await Promise.all(Array.from({ length: 20 }, async () => await rawClient(proxy.url)))
    const exchanges = clients.map((client) => client.send(chatRequest('m')))
    await Promise.all(exchanges.map(async (exchange) => await exchange.begun))
    peers[7]?.reset()
    for (const peer of peers) if (peer !== peers[7]) peer.write(chunk(finish) + chunk(''))
    const answers = await Promise.all(exchanges.map(async (exchange) => await exchange.ended))
    expect(answers.filter((answer) => answer.isWhole && answer.text === content + finish)).toHaveLength(19)
    expect(answers.filter((answer) => !answer.isWhole && answer.text.includes('"error"'))).toHaveLength(1)
    for (const client of clients) client.close()
  })
})

describe('B111: each clock ends what it is for, and says so', () => {
  test('connect: a backend that does not take the connection', async () => {
    // A TLS handshake without an answer is the only connection that loopback leaves open.
    await using silent = await rawOrigin(() => {}, { onConnect: (socket) => (socket.resume(), false) })
    await using gateway = await startGateway(`
backends: [{ name: a, url: "https://127.0.0.1:${silent.url.port}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
timeout: { connect: 200ms }
`)
    expect((await askChat(gateway.url, 'm')).status).toBe(504)
    await gateway.told(/Attempt failed: .*reason=no TLS (handshake|connection).* within 200 ms/)
  })

  test('write: a backend that does not read the request', async () => {
    await using deaf = await rawOrigin(() => {}, { onConnect: (socket) => (socket.pause(), false) })
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${deaf.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
timeout: { write: 300ms }
`)
    expect((await askChat(gateway.url, 'm', { padding: 'x'.repeat(24_000_000) })).status).toBe(504)
    await gateway.told(/Attempt failed: .*reason=the request could not be sent on for 300 ms/)
  })

  test.each([
    { name: 'a stream', stream: true },
    { name: 'a body', stream: false },
  ])('first_byte: a backend that does not answer ($name)', async ({ stream }) => {
    await using mute = await rawOrigin(() => {})
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${mute.url.origin}/v1", timeout: { first_byte: 200ms } }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
    const answer = await askChat(gateway.url, 'm', { stream })
    expect(answer.status).toBe(504)
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'upstream_timeout' } })
    await gateway.told(/Attempt failed: .*reason=no answer within 200 ms/)
    await within(mute.closed(1), promptMs, 'the end of the upstream connection')
  })

  test('idle: a stream that sends its head at once and thinks afterwards has the time of first_byte', async () => {
    await using origin = await rawOrigin((peer) => {
      peer.write(chunkedHead())
      setTimeout(() => peer.write(chunk(content) + chunk(finish) + chunk('')), 700)
    })
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
timeout: { first_byte: 10s, idle: 200ms }
`)
    const answer = await rawRequest(gateway.url, chatRequest('m'))
    expect([answer.status, answer.isWhole]).toEqual([200, true])
    expect(answer.text).toBe(content + finish)
  })

  test('idle: a stream that is complete is whole, although its connection stays open', async () => {
    await using origin = await rawOrigin((peer) => peer.write(chunkedHead() + chunk(content) + chunk(finish)))
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
timeout: { idle: 200ms }
`)
    const answer = await rawRequest(gateway.url, chatRequest('m'))
    expect([answer.text, answer.isWhole]).toEqual([content + finish, true])
    await gateway.told(/Request finished/)
  })

  test('idle: a stream that falls silent', async () => {
    await using origin = await rawOrigin((peer) => peer.write(chunkedHead() + chunk(content)))
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
timeout: { idle: 200ms }
`)
    const answer = await rawRequest(gateway.url, chatRequest('m'))
    expect(answer.text).toStartWith(content)
    expect(answer.text).toContain('"code":"upstream_timeout"')
    expect(answer.isWhole).toBe(false)
    await gateway.told(/\[WARN\] .*Stream broken: .*timeout\.idle/)
    await within(origin.closed(1), promptMs, 'the end of the upstream connection')
  })

  test('idle: a body that falls silent', async () => {
    await using origin = await rawOrigin((peer) => peer.write(jsonHead + longJson))
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
timeout: { idle: 200ms }
`)
    expect((await rawRequest(gateway.url, chatRequest('m', { stream: false }))).isWhole).toBe(false)
    await within(origin.closed(1), promptMs, 'the end of the upstream connection')
  })

  test.each([
    { name: 'a small body', head: smallJsonHead, body: '{"choices":[' },
    { name: 'a small body in chunks', head: chunkedHead('application/json'), body: chunk('{"choices":[') },
    { name: 'an error', head: smallJsonHead.replace('200 OK', '500 No'), body: '{"error":' },
    { name: 'a head without its body', head: smallJsonHead, body: '' },
  ])('idle: $name that falls silent, and another route answers', async ({ head, body }) => {
    await using origin = await rawOrigin((peer) => {
      if (peer.request.body.includes('"works"')) peer.end(plainAnswer('{"choices":[]}'))
      else peer.write(head + body)
    })
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: stalls, priority: 1 }, { backend: a, model: works, priority: 2 }] } }
timeout: { idle: 200ms, first_byte: 500ms }
`)
    const answer = await askChat(gateway.url, 'm')
    expect([answer.status, answer.text]).toEqual([200, '{"choices":[]}'])
    expect(origin.received.length).toBe(2)
    await within(origin.closed(2), promptMs, 'the end of both upstream connections')
  })

  test('total: a stream that goes on for too long, but only when it is set', async () => {
    const timers = new Set<Timer>()
    await using origin = await rawOrigin((peer) => {
      peer.write(chunkedHead())
      let count = 0
      const timer = setInterval(() => {
        count += 1
        peer.write(count < 12 ? chunk(content) : chunk(finish) + chunk(''))
        if (count === 12) clearInterval(timer)
      }, 50)
      timers.add(timer)
    })
    await using gateway = await startGateway(`
backends:
  - { name: bounded, url: "${origin.url.origin}/v1", timeout: { total: 250ms } }
  - { name: free, url: "${origin.url.origin}/v1" }
models:
  bounded: { routes: [{ backend: bounded, model: m, priority: 1 }] }
  free: { routes: [{ backend: free, model: m, priority: 1 }] }
timeout: { connect: 400ms, write: 400ms, first_byte: 400ms, idle: 400ms }
`)
    const [cut, whole] = await Promise.all([
      rawRequest(gateway.url, chatRequest('bounded')),
      rawRequest(gateway.url, chatRequest('free')),
    ])
    expect(cut.isWhole).toBe(false)
    expect(cut.text).toContain('"code":"upstream_timeout"')
    await gateway.told(/Stream broken: .*timeout\.total/)
    // Longer than each of the other limits: none of them is about the whole.
    expect([whole.isWhole, whole.text]).toEqual([true, content.repeat(11) + finish])
    for (const timer of timers) clearInterval(timer)
  })

  test('total: an answer that does not come', async () => {
    await using mute = await rawOrigin(() => {})
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${mute.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
timeout: { total: 200ms }
`)
    expect((await askChat(gateway.url, 'm')).status).toBe(504)
    await within(mute.closed(1), promptMs, 'the end of the upstream connection')
  })

  test('fallback.deadline: all attempts together', async () => {
    await using mute = await rawOrigin(() => {})
    await using gateway = await startGateway(`
backends: [{ name: a, url: "${mute.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: x, priority: 1 }, { backend: a, model: y, priority: 2 }] } }
fallback: { deadline: 300ms }
`)
    const startedMs = performance.now()
    expect((await askChat(gateway.url, 'm')).status).toBe(504)
    expect(performance.now() - startedMs).toBeLessThan(3000)
    expect(mute.received.length).toBe(1)
  })
})

describe.skipIf(process.platform !== 'linux')('memory', () => {
  const eventBytes = 65_536
  const event = Buffer.from(`data: {"choices":[{"index":0,"delta":{"content":"${'x'.repeat(eventBytes - 54)}"}}]}\n\n`)
  const events = 200_000_000 / event.length
  let sent = 0
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    fetch() {
      sent = 0
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            sent += 1
            if (sent <= events) return controller.enqueue(event)
            controller.enqueue(Buffer.from(finish))
            controller.close()
          },
        },
        { highWaterMark: 0 },
      )
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
  })
  let gateway: RunningGateway

  beforeAll(async () => {
    gateway = await startGateway(`
backends: [{ name: a, url: "http://127.0.0.1:${server.port}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
logging:
  level: debug
  general_file: ./logs/proxy.log
  separate_files: true
  categories: { request_body: { level: info } }
`)
  })

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await server.stop(true)
  })

  test('N124: a stream of 200 MB is not kept, not even while everything is logged', async () => {
    const before = residentMegabytes(gateway.pid)
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"model":"m","stream":true,"messages":[]}',
    })
    let bytes = 0
    let peak = 0
    for await (const part of response.body ?? []) {
      bytes += part.byteLength
      peak = Math.max(peak, residentMegabytes(gateway.pid))
    }
    expect(bytes).toBeGreaterThan(199_000_000)
    expect(peak - before).toBeLessThan(100)
  }, 30_000)

  test('N124: a client that does not read holds the upstream back', async () => {
    const before = residentMegabytes(gateway.pid)
    const url = new URL(gateway.url)
    const head = Promise.withResolvers<void>()
    const socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        data(own) {
          own.pause()
          head.resolve()
        },
      },
    })
    const body = '{"model":"m","stream":true,"messages":[]}'
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await within(head.promise, 5000, 'the beginning of the answer')
    let last = -1
    let stillSinceMs = 0
    await eventually(() => {
      if (sent !== last) stillSinceMs = performance.now()
      last = sent
      return performance.now() - stillSinceMs > 300
    })
    expect((sent * eventBytes) / 1e6).toBeLessThan(100)
    expect(residentMegabytes(gateway.pid) - before).toBeLessThan(100)
    socket.terminate()
  }, 30_000)
})

function residentMegabytes(pid: number): number {
  const pages = /^\d+ (\d+)/.exec(readFileSync(`/proc/${pid}/statm`, 'latin1'))?.[1]
  return (Number(pages) * 4096) / 1e6
}
