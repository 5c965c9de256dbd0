import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { rawRequest } from '../support/raw-client.ts'
import { plainAnswer, rawOrigin, type RawOrigin } from '../support/raw-origin.ts'

const gatewayKey = 'sk-gateway-canary-7f3a91c2'
const backendKey = 'sk-backend-canary-5e8d20b4'

let keyed: RawOrigin
let keyless: RawOrigin
let gateway: RunningGateway

beforeAll(async () => {
  const answer = plainAnswer('{"id":"1","choices":[]}', ['Content-Type: application/json'])
  keyed = await rawOrigin((peer) => peer.write(answer))
  keyless = await rawOrigin((peer) => peer.write(answer))
  gateway = await startGateway(`
proxy_api_key: ${gatewayKey}
backends:
  - { name: keyed, url: "${keyed.url.origin}/v1", api_key: ${backendKey}, protocol: any }
  - { name: keyless, url: "${keyless.url.origin}/v1", protocol: any }
models:
  keyed: { routes: [{ backend: keyed, model: upstream, priority: 1 }] }
  keyless: { routes: [{ backend: keyless, model: upstream, priority: 1 }] }
`)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([keyed.stop(), keyless.stop()])
})

/** One path of each dialect, and the header in which a backend of the dialect reads its key. */
const surfaces = [
  { path: '/v1/chat/completions', keyHeader: 'authorization', key: `Bearer ${backendKey}` },
  { path: '/v1/embeddings', keyHeader: 'authorization', key: `Bearer ${backendKey}` },
  { path: '/v1/messages', keyHeader: 'x-api-key', key: backendKey },
  { path: '/v1beta/models/MODEL:generateContent', keyHeader: 'x-goog-api-key', key: backendKey },
] as const

const credentialHeaders = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key', 'cookie', 'proxy-authorization']

/** Every way to bring the key. */
const placements: readonly { name: string; headers: Record<string, string>; query: string }[] = [
  { name: 'Authorization', headers: { authorization: `Bearer ${gatewayKey}` }, query: '' },
  { name: 'Authorization in small letters', headers: { Authorization: `bearer ${gatewayKey}` }, query: '' },
  { name: 'x-api-key', headers: { 'x-api-key': gatewayKey }, query: '' },
  { name: 'x-goog-api-key', headers: { 'x-goog-api-key': gatewayKey }, query: '' },
  { name: 'api-key', headers: { 'api-key': gatewayKey }, query: '' },
  { name: 'the query', headers: {}, query: `?key=${gatewayKey}&a=1` },
  { name: 'an encoded name in the query', headers: {}, query: `?a=1&%6Bey=${gatewayKey}` },
  {
    name: 'every place at once',
    headers: Object.fromEntries(
      credentialHeaders.map((name) => [name, name === 'authorization' ? `Bearer ${gatewayKey}` : gatewayKey]),
    ),
    query: `?key=${gatewayKey}`,
  },
]

async function ask(path: string, model: string, headers: Record<string, string> = {}, query = '') {
  const answer = await rawRequest(gateway.url, {
    method: 'POST',
    path: path.replace('MODEL', model) + query,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model, messages: [] }),
  })
  return { status: answer.status, text: answer.text, headers: answer.headers }
}

describe.each([...surfaces])('$path', ({ path, keyHeader, key }) => {
  test.each([
    { name: 'no key', headers: {} },
    { name: 'a wrong key', headers: { authorization: 'Bearer sk-wrong' } },
    { name: 'the beginning of the key', headers: { authorization: `Bearer ${gatewayKey.slice(0, -1)}` } },
    { name: 'the key of the backend', headers: { authorization: `Bearer ${backendKey}` } },
    { name: 'the key without its scheme', headers: { authorization: gatewayKey } },
    { name: 'an empty key', headers: { 'x-api-key': '' } },
    { name: 'two different keys', headers: { authorization: `Bearer ${gatewayKey}`, 'x-api-key': 'sk-other' } },
  ])('B01: $name is answered with 401, and no backend is asked', async ({ headers }) => {
    const before = keyed.received.length
    const answer = await ask(path, 'keyed', headers)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(JSON.parse(answer.text)).toHaveProperty('error')
    expect(answer.text).not.toContain(gatewayKey.slice(0, 12))
    expect(keyed.received.length).toBe(before)
  })

  test.each(placements)('B01, B105: the key by $name opens', async ({ headers, query }) => {
    expect((await ask(path, 'keyed', headers, query)).status).toBe(200)
    const sent = keyed.received.at(-1)
    // B03: the backend gets its own key in the header of the dialect, and in no other.
    expect(sent?.header(keyHeader)).toBe(key)
    for (const name of credentialHeaders) if (name !== keyHeader) expect(sent?.header(name)).toBeUndefined()

    expect((await ask(path, 'keyless', headers, query)).status).toBe(200)
    // B04, N105: where there is no backend key there is no credential at all.
    for (const name of credentialHeaders) expect(keyless.received.at(-1)?.header(name)).toBeUndefined()
    expect(keyless.received.at(-1)?.target).toEndWith(query.includes('a=1') ? '?a=1' : path.slice(-4))
  })
})

