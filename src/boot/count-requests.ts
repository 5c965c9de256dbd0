import type { ExchangeSink } from '#core/exchange.ts'
import { everyPlan } from '#server/admin-status.ts'
import { endpoints } from '#server/endpoints.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Tally } from '#telemetry/tally.ts'

const paths: ReadonlySet<string> = new Set(endpoints.map(({ path }) => path))

/** Requests are counted while somebody may ask for the figures, by names that the configuration knows. */
export function countRequests(tally: Tally, sinks: ExchangeSink[], snapshot: Snapshot): void {
  const isWanted = snapshot.metrics !== undefined
  const plans = [...everyPlan(snapshot), ...(snapshot.forwarding?.plans ?? [])]
  if (isWanted) tally.adopt({ aliases: new Set(plans.map(({ alias }) => alias)), paths })
  const at = sinks.indexOf(tally)
  if (isWanted && at === -1) sinks.push(tally)
  if (!isWanted && at !== -1) sinks.splice(at, 1)
}
