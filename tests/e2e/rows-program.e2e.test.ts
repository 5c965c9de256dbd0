import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, startGateway } from '../support/gateway.ts'
import { chatRequest, rawClient } from '../support/raw-client.ts'

const config = `listen: "127.0.0.1:0"
proxy_api_key: sk-client
backends: [{ name: a, url: "mock://a" }]
models: { m: { routes: [{ backend: a, model: ok, priority: 1 }] } }
`

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
  writeFileSync(join(folder, 'mine.yaml'), config)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the command line', () => {
  test.each([
    { args: ['-config', 'mine.yaml'] },
    { args: ['--config', 'mine.yaml'] },
    { args: ['-config=mine.yaml'] },
    { args: ['--config=mine.yaml'] },
    { args: ['-c', 'mine.yaml'] },
    { args: ['serve', '-config', 'mine.yaml'] },
  ])('B75: $args starts it', async ({ args }) => {
    const { text } = await runUntil(args, /listening on http:\/\/127\.0\.0\.1:\d+/)
    expect(text).toMatch(/Loaded 1 backend, 1 model alias/)
  })

  test('B75: without arguments it reads config.yaml of the folder', async () => {
    writeFileSync(join(folder, 'config.yaml'), config)
    const { text } = await runUntil([], /listening on http/)
    expect(text).toMatch(/Loaded 1 backend, 1 model alias/)
  })

  test.skipIf(process.platform === 'win32').each([
    { name: 'a terminal gets colours', args: [], env: {}, colours: true },
    { name: '-no-color gets none', args: ['-no-color'], env: {}, colours: false },
    { name: '--no-color gets none', args: ['--no-color'], env: {}, colours: false },
    { name: 'NO_COLOR gets none', args: [], env: { NO_COLOR: '1' }, colours: false },
  ])('B117: $name', async ({ args, env, colours }) => {
    const { text } = await runInTerminal(['-config', 'mine.yaml', ...args], env, /listening on http/)
    expect(text.includes('\u001b[32m[INFO]\u001b[0m')).toBe(colours)
    expect(text.includes('\u001b')).toBe(colours)
  })
})

describe('B85, N123: the id of a request', () => {
  test('is its own, for 10,000 requests over 100 connections at once', async () => {
    await using gateway = await startGateway(config)
    const ids = new Set<string>()
    const worker = async (): Promise<void> => {
      using client = await rawClient(gateway.url)
      for (let turn = 0; turn < 100; turn += 1) {
        const { status, headers } = await client.send(chatRequest('nobody', { stream: false }, 'sk-client')).ended
        expect(status).toBe(404)
        ids.add(headers.get('x-request-id') ?? 'none')
      }
    }
    await Promise.all(Array.from({ length: 100 }, worker))
    expect(ids.size).toBe(10_000)
    for (const id of ids) expect(id).toMatch(/^req_[0-9a-f]{24}$/)
  }, 30_000)

  test('is on every answer, whatever client says that it is one of ours, and in the log', async () => {
    await using gateway = await startGateway(config)
    const ask = async (path: string, method = 'GET', key = 'sk-client'): Promise<string> => {
      using client = await rawClient(gateway.url)
      const request = method === 'POST' ? chatRequest('m', { stream: false }, key) : { path }
      const headers = { ...request.headers, 'X-Request-ID': 'req_0123456789abcdef01234567' }
      const answer = await client.send({ ...request, method, path, headers }).ended
      return answer.headers.get('x-request-id') ?? 'none'
    }
    for (const path of ['/health', '/healthz', '/ready', '/v1/models', '/v1/models/x', '/', '/nowhere'])
      expect(await ask(path)).toMatch(/^req_[0-9a-f]{24}$/)
    const answered = await ask('/v1/chat/completions', 'POST')
    const refused = await ask('/v1/chat/completions', 'POST', 'sk-wrong')
    await gateway.told(new RegExp(`\\[${answered}\\] Request finished`))
    await gateway.told(new RegExp(`\\[${refused}\\] Request refused`))
    expect(gateway.output()).not.toContain('req_0123456789abcdef01234567')
  })
})

interface Ran {
  readonly text: string
}

/** Runs the program until its output matches. */
async function runUntil(args: readonly string[], pattern: RegExp): Promise<Ran> {
  const child = Bun.spawn([...command, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let text = ''
  const decoder = new TextDecoder()
  for await (const part of child.stdout) {
    text += decoder.decode(part, { stream: true })
    if (pattern.test(text)) break
  }
  child.kill('SIGKILL')
  await child.exited
  return { text }
}

/** The same with a terminal for its output. */
async function runInTerminal(args: readonly string[], env: Record<string, string>, pattern: RegExp): Promise<Ran> {
  const decoder = new TextDecoder()
  const seen = Promise.withResolvers<void>()
  let text = ''
  await using terminal = new Bun.Terminal({
    cols: 120,
    rows: 40,
    data(_terminal, part) {
      text += decoder.decode(part, { stream: true })
      if (pattern.test(text)) seen.resolve()
    },
  })
  const child = Bun.spawn([...command, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    terminal,
  })
  await Promise.race([seen.promise, child.exited])
  child.kill('SIGKILL')
  await child.exited
  return { text }
}
