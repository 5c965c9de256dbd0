import type { Call } from '#core/call.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { refuse, isRefusal } from '#core/refusal.ts'
import { identify } from '#identity/identify.ts'
import type { LogFields } from '#ports/log.ts'
import { ownerOf } from '#route/owned-id.ts'
import { resolve } from '#route/resolve.ts'
import { filtered } from '#upstream/filter.ts'
import { attempt } from './attempt.ts'
import { deliver, deliverLater, plainly, soonEnough } from './deliver.ts'
import type { Errand } from './errand.ts'
import type { Gateway } from './gateway.ts'
import type { Incoming } from './incoming.ts'
import { open } from './open.ts'
import { Presence } from './presence.ts'
import { offeredInQuery } from './query.ts'
import { read } from './read.ts'
import { turnAway } from './turn-away.ts'
import { Walk } from './walk.ts'

/** The road. Every model request runs down this function; each line is one stage, in order. */
export async function handle(gateway: Gateway, incoming: Incoming): Promise<Response> {
  const snapshot = gateway.current()
  const exchange = open(gateway, snapshot, incoming)
  const presence = new Presence(gateway.wheel, incoming, exchange)
  try {
    const caller = identify(incoming.request.headers, offeredInQuery(incoming), snapshot.keys)
    if (isRefusal(caller)) return turnAway(gateway, exchange, caller)
    exchange.caller = caller.id

    const asked = await read(gateway, snapshot, incoming, exchange)
    if (isRefusal(asked)) return turnAway(gateway, exchange, asked)
    const call = snapshot.rules === undefined ? asked : snapshot.rules.apply(asked, gateway.clock.wallMs())
    if (isRefusal(call)) return turnAway(gateway, exchange, call)
    presence.hasAsked()
    if (gateway.log.keeps('info')) gateway.log.write('info', 'request_received', factsOfCall(call, exchange))

    const { owners } = gateway.figures
    const { resources } = snapshot.ownedIds
    let owner = ownerOf(owners, call, caller.id, gateway.clock.monotonicMs(), resources)
    let plan = isRefusal(owner) ? owner : resolve(snapshot, call, owner)
    if (isRefusal(plan) && plan.code === 'unknown_id' && owners.learned !== undefined) {
      // Another process may have seen it a moment ago.
      await gateway.clock.sleep(newsMs)
      owner = ownerOf(owners, call, caller.id, gateway.clock.monotonicMs(), resources)
      plan = isRefusal(owner) ? owner : resolve(snapshot, call, owner)
    }
    if (isRefusal(owner)) return turnAway(gateway, exchange, owner)
    if (isRefusal(plan)) return turnAway(gateway, exchange, plan)
    if (gateway.log.keeps('debug')) gateway.log.write('debug', 'plan_resolved', factsOfPlan(plan, exchange.id))

    const { filters } = snapshot
    const kept = filters === undefined ? call : filtered(filters, call, incoming.path, plan)
    exchange.stream = kept.stream
    const walk = new Walk(gateway, plan, call, exchange, {
      owner,
      caller: snapshot.keys.tellsApart ? caller.id : undefined,
    })
    const errand: Errand = { gateway, snapshot, plan, call: plainly(plan, kept), exchange, presence, walk }
    const attempting = attempt(errand)
    const answer = await soonEnough(errand, attempting)
    if (answer === undefined) return deliverLater(errand, attempting)
    if (isRefusal(answer)) return turnAway(gateway, exchange, answer)
    return deliver(errand, answer)
  } catch (error) {
    gateway.log.write('error', 'internal_error', {
      requestId: exchange.id,
      reason: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? error.stack : undefined,
    })
    return turnAway(
      gateway,
      exchange,
      refuse(
        'internal_error',
        'Cannot answer the request: the gateway failed, its log tells more under this request id',
      ),
    )
  }
}

/** How long the news of one process is on its way to another at the most, as a rule. */
const newsMs = 100

function factsOfCall({ model, client, method, stream }: Call, { id, path }: Exchange): LogFields {
  return { requestId: id, model: model === '' ? undefined : model, client: client.address, method, path, stream }
}

function factsOfPlan(plan: Plan, requestId: string): LogFields {
  const candidates = plan.tiers.flatMap((tier) => tier.candidates.map(({ id }) => id))
  return { requestId, alias: plan.alias, tiers: plan.tiers.length, candidates: candidates.join(', ') }
}
