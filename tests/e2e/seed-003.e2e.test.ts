import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGateway, type GatewayOptions, type RunningGateway } from '../support/gateway.ts'
import { closedPort } from '../support/raw-origin.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const sampleOf = (name: string): string => readFileSync(join(import.meta.dir, '../seeds/003', name), 'utf8')
const key = 'your-secret-key-here'

let one: Recorder
let two: Recorder

beforeAll(() => {
  one = startRecorder()
  two = startRecorder()
})

afterAll(async () => {
  await one.stop()
  await two.stop()
})

beforeEach(() => {
  for (const recorder of [one, two]) {
    recorder.seen.length = 0
    recorder.answer = undefined
  }
})

/** A sample, with addresses of this machine in place of those of another network. Nothing else is changed. */
function reachable(json: string): string {
  return json
    .replaceAll('http://192.168.1.10:5000', one.url)
    .replaceAll('http://192.168.1.11:5000', two.url)
    .replaceAll('https://api.openai.com', one.url)
    .replaceAll('https://myresource.openai.azure.com', two.url)
}

/** As its README has it: `.env` and `config/backends.json` in a folder, and a start there. */
async function startServices(json: string, options: GatewayOptions = {}): Promise<RunningGateway> {
  return await startGateway('', {
    hasFile: false,
    ...options,
    files: { '.env': sampleOf('env'), 'config/backends.json': reachable(json), ...options.files },
    args: ['--env-file', '.env', '--port', '0', ...(options.args ?? [])],
  })
}

/** Runs lines of the README, literally, against this gateway. */
async function curl(
  gateway: RunningGateway,
  lines: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const { port } = new URL(gateway.url)
  const script = `curl() { command curl -s -m 5 -w '\\n%{http_code}' --connect-to localhost:8000:127.0.0.1:${port} "$@"; }\n${lines}\n`
  const child = Bun.spawn(['bash', '-c', script], { stderr: 'ignore' })
  const [, body = '', status] = /^([^]*)\n(\d{3})$/.exec(await new Response(child.stdout).text()) ?? []
  return { status: Number(status), body }
}

