import type { Random } from '#ports/random.ts'
import { readAsk, type Ask } from './ask.ts'
import { parseBehaviour, type Behaviour, type BehaviourKind } from './behaviour.ts'
import { bodyFor, streamFor, type WholeBody } from './dialects.ts'
import { errorBody, errorEvent, errorHeaders, type MockError, type StreamPlace } from './errors.ts'
import { sseType, type EventStream } from './events.ts'
import { asksForEvents } from './generate.ts'
import { lineType } from './ndjson.ts'
import { replyTo } from './reply.ts'
import type { MockRequest } from './request.ts'
import { scriptOfBody, scriptOfStream, varied, type Script } from './script.ts'
import { complaintAbout } from '#mock/strict/complaint.ts'
import { placeOf, type MockDialect } from './surface.ts'

/** What a mock backend does with a request; playing it is the business of its transport or server. */
export type MockAnswer = MockResponse | MockRefusal | MockSilence

/** No connection. */
interface MockRefusal {
  readonly kind: 'refused'
  readonly model: string
}

/** A connection that stays open, and no answer. */
interface MockSilence {
  readonly kind: 'silent'
  readonly model: string
}

interface MockResponse {
  readonly kind: 'response'
  /** The model's name as it arrived; empty when there was none. */
  readonly model: string
  readonly status: number
  readonly headers: Headers
  /** Before the head. */
  readonly delayMs: number
  readonly body: Script
}

export interface MockContext {
  /** Sent back as `x-up`, so that a client can tell who answered. */
  readonly name: string
  readonly wallMs: number
  /** For this request alone. */
  readonly random: Random
}

const page = '<!doctype html>\n<html><head><title>Mock</title></head><body><h1>This is a web page</h1></body></html>\n'

/** Decides the whole answer to a request. Reads no clock and waits for nothing. */
export function answerMock(request: MockRequest, context: MockContext): MockAnswer {
  const place = placeOf(request.method, request.path, request.headers)
  const ask = readAsk(place, request.headers, request.body)
  if (ask === undefined) {
    const say = new Speaker(request, context, place.dialect, '')
    return say.error({
      status: 400,
      message: 'Cannot read the request: its body is not a JSON object of at most 200 levels',
    })
  }
  const say = new Speaker(request, context, ask.dialect, ask.model)
  const behaviour = parseBehaviour(ask.model)
  if ('problem' in behaviour) return say.error({ status: 400, message: behaviour.problem })
  // What fails anyway fails whatever was asked.
  const isRead = behaviour.kind === 'answer' && !behaviour.lenient
  const complaint = isRead ? complaintAbout(ask, request) : undefined
  if (complaint !== undefined) return say.error({ status: 400, message: complaint })
  const delayMs = varied(behaviour.headDelayMs, behaviour, context.random)
  return answers[behaviour.kind](say, ask, behaviour, delayMs)
}

type Answering = (say: Speaker, ask: Ask, behaviour: Behaviour, delayMs: number) => MockAnswer

const answers: Readonly<Record<BehaviourKind, Answering>> = {
  answer: (say, ask, behaviour, delayMs) => say.reply(ask, behaviour, delayMs),
  error(say, _ask, behaviour, delayMs) {
    const message = `Cannot answer the request: the mock backend was asked for status ${behaviour.status}`
    return say.error({ status: behaviour.status, message }, behaviour, delayMs)
  },
  quota(say, _ask, behaviour, delayMs) {
    const message = 'You exceeded your current quota (insufficient_quota), please check your plan and billing'
    return { ...say.error({ status: 429, message, code: 'insufficient_quota' }, behaviour, delayMs), status: 200 }
  },
  stream_error(say, ask, behaviour, delayMs) {
    const error = { status: 500, message: 'Cannot go on with the stream: the mock backend was asked to fail in it' }
    if (!ask.stream) return { ...say.error(error, behaviour, delayMs), status: 200 }
    return say.failing(ask, error, behaviour, delayMs)
  },
  html: (say, _ask, behaviour, delayMs) =>
    say.whole({ type: 'text/html; charset=utf-8', body: page }, behaviour, delayMs),
  empty: (say, ask, behaviour, delayMs) =>
    say.whole({ type: ask.stream ? streamTypeOf(ask) : 'application/json', body: '' }, behaviour, delayMs),
  redirect(say, _ask, behaviour, delayMs) {
    const answer = say.whole({ type: 'text/plain', body: 'Moved\n' }, behaviour, delayMs)
    answer.headers.set('location', 'https://moved.invalid/')
    return answer
  },
  badstatus: (say, _ask, behaviour, delayMs) => say.whole({ type: 'text/plain', body: '' }, behaviour, delayMs),
  hang: (_say, ask) => ({ kind: 'silent', model: ask.model }),
  dead: (_say, ask) => ({ kind: 'refused', model: ask.model }),
}

