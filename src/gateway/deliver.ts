import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { Plan } from '#core/plan.ts'
import type { Refusal } from '#core/refusal.ts'
import { shownUsd } from '#core/usage.ts'
import { concat } from '#kit/bytes.ts'
import { HeaderList, type HeaderPair } from '#kit/header-list.ts'
import { Deadline, type DeadlineOwner, type TimerWheel } from '#ports/timer-wheel.ts'
import { retryAfterMs } from '#upstream/retry-after.ts'
import { headersOfForm } from '#wire/keep-alive.ts'
import { isStreamType, mediaTypeOf } from '#wire/stream-type.ts'
import type { AwaitedForm } from './client-stream.ts'
import { Delivery } from './delivery.ts'
import type { Errand } from './errand.ts'
import { keepAnswered } from './keep-seen.ts'
import { meterWhole } from './meter.ts'
import { fillWhole } from './recalled.ts'
import { settle } from './settle.ts'

/** The answer as the client gets it: the upstream's status, headers and bytes, with our id on it. */
export function deliver(errand: Errand, answer: Answer): Response {
  const { gateway, exchange } = errand
  const { status, held, rest } = answer
  exchange.status = status
  const headers = headersFor(errand, answer)
  tellCache(errand, headers)
  if (rest !== undefined) {
    keepAnswered(exchange, headers.pairs)
    return new Response(new Delivery(errand, answer.form).of(answer), { status, headers: forPlatform(headers.pairs) })
  }
  const body = bodyOf(held)
  if (errand.snapshot.usage !== undefined || errand.entry?.countsTokens === true) meterWhole(errand, answer, body)
  if (errand.snapshot.debugHeaders) tellCost(headers, exchange)
  keepAnswered(exchange, headers.pairs, body)
  exchange.bytesOut = body.byteLength
  exchange.chunksOut = body.byteLength === 0 ? 0 : 1
  exchange.firstByteMs = gateway.clock.monotonicMs()
  if (errand.fill !== undefined) fillWhole(errand.fill, answer, body, exchange)
  settle(gateway, exchange, status < 400 ? 'complete' : 'failed')
  // Nobody knows how long the body would be, so the platform must not tell that it would be empty.
  if (exchange.method === 'HEAD' && status !== 204 && status !== 304 && !headers.has('content-length')) {
    headers.set('transfer-encoding', 'chunked')
  }
  // 204 and 304 have no body, not even an empty one.
  return new Response(body.byteLength === 0 ? null : body, { status, headers: forPlatform(headers.pairs) })
}

/**
 * The answer while it is still looked for. With the head the status is told, so whatever comes of it is told in the
 * body; but routes are still tried, one after the other, as if nothing had been sent.
 */
export function deliverLater(errand: Errand, attempting: Promise<Answer | Refusal>): Response {
  const { exchange } = errand
  const form = awaitedForm(errand)
  errand.head = form
  exchange.status = 200
  const headers = new HeaderList([...headersOfForm(form ?? 'json'), ['x-request-id', exchange.id]])
  if (exchange.dialect === 'anthropic') headers.set('request-id', exchange.id)
  if (form !== 'json') markStream(headers, errand, form)
  errand.entry?.tell(headers)
  tellCache(errand, headers)
  keepAnswered(exchange, headers.pairs)
  return new Response(new Delivery(errand, form).after(attempting), {
    status: 200,
    headers: forPlatform(headers.pairs),
  })
}

/** The call as it may be sent: what gets blanks in front of it must not be compressed. */
export function plainly(plan: Plan, call: Call): Call {
  if (
    !plan.streaming.jsonKeepAlive ||
    call.stream ||
    call.endpoint.reads === 'nothing' ||
    !call.headers.has('accept-encoding')
  )
    return call
  const headers = new Headers(call.headers)
  headers.set('accept-encoding', 'identity')
  return { ...call, headers }
}

/** What attempting brings, unless the client has to be given a sign of life before that: then undefined. */
// oxlint-disable-next-line typescript/promise-function-async -- nearly every request gets back the promise that it brought
export function soonEnough(
  errand: Errand,
  attempting: Promise<Answer | Refusal>,
): Promise<Answer | Refusal | undefined> {
  const { heartbeatMs } = errand.plan.streaming
  if (heartbeatMs === 0 || awaitedForm(errand) === undefined) return attempting
  return new Patience(errand.gateway.wheel, heartbeatMs).waitFor(attempting)
}

/** How signs of life are framed; undefined where none may be given. */
function awaitedForm({ call, plan }: Errand): AwaitedForm | undefined {
  const { stream, dialect, reads } = call.endpoint
  if (call.stream) return stream
  if (reads === 'nothing') return undefined
  // Answers of other endpoints may be no JSON, and a blank would not pass for nothing.
  return plan.streaming.jsonKeepAlive && (stream !== undefined || dialect === 'gemini') ? 'json' : undefined
}

