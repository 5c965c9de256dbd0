import type { Exchange } from '#core/exchange.ts'
import type { Refusal } from '#core/refusal.ts'
import { mayBeAskedTwice } from '#upstream/failure.ts'
import { errorBody, errorHeaders } from '#wire/error-body.ts'
import type { Gateway } from './gateway.ts'
import { keepAnswered } from './keep-seen.ts'
import { settle } from './settle.ts'

/** A refusal as a response in the client's dialect; settles the exchange. */
export function turnAway(gateway: Gateway, exchange: Exchange, refusal: Refusal): Response {
  exchange.refusal = refusal
  exchange.status = refusal.status
  const { headers, body } = refusalParts(refusal, exchange.dialect, exchange.id, mayBeDone(exchange))
  keepAnswered(exchange, headers, Buffer.from(body))
  settle(gateway, exchange, outcomeOf(exchange, refusal))
  return new Response(body, { status: refusal.status, headers })
}

/** For answers that are given before or beside the road. */
export function refusalResponse(refusal: Refusal, dialect: Exchange['dialect'], requestId: string): Response {
  const { headers, body } = refusalParts(refusal, dialect, requestId)
  return new Response(body, { status: refusal.status, headers })
}

function refusalParts(
  refusal: Refusal,
  dialect: Exchange['dialect'],
  requestId: string,
  isDone = false,
): { readonly headers: [string, string][]; readonly body: string } {
  const { contentType, body } = errorBody(dialect, refusal, requestId)
  const headers: [string, string][] = [
    ...errorHeaders(refusal, isDone).map(([name, value]): [string, string] => [name, value]),
    ['content-type', contentType],
    ['x-request-id', requestId],
  ]
  if (dialect === 'anthropic') headers.push(['request-id', requestId])
  return { headers, body }
}

/** Somebody may have done it, and nobody else was asked for that. */
function mayBeDone({ method, attempts }: Exchange): boolean {
  return !mayBeAskedTwice(method) && attempts.at(-1)?.failure?.tryNext === false
}

function outcomeOf(exchange: Exchange, refusal: Refusal): 'client_closed' | 'failed' | 'refused' {
  if (refusal.code === 'client_closed') return 'client_closed'
  return exchange.attempts.length > 0 || refusal.code === 'internal_error' ? 'failed' : 'refused'
}
