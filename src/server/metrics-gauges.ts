import { readdirSync } from 'node:fs'
import type { Candidate } from '#core/candidate.ts'
import type { Plan } from '#core/plan.ts'
import type { Gateway } from '#gateway/gateway.ts'
import type { PoolGauges } from '#http1/pool.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { other, type Reading, type Series } from '#telemetry/metric.ts'
import { everyPlan } from './admin-status.ts'
import { standingOf } from './admin-routes.ts'
import type { LoadReport } from './admin-config.ts'

/** What is looked at when somebody asks, and counted by nobody in between. */
export interface GaugeParts {
  readonly gateway: Pick<
    Gateway,
    'breakers' | 'budgets' | 'cache' | 'clock' | 'credentials' | 'figures' | 'health' | 'limits' | 'live'
  >
  readonly version: string
  /** Wall clock of the process. */
  readonly startedMs: number
  isDraining(): boolean
  pools(): readonly PoolGauges[]
  loadReport(): LoadReport
  /** Records of the log that were lost. */
  logDropped(): number
  /** What looks after the process found. */
  readonly lookout: ProcessLook
}

/** Faults, pauses and memory of the process since its start. */
export interface ProcessLook {
  readonly faults: { readonly count: number }
  readonly memory: { readonly isHigh: boolean }
  readonly pauses: { readonly lagMs: number; readonly count: number; readonly totalMs: number }
}

/** Limit: routes that are told one by one. */
const routesMax = 5000

/** How everything is at this moment. */
export function gaugesOf(snapshot: Snapshot, parts: GaugeParts): Reading {
  const { gateway, version } = parts
  return {
    llm_proxy_active_requests: one(gateway.live.size),
    llm_proxy_draining: flag(parts.isDraining()),
    ...routeGauges(snapshot, gateway),
    ...credentialGauges(gateway),
    ...poolGauges(snapshot, parts.pools()),
    ...limitGauges(snapshot, gateway.limits),
    ...configGauges(snapshot, parts.loadReport()),
    ...processGauges(parts),
    ...cacheGauges(snapshot, gateway),
    ...budgetGauges(snapshot, gateway),
    llm_proxy_kept_entries: [
      [['measured_routes'], [gateway.figures.size]],
      [['owned_ids'], [gateway.figures.owners.size]],
      [['pinned_clients'], [gateway.figures.pins.size]],
    ],
    llm_proxy_workers: one(1),
    llm_proxy_build_info: [[[version], [1]]],
  }
}

function one(value: number): readonly Series[] {
  return [[[], [value]]]
}

function flag(isSo: boolean): readonly Series[] {
  return one(isSo ? 1 : 0)
}

const circuitNumbers = { closed: 0, half_open: 1, open: 2 } as const

function routeGauges(snapshot: Snapshot, gateway: GaugeParts['gateway']): Reading {
  const nowMs = gateway.clock.monotonicMs()
  const up: Series[] = []
  const rests: Series[] = []
  const circuits: Series[] = []
  const backends = new Map<string, boolean>()
  const seen = new Set<string>()
  for (const [plan, candidate] of routesOf(snapshot)) {
    const { backend, model } = candidate
    const labels = [plan.alias, backend.name, model]
    const key = labels.join('\0')
    if (seen.has(key)) continue
    seen.add(key)
    const { state, restsForMs, circuit } = standingOf(candidate, plan, gateway, nowMs)
    const isUp = state === 'healthy' || state === 'circuit_half_open'
    backends.set(backend.name, isUp || backends.get(backend.name) === true)
    if (seen.size > routesMax) continue
    up.push([labels, [isUp ? 1 : 0]])
    rests.push([labels, [restsForMs / 1000]])
    if (plan.breaker !== undefined) circuits.push([labels, [circuitNumbers[circuit]]])
  }
  const checked: Series[] = []
  for (const { name, health } of snapshot.backends.values()) {
    const found = health === undefined ? undefined : gateway.health.recordOf(name)?.state
    if (found !== undefined && found !== 'unknown') checked.push([[name], [found === 'healthy' ? 1 : 0]])
  }
  return {
    llm_proxy_backend_up: Array.from(backends, ([name, isUp]): Series => [[name], [isUp ? 1 : 0]]),
    llm_proxy_backend_healthy: checked,
    llm_proxy_route_up: up,
    llm_proxy_route_rest_seconds: rests,
    llm_proxy_route_circuit_state: circuits,
  }
}

function* routesOf(snapshot: Snapshot): Generator<readonly [Plan, Candidate]> {
  for (const plan of everyPlan(snapshot)) {
    for (const { candidates } of plan.tiers) for (const candidate of candidates) yield [plan, candidate]
  }
}

function credentialGauges({ clock, credentials }: GaugeParts['gateway']): Reading {
  const nowMs = clock.monotonicMs()
  return {
    llm_proxy_credentials: Array.from(credentials.rings()).flatMap(([backend, ring]): Series[] => {
      const states = ring.list(nowMs).map(({ state }) => state)
      return (['ready', 'resting'] as const).map((state) => [
        [backend, state],
        [states.filter((each) => each === state).length],
      ])
    }),
  }
}

/** Of a cache that is configured. */
function cacheGauges(snapshot: Snapshot, { cache }: GaugeParts['gateway']): Reading {
  if (snapshot.cache === undefined || cache === undefined) return {}
  const { tally, remote } = cache
  const asked = tally.hits + tally.misses
  return {
    llm_proxy_cache_hit_ratio: one(asked === 0 ? 0 : tally.hits / asked),
    ...(remote === undefined
      ? {
          llm_proxy_cache_entries: one(cache.size),
          llm_proxy_cache_bytes: one(cache.bytes),
          llm_proxy_cache_evictions_total: one(cache.evictions),
        }
      : { llm_proxy_cache_up: [[[remote.kind], [remote.isDown ? 0 : 1]]] }),
  }
}

