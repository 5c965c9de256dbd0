import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AdminClient } from '#cli/admin-client.ts'
import { why } from '#cli/why.ts'
import { listen } from '#server/listen.ts'
import type { App } from '#server/app.ts'
import { openAdmin } from '../../support/admin.ts'
import { chatAnswer } from '../../support/road.ts'
import { selfSigned } from '../../support/tls.ts'

const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
afterAll(() => rmSync(directory, { recursive: true }))

const key = 'admin-key-0123456789'
const models = `
backends: [{ name: a, url: "http://a" }]
models: { "m\\e[31m": { routes: [{ backend: a, model: ma }] } }
`
const yaml = `admin: { key: ${key} }\n${models}`

let files = 0
function configFile(text: string): string {
  files += 1
  const file = join(directory, `${files}.yaml`)
  writeFileSync(file, text)
  return file
}

interface Served extends AsyncDisposable {
  readonly url: string
  readonly id: string
}

/** The pages of a gateway that has answered one request. */
async function served(
  address: Parameters<typeof listen>[0] = { kind: 'tcp', host: '127.0.0.1', port: 0 },
): Promise<Served> {
  const bench = await openAdmin(yaml, () => chatAnswer(), '')
  const id = (await bench.chat('m\u001B[31m')).headers.get('x-request-id') ?? ''
  return await serve(bench.ownApp, id, address)
}

async function serve(app: App, id: string, address: Parameters<typeof listen>[0]): Promise<Served> {
  const listener = await listen(address, app, (error) => {
    throw error
  })
  return { url: listener.address, id, [Symbol.asyncDispose]: async () => await listener.cut() }
}

async function ran(options: Partial<Parameters<typeof why>[0]>, env: Record<string, string> = {}) {
  const out: string[] = []
  const errors: string[] = []
  const io = { env, stdout: (text: string) => void out.push(text), stderr: (text: string) => void errors.push(text) }
  const code = await why(
    { id: undefined, running: undefined, key: undefined, config: undefined, json: false, ...options },
    io,
  )
  return { code, out: out.join(''), errors: errors.join('') }
}

describe('why', () => {
  test('tells a story from the address and the key in the configuration', async () => {
    await using gateway = await served()
    const config = configFile(`listen: "${gateway.url.slice('http://'.length)}"\n${yaml}`)
    const { code, out, errors } = await ran({ id: gateway.id, config })
    expect([code, errors]).toEqual([0, ''])
    expect(out).toStartWith(`${gateway.id} came at 2026-01-13`)
    expect(out).toContain('asked a/ma: answered 200 after')
    expect(out).toEndWith('The client got the whole answer. Nothing is to be done.\n')
  })

  test('finds the address and the key by files of older programs', async () => {
    await using gateway = await served()
    const backendsFile = configFile('{"services": {}}')
    const asking = { id: gateway.id, backendsFile }
    const { code, out } = await ran(asking, { PORT: new URL(gateway.url).port, BACKEND_API_KEY: key })
    expect([code, out.includes('asked a/ma: answered 200')]).toEqual([0, true])
    expect((await ran(asking, {})).errors).toContain('BACKEND_API_KEY is not set')
  })

  test('B65: lets no name of a client write on the terminal', async () => {
    await using gateway = await served()
    const { out } = await ran({ id: gateway.id, running: gateway.url, key })
    expect(out).toContain('asked for "m\\x1b[31m"')
    expect(out).not.toContain('\u001B')
  })

  test('tells how far a request is that still runs', async () => {
    const bench = await openAdmin(
      yaml,
      async (_, { clock }) => {
        await clock.sleep(60_000)
        return chatAnswer()
      },
      '',
    )
    const chat = bench.chat('m\u001B[31m')
    await bench.road.clock.advance(5000)
    await using gateway = await serve(bench.ownApp, '', { kind: 'tcp', host: '127.0.0.1', port: 0 })
    const [live] = bench.road.gateway.live
    const { code, out } = await ran({ id: live?.id, running: gateway.url, key })
    expect(code).toBe(0)
    expect(out).toMatch(/asked a\/ma: no answer yet, after \d+ ms\n\nStill running for 5000 ms, at attempt 1\.\n$/)
    expect(out).not.toContain('\u001B')
    await bench.road.clock.advance(60_000)
    await chat
  })

  test('--json gives the story itself', async () => {
    await using gateway = await served()
    const { code, out } = await ran({ id: gateway.id.slice(0, 10), running: gateway.url, key, json: true })
    expect([code, JSON.parse(out)]).toMatchObject([0, { id: gateway.id, attempts: [{ backend: 'a' }] }])
  })

  test('logging.language zh tells it in Chinese', async () => {
    await using gateway = await served()
    const config = configFile(`logging: { language: zh }\n${yaml}`)
    expect((await ran({ id: gateway.id, running: gateway.url, config })).out).toContain(
      '客户端收到了完整的回答。 无需处理。',
    )
  })

  test('finds a process on a unix socket', async () => {
    const path = join(directory, 'gateway.sock')
    await using gateway = await served({ kind: 'unix', path })
    const config = configFile(`admin: { key: ${key}, listen: "unix:${path}" }\n${models}`)
    expect((await ran({ id: gateway.id, config })).code).toBe(0)
    expect((await ran({ id: gateway.id, running: `unix:${path}`, config })).code).toBe(0)
  })

  test.each([
    { name: 'no id', id: undefined },
    { name: 'an empty id', id: ' ' },
    { name: 'a path for an id', id: '../config' },
  ])('$name is wrong usage', async ({ id }) => {
    const { code, errors } = await ran({ id })
    expect([code, errors]).toEqual([2, expect.stringContaining('x-request-id')])
  })

  test('a request that is not remembered is told, with how many are', async () => {
    await using gateway = await served()
    const { code, errors } = await ran({ id: 'req_ffffffff', running: gateway.url, key })
    expect(code).toBe(1)
    expect(errors).toContain('Cannot find the request: none of the last 1 has this id (1000 are kept')
  })
})

