import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { rawClient, rawRequest, type ClientRequest } from '../support/raw-client.ts'
import { chunk, chunkedHead, plainAnswer, rawOrigin, type RawOrigin, type RawPeer } from '../support/raw-origin.ts'

/** What the origin does for a request, by the model that arrives. */
const scripts: Record<string, (peer: RawPeer) => void> = {}
let origin: RawOrigin
let gateway: RunningGateway

const good = plainAnswer('{"choices":[]}', ['Content-Type: application/json'])

beforeAll(async () => {
  origin = await rawOrigin((peer) => {
    const model = /"model"\s*:\s*"([^"]*)"/.exec(peer.request.body.toString())?.[1] ?? ''
    const script = scripts[model]
    if (script === undefined) peer.write(good)
    else script(peer)
  })
  const base = origin.url.origin
  const protocols = ['openai', 'anthropic', 'gemini', 'google', 'azure', 'deepseek', 'groq', 'mistral', 'cohere', 'any']
  const joins = Object.entries(joined).map(([name, { url }]) => `  - { name: ${name}, url: "${base}${url}" }`)
  gateway = await startGateway(`
proxy_api_key: sk-client
backends:
  - { name: plain, url: "${base}/v1", api_key: sk-backend, protocol: any }
  - { name: own, url: "${base}/v1", protocol: any, headers: { X-Org: "acme", User-Agent: "ours/1" } }
${protocols.map((name) => `  - { name: p-${name}, url: "${base}", api_key: sk-${name}, protocol: ${name} }`).join('\n')}
  - { name: p-none, url: "${base}", api_key: sk-none, auth_mode: none }
${joins.join('\n')}
models:
  m: { routes: [{ backend: plain, model: upstream-model, priority: 1 }] }
  own: { routes: [{ backend: own, model: upstream-model, priority: 1 }] }
  same: { routes: [{ backend: plain, model: same, priority: 1 }] }
${Object.keys(names)
  .map((name) => `  "${name}": { routes: [{ backend: plain, model: "${name}", priority: 1 }] }`)
  .join('\n')}
${[...protocols.map((name) => `p-${name}`), 'p-none', ...Object.keys(joined)]
  .map((name) => `  ${name}: { routes: [{ backend: ${name}, model: the-model, priority: 1 }] }`)
  .join('\n')}
  patterned: { routes: [{ backend: plain, model: patterned, priority: 1 }, { backend: plain, model: rescue, priority: 2 }] }
  by-route: { routes: [{ backend: p-openai, model: the-model, priority: 1, protocol: anthropic }] }
detection: { error_codes: ["401", "5xx"], error_patterns: ["insufficient_quota"] }
fallback: { cooldown_seconds: 0 }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await origin.stop()
})

/** B73: how a base address and the path of a request become one. */
const joined: Record<string, { url: string; chat: string }> = {
  'j-v1': { url: '/v1', chat: '/v1/chat/completions' },
  'j-v1-slash': { url: '/v1/', chat: '/v1/chat/completions' },
  'j-bare': { url: '', chat: '/v1/chat/completions' },
  'j-slash': { url: '/', chat: '/v1/chat/completions' },
  'j-api': { url: '/api', chat: '/api/v1/chat/completions' },
  'j-api-v1': { url: '/api/v1', chat: '/api/v1/chat/completions' },
  'j-v4': { url: '/api/paas/v4', chat: '/api/paas/v4/chat/completions' },
}

/** Aliases whose answers are scripted below. */
const names = {
  verbatim: 1,
  teapot: 1,
  headers: 1,
  events: 1,
  gzip: 1,
  chunked: 1,
  fields: 1,
  late: 1,
  empty: 1,
  image: 1,
}

function post(body: string, more: Partial<ClientRequest> = {}): ClientRequest {
  return {
    method: 'POST',
    path: '/v1/chat/completions',
    body,
    ...more,
    headers: { 'Content-Type': 'application/json', Authorization: 'Bearer sk-client', ...more.headers },
  }
}

async function ask(model: string, more: Partial<ClientRequest> = {}) {
  return await rawRequest(gateway.url, post(JSON.stringify({ model, messages: [] }), more))
}

describe('the request', () => {
  test('B37, N120: whatever headers a client sends arrive', async () => {
    const headers = {
      'anthropic-beta': 'prompt-caching-2024-07-31,computer-use-2024-10-22',
      'anthropic-version': '2023-06-01',
      'anthropic-dangerous-direct-browser-access': 'true',
      'OpenAI-Organization': 'org-1',
      'OpenAI-Project': 'proj_1',
      'OpenAI-Beta': 'assistants=v2',
      'X-Stainless-Lang': 'js',
      'X-Stainless-Retry-Count': '0',
      'User-Agent': 'curl/8.9 (odd; "quoted")',
      Accept: 'application/json, text/*;q=0.5',
      'Accept-Language': 'zh-CN,zh;q=0.9',
      Traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      Tracestate: 'a=1,b=2',
      Baggage: 'user=7',
      'Idempotency-Key': 'k-1',
      Referer: 'https://app.example/',
      'HTTP-Referer': 'https://app.example/',
      'X-Title': 'Title with  two blanks',
      'X-Empty': '',
      x_under_score: '1',
      'X-Long': 'x'.repeat(8000),
      'X-Custom-Thing.v2': '!#$%&*+-.^_`|~',
      'Cache-Control': 'no-cache',
      'X-Amzn-Trace-Id': 'Root=1-67891233-abcdef012345678912345678',
    }
    expect((await ask('m', { headers })).status).toBe(200)
    const sent = origin.received.at(-1)
    for (const [name, value] of Object.entries(headers))
      expect([name, sent?.header(name.toLowerCase())]).toEqual([name, value])
  })

  test('B37: a value that is not ASCII keeps its bytes', async () => {
    expect((await ask('m', { headers: { 'X-Name': 'Grüße 模型' } })).status).toBe(200)
    expect(Buffer.from(origin.received.at(-1)?.header('x-name') ?? '', 'latin1').toString()).toBe('Grüße 模型')
  })

  test('B38: what is about one connection only stays there', async () => {
    const headers = {
      Connection: 'close, X-Foo, x-bar',
      'X-Foo': 'secret',
      'X-Bar': 'secret',
      'Keep-Alive': 'timeout=5',
      TE: 'trailers',
      Trailer: 'X-Sum',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMAAABkAAQAAP__',
      'Proxy-Authorization': 'Basic secret',
      'Proxy-Connection': 'keep-alive',
      'X-Stays': 'here',
    }
    expect((await ask('m', { headers })).status).toBe(200)
    const sent = origin.received.at(-1)
    for (const name of Object.keys(headers)) {
      const kept = sent?.header(name.toLowerCase())
      if (name === 'Connection') expect(kept ?? '').not.toMatch(/x-/i)
      else expect([name, kept]).toEqual([name, name === 'X-Stays' ? 'here' : undefined])
    }
    expect(sent?.header('host')).toBe(origin.url.host)
    expect(sent?.headers.filter(([name]) => name.toLowerCase() === 'content-length')).toHaveLength(1)
  })

  test('N121: no User-Agent and no Accept-Language are invented', async () => {
    await ask('m')
    const sent = origin.received.at(-1)
    expect(sent?.header('user-agent') ?? '').toBe('')
    expect(sent?.header('accept-language')).toBeUndefined()
    // Nothing beyond what was sent, the key, and what HTTP itself needs.
    const known = new Set([
      'host',
      'content-type',
      'authorization',
      'content-length',
      'connection',
      'user-agent',
      'accept',
    ])
    expect(sent?.headers.map(([name]) => name.toLowerCase()).filter((name) => !known.has(name))).toEqual([])
  })

  test('the headers of a backend replace those of the client', async () => {
    await ask('own', { headers: { 'x-org': 'theirs', 'user-agent': 'theirs' } })
    expect(origin.received.at(-1)?.header('x-org')).toBe('acme')
    expect(origin.received.at(-1)?.header('user-agent')).toBe('ours/1')
  })

  test.each([
    {
      name: 'numbers, escapes, order and blanks',
      before: String.raw`{ "n":9007199254740993, "f":1.0,"e":1e-7 ,"t":"<a>&\u003c\/\ud83d\ude42", "model" : `,
      after: String.raw`,"z":1,"a":[1 ,2],	"dup":null}`,
    },
    { name: 'text of every kind', before: '{"s":"Grüße 🙂 \u2028 模型","model":', after: ',"messages":[]}\n' },
    {
      name: 'other keys called model',
      before: '{"metadata":{"model":"m"},"tools":[{"model":"m"}],"text":"\\"model\\":\\"m\\"","model":',
      after: ',"messages":[{"role":"user","content":"\\"model\\":\\"m\\""}]}',
    },
    { name: 'model at the very end', before: '{"messages":[],"model":', after: '}' },
    { name: 'a large body', before: `{"messages":[{"content":"${'x'.repeat(300_000)}"}],"model":`, after: ',"n":1}' },
    {
      name: 'a body of more than a megabyte',
      before: `{"messages":[{"content":"${'ü'.repeat(900_000)}"}],"model":`,
      after: '}',
    },
  ])('B39, B104, N106: only the bytes of the model change: $name', async ({ before, after }) => {
    expect((await rawRequest(gateway.url, post(`${before}"m"${after}`))).status).toBe(200)
    const sent = origin.received.at(-1)?.body.toString()
    expect(sent === `${before}"upstream-model"${after}`).toBe(true)
    await rawRequest(gateway.url, post(`${before}"same"${after}`))
    expect(origin.received.at(-1)?.body.toString() === `${before}"same"${after}`).toBe(true)
  })

  test('B39: a body with a Content-Encoding arrives as its plain bytes', async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-client', 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync('{"model":"m" , "n":1.0}'),
    })
    expect(response.status).toBe(200)
    expect(origin.received.at(-1)?.body.toString()).toBe('{"model":"upstream-model" , "n":1.0}')
    expect(origin.received.at(-1)?.header('content-encoding')).toBeUndefined()
  })

  test('B39: a body of unknown length arrives with its length', async () => {
    const parts = ['{"n":1.0,"mod', 'el" : "m",', `"t":"${'x'.repeat(200_000)}"}`]
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-client', 'content-type': 'application/json' },
      body: new Blob(parts).stream(),
    })
    expect(response.status).toBe(200)
    const sent = origin.received.at(-1)
    expect(sent?.body.toString()).toBe(parts.join('').replace('"m"', '"upstream-model"'))
    expect(sent?.header('transfer-encoding')).toBeUndefined()
  })

  test('B39: of a form only the value of its field "model" changes', async () => {
    const form = (model: string): string =>
      `--B\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\nmodel\u0000\u0001 m\r\n` +
      `--B\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n--B--\r\n`
    const headers = { 'Content-Type': 'multipart/form-data; boundary=B' }
    const answer = await rawRequest(gateway.url, post(form('m'), { path: '/v1/audio/transcriptions', headers }))
    expect(answer.status).toBe(200)
    expect(origin.received.at(-1)?.body.toString()).toBe(form('upstream-model'))
    expect(origin.received.at(-1)?.header('content-type')).toBe('multipart/form-data; boundary=B')
  })

  test.each(['?api-version=1', '?a=1&a=2&b=&c', '?q=%20%2F%3f&p=a+b', '?x=%E6%A8%A1&y=a%2Fb'])(
    'B74: the query %s arrives as it is',
    async (query) => {
      expect((await ask('m', { path: `/v1/chat/completions${query}` })).status).toBe(200)
      expect(origin.received.at(-1)?.target).toBe(`/v1/chat/completions${query}`)
    },
  )

  test.each(['/v1/files%2B/a%3Fb', '/v1/x%20y/%E6%A8%A1', '/v1/a+b;c=1/@d,e!', '/v1/%252F'])(
    'N303: the path %s arrives as it is',
    async (path) => {
      expect((await ask('m', { path: `${path}?x=%20` })).status).toBe(200)
      expect(origin.received.at(-1)?.target).toBe(`${path}?x=%20`)
    },
  )

  test.each(Object.entries(joined).map(([name, { url, chat }]) => ({ name, url, chat })))(
    'B73: behind "$url" the path is $chat',
    async ({ name, chat }) => {
      expect((await ask(name)).status).toBe(200)
      expect(origin.received.at(-1)?.target).toBe(chat)
    },
  )
})

