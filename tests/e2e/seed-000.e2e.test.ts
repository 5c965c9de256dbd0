import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGateway, type GatewayOptions, type RunningGateway } from '../support/gateway.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const sample = readFileSync(join(import.meta.dir, '../seeds/000/secrets.json'), 'utf8')

let flow: Recorder

beforeAll(() => {
  flow = startRecorder()
})

afterAll(async () => {
  await flow.stop()
})

async function startFlow(options: GatewayOptions = {}): Promise<RunningGateway> {
  flow.seen.length = 0
  return await startGateway('', {
    hasFile: false,
    ...options,
    files: { 'secrets.json': sample, ...options.files },
    args: ['--secrets-file', 'secrets.json', '--port', '0', ...(options.args ?? [])],
    env: { FLOW_PROXY_TARGET_URL: `${flow.url}/flow-llm-proxy`, ...options.env },
  })
}

/** What a token says, and with what header. */
function claimsOf(authorization: string | undefined): { header: unknown; payload: unknown } {
  const [header = '', payload = ''] = (authorization ?? '').replace('Bearer ', '').split('.')
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { header: read(header), payload: read(payload) }
}

const whose = (authorization: string | undefined): unknown => claimsOf(authorization).payload

describe('the sample of seed 000, as it is', () => {
  test('A01 A02 A03 A05 A06 A08 A17 A20 A28 A29 A46 A63 A69: requests of every kind go out signed, in turn', async () => {
    await using gateway = await startFlow({ args: ['--host', '127.0.0.1', '--log-level', 'INFO'] })
    const first = await fetch(`${gateway.url}/v1/models?x=1`, { headers: { authorization: 'Bearer of-the-client' } })
    expect(first.status).toBe(200)
    await first.text()
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await fetch(`${gateway.url}/any/%2Fpath`, {
        method,
        body: '\u0000raw',
        headers: { 'x-custom': '1' },
      })
      expect(answer.status).toBe(200)
      await answer.text()
    }
    expect(flow.seen.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'GET /flow-llm-proxy/v1/models?x=1',
      ...['POST', 'PUT', 'PATCH', 'DELETE'].map((method) => `${method} /flow-llm-proxy/any/%2Fpath`),
    ])
    const [asked, posted] = flow.seen
    expect(claimsOf(asked?.headers['authorization']).header).toEqual({ alg: 'HS256', typ: 'JWT' })
    const clientOf = (number: 1 | 2): object => ({
      clientId: `your-client-id-${number}`,
      clientSecret: `your-client-secret-${number}`,
      tenant: `your-tenant-${number}`,
    })
    expect(flow.seen.map(({ headers }) => whose(headers['authorization']))).toEqual(
      [1, 2, 1, 2, 1].map((number) => clientOf(number === 1 ? 1 : 2)),
    )
    expect(asked?.headers['host']).toBe(new URL(flow.url).host)
    expect(posted).toMatchObject({ body: '\u0000raw', headers: { 'x-custom': '1' } })
    await gateway.told(/Loaded 1 backend, 0 model aliases, 2 configurations of credentials from secrets\.json/)
    await gateway.told(/credential=config1 \(#1, index 0\) .*stream=false ttfb=\d+ms bytes=\d+ end=complete/)
    await gateway.told(/credential=config2 \(#2, index 1\)/)
    expect(await gateway.stop()).toBe(0)
    // A48
    expect(gateway.output()).toMatch(/Shut down: 0 requests in flight/)
  })

  test('A11 A44 A45 A62: the turns and the making of tokens are told at DEBUG, the tokens never', async () => {
    await using gateway = await startFlow({ args: ['--log-level', 'debug', '--log-dir', 'logs'] })
    await (await fetch(`${gateway.url}/v1/models`)).text()
    await gateway.stop()
    const output = gateway.output()
    expect(output).toMatch(/\[req_\w+\]\[LB\] Using credential 'config1' \(request #1, index 0\)/)
    expect(output).toMatch(/\[JWT\] Token minted for credential config1/)
    expect(output).toMatch(/\[req_\w+\]\[FWD\] Attempt 1: backend=flow .*url=http:\/\/127\.0\.0\.1:\d+\/flow-llm-proxy/)
    const folder = join(gateway.directory, 'logs')
    const [file = ''] = readdirSync(folder)
    expect(file).toMatch(/^llm-proxy_\d{4}-\d{2}-\d{2}\.log$/)
    const written = readFileSync(join(folder, file), 'utf8')
    expect(written).toContain('Using credential')
    for (const text of [output, written]) {
      expect(text).not.toContain('eyJ')
      expect(text).not.toContain('your-client-secret')
    }
  })

  test('A51 A52 A53: it is a proxy for its target, and for nobody else', async () => {
    const other = startRecorder()
    try {
      await using gateway = await startFlow()
      const through = async (...args: string[]): Promise<string> => {
        const child = Bun.spawn([
          'curl',
          '-s',
          '-m',
          '5',
          '-w',
          '\n%{http_code} %{http_connect}',
          '-x',
          gateway.url,
          ...args,
        ])
        return await new Response(child.stdout).text()
      }
      expect(await through(`${flow.url}/flow-llm-proxy/v1/models`)).toEndWith('200 000')
      expect(flow.seen.map(({ target }) => target)).toEqual(['/flow-llm-proxy/v1/models'])
      expect(whose(flow.seen[0]?.headers['authorization'])).toMatchObject({ clientId: 'your-client-id-1' })
      expect(await through(`${other.url}/v1/models`)).toEndWith('403 000')
      expect(other.seen).toEqual([])
      expect(await through(`https://127.0.0.1:1/v1/models`)).toMatch(/ (?:405|501)$/)
    } finally {
      await other.stop()
    }
  })

  test('A58 A59: what flow refuses is taken out of requests for messages', async () => {
    await using gateway = await startFlow()
    const body = '{"model":"claude", "context_management":{"edits":[]}, "max_tokens":1}'
    const headers = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'anthropic-beta': 'x' }
    await (await fetch(`${gateway.url}/v1/messages`, { method: 'POST', headers, body })).text()
    const [seen] = flow.seen
    expect(JSON.parse(seen?.body ?? '')).toEqual({ model: 'claude', max_tokens: 1 })
    expect(seen?.headers).not.toHaveProperty('anthropic-beta')
    expect(seen?.headers).toHaveProperty('anthropic-version')
  })

  test('A13 A14 A16 A47: a refused credential is followed by the next one, and when none is left that is told', async () => {
    await using gateway = await startFlow()
    flow.answer = ({ headers }) =>
      JSON.stringify(whose(headers['authorization'])).includes('id-1') ? new Response('no', { status: 401 }) : undefined
    try {
      const answer = await fetch(`${gateway.url}/v1/models`)
      expect([answer.status, flow.seen.length]).toEqual([200, 2])
      await answer.text()
      await gateway.told(/Credential failover: config1 → config2/)
      await gateway.told(/\[LB\] Credential config1 rests: backend=flow status=401/)
      // From now on it is skipped.
      expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(200)
      expect(flow.seen).toHaveLength(3)
      flow.answer = () => new Response('no', { status: 401 })
      const body = '{"model":"gpt-4o","messages":[]}'
      const headers = { 'content-type': 'application/json' }
      const failed = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body })
      expect(failed.status).toBe(503)
      expect(await failed.json()).toHaveProperty('error')
      await gateway.told(/\[ERROR\].*client=127\.0\.0\.1/)
    } finally {
      flow.answer = undefined
    }
  })

  test('a path that is refused to every credential rests none of them', async () => {
    await using gateway = await startFlow()
    flow.answer = ({ target }) =>
      target.endsWith('/secret') ? new Response('not for you', { status: 401 }) : undefined
    try {
      const refused = await fetch(`${gateway.url}/secret`)
      expect([refused.status, await refused.text(), flow.seen.length]).toEqual([401, 'not for you', 2])
      for (const _ of [1, 2]) expect((await fetch(`${gateway.url}/public`)).status).toBe(200)
      const users = flow.seen.slice(2).map(({ headers }) => JSON.stringify(whose(headers['authorization'])))
      expect(new Set(users).size).toBe(2)
      expect(gateway.output()).not.toContain('rests')
    } finally {
      flow.answer = undefined
    }
  })

  test('a secrets file that changes is read again, and its entries take their turns at once', async () => {
    await using gateway = await startFlow()
    await Bun.write(
      join(gateway.directory, 'secrets.json'),
      JSON.stringify([{ name: 'only', clientId: 'new-id', clientSecret: 'new-secret-0001', tenant: 'new' }]),
    )
    await gateway.told(/Configuration reloaded: version=2/)
    await (await fetch(`${gateway.url}/v1/models`)).text()
    expect(whose(flow.seen[0]?.headers['authorization'])).toMatchObject({ clientId: 'new-id' })
  })
})

describe('flags and variables of seed 000', () => {
  test('A37 A38: without any it listens on 127.0.0.1:8899, or says that it cannot', async () => {
    await using gateway = await startGateway('', {
      hasFile: false,
      waits: false,
      files: { 'secrets.json': sample },
      args: ['--secrets-file', 'secrets.json'],
    })
    await gateway.told(/listening on http:\/\/127\.0\.0\.1:8899|127\.0\.0\.1:8899.*(?:in use|taken|other)/i)
  })

  test('A41: FLOW_PROXY_… say the same', async () => {
    await using gateway = await startGateway('', {
      hasFile: false,
      files: { 'my/secrets.json': `// comments are allowed\n${sample.replace(/\]\s*$/, ',]')}` },
      env: {
        FLOW_PROXY_SECRETS_FILE: 'my/secrets.json',
        FLOW_PROXY_TARGET_URL: flow.url,
        FLOW_PROXY_PORT: '0',
        FLOW_PROXY_HOST: '127.0.0.1',
        FLOW_PROXY_LOG_LEVEL: 'DEBUG',
        FLOW_PROXY_LOG_DIR: 'my/logs',
        FLOW_PROXY_CLIENT_TIMEOUT: '600',
        FLOW_PROXY_THREADED: '0',
        FLOW_PROXY_PLUGIN_POOL_SIZE: '64',
      },
    })
    flow.seen.length = 0
    await (await fetch(`${gateway.url}/v1/models`)).text()
    expect(flow.seen.map(({ target }) => target)).toEqual(['/v1/models'])
    await gateway.told(/\[LB\] Using credential 'config1'/)
    await gateway.told(/\[INFO\] environment FLOW_PROXY_PLUGIN_POOL_SIZE: note: does nothing/)
    await gateway.stop()
    expect(readdirSync(join(gateway.directory, 'my/logs'))).toHaveLength(1)
  })

  const entry = { clientId: 'a', clientSecret: 'b', tenant: 'c' }

  test.each([
    { row: 'A30', text: undefined, says: /there is no file "secrets\.json"; write one like \[\{"name"/ },
    { row: 'A31', text: '[{"clientId": }]', says: /secrets\.json is no JSON: line 1, column 15/ },
    { row: 'A32', text: '{}', says: /secrets\.json is no list/ },
    { row: 'A33', text: '[]', says: /secrets\.json is an empty list/ },
    {
      row: 'A34',
      text: JSON.stringify([entry, { ...entry, tenant: undefined }]),
      says: /secrets\.json index 1: tenant is missing/,
    },
    { row: 'A35', text: JSON.stringify([{ ...entry, clientId: '  ' }]), says: /index 0: clientId is blank/ },
    { row: 'A35 A50', text: JSON.stringify([{ ...entry, clientId: 5 }]), says: /index 0: clientId is no text/ },
  ])('$row: a secrets file of $text ends the start with 1, and says why', async ({ text, says }) => {
    await using gateway = await startGateway('', {
      hasFile: false,
      waits: false,
      files: text === undefined ? {} : { 'secrets.json': text },
      args: ['--secrets-file', 'secrets.json', '--port', '0'],
    })
    expect(await gateway.exited).toBe(1)
    await gateway.told(says)
  })

  test.each([
    {
      row: 'A39',
      args: ['--log-level', 'FOO'],
      says: /--log-level: expected DEBUG, INFO, WARNING or ERROR, not "FOO"/,
    },
    { row: 'A60', args: ['--client-timeout', 'soon'], says: /--client-timeout: expected a number of seconds/ },
    { row: 'A41', args: ['--num-workers', '0'], says: /--num-workers: expected a whole number from 1 to 64/ },
    { row: 'A41', args: ['--port', 'x'], says: /--port: a port is a number/ },
  ])('$row: $args is a wrong usage', async ({ args, says }) => {
    await using gateway = await startGateway('', { hasFile: false, waits: false, args })
    expect(await gateway.exited).toBe(2)
    await gateway.told(says)
  })

  test.each([
    { args: ['--help'], says: ['--secrets-file', '--backends-file'] },
    {
      args: ['serve', '--help'],
      says: ['--port', '--host', '--log-level', '--secrets-file', '--log-dir', '--num-workers'],
    },
  ])('A42: $args lists what there is, and ends with 0', async ({ args, says }) => {
    await using gateway = await startGateway('', { hasFile: false, waits: false, args })
    expect(await gateway.exited).toBe(0)
    for (const flag of says) await gateway.told(new RegExp(flag))
  })

  test('A60: --client-timeout 0 is told and taken for 1, and an idle connection is closed then', async () => {
    await using gateway = await startFlow({ args: ['--client-timeout', '0', '--no-threaded'] })
    expect(gateway.output()).toContain('--client-timeout: 0 is not between 1 and 86400 seconds, 1 is used')
    expect(gateway.output()).toContain('--no-threaded does nothing')
    const closed = Promise.withResolvers<void>()
    const { hostname, port } = new URL(gateway.url)
    await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data() {},
        close: () => closed.resolve(),
        open: (socket) => void socket.write(`GET /healthz HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`),
      },
    })
    const startedMs = performance.now()
    await closed.promise
    // The platform looks every few seconds.
    expect(performance.now() - startedMs).toBeWithin(900, 9000)
  })

  test('A64: old log files are removed at the start', async () => {
    const old = {
      'logs/llm-proxy_2020-01-01.log': 'old',
      'logs/llm-proxy_2020-01-01.log.1': 'old',
      'logs/other.log': 'x',
    }
    await using gateway = await startFlow({ files: old, env: { FLOW_PROXY_LOG_DIR: 'logs' } })
    await gateway.stop()
    const left = readdirSync(join(gateway.directory, 'logs'))
    expect(left.filter((name) => name.includes('2020'))).toEqual([])
    expect(left).toContain('other.log')
  })

  test('a keyless gateway stays on loopback, whatever --host says, and tells so', async () => {
    await using gateway = await startFlow({ args: ['--host', '0.0.0.0'] })
    expect(gateway.url).toStartWith('http://127.0.0.1:')
    expect(gateway.output()).toMatch(/Listening on loopback only, although "0\.0\.0\.0:0" was asked for/)
  })
})
