import type { Call } from '#core/call.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { refuse, isRefusal } from '#core/refusal.ts'
import type { LogFields } from '#ports/log.ts'
import { filtered } from '#upstream/filter.ts'
import { askHooks } from './ask-hooks.ts'
import { attempt } from './attempt.ts'
import { callerOf } from './caller-of.ts'
import { deliver, deliverLater, plainly, soonEnough } from './deliver.ts'
import { enterFunded, hasLimits } from './enter.ts'
import type { Errand } from './errand.ts'
import { findPlan } from './find-plan.ts'
import type { Gateway } from './gateway.ts'
import type { Incoming } from './incoming.ts'
import { giveKept } from './kept-answer.ts'
import { open } from './open.ts'
import { prepare } from './prepare.ts'
import { Presence } from './presence.ts'
import { read } from './read.ts'
import { recalled } from './recalled.ts'
import { replay } from './repeat.ts'
import { turnAway } from './turn-away.ts'
import { Walk } from './walk.ts'

/** The road. Every model request runs down this function; each line is one stage, in order. */
export async function handle(gateway: Gateway, incoming: Incoming): Promise<Response> {
  const snapshot = gateway.current()
  const exchange = open(gateway, snapshot, incoming)
  const presence = new Presence(gateway.wheel, incoming, exchange)
  try {
    const known = callerOf(gateway, snapshot, incoming, exchange)
    const caller = known instanceof Promise ? await known : known
    if (isRefusal(caller)) return turnAway(gateway, exchange, caller)

    const asked = await read(gateway, snapshot, incoming, exchange)
    if (isRefusal(asked)) return turnAway(gateway, exchange, asked)
    const prepared = prepare(gateway, snapshot, caller, asked)
    if (isRefusal(prepared)) return turnAway(gateway, exchange, prepared)
    presence.hasAsked()
    if (gateway.log.keeps('info')) gateway.log.write('info', 'request_received', factsOfCall(prepared, exchange))

    const { idempotency, hooks, cache } = snapshot
    const done = idempotency && (await replay({ gateway, snapshot, caller, call: asked, exchange, presence }))
    if (done !== undefined) return done
    const call =
      hooks?.onRoad === undefined ? prepared : await askHooks(gateway, hooks.onRoad, prepared, exchange, presence)
    if (call instanceof Response) return call
    const earlier = call.endpoint.mayLackModel === true ? giveKept(gateway, exchange, call, caller.id) : undefined
    if (earlier !== undefined) return earlier

    const finding = findPlan(gateway, snapshot, caller, call)
    const found = finding instanceof Promise ? await finding : finding
    if (isRefusal(found)) return turnAway(gateway, exchange, found)
    if (gateway.log.keeps('debug')) gateway.log.write('debug', 'plan_resolved', factsOfPlan(found.plan, exchange.id))
    const entering = hasLimits(snapshot, caller)
      ? enterFunded({ gateway, snapshot, caller, call, plan: found.plan, exchange, presence })
      : { plan: found.plan, entry: undefined }
    const entered = entering instanceof Promise ? await entering : entering
    if (isRefusal(entered)) return turnAway(gateway, exchange, entered)
    const { plan, entry, purse } = entered

    const kept = snapshot.filters === undefined ? call : filtered(snapshot.filters, call, incoming.path, plan)
    exchange.stream = kept.stream
    const fill = cache && (await recalled(gateway, { snapshot, call: kept, plan, exchange, entry }))
    if (fill instanceof Response) return fill

    const walk = new Walk(gateway, plan, call, exchange, {
      owner: found.owner,
      caller: snapshot.keys.tellsApart ? caller.id : undefined,
      place: snapshot.limits && gateway.limits.placeFor(snapshot.limits, exchange.debts),
      purse,
    })
    const errand: Errand = { gateway, snapshot, plan, call: plainly(plan, kept), exchange, presence, walk, entry, fill }
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

function factsOfCall({ model, client, method, stream }: Call, { id, path }: Exchange): LogFields {
  return { requestId: id, model: model === '' ? undefined : model, client: client.address, method, path, stream }
}

function factsOfPlan(plan: Plan, requestId: string): LogFields {
  const candidates = plan.tiers.flatMap((tier) => tier.candidates.map(({ id }) => id))
  return { requestId, alias: plan.alias, tiers: plan.tiers.length, candidates: candidates.join(', ') }
}
