import { afterAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { command, startGateway, type RunningGateway } from '../support/gateway.ts'
import { closedPort } from '../support/raw-origin.ts'
import { eventually } from '../support/eventually.ts'

const clientKey = 'sk-client-canary-77aa'
const adminKey = 'admin-canary-0123456789'
const backendKey = 'backend-canary-5d1e8a'

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` })

/** A first backend that nobody listens for, and a second one that answers. */
async function brokenFirst(head = ''): Promise<string> {
  return `${head}
backends:
  - { name: dead, url: "http://127.0.0.1:${await closedPort()}/v1", api_key: "${backendKey}" }
  - { name: up, url: "mock://up" }
models:
  m: { routes: [{ backend: dead, model: md, priority: 1 }, { backend: up, model: ok, priority: 2 }] }
  slow: { routes: [{ backend: up, model: "tokens=10+gap=100" }] }
`
}

async function chat(gateway: RunningGateway, model = 'm', extra: object = {}): Promise<Response> {
  return await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...bearer(clientKey), 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...extra }),
  })
}

async function page(url: string, key = adminKey): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { headers: bearer(key) })
  const body: unknown = await response.json()
  return { status: response.status, body: typeof body === 'object' && body !== null ? { ...body } : {} }
}

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([...command, ...args], { env: { PATH: '', ...env }, stdout: 'pipe', stderr: 'pipe' })
  const [out, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, out, errors }
}

test('why tells which backend failed and who answered instead, from nothing but the configuration', async () => {
  const head = `listen: "127.0.0.1:${await closedPort()}"\nproxy_api_key: ${clientKey}\n`
  await using gateway = await startGateway(await brokenFirst(head))
  const answer = await chat(gateway)
  await answer.text()
  const id = answer.headers.get('x-request-id') ?? ''
  const told = await run(['why', id, '-config', gateway.configFile])
  expect([told.code, told.errors]).toEqual([0, ''])
  expect(told.out).toMatch(
    new RegExp(
      `^${id} came at \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} UTC from 127\\.0\\.0\\.1
POST /v1/chat/completions: asked for "m", by caller "default"
decided by version 1 of the configuration, with seed \\d+

 +\\d+ ms  asked dead/md: failed after \\d+ ms, because .*
 +\\d+ ms  asked up/ok: answered 200 after \\d+ ms
 +\\d+ ms  first byte to the client
 +it took \\d+ tokens and gave \\d+
 +\\d+ ms  ended: complete, status 200, \\d+ bytes

