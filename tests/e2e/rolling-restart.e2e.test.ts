import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { isLinux } from '../support/process.ts'
import { chatRequest, rawClient, rawRequest, type RawClient } from '../support/raw-client.ts'
import { openaiAt } from '../support/sdk.ts'
import { freePort, startAt } from '../support/workers.ts'

setDefaultTimeout(60_000)

/** Clients of every kind that ask without a pause, and what became of their requests. */
class Crowd {
  readonly failures: string[] = []
  answered = 0
  streamed = 0
  #isOver = false
  readonly #url: string
  readonly #loops: Promise<void>[]

  constructor(url: string) {
    this.#url = url
    const kinds: [number, string, () => () => Promise<void>][] = [
      [8, 'new connection', () => this.#onNewConnections()],
      [8, 'kept connection', () => this.#onKeptConnections()],
      [4, 'OpenAI SDK', () => this.#bySdk()],
      [6, 'stream', () => this.#streams()],
      [4, 'SDK stream', () => this.#sdkStreams()],
    ]
    this.#loops = kinds.flatMap(([count, name, kind]) =>
      Array.from({ length: count }, async () => await this.#repeat(name, kind())),
    )
  }

  /** Resolves when this many more were answered. */
  async more(count: number): Promise<void> {
    const wanted = this.answered + count
    while (this.answered < wanted && this.failures.length === 0) await Bun.sleep(5)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }

  async #repeat(name: string, ask: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      try {
        await ask()
        this.answered += 1
      } catch (error) {
        this.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }

  #onNewConnections(): () => Promise<void> {
    return async () => {
      const { status } = await rawRequest(this.#url, chatRequest('quick', { stream: false }))
      if (status !== 200) throw new Error(`status ${status}`)
    }
  }

  #onKeptConnections(): () => Promise<void> {
    let client: RawClient | undefined
    return async () => {
      client ??= await rawClient(this.#url)
      const { status, headers } = await client.send(chatRequest('quick', { stream: false })).ended
      if (headers.get('connection') === 'close') {
        client.close()
        client = undefined
      }
      if (status !== 200) throw new Error(`status ${status}`)
    }
  }

  #bySdk(): () => Promise<void> {
    const client = openaiAt({ url: this.#url })
    return async () => {
      const { choices } = await client.chat.completions.create({ model: 'quick', messages })
      if (choices[0]?.finish_reason !== 'stop') throw new Error('no answer')
    }
  }

  #streams(): () => Promise<void> {
    return async () => {
      using client = await rawClient(this.#url)
      const { text, isWhole } = await client.send(chatRequest('short')).ended
      if (!isWhole || !text.endsWith('data: [DONE]\n\n')) throw new Error('broken')
      this.streamed += 1
    }
  }

  #sdkStreams(): () => Promise<void> {
    const client = openaiAt({ url: this.#url })
    return async () => {
      const stream = await client.chat.completions.create({ model: 'short', messages, stream: true })
      let finish: string | null | undefined
      for await (const { choices } of stream) finish = choices[0]?.finish_reason ?? finish
      if (finish !== 'stop') throw new Error('broken')
      this.streamed += 1
    }
  }
}

const messages = [{ role: 'user' as const, content: 'hi' }]

describe.skipIf(!isLinux)('a rolling restart', () => {
  test('F96: a process takes over from another on one port while clients of all kinds ask, and none of them sees it', async () => {
    const port = freePort()
    await using started = new AsyncDisposableStack()
    let serving = started.use(await startAt(port))
    const crowd = new Crowd(serving.url)
    await crowd.more(300)
    for (let round = 0; round < 3; round += 1) {
      const next = started.use(await startAt(port))
      await crowd.more(300)
      expect(crowd.failures).toEqual([])
      serving.signal('SIGTERM')
      expect(await serving.exited).toBe(0)
      expect(serving.output()).toContain('Shut down: 0 requests in flight')
      serving = next
      await crowd.more(300)
      expect(crowd.failures).toEqual([])
    }
    await crowd.stop()
    expect(crowd.failures).toEqual([])
    expect(crowd.answered).toBeGreaterThan(2000)
    expect(crowd.streamed).toBeGreaterThan(50)
  })

  test('F96: several workers take over from several others', async () => {
    const port = freePort()
    const server = '{ reuse_port: true, workers: 2 }'
    await using old = await startAt(port, server)
    await old.told(/Worker 2 of 2 serves/)
    const crowd = new Crowd(old.url)
    await crowd.more(200)
    await using next = await startAt(port, server)
    await next.told(/Worker 2 of 2 serves/)
    await crowd.more(200)
    old.signal('SIGTERM')
    expect(await old.exited).toBe(0)
    await crowd.more(200)
    expect(crowd.failures).toEqual([])
    await crowd.stop()
    expect(crowd.failures).toEqual([])
  })

  test('F96: a stream that runs when the order to stop comes is finished by the process that began it', async () => {
    const port = freePort()
    await using old = await startAt(port)
    using client = await rawClient(old.url)
    const stream = client.send(chatRequest('short'))
    await stream.begun
    await using next = await startAt(port)
    old.signal('SIGTERM')
    await old.told(/Shutting down on /)
    const { text, isWhole } = await stream.ended
    expect([isWhole, text.endsWith('data: [DONE]\n\n')]).toEqual([true, true])
    expect(await old.exited).toBe(0)
    expect((await rawRequest(next.url, { path: '/healthz' })).status).toBe(200)
  })
})
