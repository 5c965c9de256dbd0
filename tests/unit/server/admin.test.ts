import { describe, expect, test } from 'bun:test'
import { warningCodes } from '#translate/warning-codes.ts'
import type { Health } from '#upstream/health.ts'
import { openAdmin, plainReport, type AdminBench, type Asking } from '../../support/admin.ts'
import { broken, chatAnswer } from '../../support/road.ts'

const clientKey = 'sk-client-key-0001'
const adminKey = 'admin-key-0123456789'
const backendKey = 'backend-canary-5d1e8a'

const models = `
backends:
  - { name: a, url: "http://a", api_key: "${backendKey}" }
  - { name: b, url: "http://b" }
models:
  m: { routes: [{ backend: a, model: ma, priority: 1 }, { backend: b, model: mb, priority: 2 }] }
  split: { routes: [{ backend: a, model: x }, { backend: b, model: x }] }
`
const withClientKey = `proxy_api_key: ${clientKey}\n${models}`
const withAdminKey = `admin: { key: ${adminKey} }\n${withClientKey}`
const behindProxy = `trusted_proxies: ["127.0.0.1", "10.0.0.0/8"]\n${withClientKey}`

const forClients = `admin: { config_with_client_key: true }\n${withClientKey}`
const forBoth = `admin: { key: ${adminKey}, config_with_client_key: true }\n${withClientKey}`

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` })

async function openPages(yaml = withClientKey): Promise<AdminBench> {
  return await openAdmin(yaml, (request) => (request.url.hostname === 'a' ? broken('head') : chatAnswer()))
}

async function errorOf(response: Response): Promise<unknown> {
  const body: unknown = await response.json()
  return typeof body === 'object' && body !== null && 'error' in body ? body.error : body
}

describe('who may see the admin pages', () => {
  const remote = '203.0.113.9'
  test.each<{ name: string; yaml: string; asking: Asking; status: number; path?: string }>([
    {
      name: 'admin.key from anywhere',
      yaml: withAdminKey,
      asking: { headers: bearer(adminKey), peer: remote },
      status: 200,
    },
    { name: 'admin.key as x-api-key', yaml: withAdminKey, asking: { headers: { 'x-api-key': adminKey } }, status: 200 },
    { name: 'no key', yaml: withAdminKey, asking: { headers: {} }, status: 401 },
    {
      name: 'the key in the query',
      yaml: withAdminKey,
      asking: { headers: {} },
      path: `/admin?key=${adminKey}`,
      status: 401,
    },
    { name: 'a wrong key', yaml: withAdminKey, asking: { headers: bearer('admin-key-0123456780') }, status: 401 },
    { name: 'a beginning of the key', yaml: withAdminKey, asking: { headers: bearer('admin-key-') }, status: 401 },
    {
      name: 'Basic instead of Bearer',
      yaml: withAdminKey,
      asking: { headers: { authorization: `Basic ${adminKey}` } },
      status: 401,
    },
    {
      name: 'the client key where there is an admin key',
      yaml: withAdminKey,
      asking: { headers: bearer(clientKey) },
      status: 401,
    },
    {
      name: 'B40: two different keys, one of them right',
      yaml: withAdminKey,
      asking: { headers: { ...bearer(adminKey), 'x-api-key': 'other' } },
      status: 401,
    },
    {
      name: 'admin.config_with_client_key: the client key at /api/config/…',
      yaml: forClients,
      asking: { headers: bearer(clientKey), peer: remote },
      path: '/api/config/status',
      status: 200,
    },
    {
      name: 'admin.config_with_client_key: the client key where there is an admin key',
      yaml: forBoth,
      asking: { headers: bearer(clientKey), peer: remote },
      path: '/api/config/status',
      status: 200,
    },
    {
      name: 'admin.config_with_client_key: the admin key',
      yaml: forBoth,
      asking: { headers: bearer(adminKey), peer: remote },
      path: '/api/config/status',
      status: 200,
    },
    {
      name: 'admin.config_with_client_key: a wrong key',
      yaml: forClients,
      asking: { headers: bearer('other'), peer: remote },
      path: '/api/config/status',
      status: 401,
    },
    {
      name: 'admin.config_with_client_key: the client key at other pages',
      yaml: forClients,
      asking: { headers: bearer(clientKey), peer: remote },
      path: '/admin/config',
      status: 404,
    },
    {
      name: 'the client key at /api/config/… from elsewhere',
      yaml: withClientKey,
      asking: { headers: bearer(clientKey), peer: remote },
      path: '/api/config/status',
      status: 404,
    },
    { name: 'the client key from this machine', yaml: withClientKey, asking: {}, status: 200 },
    { name: 'the client key over IPv6 loopback', yaml: withClientKey, asking: { peer: '::1' }, status: 200 },
    {
      name: 'the client key over IPv4 loopback in IPv6 form',
      yaml: withClientKey,
      asking: { peer: '::ffff:127.0.0.1' },
      status: 200,
    },
    { name: 'the client key on a unix socket', yaml: withClientKey, asking: { peer: null }, status: 200 },
    {
      name: 'a wrong client key from this machine',
      yaml: withClientKey,
      asking: { headers: bearer('no') },
      status: 401,
    },
    { name: 'the client key from elsewhere', yaml: withClientKey, asking: { peer: remote }, status: 404 },
    {
      name: 'B44: the client key from elsewhere that says it is from here',
      yaml: withClientKey,
      asking: { peer: remote, headers: { ...bearer(clientKey), 'x-forwarded-for': '127.0.0.1' } },
      status: 404,
    },
    {
      name: 'B44: a trusted proxy elsewhere that says its client is from here',
      yaml: behindProxy,
      asking: { peer: '10.0.0.5', headers: { ...bearer(clientKey), 'x-forwarded-for': '127.0.0.1' } },
      status: 404,
    },
    {
      name: 'the client key through a proxy of this machine, for somebody else',
      yaml: withClientKey,
      asking: { headers: { ...bearer(clientKey), 'x-forwarded-for': remote } },
      status: 404,
    },
    {
      name: 'the same through a trusted one',
      yaml: behindProxy,
      asking: { headers: { ...bearer(clientKey), 'x-forwarded-for': remote } },
      status: 404,
    },
    {
      name: 'the same with a forged hop in front',
      yaml: behindProxy,
      asking: { headers: { ...bearer(clientKey), 'x-forwarded-for': `127.0.0.1, ${remote}` } },
      status: 404,
    },
    {
      name: 'a trusted proxy of this machine, for a program of this machine',
      yaml: behindProxy,
      asking: { headers: { ...bearer(clientKey), 'x-forwarded-for': '127.0.0.1' } },
      status: 200,
    },
    {
      name: 'a proxy that says Via',
      yaml: behindProxy,
      asking: { headers: { ...bearer(clientKey), via: '1.1 x' } },
      status: 404,
    },
    {
      name: 'a proxy that says Forwarded',
      yaml: behindProxy,
      asking: { headers: { ...bearer(clientKey), forwarded: 'for=1.2.3.4' } },
      status: 404,
    },
    ...['cf-connecting-ip', 'true-client-ip', 'x-client-ip', 'x-forwarded-host', 'x-forwarded-proto'].map((name) => ({
      name: `a trusted proxy that says ${name}, whatever it says`,
      yaml: behindProxy,
      asking: { headers: { ...bearer(clientKey), 'x-forwarded-for': '127.0.0.1', [name]: '127.0.0.1' } },
      status: 404,
    })),
    ...['unknown', '', '127.0.0.1, _hidden', 'example.com, 127.0.0.1', `${remote}, 127.0.0.1`].map((value) => ({
      name: `a trusted proxy whose hops are "${value}"`,
      yaml: behindProxy,
      asking: { headers: { ...bearer(clientKey), 'x-forwarded-for': value } },
      status: 404,
    })),
    {
      name: 'a trusted proxy whose two headers differ',
      yaml: behindProxy,
      asking: { headers: { ...bearer(clientKey), 'x-forwarded-for': '127.0.0.1', 'x-real-ip': remote } },
      status: 404,
    },
    { name: 'nobody where there is no key at all', yaml: models, asking: { headers: {} }, status: 404 },
    { name: 'nobody by guessing where there is no key at all', yaml: models, asking: {}, status: 404 },
    {
      name: 'B83: a page of another origin',
      yaml: withAdminKey,
      asking: { headers: { ...bearer(adminKey), origin: 'https://evil.example' } },
      status: 403,
    },
    {
      name: 'B83: a page without an origin',
      yaml: withAdminKey,
      asking: { headers: { ...bearer(adminKey), origin: 'null' } },
      status: 403,
    },
    {
      name: 'B83: a request across sites',
      yaml: withAdminKey,
      asking: { headers: { ...bearer(adminKey), 'sec-fetch-site': 'cross-site' } },
      status: 403,
    },
    {
      name: 'a page of the same origin',
      yaml: withAdminKey,
      asking: { headers: { ...bearer(adminKey), origin: 'http://gateway', 'sec-fetch-site': 'same-origin' } },
      status: 200,
    },
    {
      name: 'a page of the same origin behind a proxy that names another host',
      yaml: withAdminKey,
      asking: { headers: { ...bearer(adminKey), origin: 'https://llm.example', 'sec-fetch-site': 'same-origin' } },
      status: 200,
    },
    { name: 'HEAD', yaml: withAdminKey, asking: { method: 'HEAD', headers: bearer(adminKey) }, status: 200 },
    { name: 'POST', yaml: withAdminKey, asking: { method: 'POST', headers: bearer(adminKey) }, status: 405 },
    { name: 'POST without a key', yaml: withAdminKey, asking: { method: 'POST', headers: {} }, status: 401 },
    {
      name: 'admin.path moves them',
      yaml: `admin: { key: ${adminKey}, path: /ops/llm }\n${withClientKey}`,
      asking: { headers: bearer(adminKey) },
      path: '/ops/llm',
      status: 200,
    },
    {
      name: 'admin.path leaves nothing behind',
      yaml: `admin: { key: ${adminKey}, path: /ops/llm }\n${withClientKey}`,
      asking: { headers: bearer(adminKey) },
      status: 404,
    },
  ])('$name: $status', async ({ yaml, asking, status, path = '/admin' }) => {
    const bench = await openPages(yaml)
    const response = await bench.ask(path, asking)
    expect(response.status).toBe(status)
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
    if (status !== 404) expect(response.headers.get('cache-control')).toBe('no-store')
    if (status === 405) expect(response.headers.get('allow')).toBe('GET, HEAD')
  })

  test('a stranger cannot tell the pages from any other path', async () => {
    const bench = await openPages(withClientKey)
    const [page, other] = await Promise.all([
      bench.ask('/admin/requests', { peer: remote }),
      bench.ask('/nowhere', { peer: remote }),
    ])
    expect([page.status, await errorOf(page)]).toEqual([other.status, await errorOf(other)])
    expect([...page.headers.keys()]).toEqual([...other.headers.keys()])
  })

  test.each([
    { path: '/admin/users', method: 'POST', headers: { origin: 'https://evil.example' } },
    { path: '/admin', method: 'OPTIONS', headers: { origin: 'https://evil.example' } },
    { path: '/api/config/reload', method: 'POST', headers: {} },
    { path: '/admin/requests', method: 'GET', headers: {} },
  ])('where the pages are for nobody, $method $path goes to nobody else either', async ({ path, method, headers }) => {
    const flow = 'passthrough: { backends: [{ id: flow, url: "http://flow.test", api_key: sk-of-the-flow }] }'
    const bench = await openAdmin(flow, () => chatAnswer())
    const response = await bench.ask(path, { method, headers })
    expect([response.status, await errorOf(response)]).toEqual([404, expect.stringContaining('Cannot find this path')])
    expect(bench.road.sent).toEqual([])
  })

  test('who follows a link to the status page is welcome there, and nowhere else', async () => {
    const bench = await openAdmin('backends: []', () => chatAnswer())
    const headers = { accept: 'text/html', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    const statusOf = async (path: string): Promise<number> => (await bench.ask(path, { headers })).status
    expect([await statusOf('/'), await statusOf('/v1/models'), await statusOf('/static/x')]).toEqual([200, 403, 403])
  })

  test('of a backend that is asked through us every path is its own, and a page from elsewhere may send nothing there', async () => {
    const flow = `forward_proxy: { enabled: true }
