import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command, startGateway, type RunningGateway } from '../support/gateway.ts'

const config = `
proxy_api_key: sk-client-000000042
admin: { key: "sk-admin-0000000042" }
backends:
  - { name: a, url: "mock://a" }
  - { name: b, url: "mock://b" }
  - { name: c, url: "mock://c" }
models:
  even:
    routes:
      - { backend: a, model: ok, priority: 1 }
      - { backend: b, model: ok, priority: 1 }
      - { backend: c, model: ok, priority: 1 }
  ladder:
    routes:
      - { backend: a, model: "e500", priority: 1 }
      - { backend: b, model: ok, priority: 2 }
`

interface Ended {
  readonly code: number
  readonly out: string
  readonly errors: string
}

/** Runs a command beside the gateway, in its folder. */
async function ran(gateway: RunningGateway, ...args: readonly string[]): Promise<Ended> {
  const child = Bun.spawn([...command, ...args], {
    cwd: gateway.directory,
    env: { PATH: process.env['PATH'] ?? '', LLM_PROXY_ADMIN_KEY: 'sk-admin-0000000042' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, out, errors }
}

async function ask(gateway: RunningGateway, model: string): Promise<string> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-client-000000042', 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
  })
  expect(response.status).toBe(200)
  await response.text()
  return response.headers.get('x-request-id') ?? ''
}

interface Told {
  readonly requests: readonly {
    readonly id: string
    readonly seed: number
    readonly wouldTry: readonly string[]
    readonly attempts: readonly { readonly backend: string; readonly model: string }[]
  }[]
}

async function past(gateway: RunningGateway): Promise<Told['requests']> {
  const response = await fetch(`${gateway.url}/admin/requests?limit=1000`, {
    headers: { authorization: 'Bearer sk-admin-0000000042' },
  })
  return ((await response.json()) as Told).requests
}

interface Choice {
  readonly choice: { readonly routes: readonly { readonly backend: string; readonly turn: number | null }[] }
}

describe('the choice of a request', () => {
  test('can be repeated from its seed: by the page of past requests, on the file, and in the running process', async () => {
    await using gateway = await startGateway(config)
    for (let turn = 0; turn < 60; turn += 1) await ask(gateway, 'even')
    const stories = await past(gateway)
    expect(stories).toHaveLength(60)
    expect(new Set(stories.map(({ wouldTry }) => wouldTry[0])).size).toBe(3)
    for (const { attempts, wouldTry } of stories) {
      expect(wouldTry[0]).toBe(`${attempts[0]?.backend}/${attempts[0]?.model}`)
    }
    const [story] = stories
    const explain = ['explain', '--model', 'even', '--seed', String(story?.seed), '--json']
    for (const where of [
      ['-config', gateway.configFile],
      ['--running', gateway.url],
    ]) {
      const { code, out, errors } = await ran(gateway, ...explain, ...where)
      expect([code, errors]).toEqual([0, ''])
      const { routes } = (JSON.parse(out) as Choice).choice
      expect(routes.map(({ backend }) => `${backend}/ok`)).toEqual([...(story?.wouldTry ?? [])])
    }
  })

  test('in the running process knows who rests, and the file does not', async () => {
    await using gateway = await startGateway(config)
    await ask(gateway, 'ladder')
    const running = await ran(gateway, 'explain', '--model', 'ladder', '--running', gateway.url)
    expect([running.code, running.errors]).toEqual([0, ''])
    expect(running.out).toMatch(/asks b\/ok first, and nobody after it/)
    expect(running.out).toMatch(/a \/ e500: it is cooling down for another \d+ s/)
    const withKey = await ran(gateway, 'explain', '--model', 'ladder', '--key', 'sk-x', '--running', gateway.url)
    expect([withKey.code, withKey.out]).toEqual([0, expect.stringContaining('Key of the client: not checked')])
    const file = await ran(gateway, 'explain', '--model', 'ladder')
    expect(file.out).toMatch(/asks a\/e500 first, then one more/)
  })

  test('of a model that is not there ends with 1', async () => {
    await using gateway = await startGateway(config)
    for (const where of [[], ['--running', gateway.url]]) {
      const { code, out, errors } = await ran(gateway, 'explain', '--model', 'laddr', ...where)
      expect(code).toBe(1)
      expect(out + errors).toContain('did you mean "ladder"?')
    }
  })
})

