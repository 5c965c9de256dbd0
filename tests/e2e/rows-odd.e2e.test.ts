import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { askChat } from '../support/ask.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { chatRequest, rawRequest } from '../support/raw-client.ts'
import { chunk, chunkedHead, plainAnswer, rawOrigin, type RawOrigin, type RawPeer } from '../support/raw-origin.ts'

const content = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
const finish = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
const good = plainAnswer('{"choices":[]}', ['Content-Type: application/json'])

/** Upstreams that do what HTTP allows and few expect. */
const scripts: Record<string, (peer: RawPeer) => void> = {
  works: (peer) => peer.write(good),
  fails: (peer) => peer.write(plainAnswer('{}', [], '500 No')),
  'continues-first': (peer) => peer.write(`HTTP/1.1 100 Continue\r\n\r\n${good}`),
  'hints-first': (peer) => peer.write(`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${good}`),
  'json-for-stream': (peer) => peer.write(good),
  'typeless-stream': (peer) => peer.write(chunkedHead('text/plain') + chunk(content + finish) + chunk('')),
  ndjson: (peer) =>
    peer.write(chunkedHead('application/x-ndjson') + chunk('{"a":1}\n') + chunk('{"done":true}\n') + chunk('')),
  'http-1.0': (peer) => peer.end('HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"choices":[]}'),
  'small-letters': (peer) =>
    peer.write('HTTP/1.1 200 ok\r\ncontent-type:application/json\r\ncontent-length:14\r\n\r\n{"choices":[]}'),
  'chunk-extensions': (peer) =>
    peer.write(`${chunkedHead('application/json')}e;a=b\r\n{"choices":[]}\r\n0\r\nX-Sum: 1\r\n\r\n`),
  'many-headers': (peer) =>
    peer.write(
      plainAnswer('{"choices":[]}', [
        'Content-Type: application/json',
        ...Array.from({ length: 90 }, (_, index) => `X-H${index}: ${'v'.repeat(90)}`),
      ]),
    ),
}
let origin: RawOrigin
let elsewhere: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  elsewhere = await rawOrigin((peer) => peer.write(good))
  scripts['redirects'] = (peer) =>
    peer.write(plainAnswer('', [`Location: ${elsewhere.url.origin}/v1/chat/completions`], '307 Temporary Redirect'))
  origin = await rawOrigin((peer) => {
    scripts[/"model"\s*:\s*"([^"]*)"/.exec(peer.request.body.toString())?.[1] ?? '']?.(peer)
  })
  gateway = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1", api_key: sk-canary-0123456789 }]
models:
${Object.keys(scripts)
  .map((name) => `  "${name}": { routes: [{ backend: a, model: "${name}", priority: 1 }] }`)
  .join('\n')}
  second: { routes: [{ backend: a, model: fails, priority: 1 }, { backend: a, model: works, priority: 2 }] }
fallback: { cooldown_seconds: 0 }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([origin.stop(), elsewhere.stop()])
})