class Patience implements DeadlineOwner {
  readonly #wheel: TimerWheel
  readonly #due = new Deadline(this)
  readonly #late = Promise.withResolvers<undefined>()

  constructor(wheel: TimerWheel, ms: number) {
    this.#wheel = wheel
    wheel.arm(this.#due, ms)
  }

  async waitFor<Awaited>(promise: Promise<Awaited>): Promise<Awaited | undefined> {
    try {
      return await Promise.race([promise, this.#late.promise])
    } finally {
      this.#wheel.disarm(this.#due)
    }
  }

  onDue(): void {
    this.#late.resolve(undefined)
  }
}

/** The upstream's headers with our id on them. */
export function headersFor(
  {
    gateway,
    call,
    exchange,
    snapshot,
    plan,
    entry,
  }: Pick<Errand, 'gateway' | 'call' | 'exchange' | 'snapshot' | 'plan' | 'entry'>,
  answer: Answer,
): HeaderList {
  const { headers } = answer
  const upstreamId = headers.get('x-request-id') ?? headers.get('request-id')
  if (upstreamId !== null) headers.set('x-llm-proxy-upstream-id', upstreamId)
  headers.set('x-request-id', exchange.id)
  if (exchange.dialect === 'anthropic') headers.set('request-id', exchange.id)
  if (answer.form !== undefined || isLive(answer, call)) markStream(headers, { plan, call }, answer.form)
  // Who asks for whatever there is, is told it as it is.
  if (answer.status >= 400 && call.endpoint.dialect !== 'raw') capRetryAfter(headers, gateway.clock.wallMs())
  if (snapshot.debugHeaders) tellRoute(headers, answer, exchange)
  entry?.tell(headers)
  return headers
}

/** What nobody reads may come in pieces, whatever is in them. */
function isLive({ candidate, headers }: Answer, { endpoint }: Call): boolean {
  return (
    (candidate.keepsModel === true || endpoint.reads === 'nothing') &&
    isStreamType(mediaTypeOf(headers.get('content-type') ?? ''))
  )
}

// Limit: official clients wait as long as they are told; ours are told no longer wait than by a refusal of our own.
const retryAfterMsMax = 60_000

function capRetryAfter(headers: HeaderList, nowWallMs: number): void {
  const askedMs = retryAfterMs(headers, nowWallMs)
  if (askedMs === undefined || askedMs <= retryAfterMsMax) return
  headers.set('retry-after', String(retryAfterMsMax / 1000))
  if (headers.has('retry-after-ms')) headers.set('retry-after-ms', String(retryAfterMsMax))
}

/** One of no known form is neither held back nor rescued, and of those that nobody read none is rescued. */
function markStream(
  headers: HeaderList,
  { plan, call }: Pick<Errand, 'plan' | 'call'>,
  form: StreamForm | undefined,
): void {
  const { rescue, holds } = plan.streaming
  const mayBeRescued = rescue !== 'off' && form !== undefined && call.endpoint.reads !== 'nothing'
  // Proxies in front of us must neither collect nor keep a stream.
  headers.set('x-accel-buffering', 'no')
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-cache')
  const isReplayed = holds && form !== undefined
  headers.set('x-stream-status', isReplayed ? 'replayed' : mayBeRescued ? 'rescued-capable' : 'live')
}

function tellCache({ fill }: Errand, headers: HeaderList): void {
  const told = fill?.told
  if (told !== undefined) headers.set(told.name, told.value)
}

function tellRoute(headers: HeaderList, { candidate }: Answer, { attempts }: Errand['exchange']): void {
  headers.set('x-llm-proxy-backend', encodeURIComponent(candidate.backend.name))
  headers.set('x-llm-proxy-model', encodeURIComponent(candidate.model))
  headers.set('x-llm-proxy-attempts', String(attempts.length))
  const spent = attempts.map(({ durationMs }, index) => `attempt${index + 1};dur=${durationMs.toFixed(1)}`)
  headers.set('server-timing', spent.join(', '))
}

/** In US dollars. Of a stream nobody knows it while there is a head to tell it in. */
function tellCost(headers: HeaderList, { costUsd }: Errand['exchange']): void {
  if (costUsd !== undefined) headers.set('x-llm-proxy-cost', String(shownUsd(costUsd)))
}

function forPlatform(pairs: readonly HeaderPair[]): [string, string][] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the platform's types say it could change them; it does not
  return pairs as [string, string][]
}

/** The platform takes only bytes that no other thread could change; those of an upstream never are. */
function bodyOf(held: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [only] = held
  return held.length === 1 && only !== undefined && isOurs(only) ? only : concat(held)
}

function isOurs(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
}
