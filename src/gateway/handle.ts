import { refuse, isRefusal } from '#core/refusal.ts'
import { identify } from '#identity/identify.ts'
import { resolve } from '#route/resolve.ts'
import { attempt } from './attempt.ts'
import { deliver } from './deliver.ts'
import type { Gateway } from './gateway.ts'
import type { Incoming } from './incoming.ts'
import { open } from './open.ts'
import { queryCredential } from './query.ts'
import { read } from './read.ts'
import { turnAway } from './turn-away.ts'

/** The road. Every model request runs down this function; each line is one stage, in order. */
export async function handle(gateway: Gateway, incoming: Incoming): Promise<Response> {
  const snapshot = gateway.current()
  const exchange = open(gateway, snapshot, incoming)
  try {
    const caller = identify(incoming.request.headers, queryCredential(incoming.query), snapshot.keys)
    if (isRefusal(caller)) return turnAway(gateway, exchange, caller)
    exchange.caller = caller.id

    const call = await read(incoming, snapshot.bodyBytesMax, exchange)
    if (isRefusal(call)) return turnAway(gateway, exchange, call)
    gateway.log.write('info', 'request_received', {
      requestId: exchange.id,
      model: call.model,
      client: exchange.clientAddress,
      method: call.method,
      path: call.path,
      stream: call.stream,
    })

    const plan = resolve(snapshot, call.model)
    if (isRefusal(plan)) return turnAway(gateway, exchange, plan)

    const answer = await attempt(gateway, plan, call, exchange, incoming.request.signal)
    if (isRefusal(answer)) return turnAway(gateway, exchange, answer)
    return deliver(gateway, snapshot, incoming, answer, exchange)
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