The client got the whole answer, at attempt 2. To do about dead/md: see whether it is up, "llm-proxy doctor" tells more.
$`,
    ),
  )
  const unknown = await run(['why', 'req_ffffffffffff', '-config', gateway.configFile])
  expect([unknown.code, unknown.out]).toEqual([1, ''])
  expect(unknown.errors).toContain('none of the last 1 has this id')
})

describe('admin', () => {
  test('admin.key opens the pages, and takes the place of the client key', async () => {
    await using gateway = await startGateway(
      await brokenFirst(`proxy_api_key: ${clientKey}\nadmin: { key: ${adminKey} }\n`),
    )
    expect((await page(`${gateway.url}/admin`)).status).toBe(200)
    expect((await page(`${gateway.url}/admin`, clientKey)).status).toBe(401)
    gateway.rewrite(await brokenFirst(`proxy_api_key: ${clientKey}\n`))
    await gateway.told(/Configuration reloaded/)
    expect((await page(`${gateway.url}/admin`, clientKey)).status).toBe(200)
    expect((await page(`${gateway.url}/admin`)).status).toBe(401)
  })

  test('admin.path is where the pages are, until a restart', async () => {
    const head = `proxy_api_key: ${clientKey}\n`
    await using gateway = await startGateway(await brokenFirst(`${head}admin: { key: ${adminKey}, path: /ops }\n`))
    expect((await page(`${gateway.url}/ops/config`)).body).toMatchObject({ admin: { path: '/ops' } })
    expect((await page(`${gateway.url}/admin/config`)).status).toBe(404)
    gateway.rewrite(await brokenFirst(`${head}admin: { key: ${adminKey}, path: /other }\n`))
    await gateway.told(/Changes to admin\.path need a restart/)
    expect((await page(`${gateway.url}/ops/config`)).body).toMatchObject({ restartKeys: ['admin.path'] })
  })

  test('admin.listen is an address for the pages alone, open until the last request is done', async () => {
    const head = `proxy_api_key: ${clientKey}\nadmin: { key: ${adminKey}, listen: "127.0.0.1:0" }\n`
    await using gateway = await startGateway(await brokenFirst(head))
    const [, own = ''] = await gateway.told(/Admin pages at (\S+)/)
    expect((await page(`${own}/admin/routes`)).status).toBe(200)
    expect((await page(`${own}/v1/models`)).status).toBe(404)
    expect((await page(`${gateway.url}/admin/routes`)).status).toBe(404)
    const running = await chat(gateway, 'slow', { stream: true })
    const stopped = gateway.stop()
    await gateway.told(/Shutting down/)
    expect((await page(`${own}/admin/requests`)).body).toMatchObject({ requests: [] })
    expect(await running.text()).toEndWith('data: [DONE]\n\n')
    expect(await stopped).toBe(0)
  })

  test('an admin.listen that is taken ends the start with a sentence', async () => {
    await using other = await startGateway(await brokenFirst())
    const taken = other.url.slice('http://'.length)
    const head = `admin: { key: ${adminKey}, listen: "${taken}" }\n`
    await using gateway = await startGateway(await brokenFirst(head), { waits: false })
    expect(await gateway.exited).toBe(1)
    await gateway.told(new RegExp(`Cannot listen on "${taken}": another program has it`))
  })

  test('admin.keep_requests is how many are remembered, and a reload changes it', async () => {
    const head = `proxy_api_key: ${clientKey}\n`
    await using gateway = await startGateway((await brokenFirst(head)).concat('admin: { keep_requests: 2 }\n'))
    const kept = async (): Promise<unknown> => {
      const { body } = await page(`${gateway.url}/admin/requests`, clientKey)
      return [body['kept'], body['keptMax']]
    }
    for (let at = 0; at < 3; at += 1) await (await chat(gateway)).text()
    expect(await kept()).toEqual([2, 2])
    gateway.rewrite((await brokenFirst(head)).concat('admin: { keep_requests: 0 }\n'))
    await gateway.told(/admin\.keep_requests 2 → 0/)
    await (await chat(gateway)).text()
    expect(await kept()).toEqual([0, 0])
    gateway.rewrite((await brokenFirst(head)).concat('admin: { keep_requests: 5 }\n'))
    await gateway.told(/admin\.keep_requests 0 → 5/)
    await (await chat(gateway)).text()
    expect(await kept()).toEqual([1, 5])
  })

  test('the probe for proxies that collect streams comes event by event', async () => {
    await using gateway = await startGateway(await brokenFirst(`proxy_api_key: ${clientKey}\n`))
    const response = await fetch(`${gateway.url}/admin/sse-probe`, { headers: bearer(clientKey) })
    const arrivals: { text: string; atMs: number }[] = []
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      arrivals.push({ text: decoder.decode(chunk), atMs: performance.now() })
    }
    expect(arrivals.map(({ text }) => text)).toEqual(
      Array.from({ length: 5 }, (_, at) => `data: {"event":${at + 1},"of":5,"everyMs":200}\n\n`),
    )
    const gaps = arrivals.slice(1).map(({ atMs }, at) => atMs - (arrivals[at]?.atMs ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThan(100)
  })

  test('a configuration that was refused is told on its page', async () => {
    await using gateway = await startGateway(await brokenFirst(`proxy_api_key: ${clientKey}\n`))
    gateway.rewrite('backends: 3')
    await gateway.told(/Cannot reload/)
    const { body } = await page(`${gateway.url}/admin/config`, clientKey)
    expect(body).toMatchObject({ version: 1, refused: { problems: [expect.stringContaining('config.yaml:')] } })
  })
})

test.each([
  { path: '/health', status: 200 },
  { path: '/healthz', status: 200 },
  { path: '/livez', status: 200 },
  { path: '/ready', status: 200 },
  { path: '/readyz', status: 200 },
  { path: '/', status: 200 },
  { path: '/v1/models', status: 200 },
  { path: '/v1/models/nobody', status: 404 },
  { path: '/nowhere', status: 404 },
  { path: '/health', method: 'POST', status: 405 },
  { path: '/v1/chat/completions', method: 'OPTIONS', status: 405 },
  { path: '/v1/chat/completions', method: 'POST', status: 401 },
  { path: '/v1/realtime', status: 404 },
  { path: '/admin', status: 401 },
  { path: '/admin/nowhere', key: adminKey, status: 404 },
  { path: '/admin/requests', key: adminKey, status: 200 },
  { path: '/admin/sse-probe', method: 'HEAD', key: adminKey, status: 200 },
])('x-request-id comes with every answer of ours: $status for $path', async ({ path, method = 'GET', key, status }) => {
  const { url } = await shared()
  const response = await fetch(`${url}${path}`, { method, headers: key === undefined ? {} : bearer(key) })
  await response.body?.cancel()
  expect([response.status, response.headers.get('x-request-id')]).toEqual([
    status,
    expect.stringMatching(/^req_[0-9a-f]{24}$/),
  ])
})

test('no secret is in any page, any line, or what why prints', async () => {
  const head = `proxy_api_key: ${clientKey}\nadmin: { key: ${adminKey} }\nlogging: { level: debug }\n`
  await using gateway = await startGateway(await brokenFirst(head))
  const answer = await chat(gateway)
  await answer.text()
  const texts: string[] = []
  for (const path of ['', '/requests', '/routes', '/config', '/explain?model=m', `/explain?model=${backendKey}`]) {
    texts.push(await (await fetch(`${gateway.url}/admin${path}`, { headers: bearer(adminKey) })).text())
  }
  const id = answer.headers.get('x-request-id') ?? ''
  const told = await run(['why', id, '-config', gateway.configFile, '--running', gateway.url])
  expect(told.code).toBe(0)
  const wrong = await run(['why', id, '--running', gateway.url, '--key', 'wrong-canary-0123456'])
  expect(wrong.code).toBe(1)
  await eventually(() => gateway.output().includes('Request refused'))
  texts.push(told.out, told.errors, wrong.out, wrong.errors, gateway.output())
  for (const text of texts) expect(text).not.toMatch(/canary/)
  expect(readFileSync(gateway.configFile, 'utf8')).toContain(backendKey)
})

let started: Promise<RunningGateway> | undefined
afterAll(async () => await (await started)?.[Symbol.asyncDispose]())

/** One gateway for all rows of a table; it ends with the last test. */
async function shared(): Promise<RunningGateway> {
  started ??= startGateway(`proxy_api_key: ${clientKey}\nadmin: { key: ${adminKey} }\n
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }
`)
  return await started
}