describe('curl lines of seed 003, as they are (D78)', () => {
  const google = sampleOf('global-key.json')
  const more = JSON.stringify({
    services: {
      google: {
        models: { 'gemma-4-26b-a4b-it': { backends: [{ id: 'a', name: 'a', url: 'http://192.168.1.10:5000' }] } },
      },
      openai: { models: { 'gpt-4': { backends: [{ id: 'a', name: 'a', url: 'http://192.168.1.10:5000' }] } } },
      service: { models: { model: { backends: [{ id: 'a', name: 'a', url: 'http://192.168.1.10:5000' }] } } },
    },
  })

  test.each([
    {
      lines: `curl -X POST http://localhost:8000/google/gemma-4-26b-a4b-it \\
-H "Authorization: Bearer your-secret-key-here" \\
-H "Content-Type: application/json" \\
-d '{"prompt": "Hello"}'`,
      wanted: { method: 'POST', target: '/', body: '{"prompt": "Hello"}' },
    },
    {
      lines: `curl -X POST http://localhost:8000/google/gemma-4-26b-a4b-it \\
-H "X-API-Key: your-secret-key-here" \\
-H "Content-Type: application/json" \\
-d '{"prompt": "Hello"}'`,
      wanted: { method: 'POST', target: '/', body: '{"prompt": "Hello"}' },
    },
    {
      lines: `curl -X GET http://localhost:8000/google/gemma-4-26b-a4b-it/v1/models \\
-H "Authorization: Bearer your-secret-key-here"`,
      wanted: { method: 'GET', target: '/v1/models', body: '' },
    },
    {
      lines: `curl -X POST http://localhost:8000/google/gemma-4-26b-a4b-it/v1/chat/completions \\
-H "Authorization: Bearer your-secret-key-here" \\
-H "Content-Type: application/json" \\
-d '{"prompt": "Hello"}'`,
      wanted: { method: 'POST', target: '/v1/chat/completions', body: '{"prompt": "Hello"}' },
    },
    {
      lines: `curl -X DELETE http://localhost:8000/openai/gpt-4/v1/files/file_id \\
-H "Authorization: Bearer your-secret-key-here"`,
      wanted: { method: 'DELETE', target: '/v1/files/file_id', body: '' },
    },
    {
      lines: `curl -X PUT http://localhost:8000/openai/gpt-4/v1/files/file_id \\
-H "Authorization: Bearer your-secret-key-here" \\
-H "Content-Type: application/json" \\
-d '{"name": "new-name"}'`,
      wanted: { method: 'PUT', target: '/v1/files/file_id', body: '{"name": "new-name"}' },
    },
  ])('D01 D02 D03 D24 D25 D45 D52: $lines', async ({ lines, wanted }) => {
    await using gateway = await startServices(more)
    const answer = await curl(gateway, lines)
    expect(answer.status).toBe(200)
    expect(one.seen).toEqual([expect.objectContaining(wanted)])
    // D17: the key of the gateway stays here.
    expect(JSON.stringify(one.seen[0]?.headers)).not.toContain(key)
  })

  test.each([
    {
      lines: `curl -X POST http://localhost:8000/openai/gpt-4/v1/chat/completions \\
-H "Authorization: Bearer your-key" \\
-H "Content-Type: application/json" \\
-d '{"model": "gpt-4", "stream": true, "messages": [...]}'`,
      type: 'text/event-stream',
      body: 'data: {"choices":[{"delta":{"content":"Hello"},"index":0}]}\n\ndata: [DONE]\n\n',
    },
    {
      lines: `curl -X POST http://localhost:8000/service/model/v1/stream \\
-H "Authorization: Bearer your-key" \\
-H "Content-Type: application/json" \\
-d '{"stream": true, "parameters": [...]}'`,
      type: 'application/x-ndjson',
      body: '{"a":1}\n{"a":2}\n',
    },
  ])('D39 D40: $lines', async ({ lines, type, body }) => {
    one.answer = () => new Response(body, { headers: { 'content-type': type } })
    const env = sampleOf('env').replace('your-secret-key-here', 'your-key')
    await using gateway = await startServices(more, { files: { '.env': env } })
    expect(await curl(gateway, lines)).toEqual({ status: 200, body })
    // N301 D44
    expect(one.seen).toHaveLength(1)
  })

  test('D28 D30 D31 D56: health pages', async () => {
    await using gateway = await startServices(google)
    const all = await curl(gateway, 'curl http://localhost:8000/api/health/status')
    const data: { data: Record<string, Record<string, { id: string }[]>> } = JSON.parse(all.body)
    expect(data.data['google']?.['gemma-4-26b-a4b-it']?.map(({ id }) => id)).toEqual(['backend-1'])
    expect(all.body).not.toContain(one.url)
    expect((await curl(gateway, 'curl http://localhost:8000/api/health/status/google')).status).toBe(401)
    const lines = 'curl http://localhost:8000/api/health/status/google -H "Authorization: Bearer your-secret-key-here"'
    expect((await curl(gateway, lines)).status).toBe(200)
    expect((await curl(gateway, 'curl -i http://localhost:8000/api/health/status')).body).toMatch(
      /^x-request-id: \S+/im,
    )
    expect(JSON.parse((await curl(gateway, 'curl http://localhost:8000/health')).body)).toMatchObject({ status: 'ok' })
  })

  test('D26: a line without a key is refused', async () => {
    await using gateway = await startServices(google)
    const answer = await curl(
      gateway,
      `curl -X POST http://localhost:8000/google/gemma-4-26b-a4b-it \\
-H "Content-Type: application/json" \\
-d '{"message": "test"}' \\
-v`,
    )
    expect(answer.status).toBe(401)
    expect(JSON.parse(answer.body)).toHaveProperty('error')
    expect(one.seen).toEqual([])
  })
})

