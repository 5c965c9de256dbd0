import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Plan } from '#core/plan.ts'
import { concat, encode } from '#kit/bytes.ts'
import { HeaderList } from '#kit/header-list.ts'
import type { Stop } from '#kit/stop.ts'
import { StreamBody } from '#ports/stream-body.ts'
import type { IncomingBody, IncomingResponse, OutgoingRequest, Transport, TransportFailure } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import { readThrough } from './body.ts'
import { compileDetection } from '#upstream/detect.ts'

/** A chat call for the model `alias`, with overrides; `body` is looked through for the model's place. */
export function callOf(overrides: Partial<Call> = {}): Call {
  const model = overrides.model ?? 'alias'
  const body = overrides.body ?? encode(JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }))
  const quoted = JSON.stringify(model)
  const start = Buffer.from(body).indexOf(quoted)
  return {
    endpoint: { path: '/v1/chat/completions', dialect: 'openai', reads: 'json', stream: 'chat' },
    method: 'POST',
    path: '/v1/chat/completions',
    query: '',
    headers: new Headers({ 'content-type': 'application/json' }),
    model,
    stream: false,
    body,
    modelAt: { start, end: start + Buffer.byteLength(quoted) },
    client: { address: '203.0.113.7', peer: '203.0.113.7' },
    ...overrides,
  }
}

/** A plan without tiers, as far as a single attempt reads it. */
export function planOf(
  codes: readonly string[] = ['4xx', '5xx'],
  patterns: readonly string[] = [],
  cools: (status: number) => boolean = () => false,
): Plan {
  return {
    alias: 'alias',
    tiers: [],
    attemptsMax: Infinity,
    deadlineMs: 0,
    whenAllCooling: 'refuse',
    failsOpen: true,
    slowStartMs: 0,
    detection: compileDetection(codes, patterns).value,
    cooldown: { cooldownMs: 30_000, retryAfterMsMax: 300_000, respectRetryAfter: true, cools },
    breaker: undefined,
    retry: {
      retriesMax: 0,
      baseMs: 0,
      delayMsMax: 0,
      multiplier: 1,
      jitter: 0,
      retriesStatus: () => false,
    },
    streaming: {
      heartbeatMs: 0,
      jsonKeepAlive: false,
      rescue: 'off',
      holds: false,
      onDisconnect: 'cancel',
      clientStallMs: 0,
    },
  }
}

/** Gives prepared answers in order, the last one again and again, and remembers what it was asked. */
export class FakeTransport implements Transport {
  readonly sent: OutgoingRequest[] = []
  readonly #answers: (IncomingResponse | TransportFailure)[]

  constructor(...answers: (IncomingResponse | TransportFailure)[]) {
    this.#answers = answers
  }

  async send(request: OutgoingRequest): Promise<IncomingResponse | TransportFailure> {
    this.sent.push(request)
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]
    if (answer === undefined) throw new Error('Cannot answer: the test prepared nothing')
    return answer
  }
}

/** How a body of {@link responseOf} ends: cleanly, by breaking, or never. */
export type BodyEnd = 'end' | 'hang' | TransportFailure

/** An answer whose body comes in these chunks. */
export function responseOf(
  status: number,
  headers: Readonly<Record<string, string>>,
  chunks: readonly (string | Uint8Array)[],
  ends: BodyEnd = 'end',
): IncomingResponse & { readonly wasCancelled: () => boolean } {
  const left = chunks.map((chunk) => (typeof chunk === 'string' ? encode(chunk) : chunk))
  let cancelled = false
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = left.shift()
        if (next !== undefined) return controller.enqueue(next)
        if (ends === 'end') return controller.close()
        if (ends === 'hang') return await new Promise<void>(() => {})
        controller.error(ends)
      },
      cancel() {
        cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return {
    kind: 'response',
    status,
    headers: headersOf(headers),
    sentMs: undefined,
    body: bodyFrom(body),
    wasCancelled: () => cancelled,
  }
}

/** An answer whose body came with its head. */
export function wholeResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array = '',
): IncomingResponse {
  const bytes = typeof body === 'string' ? encode(body) : body
  return { kind: 'response', status, headers: headersOf(headers), sentMs: undefined, body: new WholeBody(bytes) }
}

/** A stream as the body of an answer; it breaks with what its controller is given. */
export function bodyFrom(stream: ReadableStream<Uint8Array>): IncomingBody {
  return new StreamBody(stream, { explain: (error) => (isFailure(error) ? error : oddFailure), release() {} })
}

/** Headers as a transport hands them on. */
export function headersOf(headers: Readonly<Record<string, string>>): HeaderList {
  return HeaderList.from(Object.entries(headers))
}

const oddFailure: TransportFailure = { kind: 'transport_failure', phase: 'body', cause: 'other', message: 'odd' }

function isFailure(error: unknown): error is TransportFailure {
  return typeof error === 'object' && error !== null && 'kind' in error && error.kind === 'transport_failure'
}

/** The body of a request as it goes out. */
export function sentBy({ body }: OutgoingRequest): Buffer {
  if (body instanceof ReadableStream) throw new Error('Cannot tell: the body is a stream')
  return Buffer.concat(body ?? [])
}

/** The wish to end as the platform's streams and waits know it. */
export function signalOf(stop: Stop): AbortSignal {
  const abort = new AbortController()
  stop.tell({ onStop: () => abort.abort() })
  return abort.signal
}

/** Everything that a client would get of an answer's body. */
export async function bytesOf(answer: Answer): Promise<Buffer> {
  const rest = answer.rest === undefined ? [] : (await readThrough(answer.rest)).pieces
  return Buffer.from(concat([...answer.held, ...rest]))
}
