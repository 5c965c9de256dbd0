import type { Call } from '#core/call.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Plan } from '#core/plan.ts'
import { isRefusal } from '#core/refusal.ts'
import type { Answer } from '#core/answer.ts'
import type { CachePolicy } from '#cache/compile.ts'
import { Fill } from '#cache/fill.ts'
import { recall, type Recalled } from '#cache/recall.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { Ticket } from '#limit/ticket.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { isEncoded, textOf } from '#upstream/decode.ts'
import type { Gateway } from './gateway.ts'
import { keepAnswered } from './keep-seen.ts'
import { settle } from './settle.ts'
import { turnAway } from './turn-away.ts'

/** A request that may be answered by what was answered before. */
interface Asking {
  readonly snapshot: Snapshot
  readonly call: Call
  readonly plan: Plan
  readonly exchange: Exchange
  readonly entry: Ticket | undefined
}

/**
 * What the cache has for a request, as a response, which settles the exchange; or what watches the answer that somebody
 * else gives. Undefined: answers are not kept.
 */
export async function recalled(gateway: Gateway, asking: Asking): Promise<Response | Fill | undefined> {
  const { snapshot, call, plan, exchange } = asking
  const { cache } = gateway
  const policy = snapshot.cache
  if (policy === undefined || cache === undefined || call.endpoint.talk === undefined) return undefined
  const tenant = { id: exchange.caller ?? '', isAnyone: snapshot.keys.isOpen }
  const outcome = recall({ cache, policy, call, plan, tenant, requestId: exchange.id })
  const found = outcome instanceof Promise ? await outcome : outcome
  if (isRefusal(found)) {
    count(gateway, exchange, 'miss')
    return turnAway(gateway, exchange, found)
  }
  if (found instanceof Fill) {
    count(gateway, exchange, found.isBypass ? 'bypass' : 'miss')
    return found
  }
  count(gateway, exchange, 'hit')
  return given(gateway, asking, policy, found)
}

function count({ cache }: Gateway, exchange: Exchange, what: 'hit' | 'miss' | 'bypass'): void {
  exchange.cache = what
  if (cache === undefined) return
  if (what === 'hit') cache.tally.hits += 1
  else if (what === 'miss') cache.tally.misses += 1
  else cache.tally.bypasses += 1
}

function given(
  gateway: Gateway,
  { snapshot, exchange, entry }: Asking,
  policy: CachePolicy,
  found: Recalled,
): Response {
  const { entry: kept, bytes, contentType } = found
  const headers = new HeaderList([
    ['content-type', contentType],
    ['x-request-id', exchange.id],
  ])
  if (exchange.dialect === 'anthropic') headers.set('request-id', exchange.id)
  if (kept.warnings !== undefined) headers.set('x-llm-proxy-warnings', kept.warnings)
  headers.set('age', String(Math.floor((gateway.cache?.ageMsOf(kept) ?? 0) / 1000)))
  if (exchange.stream) {
    headers.set('x-accel-buffering', 'no')
    headers.set('cache-control', 'no-cache')
    headers.set('x-stream-status', 'cached')
  }
  for (const [name, value] of policy.hitHeaders) headers.set(name, value)
  entry?.tell(headers)
  exchange.status = 200
  exchange.bytesOut = bytes.byteLength
  exchange.chunksOut = 1
  exchange.firstByteMs = gateway.clock.monotonicMs()
  if (policy.tracksSaved)
    exchange.savedMs = Math.max(0, Math.round(kept.durationMs - (exchange.firstByteMs - exchange.startedMs)))
  if (kept.usage !== undefined && (snapshot.usage !== undefined || entry?.countsTokens === true)) {
    exchange.usage = kept.usage
    if (snapshot.usage !== undefined) exchange.costUsd = 0
  }
  keepAnswered(exchange, headers.pairs, bytes)
  settle(gateway, exchange, 'complete')
  return new Response(bytes, { status: 200, headers: headers.pairs.map(([name, value]) => [name, value]) })
}

/** An answer begins that may be kept. */
export function beginFill(fill: Fill, { status, form, headers }: Answer): void {
  const head = {
    status,
    kind: form ?? 'body',
    contentType: headers.get('content-type'),
    warnings: headers.get('x-llm-proxy-warnings'),
  } as const
  fill.begin(head, isEncoded(headers) ? (body) => Buffer.from(textOf(body, headers)) : undefined)
}

/** All of an answer is there. */
export function fillWhole(fill: Fill, answer: Answer, body: Uint8Array, exchange: Exchange): void {
  beginFill(fill, answer)
  fill.see(body)
  fill.complete(exchange)
}
