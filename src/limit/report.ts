import type { Limits } from './limits.ts'
import type { LimitPolicy, Rates } from './policy.ts'

/** What is limited, and how much of it is used, for pages that tell how the gateway is. Names nobody. */
export function limitReport(limits: Limits, policy: LimitPolicy | undefined): object {
  if (policy === undefined) return { limits: [], status: 'off' }
  const { crowd, global, perUser, perAddress, perModel, counting } = policy
  const nowMs = limits.clock.monotonicMs()
  const rows: object[] = []
  if (global !== undefined)
    rows.push({ scope: 'global', ...written(global), used: usedOf(limits, policy, global, nowMs) })
  if (perUser !== undefined) rows.push({ scope: 'per_user', ...written(perUser), known: limits.sizeOf('user') })
  if (perAddress !== undefined) rows.push({ scope: 'per_ip', ...written(perAddress), known: limits.sizeOf('ip') })
  for (const [model, rates] of perModel?.byAlias ?? []) rows.push({ scope: 'per_model', model, ...written(rates) })
  return {
    status: limits.sharing === 'down' ? 'degraded' : 'ok',
    backend: policy.shared === undefined ? 'memory' : 'redis',
    ...(policy.shared !== undefined && { redis: limits.sharing ?? 'connecting' }),
    algorithm: counting.algorithm,
    limits: rows,
    ...(crowd !== undefined && {
      concurrency: {
        max_requests: crowd.all,
        running: limits.slots.taken('c:global:'),
        queued: limits.waiting.crowd + limits.backends.waiting,
      },
    }),
    queued: limits.waiting.rate,
    rejected_total: limits.tally.rejected,
    fallback_total: limits.tally.fellBack,
    queued_total: limits.tally.queued,
  }
}

function written({ requestsPerMinute, requestsPerSecond, tokensPerMinute }: Rates): object {
  return {
    requests_per_minute: requestsPerMinute,
    requests_per_second: requestsPerSecond,
    tokens_per_minute: tokensPerMinute,
  }
}

/** As this process counts; what others took is theirs to tell. */
function usedOf(limits: Limits, { counting }: LimitPolicy, rates: Rates, nowMs: number): object {
  const used = (of: 'requests' | 'tokens', limit: number, id: string): number => {
    const rate = { limit, windowMs: 60_000 }
    const meter = limits.meterOf(
      { scope: 'global', whose: '', of, rate, share: rate, amount: 0, id: `${id}:global:` },
      counting,
    )
    return Math.ceil(meter.used(nowMs, rate))
  }
  const { requestsPerMinute, tokensPerMinute } = rates
  return {
    ...(requestsPerMinute !== undefined && { requests: used('requests', requestsPerMinute, 'm') }),
    ...(tokensPerMinute !== undefined && { tokens: used('tokens', tokensPerMinute, 't') }),
  }
}
