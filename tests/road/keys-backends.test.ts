import { describe, expect, test } from 'bun:test'
import type { OutgoingRequest } from '#ports/transport.ts'
import { openRoad, type Road } from '../support/road.ts'
import { answering, silentStream, whenDone } from '../support/scripted.ts'

const route = 'models: { m: { routes: [{ backend: a, model: up }] } }'
const key = 'sk-own'

async function roadWith(backend: string, top = '', turns: Parameters<typeof answering>[0] = {}): Promise<Road> {
  return await openRoad(`${top}\nbackends: [{ name: a, ${backend} }]\n${route}`, answering(turns))
}

/** What one chat request to a gateway with this backend looks like to the upstream. */
async function sentBy(backend: string, top = '', headers: Record<string, string> = {}): Promise<OutgoingRequest> {
  const road = await roadWith(`url: "http://a/v1", ${backend}`, top)
  await (await road.chat('m', {}, { headers })).text()
  return only(road)
}

function only({ sent }: Road): OutgoingRequest {
  const [request] = sent
  if (request === undefined || sent.length > 1) throw new Error(`The upstream was asked ${sent.length} times`)
  return request
}

function headerOf(request: OutgoingRequest, name: string): string | undefined {
  const values = request.headers.filter(([own]) => own.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  return values.length === 0 ? undefined : values.join(' and ')
}

const keyHeaders = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key']

/** The headers that carry a key, by name. */
function keysIn(request: OutgoingRequest): Record<string, string> {
  const found = keyHeaders.map((name) => [name, headerOf(request, name)] as const)
  return Object.fromEntries(found.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

describe('which key a backend gets', () => {
  const client = { authorization: 'Bearer sk-gateway' }
  const gateway = 'proxy_api_key: sk-gateway'
  const common = 'upstream_default_key: sk-common'
  const reuse = 'reuse_gateway_key: true'

  test.each([
    { name: 'B03: api_key is its own', backend: `api_key: ${key}`, top: [gateway, common, reuse], sent: key },
    { name: 'upstream_default_key is for the others', backend: '', top: [gateway, common, reuse], sent: 'sk-common' },
    { name: 'an empty api_key is none', backend: 'api_key: ""', top: [gateway, common], sent: 'sk-common' },
    { name: 'reuse_gateway_key lends ours', backend: '', top: [gateway, reuse], sent: 'sk-gateway' },
    { name: 'B04 N105: without any there is none', backend: '', top: [gateway], sent: undefined },
    { name: 'there is no gateway key to lend', backend: '', top: [reuse], sent: undefined },
  ])('$name', async ({ backend, top, sent }) => {
    const request = await sentBy(backend, top.join('\n'), client)
    expect(keysIn(request)).toEqual(sent === undefined ? {} : { authorization: `Bearer ${sent}` })
  })
})

describe('how the key is sent', () => {
  test.each([
    { mode: 'Authorization', sent: { authorization: 'Bearer sk-own' } },
    { mode: 'authorization', sent: { authorization: 'Bearer sk-own' } },
    { mode: 'x-api-key', sent: { 'x-api-key': 'sk-own' } },
    { mode: 'X-API-Key', sent: { 'x-api-key': 'sk-own' } },
    { mode: 'api-key', sent: { 'api-key': 'sk-own' } },
    { mode: 'x-goog-api-key', sent: { 'x-goog-api-key': 'sk-own' } },
    { mode: 'none', sent: {} },
    { mode: 'dialect', sent: { 'x-api-key': 'sk-own' } },
  ])('backends[].auth_mode "$mode" names the header of the key', async ({ mode, sent }) => {
    const road = await roadWith(`url: "http://a", protocol: anthropic, api_key: ${key}, auth_mode: ${mode}`)
    await messages(road)
    expect(keysIn(only(road))).toEqual(sent)
  })
})

async function messages(road: Road): Promise<Response> {
  const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] })
  return await road.fetch('/v1/messages', { method: 'POST', body })
}

async function generate(road: Road): Promise<Response> {
  const body = JSON.stringify({ contents: [{ parts: [{ text: 'hi' }] }] })
  return await road.fetch('/v1beta/models/m:generateContent', { method: 'POST', body })
}

const chat = async (road: Road): Promise<Response> => await road.chat('m')