describe('samples of seed 003, as they are', () => {
  const ask = async (gateway: RunningGateway, path: string): Promise<Response> =>
    await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${key}` } })

  test('D07 D12 D46 D47 D64 N310: the first one, with `model`', async () => {
    await using gateway = await startServices(sampleOf('readme-model.json'))
    expect((await ask(gateway, '/google/gemma-4-26b-a4b-it/v1/models')).status).toBe(200)
    expect(one.seen[0]?.headers).toMatchObject({ authorization: 'Bearer sk-backend-key' })
    await gateway.told(/Loaded 1 backend, 0 model aliases, 1 service from \.\/config\/backends\.json/)
    await gateway.told(/Health checks: 1 backend is asked every 30s/)
    await gateway.told(/started, listening on/)
  })

  test('D12 D13 D16 D18: with a key for each', async () => {
    await using gateway = await startServices(
      sampleOf('own-keys.json').replace('"weight": 1,', '"weight": 1, // share'),
    )
    one.answer = () => new Response('no', { status: 503 })
    expect((await ask(gateway, '/google/gemma-4-26b-a4b-it/v1/models')).status).toBe(200)
    expect(two.seen[0]?.headers).toMatchObject({ 'x-api-key': 'sk-backend2-unique-key-xyz789' })
    expect(two.seen[0]?.headers).not.toHaveProperty('authorization')
  })

  test('D16: of several providers', async () => {
    await using gateway = await startServices(sampleOf('providers.json'))
    expect((await ask(gateway, '/llm/gpt-4/v1/models')).status).toBe(200)
    const seen = [...one.seen, ...two.seen]
    expect(seen).toHaveLength(1)
    expect(JSON.stringify(seen[0]?.headers)).toMatch(/sk-openai-prod-key-12345|azure-api-key-67890/)
  })

  test.each([
    { row: 'D14 D15 N309', env: '', sent: undefined, says: /1 of the backends have no api_key and are sent none/ },
    { row: 'D14', env: 'REUSE_GATEWAY_KEY=true', sent: `Bearer ${key}`, says: /started/ },
    { row: 'D14', env: 'UPSTREAM_DEFAULT_KEY=sk-for-all', sent: 'Bearer sk-for-all', says: /started/ },
  ])('$row: a backend without a key is sent $sent with "$env"', async ({ env, sent, says }) => {
    await using gateway = await startServices(sampleOf('global-key.json'), {
      files: { '.env': `${sampleOf('env')}\n${env}\n` },
    })
    await gateway.told(says)
    expect((await ask(gateway, '/google/gemma-4-26b-a4b-it')).status).toBe(200)
    expect(one.seen[0]?.headers['authorization']).toBe(sent)
  })

  test('one failure of the only backend keeps nobody from asking it again', async () => {
    await using gateway = await startServices(sampleOf('global-key.json'))
    one.answer = () => new Response('no', { status: 500 })
    expect((await ask(gateway, '/google/gemma-4-26b-a4b-it')).status).toBe(500)
    one.answer = undefined
    expect((await ask(gateway, '/google/gemma-4-26b-a4b-it')).status).toBe(200)
  })

  test('D51: BACKEND_AUTH_MODE is for those that do not say it', async () => {
    const env = sampleOf('env').replace(
      'BACKEND_AUTH_MODE=Authorization',
      'BACKEND_AUTH_MODE=x-api-key\nREUSE_GATEWAY_KEY=1',
    )
    await using gateway = await startServices(sampleOf('global-key.json'), { files: { '.env': env } })
    await ask(gateway, '/google/gemma-4-26b-a4b-it')
    expect(one.seen[0]?.headers).toMatchObject({ 'x-api-key': key })
    expect(one.seen[0]?.headers).not.toHaveProperty('authorization')
  })

  test('D48 N308: REQUEST_TIMEOUT ends a request whose answer does not come', async () => {
    const slow = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async () => await Bun.sleep(5000).then(() => new Response('late')),
    })
    try {
      const json = sampleOf('global-key.json').replace('http://192.168.1.10:5000', `http://127.0.0.1:${slow.port}`)
      const env = sampleOf('env').replace('REQUEST_TIMEOUT=30', 'REQUEST_TIMEOUT=0.3')
      await using gateway = await startServices(json, { files: { '.env': env } })
      const answer = await ask(gateway, '/google/gemma-4-26b-a4b-it')
      expect(answer.status).toBe(504)
      expect(await answer.json()).toHaveProperty('error')
    } finally {
      await slow.stop(true)
    }
  })

  test('D45: PORT is the port, in small letters too', async () => {
    const port = await closedPort()
    const env = sampleOf('env').replace('PORT=8000', `port=${port}`)
    await using gateway = await startGateway('', {
      hasFile: false,
      files: { '.env': env, 'config/backends.json': reachable(sampleOf('global-key.json')) },
      args: ['--env-file', '.env', '--host', '127.0.0.1'],
    })
    expect(gateway.url).toBe(`http://127.0.0.1:${port}`)
  })

  test('D27: an empty key asks for none, says so, and stays on loopback', async () => {
    const env = sampleOf('env').replace(`BACKEND_API_KEY=${key}`, 'BACKEND_API_KEY=')
    await using gateway = await startServices(sampleOf('global-key.json'), { files: { '.env': env } })
    await gateway.told(/BACKEND_API_KEY: warning: is empty, so no key is asked for/)
    expect(gateway.url).toStartWith('http://127.0.0.1')
    expect((await fetch(`${gateway.url}/google/gemma-4-26b-a4b-it`)).status).toBe(200)
  })

  test.each([
    {
      row: 'D47 D65',
      files: {},
      env: { BACKENDS_CONFIG_PATH: './config/backends.json' },
      says: /there is no file "\.\/config\/backends\.json"; write one like \{"services"/,
    },
    {
      row: 'broken JSON',
      files: { 'b.json': '{\n  "services": {,}\n}' },
      env: { BACKENDS_CONFIG_PATH: 'b.json' },
      says: /b\.json:2:16 no JSON/,
    },
    {
      row: 'D08 D10: its own place',
      files: { 'b.json': '{\n"services": {"a": {"models": {"m": {"backends": [\n{"id": "x", "url": "nowhere"}]}}}}}' },
      env: { BACKENDS_CONFIG_PATH: 'b.json' },
      says: /b\.json:3:20 services\.a\.models\.m\.backends\[0\]\.url: expected an address/,
    },
    {
      row: 'a number',
      files: { 'b.json': sampleOf('global-key.json') },
      env: { BACKENDS_CONFIG_PATH: 'b.json', HEALTH_CHECK_INTERVAL: 'often' },
      says: /environment HEALTH_CHECK_INTERVAL: expected a number from 0\.1 to 86400, not "often"/,
    },
  ])('$row ends the start with 1, and says why', async ({ files, env, says }) => {
    await using gateway = await startGateway('', { hasFile: false, waits: false, files, env, args: ['--port', '0'] })
    expect(await gateway.exited).toBe(1)
    await gateway.told(says)
  })

  test('D52: a file .env that nobody named is pointed at, and not read', async () => {
    await using gateway = await startGateway('', {
      hasFile: false,
      files: { '.env': 'PORT=1\n', 'config/backends.json': reachable(sampleOf('global-key.json')) },
      args: ['--backends-file', 'config/backends.json', '--port', '0'],
    })
    expect(gateway.output()).toContain('there is a file .env, which is not read: start with --env-file .env')
  })
})