describe('AdminClient', () => {
  async function problemOf(options: Parameters<typeof AdminClient.from>[0], env: Record<string, string> = {}) {
    const client = await AdminClient.from(options, { env })
    return typeof client === 'string' ? client : await client.get('')
  }

  test.each([
    {
      name: 'a wrong key',
      given: { key: 'wrong-key-0123456789' },
      says: 'the key is not the one of the running process',
    },
    { name: 'a path where there is nothing', given: { key, path: '/ops' }, says: 'Cannot find admin pages at' },
    {
      name: 'a key that no header can hold',
      given: { key: 'schlüssel\n' },
      says: 'characters that no header may have',
    },
  ])('$name', async ({ given, says }) => {
    await using gateway = await served()
    const url = `${gateway.url}${'path' in given ? given.path : ''}`
    expect(await problemOf({ url, key: given.key })).toContain(says)
  })

  test('nothing that listens', async () => {
    const free = await served()
    await free[Symbol.asyncDispose]()
    expect(await problemOf({ url: free.url, key })).toBe(
      `Cannot reach llm-proxy at ${free.url}/admin: nothing listens there; start it, or name its address with --running`,
    )
    expect(await problemOf({ url: `unix:${directory}/none.sock`, key })).toContain('nothing listens there')
  })

  test('another program', async () => {
    await using other = await serve(() => new Response('<html>', { status: 502 }), '', {
      kind: 'tcp',
      host: '127.0.0.1',
      port: 0,
    })
    expect(await problemOf({ url: other.url, key })).toContain(
      'status 502, and no JSON of llm-proxy; is it another program?',
    )
  })

  test('a redirect is not followed, so that the key stays where it was sent', async () => {
    const asked: string[] = []
    const app: App = (request) => {
      asked.push(request.url)
      return new Response(null, { status: 302, headers: { location: '/elsewhere' } })
    }
    await using other = await serve(app, '', { kind: 'tcp', host: '127.0.0.1', port: 0 })
    expect(await problemOf({ url: other.url, key })).toContain('status 302')
    expect(asked).toHaveLength(1)
  })

  test.each([
    { text: models, says: 'has neither "admin.key" nor "proxy_api_key", set the first; or give it with --key' },
    { text: 'backends: 3', says: 'has errors, "llm-proxy check -config' },
  ])('a configuration that says nothing about it: $says', async ({ text, says }) => {
    expect(await problemOf({ config: configFile(text) })).toContain(says)
  })

  test('a bare number is told to be a port', async () => {
    expect(await AdminClient.from({ url: '8080', key }, { env: {} })).toContain('write "127.0.0.1:8080"')
  })

  test('a path that is the one of the pages is taken as it is', async () => {
    const bench = await openAdmin(`admin: { key: ${key}, path: /ops }\n${models}`, () => chatAnswer(), '')
    await using gateway = await serve(bench.ownApp, '', { kind: 'tcp', host: '127.0.0.1', port: 0 })
    const client = await AdminClient.from({ url: `${gateway.url}/ops/`, key }, { env: {} })
    if (typeof client === 'string') throw new Error(client)
    expect(await client.get('/requests?limit=5')).toMatchObject({ requests: [] })
    expect(await client.get('/routes')).toHaveProperty('aliases')
    expect(client.address).toBe(`${gateway.url}/ops`)
  })

  test('a certificate is verified, whatever the environment says', async () => {
    using server = Bun.serve({
      port: 0,
      tls: { key: selfSigned.key, cert: selfSigned.cert },
      fetch: () => Response.json({}),
    })
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      expect(await problemOf({ url: `https://127.0.0.1:${server.port}`, key })).toContain('Cannot reach llm-proxy')
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    }
  })

  test.each([
    { name: 'an edit that broke something else', text: `max_body_size: many\nadmin: { key: ${key} }\n${models}` },
    { name: 'a route to nobody', text: `admin: { key: ${key} }\n${models.replace('backend: a', 'backend: b')}` },
    {
      name: 'secrets that only the service has',
      text: `proxy_api_key: "\${NOT_HERE}"\nadmin: { key: ${key} }\n${models.replace('"http://a"', '"http://a", api_key: "${cred:a}"')}`,
    },
  ])('address and key are found in spite of $name', async ({ text }) => {
    await using gateway = await served()
    const place = gateway.url.slice('http://'.length)
    expect(await problemOf({ config: configFile(`listen: "${place}"\n${text}`) })).toMatchObject({
      service: 'llm-proxy',
    })
  })

  test('a key that is not to be had here is told with its place', async () => {
    const config = configFile(`admin: { key: "\${NOT_HERE}" }\n${models}`)
    expect(await problemOf({ config })).toMatch(/without a key: .* says where keys are.*"NOT_HERE" is not set/)
  })

  test.each([
    { env: { PROXY_PORT: '81' }, address: 'http://10.0.0.1:81/admin' },
    { env: { FLOW_PROXY_PORT: '82', PORT: '1' }, address: 'http://10.0.0.1:82/admin' },
    { env: { FLOW_PROXY_HOST: '127.0.0.2' }, address: 'http://127.0.0.2:9/admin' },
    { env: { PORT: '83' }, address: 'http://10.0.0.1:9/admin' },
  ])('the environment moves the address as for a start: $env', async ({ env, address }) => {
    const config = configFile(`listen: "10.0.0.1:9"\nproxy_api_key: ${key}\n${models}`)
    expect(await AdminClient.from({ config }, { env })).toHaveProperty('address', address)
  })

  test('without a file it is told that the pages are closed', async () => {
    const before = process.cwd()
    process.chdir(directory)
    try {
      expect(await problemOf({})).toMatch(/there is no "config\.yaml".* its admin pages are closed/)
      expect(await AdminClient.from({ key }, { env: { PORT: '83' } })).toHaveProperty(
        'address',
        'http://127.0.0.1:83/admin',
      )
    } finally {
      process.chdir(before)
    }
  })

  test('a configuration that is not there', async () => {
    expect(await problemOf({ config: join(directory, 'none.yaml') })).toContain('cannot be read')
  })

  test.each([
    { name: 'the flag', options: { key }, env: { LLM_PROXY_ADMIN_KEY: 'other-key-0123456789' }, config: '' },
    {
      name: 'the environment',
      options: {},
      env: { LLM_PROXY_ADMIN_KEY: key },
      config: 'admin: { key: other-key-0123456789 }',
    },
    { name: 'admin.key', options: {}, env: {}, config: `proxy_api_key: other-key\nadmin: { key: ${key} }` },
    { name: 'proxy_api_key', options: {}, env: {}, config: `proxy_api_key: ${key}` },
  ])('takes the key from $name', async ({ options, env, config }) => {
    await using gateway = await served()
    const file = configFile(`${config}\n${models}`)
    expect(await problemOf({ url: gateway.url, config: file, ...options }, env)).toMatchObject({ service: 'llm-proxy' })
  })

  test.each([
    { url: 'http://', ok: false },
    { url: 'ftp://127.0.0.1', ok: false },
    { url: 'unix:', ok: false },
    { url: 'http://user@127.0.0.1', ok: false },
    { url: '8080', ok: false },
    { url: 'http://8080', ok: false },
    { url: '8080/', ok: false },
    { url: ':8080', ok: true, address: 'http://127.0.0.1:8080/admin' },
    { url: 'gw', ok: true, address: 'http://gw/admin' },
    { url: 'gw:8080/', ok: true, address: 'http://gw:8080/admin' },
    { url: '127.0.0.1:8080', ok: true, address: 'http://127.0.0.1:8080/admin' },
    { url: 'https://gw.example.com/llm/', ok: true, address: 'https://gw.example.com/llm/admin' },
    { url: 'http://127.0.0.1:8081/admin', ok: true, address: 'http://127.0.0.1:8081/admin' },
    { url: 'unix:/run/x.sock', ok: true, address: 'unix:/run/x.sock' },
  ])('reads the address $url', async ({ url, ok, address }) => {
    const client = await AdminClient.from({ url, key }, { env: {} })
    if (ok) expect(client).toHaveProperty('address', address)
    else expect(client).toContain(`Cannot use the address "${url}"`)
  })

  test.each([
    { listen: ':8080', address: 'http://127.0.0.1:8080/admin' },
    { listen: '0.0.0.0:8080', address: 'http://127.0.0.1:8080/admin' },
    { listen: '[::]:8080', address: 'http://[::1]:8080/admin' },
    { listen: '10.0.0.1:9', address: 'http://10.0.0.1:9/admin' },
    { listen: 'unix:/run/x.sock', address: 'unix:/run/x.sock' },
  ])('finds the process that listens on $listen', async ({ listen: address, ...wanted }) => {
    const config = configFile(`listen: "${address}"\nproxy_api_key: ${key}\n${models}`)
    expect(await AdminClient.from({ config }, { env: {} })).toHaveProperty('address', wanted.address)
  })
})
