import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import {
  chunk,
  chunkedHead,
  closedPort,
  plainAnswer,
  rawOrigin,
  type RawOrigin,
  type RawPeer,
} from '../support/raw-origin.ts'
import { askWire, type WireAnswer, type WireRequest } from '../support/wire-client.ts'

const key = 'sk-client'
/** What the origins do for a request, by the first segment of the path that arrives. */
const scripts: Record<string, (peer: RawPeer) => void> = {}
let origin: RawOrigin
let other: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  const play = (peer: RawPeer): void => {
    const [, name = ''] = /^(?:\/base)?\/([^/?]*)/.exec(peer.request.target) ?? []
    const script = scripts[name]
    if (script === undefined) peer.write(plainAnswer(peer.request.method === 'HEAD' ? '' : 'fine'))
    else script(peer)
  }
  origin = await rawOrigin(play)
  other = await rawOrigin(play)
  const dead = `http://127.0.0.1:${await closedPort()}`
  gateway = await startGateway(`
proxy_api_key: ${key}
timeout: { first_byte: 400ms }
health_check: { enabled: false }
fallback: { cooldown_seconds: 0 }
services:
  svc:
    affinity: { by: "off" }
    models:
      one: { backends: [{ id: a, url: "${origin.url.origin}", api_key: sk-backend }] }
      based: { backends: [{ id: a, url: "${origin.url.origin}/base/" }] }
      versioned: { backends: [{ id: a, url: "${origin.url.origin}/v1" }] }
      dead: { backends: [{ id: a, url: "${dead}" }] }
      standby: { backends: [{ id: a, url: "${dead}" }, { id: b, url: "${origin.url.origin}", weight: 0 }] }
      both: { backends: [{ id: a, url: "${origin.url.origin}" }, { id: b, url: "${other.url.origin}", weight: 0 }] }
`)
})

afterEach(() => {
  for (const name of Object.keys(scripts)) delete scripts[name]
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await origin.stop()
  await other.stop()
})

async function ask(model: string, rest: string, more: Omit<WireRequest, 'target'> = {}): Promise<WireAnswer> {
  const headers: WireRequest['headers'] = [['Authorization', `Bearer ${key}`], ...(more.headers ?? [])]
  return await askWire(gateway.url, { ...more, target: `/svc/${model}${rest}`, headers })
}

function arrived(at = -1) {
  const request = origin.received.at(at)
  if (request === undefined) throw new Error('Nothing arrived')
  return request
}

/** Requests that reached either origin while this ran. */
async function hits(act: () => Promise<unknown>): Promise<[first: number, second: number]> {
  const before = [origin.received.length, other.received.length] as const
  await act()
  return [origin.received.length - before[0], other.received.length - before[1]]
}

const binary = Uint8Array.from({ length: 4096 }, (_, at) => (at * 7 + (at >> 8)) & 255)

