import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGateway, type RunningGateway } from '../support/gateway.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const clientKey = 'sk-client-key-0001'

/** Tokens and keys that came, in order; those in `refused` get a 401 that repeats them. */
const seen: string[] = []
const refused = new Set<string>()
let upstream: ReturnType<typeof Bun.serve>

beforeAll(() => {
  upstream = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if (new URL(request.url).pathname === '/token') {
        return Response.json({ access_token: 'opaque-token-of-a-server', token_type: 'Bearer', expires_in: 3600 })
      }
      await request.text()
      const proof = (request.headers.get('authorization') ?? '').replace('Bearer ', '')
      const who = clientOf(proof) ?? proof
      seen.push(who)
      if (refused.has(who)) {
        return Response.json(
          { error: { message: `${proof} is not known here` } },
          { status: 401, headers: { 'x-echo': proof } },
        )
      }
      return Response.json({ id: 'c', object: 'chat.completion', choices: [] })
    },
  })
})

afterAll(async () => {
  await upstream.stop(true)
})

/** Whose token it is; undefined when it is none of ours. */
function clientOf(token: string): string | undefined {
  const [, payload = ''] = token.split('.')
  try {
    const claims: Record<string, unknown> = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return String(claims['clientId'])
  } catch {
    return undefined
  }
}

function configOf(credentials: string, more = ''): string {
  return `proxy_api_key: ${clientKey}
backends:
  - name: up
    url: "http://127.0.0.1:${upstream.port}/v1"
    credentials: ${credentials}
models: { m: { routes: [{ backend: up, model: up }] } }
${more}`
}

interface Opened extends AsyncDisposable {
  readonly gateway: RunningGateway
  chat(): Promise<Response>
  write(entries: readonly string[]): void
}

/** A gateway beside a secrets file with these clients. */
async function openWith(
  entries: readonly string[],
  credentials = '[{ secrets_file: secrets.json }]',
  more = '',
): Promise<Opened> {
  // The folder is made with the process, so the first configuration has no need of the file.
  const gateway = await startGateway(`proxy_api_key: ${clientKey}\nbackends: []\nmodels: {}\n`)
  const write = (ids: readonly string[]): void => {
    const file = join(gateway.directory, 'secrets.json')
    const list = ids.map((id) => ({ name: `config-${id}`, clientId: id, clientSecret: `secret-of-${id}`, tenant: 't' }))
    writeFileSync(file, JSON.stringify(list))
    chmodSync(file, 0o600)
  }
  write(entries)
  seen.length = 0
  refused.clear()
  gateway.rewrite(configOf(credentials, more))
  try {
    await gateway.told(/Configuration reloaded: version=2/)
  } catch (error) {
    await gateway[Symbol.asyncDispose]()
    throw error
  }
  return {
    gateway,
    write,
    async chat() {
      const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] })
      const headers = { authorization: `Bearer ${clientKey}`, 'content-type': 'application/json' }
      return await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body, headers })
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
    },
  }
}

async function statuses(opened: Opened, count: number): Promise<number[]> {
  const found: number[] = []
  for (let at = 0; at < count; at += 1) {
    const response = await opened.chat()
    await response.text()
    found.push(response.status)
  }
  return found
}

describe('a secrets file', () => {
  test('A08 A11 A46: its entries take turns, and the log tells whose turn it was', async () => {
    await using opened = await openWith(['a', 'b'])
    expect(await statuses(opened, 4)).toEqual([200, 200, 200, 200])
    expect(seen).toEqual(['a', 'b', 'a', 'b'])
    await opened.gateway.told(/credential=config-a \(#3, index 0\)/)
    await opened.gateway.told(/credential=config-b \(#4, index 1\)/)
  })

  test('a change of it is a reload; a mistake in it changes nothing and is told with the entry', async () => {
    await using opened = await openWith(['a'])
    opened.write(['a', 'c'])
    await opened.gateway.told(/version=3 changes=backend up: credentials changed/)
    await statuses(opened, 2)
    expect(seen.toSorted()).toEqual(['a', 'c'])
    const file = join(opened.gateway.directory, 'secrets.json')
    writeFileSync(file, '[{ "clientId": "d", "tenant": "t" }]')
    await opened.gateway.told(/Cannot reload .*index 0: clientSecret is missing/)
    expect(await statuses(opened, 1)).toEqual([200])
    rmSync(file)
    await opened.gateway.told(/cannot be read: there is none/)
    opened.write(['d'])
    await opened.gateway.told(/version=4 /)
    await statuses(opened, 1)
    expect(seen.at(-1)).toBe('d')
  })

  test('A13 A14 A15: who is refused rests; when all rest there is a 503, until a reset', async () => {
    await using opened = await openWith(['a', 'b'])
    refused.add('a')
    expect(await statuses(opened, 2)).toEqual([200, 200])
    expect(seen).toEqual(['a', 'b', 'b'])
    await opened.gateway.told(/Credential failover: config-a → config-b/)
    refused.add('b')
    expect(await statuses(opened, 2)).toEqual([503, 503])
    await opened.gateway.told(/\[ERROR\].*No credential is left: backend=up client=127\.0\.0\.1/)
    refused.clear()
    const headers = { authorization: `Bearer ${clientKey}` }
    const reset = await fetch(`${opened.gateway.url}/admin/credentials/reset`, { method: 'POST', headers })
    expect(await reset.json()).toEqual({ reset: 2, backends: [{ backend: 'up', reset: 2 }] })
    expect(await statuses(opened, 1)).toEqual([200])
  })
})

test('a file with one key may come after its configuration, and is then read again by itself', async () => {
  await using opened = await openWith(['a'])
  const file = join(opened.gateway.directory, 'key.txt')
  opened.gateway.rewrite(configOf('[{ file: key.txt }]'))
  await opened.gateway.told(/Cannot reload .*key\.txt" cannot be read: there is none/)
  writeFileSync(file, 'key-number-one')
  await opened.gateway.told(/version=3 /)
  await statuses(opened, 1)
  writeFileSync(file, 'key-number-two')
  refused.add('key-number-one')
  expect(await statuses(opened, 1)).toEqual([200])
  expect(seen).toEqual(['key-number-one', 'key-number-one', 'key-number-two'])
})

test('A45 N005: no token and no secret stands in any log, dump or file, and no client gets one', async () => {
  const logging = `logging:
  level: debug
  mask_sensitive: true
  separate_files: true
  categories: { request_body: { level: debug } }
`
  const oauth = `{ type: oauth2, name: o, token_url: "http://127.0.0.1:${upstream.port}/token", client_id: me, client_secret: fetching-secret }`
  await using opened = await openWith(['a'], `[{ secrets_file: secrets.json }, ${oauth}]`, logging)
  refused.add('a').add('opaque-token-of-a-server')
  const response = await opened.chat()
  const told = `${JSON.stringify([...response.headers])}${await response.text()}`
  await opened.gateway.told(/Token minted for credential config-a/)
  await opened.gateway.told(/Token fetched for credential o/)
  expect(await opened.gateway.stop()).toBe(0)
  const files = readdirSync(opened.gateway.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^(?:secrets\.json|config\.yaml)$/.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
  expect(files.length).toBeGreaterThan(1)
  for (const text of [told, opened.gateway.output(), ...files]) {
    expect(text).not.toMatch(/eyJhbGci[\w-]+\.[\w-]+|opaque-token-of-a-server|secret-of-a|fetching-secret/)
  }
})