passthrough: { backends: [{ id: flow, url: "http://flow.test", api_key: sk-of-the-flow }] }`
    const bench = await openAdmin(flow, () => chatAnswer())
    const at = { host: 'flow.test' }
    const page = { ...at, origin: 'https://evil.example' }
    expect((await bench.ask('/admin/users', { method: 'POST', headers: page })).status).toBe(403)
    expect((await bench.ask('/admin/users', { method: 'OPTIONS', headers: page })).status).toBe(204)
    expect(bench.road.sent).toEqual([])
    await bench.ask('/admin/users', { method: 'POST', headers: at })
    expect(bench.road.sent.map(({ url }) => url.href)).toEqual(['http://flow.test/admin/users'])
  })

  test.each(['//admin', '/admin/', '/ADMIN', '/admin;x', '/%61dmin', '/adminx', '/admin/nope', '/admin/requests/'])(
    'B32: %s is no page',
    async (path) => {
      const bench = await openPages()
      expect((await bench.ask(path)).status).toBe(404)
    },
  )

  test('B46: after ten wrong keys an address has to wait, even with the right one, and others have not', async () => {
    const bench = await openPages(withAdminKey)
    const ask = async (key: string, peer: string): Promise<number> =>
      (await bench.ask('/admin', { headers: bearer(key), peer })).status
    const wrong = await Promise.all(Array.from({ length: 12 }, async (_, at) => await ask(`wrong-${at}`, remote)))
    expect(wrong).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429])
    expect(await ask(adminKey, remote)).toBe(429)
    expect(await ask(adminKey, '203.0.113.10')).toBe(200)
    await bench.road.clock.advance(59_000)
    const refused = await bench.ask('/admin', { headers: bearer(adminKey), peer: remote })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await errorOf(refused)).toMatchObject({ code: 'too_many_wrong_keys' })
    await bench.road.clock.advance(1000)
    expect(await ask(adminKey, remote)).toBe(200)
  })

  test('B46: what comes through a proxy that is not trusted locks nobody out who comes from its address', async () => {
    const bench = await openPages(withAdminKey)
    const forwarded = { 'x-forwarded-for': remote }
    for (let at = 0; at < 12; at += 1)
      await bench.ask('/admin', { headers: { ...bearer(`wrong-${at}`), ...forwarded } })
    expect((await bench.ask('/admin', { headers: { ...bearer(adminKey), ...forwarded } })).status).toBe(429)
    expect((await bench.ask('/admin', { headers: bearer(adminKey) })).status).toBe(200)
  })

  test('B46: a request without a key guesses nothing', async () => {
    const bench = await openPages(withAdminKey)
    for (let at = 0; at < 20; at += 1) await bench.ask('/admin', { headers: {} })
    expect((await bench.ask('/admin', { headers: bearer(adminKey) })).status).toBe(200)
  })

  test('a refusal leaves a line that tells who asked', async () => {
    const bench = await openPages(withAdminKey)
    const response = await bench.ask('/admin/config', { headers: bearer('wrong'), peer: remote })
    expect(bench.road.lines.filter(({ event }) => event === 'request_refused')).toMatchObject([
      {
        level: 'warn',
        fields: { requestId: response.headers.get('x-request-id'), status: 401, client: remote, path: '/admin/config' },
      },
    ])
  })

  test('keys that a reload brings or takes count at once', async () => {
    const bench = await openPages(models)
    expect((await bench.ask('/admin')).status).toBe(404)
    await bench.road.reload(withClientKey)
    expect((await bench.ask('/admin')).status).toBe(200)
    await bench.road.reload(withAdminKey)
    expect((await bench.ask('/admin')).status).toBe(401)
  })

  test('an address of their own serves the pages and nothing else', async () => {
    const { ownApp } = await openPages(withAdminKey)
    const ask = async (path: string, key: string): Promise<number> =>
      (await ownApp(new Request(`http://own${path}`, { headers: bearer(key) }), { peer: remote, patience() {} })).status
    expect([await ask('/admin', adminKey), await ask('/admin', 'no')]).toEqual([200, 401])
    expect([await ask('/health', ''), await ask('/v1/models', clientKey)]).toEqual([200, 404])
  })
})

