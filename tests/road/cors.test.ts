import { describe, expect, test } from 'bun:test'
import { chatAnswer, openRoad, type Road } from '../support/road.ts'

const key = 'sk-client-0123456789'
const bearer = { authorization: `Bearer ${key}` }
const keyed = `
proxy_api_key: ${key}
backends: [{ name: a, url: "http://a.test/v1" }]
models: { m: { routes: [{ backend: a, model: m }] } }
services: { google: { models: { gemma: { backends: [{ id: b1, url: "http://b1.test" }] } } } }
`
const keyless = keyed.replace(/proxy_api_key.*\n/, '')
const page = 'https://chat.example.com'

/** What a browser asks before a page may send a chat. */
async function preflight(road: Road, origin: string, path = '/v1/chat/completions', more = {}): Promise<Response> {
  return await road.fetch(path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
      ...more,
    },
  })
}

async function chat(road: Road, origin: string, headers: Record<string, string> = bearer): Promise<Response> {
  return await road.chat('m', {}, { headers: { origin, ...headers } })
}

function allowed({ headers }: Response): string | null {
  return headers.get('access-control-allow-origin')
}

const answering = (): Response =>
  new Response(chatAnswer().body, {
    headers: { 'content-type': 'application/json', 'access-control-allow-origin': 'https://of.the.upstream' },
  })

