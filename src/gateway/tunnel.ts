import type { Call } from '#core/call.ts'
import type { Exchange } from '#core/exchange.ts'
import { isRefusal, refuse } from '#core/refusal.ts'
import { objectionToRequest, withoutHints } from '#identity/permit.ts'
import { Stop } from '#kit/stop.ts'
import { resolve } from '#route/resolve.ts'
import { filtered } from '#upstream/filter.ts'
import { isTunnel, openTunnel, type Tunnel } from '#upstream/open-tunnel.ts'
import { attempt } from './attempt.ts'
import { objectionToCall } from './caller-of.ts'
import { deliver, headersFor } from './deliver.ts'
import { fundTunnel } from './fund.ts'
import type { Gateway } from './gateway.ts'
import type { Connection, Incoming } from './incoming.ts'
import { enter } from './enter.ts'
import type { Errand } from './errand.ts'
import { keepAnswered } from './keep-seen.ts'
import { open } from './open.ts'
import { Presence } from './presence.ts'
import { TunnelRelay } from './tunnel-relay.ts'
import { hideKey, identifyOpener, offerOf, readOpening, tunnelPlan } from './tunnel-request.ts'
import { turnAway } from './turn-away.ts'
import { Walk } from './walk.ts'

/** The client wants this request to become a WebSocket. */
export function asksForWebSocket({ method, headers }: Request): boolean {
  return method === 'GET' && headers.get('upgrade')?.toLowerCase() === 'websocket'
}

/**
 * The road of a WebSocket: the same stages, but the model stands in the query, and at the end there is a relay between
 * two open ends. The client is let in only after an upstream let us in, so that every refusal remains an HTTP answer.
 */
export async function tunnel(gateway: Gateway, incoming: Incoming): Promise<Response> {
  const snapshot = gateway.current()
  const exchange = open(gateway, snapshot, incoming)
  const presence = new Presence(gateway.wheel, incoming, exchange)
  try {
    const offer = offerOf(incoming.request.headers)
    hideKey(exchange)
    const known = identifyOpener(incoming, offer.key, snapshot, gateway)
    const caller = known instanceof Promise ? await known : known
    if (isRefusal(caller)) return turnAway(gateway, exchange, caller)
    exchange.caller = caller.id
    const objection = caller.access && objectionToRequest(caller.access, incoming)
    if (objection !== undefined) return turnAway(gateway, exchange, objection)

    const opening = readOpening(incoming, snapshot)
    if (isRefusal(opening)) return turnAway(gateway, exchange, opening)
    const forbidden = objectionToCall(caller, opening, snapshot)
    if (forbidden !== undefined) return turnAway(gateway, exchange, forbidden)
    const call = snapshot.rules === undefined ? opening : snapshot.rules.apply(opening, gateway.clock.wallMs())
    if (isRefusal(call)) return turnAway(gateway, exchange, call)
    exchange.alias = call.model
    exchange.stream = true
    presence.hasAsked()
    if (gateway.log.keeps('info')) tellReceived(gateway, call, exchange)

    const resolved = resolve(snapshot, call)
    let plan = isRefusal(resolved) ? resolved : tunnelPlan(resolved)
    if (isRefusal(plan)) return turnAway(gateway, exchange, withoutHints(caller, plan, call))

    const isLimited = snapshot.limits !== undefined || caller.limits !== undefined
    const entering = isLimited ? enter({ gateway, snapshot, caller, call, plan, exchange, presence }) : undefined
    const entry = entering instanceof Promise ? await entering : entering
    if (isRefusal(entry)) return turnAway(gateway, exchange, entry)
    if (entry?.standIn !== undefined) plan = tunnelPlan(entry.plan)
    if (isRefusal(plan)) return turnAway(gateway, exchange, plan)
    if (snapshot.budgets !== undefined) plan = fundTunnel({ gateway, snapshot, caller, call, plan, exchange })
    if (isRefusal(plan)) return turnAway(gateway, exchange, plan)

    const { filters } = snapshot
    const kept = filters === undefined ? call : filtered(filters, call, incoming.path, plan)
    const place = snapshot.limits && gateway.limits.placeFor(snapshot.limits, exchange.debts)
    const walk = new Walk(gateway, plan, call, exchange, { place })
    const errand: Errand = { gateway, snapshot, plan, call: kept, exchange, presence, walk, entry }
    const answer = await attempt(errand, async (ports, at, candidate, within, trip) => {
      return await openTunnel(ports, at, candidate, within, trip, offer.protocols)
    })
    if (isRefusal(answer)) return turnAway(gateway, exchange, answer)
    return isTunnel(answer) ? join(errand, answer, incoming.connection) : deliver(errand, answer)
  } catch (error) {
    gateway.log.write('error', 'internal_error', {
      requestId: exchange.id,
      reason: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? error.stack : undefined,
    })
    return turnAway(gateway, exchange, gatewayFailed)
  }
}

const gatewayFailed = refuse(
  'internal_error',
  'Cannot open the WebSocket: the gateway failed, its log tells more under this request id',
)

function tellReceived({ log }: Gateway, { model, client, method, path }: Call, { id, stream }: Exchange): void {
  log.write('info', 'request_received', { requestId: id, model, client: client.address, method, path, stream })
}

/** Brings both ends together. */
function join(errand: Errand, answer: Tunnel, connection: Connection): Response {
  const { gateway, plan, exchange, presence } = errand
  const relay = new TunnelRelay(gateway, plan, answer, exchange)
  let isJoined = false
  try {
    if (presence.gone !== undefined) return turnAway(gateway, exchange, presence.gone)
    // The platform ends the request when its WebSocket ends, which is for the relay to see.
    presence.watch(new Stop())
    const headers = headersFor(errand, answer)
    // Without one the platform would choose the first that the client offered.
    headers.set('sec-websocket-protocol', answer.protocol ?? '')
    exchange.status = 101
    keepAnswered(exchange, headers.pairs)
    isJoined = connection.upgrade?.(relay, headers.pairs) === true
    if (!isJoined) return turnAway(gateway, exchange, clientGone)
    // The platform has answered already and takes no notice of this one.
    return new Response(null)
  } finally {
    if (!isJoined) relay.abandon()
  }
}

const clientGone = refuse('client_closed', 'Cannot open the WebSocket: the client is gone')