describe('what goes up', () => {
  test.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'])(
    'D01 D03 D04 A17: %s arrives with its path and query',
    async (method) => {
      const { status, body, isWhole } = await ask('one', '/v1/a%2Fb/%E5%90%8D/c:d?x=%20&y=a+b&z', { method })
      const { target, method: seen } = arrived()
      expect({ status, body: body.toString(), isWhole, target, seen }).toEqual({
        status: 200,
        body: method === 'HEAD' ? '' : 'fine',
        isWhole: true,
        target: '/v1/a%2Fb/%E5%90%8D/c:d?x=%20&y=a+b&z',
        seen: method,
      })
    },
  )

  test.each([
    { name: 'D02: nothing behind the model', model: 'one', rest: '', target: '/' },
    { name: 'D02: nothing but a query', model: 'one', rest: '?x=1', target: '/?x=1' },
    { name: 'D02: nothing behind the model of a base', model: 'based', rest: '', target: '/base' },
    { name: 'A20: a path behind a base', model: 'based', rest: '/v1/models?x=1', target: '/base/v1/models?x=1' },
    { name: 'A20: a slash', model: 'based', rest: '/', target: '/base/' },
    { name: 'A20: what a base has already', model: 'versioned', rest: '/v1/models', target: '/v1/v1/models' },
    { name: 'two slashes', model: 'based', rest: '//a//b/', target: '/base//a//b/' },
    { name: 'dots that would climb out of the base', model: 'based', rest: '/%2e%2e/%2E%2e/up', target: undefined },
  ])('$name', async ({ model, rest, target }) => {
    const before = origin.received.length
    await ask(model, rest)
    if (target !== undefined) return expect(arrived().target).toBe(target)
    for (const { target: seen } of origin.received.slice(before)) expect(seen).toStartWith('/base/')
  })

  test.each([
    {
      name: 'JSON with every blank',
      body: '{ "a" : 1.10,\r\n\t"model":"x", "ä":"\\u00e4" }',
      type: 'application/json',
    },
    { name: 'what is no JSON, and says it is', body: '{"a":', type: 'application/json' },
    { name: 'any bytes', body: binary, type: 'application/octet-stream' },
    { name: 'a form', body: 'a=1&b=%20+', type: 'application/x-www-form-urlencoded' },
    { name: 'compressed bytes', body: gzipSync('hello'), type: 'text/plain', encoding: 'gzip' },
    { name: 'bytes that lie about how they are compressed', body: 'plain', type: 'text/plain', encoding: 'br' },
  ])('A19: $name arrives byte for byte', async ({ body, type, encoding }) => {
    const headers: [string, string][] = [['Content-Type', type]]
    if (encoding !== undefined) headers.push(['Content-Encoding', encoding])
    await ask('one', '/echo', { method: 'POST', body, headers })
    const seen = arrived()
    expect(seen.body).toEqual(Buffer.from(body))
    expect([seen.header('content-type'), seen.header('content-encoding')]).toEqual([type, encoding])
    expect(seen.header('content-length')).toBe(String(Buffer.from(body).byteLength))
  })

  test.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS'])('A19: the body of a %s arrives', async (method) => {
    await ask('one', '/x', { method, body: binary })
    expect([arrived().method, arrived().body.byteLength]).toEqual([method, binary.byteLength])
    expect(arrived().body).toEqual(Buffer.from(binary))
  })

  test.each(['GET', 'HEAD'])(
    'the body of a %s, which the platform throws away, is not lost unnoticed',
    async (method) => {
      const count = await hits(async () => {
        const answer = await ask('one', '/search', { method, body: '{"query":1}' })
        expect(answer.status).toBe(400)
        if (method === 'GET') expect(JSON.parse(answer.text)).toMatchObject({ error: expect.stringContaining('body') })
      })
      expect(count).toEqual([0, 0])
    },
  )

  test('A05 A06 A18 D17: the backend gets its own key and host, the rest of the headers, and nothing of the client’s key', async () => {
    const headers: [string, string][] = [
      ['X-Custom', '1'],
      ['x-api-key', key],
      ['X-Goog-Api-Key', key],
      ['Api-Key', key],
      ['Cookie', 'session=1'],
      ['Proxy-Authorization', 'Basic x'],
      ['Proxy-Connection', 'keep-alive'],
      ['Accept-Encoding', 'gzip, br'],
      ['User-Agent', 'them/1'],
    ]
    await ask('one', `/x?key=${key}&a=1&api-key=${key}`, { headers })
    const seen = arrived()
    const named = Object.fromEntries(seen.headers.map(([name, value]) => [name.toLowerCase(), value]))
    expect(named).toEqual({
      authorization: 'Bearer sk-backend',
      host: origin.url.host,
      'x-custom': '1',
      'accept-encoding': 'gzip, br',
      'user-agent': 'them/1',
    })
    expect(seen.target).toBe('/x?a=1')
  })

  test('D42: without a key nothing reaches the backend', async () => {
    const count = await hits(async () => {
      const { status, text } = await askWire(gateway.url, { target: '/svc/one/x', headers: [] })
      expect([status, Object.keys(JSON.parse(text))]).toEqual([401, ['error', 'request_id']])
    })
    expect(count).toEqual([0, 0])
  })

  test('D53: requests one after the other share one connection', async () => {
    await ask('one', '/a')
    const { connections } = origin
    for (const rest of ['/b', '/c', '/d']) await ask('one', rest)
    expect(origin.connections).toBe(connections)
  })
})