test('B03, B04, N006, N105: nothing that reaches a backend holds the gateway key, nor does the log', async () => {
  const already = { keyed: keyed.received.length, keyless: keyless.received.length }
  for (const { path } of surfaces) {
    for (const { headers, query } of placements) {
      for (const model of ['keyed', 'keyless']) expect((await ask(path, model, headers, query)).status).toBe(200)
    }
  }
  const records = [...keyed.received.slice(already.keyed), ...keyless.received.slice(already.keyless)]
  expect(records.length).toBe(surfaces.length * placements.length * 2)
  for (const { target, headers, body } of records) {
    expect(`${target} ${JSON.stringify(headers)} ${body.toString()}`).not.toContain(gatewayKey)
  }
  expect(JSON.stringify(keyless.received)).not.toContain(backendKey)
  await gateway.told(/Request finished/)
  expect(gateway.output()).not.toContain(gatewayKey)
  expect(gateway.output()).not.toContain(backendKey)
})

describe('without a client key', () => {
  const open = `
backends: [{ name: m, url: "mock://m" }]
models: { m: { routes: [{ backend: m, model: ok, priority: 1 }] } }
`

  test('B02: a request without a key is served, on loopback only, and the log says so', async () => {
    await using alone = await startGateway(`listen: ":0"\n${open}`)
    expect(alone.output()).toMatch(/listening on http:\/\/127\.0\.0\.1:\d+/)
    expect(alone.output()).toMatch(/\[WARN\] No client key is configured/)
    for (const headers of [{}, { authorization: 'Bearer sk-anything' }]) {
      const answer = await rawRequest(alone.url, {
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"model":"m","messages":[{"role":"user","content":"hi"}]}',
      })
      expect(answer.status).toBe(200)
    }
  })

  test('B02: allow_unauthenticated opens every address', async () => {
    await using wide = await startGateway(`listen: ":0"\nallow_unauthenticated: true\n${open}`)
    expect(wide.output()).toMatch(/listening on http:\/\/localhost:\d+/)
    expect((await rawRequest(wide.url, { path: '/health' })).status).toBe(200)
  })

  test('an empty key is no key', async () => {
    await using alone = await startGateway(`listen: ":0"\nproxy_api_key: ""\n${open}`)
    expect(alone.output()).toMatch(/listening on http:\/\/127\.0\.0\.1:\d+/)
    expect(alone.output()).toMatch(/\[WARN\] No client key is configured/)
  })
})

describe('whose key goes upstream', () => {
  test.each([
    {
      name: 'upstream_default_key is for backends without a key',
      yaml: 'upstream_default_key: sk-for-all',
      sees: 'Bearer sk-for-all',
    },
    {
      name: 'reuse_gateway_key hands the gateway key on',
      yaml: 'reuse_gateway_key: true',
      sees: `Bearer ${gatewayKey}`,
    },
  ])('the ruling on upstream keys: $name', async ({ yaml, sees }) => {
    await using origin = await rawOrigin((peer) => peer.write(plainAnswer('{"choices":[]}')))
    await using proxy = await startGateway(`
proxy_api_key: ${gatewayKey}
${yaml}
backends:
  - { name: own, url: "${origin.url.origin}/v1", api_key: ${backendKey} }
  - { name: none, url: "${origin.url.origin}/v1" }
models:
  own: { routes: [{ backend: own, model: m, priority: 1 }] }
  none: { routes: [{ backend: none, model: m, priority: 1 }] }
`)
    for (const model of ['own', 'none']) {
      await rawRequest(proxy.url, {
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${gatewayKey}` },
        body: JSON.stringify({ model, messages: [] }),
      })
    }
    expect(origin.received.map((request) => request.header('authorization'))).toEqual([`Bearer ${backendKey}`, sees])
  })
})

describe('the model lists', () => {
  test.each(['/v1/models', '/models', '/v1beta/models', '/v1/models/keyed'])(
    'the ruling on model lists: %s is open',
    async (path) => {
      expect((await rawRequest(gateway.url, { path })).status).toBe(200)
    },
  )

  test('the ruling on model lists: models_require_auth closes them', async () => {
    await using closed = await startGateway(`
proxy_api_key: ${gatewayKey}
models_require_auth: true
backends: [{ name: m, url: "mock://m" }]
models: { m: { routes: [{ backend: m, model: ok, priority: 1 }] } }
`)
    for (const path of ['/v1/models', '/models', '/v1beta/models', '/v1/models/m']) {
      expect((await rawRequest(closed.url, { path })).status).toBe(401)
      const headers = { 'x-api-key': gatewayKey }
      expect((await rawRequest(closed.url, { path, headers })).status).toBe(200)
    }
    for (const path of ['/health', '/healthz', '/livez', '/ready', '/readyz'])
      expect((await rawRequest(closed.url, { path })).status).toBe(200)
  })
})
