import { describe, expect, test } from 'bun:test'
import { page, pageFiles } from '#server/page-files.ts'
import { openAdmin, type AdminBench, type Asking } from '../../support/admin.ts'
import { chatAnswer } from '../../support/road.ts'

const clientKey = 'sk-client-key-0001'
const models = `
backends: [{ name: a, url: "http://a" }]
models: { m: { routes: [{ backend: a, model: x }] } }
`
const withAdminKey = `proxy_api_key: ${clientKey}\nadmin: { key: admin-key-0123456789 }\n${models}`

const asBrowser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

async function open(yaml = withAdminKey): Promise<AdminBench> {
  return await openAdmin(yaml, () => chatAnswer())
}

async function askAs(
  headers: Record<string, string>,
  path = '/',
  asking: Asking = {},
  yaml?: string,
): Promise<Response> {
  return await (await open(yaml)).ask(path, { headers, ...asking })
}

const [scriptName = '', styleName = ''] = pageFiles.keys()

describe('D59: the page at "/"', () => {
  test('is HTML for a browser, without a key, and names the files that it is made of', async () => {
    const response = await askAs(asBrowser, '/', { peer: '203.0.113.9' })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    const html = await response.text()
    expect(html).toContain(`src="static/${scriptName}"`)
    expect(html).toContain(`href="static/${styleName}"`)
    expect(html).not.toMatch(/SCRIPT_NAME|STYLE_NAME|ADMIN_PATH/)
  })

  test.each<{ name: string; headers: Record<string, string> }>([
    { name: 'curl', headers: { accept: '*/*' } },
    { name: 'a program that says nothing', headers: {} },
    { name: 'one that wants JSON', headers: { accept: 'application/json' } },
  ])('$name gets the JSON of before', async ({ headers }) => {
    const body: unknown = await (await askAs(headers)).json()
    expect(body).toMatchObject({ service: 'llm-proxy' })
  })

  test('HEAD gives the same without the page', async () => {
    const response = await askAs(asBrowser, '/', { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
    const { text } = page('/admin')
    expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  })

  test('POST is refused as before', async () => {
    expect((await askAs(asBrowser, '/', { method: 'POST' })).status).toBe(405)
  })

  test('runs nothing but its own script, asks nobody else, and stands in no frame', async () => {
    const { headers } = await askAs(asBrowser)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy.split('; ').slice(0, 8)).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ])
    expect(policy).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(headers.get('vary')).toBe('accept')
    expect(headers.get('x-request-id')).toMatch(/^req_/)
  })

  test('is asked for again each time, and told in no more words than that it is the same', async () => {
    const first = await askAs(asBrowser)
    const etag = first.headers.get('etag') ?? ''
    expect(first.headers.get('cache-control')).toBe('no-cache')
    const again = await askAs({ ...asBrowser, 'if-none-match': etag })
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
    expect((await askAs({ ...asBrowser, 'if-none-match': '"other"' })).status).toBe(200)
  })

  test.each([
    { name: 'where there is an admin key', yaml: withAdminKey, peer: '203.0.113.9', path: '/admin' },
    {
      name: 'where it is somewhere else',
      yaml: withAdminKey.replace('{ key', '{ path: /ops/pages, key'),
      peer: '203.0.113.9',
      path: '/ops/pages',
    },
    {
      name: 'with the client key alone, on this machine',
      yaml: `proxy_api_key: ${clientKey}\n${models}`,
      peer: '127.0.0.1',
      path: '/admin',
    },
    {
      name: 'with the client key alone, elsewhere',
      yaml: `proxy_api_key: ${clientKey}\n${models}`,
      peer: '203.0.113.9',
      path: '',
    },
    { name: 'without any key', yaml: models, peer: '127.0.0.1', path: '' },
  ])('says where the admin pages are only to those for whom there are some: $name', async ({ yaml, peer, path }) => {
    const response = await askAs(asBrowser, '/', { peer }, yaml)
    expect(await response.text()).toContain(`data-admin-path="${path}"`)
  })

  test('stands beside admin pages at an address of their own as well', async () => {
    const bench = await open(withAdminKey.replace('{ key', '{ listen: "127.0.0.1:0", key'))
    const request = new Request('http://gateway/', { headers: { host: 'gateway', ...asBrowser } })
    const response = await bench.ownApp(request, { peer: '127.0.0.1', patience: () => {} })
    expect(await response.text()).toContain('data-admin-path="/admin"')
  })
})

