import type { Plan } from '#core/plan.ts'
import type { PoolGauges } from '#http1/pool.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Breakers } from '#upstream/breaker.ts'

/** Every route of every alias with how it is doing now, and the pools of connections. */
export function routesPage(
  snapshot: Snapshot,
  breakers: Breakers,
  nowMs: number,
  pools: readonly PoolGauges[],
): object {
  const listed = new Set(snapshot.aliases)
  return {
    aliases: Array.from(snapshot.plans.values(), (plan) => ({
      alias: plan.alias,
      isListed: listed.has(plan.alias),
      routes: routesOf(plan, breakers, nowMs),
    })),
    pools,
  }
}

function routesOf({ tiers, breaker }: Plan, breakers: Breakers, nowMs: number): object[] {
  return tiers.flatMap(({ alias, level, priority, candidates }) =>
    candidates.map(({ backend, model, weight, protocol, stateKey }) => {
      const { restsForMs, circuit, failures } = breakers.look(stateKey, nowMs, breaker)
      return {
        backend: backend.name,
        model,
        alias,
        level,
        priority,
        weight,
        protocol,
        state: circuit !== 'closed' ? `circuit_${circuit}` : restsForMs > 0 ? 'cooling' : 'healthy',
        restsForMs: Math.ceil(restsForMs),
        circuit,
        failures,
      }
    }),
  )
}