describe('what comes back', () => {
  const answers: Record<string, { name: string; head: readonly string[]; body: string | Uint8Array; status?: string }> =
    {
      html: { name: 'a web page', head: ['Content-Type: text/html'], body: '<h1>no JSON</h1>' },
      error: {
        name: 'an error with status 200',
        head: ['Content-Type: application/json'],
        body: '{"error":{"message":"x"}}',
      },
      bytes: { name: 'any bytes', head: ['Content-Type: image/png', 'X-More: 1, 2'], body: binary },
      packed: { name: 'N007: compressed bytes', head: ['Content-Encoding: gzip'], body: gzipSync('{"a":1}') },
      empty: { name: 'nothing', head: [], body: '' },
      untyped: { name: 'JSON without a type', head: [], body: '{"error":"x"}' },
      teapot: { name: 'an odd status', head: ['X-Tea: 1'], body: 'short', status: "418 I'm a teapot" },
      missing: {
        name: 'a 404',
        head: ['Content-Type: application/json'],
        body: '{"detail":"no"}',
        status: '404 Not Found',
      },
      wrong: { name: 'a 422', head: [], body: '{"error":{"message":"bad"}}', status: '422 Unprocessable Entity' },
      limited: { name: 'D05: a 429', head: ['Retry-After: 7'], body: '{"wait":1}', status: '429 Too Many Requests' },
      forbidden: { name: 'a 403 of the service', head: [], body: '{"no":1}', status: '403 Forbidden' },
      broken: { name: 'a 500', head: ['Content-Type: text/plain'], body: 'oops', status: '500 Internal Server Error' },
      moved: { name: 'N001: a redirect', head: ['Location: http://127.0.0.1:1/x'], body: '', status: '302 Found' },
      partial: { name: 'a piece', head: ['Content-Range: bytes 0-3/9'], body: 'abcd', status: '206 Partial Content' },
    }

  test.each(Object.entries(answers))('D05 D43 A21: %s: status, headers and bytes as they are', async (path, wanted) => {
    const { head, body, status = '200 OK' } = wanted
    const bytes = Buffer.from(body)
    scripts[path] = (peer) => {
      const lines = [`HTTP/1.1 ${status}`, `Content-Length: ${bytes.byteLength}`, ...head]
      peer.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]))
    }
    const count = await hits(async () => {
      const answer = await ask('one', `/${path}`, { method: 'POST', body: '{}' })
      expect([answer.status, answer.body]).toEqual([Number(status.slice(0, 3)), bytes])
      expect(answer.header('content-length')).toBe(String(bytes.byteLength))
      const got = answer.headers.map(([name, value]) => `${name.toLowerCase()}: ${value}`)
      for (const line of head) expect(got).toContain(line.replace(/^[^:]+/, (name) => name.toLowerCase()))
      expect(answer.header('x-request-id')).toStartWith('req_')
    })
    expect(count, 'D44 N301').toEqual([1, 0])
  })

  test.each([
    { name: 'a 204', path: 'gone', head: 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n', status: 204, length: undefined },
    {
      name: 'a 304',
      path: 'same',
      head: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
      status: 304,
      length: undefined,
    },
    {
      name: 'a 304 with the length of what is not sent',
      path: 'sized',
      head: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 321\r\n\r\n',
      status: 304,
      length: '321',
    },
  ])('N011: $name has no body', async ({ path, head, status, length }) => {
    scripts[path] = (peer) => peer.write(head)
    const answer = await ask('one', `/${path}`)
    expect([answer.status, answer.isWhole, answer.header('content-length')]).toEqual([status, true, length])
  })

  test.each([
    { name: 'an answer', status: '200 OK' },
    { name: 'an error', status: '404 Not Found' },
  ])('D03 N011: HEAD gets the head of $name, with the length that GET would get', async ({ status }) => {
    scripts['head'] = (peer) => peer.write(`HTTP/1.1 ${status}\r\nContent-Length: 12345\r\nETag: "x"\r\n\r\n`)
    const answer = await ask('one', '/head', { method: 'HEAD' })
    expect([answer.status, answer.isWhole]).toEqual([Number(status.slice(0, 3)), true])
    expect([answer.header('content-length'), answer.header('etag')]).toEqual(['12345', '"x"'])
  })

  test('N001: a redirect to another host takes no key there, and nobody follows it', async () => {
    scripts['away'] = (peer) =>
      peer.write(plainAnswer('', [`Location: ${other.url.origin}/taken`], '307 Temporary Redirect'))
    const count = await hits(async () => {
      const answer = await ask('one', '/away', { method: 'POST', body: 'secret' })
      expect([answer.status, answer.header('location')]).toEqual([307, `${other.url.origin}/taken`])
    })
    expect(count).toEqual([1, 0])
  })

  test('N001: an error that repeats the backend’s key does not tell it', async () => {
    scripts['told'] = (peer) => peer.write(plainAnswer('your key sk-backend is odd', [], '400 Bad Request'))
    expect((await ask('one', '/told')).text).toBe('your key **** is odd')
  })
})