describe('with a client key', () => {
  test('D57 N304 C418: any page may ask, and needs no key for the question', async () => {
    const road = await openRoad(keyed, answering)
    for (const path of ['/v1/chat/completions', '/google/gemma/v1/models', '/v1/models', '/health', '/nowhere']) {
      const answer = await preflight(road, page, path)
      expect([answer.status, allowed(answer), await answer.text()]).toEqual([204, '*', ''])
      expect(answer.headers.get('access-control-allow-headers')).toBe('authorization,content-type')
      expect(answer.headers.get('access-control-allow-methods')).toContain('POST')
      // D56
      expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
    }
    expect(road.sent).toEqual([])
    expect(road.settled).toEqual([])
  })

  test('A27: an OPTIONS with an Origin is such a question, whatever it asks for', async () => {
    const road = await openRoad(keyed, answering)
    const answer = await road.fetch('/v1/chat/completions', { method: 'OPTIONS', headers: { origin: 'http://a' } })
    expect([answer.status, allowed(answer)]).toEqual([204, '*'])
  })

  test('D03: an OPTIONS that asks nothing of us goes to the backend of the service', async () => {
    const road = await openRoad(keyed, answering)
    const answer = await road.fetch('/google/gemma/x', { method: 'OPTIONS', headers: { ...bearer, origin: page } })
    expect([answer.status, road.sent.map(({ method }) => method), allowed(answer)]).toEqual([200, ['OPTIONS'], '*'])
  })

  test('every answer can be read, refusals too, and what a backend says of pages is not passed on', async () => {
    const road = await openRoad(keyed, answering)
    for (const answer of [
      await chat(road, page),
      await chat(road, page, {}),
      await road.fetch('/google/gemma/x', { headers: { ...bearer, origin: page } }),
      await road.fetch('/google/nope', { headers: { ...bearer, origin: page } }),
      await road.fetch('/nowhere', { headers: { origin: page } }),
      await road.fetch('/health', { headers: { origin: page } }),
    ]) {
      expect(allowed(answer)).toBe('*')
      const exposed = answer.headers.get('access-control-expose-headers')
      for (const name of ['x-request-id', 'retry-after', 'x-should-retry', 'x-ratelimit-remaining-tokens'])
        expect(exposed).toContain(name)
      expect(answer.headers.has('access-control-allow-credentials')).toBe(false)
    }
  })

  test('a program that is no page is told nothing of this', async () => {
    const road = await openRoad(keyed, answering)
    const answer = await road.chat('m', {}, { headers: bearer })
    expect([...answer.headers.keys()].filter((name) => /^access-control|^vary/.test(name))).toEqual([])
  })

  test.each([
    { origins: "['https://chat.example.com']", origin: 'https://chat.example.com', reads: true },
    { origins: "['https://chat.example.com']", origin: 'HTTPS://Chat.Example.com', reads: true },
    { origins: "['https://chat.example.com']", origin: 'http://chat.example.com', reads: false },
    { origins: "['https://chat.example.com']", origin: 'https://chat.example.com:8443', reads: false },
    { origins: "['https://chat.example.com']", origin: 'https://evil.example', reads: false },
    { origins: "['https://*.example.com']", origin: 'https://a.b.example.com', reads: true },
    { origins: "['https://*.example.com']", origin: 'https://example.com', reads: false },
    { origins: "['https://*.example.com']", origin: 'https://evil.test/.example.com', reads: false },
    { origins: "['https://*.example.com']", origin: 'https://evilexample.com', reads: false },
    { origins: "['null']", origin: 'null', reads: true },
    { origins: '[]', origin: 'http://localhost:3000', reads: false },
    { origins: "['*']", origin: 'https://any.example', reads: true },
  ])('D57 C909: cors.allowed_origins: $origins lets $origin read: $reads', async ({ origins, origin, reads }) => {
    const road = await openRoad(`${keyed}cors: { allowed_origins: ${origins} }`, answering)
    const answers = [await preflight(road, origin), await chat(road, origin)]
    // Who may not read is served all the same: the browser keeps the answer from the page.
    expect(answers.map(({ status }) => status)).toEqual([204, 200])
    const told = reads ? (origins === "['*']" ? '*' : origin) : null
    for (const answer of answers) {
      expect(allowed(answer)).toBe(told)
      expect(answer.headers.get('vary')?.includes('origin') ?? false).toBe(told !== '*')
      if (!reads) expect(answer.headers.has('access-control-allow-methods')).toBe(false)
    }
  })

  test('D58: cors.allow_credentials is told, and never together with "*"', async () => {
    const road = await openRoad(`${keyed}cors: { allowed_origins: ['${page}'], allow_credentials: true }`, answering)
    for (const answer of [await preflight(road, page), await chat(road, page)]) {
      expect([allowed(answer), answer.headers.get('access-control-allow-credentials')]).toEqual([page, 'true'])
    }
    for (const cors of ['{ allow_credentials: true }', "{ allow_credentials: true, allowed_origins: ['*'] }"]) {
      // oxlint-disable-next-line typescript/await-thenable -- it is one
      await expect(openRoad(`${keyed}cors: ${cors}`, answering)).rejects.toThrow('may not stand')
    }
  })

  test('D58: cors.allow_methods and cors.allow_headers are what a page may send', async () => {
    const methodsAndHeaders = async (cors: string): Promise<(string | null)[]> => {
      const { headers } = await preflight(await openRoad(`${keyed}cors: ${cors}`, answering), page)
      return [headers.get('access-control-allow-methods'), headers.get('access-control-allow-headers')]
    }
    expect(await methodsAndHeaders('{ allow_methods: [get, POST], allow_headers: [X-Team] }')).toEqual([
      'GET, POST',
      'X-Team',
    ])
    // The sample of seed 003.
    expect(await methodsAndHeaders("{ allow_methods: ['*'], allow_headers: ['*'] }")).toEqual([
      'POST',
      'authorization,content-type',
    ])
  })

  test('cors.expose_headers come beside those that clients read anyway', async () => {
    const road = await openRoad(`${keyed}cors: { expose_headers: [X-Team, Retry-After] }`, answering)
    const exposed = (await chat(road, page)).headers.get('access-control-expose-headers')?.split(', ') ?? []
    expect(exposed).toContain('x-team')
    expect(exposed.filter((name) => name === 'retry-after').length).toBe(1)
  })

  test('cors.max_age is how long a browser need not ask again', async () => {
    const maxAge = async (cors: string): Promise<string | null> =>
      (await preflight(await openRoad(keyed + cors, answering), page)).headers.get('access-control-max-age')
    expect([await maxAge(''), await maxAge('cors: { max_age: 5 }')]).toEqual(['600', '5'])
  })

  test.each([
    { enabled: true, reads: '*', status: 204 },
    { enabled: false, reads: null, status: 405 },
  ])('cors.enabled: $enabled, and a page may read: $reads', async ({ enabled, reads, status }) => {
    const road = await openRoad(`${keyed}cors: { enabled: ${enabled} }`, answering)
    const question = await preflight(road, page)
    expect([question.status, allowed(question), allowed(await chat(road, page))]).toEqual([status, reads, reads])
  })

  test('a page of the open net may reach into a private one, where it may ask at all', async () => {
    const wish = { 'access-control-request-private-network': 'true' }
    const any = await preflight(await openRoad(keyed, answering), page, '/v1/models', wish)
    expect(any.headers.get('access-control-allow-private-network')).toBe('true')
    const none = await openRoad(`${keyed}cors: { allowed_origins: [] }`, answering)
    const answer = await preflight(none, page, '/v1/models', wish)
    expect(answer.headers.has('access-control-allow-private-network')).toBe(false)
  })
})