describe('GET /admin/requests', () => {
  test('tells what was tried, and whom the running configuration would ask', async () => {
    const bench = await openPages()
    await bench.chat('m')
    const { requests, kept, keptMax } = await bench.read('/admin/requests')
    expect([kept, keptMax]).toEqual([1, 1000])
    expect(requests).toMatchObject([
      {
        model: 'm',
        status: 200,
        outcome: 'complete',
        caller: 'default',
        attempts: [
          { backend: 'a', model: 'ma', reason: 'reset' },
          { backend: 'b', model: 'mb', status: 200 },
        ],
        wouldTry: ['a/ma', 'b/mb'],
      },
    ])
  })

  test('gives the newest first, as many as are wanted, of the kind that is wanted', async () => {
    const bench = await openPages()
    for (const model of ['m', 'split', 'm', 'unknown']) await bench.chat(model)
    const modelsOf = async (query: string): Promise<unknown> => {
      const { requests } = await bench.read(`/admin/requests?${query}`)
      return Array.isArray(requests) ? requests.map((story: { model: string }) => story.model) : requests
    }
    expect(await modelsOf('')).toEqual(['unknown', 'm', 'split', 'm'])
    expect(await modelsOf('limit=2')).toEqual(['unknown', 'm'])
    expect(await modelsOf('model=m')).toEqual(['m', 'm'])
    expect(await modelsOf('outcome=refused')).toEqual(['unknown'])
    expect(await modelsOf('model=m&outcome=refused')).toEqual([])
    expect(await modelsOf('backend=b&limit=1')).toEqual(['m'])
    expect(await modelsOf('backend=nobody')).toEqual([])
  })

  test('the order that would be asked is drawn from the request’s own seed, and from what runs now', async () => {
    const bench = await openAdmin(withClientKey, () => chatAnswer())
    for (let at = 0; at < 8; at += 1) await bench.chat('split')
    const choices = async (): Promise<{ wouldTry: string[]; attempts: { backend: string }[] }[]> => {
      const { requests } = await bench.read('/admin/requests')
      return requests as { wouldTry: string[]; attempts: { backend: string }[] }[]
    }
    const before = await choices()
    expect(new Set(before.map(({ wouldTry }) => wouldTry[0])).size).toBe(2)
    expect(before.map(({ wouldTry }) => wouldTry[0])).toEqual(before.map(({ attempts }) => `${attempts[0]?.backend}/x`))
    await bench.road.reload(withClientKey.replace('{ backend: a, model: x }', '{ backend: a, model: x, weight: 0 }'))
    expect((await choices()).map(({ wouldTry }) => wouldTry)).toEqual(before.map(() => ['b/x', 'a/x']))
  })

  test.each([
    'limit=-1',
    'limit=0',
    'limit=1e9',
    'limit=10001',
    'limit=NaN',
    'limit=',
    'limit=1&limit=2',
    'outcome=nice',
    'limmit=5',
  ])('B90: %s is refused', async (query) => {
    const bench = await openPages()
    const response = await bench.ask(`/admin/requests?${query}`)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_parameter' })
  })

  test('a wrong parameter is told with the right one', async () => {
    const bench = await openPages()
    expect(await errorOf(await bench.ask('/admin/requests?limitt=5'))).toMatchObject({
      message: 'Cannot read the query: there is no parameter "limitt", did you mean "limit"?',
    })
  })

  test('a reload changes how many are kept only when the memory is told', async () => {
    const bench = await openPages(`admin: { keep_requests: 2 }\n${withClientKey}`)
    for (const model of ['m', 'split', 'm']) await bench.chat(model)
    expect(await bench.read('/admin/requests')).toMatchObject({ kept: 2, keptMax: 2 })
  })
})

