import type { Call } from '#core/call.ts'
import type { Exchange } from '#core/exchange.ts'
import { isRefusal, type Refusal } from '#core/refusal.ts'
import { isHookAnswer, type HookAnswer, type Hooks } from '#hook/hook.ts'
import { Stop } from '#kit/stop.ts'
import { isStreamType, mediaTypeOf } from '#wire/stream-type.ts'
import type { Gateway } from './gateway.ts'
import { keepAnswered } from './keep-seen.ts'
import type { Presence } from './presence.ts'
import { settle } from './settle.ts'
import { turnAway } from './turn-away.ts'

/** The call as the operator's hooks want it; or their answer, or their no, with which the exchange is settled. */
export async function askHooks(
  gateway: Gateway,
  ask: NonNullable<Hooks['onRoad']>,
  call: Call,
  exchange: Exchange,
  presence: Presence,
): Promise<Call | Response> {
  const { id: requestId, caller, path } = exchange
  const asked = await unlessGone(presence, ask(gateway, call, { requestId, caller, path }))
  const { gone } = presence
  if (gone !== undefined) return turnAway(gateway, exchange, gone)
  if (isRefusal(asked)) return turnAway(gateway, exchange, asked)
  return isHookAnswer(asked) ? given(gateway, exchange, asked) : asked
}

/** Whoever leaves waits for no hook, which comes to its end without them. */
async function unlessGone<Asked extends object>(presence: Presence, asking: Promise<Asked>): Promise<Asked | Refusal> {
  const { promise, resolve } = Promise.withResolvers<Refusal>()
  const waiting = new Stop()
  waiting.tell({
    onStop() {
      if (presence.gone !== undefined) resolve(presence.gone)
    },
  })
  presence.watch(waiting)
  return await Promise.race([asking, promise])
}

function given(gateway: Gateway, exchange: Exchange, { status, headers: told, body }: HookAnswer): Response {
  const headers: [string, string][] = [
    ...told.flatMap(([name, value]): [string, string][] => (isOurs(name) ? [] : [[name, value]])),
    ['x-request-id', exchange.id],
  ]
  exchange.stream = isStreamType(mediaTypeOf(told.find(([name]) => isType(name))?.[1] ?? ''))
  exchange.status = status
  exchange.bytesOut = body.byteLength
  exchange.chunksOut = body.byteLength === 0 ? 0 : 1
  exchange.firstByteMs = gateway.clock.monotonicMs()
  keepAnswered(exchange, headers, body)
  settle(gateway, exchange, status < 400 ? 'complete' : 'failed')
  return new Response(body, { status, headers })
}

function isOurs(name: string): boolean {
  return name.toLowerCase() === 'x-request-id'
}

function isType(name: string): boolean {
  return name.toLowerCase() === 'content-type'
}