describe('without a client key', () => {
  const local = [
    'http://localhost:3000',
    'https://127.0.0.1',
    'http://[::1]:5173',
    'http://app.localhost',
    'app://obsidian.md',
    'tauri://localhost',
    'vscode-webview://0abc',
  ]
  const foreign = ['https://evil.example', 'http://localhost.evil.example', 'http://127.0.0.1.evil.example', 'null']

  test.each(local)('a program of this machine may ask and read: %s', async (origin) => {
    const road = await openRoad(keyless, answering)
    const answers = [await preflight(road, origin), await chat(road, origin, {})]
    expect(answers.map((answer) => [answer.status, allowed(answer)])).toEqual([
      [204, origin],
      [200, origin],
    ])
  })

  test.each(foreign)('a page from elsewhere can use nothing: %s', async (origin) => {
    const road = await openRoad(keyless, answering)
    expect(allowed(await preflight(road, origin))).toBeNull()
    // What a browser sends without asking first.
    const simple = await chat(road, origin, { 'content-type': 'text/plain' })
    expect([simple.status, allowed(simple)]).toEqual([403, null])
    expect(await simple.json()).toMatchObject({ error: { code: 'cross_origin' } })
    const atService = await road.fetch('/google/gemma/x', { method: 'POST', body: 'x', headers: { origin } })
    expect([atService.status, Object.keys((await atService.json()) as object)]).toEqual([403, ['error', 'request_id']])
    expect(road.sent).toEqual([])
    // What it may look at, it cannot see.
    expect(allowed(await road.fetch('/v1/models', { headers: { origin } }))).toBeNull()
  })

  test.each([
    { name: 'who is named may', cors: `{ allowed_origins: ['${page}'] }`, origin: page, status: 200 },
    { name: 'any may, if somebody says so', cors: "{ allowed_origins: ['*'] }", origin: page, status: 200 },
    { name: 'others may not', cors: "{ allowed_origins: ['https://other.example'] }", origin: page, status: 403 },
    { name: 'nobody, where pages are no matter', cors: '{ enabled: false }', origin: page, status: 403 },
    { name: 'but programs here', cors: '{ enabled: false }', origin: 'http://localhost', status: 200 },
  ])('$name: $cors', async ({ cors, origin, status }) => {
    const road = await openRoad(`${keyless}cors: ${cors}`, answering)
    expect((await chat(road, origin, {})).status).toBe(status)
  })

  test.each([
    { host: 'localhost:8080', status: 200 },
    { host: '127.0.0.1:8080', status: 200 },
    { host: '[::1]:8080', status: 200 },
    { host: '192.168.1.7', status: 200 },
    { host: 'App.Localhost.:8080', status: 200 },
    { host: 'gateway:8080', status: 200 },
    { host: 'host.docker.internal:8080', status: 200 },
    { host: 'gw.example.com', status: 200 },
    { host: 'evil.example:8080', status: 403 },
    { host: 'localhost.evil.example', status: 403 },
    { host: '127.0.0.1.evil.example', status: 403 },
    { host: 'gw.example.com.evil.example', status: 403 },
  ])('nobody asks by a name that a page could have for its own: $host: $status', async ({ host, status }) => {
    const road = await openRoad(`${keyless}forward_proxy: { own_hosts: [GW.example.com] }`, answering)
    const answer = await road.fetch('/google/gemma/files/secret', {
      headers: { host, 'sec-fetch-site': 'same-origin' },
    })
    expect([answer.status, road.sent.length]).toEqual([status, status === 200 ? 1 : 0])
    if (status === 403) expect(await answer.text()).toContain('forward_proxy.own_hosts')
  })

  test('any name will do where a key is asked for, or where others than this machine connect', async () => {
    const headers = { ...bearer, host: 'llm.example.com' }
    for (const yaml of [keyed, `${keyless}listen: "unix:/run/x.sock"`]) {
      const road = await openRoad(yaml, answering)
      expect((await road.fetch('/google/gemma/x', { headers })).status).toBe(200)
    }
  })

  test.each([
    { name: 'an image of another site', yaml: keyless, headers: {}, status: 403 },
    { name: 'a page of another site', yaml: keyless, headers: { origin: page }, status: 403 },
    { name: 'a program of this machine', yaml: keyless, headers: { origin: 'vscode-webview://0abc' }, status: 200 },
    {
      name: 'a page that is allowed',
      yaml: `${keyless}cors: { allowed_origins: ['${page}'] }`,
      headers: { origin: page },
      status: 200,
    },
    { name: 'a page that knows the key', yaml: keyed, headers: { ...bearer, origin: page }, status: 200 },
  ])('what browsers tell of another site counts: $name: $status', async ({ yaml, headers, status }) => {
    const road = await openRoad(yaml, answering)
    const all = { ...headers, 'sec-fetch-site': 'cross-site' }
    expect((await road.fetch('/google/gemma/x', { headers: all })).status).toBe(status)
  })
})