test('an unknown page is told before its query', async () => {
  const bench = await openPages()
  const response = await bench.ask('/admin/nope?limit=5')
  expect([response.status, await errorOf(response)]).toMatchObject([404, { code: 'route_not_found' }])
})

test('before= goes on behind a request, until there is none', async () => {
  const bench = await openPages()
  for (let at = 0; at < 5; at += 1) await bench.chat('m')
  const idsOf = async (query: string): Promise<string[]> => {
    const { requests } = await bench.read(`/admin/requests?${query}`)
    return (requests as { id: string }[]).map(({ id }) => id)
  }
  const all = await idsOf('')
  const paged: string[] = []
  for (let page = await idsOf('limit=2'); page.length > 0; page = await idsOf(`limit=2&before=${paged.at(-1)}`)) {
    paged.push(...page)
  }
  expect(paged).toEqual(all)
  expect((await bench.ask('/admin/requests?before=req_ffffffffffff')).status).toBe(404)
})

test('B80: before= goes on behind each of several requests of one id, named with its number', async () => {
  const bench = await openPages()
  for (let at = 0; at < 5; at += 1) await bench.chat('m', {}, clientKey, { 'x-request-id': 'same-id' })
  const seen: number[] = []
  for (let before = ''; seen.length < 9; before = `&before=same-id~${seen.at(-1)}`) {
    const { requests } = await bench.read(`/admin/requests?limit=2${before}`)
    const numbers = (requests as { number: number }[]).map(({ number }) => number)
    if (numbers.length === 0) break
    seen.push(...numbers)
  }
  expect(seen).toEqual([5, 4, 3, 2, 1])
  const unclear = await bench.ask('/admin/requests?before=same-id')
  expect([unclear.status, await errorOf(unclear)]).toMatchObject([
    404,
    { message: 'Cannot find older requests: several have the id of "before", write "<id>~<number>"' },
  ])
  expect((await bench.ask('/admin/requests?before=same-id~9')).status).toBe(404)
})

