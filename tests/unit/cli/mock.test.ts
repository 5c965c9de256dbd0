import { expect, test } from 'bun:test'
import type { Io } from '#cli/io.ts'
import { mock } from '#cli/mock.ts'

/** A process that only remembers what was printed, and passes on the signals that a test sends. */
class FakeProcess implements Io {
  readonly env = {}
  readonly isTty = false
  out = ''
  errors = ''
  /** Everything that was given to be printed as a line, read or not. */
  readonly lines: string[] = []
  /** Pending while nobody reads. */
  reading: Promise<void> = Promise.resolve()
  readonly #handlers = new Set<(signal: NodeJS.Signals) => void>()
  readonly #started = Promise.withResolvers<string>()

  /** Resolves with the address once it is printed. */
  get started(): Promise<string> {
    return this.#started.promise
  }

  get listeners(): number {
    return this.#handlers.size
  }

  stdout(text: string): void {
    this.out += text
    const address = /listens on (\S+);/.exec(this.out)?.[1]
    if (address !== undefined) this.#started.resolve(address)
  }

  stderr(text: string): void {
    this.errors += text
  }

  async print(text: string): Promise<void> {
    this.lines.push(text)
    await this.reading
    this.stdout(text)
  }

  async flushed(): Promise<void> {
    await this.reading
  }

  onSignal(_signals: readonly NodeJS.Signals[], handler: (signal: NodeJS.Signals) => void): () => void {
    this.#handlers.add(handler)
    return () => void this.#handlers.delete(handler)
  }

  signal(name: NodeJS.Signals): void {
    for (const handler of this.#handlers) handler(name)
  }
}

const flags = { host: undefined, port: '0', seed: undefined }

/** Answers of a whole run of the command. */
async function run(seed: string): Promise<{ readonly code: number; readonly text: string; readonly io: FakeProcess }> {
  const io = new FakeProcess()
  const running = mock({ ...flags, seed }, io)
  const url = await io.started
  const body = JSON.stringify({ model: 'tokens=30', max_tokens: 99, messages: [{ role: 'user', content: 'hi' }] })
  const response = await fetch(`${url}/v1/messages`, { method: 'POST', body })
  const text = await response.text()
  io.signal('SIGTERM')
  return { code: await running, text, io }
}

test('mock serves until a signal comes, and prints a line for each request', async () => {
  const { code, text, io } = await run('1')
  expect(code).toBe(0)
  expect(text).toContain('Hello from the mock backend.')
  expect(io.out).toContain('POST /v1/messages model="tokens=30" complete\n')
  expect(io.listeners).toBe(0)
})

test('mock gives the same answers for the same seed', async () => {
  const [first, second, other] = [await run('5'), await run('5'), await run('6')]
  expect(first.text).toBe(second.text)
  expect(first.text).not.toBe(other.text)
})

test('mock fails when another mock has the address', async () => {
  const first = new FakeProcess()
  const running = mock(flags, first)
  const { port } = new URL(await first.started)
  const second = new FakeProcess()
  expect(await mock({ ...flags, port }, second)).toBe(1)
  expect(second.errors).toContain('another program has it')
  first.signal('SIGTERM')
  expect(await running).toBe(0)
})

test('mock fails when the address is taken', async () => {
  const holder = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const io = new FakeProcess()
  expect(await mock({ ...flags, port: String(holder.port) }, io)).toBe(1)
  expect(io.errors).toStartWith(`llm-proxy mock: Cannot listen on "127.0.0.1:${holder.port}": `)
  await holder.stop(true)
})

test.each([
  { port: '65536', seed: '1', says: 'Cannot use the port "65536": it must be a whole number from 0 to 65535' },
  { port: 'http', seed: '1', says: 'Cannot use the port "http": it must be a whole number from 0 to 65535' },
  { port: '0', seed: '-1', says: 'Cannot use the seed "-1": it must be a whole number from 0 to 4294967295' },
])('mock says what is wrong with port "$port" and seed "$seed"', async ({ port, seed, says }) => {
  const io = new FakeProcess()
  expect(await mock({ host: undefined, port, seed }, io)).toBe(2)
  expect(io.errors).toBe(`llm-proxy mock: ${says}\n`)
})

test('mock keeps a thousand lines for a reader that does not read, and no more', async () => {
  const io = new FakeProcess()
  const running = mock(flags, io)
  const url = await io.started
  const reader = Promise.withResolvers<void>()
  io.reading = reader.promise
  const ask = async (): Promise<void> => void (await (await fetch(`${url}/v1/models`)).text())
  for (let turn = 0; turn < 1010; turn += 1) await ask()
  expect(io.lines).toHaveLength(1000)
  reader.resolve()
  await ask()
  expect(io.lines).toHaveLength(1001)
  io.signal('SIGTERM')
  expect(await running).toBe(0)
})
