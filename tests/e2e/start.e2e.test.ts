import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, startGateway } from '../support/gateway.ts'

const config = `
proxy_api_key: sk-your-unified-api-key
backends:
  - { name: one, url: mock://one }
  - { name: two, url: mock://two }
models:
  "anthropic/claude-opus-4-5":
    routes: [{ backend: one, model: claude-opus-4-5, priority: 1 }]
  gpt-5:
    routes: [{ backend: two, model: ok, priority: 1 }]
`

async function runCli(args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const child = Bun.spawn([...command, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', ...options.env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { stdout, stderr, code }
}

describe('a gateway that starts', () => {
  test('B55: tells its address and what it loaded', async () => {
    await using gateway = await startGateway(config)
    expect(gateway.output()).toMatch(/\[INFO\] .*2 backends.*2 model aliases/)
    expect(gateway.output()).toContain(`listening on ${gateway.url}`)
  })

  test('warns of variables that change it, and of those that it does not heed', async () => {
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0', https_proxy: 'http://127.0.0.1:9', NODE_OPTIONS: '--no-warnings' }
    await using gateway = await startGateway(config, { env })
    for (const variable of ['NODE_TLS_REJECT_UNAUTHORIZED', 'https_proxy'])
      expect(gateway.output()).toContain(`[WARN] Environment variable ${variable} is ignored`)
    expect(gateway.output()).toContain('[WARN] Environment variable NODE_OPTIONS can change what this program does')
  })

  test('B84: answers the curl of the README, streaming', async () => {
    await using gateway = await startGateway(config)
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { Authorization: 'Bearer sk-your-unified-api-key', 'Content-Type': 'application/json' },
      body: `{
 "model": "anthropic/claude-opus-4-5",
 "messages": [{"role": "user", "content": "Hello"}],
 "stream": true
 }`,
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toStartWith('text/event-stream')
    expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/)
    const text = await response.text()
    expect(text).toContain('chat.completion.chunk')
    expect(text).toEndWith('data: [DONE]\n\n')
  })

  test.each([
    { row: 'B65', path: '/health', wanted: { status: 'ok', service: 'llm-proxy', backends: 2, models: 2 } },
    { row: 'B67', path: '/v1/models', wanted: { object: 'list' } },
    { row: 'B68', path: '/models', wanted: { object: 'list' } },
    { row: 'ready', path: '/ready', wanted: { status: 'ready' } },
  ])('$row: GET $path needs no key', async ({ path, wanted }) => {
    await using gateway = await startGateway(config)
    const response = await fetch(gateway.url + path)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject(wanted)
    expect(response.headers.get('x-request-id')).toStartWith('req_')
  })

  test('B66: GET /healthz is a plain ok', async () => {
    await using gateway = await startGateway(config)
    expect(await (await fetch(`${gateway.url}/healthz`)).text()).toBe('ok')
  })

  test('prints a curl command that works as it is', async () => {
    await using gateway = await startGateway(config)
    const [curl] = await gateway.told(/^curl [\s\S]*?\}'$/m)
    const child = Bun.spawn(['sh', '-c', `${curl} -sS`], { stdout: 'pipe', stderr: 'inherit' })
    expect(await new Response(child.stdout).text()).toContain('[DONE]')
  })

  test('without a config file and without provider keys it serves a mock model on loopback', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
    const child = Bun.spawn([...command, '--port', '0'], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '' },
      stdout: 'pipe',
    })
    try {
      let output = ''
      for await (const chunk of child.stdout) {
        output += new TextDecoder().decode(chunk)
        if (/listening on/.test(output)) break
      }
      const url = /listening on (\S+)/.exec(output)?.[1] ?? ''
      expect(url).toStartWith('http://127.0.0.1:')
      const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] }
      expect(data.map((model) => model.id)).toContain('mock/echo')
    } finally {
      child.kill('SIGKILL')
      await child.exited
      rmSync(cwd, { recursive: true })
    }
  })
})

