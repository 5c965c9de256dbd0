import type { Candidate } from '#core/candidate.ts'
import type { Plan } from '#core/plan.ts'
import type { Gateway } from '#gateway/gateway.ts'
import type { PoolGauges } from '#http1/pool.ts'
import type { PinTally } from '#route/pins.ts'
import { SlowStart } from '#route/slow-start.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { RouteHealth } from '#upstream/breaker.ts'
import { credentialsOf } from './admin-credentials.ts'

type Parts = Pick<Gateway, 'breakers' | 'clock' | 'credentials' | 'figures' | 'health' | 'log'>

/** Every route of every alias with how it is doing now, and the pools of connections. */
export function routesPage(snapshot: Snapshot, gateway: Parts, pools: readonly PoolGauges[]): object {
  const listed = new Set(snapshot.aliases)
  return {
    aliases: Array.from(snapshot.plans.values(), (plan) => ({
      alias: plan.alias,
      isListed: listed.has(plan.alias),
      affinity: affinityOf(plan, gateway),
      routes: routesOf(plan, gateway),
    })),
    ownedIds: { known: gateway.figures.owners.size, max: snapshot.ownedIds.max },
    credentials: credentialsOf(gateway),
    pools,
  }
}

/** How well requests stay together that belong together; null where none does. */
function affinityOf({ alias, balance }: Plan, { figures }: Parts): PinTally | null {
  if (balance?.affinity === undefined || balance.affinity.ttlMs === 0) return null
  return figures.pins.tallyOf(alias) ?? { pins: 0, hits: 0, repinned: 0, cachedTokensLost: 0 }
}

function routesOf(plan: Plan, gateway: Parts): object[] {
  const nowMs = gateway.clock.monotonicMs()
  const { tiers, slowStartMs } = plan
  const easing = slowStartMs === 0 ? undefined : new SlowStart(gateway, slowStartMs, gateway.clock)
  return tiers.flatMap(({ alias, level, priority, candidates }) =>
    candidates.map((candidate) => {
      const { backend, model, weight, protocol } = candidate
      const { state, restsForMs, circuit, failures } = standingOf(candidate, plan, gateway, nowMs)
      return {
        backend: backend.name,
        model,
        alias,
        level,
        priority,
        weight,
        protocol,
        state,
        restsForMs,
        circuit,
        failures,
        slowStartShare: easing?.easeOf(candidate) ?? 1,
      }
    }),
  )
}

/** How a route is doing now, in one word and in numbers. */
export interface RouteStanding extends Pick<RouteHealth, 'circuit' | 'failures'> {
  readonly state:
    | 'healthy'
    | 'cooling'
    | 'circuit_open'
    | 'circuit_half_open'
    | 'ejected'
    | 'no_credential'
    | 'unhealthy'
  /** Until it is looked at again, 0 where it may be asked. */
  readonly restsForMs: number
}

export function standingOf(
  { backend, model, stateKey }: Candidate,
  { breaker, outlier }: Pick<Plan, 'breaker' | 'outlier'>,
  { breakers, credentials, health }: Pick<Gateway, 'breakers' | 'credentials' | 'health'>,
  nowMs: number,
): RouteStanding {
  const { restsForMs, circuit, failures, ejectedForMs } = breakers.look(stateKey, nowMs, breaker, outlier)
  const lacksUntilMs =
    (backend.credentials && credentials.ringOf(backend.credentials)?.restsUntil(nowMs, model)) ?? nowMs
  const downUntilMs = (backend.health && health.downUntil(backend.name)) ?? nowMs
  const isDown = backend.health !== undefined && health.downUntil(backend.name) !== undefined
  return {
    state:
      circuit !== 'closed'
        ? `circuit_${circuit}`
        : ejectedForMs > 0
          ? 'ejected'
          : restsForMs > 0
            ? 'cooling'
            : lacksUntilMs > nowMs
              ? 'no_credential'
              : isDown
                ? 'unhealthy'
                : 'healthy',
    restsForMs: Math.ceil(Math.max(restsForMs, lacksUntilMs - nowMs, downUntilMs - nowMs)),
    circuit,
    failures,
  }
}