describe('every path', () => {
  test.each([
    '/v1/chat/completions',
    '/v1/completions',
    '/v1/responses',
    '/v1/embeddings',
    '/v1/images/generations',
    '/v1/audio/speech',
    '/v1/moderations',
    '/v1/rerank',
    '/v1/messages',
    '/v1/messages/count_tokens',
    '/v1/something/new',
  ])('B69, B70: %s is routed by its field "model"', async (path) => {
    const answer = await ask('m', { path })
    expect([answer.status, answer.text]).toEqual([200, '{"choices":[]}'])
    const sent = origin.received.at(-1)
    expect([sent?.method, sent?.target]).toEqual(['POST', path])
    expect(JSON.parse(sent?.body.toString() ?? '')).toMatchObject({ model: 'upstream-model' })
  })

  test.each(['/chat/completions', '/completions', '/embeddings', '/responses'])(
    'B70: %s works without its version',
    async (path) => {
      expect((await ask('m', { path })).status).toBe(200)
      expect(origin.received.at(-1)?.target).toBe(`/v1${path}`)
    },
  )

  test.each([
    { method: 'GET', path: '/v1/chat/completions', status: 405 },
    { method: 'POST', path: '/health', status: 405 },
    { method: 'POST', path: '/nowhere', status: 404 },
    { method: 'GET', path: '/v1/models/nobody', status: 404 },
  ])('$method $path is $status in JSON, and touches no backend', async ({ method, path, status }) => {
    const before = origin.received.length
    const answer = await ask('m', { method, path })
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text)).toHaveProperty('error')
    expect(origin.received.length).toBe(before)
  })

  test('N008: health never touches a backend', async () => {
    const before = origin.connections
    for (let turn = 0; turn < 10; turn += 1) {
      for (const path of ['/health', '/healthz', '/livez', '/ready', '/readyz', '/v1/models'])
        expect((await rawRequest(gateway.url, { path })).status).toBe(200)
    }
    expect(origin.connections).toBe(before)
  })

  test('N204: an unknown model goes to no backend', async () => {
    const before = origin.received.length
    expect((await ask('nobody')).status).toBe(404)
    expect(origin.received.length).toBe(before)
  })
})