describe('variables that say where to listen', () => {
  test('take the place of "listen", and the log says so', async () => {
    const listen = 'listen: "127.0.0.2:1"\n'
    const env = { PROXY_PORT: '0', FLOW_PROXY_HOST: '127.0.0.1', PORT: '1' }
    await using gateway = await startGateway(listen + config, { env, args: [] })
    expect(gateway.url).toStartWith('http://127.0.0.1:')
    expect(gateway.output()).toContain(`${gateway.url} (port from PROXY_PORT) (host from FLOW_PROXY_HOST)`)
  })

  test('are named when they hold no port, and in the help', async () => {
    const { code, stderr } = await runCli(['serve'], { env: { FLOW_PROXY_PORT: 'many' } })
    expect([code, stderr]).toEqual([2, 'llm-proxy serve: FLOW_PROXY_PORT: a port is a number from 0 to 65535\n'])
    const { stdout } = await runCli(['serve', '--help'])
    for (const name of ['PROXY_PORT', 'FLOW_PROXY_PORT', 'FLOW_PROXY_HOST', 'PORT', 'NO_COLOR'])
      expect(stdout).toMatch(new RegExp(`^  (\\w+, )?${name}\\b`, 'm'))
  })
})

test('with language zh the first request is introduced in Chinese', async () => {
  await using gateway = await startGateway(`logging: { language: zh }\n${config}`)
  await gateway.told(/^试一试:$/m)
  expect(gateway.output()).not.toContain('Try it')
})

test('a configuration without models starts with a warning', async () => {
  await using gateway = await startGateway('proxy_api_key: sk-one\n')
  await gateway.told(/\[WARN\] .*neither backends nor models, so every request for a model is refused/)
})

describe('a gateway that cannot start', () => {
  test('a folder instead of a file ends with 1 and says so', async () => {
    const { code, stderr } = await runCli(['-config', tmpdir()])
    expect([code, stderr]).toEqual([
      1,
      `llm-proxy cannot start: Cannot read "${tmpdir()}": it is a folder, and a file is wanted\n`,
    ])
  })

  test('a host name without an address ends with 1 and says so', async () => {
    await using gateway = await startGateway(config, { args: ['--host', '999.1.1.1'], waits: false })
    expect(await gateway.exited).toBe(1)
    await gateway.told(/Cannot listen on "999\.1\.1\.1:\d+": this host name has no address/)
  })

  test('B76: a missing file ends with 1 and names the path', async () => {
    const { code, stderr } = await runCli(['-config', '/nonexistent/config.yaml'])
    expect(code).toBe(1)
    expect(stderr).toContain('/nonexistent/config.yaml')
  })

  test('B76: a broken file ends with 1 and tells line and column', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
    const file = join(directory, 'broken.yaml')
    writeFileSync(file, 'listen: ":8080"\nmodels:\n  m:\n    routes:\n      - { backend: nobody, model: x }\n')
    const { code, stderr } = await runCli(['-config', file])
    rmSync(directory, { recursive: true })
    expect(code).toBe(1)
    expect(stderr).toMatch(/broken\.yaml:5:\d+ models\.m\.routes\[0\]\.backend: .*"nobody"/)
  })

  test('a port that is taken ends with 1 and says so', async () => {
    await using gateway = await startGateway(config)
    const port = new URL(gateway.url).port
    const { code, stderr } = await runCli(['-config', gateway.configFile, '--host', '127.0.0.1', '--port', port])
    expect(code).toBe(1)
    expect(stderr).toContain(`127.0.0.1:${port}`)
  })
})

describe('the command line', () => {
  test.each([
    { args: ['--confg', 'x'], says: '--confg' },
    { args: ['sevre'], says: 'sevre' },
    { args: ['check', 'a', 'b'], says: 'a' },
  ])('$args is a usage error, exit 2', async ({ args, says }) => {
    const { code, stderr } = await runCli(args)
    expect([code, stderr.includes(says)]).toEqual([2, true])
  })

  test.each([['-version'], ['--version'], ['-v'], ['version']])('B117: %s prints the version', async (flag) => {
    const { code, stdout } = await runCli([flag])
    expect([code, /^llm-proxy \S+/.test(stdout)]).toEqual([0, true])
  })

  test.each([['-h'], ['--help'], ['help']])('%s explains the program', async (flag) => {
    const { code, stdout } = await runCli([flag])
    expect([code, stdout.includes('Usage:')]).toEqual([0, true])
  })

  test.each(['bash', 'zsh', 'fish', 'powershell'])('completion knows every command in %s', async (shell) => {
    const { code, stdout } = await runCli(['completion', shell])
    expect(code).toBe(0)
    for (const name of ['serve', 'check', 'schema', 'mock', 'init', 'version', 'completion'])
      expect(stdout).toContain(name)
  })
})