test('requests that nobody let in push no other out', async () => {
  const bench = await openPages(`admin: { keep_requests: 10 }\n${withClientKey}`)
  await bench.chat('m')
  for (let at = 0; at < 30; at += 1) await bench.chat('m', {}, 'sk-wrong-key')
  const { kept, keptMax, keptWithoutKey, requests } = await bench.read('/admin/requests')
  expect([kept, keptMax, keptWithoutKey]).toEqual([1, 10, 1])
  expect(requests).toMatchObject([{ status: 401 }, { model: 'm', status: 200 }])
})

test.each(['a', 'm', 'ma', 'openai', 'backend', '","', '12'])(
  'a backend key %p that is also a word of the pages breaks none of them',
  async (secret) => {
    const yaml = withAdminKey.replace(backendKey, secret.replaceAll('"', '\\"'))
    const bench = await openAdmin(yaml, () => chatAnswer())
    await bench.chat('m')
    const asking = { headers: bearer(adminKey) }
    expect(await bench.read('/admin/requests', asking)).toMatchObject({
      requests: [
        { dialect: 'openai', model: 'm', attempts: [{ backend: 'a', model: 'ma' }], wouldTry: ['a/ma', 'b/mb'] },
      ],
    })
    expect(await bench.read('/admin/explain?model=m', asking)).toMatchObject({
      model: 'm',
      routes: [{ backend: 'a' }, {}],
    })
    expect(await bench.read('/admin/config', asking)).toMatchObject({ backends: [{ name: 'a', url: 'http://a/' }, {}] })
    expect(await bench.read('/admin/routes', asking)).toMatchObject({ aliases: [{ alias: 'm' }, {}] })
  },
)