/** Words of one answer: its headers and the parts that every answer shares. */
class Speaker {
  readonly requestId: string
  readonly #request: MockRequest
  readonly #context: MockContext
  readonly #dialect: MockDialect
  readonly #model: string

  constructor(request: MockRequest, context: MockContext, dialect: MockDialect, model: string) {
    this.#request = request
    this.#context = context
    this.#dialect = dialect
    this.#model = model
    this.requestId = `req_mock${Math.floor(context.random.unit() * 1e9).toString(36)}`
  }

  reply(ask: Ask, behaviour: Behaviour, delayMs: number): MockResponse {
    const { random, wallMs } = this.#context
    const reply = replyTo(ask, behaviour, this.#request.headers, wallMs, random)
    const stream = ask.stream || behaviour.ndjson ? streamFor(ask, reply, behaviour, this.#request) : undefined
    if (stream !== undefined) return this.stream(stream, behaviour, delayMs)
    const whole = bodyFor(ask, reply, this.#request)
    if (whole === undefined) {
      const { method, path } = this.#request
      return this.error({
        status: 404,
        message: `Cannot answer ${method} "${path}": the mock backend has no such path`,
      })
    }
    // A body comes when all of its tokens are there.
    const thinkMs = behaviour.ttftMs + behaviour.gapMs * Math.max(0, reply.tokens.length - 1)
    return this.whole(whole, behaviour, delayMs + varied(thinkMs, behaviour, random))
  }

  /** A stream that says what its behaviour lets it say, and then that it cannot go on. */
  failing(ask: Ask, error: MockError, behaviour: Behaviour, delayMs: number): MockResponse {
    const { random, wallMs } = this.#context
    const after = behaviour.failsAfter
    const place: StreamPlace = {
      surface: ask.surface,
      dialect: ask.dialect,
      isArray: ask.dialect === 'gemini' && !asksForEvents(this.#request.query),
    }
    const event = errorEvent(place, error, this.requestId, after === 0)
    const reply = replyTo(ask, behaviour, this.#request.headers, wallMs, random)
    const stream = streamFor(ask, reply, behaviour, this.#request)
    const { contentType } = stream ?? { contentType: streamTypeOf(ask) }
    if (stream === undefined || after === 0)
      return this.stream({ contentType, events: [event], malformed: '' }, behaviour, delayMs)
    return this.stream({ ...stream, failure: { after, event } }, behaviour, delayMs)
  }

  error(error: MockError, behaviour?: Behaviour, delayMs = 0): MockResponse {
    const body = JSON.stringify(errorBody(this.#dialect, error, this.requestId))
    const answer = this.whole({ type: 'application/json', body }, behaviour, delayMs)
    for (const [name, value] of errorHeaders(this.#dialect, error)) answer.headers.set(name, value)
    if (behaviour?.retryAfter !== undefined) answer.headers.set('retry-after', behaviour.retryAfter)
    return { ...answer, status: error.status }
  }

  stream(stream: EventStream, behaviour: Behaviour, delayMs: number): MockResponse {
    const headers = this.#headers(stream.contentType)
    headers.set('cache-control', 'no-cache')
    const body = scriptOfStream(stream, behaviour, this.#context.random)
    return { kind: 'response', model: this.#model, status: behaviour.status, headers, delayMs, body }
  }

  whole(whole: WholeBody, behaviour: Behaviour | undefined, delayMs: number): MockResponse {
    const headers = this.#headers(whole.type)
    let bytes: Uint8Array = typeof whole.body === 'string' ? new TextEncoder().encode(whole.body) : whole.body
    // Half of a JSON text is never JSON.
    if (behaviour?.malformed === true) bytes = bytes.subarray(0, Math.floor(bytes.length / 2))
    if (behaviour?.gzip === true && acceptsGzip(this.#request.headers)) {
      bytes = process.getBuiltinModule('node:zlib').gzipSync(bytes)
      headers.set('content-encoding', 'gzip')
    }
    headers.set('content-length', String(bytes.length))
    const body = scriptOfBody(bytes, behaviour)
    return { kind: 'response', model: this.#model, status: behaviour?.status ?? 200, headers, delayMs, body }
  }

  #headers(contentType: string): Headers {
    const idName = this.#dialect === 'bedrock' ? 'x-amzn-requestid' : 'x-request-id'
    return new Headers({ 'content-type': contentType, [idName]: this.requestId, 'x-up': this.#context.name })
  }
}

function streamTypeOf({ dialect }: Ask): string {
  return dialect === 'ollama' ? lineType : sseType
}

function acceptsGzip(headers: Headers): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\b)/i.test(headers.get('accept-encoding') ?? '')
}
