import { openRedis, type Redis, type RedisScript } from '#ports/redis.ts'
import type { RemotePolicy } from './compile.ts'
import { StoreRefusal, type TextStore } from './remote-store.ts'

const getScript: RedisScript = { text: `return redis.call('GET', KEYS[1])` }

const putScript: RedisScript = { text: `return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])` }

const pingScript: RedisScript = { text: `return redis.call('PING')` }

/** One round through the keys; what it gives is where the next one begins, 0 at the end. */
const clearScript: RedisScript = {
  text: `local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 1000)
for _, key in ipairs(found[2]) do redis.call('UNLINK', key) end
return found[1]`,
}

/** Answers in Redis, which lets them go by their age and, where it is told so, when its memory is full. */
export class RedisStore implements TextStore {
  readonly #redis: Redis
  readonly #prefix: string

  constructor({ address, keyPrefix }: RemotePolicy, open: typeof openRedis = openRedis) {
    this.#redis = open(address)
    this.#prefix = keyPrefix
  }

  async get(key: string): Promise<string | undefined> {
    const text = await this.#redis.run(getScript, [this.#prefix + key], [])
    return typeof text === 'string' ? text : undefined
  }

  async put(key: string, text: string, ttlMs: number): Promise<void> {
    try {
      await this.#redis.run(putScript, [this.#prefix + key], [text, String(Math.ceil(ttlMs))])
    } catch (error) {
      // What it has it still gives.
      throw isItsWord(error) ? new StoreRefusal() : error
    }
  }

  async clear(): Promise<void> {
    // What may stand in a prefix means nothing in a pattern, but for brackets, which may not stand there.
    const pattern = `${this.#prefix}*`
    let cursor = '0'
    do {
      cursor = String(await this.#redis.run(clearScript, [], [cursor, pattern]))
    } while (cursor !== '0')
  }

  async ping(): Promise<void> {
    await this.#redis.run(pingScript, [], [])
  }

  close(): void {
    this.#redis.close()
  }
}

/** The server itself said so: it has no room, is a replica, or keeps writers out. */
function isItsWord(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_REDIS_SERVER_ERROR'
}