describe('an upstream', () => {
  test.each(['continues-first', 'hints-first', 'http-1.0', 'small-letters', 'chunk-extensions', 'many-headers'])(
    'N011: that answers in an unusual form is understood (%s)',
    async (model) => {
      const answer = await askChat(gateway.url, model)
      expect([answer.status, answer.isWhole, answer.text]).toEqual([200, true, '{"choices":[]}'])
    },
  )

  test('that answers a stream with JSON is passed on as it is', async () => {
    const answer = await askChat(gateway.url, 'json-for-stream', { stream: true })
    expect([answer.status, answer.isWhole, answer.text]).toEqual([200, true, '{"choices":[]}'])
    expect(answer.headers.get('content-type')).toBe('application/json')
  })

  test.each([
    { model: 'typeless-stream', path: '/v1/chat/completions', text: content + finish, type: 'text/plain' },
    { model: 'ndjson', path: '/v1/something/new', text: '{"a":1}\n{"done":true}\n', type: 'application/x-ndjson' },
  ])('that streams in another type is passed on as it is ($model)', async ({ model, path, text, type }) => {
    const answer = await rawRequest(gateway.url, { ...chatRequest(model), path })
    expect([answer.status, answer.isWhole, answer.text]).toEqual([200, true, text])
    expect(answer.headers.get('content-type')).toBe(type)
  })

  test('that streams what no client of the path could read leads on', async () => {
    const answer = await rawRequest(gateway.url, chatRequest('ndjson'))
    expect(answer.status).toBe(502)
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'upstream_invalid_response' } })
  })

  test('N001: that redirects is not followed, so no key goes elsewhere', async () => {
    const answer = await askChat(gateway.url, 'redirects')
    expect(answer.status).toBe(502)
    expect(answer.headers.has('location')).toBe(false)
    expect(elsewhere.connections).toBe(0)
  })

  test.each([10_000, 3_000_000])(
    'B07: that fails after it read a body of %d bytes leaves the whole of it to the next',
    async (bytes) => {
      const before = origin.received.length
      const answer = await askChat(gateway.url, 'second', { padding: 'x'.repeat(bytes) })
      expect(answer.status).toBe(200)
      const [first, second] = origin.received.slice(before)
      expect(first?.body.toString().replace('"fails"', '"works"') === second?.body.toString()).toBe(true)
      expect(second?.body.length).toBeGreaterThan(bytes)
    },
  )

  test('B36: that refuses a large body before it has read it is heard', async () => {
    await using early = await rawOrigin(() => {}, {
      onConnect(socket) {
        socket.once('data', () =>
          socket.write(
            plainAnswer('{"error":{"message":"too large"}}', ['Content-Type: application/json'], '413 Large'),
          ),
        )
        return false
      },
    })
    await using proxy = await startGateway(`
backends: [{ name: a, url: "${early.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
    const answer = await askChat(proxy.url, 'm', { padding: 'x'.repeat(3_000_000) })
    expect([answer.status, answer.text]).toEqual([413, '{"error":{"message":"too large"}}'])
  })

  test('that closes an idle connection costs no request', async () => {
    let count = 0
    await using closing = await rawOrigin((peer) => {
      count += 1
      // Says keep-alive and closes all the same.
      peer.end(good)
    })
    await using proxy = await startGateway(`
backends: [{ name: a, url: "${closing.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: m, priority: 1 }] } }
`)
    for (let turn = 0; turn < 20; turn += 1) expect((await askChat(proxy.url, 'm')).status).toBe(200)
    expect(count).toBe(20)
  })
})

describe('a client', () => {
  test.each([
    {
      name: 'HTTP/1.0',
      text: (body: string) =>
        `POST /v1/chat/completions HTTP/1.0\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    },
    {
      name: 'a body in chunks',
      text: (body: string) =>
        `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body)}${chunk('')}`,
    },
    {
      name: 'no Content-Type',
      text: (body: string) =>
        `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    },
    {
      name: 'an absolute target',
      text: (body: string) =>
        `POST http://g/v1/chat/completions HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    },
  ])('with $name is served', async ({ text }) => {
    expect(await exchange(text('{"model":"works"}'))).toMatch(/^HTTP\/1\.[01] 200 [^]*\{"choices":\[\]\}/)
  })

  test.each([
    { name: 'garbage', text: 'GARBAGE\r\n\r\n' },
    {
      name: 'two different lengths',
      text: 'POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\n{"a":',
    },
    {
      name: 'a length and chunks',
      text: `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${chunk('{"model":"works"}')}${chunk('')}`,
    },
  ])('with $name is refused, and no backend is asked', async ({ text }) => {
    const before = origin.received.length
    expect(await exchange(text)).toMatch(/^(HTTP\/1\.1 4\d\d |$)/)
    expect(origin.received.length).toBe(before)
  })
})

/** Sends bytes and gives everything that came until the connection ended. */
async function exchange(text: string): Promise<string> {
  const url = new URL(gateway.url)
  const ended = Promise.withResolvers<string>()
  let got = ''
  await Bun.connect({
    hostname: url.hostname,
    port: Number(url.port),
    socket: {
      open: (socket) => void socket.write(text),
      data(socket, bytes) {
        got += bytes.toString()
        if (got.startsWith('HTTP/1.1 4')) socket.end()
      },
      close: () => ended.resolve(got),
      error: () => ended.resolve(got),
    },
  })
  return await ended.promise
}
