import { asList, asNumber, asObject } from '#kit/json-value.ts'
import type { Usage } from '#translate/common.ts'

/** Tokens as Converse counts them: those of the cache stand beside the input. */
export function usageFrom(value: unknown): Usage | undefined {
  const usage = asObject(value)
  if (usage === undefined) return undefined
  const plain = asNumber(usage['inputTokens'])
  const cacheRead = asNumber(usage['cacheReadInputTokens'])
  const cacheWrite = asNumber(usage['cacheWriteInputTokens'])
  const output = asNumber(usage['outputTokens'])
  if (plain === undefined && output === undefined) return undefined
  const byTtl = writesByTtl(usage['cacheDetails'])
  return {
    ...(plain !== undefined && { input: plain + (cacheRead ?? 0) + (cacheWrite ?? 0) }),
    ...(cacheRead !== undefined && { cacheRead }),
    ...(cacheWrite !== undefined && { cacheWrite }),
    ...byTtl,
    ...(output !== undefined && { output }),
  }
}

function writesByTtl(value: unknown): Pick<Usage, 'cacheWrite5m' | 'cacheWrite1h'> {
  const sums = { '5m': 0, '1h': 0 }
  const details = asList(value)
  for (const entry of details) {
    const detail = asObject(entry)
    const ttl = detail?.['ttl']
    if (ttl === '5m' || ttl === '1h') sums[ttl] += asNumber(detail?.['inputTokens']) ?? 0
  }
  return details.length === 0 ? {} : { cacheWrite5m: sums['5m'], cacheWrite1h: sums['1h'] }
}
