import type { Gateway } from '#gateway/gateway.ts'
import type { HealthTask } from './health-task.ts'
import type { Seat } from './seat.ts'
import { SharedState } from './shared-state.ts'

/** What traffic and checks teach one of several processes, all of them know: rests, circuits, ejections, pins, health. */
export function shareState(
  seat: Seat,
  gateway: Pick<Gateway, 'breakers' | 'clock' | 'credentials' | 'current' | 'figures'>,
  healthTask: HealthTask,
): void {
  const { breakers, clock, credentials, figures } = gateway
  const nowMs = (): number => clock.monotonicMs()
  const state = new SharedState(clock, seat.tell, {
    cooldown: (fact) => breakers.hear(fact, nowMs()),
    circuit: (fact) => breakers.hear(fact, nowMs()),
    ejection: ({ key, forMs }) => breakers.outliers.hear(key, forMs, nowMs()),
    pin: ({ key, stateKey, forMs, alias = '', credential }) =>
      figures.pins.hear(key, stateKey, nowMs(), forMs, { alias, credential }),
    owner: ({ key, of, owner, forMs }) =>
      figures.owners.hear(
        key,
        of,
        owner,
        nowMs(),
        forMs,
        gateway.current().ownedIds.max,
        ({ backend, address }) => gateway.current().backends.get(backend)?.url.href === address,
      ),
    credential: (fact) => credentials.hear(fact, nowMs()),
    health: (fact) => healthTask.hear(fact),
  })
  const { learned } = state
  breakers.learned = learned
  breakers.outliers.learned = learned
  figures.pins.learned = learned
  figures.owners.learned = learned
  credentials.learned = learned
  healthTask.learned = learned
  seat.onFacts((facts) => state.hear(facts))
}