describe('llm-proxy plan', () => {
  test('tells which of the last requests a new configuration would send elsewhere, and sends nothing', async () => {
    await using gateway = await startGateway(config)
    for (let turn = 0; turn < 30; turn += 1) await ask(gateway, 'even')
    for (let turn = 0; turn < 10; turn += 1) await ask(gateway, 'ladder')
    const before = await past(gateway)
    writeFileSync(join(gateway.directory, 'same.yaml'), config)
    writeFileSync(join(gateway.directory, 'new.yaml'), config.replace('"e500", priority: 1', '"e500", priority: 3'))
    writeFileSync(join(gateway.directory, 'less.yaml'), config.replace('  ladder:', '  stairs:'))

    const same = await ran(gateway, 'plan', 'same.yaml', '--running', gateway.url)
    expect([same.code, same.errors]).toEqual([0, ''])
    expect(same.out).toBe('Of the last 40 requests, same.yaml would send every one where it goes now.\n')

    const moved = await ran(gateway, 'plan', 'new.yaml', '--running', gateway.url)
    expect(moved.code).toBe(0)
    expect(moved.out).toContain('Of the last 40 requests, new.yaml would begin 10 (25 %) elsewhere and refuse none')
    expect(moved.out).toMatch(/"ladder", 10 requests:\n +100 % {2}a\/e500 → b\/ok/)
    expect(moved.out).toContain('Unchanged: "even" (30)')

    const fewer = await ran(gateway, 'plan', 'less.yaml', '--requests', '10', '--running', gateway.url, '--json')
    expect(JSON.parse(fewer.out)).toMatchObject({
      requests: 10,
      moved: 0,
      refused: 10,
      changed: [{ alias: 'ladder' }],
    })
    expect(await past(gateway)).toEqual([...before])
  })

  test('tells another address of a backend and another key of the clients, which no route shows', async () => {
    await using gateway = await startGateway(config)
    const next = config.replace('mock://b', 'mock://elsewhere').replace('sk-client-000000042', 'sk-client-000000043')
    writeFileSync(join(gateway.directory, 'new.yaml'), next)
    const { code, out } = await ran(gateway, 'plan', 'new.yaml', '--running', gateway.url)
    expect(code).toBe(0)
    expect(out).toStartWith(
      'The key of the clients changes: every client is refused unless it has the new one.\n' +
        'Backend "b" moves: mock://b → mock://elsewhere\n',
    )
  })

  test('without a process that runs it ends with 1 and says so', async () => {
    await using gateway = await startGateway(config)
    writeFileSync(join(gateway.directory, 'new.yaml'), config)
    const { url } = gateway
    await gateway.stop()
    const { code, errors } = await ran(gateway, 'plan', 'new.yaml', '--running', url)
    expect(code).toBe(1)
    expect(errors).toContain('nothing listens there')
  })
})

test('no key stands in what the commands print', async () => {
  await using gateway = await startGateway(config)
  await ask(gateway, 'even')
  writeFileSync(join(gateway.directory, 'new.yaml'), config)
  for (const args of [
    ['explain', '--model', 'even', '--key', 'sk-client-000000042'],
    ['explain', '--model', 'even', '--running', gateway.url, '--json'],
    ['plan', 'new.yaml', '--running', gateway.url, '--json'],
    ['plan', 'new.yaml', '--running', gateway.url, '--key', 'sk-admin-wrong-0042'],
  ]) {
    const { out, errors } = await ran(gateway, ...args)
    expect(out + errors).not.toMatch(/sk-client-000000042|sk-admin-0000000042|sk-admin-wrong-0042/)
  }
})
