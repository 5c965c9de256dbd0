import { expect, test } from 'bun:test'
import type { Protocol } from '#core/dialect.ts'
import { Secret } from '#core/secret.ts'
import { checkBackend } from '#doctor/backend-check.ts'
import { eachOf } from '#doctor/subject.ts'
import type { OutgoingRequest, Transport } from '#ports/transport.ts'
import { forLocalhost } from '../../support/certificates.ts'
import { credentialBench, onlyOf, setOf } from '../../support/credentials.ts'
import { linesOf, portsOf, useOf } from '../../support/doctor.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { wholeResponse } from '../../support/upstream.ts'
import { chunkedHead, closedPort, plainAnswer, rawOrigin, type RawRequest } from '../../support/raw-origin.ts'
import { linkOf, tlsOrigin } from '../../support/dialing.ts'

const json = ['Content-Type: application/json']

/** An answer for whoever has the key, and 401 for others. */
function guarded(body: string): (request: RawRequest) => string {
  return ({ headers }) => {
    const hasKey = headers.some(([, value]) => value.includes('sk-of-backend-1234'))
    return hasKey ? plainAnswer(body, json) : plainAnswer('{"error":{"message":"no key"}}', json, '401 Unauthorized')
  }
}

const two = '{"object":"list","data":[{"id":"gpt-5"},{"id":"gpt-5-mini"}]}'

/** What is found out about a backend that answers so, without the lines about the way to it. */
async function linesFor(
  answer: (request: RawRequest) => string,
  options: { path?: string; protocol?: Protocol; models?: readonly string[]; apiKey?: Secret | undefined } = {},
): Promise<{ lines: string[]; received: readonly RawRequest[] }> {
  await using origin = await rawOrigin((peer) => peer.end(answer(peer.request)))
  const { path = '/v1', protocol = 'openai', models = ['gpt-5'] } = options
  const apiKey = 'apiKey' in options ? { apiKey: options.apiKey } : {}
  const use = useOf(new URL(path, origin.url), apiKey, protocol, models)
  const { findings } = await checkBackend(portsOf(), use)
  return { lines: linesOf(findings).slice(1), received: origin.received }
}

test('a good key and known models are told, and no token is spent', async () => {
  const { lines, received } = await linesFor(guarded(two))
  expect(lines).toEqual([
    'ok the key is accepted, the model list has 2 models',
    'ok the model of its routes is in the list',
  ])
  expect(received.map(({ method, target }) => `${method} ${target}`)).toEqual(['GET /v1/models', 'GET /v1/models'])
  expect(received[0]?.header('authorization')).toBe('Bearer sk-of-backend-1234')
  expect(received[1]?.header('authorization')).toBeUndefined()
})

test('a list that everybody gets does not prove the key', async () => {
  const { lines } = await linesFor(() => plainAnswer(two, json))
  expect(lines[0]).toBe('ok the model list has 2 models; everybody gets it, so it does not prove that the key is good')
})

test('where the question without a key fails, nothing is said about the key', async () => {
  const busy = plainAnswer('{}', json, '429 Too Many Requests')
  const { lines } = await linesFor((request) =>
    request.header('authorization') === undefined ? busy : plainAnswer(two, json),
  )
  expect(lines[0]).toBe('ok the model list has 2 models; whether it is for keys only could not be found out')
})

test('a model that is not in the list is told with the names that are nearest', async () => {
  const { lines } = await linesFor(guarded(two), { models: ['gpt-5', 'gtp-5', 'claude'] })
  expect(lines.slice(1)).toEqual([
    'warn the model "gtp-5" is not in the list — did you mean "gpt-5"? Correct it in models."alias-of-gtp-5"',
    'warn the model "claude" is not in the list — correct the name in models."alias-of-claude"',
  ])
})

test.each([
  { status: '401 Unauthorized', says: /^fail the key is not accepted \(status 401\) — check "api_key"/ },
  { status: '402 Payment Required', says: /^fail .* status 402 — the account has no credit/ },
  { status: '403 Forbidden', says: /^fail .* status 403 — the key may not do this/ },
  {
    status: '404 Not Found',
    says: /^warn .* status 404: it has no such list, .* requests would go to http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions$/,
  },
  { status: '405 Method Not Allowed', says: /^warn .* status 405: it has no such list/ },
  { status: '407 Proxy Authentication Required', says: /^fail .* status 407 — the outbound proxy wants a user/ },
  { status: '418 Odd', says: /^warn .* status 418 — check "url" and "protocol"/ },
  { status: '429 Too Many Requests', says: /^warn .* status 429 — the provider limits this key now/ },
  {
    status: '503 Service Unavailable',
    says: /^fail .* status 503 — the provider, or a proxy before it, is out of order/,
  },
])('status $status is explained', async ({ status, says }) => {
  const { lines } = await linesFor(() => plainAnswer('{}', json, status))
  expect(lines).toEqual([expect.stringMatching(says)])
})

