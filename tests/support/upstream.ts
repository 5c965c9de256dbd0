import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Plan } from '#core/plan.ts'
import { concat, encode } from '#kit/bytes.ts'
import type { IncomingResponse, OutgoingRequest, Transport, TransportFailure } from '#ports/transport.ts'
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
    clientAddress: '203.0.113.7',
    peerAddress: '203.0.113.7',
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
  return { kind: 'response', status, headers: new Headers(headers), body, wasCancelled: () => cancelled }
}

/** Everything that a client would get of an answer's body. */
export async function bytesOf(answer: Answer): Promise<Buffer> {
  const chunks = [...answer.held]
  const { rest } = answer
  for (let read = await rest?.read(); read !== undefined && !read.done; read = await rest?.read())
    chunks.push(read.value)
  return Buffer.from(concat(chunks))
}
