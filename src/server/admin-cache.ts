import { refuse, type Refusal } from '#core/refusal.ts'
import type { Cache } from '#cache/cache.ts'
import type { CachePolicy } from '#cache/compile.ts'
import { cacheReport } from '#cache/report.ts'

/** Empties the cache: that of this process, or the store that several share. */
export async function clearCache(cache: Cache | undefined, policy: CachePolicy | undefined): Promise<object | Refusal> {
  if (cache === undefined || policy === undefined) {
    return refuse('route_not_found', 'Cannot empty the cache: there is none, see cache.enabled')
  }
  if (!(await cache.clear())) {
    return refuse('overloaded', 'Cannot empty the cache: its store does not answer, try again when it does')
  }
  return { cleared: true, ...cacheReport(cache, policy) }
}
