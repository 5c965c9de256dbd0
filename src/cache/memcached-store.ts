import { openMemcached, type Memcached } from '#ports/memcached.ts'
import { fillRandom } from '#ports/random.ts'
import type { RemotePolicy } from './compile.ts'
import type { TextStore } from './remote-store.ts'

/** Limit: memcached takes a larger number of seconds for a date. */
const secondsMax = 30 * 86_400

/**
 * Answers in memcached. It cannot be asked for its keys, so each answer stands for an era, whose name it knows as well:
 * with a new era all former answers are none any more, and go when their room is needed.
 */
export class MemcachedStore implements TextStore {
  readonly #memcached: Memcached
  readonly #prefix: string
  #era = ''

  constructor({ address, keyPrefix }: RemotePolicy, open: typeof openMemcached = openMemcached) {
    const colon = address.lastIndexOf(':')
    const hostname = address.slice(0, colon).replaceAll(/^\[|\]$/g, '')
    this.#memcached = open(hostname, Number(address.slice(colon + 1)))
    this.#prefix = keyPrefix
  }

  async get(key: string): Promise<string | undefined> {
    const name = this.#prefix + key
    const values = await this.#memcached.get([this.#eraName, name])
    this.#era = values.get(this.#eraName) ?? ''
    const value = values.get(name)
    const end = value?.indexOf('\n') ?? -1
    if (value === undefined || end === -1 || value.slice(0, end) !== this.#era) return undefined
    return value.slice(end + 1)
  }

  async put(key: string, text: string, ttlMs: number): Promise<void> {
    const seconds = Math.min(secondsMax, Math.max(1, Math.ceil(ttlMs / 1000)))
    await this.#memcached.set(this.#prefix + key, `${this.#era}\n${text}`, seconds)
  }

  async clear(): Promise<void> {
    const bytes = new Uint8Array(8)
    fillRandom(bytes)
    const era = bytes.toHex()
    await this.#memcached.set(this.#eraName, era, 0)
    this.#era = era
  }

  async ping(): Promise<void> {
    await this.#memcached.get([this.#eraName])
  }

  close(): void {
    this.#memcached.close()
  }

  get #eraName(): string {
    return `${this.#prefix}era`
  }
}
