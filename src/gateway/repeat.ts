import type { Call } from '#core/call.ts'
import type { Caller } from '#core/caller.ts'
import type { Debt } from '#core/debts.ts'
import type { AnswerCopy, Exchange } from '#core/exchange.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import type { RepeatPolicy } from '#idempotency/compile.ts'
import type { KeptAnswer, Run } from '#idempotency/repeats.ts'
import { concat } from '#kit/bytes.ts'
import { Stop } from '#kit/stop.ts'
import { userOf } from '#limit/demand.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Gateway } from './gateway.ts'
import { keepAnswered } from './keep-seen.ts'
import type { Presence } from './presence.ts'
import { settle } from './settle.ts'
import { turnAway } from './turn-away.ts'

/** A request that may have come before. */
export interface Repeatable {
  readonly gateway: Gateway
  readonly snapshot: Snapshot
  readonly caller: Caller
  /** As the client sent it. */
  readonly call: Call
  readonly exchange: Exchange
  readonly presence: Presence
}

/**
 * What a request with an Idempotency-Key was answered before, or why it cannot be told; settles the exchange. Undefined:
 * it is the first with its key, or has none, and somebody has to be asked.
 */
// oxlint-disable-next-line typescript/promise-function-async -- nearly every request has no key
export function replay(repeatable: Repeatable): Response | undefined | Promise<Response | undefined> {
  const { gateway, snapshot, call, exchange } = repeatable
  const key = call.headers.get('idempotency-key')
  const { idempotency: policy } = snapshot
  // What flows cannot be told from something else.
  if (policy === undefined || key === null || call.method !== 'POST' || call.upload !== undefined) return undefined
  // Limit: a longer key is refused.
  if (key === '' || key.length > keyLengthMax) return turnAway(gateway, exchange, wrongKey)
  return claim(repeatable, policy, key)
}

async function claim(repeatable: Repeatable, policy: RepeatPolicy, key: string): Promise<Response | undefined> {
  const { gateway, snapshot, caller, call, exchange, presence } = repeatable
  const { repeats } = gateway
  if (repeats === undefined) return undefined
  const { tellsApart } = snapshot.keys
  const owner = userOf({ caller, tellsApart, client: exchange.client, alias: '' })
  const id = digestOf(`${key}\0${owner}`)
  const digest = digestOf(`${exchange.path}?${call.query}\0`, call.body)
  const untilMs = gateway.clock.monotonicMs() + policy.waitMs
  for (;;) {
    const found = repeats.claim(id, digest, policy)
    switch (found.kind) {
      case 'first':
        keepCopy(exchange, found.run)
        return undefined
      case 'answered':
        return given(gateway, exchange, found.answer)
      case 'not_kept':
        return turnAway(gateway, exchange, notKept)
      case 'other_request':
        return turnAway(gateway, exchange, mismatch)
      case 'full':
        return turnAway(gateway, exchange, noRoom)
      case 'running': {
        const leftMs = untilMs - gateway.clock.monotonicMs()
        const isOver = leftMs > 0 && (await ends(gateway, presence, found.run, leftMs))
        if (presence.gone !== undefined) return turnAway(gateway, exchange, presence.gone)
        if (!isOver) return turnAway(gateway, exchange, inProgress)
      }
    }
  }
}

function keepCopy(exchange: Exchange, run: Run): void {
  const copy = new Copy(exchange, run)
  exchange.copy = copy
  exchange.debts.owe(copy)
}

/** Waits for its end, but not for someone who is gone. False: it takes too long, or too many wait for it. */
async function ends({ clock }: Gateway, presence: Presence, run: Run, ms: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const leave = run.wait(() => resolve(true))
  if (leave === undefined) return false
  const waiting = new Stop()
  waiting.tell({ onStop: () => resolve(false) })
  presence.watch(waiting)
  const cancel = clock.after(ms, () => resolve(false))
  try {
    return await promise
  } finally {
    cancel()
    leave()
  }
}

/** Copies what the client of the first request gets, and tells at its end what came of it. */
class Copy implements AnswerCopy, Debt {
  readonly #exchange: Exchange
  readonly #run: Run
  #pieces: Uint8Array[] = []
  #headers: KeptAnswer['headers'] = []
  #isWhole = false

