/** A Redis, as far as we use one: scripts that run as one step. */
export interface Redis {
  /** Runs the script; rejects when it cannot, with whatever the client or the server says. */
  run(script: RedisScript, keys: readonly string[], values: readonly string[]): Promise<unknown>
  close(): void
}

/** The text of a script in Lua. An object of its own, so that it is known again. */
export interface RedisScript {
  readonly text: string
}

/** A connection is made when something is asked first, and again whenever it was lost. */
export function openRedis(url: string): Redis {
  return new SystemRedis(url)
}

class SystemRedis implements Redis {
  readonly #url: string
  /** What the server calls the scripts that it has. */
  readonly #names = new Map<RedisScript, string>()
  #client: Bun.RedisClient | undefined

  constructor(url: string) {
    this.#url = url
  }

  async run(script: RedisScript, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const client = this.#open()
    const rest = [String(keys.length), ...keys, ...values]
    const name = this.#names.get(script)
    if (name !== undefined) {
      try {
        return await client.send('EVALSHA', [name, ...rest])
      } catch (error) {
        // It was started anew, or its scripts were flushed.
        if (!isUnknownScript(error)) throw error
        this.#names.delete(script)
      }
    }
    const answer: unknown = await client.send('EVAL', [script.text, ...rest])
    if (!this.#names.has(script)) void this.#learnName(client, script)
    return answer
  }

  close(): void {
    this.#drop()
  }

  #open(): Bun.RedisClient {
    if (this.#client !== undefined) return this.#client
    const client = new Bun.RedisClient(this.#url, {
      connectionTimeout: connectMsMax,
      // Whoever asks decides what to do without it; nobody waits for a connection that is not there.
      enableOfflineQueue: true,
      autoReconnect: false,
    })
    this.#client = client
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- it has no other way to tell
    client.onclose = () => {
      if (this.#client === client) this.#drop()
    }
    return client
  }

  #drop(): void {
    const client = this.#client
    this.#client = undefined
    this.#names.clear()
    client?.close()
  }

  async #learnName(client: Bun.RedisClient, script: RedisScript): Promise<void> {
    const name: unknown = await client.send('SCRIPT', ['LOAD', script.text]).catch(() => undefined)
    if (typeof name === 'string' && this.#client === client) this.#names.set(script, name)
  }
}

/** Limit: milliseconds until a connection stands. */
const connectMsMax = 2000

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT')
}