test.each([
  {
    name: 'a missing key',
    answer: plainAnswer('{}', json, '401 Unauthorized'),
    apiKey: undefined,
    says: /^fail it wants a key and none is configured \(status 401\) — set "api_key"/,
  },
  {
    name: 'a bad key that is answered with 400',
    answer: plainAnswer(
      '{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}',
      json,
      '400 Bad Request',
    ),
    says: /^fail the key is not accepted \(status 400 \(INVALID_ARGUMENT\)\)/,
  },
  {
    name: "the provider's own word for what is wrong",
    answer: plainAnswer(
      '{"error":{"message":"sk-of-backend-1234 is bad","code":"invalid_api_key"}}',
      json,
      '401 Unauthorized',
    ),
    says: /^fail the key is not accepted \(status 401 \(invalid_api_key\)\)/,
  },
  {
    name: 'a web page',
    answer: plainAnswer('<html></html>', ['Content-Type: text/html; charset=utf-8']),
    says: /^fail it answered with a web page .* — correct "url", requests would go to/,
  },
  {
    name: 'an answer that is no list',
    answer: plainAnswer('{"hello":1}', json),
    says: /^warn it answered with status 200, but not with a list of models \(application\/json\)/,
  },
  {
    name: 'a redirect, without its query',
    answer: plainAnswer('', ['Location: https://elsewhere.test/v1/models?key=secret'], '301 Moved'),
    says: /^fail .* status 301, a redirect to https:\/\/elsewhere\.test\/v1\/models — redirects are not followed/,
  },
  {
    name: 'a server that wants TLS and says so',
    answer: plainAnswer('Client sent an HTTP request to an HTTPS server.', [], '400 Bad Request'),
    says: /^fail .* status 400 — write "https:\/\/" in "url"/,
  },
  {
    name: 'an answer that breaks off',
    answer: `${chunkedHead('application/json')}5\r\n{"dat`,
    says: /^warn model list: the answer broke off: /,
  },
  {
    name: 'what is no HTTP',
    answer: 'SSH-2.0-OpenSSH_9.6\r\n',
    says: /^fail the list of models was not answered: .* — what answers there is no HTTP\/1\.1 server/,
  },
])('$name is explained', async ({ answer, says, ...options }) => {
  const { lines } = await linesFor(() => answer, options)
  expect(lines).toEqual([expect.stringMatching(says)])
})

test('a server that needs no key is told', async () => {
  const { lines } = await linesFor(() => plainAnswer(two, json), { apiKey: undefined })
  expect(lines[0]).toBe('ok the model list has 2 models; no key is configured, and none was asked for')
})

test.each<{ protocol: Protocol; path?: string; body: string; model: string; target: string; header: [string, string] }>(
  [
    {
      protocol: 'anthropic',
      path: '/',
      body: '{"data":[{"type":"model","id":"claude-sonnet-4-5-20250929"}],"has_more":false}',
      model: 'claude-sonnet-4-5',
      target: '/v1/models?limit=1000',
      header: ['x-api-key', 'sk-of-backend-1234'],
    },
    {
      protocol: 'gemini',
      path: '/',
      body: '{"models":[{"name":"models/gemini-2.5-pro"}]}',
      model: 'gemini-2.5-pro',
      target: '/v1beta/models?pageSize=1000',
      header: ['x-goog-api-key', 'sk-of-backend-1234'],
    },
    {
      protocol: 'gemini',
      path: '/v1beta',
      body: '{"models":[{"name":"models/gemini-2.5-pro"}]}',
      model: 'models/gemini-2.5-pro',
      target: '/v1beta/models?pageSize=1000',
      header: ['x-goog-api-key', 'sk-of-backend-1234'],
    },
    {
      protocol: 'ollama',
      path: '/',
      body: '{"models":[{"name":"llama4:latest","model":"llama4:latest"}]}',
      model: 'llama4',
      target: '/api/tags',
      header: ['authorization', 'Bearer sk-of-backend-1234'],
    },
    {
      protocol: 'mistral',
      body: '{"data":[{"id":"mistral-large-2512","aliases":["mistral-large-latest"]}]}',
      model: 'mistral-large-latest',
      target: '/v1/models',
      header: ['authorization', 'Bearer sk-of-backend-1234'],
    },
    {
      protocol: 'cohere',
      path: '/compatibility/v1',
      body: '{"models":[{"name":"command-a"}]}',
      model: 'command-a',
      target: '/v1/models?page_size=1000',
      header: ['authorization', 'Bearer sk-of-backend-1234'],
    },
    {
      protocol: 'openai',
      path: '/api/paas/v4',
      body: '[{"id":"glm-5"}]',
      model: 'glm-5:free',
      target: '/api/paas/v4/models',
      header: ['authorization', 'Bearer sk-of-backend-1234'],
    },
  ],
)(
  '$protocol at $path is asked for its list as its own clients would',
  async ({ protocol, path, body, model, target, header }) => {
    const { lines, received } = await linesFor(guarded(body), {
      protocol,
      models: [model],
      ...(path === undefined ? {} : { path }),
    })
    expect(lines).toEqual([
      'ok the key is accepted, the model list has 1 model',
      'ok the model of its routes is in the list',
    ])
    expect(received[0]?.target).toBe(target)
    expect(received[0]?.header(header[0])).toBe(header[1])
    if (protocol === 'anthropic') expect(received[0]?.header('anthropic-version')).toBe('2023-06-01')
  },
)

