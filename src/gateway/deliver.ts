import type { Answer } from '#core/answer.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { concat } from '#kit/bytes.ts'
import type { HeaderList } from '#kit/header-list.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Gateway } from './gateway.ts'
import { keepAnswered } from './keep-seen.ts'
import type { Presence } from './presence.ts'
import { pump } from './pump.ts'
import { settle } from './settle.ts'

/** The answer as the client gets it: the upstream's status, headers and bytes, with our id on it. */
export function deliver(
  gateway: Gateway,
  snapshot: Snapshot,
  plan: Plan,
  answer: Answer,
  exchange: Exchange,
  presence: Presence,
): Response {
  const { status, held, rest } = answer
  exchange.status = status
  const { pairs } = headersFor(answer, exchange, snapshot.debugHeaders)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the platform's types say it could change them; it does not
  const headers = pairs as [string, string][]
  if (rest !== undefined) {
    keepAnswered(exchange, pairs)
    return new Response(pump(gateway, plan, answer, rest, exchange, presence), { status, headers })
  }
  const body = bodyOf(held)
  keepAnswered(exchange, pairs, body)
  exchange.bytesOut = body.byteLength
  exchange.firstByteMs = gateway.clock.monotonicMs()
  settle(gateway, exchange, status < 400 ? 'complete' : 'failed')
  // 204 and 304 have no body, not even an empty one.
  return new Response(body.byteLength === 0 ? null : body, { status, headers })
}

/** The upstream's headers with our id on them. */
export function headersFor(answer: Answer, exchange: Exchange, debug: boolean): HeaderList {
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

/** The platform takes only bytes that no other thread could change; those of an upstream never are. */
function bodyOf(held: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [only] = held
  return held.length === 1 && only !== undefined && isOurs(only) ? only : concat(held)
}

function isOurs(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
}