describe('GET /admin/requests/{id}', () => {
  test('tells of a request that is still on the road how far it is', async () => {
    const bench = await openAdmin(withClientKey, async (_, { clock }) => {
      await clock.sleep(60_000)
      return chatAnswer()
    })
    const chat = bench.chat('m')
    await bench.road.clock.advance(5000)
    const [live] = bench.road.gateway.live
    const page = await bench.read(`/admin/requests/${live?.id}`)
    expect(page).toMatchObject({ model: 'm', runsForMs: 5000, attempts: [{ backend: 'a' }] })
    const [attempt] = page['attempts'] as { startedMs: number; durationMs: number }[]
    expect((attempt?.startedMs ?? 0) + (attempt?.durationMs ?? 0)).toBe(5000)
    expect(Object.keys(page)).not.toContain('outcome')
    await bench.road.clock.advance(60_000)
    await chat
    expect(await bench.read(`/admin/requests/${live?.id}`)).toMatchObject({ outcome: 'complete' })
  })

  test('B80: of several that are under way with one id it gives the newest, and tells of those that begin alike', async () => {
    const bench = await openAdmin(withClientKey, async (_, { clock }) => {
      await clock.sleep(60_000)
      return chatAnswer()
    })
    const chats = ['same-id', 'same-id', 'same-other'].map(
      async (id) => await bench.chat('m', {}, clientKey, { 'x-request-id': id }),
    )
    await bench.road.clock.advance(5000)
    expect(await bench.read('/admin/requests/same-id')).toMatchObject({ id: 'same-id', runsForMs: 5000 })
    expect(await bench.read('/admin/requests/same-o')).toMatchObject({ id: 'same-other' })
    expect(await errorOf(await bench.ask('/admin/requests/same-i'))).toMatchObject({
      message: expect.stringContaining('2 that are under way have an id that begins like this'),
    })
    await bench.road.clock.advance(60_000)
    await Promise.all(chats)
  })

  test('gives one request by its id, with or without its head, or by the beginning of it', async () => {
    const bench = await openPages()
    const id = (await bench.chat('m')).headers.get('x-request-id') ?? ''
    for (const name of [id, id.slice('req_'.length), id.slice(0, -3)]) {
      expect(await bench.read(`/admin/requests/${name}`)).toMatchObject({ id, model: 'm' })
    }
  })

  test.each([
    { id: 'req_ffffffffffff', says: 'none of the last 2 has this id (1000 are kept, see admin.keep_requests)' },
    { id: 'req_00', says: '2 of the last 2 have an id that begins like this, write more of it' },
    { id: 'req_0', says: 'write at least 6 characters of its id' },
    { id: '%3Cscript%3E', says: 'none of the last 2 has this id' },
  ])('$id is not found, and the answer says why', async ({ id, says }) => {
    const bench = await openPages()
    await bench.chat('m')
    await bench.chat('m')
    const response = await bench.ask(`/admin/requests/${id}`)
    expect(response.status).toBe(404)
    expect(await errorOf(response)).toMatchObject({
      code: 'request_not_found',
      message: expect.stringContaining(says),
    })
  })
})

