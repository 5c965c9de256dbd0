import type * as v from 'valibot'
import type { Plan } from '#core/plan.ts'
import type { CompileProblem } from '#core/problem.ts'
import { compileGlob } from '#kit/glob.ts'
import { nearest } from '#kit/nearest.ts'
import { percentDecoded } from '#kit/percent.ts'
import { plainPolicy, type CrowdPolicy, type LimitPolicy, type ModelRates, type Rates } from './policy.ts'
import type { ConcurrencySchema, RateLimitingSchema } from './schema.ts'

export interface LimitSettings {
  readonly rate_limiting?: v.InferOutput<typeof RateLimitingSchema> | undefined
  readonly concurrency?: v.InferOutput<typeof ConcurrencySchema> | undefined
}

/** What limits are held against when they are compiled. */
export interface LimitSurroundings {
  readonly plans: ReadonlyMap<string, Plan>
  /** Processes that serve together. */
  readonly workers: number | 'auto'
}

/** The password in the address of Redis, as it is written and as it is meant. */
export function secretsOfLimits(settings: LimitSettings['rate_limiting']): readonly string[] {
  const url = settings === undefined || !URL.canParse(settings.redis.url) ? undefined : new URL(settings.redis.url)
  if (url === undefined || url.password === '') return []
  return [url.password, percentDecoded(url.password)]
}

/** Undefined: nothing is limited, and nothing is asked on the road. */
export function compileLimits(
  { rate_limiting: rates, concurrency }: LimitSettings,
  { plans, workers }: LimitSurroundings,
  problems: CompileProblem[],
): LimitPolicy | undefined {
  const crowd = crowdOf(concurrency)
  const policy = rates === undefined || !rates.enabled ? plainPolicy : policyOf(rates, plans, problems)
  const isLimited = hasRates(policy) || crowd !== undefined
  if (!isLimited && !changesOwnLimits(policy)) return undefined
  if (workers !== 1 && policy.shared === undefined && isLimited) {
    const message = `with "server.workers: ${workers}" each process holds its share of every limit, which is exact only with "rate_limiting.backend: redis"`
    const path = hasRates(policy) ? ['rate_limiting', 'backend'] : ['concurrency']
    problems.push({ severity: 'warning', path, message })
  }
  return { ...policy, crowd }
}

function policyOf(
  rates: NonNullable<LimitSettings['rate_limiting']>,
  plans: ReadonlyMap<string, Plan>,
  problems: CompileProblem[],
): LimitPolicy {
  const { strategies, redis } = rates
  return {
    counting: { algorithm: rates.algorithm, burst: rates.burst },
    global: ratesOf(rates.global),
    perUser: rates.per_user.enabled ? ratesOf(rates.per_user) : undefined,
    perAddress: rates.per_ip.enabled ? ratesOf(rates.per_ip) : undefined,
    perModel: modelRatesOf(rates.per_model, plans, problems),
    overflow: strategies.overflow,
    queue: { sizeMax: strategies.queue_max_size, timeoutMs: strategies.queue_timeout },
    fallbackFor: fallbackOf(strategies, plans, problems),
    tellsClients: rates.headers,
    crowd: undefined,
    shared:
      rates.backend === 'memory'
        ? undefined
        : { url: redis.url, keyPrefix: redis.key_prefix, timeoutMs: redis.timeout, onError: rates.on_error },
  }
}

function hasRates({ global, perUser, perAddress, perModel }: LimitPolicy): boolean {
  return global !== undefined || perUser !== undefined || perAddress !== undefined || perModel !== undefined
}

/** Callers may have limits of their own, which are counted and held as the file says. */
function changesOwnLimits({ shared, counting, overflow, tellsClients }: LimitPolicy): boolean {
  if (shared !== undefined || overflow !== plainPolicy.overflow || tellsClients !== plainPolicy.tellsClients)
    return true
  return counting.algorithm !== plainPolicy.counting.algorithm
}

function crowdOf(settings: LimitSettings['concurrency']): CrowdPolicy | undefined {
  if (settings === undefined || !settings.enabled) return undefined
  const { max_requests: all, per_user: perUser, per_backend_limit: perBackend } = settings
  const queue = { sizeMax: settings.max_queue_size, timeoutMs: settings.queue_timeout }
  return all === 0 && perUser === 0 && perBackend === 0 ? undefined : { all, perUser, perBackend, queue }
}

type WrittenRates = NonNullable<LimitSettings['rate_limiting']>['global']

function ratesOf(written: WrittenRates): Rates | undefined {
  const requestsPerMinute = written.requests_per_minute || undefined
  const requestsPerSecond = written.requests_per_second || undefined
  const tokensPerMinute = written.tokens_per_minute || undefined
  const isFree = requestsPerMinute === undefined && requestsPerSecond === undefined && tokensPerMinute === undefined
  return isFree ? undefined : { requestsPerMinute, requestsPerSecond, tokensPerMinute }
}

function modelRatesOf(
  written: NonNullable<LimitSettings['rate_limiting']>['per_model'],
  plans: ReadonlyMap<string, Plan>,
  problems: CompileProblem[],
): ModelRates | undefined {
  const { enabled, ...models } = written
  const byAlias = new Map<string, Rates>()
  const patterns: { isLike: (alias: string) => boolean; rates: Rates }[] = []
  for (const [name, value] of Object.entries(models)) {
    const rates = typeof value === 'boolean' ? undefined : ratesOf(value)
    const isPattern = name.includes('*')
    const isLike = compileGlob(name)
    if (!isPattern && !plans.has(name) && !name.includes('/')) {
      const near = nearest(name, [...plans.keys()])
      const hint = near === undefined ? '' : ` (did you mean "${near}"?)`
      const message = `no alias is named "${name}"${hint}, so this limit does nothing`
      problems.push({ severity: 'warning', path: ['rate_limiting', 'per_model', name], message })
    }
    if (rates === undefined) continue
    if (isPattern) patterns.push({ isLike, rates })
    else byAlias.set(name, rates)
  }
  return !enabled || (byAlias.size === 0 && patterns.length === 0) ? undefined : { byAlias, patterns }
}

function fallbackOf(
  { overflow, fallback_model: model }: NonNullable<LimitSettings['rate_limiting']>['strategies'],
  plans: ReadonlyMap<string, Plan>,
  problems: CompileProblem[],
): LimitPolicy['fallbackFor'] {
  if (model !== undefined && !plans.has(model)) {
    const near = nearest(model, [...plans.keys()])
    const message = `no alias is named "${model}"${near === undefined ? '' : ` (did you mean "${near}"?)`}`
    problems.push({ severity: 'error', path: ['rate_limiting', 'strategies', 'fallback_model'], message })
  }
  if (overflow !== 'fallback') return () => undefined
  const hasAny = model !== undefined || [...plans.values()].some((plan) => behind(plan) !== undefined)
  if (!hasAny) {
    const message = 'does nothing: no alias has fallback aliases, and "fallback_model" is not set'
    problems.push({ severity: 'warning', path: ['rate_limiting', 'strategies', 'overflow'], message })
  }
  const other = model === undefined ? undefined : plans.get(model)
  const known = new Map(Array.from(plans.values(), (plan) => [plan, behind(plan)]))
  return (plan) => known.get(plan) ?? (other === plan ? undefined : other)
}

/** What is left of a plan without the routes of its own alias; it goes by the name of the first that is left. */
export function behind(plan: Plan): Plan | undefined {
  const tiers = plan.tiers.filter(({ level }) => level === 'l2')
  const [first] = tiers
  return first === undefined ? undefined : { ...plan, alias: first.alias, tiers }
}