describe('what a backend speaks', () => {
  const bearer = { authorization: 'Bearer sk-own' }
  const deployment = '/openai/deployments/up/chat/completions'

  test.each([
    { protocol: 'openai', base: 'https://a/v1', ask: chat, url: 'https://a/v1/chat/completions', keys: bearer },
    { protocol: 'deepseek', base: 'https://a', ask: chat, url: 'https://a/v1/chat/completions', keys: bearer },
    {
      protocol: 'groq',
      base: 'https://a/openai/v1',
      ask: chat,
      url: 'https://a/openai/v1/chat/completions',
      keys: bearer,
    },
    { protocol: 'mistral', base: 'https://a/v1', ask: chat, url: 'https://a/v1/chat/completions', keys: bearer },
    {
      protocol: 'cohere',
      base: 'https://a/compatibility/v1',
      ask: chat,
      url: 'https://a/compatibility/v1/chat/completions',
      keys: bearer,
    },
    {
      protocol: 'azure',
      base: 'https://a',
      ask: chat,
      url: `https://a${deployment}?api-version=2024-10-21`,
      keys: { 'api-key': key },
    },
    {
      protocol: 'anthropic',
      base: 'https://a',
      ask: messages,
      url: 'https://a/v1/messages',
      keys: { 'x-api-key': key },
    },
    {
      protocol: 'gemini',
      base: 'https://a',
      ask: generate,
      url: 'https://a/v1beta/models/up:generateContent',
      keys: { 'x-goog-api-key': key },
    },
    {
      protocol: 'google',
      base: 'https://a/v1beta',
      ask: generate,
      url: 'https://a/v1beta/models/up:generateContent',
      keys: { 'x-goog-api-key': key },
    },
    { protocol: 'any', base: 'https://a', ask: chat, url: 'https://a/v1/chat/completions', keys: bearer },
    { protocol: 'any', base: 'https://a', ask: messages, url: 'https://a/v1/messages', keys: { 'x-api-key': key } },
    {
      protocol: 'any',
      base: 'https://a',
      ask: generate,
      url: 'https://a/v1beta/models/up:generateContent',
      keys: { 'x-goog-api-key': key },
    },
  ])('B101: backends[].protocol "$protocol" decides path and form of the key: $url', async (row) => {
    const road = await roadWith(`url: "${row.base}", protocol: ${row.protocol}, api_key: ${key}`)
    expect((await row.ask(road)).status).toBe(200)
    const request = only(road)
    expect(request.url.href).toBe(row.url)
    expect(keysIn(request)).toEqual(row.keys)
    expect(headerOf(request, 'anthropic-version')).toBe(row.ask === messages ? '2023-06-01' : undefined)
  })

  test.each([
    { protocol: 'openai', served: [true, false, false] },
    { protocol: 'azure', served: [true, false, false] },
    { protocol: 'anthropic', served: [false, true, false] },
    { protocol: 'gemini', served: [false, false, true] },
    { protocol: 'any', served: [true, true, true] },
  ])(
    'B101: a backend of protocol "$protocol" is asked by clients of its dialect only, where nothing is translated',
    async ({ protocol, served }) => {
      const road = await roadWith(`url: "https://a", protocol: ${protocol}`, 'compat: { translate: false }')
      const answers = [await chat(road), await messages(road), await generate(road)]
      expect(answers.map(({ status }) => status)).toEqual(served.map((isServed) => (isServed ? 200 : 400)))
      expect(road.sent.length).toBe(served.filter(Boolean).length)
    },
  )

  test.each([
    { backend: 'protocol: azure', version: '2024-10-21' },
    { backend: 'protocol: azure, api_version: 2025-04-01-preview', version: '2025-04-01-preview' },
    { backend: 'protocol: openai, api_version: 2025-04-01-preview', version: null },
  ])('backends[].api_version is what Azure is asked for: %j', async ({ backend, version }) => {
    const { url } = await sentBy(backend)
    expect(url.searchParams.get('api-version')).toBe(version)
  })

  test.each([
    { url: 'http://a', asked: 'http://a/v1/chat/completions' },
    { url: 'http://a/', asked: 'http://a/v1/chat/completions' },
    { url: 'http://a/v1', asked: 'http://a/v1/chat/completions' },
    { url: 'http://a:8443/api', asked: 'http://a:8443/api/v1/chat/completions' },
  ])('B73: backends[].url $url is where requests go', async ({ url, asked }) => {
    const road = await roadWith(`url: "${url}"`)
    await chat(road)
    expect(only(road).url.href).toBe(asked)
  })
})