/** By the names of backends: an address is nobody's business. Those that share one are told together. */
function poolGauges(snapshot: Snapshot, pools: readonly PoolGauges[]): Reading {
  const names = new Map<string, string>()
  for (const { name, url } of snapshot.backends.values()) {
    const before = names.get(url.origin)
    names.set(url.origin, before === undefined ? name : `${before},${name}`)
  }
  const byName = new Map<string, PoolGauges>()
  for (const pool of pools) {
    const name = names.get(pool.origin) ?? other
    const before = byName.get(name)
    byName.set(name, before === undefined ? pool : together(before, pool))
  }
  const told = (what: Exclude<keyof PoolGauges, 'origin'>): readonly Series[] =>
    Array.from(byName, ([name, pool]): Series => [[name], [pool[what]]])
  return {
    llm_proxy_upstream_pool_open: told('open'),
    llm_proxy_upstream_pool_idle: told('idle'),
    llm_proxy_upstream_pool_waiting: told('waiting'),
    llm_proxy_upstream_pool_opened_total: told('opened'),
    llm_proxy_upstream_pool_carried_total: told('carried'),
    llm_proxy_upstream_pool_reused_total: told('reused'),
  }
}

function together(a: PoolGauges, b: PoolGauges): PoolGauges {
  return {
    origin: a.origin,
    open: a.open + b.open,
    idle: a.idle + b.idle,
    waiting: a.waiting + b.waiting,
    opened: a.opened + b.opened,
    carried: a.carried + b.carried,
    reused: a.reused + b.reused,
  }
}

/** Callers and addresses are never named. */
function limitGauges({ backends, limits: policy }: Snapshot, limits: Gateway['limits']): Reading {
  const { backends: atBackends, sharing, slots, tally, waiting } = limits
  let [ofAll, ofCallers] = [0, 0]
  for (const [id, count] of slots) {
    if (id.startsWith('c:global:')) ofAll += count
    else ofCallers += count
  }
  const hasPlaces = (policy?.crowd?.perBackend ?? 0) > 0
  return {
    llm_proxy_limit_waiting: [
      [['rate'], [waiting.rate]],
      [['place'], [waiting.crowd]],
      [['backend'], [atBackends.waiting]],
    ],
    llm_proxy_limit_places_taken: [
      [['global'], [ofAll]],
      [['user'], [ofCallers]],
    ],
    ...(hasPlaces && {
      llm_proxy_limit_backend_places_taken: Array.from(backends.values(), ({ name }): Series => [
        [name],
        [atBackends.taken(name)],
      ]),
    }),
    llm_proxy_limit_decisions_total: [
      [['rejected'], [tally.rejected]],
      [['queued'], [tally.queued]],
      [['fallback'], [tally.fellBack]],
      [['unshared'], [tally.withoutShared]],
    ],
    ...(sharing !== undefined && { llm_proxy_limit_shared_up: flag(sharing === 'up') }),
  }
}

function configGauges({ version }: Snapshot, { loadedMs, refused, counts }: LoadReport): Reading {
  return {
    llm_proxy_config_version: one(version),
    llm_proxy_config_loaded_timestamp_seconds: one(loadedMs / 1000),
    llm_proxy_config_last_reload_successful: flag(refused === undefined),
    llm_proxy_config_reload_total: [
      [['success'], [counts?.taken ?? 0]],
      [['error'], [counts?.refused ?? 0]],
    ],
  }
}

/** Callers may be anybody: of theirs the one is told that is spent most. */
function budgetGauges({ budgets: policies }: Snapshot, { budgets }: GaugeParts['gateway']): Reading {
  if (policies === undefined || budgets === undefined) return {}
  const states = policies.flatMap((policy) => {
    const all = budgets.statesOf(policy)
    const told = policy.scope === 'key' ? all.slice(0, 1) : all.slice(0, routesMax)
    return told.map((state) => ({ policy, state, of: policy.scope === 'key' ? '' : state.whose }))
  })
  const inUsd = states.filter(({ policy }) => policy.usd !== undefined)
  return {
    llm_proxy_budget_spent_usd: inUsd.map(({ policy, state, of }): Series => [[policy.name, of], [state.usd]]),
    llm_proxy_budget_limit_usd: policies.flatMap(({ name, usd }): Series[] =>
      usd === undefined ? [] : [[[name], [usd]]],
    ),
    llm_proxy_budget_used_ratio: states.map(({ policy, state, of }): Series => [[policy.name, of], [state.used]]),
  }
}

function processGauges(parts: GaugeParts): Reading {
  const { lookout, startedMs } = parts
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const { lagMs, count, totalMs } = lookout.pauses
  const descriptors = openDescriptors()
  return {
    llm_proxy_log_dropped_total: one(parts.logDropped()),
    llm_proxy_unhandled_errors_total: one(lookout.faults.count),
    llm_proxy_event_loop_lag_seconds: one(lagMs / 1000),
    llm_proxy_event_loop_stalls_total: one(count),
    llm_proxy_event_loop_stalled_seconds_total: one(totalMs / 1000),
    llm_proxy_memory_short: flag(lookout.memory.isHigh),
    process_start_time_seconds: one(startedMs / 1000),
    process_cpu_seconds_total: one((user + system) / 1e6),
    process_resident_memory_bytes: one(rss),
    process_heap_bytes: one(heapUsed),
    ...(descriptors !== undefined && { process_open_fds: one(descriptors) }),
  }
}

function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    // Other systems do not tell.
    return undefined
  }
}
