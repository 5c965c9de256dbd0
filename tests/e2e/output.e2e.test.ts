import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { closeSync, constants, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askChat } from '../support/ask.ts'
import { eventually } from '../support/eventually.ts'
import { command } from '../support/gateway.ts'

// Processes start slowly on a busy machine; the tests bound what matters themselves.
setDefaultTimeout(20_000)

const config = `
backends: [{ name: up, url: "mock://up" }]
models: { m: { routes: [{ backend: up, model: ok }] } }
logging: { general_file: ./logs/proxy.log }
`

interface Piped extends AsyncDisposable {
  /** Where the gateway listens, once it does. */
  readonly address: string
  readonly folder: string
  readonly child: Bun.Subprocess
}

/** A gateway whose output goes into a pipe that is full already, or one whose reader has left. */
async function startPiped(pipe: 'full' | 'abandoned'): Promise<Piped> {
  const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
  const socket = join(folder, 's')
  const fifo = join(folder, 'out')
  writeFileSync(join(folder, 'config.yaml'), `listen: "unix:${socket}"\n${config}`)
  Bun.spawnSync(['mkfifo', fifo])
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
  const writer = openSync(fifo, constants.O_WRONLY)
  if (pipe === 'full') fill(reader)
  else closeSync(reader)
  const child = Bun.spawn([...command, '-config', 'config.yaml'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    stdin: 'ignore',
    stdout: writer,
    stderr: 'inherit',
  })
  closeSync(writer)
  await eventually(() => existsSync(socket))
  return {
    address: `unix:${socket}`,
    folder,
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGKILL')
      await child.exited
      if (pipe === 'full') closeSync(reader)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function fill(pipe: number): void {
  const page = Buffer.alloc(4096)
  try {
    for (;;) writeSync(pipe, page)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return
    throw error
  }
}

function fileLog(folder: string): string {
  const logs = join(folder, 'logs')
  return existsSync(logs)
    ? readdirSync(logs)
        .map((name) => readFileSync(join(logs, name), 'utf8'))
        .join('')
    : ''
}

describe.skipIf(process.platform === 'win32')('a gateway whose output', () => {
  test('nobody reads serves all the same, and ends when it is told to', async () => {
    await using gateway = await startPiped('full')
    const answers = await Promise.all(Array.from({ length: 20 }, async () => await askChat(gateway.address, 'm')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const startedMs = performance.now()
    gateway.child.kill('SIGTERM')
    expect(await gateway.child.exited).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    expect(fileLog(gateway.folder).match(/Request finished/g)).toHaveLength(20)
    expect(fileLog(gateway.folder)).toContain('Shut down: 0 requests in flight')
  })

  test('lost its reader serves all the same, and its file says so once', async () => {
    await using gateway = await startPiped('abandoned')
    await eventually(
      () => fileLog(gateway.folder).includes('Cannot write console: EPIPE'),
      () => fileLog(gateway.folder),
    )
    for (let turn = 0; turn < 3; turn += 1) expect((await askChat(gateway.address, 'm')).status).toBe(200)
    gateway.child.kill('SIGTERM')
    expect(await gateway.child.exited).toBe(0)
    expect(fileLog(gateway.folder).match(/Cannot write console/g)).toHaveLength(1)
    expect(fileLog(gateway.folder)).not.toContain('Unhandled error')
  })
})

describe('a command with a long output', () => {
  const problemCount = 3000

  function checked(stdout: 'pipe'): { child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>; remove: () => void } {
    const folder = mkdtempSync(join(tmpdir(), 'llm-proxy-'))
    const routes = Array.from({ length: problemCount }, (_, index) => `{ backend: nobody-${index}, model: x }`)
    writeFileSync(join(folder, 'config.yaml'), `models: { m: { routes: [${routes.join(', ')}] } }\n`)
    const env = { PATH: process.env['PATH'] ?? '' }
    const child = Bun.spawn([...command, 'check', '--json'], {
      cwd: folder,
      env,
      stdin: 'ignore',
      stdout,
      stderr: 'pipe',
    })
    return { child, remove: () => rmSync(folder, { recursive: true, force: true }) }
  }

  test('waits for a reader that takes its time, and gives it all', async () => {
    const { child, remove } = checked('pipe')
    // More than a server would wait.
    await Bun.sleep(2500)
    const { problems } = (await new Response(child.stdout).json()) as { problems: unknown[] }
    expect(problems.length).toBeGreaterThanOrEqual(problemCount)
    expect(await child.exited).toBe(2)
    remove()
  })

  test('ends without a word when its reader leaves', async () => {
    const { child, remove } = checked('pipe')
    const reader = child.stdout.getReader()
    await reader.read()
    await reader.cancel()
    expect(await new Response(child.stderr).text()).toBe('')
    expect(await child.exited).toBe(2)
    remove()
  })
})
