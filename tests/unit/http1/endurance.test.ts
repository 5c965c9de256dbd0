import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'

const isLong = process.env['LLM_PROXY_LONG'] === '1'
setDefaultTimeout(isLong ? 900_000 : 60_000)

const programs = join(import.meta.dir, '..', '..', 'programs')
const megabytes = 1_048_576

/** An upstream in a process of its own, over TCP and over TLS. */
class OriginProcess {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>
  readonly #scheme: string
  base = ''

  constructor(scheme: 'http' | 'https') {
    this.#scheme = scheme
    const command = [process.execPath, join(programs, 'endurance-origin.ts'), scheme === 'https' ? 'tls' : 'plain']
    this.#child = Bun.spawn(command, { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
  }

  async start(): Promise<void> {
    for await (const chunk of this.#child.stdout) {
      this.base = `${this.#scheme}://127.0.0.1:${new TextDecoder().decode(chunk).trim()}`
      return
    }
    throw new Error('Cannot start the upstream: it ended without telling its port')
  }

  async stop(): Promise<void> {
    await this.#child.stdin.end()
    await this.#child.exited
  }
}

async function run<T>(scenario: string, base: string, count: number): Promise<T> {
  const command = [process.execPath, join(programs, 'endurance-client.ts'), scenario, base, `${count}`]
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'pipe' })
  const [said, wrong] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  if ((await child.exited) !== 0) throw new Error(wrong)
  const seen: T = JSON.parse(said)
  return seen
}

describe.each(['http', 'https'] as const)('Over %s', (scheme) => {
  const origin = new OriginProcess(scheme)
  beforeAll(async () => await origin.start())
  afterAll(async () => await origin.stop())

  const streams = isLong ? 10_000 : scheme === 'http' ? 3000 : 500
  test(`${streams} streams run at once from one process, and each comes to its end`, async () => {
    const seen = await run<{ begun: number; open: number; whole: number }>('streams', origin.base, streams)
    expect(seen).toEqual({ begun: streams, open: streams, whole: streams })
  })

  test('200 MB down: while nobody reads them they stay with the upstream', async () => {
    const bytes = 200 * megabytes
    const seen = await run<{ stalled: number; bytes: number; after: number }>('down', origin.base, bytes)
    expect(seen.bytes).toBe(bytes)
    expect(seen.stalled).toBeLessThan(16 * megabytes)
  })

  test('200 MB up: while the upstream takes none they stay with the client', async () => {
    const bytes = 200 * megabytes
    const seen = await run<{ stalled: number; givenWhileStalled: number; given: number }>('up', origin.base, bytes)
    expect(seen.given).toBe(bytes)
    expect(seen.givenWhileStalled).toBeLessThan(bytes / 2)
    expect(seen.stalled).toBeLessThan(16 * megabytes)
  })

  const requests = isLong ? 1_000_000 : 20_000
  test(`${requests} requests leave pool, timers and memory where they were`, async () => {
    interface Level {
      rss: number
      objects: number
      timers: number
    }
    interface Seen {
      before: Level
      after: Level
      gauges: { open: number; idle: number; waiting: number; opened: number }
      gaugesAtEnd: unknown[]
      fds: number
    }
    const seen = await run<Seen>('requests', origin.base, requests)
    expect(seen.gauges).toMatchObject({ waiting: 0, opened: 32, open: 32, idle: 32 })
    expect(seen.after.timers).toBeLessThanOrEqual(seen.before.timers)
    expect(seen.after.objects - seen.before.objects).toBeLessThan(2000)
    expect(seen.after.rss - seen.before.rss).toBeLessThan(16 * megabytes)
    expect(seen.gaugesAtEnd).toEqual([])
    expect(seen.fds).toBeLessThan(40)
  })
})