describe('GET /admin/routes', () => {
  test('tells how each route is doing', async () => {
    const bench = await openPages()
    await bench.chat('m')
    await bench.road.clock.advance(10_000)
    expect(await bench.read('/admin/routes')).toMatchObject({
      aliases: [
        {
          alias: 'm',
          isListed: true,
          routes: [
            { backend: 'a', model: 'ma', level: 'l1', priority: 1, state: 'cooling', restsForMs: 20_000 },
            { backend: 'b', model: 'mb', level: 'l1', priority: 2, state: 'healthy', restsForMs: 0 },
          ],
        },
        { alias: 'split' },
      ],
      pools: [],
    })
  })

  test('tells circuits that are open', async () => {
    const breaker = 'circuit_breaker: { enabled: true, failure_threshold: 1, open_timeout: 60s }\n'
    const bench = await openPages(`${breaker}fallback: { cooldown_seconds: 0 }\n${withClientKey}`)
    await bench.chat('m')
    const states = async (): Promise<unknown> => {
      const { aliases } = await bench.read('/admin/routes')
      return (aliases as { routes: { state: string }[] }[])[0]?.routes.map(({ state }) => state)
    }
    expect(await states()).toEqual(['circuit_open', 'healthy'])
    await bench.road.clock.advance(60_000)
    expect(await states()).toEqual(['circuit_half_open', 'healthy'])
  })

  test('tells routes that are left out, whose backends are unwell, and that came back a while ago', async () => {
    const bench = await openPages(
      `outlier_detection: { min_requests: 1, ejection_time: 30s }
load_balancing: { slow_start: 100s }
health_check: { path: /well, failure_threshold: 1, success_threshold: 1 }
fallback: { cooldown_seconds: 0 }\n${withClientKey}`,
    )
    await bench.chat('m')
    const health = bench.road.gateway.health as Health
    const check = (finding: Parameters<Health['note']>[1]): void => {
      const nowMs = bench.road.clock.monotonicMs()
      const times = { nowMs, wallMs: 0, nextDueMs: nowMs + 7000 }
      health.note('b', finding, { failureThreshold: 1, successThreshold: 1 }, times)
    }
    check({ kind: 'fault', reason: 'it is on fire' })
    const routes = async (): Promise<unknown> => {
      const { aliases } = await bench.read('/admin/routes')
      const [first] = aliases as { routes: { state: string; restsForMs: number; slowStartShare: number }[] }[]
      return first?.routes.map(({ state, restsForMs, slowStartShare }) => [state, restsForMs, slowStartShare])
    }
    expect(await routes()).toEqual([
      ['ejected', 30_000, 1],
      ['unhealthy', 7000, 1],
    ])
    await bench.road.clock.advance(30_000)
    check({ kind: 'well', latencyMs: 5 })
    await bench.road.clock.advance(50_000)
    expect(await routes()).toEqual([
      ['healthy', 0, 0.55],
      ['healthy', 0, 0.55],
    ])
  })
})

describe('GET /admin/explain', () => {
  test('explains the choice on the real state', async () => {
    const bench = await openPages()
    await bench.chat('m')
    expect(await bench.read('/admin/explain?model=m&seed=7&stream=true')).toMatchObject({
      model: 'm',
      seed: 7,
      stream: true,
      dialect: 'openai',
      routes: [
        { backend: 'a', turn: null, passedOver: { why: 'cooling' } },
        { backend: 'b', turn: 1, passedOver: null },
      ],
    })
  })

  test.each(['nonsense', '/v1', '/nowhere/x', '/v1/a%20b c', ''])(
    '%p is no path of a request for a model',
    async (path) => {
      const bench = await openPages()
      const response = await bench.ask(`/admin/explain?model=m&path=${encodeURIComponent(path)}`)
      expect([response.status, await errorOf(response)]).toMatchObject([400, { param: 'path' }])
    },
  )

  test('looks at the path for the dialect', async () => {
    const bench = await openPages()
    const page = await bench.read('/admin/explain?model=m&path=/v1/messages')
    expect(page).toMatchObject({ dialect: 'anthropic', routes: [{ translated: 'chat' }, { translated: 'chat' }] })
  })

  test.each([
    { query: '', status: 400, code: 'missing_model' },
    { query: 'model=', status: 400, code: 'missing_model' },
    { query: 'model=mm', status: 404, code: 'model_not_found' },
    { query: 'model=m&seed=-1', status: 400, code: 'invalid_parameter' },
    { query: 'model=m&seed=4294967296', status: 400, code: 'invalid_parameter' },
    { query: 'model=m&stream=yes', status: 400, code: 'invalid_parameter' },
  ])('?$query is refused with $code', async ({ query, status, code }) => {
    const bench = await openPages()
    const response = await bench.ask(`/admin/explain?${query}`)
    expect([response.status, await errorOf(response)]).toMatchObject([status, { code }])
  })

  test('asks nobody, and takes no probe of a circuit', async () => {
    const bench = await openPages()
    await bench.read('/admin/explain?model=m')
    expect(bench.road.sent).toEqual([])
  })
})

