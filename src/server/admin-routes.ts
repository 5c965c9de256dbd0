import type { Plan } from '#core/plan.ts'
import type { Gateway } from '#gateway/gateway.ts'
import type { PoolGauges } from '#http1/pool.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { credentialsOf } from './admin-credentials.ts'

type Parts = Pick<Gateway, 'breakers' | 'clock' | 'credentials' | 'log'>

/** Every route of every alias with how it is doing now, and the pools of connections. */
export function routesPage(snapshot: Snapshot, gateway: Parts, pools: readonly PoolGauges[]): object {
  const listed = new Set(snapshot.aliases)
  return {
    aliases: Array.from(snapshot.plans.values(), (plan) => ({
      alias: plan.alias,
      isListed: listed.has(plan.alias),
      routes: routesOf(plan, gateway),
    })),
    credentials: credentialsOf(gateway),
    pools,
  }
}

function routesOf({ tiers, breaker }: Plan, { breakers, clock, credentials }: Parts): object[] {
  const nowMs = clock.monotonicMs()
  return tiers.flatMap(({ alias, level, priority, candidates }) =>
    candidates.map(({ backend, model, weight, protocol, stateKey }) => {
      const { restsForMs, circuit, failures } = breakers.look(stateKey, nowMs, breaker)
      const { credentials: set } = backend
      const lacksUntilMs = (set && credentials.ringOf(set)?.restsUntil(nowMs, model)) ?? nowMs
      return {
        backend: backend.name,
        model,
        alias,
        level,
        priority,
        weight,
        protocol,
        state:
          circuit !== 'closed'
            ? `circuit_${circuit}`
            : restsForMs > 0
              ? 'cooling'
              : lacksUntilMs > nowMs
                ? 'no_credential'
                : 'healthy',
        restsForMs: Math.ceil(Math.max(restsForMs, lacksUntilMs - nowMs)),
        circuit,
        failures,
      }
    }),
  )
}