test.each([
  { path: '/', target: '/openai/models?api-version=2024-10-21' },
  { path: '/openai', target: '/openai/models?api-version=2024-10-21' },
  { path: '/openai/v1', target: '/openai/v1/models' },
])(
  'the deployments of Azure at $path are not compared with its list, which is of other things',
  async ({ path, target }) => {
    const { lines, received } = await linesFor(guarded(two), { protocol: 'azure', path, models: ['my-deployment'] })
    expect(received[0]?.target).toBe(target)
    expect(received[0]?.header('api-key')).toBe('sk-of-backend-1234')
    expect(lines[1]).toMatch(/^ok the list names what can be deployed, not what is/)
  },
)

test('a list that goes on elsewhere misses nothing', async () => {
  const { lines } = await linesFor(guarded('{"data":[{"id":"a"}],"has_more":true}'), { models: ['z'] })
  expect(lines).toEqual(['ok the key is accepted, the model list has 1 model'])
})

test('an http address at which TLS is spoken is told', async () => {
  await using origin = await tlsOrigin(forLocalhost)
  const { findings } = await checkBackend(portsOf(), useOf(`http://127.0.0.1:${origin.port}/v1`))
  expect(linesOf(findings).at(-1)).toMatch(/^fail .* — write "https:\/\/" in "url": what answers there speaks TLS$/)
})

test('a backend that takes the connection and says nothing is given up', async () => {
  await using origin = await rawOrigin(() => {})
  const clock = new FakeClock()
  let isAsked = false
  const silent: Transport = {
    send: async ({ stop }: OutgoingRequest) => {
      isAsked = true
      return await new Promise((resolve) => {
        const message = 'the exchange was given up'
        stop.tell({ onStop: () => resolve({ kind: 'transport_failure', phase: 'head', cause: 'aborted', message }) })
      })
    },
  }
  const checking = checkBackend(portsOf({ clock, transport: silent }), useOf(origin.url))
  await eventually(() => isAsked)
  await clock.advance(10_000)
  const { findings } = await checking
  expect(linesOf(findings).at(-1)).toBe(
    'fail the list of models was not answered: no whole answer within 10 s — the server takes connections and says nothing: look at its own log',
  )
  expect(clock.pending).toBe(0)
})

test('a clock is compared with the date of the answer', async () => {
  await using origin = await rawOrigin(() => {})
  const clock = new FakeClock(Date.UTC(2026, 0, 13, 10, 0, 0))
  const headers = { date: 'Tue, 13 Jan 2026 09:58:00 GMT', 'content-type': 'application/json' }
  const transport: Transport = { send: async () => await Promise.resolve(wholeResponse(200, headers, two)) }
  const { aheadMs } = await checkBackend(portsOf({ clock, transport }), useOf(origin.url))
  expect(aheadMs).toBe(119_500)
})

test.each([
  {
    url: 'http://llm.example.com:1/v1',
    key: 'k-12345678',
    says: 'warn key and prompts are sent unencrypted to llm.example.com — write "https://" in "url"',
  },
  {
    url: 'http://llm.example.com:1/v1',
    key: undefined,
    says: 'warn prompts are sent unencrypted to llm.example.com — write "https://" in "url"',
  },
  { url: 'http://127.0.0.1:1/v1', key: 'k-12345678', says: undefined },
  { url: 'http://10.1.2.3:1/v1', key: 'k-12345678', says: undefined },
  { url: 'http://[fd00::1]:1/v1', key: 'k-12345678', says: undefined },
  { url: 'http://vllm:1/v1', key: 'k-12345678', says: undefined },
])('$url with key $key', async ({ url, key, says }) => {
  // Nothing is looked up, and nobody is reached.
  const proxy = { url: new URL(`http://127.0.0.1:${await closedPort()}`), authorization: undefined }
  const apiKey = key === undefined ? undefined : new Secret(key)
  const { findings } = await checkBackend(portsOf(), useOf(url, { apiKey, link: linkOf({ proxy }) }))
  const lines = linesOf(findings)
  expect(lines.find((line) => line.includes('unencrypted'))).toBe(says)
})

