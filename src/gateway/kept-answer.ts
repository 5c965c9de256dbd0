import type { Call } from '#core/call.ts'
import type { Exchange } from '#core/exchange.ts'
import { isRefusal } from '#core/refusal.ts'
import { encode } from '#kit/bytes.ts'
import type { JsonObject } from '#kit/json-value.ts'
import { readResourcePath } from '#wire/resource-path.ts'
import type { Gateway } from './gateway.ts'
import { keepAnswered } from './keep-seen.ts'
import { settle } from './settle.ts'
import { turnAway } from './turn-away.ts'

/**
 * What the translator keeps of an answer that the call names, given without asking anybody; settles the exchange.
 * Undefined where somebody else has to be asked.
 */
export function giveKept(gateway: Gateway, exchange: Exchange, call: Call, tenant: string): Response | undefined {
  const { translator, figures } = gateway
  if (!translator.keepsAnswers) return undefined
  const resource = readResourcePath(call.path)
  if (resource?.kind !== 'response' || resource.dialect !== 'openai') return undefined
  const { method, query } = call
  const { rest } = resource
  const kept = translator.kept(tenant, { method, rest, query })
  if (kept === undefined) return undefined
  if (isRefusal(kept)) return turnAway(gateway, exchange, kept)
  // Whoever was asked for it has nothing of it either.
  if (method === 'DELETE' && rest[0] !== undefined) figures.owners.drop(rest[0])
  return given(gateway, exchange, kept)
}

function given(gateway: Gateway, exchange: Exchange, kept: JsonObject): Response {
  const body = encode(JSON.stringify(kept))
  const headers: [string, string][] = [
    ['content-type', 'application/json'],
    ['x-request-id', exchange.id],
  ]
  exchange.stream = false
  exchange.status = 200
  exchange.bytesOut = body.byteLength
  exchange.chunksOut = 1
  exchange.firstByteMs = gateway.clock.monotonicMs()
  keepAnswered(exchange, headers, body)
  settle(gateway, exchange, 'complete')
  return new Response(body, { status: 200, headers })
}
