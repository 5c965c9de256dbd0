import type { Cache } from './cache.ts'
import type { CachePolicy } from './compile.ts'

/** How the cache is doing, for the pages that tell it. */
export function cacheReport(cache: Cache, { remote, entriesMax, bytesMax }: CachePolicy): object {
  const { hits, misses, bypasses } = cache.tally
  const asked = hits + misses
  const told = { hits, misses, bypasses, hit_ratio: asked === 0 ? null : Math.round((hits / asked) * 10_000) / 10_000 }
  if (remote !== undefined) {
    return { backend: remote.kind, status: cache.remote?.isDown === true ? 'down' : 'ok', ...told }
  }
  const { size: entries, bytes, evictions } = cache
  return { backend: 'memory', entries, max_size: entriesMax, bytes, max_bytes: bytesMax, evictions, ...told }
}
