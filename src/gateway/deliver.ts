import type { Answer } from '#core/answer.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { concat } from '#kit/bytes.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Gateway } from './gateway.ts'
import { idleSeconds, type Incoming } from './incoming.ts'
import { keepAnswered, keepReceived } from './keep-seen.ts'
import { pump } from './pump.ts'
import { settle } from './settle.ts'

/** The answer as the client gets it: the upstream's status, headers and bytes, with our id on it. */
export function deliver(
  gateway: Gateway,
  snapshot: Snapshot,
  plan: Plan,
  incoming: Incoming,
  answer: Answer,
  exchange: Exchange,
): Response {
  exchange.status = answer.status
  const headers = headersFor(answer, exchange, snapshot.debugHeaders)
  if (answer.rest !== undefined) {
    keepAnswered(exchange, headers)
    const rest = keepReceived(exchange, answer.rest)
    return new Response(pump(gateway, plan, incoming, answer, rest, exchange), { status: answer.status, headers })
  }
  const body = answer.held.length === 1 && answer.held[0] !== undefined ? answer.held[0] : concat(answer.held)
  keepAnswered(exchange, headers, body)
  exchange.bytesOut = body.byteLength
  exchange.firstByteMs = gateway.clock.monotonicMs()
  incoming.patience(idleSeconds)
  settle(gateway, exchange, answer.status < 400 ? 'complete' : 'failed')
  // 204 and 304 have no body, not even an empty one.
  return new Response(body.byteLength === 0 ? null : new Uint8Array(body), { status: answer.status, headers })
}

function headersFor(answer: Answer, exchange: Exchange, debug: boolean): Headers {
  const { headers } = answer
  const upstreamId = headers.get('x-request-id') ?? headers.get('request-id')
  if (upstreamId !== null) headers.set('x-llm-proxy-upstream-id', upstreamId)
  headers.set('x-request-id', exchange.id)
  if (exchange.dialect === 'anthropic') headers.set('request-id', exchange.id)
  if (answer.form !== undefined) {
    // Proxies in front of us must neither collect nor keep a stream.
    headers.set('x-accel-buffering', 'no')
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-cache')
  }
  if (debug) {
    headers.set('x-llm-proxy-backend', encodeURIComponent(answer.candidate.backend.name))
    headers.set('x-llm-proxy-model', encodeURIComponent(answer.candidate.model))
    headers.set('x-llm-proxy-attempts', String(exchange.attempts.length))
  }
  return headers
}