test('a mock backend needs nothing', async () => {
  const { findings } = await checkBackend(portsOf(), useOf('mock://x'))
  expect(linesOf(findings)).toEqual(['ok the built-in mock backend, which is always there'])
})

test('of several credentials each is tried, and the list is looked through once', async () => {
  await using origin = await rawOrigin((peer) => peer.end(guarded(two)(peer.request)))
  const url = new URL('/v1', origin.url).href
  const written = [
    { name: 'bad', api_key: 'sk-of-nobody' },
    { name: 'good', api_key: 'sk-of-backend-1234' },
  ]
  const set = await setOf([...written, written[0] ?? {}, { name: 'spare', env: 'K', weight: 0 }], {
    url,
    env: { K: 'x' },
  })
  const { book } = credentialBench()
  book.adopt([set])
  const ring = book.ringOf(set)
  const credentials = ring === undefined ? [] : eachOf(ring)
  expect(credentials.map(({ name }) => name)).toEqual(['bad', 'good', 'spare'])
  const use = { ...useOf(url, { apiKey: undefined, credentials: set }, 'openai', ['gpt-6']), credentials }
  const { findings } = await checkBackend(portsOf(), use)
  expect(linesOf(findings).slice(1)).toEqual([
    'fail credential "bad": the key is not accepted (status 401) — check "api_key" or "credentials" for a wrong, old or cut key, and "protocol" or "auth_mode" for the header in which it is sent',
    'ok credential "good": the key is accepted, the model list has 2 models',
    expect.stringMatching(/^fail credential "spare": the key is not accepted/),
    expect.stringMatching(/^warn the model "gpt-6" is not in the list/),
  ])
})

test('a credential that has nothing to prove itself with is told as such', async () => {
  await using origin = await rawOrigin((peer) => peer.end(guarded(two)(peer.request)))
  const url = new URL('/v1', origin.url).href
  const oauth = { name: 'o', type: 'oauth2', token_url: 'https://auth.test/', client_id: 'me', client_secret: 's' }
  const set = await setOf([oauth], { url })
  const { book } = credentialBench(() => wholeResponse(500, {}, ''))
  book.adopt([set])
  const use = { ...useOf(url, { apiKey: undefined, credentials: set }), credentials: [onlyOf(book, set)] }
  const { findings } = await checkBackend(portsOf(), use)
  expect(linesOf(findings)[1]).toBe(
    'fail credential "o": its token server answered with status 500 — look at it in "credentials" of this backend',
  )
})

test.each<{ protocol: Protocol; status: string; line: RegExp }>([
  { protocol: 'bedrock', status: '200 OK', line: /^ok it answers \(status 200\); it has no list of models there/ },
  { protocol: 'bedrock', status: '404 Not Found', line: /^ok it answers \(status 404\)/ },
  { protocol: 'bedrock', status: '403 Forbidden', line: /^fail the list of models was answered with status 403/ },
  { protocol: 'bedrock', status: '503 Service Unavailable', line: /^fail .* status 503/ },
  { protocol: 'openai', status: '404 Not Found', line: /^warn .* it has no such list/ },
])('$protocol that answers $status: $line', async ({ protocol, status, line }) => {
  const { lines } = await linesFor(() => plainAnswer('{}', json, status), { path: '/', protocol })
  expect(lines).toEqual([expect.stringMatching(line)])
})

test("at Vertex AI the list is of Google's own models, and Claude is not missed in it", async () => {
  const list = '{"publisherModels":[{"name":"publishers/google/models/gemini-2.5-pro"}]}'
  const options = { path: '/v1/projects/p/locations/l', protocol: 'vertex', models: ['claude-sonnet-4-5'] } as const
  const { lines } = await linesFor(() => plainAnswer(list, json), options)
  expect(lines).toEqual([
    'ok the model list has 1 model; everybody gets it, so it does not prove that the key is good',
    "ok the list names Google's own models alone: other names show only when they are asked",
  ])
})

test('a second address is reached, and no list is asked of it', async () => {
  await using origin = await rawOrigin((peer) => peer.end(plainAnswer(two, json)))
  const use = useOf(new URL('/v1', origin.url), {}, 'openai', ['gpt-5'])
  const url = new URL(`http://127.0.0.1:${await closedPort()}/anthropic`)
  const { findings } = await checkBackend(portsOf(), { ...use, anthropic: { ...use.backend, url } })
  expect(linesOf(findings).at(-1)).toMatch(/^fail url_anthropic: connect .*"url_anthropic" right\?$/)
  expect(origin.received.map(({ target }) => target)).toEqual(['/v1/models', '/v1/models'])
})