  constructor(exchange: Exchange, run: Run) {
    this.#exchange = exchange
    this.#run = run
  }

  head(headers: KeptAnswer['headers'], body: Uint8Array | undefined): void {
    this.#headers = headers.filter(([name]) => !momentary.test(name))
    let bytes = 0
    for (const [name, value] of this.#headers) bytes += headerBytes + name.length + value.length
    // One that is too large to be kept was answered all the same.
    this.#isWhole = body !== undefined
    if (this.#run.mayKeep(bytes) && body !== undefined) this.add(body)
  }

  add(bytes: Uint8Array): void {
    // A piece may be part of a much larger buffer, which is not to be kept.
    if (this.#run.mayKeep(bytes.byteLength)) this.#pieces.push(bytes.slice())
    else this.#pieces = []
  }

  complete(): void {
    this.#isWhole = true
  }

  pay(): void {
    const { refusal, status, id: requestId } = this.#exchange
    if (!this.#isWhole || refusal !== undefined || !isFinal(status)) this.#run.failed()
    else if (this.#run.isTooLarge) this.#run.done(undefined)
    else this.#run.done({ requestId, status, headers: this.#headers, body: concat(this.#pieces) })
    this.#pieces = []
  }
}

/** Another try would bring the same. */
function isFinal(status: number): boolean {
  return status < 500 && !passing.has(status)
}

const passing: ReadonlySet<number> = new Set([401, 402, 403, 408, 409, 425, 429])

/** Limit: bytes that a header is taken to need beside its characters. */
const headerBytes = 200

/** They tell about one request, or the moment of its answer. */
const momentary =
  /^(?:x-request-id|request-id|(?:x|anthropic)-ratelimit-.*|date|connection|keep-alive|transfer-encoding)$/

function given(gateway: Gateway, exchange: Exchange, answer: KeptAnswer): Response {
  const { status, body } = answer
  const headers: [string, string][] = answer.headers.map(([name, value]) => [name, value])
  headers.push(['x-request-id', exchange.id])
  if (exchange.dialect === 'anthropic') headers.push(['request-id', exchange.id])
  headers.push(['idempotent-replayed', 'true'], ['x-llm-proxy-original-request-id', answer.requestId])
  exchange.status = status
  exchange.bytesOut = body.byteLength
  exchange.chunksOut = body.byteLength === 0 ? 0 : 1
  exchange.firstByteMs = gateway.clock.monotonicMs()
  keepAnswered(exchange, headers, body)
  settle(gateway, exchange, status < 400 ? 'complete' : 'failed')
  return new Response(body.byteLength === 0 ? null : body, { status, headers })
}

function digestOf(text: string, bytes?: Uint8Array): string {
  const hash = new Bun.CryptoHasher('sha256').update(text)
  return (bytes === undefined ? hash : hash.update(bytes)).digest('base64')
}

/** Limit: characters of an Idempotency-Key. */
const keyLengthMax = 255

const param = 'Idempotency-Key'
const wrongKey: Refusal = refuse(
  'invalid_parameter',
  `Cannot read the header "Idempotency-Key": it must have 1 to ${keyLengthMax} characters`,
  { param },
)
const mismatch: Refusal = refuse(
  'idempotency_mismatch',
  'Cannot accept the request: another one had the same Idempotency-Key, each request needs a key of its own',
  { param },
)
const inProgress: Refusal = refuse(
  'idempotency_in_progress',
  'Cannot answer yet: the same request is still under way, ask again later with the same Idempotency-Key',
  { param, retryAfterMs: 1000 },
)
const notKept: Refusal = refuse(
  'idempotency_not_kept',
  'Cannot repeat the answer: the request was answered, but its answer was too large to be kept; to have it done again, send a new Idempotency-Key',
  { param },
)
const noRoom: Refusal = refuse(
  'overloaded',
  'Cannot accept the request: too many requests with an Idempotency-Key are under way, try again later',
  { retryAfterMs: 1000 },
)