describe('GET /admin/config', () => {
  test('shows the settings, and what was wrong with a newer content', async () => {
    const bench = await openPages(withAdminKey)
    const problems = ['config.yaml:3:5 models: is wrong']
    bench.report = { loadedMs: 1000, warnings: ['w'], restartKeys: ['listen'], refused: { atMs: 2000, problems } }
    expect(await bench.read('/admin/config', { headers: bearer(adminKey) })).toMatchObject({
      version: 1,
      file: 'config.yaml',
      loadedAt: '1970-01-01T00:00:01.000Z',
      warnings: ['w'],
      restartKeys: ['listen'],
      refused: { at: '1970-01-01T00:00:02.000Z', problems },
      admin: { path: '/admin' },
      backends: [
        { name: 'a', url: 'http://a/', hasKey: true },
        { name: 'b', hasKey: false },
      ],
      aliases: ['m', 'split'],
      settings: {
        'streaming.heartbeat': '15s',
        'outbound_proxy.url': '',
        proxy_api_key: '****',
        'admin.key': '****',
        'fallback.max_retries': '3',
      },
    })
  })
})

describe('GET /admin/sse-probe', () => {
  test('sends five events, 200 ms apart, with the headers of a stream of the road', async () => {
    const bench = await openPages()
    const response = await bench.ask('/admin/sse-probe')
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    const reader = response.body?.getReader()
    const decoder = new TextDecoder()
    for (let event = 1; event <= 5; event += 1) {
      const next = reader?.read()
      if (event > 1) {
        await bench.road.clock.advance(199)
        expect(next === undefined ? 'none' : Bun.peek.status(next)).toBe('pending')
        await bench.road.clock.advance(1)
      }
      expect(decoder.decode((await next)?.value)).toBe(`data: {"event":${event},"of":5,"everyMs":200}\n\n`)
    }
    expect((await reader?.read())?.done).toBe(true)
  })

  test('ends with its reader', async () => {
    const bench = await openPages()
    const response = await bench.ask('/admin/sse-probe')
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    expect(bench.road.clock.pending).toBe(0)
  })
})

test('GET /admin/warnings says what the codes of translated answers mean', async () => {
  const bench = await openPages()
  const { warnings } = await bench.read('/admin/warnings')
  expect(warnings).toContainEqual({ code: 'dropped:seed', says: warningCodes['dropped:seed'] })
  expect(warnings).toHaveLength(Object.keys(warningCodes).length)
})

test('the list of pages names each of them', async () => {
  const bench = await openPages()
  const { pages } = await bench.read('/admin')
  for (const { path } of pages as { path: string }[]) {
    const whole = path.replace('?model=', '?model=m').replace('{id}', 'req_ffffffffffff')
    const method = /\/(?:reset|reload|clear)$/.test(path) ? 'POST' : 'GET'
    // No such request is kept, and no answers are.
    const isAbsent = path.includes('{id}') || path.endsWith('/cache/clear')
    expect((await bench.ask(whole, { method })).status).toBe(isAbsent ? 404 : 200)
  }
})

test('no page shows a secret, not even where a backend tells it', async () => {
  const said = `{"error":{"message":"the key ${backendKey} of ${clientKey} is bad"}}`
  const bench = await openAdmin(withAdminKey, () => new Response(said, { status: 500 }))
  await bench.chat('m', { note: adminKey })
  await bench.chat(backendKey)
  bench.report = { ...plainReport, warnings: [`beside ${backendKey}`] }
  const paths = ['', '/requests', '/routes', '/status', '/config', '/explain?model=m', `/explain?model=${backendKey}`]
  for (const path of paths) {
    const text = await (await bench.ask(`/admin${path}`, { headers: bearer(adminKey) })).text()
    for (const secret of [backendKey, clientKey, adminKey])
      expect([path, text]).not.toEqual([path, expect.stringContaining(secret)])
  }
  expect(bench.recent.size).toBe(2)
})