describe('D63: files of the page', () => {
  test.each([
    { name: scriptName, type: 'text/javascript; charset=utf-8' },
    { name: styleName, type: 'text/css; charset=utf-8' },
  ])('$type is kept for ever, since its name changes with it', async ({ name, type }) => {
    const response = await askAs({}, `/static/${name}`)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type])
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(await response.text()).toBe(pageFiles.get(name)?.text ?? '')
  })

  test.each(['/static/', '/static/page.js', `/static/../${scriptName}`, `/static/${scriptName}/`, '/static/%2e%2e/x'])(
    '%s is no file',
    async (path) => {
      expect((await askAs(asBrowser, path)).status).toBe(404)
    },
  )
})

describe('/static/health.json', () => {
  test.each([
    { name: 'as the configuration has them', yaml: withAdminKey },
    {
      name: 'somewhere else',
      yaml: `health: { endpoints: [{ path: /up, type: liveness }] }\n${withAdminKey}`,
    },
  ])('tells everybody what stands above the page, with the pages for probes $name', async ({ yaml }) => {
    const response = await askAs({}, '/static/health.json', { peer: '203.0.113.9' }, yaml)
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(await response.json()).toEqual({
      status: 'ok',
      service: 'llm-proxy',
      version: 'test',
      backends: 1,
      models: 1,
      at: '2026-01-13T09:41:00.000Z',
    })
  })

  test('is there beside admin pages at an address of their own as well', async () => {
    const bench = await open(withAdminKey.replace('{ key', '{ listen: "127.0.0.1:0", key'))
    const request = new Request('http://gateway/static/health.json', { headers: { host: 'gateway' } })
    const response = await bench.ownApp(request, { peer: '127.0.0.1', patience: () => {} })
    expect(await response.json()).toMatchObject({ version: 'test' })
  })
})

test('admin.page: false takes page and files away', async () => {
  const yaml = withAdminKey.replace('{ key', '{ page: false, key')
  const body: unknown = await (await askAs(asBrowser, '/', {}, yaml)).json()
  expect(body).toMatchObject({ service: 'llm-proxy' })
  expect((await askAs(asBrowser, `/static/${scriptName}`, {}, yaml)).status).toBe(404)
  expect((await askAs(asBrowser, '/static/health.json', {}, yaml)).status).toBe(404)
})

describe('what is sent to browsers', () => {
  const texts = [...pageFiles.values(), page('/admin')].map(({ text }) => text)

  // About a tenth more than they are: what makes them larger should be noticed.
  test('script and style are less than 72 KiB', () => {
    const bytes = [...pageFiles.values()].reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
    expect(bytes).toBeGreaterThan(20_000)
    expect(bytes).toBeLessThan(72 * 1024)
  })

  test('N212 C1009: nothing comes from anywhere else', () => {
    const places = texts.flatMap((text) => text.match(/(?:https?:)?\/\/[a-z0-9.-]+\.[a-z]{2,}[^\s"'`)]*/gi) ?? [])
    // Names of XML, which nobody loads.
    expect(places.filter((place) => !place.includes('//www.w3.org/'))).toEqual([])
  })

  test('N312: nothing in it makes HTML of a text, or a script', () => {
    const [script = ''] = texts
    expect(script).not.toMatch(/document\.write|insertAdjacentHTML|outerHTML|new Function|\beval\(/)
    expect(script).not.toContain('jsxDEV')
  })

  test('is made for production, and names no file of the machine that made it', () => {
    for (const text of texts) expect(text).not.toMatch(/node_modules|\/src\/server|process\.env/)
  })
})