describe('B101: each protocol has its path and its header', () => {
  const chat = '/v1/chat/completions'
  const messages = '/v1/messages'
  const gemini = '/v1beta/models/MODEL:generateContent'
  test.each([
    { alias: 'p-openai', path: chat, target: chat, header: 'authorization', key: 'Bearer sk-openai' },
    { alias: 'p-deepseek', path: chat, target: chat, header: 'authorization', key: 'Bearer sk-deepseek' },
    { alias: 'p-groq', path: chat, target: chat, header: 'authorization', key: 'Bearer sk-groq' },
    { alias: 'p-mistral', path: chat, target: chat, header: 'authorization', key: 'Bearer sk-mistral' },
    { alias: 'p-cohere', path: chat, target: chat, header: 'authorization', key: 'Bearer sk-cohere' },
    {
      alias: 'p-azure',
      path: chat,
      target: '/openai/deployments/the-model/chat/completions?api-version=2024-10-21',
      header: 'api-key',
      key: 'sk-azure',
    },
    { alias: 'p-anthropic', path: messages, target: messages, header: 'x-api-key', key: 'sk-anthropic' },
    { alias: 'by-route', path: messages, target: messages, header: 'x-api-key', key: 'sk-openai' },
    { alias: 'p-gemini', path: gemini, target: gemini, header: 'x-goog-api-key', key: 'sk-gemini' },
    { alias: 'p-google', path: gemini, target: gemini, header: 'x-goog-api-key', key: 'sk-google' },
    { alias: 'p-any', path: chat, target: chat, header: 'authorization', key: 'Bearer sk-any' },
    { alias: 'p-any', path: messages, target: messages, header: 'x-api-key', key: 'sk-any' },
    { alias: 'p-any', path: gemini, target: gemini, header: 'x-goog-api-key', key: 'sk-any' },
    { alias: 'p-none', path: chat, target: chat, header: 'authorization', key: undefined },
  ])('$alias on $path', async ({ alias, path, target, header, key }) => {
    expect((await ask(alias, { path: path.replace('MODEL', alias) })).status).toBe(200)
    const sent = origin.received.at(-1)
    expect(sent?.target).toBe(target.replace('MODEL', 'the-model'))
    expect(sent?.header(header)).toBe(key)
    for (const other of ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'])
      if (other !== header) expect(sent?.header(other)).toBeUndefined()
    if (path === messages) expect(sent?.header('anthropic-version')).toBe('2023-06-01')
  })

  test.each([
    { alias: 'p-anthropic', path: '/v1/audio/speech' },
    { alias: 'p-openai', path: '/v1/messages/batches' },
    { alias: 'p-mistral', path: gemini.replace('generateContent', 'predict') },
  ])('$alias does not speak $path, which nobody can translate, and the client is told', async ({ alias, path }) => {
    const before = origin.received.length
    const answer = await ask(alias, { path: path.replace('MODEL', alias) })
    expect(answer.status).toBe(400)
    expect(answer.text).toContain('dialect')
    expect(origin.received.length).toBe(before)
  })
})

describe('the answer', () => {
  test('B36: an error that leads nowhere else is the upstream’s own, byte for byte', async () => {
    const body = '{ "error" : {"message":"slow \\u003c down" , "n":1.0 } }\n'
    scripts['verbatim'] = (peer) =>
      peer.write(
        plainAnswer(
          body,
          ['Content-Type: application/problem+json; v=1', 'Retry-After: 17', 'X-RateLimit-Remaining: 0', 'X-Up: yes'],
          '429 Slow Down',
        ),
      )
    const answer = await ask('verbatim')
    expect([answer.status, answer.text]).toEqual([429, body])
    expect(answer.headers.get('content-type')).toBe('application/problem+json; v=1')
    expect(answer.headers.get('retry-after')).toBe('17')
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('0')
    expect(answer.headers.get('x-up')).toBe('yes')
  })

  test.each([
    { name: 'plain', encoding: undefined, pack: (text: string) => Buffer.from(text) },
    { name: 'gzip', encoding: 'gzip', pack: (text: string) => gzipSync(text) },
    { name: 'brotli', encoding: 'br', pack: (text: string) => brotliCompressSync(text) },
    { name: 'zstd', encoding: 'zstd', pack: (text: string) => zstdCompressSync(text) },
  ])('B32, B35: a pattern in an error answer leads on ($name), and without it the answer stays', async (row) => {
    let text = ''
    scripts['patterned'] = (peer) => {
      const body = row.pack(text)
      const lines = ['HTTP/1.1 418 T', 'Content-Type: application/json', `Content-Length: ${body.length}`]
      if (row.encoding !== undefined) lines.push(`Content-Encoding: ${row.encoding}`)
      peer.write(`${lines.join('\r\n')}\r\n\r\n`)
      peer.write(body)
    }
    const headers = { 'accept-encoding': row.encoding ?? 'identity' }
    text = '{"error":{"message":"no tea: insufficient_quota"}}'
    expect((await ask('patterned', { headers })).status).toBe(200)
    text = '{"error":{"message":"no tea"}}'
    const answer = await ask('patterned', { headers })
    expect([answer.status, answer.headers.get('content-encoding')]).toEqual([418, row.encoding ?? null])
    expect(Number(answer.headers.get('content-length'))).toBe(row.pack(text).length)
  })

  test('N115: the status is what the upstream sent, whatever its text says', async () => {
    scripts['teapot'] = (peer) =>
      peer.write(plainAnswer('HTTP 401 500 Unauthorized', ['Content-Type: text/plain'], '418 T'))
    const answer = await ask('teapot')
    expect([answer.status, answer.text]).toEqual([418, 'HTTP 401 500 Unauthorized'])
  })

  test('B40: headers come through, and B38, N315: those of the connection do not', async () => {
    scripts['headers'] = (peer) =>
      peer.write(
        plainAnswer('{"choices":[]}', [
          'Content-Type: application/json',
          'X-Up: visible',
          'OpenAI-Processing-Ms: 12',
          'Date: Tue, 13 Jan 2026 09:41:00 GMT',
          'Connection: keep-alive, X-Hop',
          'X-Hop: 1',
          'Keep-Alive: timeout=5',
          'Trailer: X-Sum',
          'Proxy-Authenticate: Basic',
          'Set-Cookie: __cf_bm=tracking',
          'X-Request-Id: req-of-upstream',
        ]),
      )
    using client = await rawClient(gateway.url)
    const { headers } = await client.send(post('{"model":"headers"}')).ended
    expect(headers.get('x-up')).toBe('visible')
    expect(headers.get('openai-processing-ms')).toBe('12')
    expect(headers.get('x-llm-proxy-upstream-id')).toBe('req-of-upstream')
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/)
    for (const name of ['x-hop', 'keep-alive', 'trailer', 'proxy-authenticate', 'set-cookie'])
      expect([name, headers.get(name)]).toEqual([name, null])
    // Repeated headers would be joined with a comma.
    expect(headers.get('date')).not.toContain('GMT,')
    expect(headers.get('content-length')).toBe('14')
  })

  test('B41, N201: a stream is the upstream’s, byte for byte, however it is cut into pieces', async () => {
    const events = [
      ': comment\r\n\r\n',
      '\n\n',
      'event: odd\nid: 7\nretry: 10\ndata: {"choices":[{"index":0,"delta":{"content":"Grüße 🙂 模型"}}]}\n\n',
      'data:{"choices":[{"index":0,"delta":{"content":" \\u003c"}}] , "n":9007199254740993}\r\n\r\n',
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n\n\n',
      'data: {"choices":[],"usage":{"total_tokens":3}}\n\n',
      'data: [DONE]\n\n',
    ]
    const bytes = Buffer.from(events.join(''))
    for (const size of [1, 3, 7, 50, 10_000]) {
      scripts['events'] = (peer) => {
        peer.write(chunkedHead('text/event-stream; charset=utf-8'))
        for (let at = 0; at < bytes.length; at += size) {
          const part = bytes.subarray(at, at + size)
          peer.write(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]))
        }
        peer.write(chunk(''))
      }
      const answer = await rawRequest(gateway.url, post('{"model":"events","stream":true}'))
      expect([size, answer.status, answer.isWhole]).toEqual([size, 200, true])
      expect(answer.text).toBe(bytes.toString())
      expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    }
  })

  test('B42: a stream begins before the upstream has ended it', async () => {
    scripts['late'] = (peer) =>
      peer.write(chunkedHead() + chunk('data: {"choices":[{"index":0,"delta":{"content":"now"}}]}\n\n'))
    const tookMs: number[] = []
    // A loaded machine may be late once, not each time.
    for (let turn = 0; turn < 5; turn += 1) {
      using client = await rawClient(gateway.url)
      const startedMs = performance.now()
      const exchange = client.send(post('{"model":"late","stream":true}'))
      expect((await exchange.head).status).toBe(200)
      await exchange.begun
      tookMs.push(performance.now() - startedMs)
      const peer = origin.peers.at(-1)
      peer?.write(chunk('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n') + chunk(''))
      expect((await exchange.ended).isWhole).toBe(true)
    }
    expect(Math.min(...tookMs)).toBeLessThan(100)
  })

  const text = `{"choices":[{"message":{"content":"${'long '.repeat(100)}"}}]}`
  /** Compresses what it may. */
  const zips = (peer: RawPeer): void => {
    const zipped = peer.request.header('accept-encoding')?.includes('gzip') === true
    const body = zipped ? gzipSync(text) : Buffer.from(text)
    const lines = ['HTTP/1.1 200 OK', 'Content-Type: application/json', `Content-Length: ${body.length}`]
    peer.write(`${[...lines, ...(zipped ? ['Content-Encoding: gzip'] : [])].join('\r\n')}\r\n\r\n`)
    peer.write(body)
  }

  test.each(['gzip', 'identity', undefined])(
    'N007, N119: compressed answers stay readable (accept-encoding: %p)',
    async (encoding) => {
      scripts['gzip'] = zips
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer sk-client',
          'content-type': 'application/json',
          ...(encoding === undefined ? {} : { 'accept-encoding': encoding }),
        },
        body: '{"model":"gzip"}',
      })
      expect(await response.text()).toBe(text)
    },
  )

  test('N119: without accept-encoding the upstream is asked for no compression', async () => {
    scripts['gzip'] = zips
    const answer = await ask('gzip')
    expect(answer.headers.get('content-encoding')).toBeNull()
    expect(answer.text).toBe(text)
  })

  test('N011: an answer in chunks is framed once', async () => {
    scripts['chunked'] = (peer) =>
      peer.write(chunkedHead('application/json') + chunk('{"choices"') + chunk(':[]}') + chunk(''))
    const answer = await ask('chunked')
    expect([answer.isWhole, answer.text]).toEqual([true, '{"choices":[]}'])
    expect(answer.headers.has('content-length') && answer.headers.has('transfer-encoding')).toBe(false)
  })

  test('N118, N202: no field of an answer is lost or renamed', async () => {
    const body = JSON.stringify({
      id: 'chatcmpl-1',
      system_fingerprint: 'fp_1',
      service_tier: 'default',
      choices: [0, 1].map((index) => ({
        index,
        message: { role: 'assistant', content: null, refusal: null, tool_calls: [{ id: 'c', type: 'function' }] },
        logprobs: { content: [{ token: 'a', logprob: -0.000001, bytes: [97] }] },
        finish_reason: 'tool_calls',
      })),
      usage: { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 1 }, cost: 1e-9 },
      x_unknown: { deep: [1, { er: true }] },
    })
    scripts['fields'] = (peer) => peer.write(plainAnswer(body, ['Content-Type: application/json']))
    expect((await ask('fields')).text).toBe(body)
  })

  test('bytes that are no text come through', async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256)
    scripts['image'] = (peer) => {
      peer.write(`HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: ${bytes.length}\r\n\r\n`)
      peer.write(bytes)
    }
    const response = await fetch(`${gateway.url}/v1/audio/speech`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-client', 'content-type': 'application/json' },
      body: '{"model":"image","input":"hi"}',
    })
    expect(response.headers.get('content-type')).toBe('audio/mpeg')
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
  })

  test('a 204 has no body and stays one', async () => {
    scripts['empty'] = (peer) => peer.write('HTTP/1.1 204 No Content\r\nX-Up: yes\r\n\r\n')
    const answer = await ask('empty')
    expect([answer.status, answer.text, answer.headers.get('x-up')]).toEqual([204, '', 'yes'])
  })
})

describe('B113: the address of the client', () => {
  test.each([
    { name: 'is added', setting: 'proxy: { forward_client_ip: true }', headers: {}, sees: '127.0.0.1' },
    {
      name: 'is put behind those that are there',
      setting: 'proxy: { forward_client_ip: true }',
      headers: { 'X-Forwarded-For': '203.0.113.9' },
      sees: '203.0.113.9, 127.0.0.1',
    },
    {
      name: 'and those before it are kept back by default',
      setting: '',
      headers: { 'X-Forwarded-For': '203.0.113.9', 'X-Real-IP': '203.0.113.9' },
      sees: undefined,
    },
  ])('$name', async ({ setting, headers, sees }) => {
    await using proxy = await startGateway(`
backends: [{ name: a, url: "${origin.url.origin}/v1" }]
models: { m: { routes: [{ backend: a, model: upstream-model, priority: 1 }] } }
${setting}
`)
    await rawRequest(proxy.url, post('{"model":"m"}', { headers }))
    const sent = origin.received.at(-1)
    expect(sent?.header('x-forwarded-for')).toBe(sees)
    expect(sent?.header('x-real-ip')).toBeUndefined()
  })
})