describe('what else a backend is sent', () => {
  test('backends[].headers come with every request and replace those of the client', async () => {
    const client = { 'x-org': 'client', 'x-kept': 'client' }
    const plain = await sentBy('weight: 1', '', client)
    expect(headerOf(plain, 'x-org')).toBe('client')
    const request = await sentBy('headers: { X-Org: ours, X-New: "1" }', '', client)
    expect(['x-org', 'x-new', 'x-kept'].map((name) => headerOf(request, name))).toEqual(['ours', '1', 'client'])
  })

  test.each([
    { yaml: '', sent: undefined },
    { yaml: 'proxy: { forward_client_ip: false }', sent: undefined },
    { yaml: 'proxy: { forward_client_ip: true }', sent: '127.0.0.1' },
    { yaml: 'proxy: { forward_client_ip: true }\ntrusted_proxies: ["127.0.0.1"]', sent: '127.0.0.1' },
  ])('B113: proxy.forward_client_ip tells the backend who asks: %j', async ({ yaml, sent }) => {
    const request = await sentBy('weight: 1', yaml, { 'x-forwarded-for': '198.51.100.1' })
    // Each hop adds whom it heard the request from, be that a trusted proxy.
    expect(headerOf(request, 'x-forwarded-for')).toBe(sent === undefined ? undefined : `198.51.100.1, ${sent}`)
  })

  test('backends[].tls_verify reaches the connection', async () => {
    expect((await sentBy('weight: 1')).link.tls.verify).toBe(true)
    expect((await sentBy('tls_verify: false')).link.tls.verify).toBe(false)
  })
})

describe('how long a backend may take', () => {
  const own = (clocks: string): readonly [string, string] => [`timeout: ${clocks}, url: "http://a"`, '']
  const common = (clocks: string): readonly [string, string] => ['url: "http://a"', `timeout: ${clocks}`]

  test.each([
    { key: 'timeout.total', place: common('{ total: 7s }'), tookMs: 7000 },
    { key: 'backends[].timeout.total', place: own('{ total: 4s }'), tookMs: 4000 },
    { key: 'backends[].timeout.total, before the common one', place: ownBefore('total'), tookMs: 4000 },
  ])('B111: $key ends an attempt that has no answer', async ({ place, tookMs }) => {
    const road = await roadWith(place[0], place[1], { a: ['hang'] })
    const { value, tookMs: took } = await whenDone(road.clock, road.chat('m'))
    expect([value.status, took]).toEqual([504, tookMs])
  })

  test.each([
    { key: 'timeout.total', place: common('{ total: 7s, idle: 0 }'), tookMs: 7000, says: 'timeout.total' },
    { key: 'backends[].timeout.total', place: own('{ total: 4s, idle: 0 }'), tookMs: 4000, says: 'timeout.total' },
    { key: 'timeout.idle', place: common('{ idle: 5s }'), tookMs: 5000, says: 'timeout.idle' },
    { key: 'backends[].timeout.idle', place: own('{ idle: 2s }'), tookMs: 2000, says: 'timeout.idle' },
    {
      key: 'the default of timeout.idle',
      place: ['url: "http://a"', 'streaming: { idle_timeout: 0 }'] as const,
      tookMs: 120_000,
      says: 'timeout.idle',
    },
  ])('B111: $key ends a stream that has begun and goes silent', async ({ place, tookMs, says }) => {
    const first = 'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
    const road = await roadWith(place[0], place[1], { a: [(signal) => silentStream(signal, [first])] })
    const response = await road.chat('m', { stream: true })
    const { value, tookMs: took } = await whenDone(road.clock, textUntilReset(response))
    expect(value).toStartWith(first)
    expect(value).toContain(says)
    // The error event has a little time to reach the client.
    expect(took).toBeWithin(tookMs, tookMs + 300)
    expect(road.settled.map(({ outcome }) => outcome)).toEqual(['stalled'])
  })

  test.each([
    { key: 'timeout.first_byte', place: common('{ first_byte: 9s, idle: 3s }'), tookMs: 9000 },
    { key: 'backends[].timeout.first_byte', place: own('{ first_byte: 6s, idle: 3s }'), tookMs: 6000 },
  ])('B111: $key ends the wait for an answer of which only the head came', async ({ place, tookMs }) => {
    const road = await roadWith(place[0], place[1], { a: [(signal) => silentStream(signal)] })
    const { value, tookMs: took } = await whenDone(road.clock, road.chat('m', { stream: true }))
    expect([value.status, took]).toEqual([504, tookMs])
  })

  function ownBefore(clock: string): readonly [string, string] {
    return [`timeout: { ${clock}: 4s }, url: "http://a"`, `timeout: { ${clock}: 1s }`]
  }
})

async function textUntilReset(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true })
  } catch {
    return text
  }
  throw new Error('The stream ended as if it were complete')
}