describe('streams', () => {
  const frames = Array.from({ length: 12 }, (_, at) => `data: {"choices":[{"delta":{"content":"${at}"}}]}\n\n`)
  const lines = Array.from({ length: 12 }, (_, at) => `{"message":{"content":"${at}"},"done":false}\n`)
  test.each([
    { name: 'D39: events', rest: '/live/events', type: 'text/event-stream', parts: frames },
    {
      name: 'A22: events of a model',
      rest: '/v1/chat/completions',
      type: 'text/event-stream',
      parts: [...frames, 'data: [DONE]\n\n'],
    },
    { name: 'D40: lines', rest: '/live/lines', type: 'application/x-ndjson', parts: lines },
    { name: 'chunks of any type', rest: '/live/any', type: 'text/plain', parts: lines },
  ])('D41 N302 $name that come every 30 ms arrive apart, each at once', async ({ rest, type, parts }) => {
    const sentMs: number[] = []
    const [, name = ''] = rest.split('/')
    scripts[name] = (peer) => {
      void (async () => {
        peer.write(chunkedHead(type))
        for (const part of parts) {
          await Bun.sleep(30)
          sentMs.push(performance.now())
          peer.write(chunk(part))
        }
        peer.write(chunk(''))
      })()
    }
    const answer = await ask('one', rest, { method: 'POST', body: '{"stream": true}' })
    // Models say why they stop; without it a stream that ends is not whole.
    const isJudged = name === 'v1'
    if (!isJudged) expect([answer.text, answer.isWhole]).toEqual([parts.join(''), true])
    else expect(answer.text).toStartWith(parts.slice(0, 12).join(''))
    const lateMs = frames.map((_, at) => {
      const arrival = answer.arrivals.find(({ text }) => text.includes(parts[at]?.trimEnd() ?? '-'))
      return (arrival?.atMs ?? Infinity) - (sentMs[at] ?? 0)
    })
    // Other programs may take the processor for a moment, but not half of the time.
    expect(lateMs.toSorted((a, b) => a - b)[6]).toBeLessThan(50)
    expect(
      new Set(answer.arrivals.filter(({ text }) => text.includes('"content"')).map(({ atMs }) => atMs)).size,
    ).toBeGreaterThan(8)
    expect(answer.header('content-type')).toBe(type)
    if (type !== 'text/plain') {
      expect([answer.header('x-accel-buffering'), answer.header('cache-control')]).toEqual(['no', 'no-cache'])
    }
  })

  test.each([
    {
      name: 'of Anthropic’s',
      rest: '/v1/messages',
      head: 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n',
      last: /\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error",.*\n\n$/,
    },
    { name: 'of OpenAI’s', rest: '/v1/chat/completions', head: frames[0] ?? '', last: /\ndata: \{"error":\{.*\n\n$/ },
    {
      name: 'of Ollama’s',
      rest: '/api/chat',
      type: 'application/x-ndjson',
      head: lines[0] ?? '',
      last: /\n\{"error":".*\}\n$/,
    },
  ])('A56: a stream $name that is cut ends with an error that its clients read, and no clean end', async (stream) => {
    const { rest, type = 'text/event-stream', head, last } = stream
    const [, name = ''] = rest.split('/')
    scripts[name] = (peer) => {
      peer.write(chunkedHead(type) + chunk(head))
      void Bun.sleep(30).then(() => peer.reset())
    }
    const answer = await ask('one', rest, { method: 'POST', body: '{"stream":true}' })
    expect([answer.status, answer.isWhole, answer.text.startsWith(head)]).toEqual([200, false, true])
    expect(answer.text).toMatch(last)
  })

  test('a stream that nobody knows and that is cut is cut, with all that came of it', async () => {
    scripts['unknown'] = (peer) => {
      peer.write(chunkedHead() + chunk('data: half'))
      void Bun.sleep(30).then(() => peer.reset())
    }
    const answer = await ask('one', '/unknown', { method: 'POST', body: '{"stream":true}' })
    expect([answer.status, answer.text, answer.isWhole]).toEqual([200, 'data: half', false])
  })

  test('D48: a limit for the first byte does not cut a stream that is under way', async () => {
    scripts['long'] = (peer) => {
      void (async () => {
        peer.write(chunkedHead())
        for (let at = 0; at < 8; at += 1) {
          peer.write(chunk(`data: ${at}\n\n`))
          await Bun.sleep(100)
        }
        peer.write(chunk(''))
      })()
    }
    const answer = await ask('one', '/long')
    expect([answer.isWhole, answer.text.match(/data/g)?.length]).toEqual([true, 8])
  })

  test('N012: of 20 streams the one that breaks breaks alone', async () => {
    scripts['many'] = (peer) => {
      const isOdd = peer.request.target.endsWith('=7')
      void (async () => {
        peer.write(chunkedHead())
        for (let at = 0; at < 5; at += 1) {
          peer.write(chunk(`data: ${at}\n\n`))
          await Bun.sleep(20)
          if (isOdd && at === 2) return peer.reset()
        }
        peer.write(chunk(''))
      })()
    }
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, at) => await ask('one', `/many?n=${at}`)))
    expect(answers.filter(({ isWhole, text }) => isWhole && text.includes('data: 4')).length).toBe(19)
  })
})

