import { percentDecoded } from '#kit/percent.ts'
import type { CacheConfig } from './schema.ts'

/** The `cache` section, compiled. */
export interface CachePolicy {
  readonly ttlMs: number
  /** Of the memory of this process. */
  readonly entriesMax: number
  readonly bytesMax: number
  readonly entryBytesMax: number
  /** Undefined: answers are kept in the memory of this process. */
  readonly remote: RemotePolicy | undefined
  readonly key: KeyPolicy
  readonly hitHeaders: readonly (readonly [name: string, value: string])[]
  /** Name of the header by which a client is told that nothing was kept; undefined: it is not told. */
  readonly toldIn: string | undefined
  readonly tracksSaved: boolean
}

/** Where answers are kept outside of this process. */
export interface RemotePolicy {
  readonly kind: 'redis' | 'memcached'
  /** Of Redis an address that may hold a password, of memcached `host:port`. */
  readonly address: string
  readonly keyPrefix: string
  readonly timeoutMs: number
}

/** Which requests are equal. */
export interface KeyPolicy {
  /** In lower case. */
  readonly headers: readonly string[]
  readonly normalizes: boolean
  readonly byModel: boolean
  readonly bySystemPrompt: boolean
  readonly byTools: boolean
  readonly isShared: boolean
  /** Stands for whatever else of the configuration changes answers. */
  readonly epoch: string
}

/** Limit: memcached takes no larger value unless it is told to. */
const memcachedBytesMax = 1_000_000

/** Undefined: nothing is kept, and nothing is asked on the road. */
export function compileCache(config: CacheConfig | undefined, changes: unknown): CachePolicy | undefined {
  if (config === undefined || !config.enabled) return undefined
  const { scope, key_generation: key, hit_response: hit } = config
  const hitHeaders = Object.entries(hit.headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  const remote = remoteOf(config)
  return {
    ttlMs: config.ttl,
    entriesMax: config.max_size,
    bytesMax: config.max_bytes,
    entryBytesMax:
      remote?.kind === 'memcached' ? Math.min(config.max_entry_bytes, memcachedBytesMax) : config.max_entry_bytes,
    remote,
    key: {
      headers: key.include_headers.map((name) => name.toLowerCase()).toSorted(),
      normalizes: key.normalize,
      byModel: scope.cache_by_model,
      bySystemPrompt: scope.cache_by_system_prompt,
      byTools: scope.cache_by_tools,
      isShared: scope.shared,
      epoch: new Bun.CryptoHasher('sha256').update(JSON.stringify(changes) ?? '').digest('hex'),
    },
    hitHeaders,
    toldIn: hitHeaders.some(([name]) => name === xCache) ? xCache : undefined,
    tracksSaved: hit.latency_improvement_tracking,
  }
}

const xCache = 'x-cache'

function remoteOf(config: CacheConfig): RemotePolicy | undefined {
  const { backend, redis, memcached, key_prefix: keyPrefix, timeout: timeoutMs } = config
  if (backend === 'memory') return undefined
  const address = backend === 'redis' ? withDatabase(redis.url, redis.db) : memcached.address
  return { kind: backend, address, keyPrefix, timeoutMs }
}

function withDatabase(address: string, database: number): string {
  if (database === 0 || !URL.canParse(address)) return address
  const url = new URL(address)
  url.pathname = `/${database}`
  return url.href
}

/** The password in the address of Redis, as it is written and as it is meant. */
export function secretsOfCache(config: CacheConfig | undefined): readonly string[] {
  if (config === undefined || !URL.canParse(config.redis.url)) return []
  const { password } = new URL(config.redis.url)
  return password === '' ? [] : [password, percentDecoded(password)]
}