describe('reloading as seed 003 does (D66)', () => {
  const post = async (gateway: RunningGateway): Promise<{ status: number; body: Record<string, unknown> }> => {
    const answer = await fetch(`${gateway.url}/api/config/reload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
    })
    const body: Record<string, unknown> = Object(await answer.json())
    return { status: answer.status, body }
  }

  const backendsOf = (...ids: readonly string[]): string =>
    JSON.stringify({
      services: { s: { models: { m: { backends: ids.map((id) => ({ id, name: id, url: `${one.url}/${id}` })) } } } },
    })

  test('by the page: what changed is told by name, and what is wrong keeps the old one', async () => {
    const env = `${sampleOf('env')}\nCONFIG_RELOAD_WATCH=false\n`
    await using gateway = await startServices(backendsOf('a', 'b'), { files: { '.env': env } })
    const file = join(gateway.directory, 'config/backends.json')
    expect((await fetch(`${gateway.url}/api/config/reload`, { method: 'POST' })).status).toBe(401)

    writeFileSync(file, backendsOf('b', 'c').replace(`${one.url}/b`, two.url))
    expect(await post(gateway)).toEqual({
      status: 200,
      body: {
        status: 'ok',
        message: 'Configuration reloaded',
        diff: {
          added: ['s/m/c'],
          removed: ['s/m/a'],
          updated: ['s/m/b'],
          service_added: [],
          service_removed: [],
          model_added: [],
          model_removed: [],
        },
      },
    })
    writeFileSync(file, '{ "services": ')
    expect(await post(gateway)).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('backends.json:1:') },
    })
    rmSync(file)
    expect(await post(gateway)).toMatchObject({ status: 404, body: { request_id: expect.any(String) } })
    const status = await fetch(`${gateway.url}/api/config/status`, { headers: { 'x-api-key': key } })
    expect(await status.json()).toMatchObject({
      watch_enabled: false,
      watch_interval_seconds: 2,
      config_path: './config/backends.json',
      version: 2,
    })
    // The last good one serves on.
    expect((await fetch(`${gateway.url}/s/m/x`, { headers: { 'x-api-key': key } })).status).toBe(200)
  })

  test('D66 admin.config_with_client_key: the pages about the configuration open to clients from elsewhere, and no others', async () => {
    await using gateway = await startServices(backendsOf('a'))
    const pageOf = async (path: string): Promise<Response> =>
      await fetch(`${gateway.url}${path}`, { headers: { 'x-api-key': key, 'x-forwarded-for': '203.0.113.9' } })
    const file = join(gateway.directory, 'config/backends.json')
    const status = await pageOf('/api/config/status')
    expect(status.status).toBe(200)
    expect(await status.json()).toMatchObject({
      loaded_mtime: statSync(file).mtimeMs / 1000,
      loaded_at: expect.any(Number),
    })
    for (const path of ['/admin', '/admin/config', '/admin/requests']) expect((await pageOf(path)).status).toBe(404)
  })

  test.skipIf(process.platform !== 'linux')('by the page, every worker of several', async () => {
    await using gateway = await startServices(backendsOf('a'), {
      args: ['--num-workers', '2'],
      files: { '.env': `${sampleOf('env')}\nCONFIG_RELOAD_WATCH=false\n` },
    })
    await gateway.told(/Worker 2 of 2 serves/)
    writeFileSync(join(gateway.directory, 'config/backends.json'), backendsOf('a').replace('"s"', '"t"'))
    expect((await post(gateway)).status).toBe(200)
    await gateway.told(/Configuration reloaded: version=2/)
    // Whichever of them a connection comes to.
    const ask = async (): Promise<number> =>
      (await fetch(`${gateway.url}/t/m/x`, { headers: { 'x-api-key': key, connection: 'close' } })).status
    const untilMs = performance.now() + 4000
    let statuses: readonly number[]
    do statuses = await Promise.all(Array.from({ length: 12 }, ask))
    while (statuses.includes(404) && performance.now() < untilMs)
    expect(new Set(statuses)).toEqual(new Set([200]))
  })

  test('by itself, when the file changes', async () => {
    await using gateway = await startServices(backendsOf('a'))
    writeFileSync(join(gateway.directory, 'config/backends.json'), backendsOf('a', 'b'))
    await gateway.told(/Configuration reloaded: version=2 changes=.*b added/)
  })
})

test('both seeds from one config.yaml, and both by flags', async () => {
  const secrets = readFileSync(join(import.meta.dir, '../seeds/000/secrets.json'), 'utf8')
  const files = { 'secrets.json': secrets, 'backends.json': reachable(sampleOf('own-keys.json')) }
  const yaml = `proxy_api_key: ${key}
services_file: ./backends.json
backends:
  - { name: flow, url: "${two.url}/flow", protocol: any, credentials: [{ type: jwt, secrets_file: secrets.json }] }
passthrough: { backends: [{ backend: flow }] }
`
  const starts: readonly (() => Promise<RunningGateway>)[] = [
    async () => await startGateway(yaml, { files }),
    async () =>
      await startGateway('', {
        hasFile: false,
        files,
        args: ['--secrets-file', 'secrets.json', '--backends-file', 'backends.json', '--port', '0'],
        env: { BACKEND_API_KEY: key, FLOW_PROXY_TARGET_URL: `${two.url}/flow` },
      }),
  ]
  for (const start of starts) {
    one.seen.length = 0
    two.seen.length = 0
    await using gateway = await start()
    const headers = { authorization: `Bearer ${key}` }
    expect((await fetch(`${gateway.url}/google/gemma-4-26b-a4b-it/x`, { headers })).status).toBe(200)
    expect((await fetch(`${gateway.url}/elsewhere`, { headers })).status).toBe(200)
    const flow = two.seen.find(({ target }) => target === '/flow/elsewhere')
    expect(flow?.headers['authorization']).toStartWith('Bearer eyJ')
    expect([...one.seen, ...two.seen].map(({ target }) => target).toSorted()).toEqual(['/flow/elsewhere', '/x'])
  }
})

test('A58: with both, what flow does not take is taken out of requests to flow alone', async () => {
  const secrets = readFileSync(join(import.meta.dir, '../seeds/000/secrets.json'), 'utf8')
  await using gateway = await startGateway('', {
    hasFile: false,
    files: { 'secrets.json': secrets, 'backends.json': reachable(sampleOf('own-keys.json')) },
    args: ['--secrets-file', 'secrets.json', '--backends-file', 'backends.json', '--port', '0'],
    env: { BACKEND_API_KEY: key, FLOW_PROXY_TARGET_URL: `${two.url}/flow` },
  })
  const body = '{"model":"claude","context_management":{"edits":[]}}'
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'anthropic-beta': 'x' }
  for (const path of ['/google/gemma-4-26b-a4b-it/v1/messages', '/v1/messages']) {
    await (await fetch(`${gateway.url}${path}`, { method: 'POST', headers, body })).text()
  }
  const seen = [...one.seen, ...two.seen]
  expect(seen.find(({ target }) => target === '/v1/messages')).toMatchObject({
    body,
    headers: { 'anthropic-beta': 'x' },
  })
  const flow = seen.find(({ target }) => target === '/flow/v1/messages')
  expect(flow?.body).toBe('{"model":"claude"}')
  expect(flow?.headers).not.toHaveProperty('anthropic-beta')
})