describe('who is asked', () => {
  test('D21 D55: a backend that takes no connection is passed over within the same request', async () => {
    const count = await hits(async () =>
      expect((await ask('standby', '/x', { method: 'PUT', body: 'b' })).text).toBe('fine'),
    )
    expect([count, arrived().body.toString()]).toEqual([[1, 0], 'b'])
  })

  test.each([
    { name: 'A24 D55: nobody takes a connection', model: 'dead', status: 502 },
    { name: 'A57 D55: the backend resets before its answer', model: 'one', path: 'reset', status: 502 },
    { name: 'A61 D48: the backend does not answer in time', model: 'one', path: 'silent', status: 504 },
  ])('$name: $status, told flat', async ({ model, path = 'x', status }) => {
    scripts['reset'] = (peer) => peer.reset()
    scripts['silent'] = () => {}
    const answer = await ask(model, `/${path}`)
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      status,
      { error: expect.stringContaining('svc/'), request_id: answer.header('x-request-id') ?? '' },
    ])
  })

  const busy = plainAnswer('busy', [], '503 Service Unavailable')
  const oops = plainAnswer('oops', [], '500 Internal Server Error')
  const refused = plainAnswer('no', [], '401 Unauthorized')
  const script: Record<string, (peer: RawPeer) => void> = {
    busy: (peer) => peer.write(busy),
    oops: (peer) => peer.write(oops),
    refused: (peer) => peer.write(refused),
    lost: (peer) => peer.write(plainAnswer('no', [], '404 Not Found')),
    bad: (peer) => peer.write(plainAnswer('no', [], '400 Bad Request')),
    breaks: (peer) => peer.end('HTTP/1.1 2'),
    halves: (peer) => peer.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
  }
  test.each([
    ...['GET', 'POST', 'HEAD', 'OPTIONS'].flatMap((method) => [
      { method, path: 'busy', asks: 2 },
      { method, path: 'oops', asks: 2 },
      { method, path: 'breaks', asks: 2 },
      { method, path: 'lost', asks: 1 },
    ]),
    ...['PUT', 'PATCH', 'DELETE'].flatMap((method) => [
      { method, path: 'busy', asks: 2 },
      { method, path: 'refused', asks: 2 },
      { method, path: 'oops', asks: 1 },
      { method, path: 'breaks', asks: 1 },
      { method, path: 'halves', asks: 1 },
      { method, path: 'bad', asks: 1 },
    ]),
    { method: 'GET', path: 'halves', asks: 2 },
    { method: 'POST', path: 'bad', asks: 1 },
  ])('D44: $method, and the first backend $path: $asks of two are asked', async ({ method, path, asks }) => {
    // The other one is well.
    scripts[path] = (peer) => {
      const isFirst = peer.request.header('host') === origin.url.host
      if (isFirst) script[path]?.(peer)
      else peer.write(plainAnswer(method === 'HEAD' ? '' : 'fine'))
    }
    const count = await hits(async () => {
      const { status } = await ask('both', `/${path}`, {
        method,
        ...(method === 'GET' || method === 'HEAD' ? {} : { body: 'b' }),
      })
      if (asks === 2) expect(status).toBe(200)
      else expect(status).not.toBe(200)
    })
    expect(count).toEqual([1, asks - 1])
  })
})
