import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { isAnswer, type Answer } from '#core/answer.ts'
import type { Backend } from '#core/candidate.ts'
import type { Call } from '#core/call.ts'
import type { Failure } from '#core/failure.ts'
import { Secret } from '#core/secret.ts'
import type { Plan } from '#core/plan.ts'
import { Stop } from '#kit/stop.ts'
import type { IncomingResponse, TransportFailure } from '#ports/transport.ts'
import { send, type Trip } from '#upstream/send.ts'
import { flowThrough } from '../../support/body.ts'
import { backendOf, candidateOf } from '../../support/candidate.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'
import {
  bodyFrom,
  bytesOf,
  callOf,
  FakeTransport,
  headersOf,
  planOf,
  responseOf,
  wholeResponse,
} from '../../support/upstream.ts'

interface Setting {
  readonly call?: Partial<Call>
  readonly plan?: Plan
  readonly backend?: Partial<Backend>
  readonly timeouts?: Partial<Backend['timeouts']>
  readonly clock?: FakeClock
  readonly record?: Trip['record']
}

async function sendTo(
  response: IncomingResponse | TransportFailure,
  { call, plan, backend: overrides, timeouts, clock, record }: Setting = {},
): Promise<Answer | Failure> {
  const ports = { transport: new FakeTransport(response), clock: clock ?? new FakeClock() }
  const backend = backendOf('b', overrides)
  const candidate = candidateOf('b', 'm', {
    backend: { ...backend, timeouts: { ...backend.timeouts, ...timeouts } },
  })
  const trip = {
    stop: new Stop(),
    record: record ?? { url: '', startedMs: 0, sent: undefined, received: undefined },
    isSeen: record !== undefined,
    contentCame() {},
  }
  return await send(ports, callOf(call), candidate, plan ?? planOf(), trip)
}

async function answerTo(...[response, setting]: Parameters<typeof sendTo>): Promise<Answer> {
  const outcome = await sendTo(response, setting)
  if (!isAnswer(outcome)) throw new Error(`Cannot go on: ${outcome.message}`)
  return outcome
}

async function failureTo(...[response, setting]: Parameters<typeof sendTo>): Promise<Failure> {
  const outcome = await sendTo(response, setting)
  if (isAnswer(outcome)) throw new Error('Cannot go on: there was an answer')
  return outcome
}

const json = { 'content-type': 'application/json' }
const sse = { 'content-type': 'text/event-stream; charset=utf-8' }
const streaming: Setting = { call: { stream: true } }
const cut: TransportFailure = { kind: 'transport_failure', phase: 'body', cause: 'reset', message: 'cut' }
const quotaError =
  '{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}'

const role = 'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
const text = 'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
const stop = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

describe('an answer with a good status', () => {
  test('B39: its bytes and headers are handed on', async () => {
    const body = '{ "choices": [], "n": 9007199254740993, "error": null }'
    const answer = await answerTo(responseOf(200, { ...json, 'x-up': '1', connection: 'close' }, [body]))
    expect(answer).toMatchObject({ status: 200, rest: undefined, form: undefined })
    expect(Object.fromEntries(answer.headers)).toEqual({ ...json, 'x-up': '1' })
    expect((await bytesOf(answer)).toString()).toBe(body)
  })

  test('N118: a large body is handed on after its beginning, byte for byte', async () => {
    const chunks = Array.from({ length: 50 }, (_, at) => `${at === 0 ? '{"a":"' : ''}${'x'.repeat(1000)}`)
    const answer = await answerTo(responseOf(200, json, chunks))
    expect(answer.held.reduce((sum, chunk) => sum + chunk.byteLength, 0)).toBeLessThan(20_000)
    expect((await bytesOf(answer)).toString()).toBe(chunks.join(''))
  })

  test('N119: an encoded body keeps its bytes and its encoding', async () => {
    const body = gzipSync('{"choices":[]}')
    const answer = await answerTo(responseOf(200, { ...json, 'content-encoding': 'gzip' }, [body]))
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    expect((await bytesOf(answer)).equals(body)).toBe(true)
  })

  test.each([
    ['audio/mpeg', Buffer.from([0xff, 0xfb, 0x90, 0x00])],
    ['text/plain; charset=utf-8', 'WEBVTT'],
    ['application/x-ndjson', '{"error":"odd"}\n'],
    ['application/octet-stream', '{"error":"just bytes"}'],
  ])('a body of type %s is not looked into', async (type, body) => {
    const answer = await answerTo(responseOf(200, { 'content-type': type }, [body]))
    expect((await bytesOf(answer)).equals(Buffer.from(body))).toBe(true)
  })

  test('a JSON body that dribbles in is sent on after ten seconds', async () => {
    const clock = new FakeClock()
    const waiting = answerTo(responseOf(200, json, ['  ', '\n'], 'hang'), { clock, timeouts: { idleMs: 60_000 } })
    await settled()
    await clock.advance(10_000)
    expect(Buffer.concat((await waiting).held).toString()).toBe('  \n')
  })

  test('a body of its own type may be empty', async () => {
    expect(await answerTo(responseOf(200, { 'content-type': 'audio/mpeg' }, []))).toMatchObject({
      held: [],
      status: 200,
    })
  })

  test('a 204 has no body and is an answer', async () => {
    expect(await answerTo(responseOf(204, {}, []))).toMatchObject({ status: 204, held: [], rest: undefined })
  })

  test('an answer whose text merely speaks of an error is one', async () => {
    const body = '{"choices":[{"message":{"content":"say \\"error\\": insufficient_quota"}}],"error":null}'
    expect((await bytesOf(await answerTo(responseOf(200, json, [body])))).toString()).toBe(body)
  })
})

describe('an answer with a good status that is none', () => {
  test.each<[string, Record<string, string>, readonly (string | Uint8Array)[]]>([
    ['a JSON error', json, [quotaError]],
    ['a JSON error in pieces', json, ['{"err', 'or":{"message":"m"}}']],
    ['a JSON error with its own media type', { 'content-type': 'application/problem+json' }, [quotaError]],
    ['a JSON error without a type', {}, [quotaError]],
    ['a JSON error in an array', json, [`[${quotaError}]`]],
    ['a compressed JSON error', { ...json, 'content-encoding': 'gzip' }, [gzipSync(quotaError)]],
    ['an Anthropic error', json, ['{"type":"error","error":{"type":"overloaded_error","message":"m"}}']],
    ['a large JSON error', json, [`{"error":{"message":"${'x'.repeat(20_000)}`, '"}}']],
  ])('B33: %s is a failure', async (_, headers, chunks) => {
    const response = responseOf(200, headers, chunks)
    expect(await failureTo(response)).toMatchObject({
      reason: 'error_in_body',
      status: 200,
      tryNext: true,
      cools: true,
    })
  })

  test('N109: a JSON error is found although a stream was asked', async () => {
    expect(await failureTo(responseOf(200, json, [quotaError]), streaming)).toMatchObject({ reason: 'error_in_body' })
  })

  test.each([{}, streaming])('an HTML page is a failure and is not read (%j)', async (setting) => {
    const response = responseOf(200, { 'content-type': 'Text/HTML; charset=utf-8' }, ['<html>'])
    expect(await failureTo(response, setting)).toMatchObject({ reason: 'invalid_response', tryNext: true, cools: true })
    expect(response.wasCancelled()).toBe(true)
  })

  test.each<[string, number, Record<string, string>]>([
    ['an HTML page', 200, { 'content-type': 'text/html' }],
    ['nothing', 200, json],
    ['a redirect', 302, { location: '/login' }],
  ])('N101: %s for a path that the client thought up is not held against the route', async (_, status, headers) => {
    const endpoint = { path: '/v1/*', dialect: 'openai', reads: 'json', stream: undefined } as const
    const failure = await failureTo(responseOf(status, headers, []), { call: { endpoint, path: '/v1/odd' } })
    expect(failure).toMatchObject({ tryNext: true, cools: false })
    expect(await failureTo(responseOf(status, headers, []))).toMatchObject({ tryNext: true, cools: true })
  })

  test.each([json, sse, {}])('an empty body of type %j is a failure', async (headers) => {
    expect(await failureTo(responseOf(200, headers, []))).toMatchObject({ reason: 'empty', tryNext: true })
  })

  test('a body that breaks in its beginning is a failure', async () => {
    expect(await failureTo(responseOf(200, json, ['{"a":'], cut))).toMatchObject({
      reason: 'reset',
      tryNext: true,
      retrySame: false,
    })
  })

  test.each([301, 302, 307, 308])('a redirect with %i is not followed', async (status) => {
    const response = responseOf(status, { location: 'http://169.254.169.254/' }, [])
    expect(await failureTo(response)).toMatchObject({ reason: 'invalid_response', status, tryNext: true })
  })
})

describe('an answer that came at once', () => {
  const noStream = { path: '/v1/*', dialect: 'openai', reads: 'json', stream: undefined } as const

  test.each<[string, Record<string, string>, string | Uint8Array]>([
    ['JSON', json, '{"choices":[]}'],
    ['JSON that speaks of an "error"', json, '{"choices":[],"error":null}'],
    ['large JSON', json, `{"choices":["${'x'.repeat(100_000)}"]}`],
    ['compressed JSON', { ...json, 'content-encoding': 'gzip' }, gzipSync('{"choices":[]}')],
    ['sound', { 'content-type': 'audio/mpeg' }, Buffer.from([0xff, 0xfb, 0x90, 0x00])],
    ['nothing of its own type', { 'content-type': 'audio/mpeg' }, ''],
  ])('B39: goes out byte for byte: %s', async (_, headers, body) => {
    const answer = await answerTo(wholeResponse(200, headers, body))
    expect(answer).toMatchObject({ rest: undefined, form: undefined })
    expect((await bytesOf(answer)).equals(Buffer.from(body))).toBe(true)
  })

  test.each<[string, Record<string, string>, string, Failure['reason']]>([
    ['an error in JSON', json, quotaError, 'error_in_body'],
    ['a large error', json, `{"error":{"message":"${'x'.repeat(20_000)}"}}`, 'error_in_body'],
    ['an error without a type', {}, quotaError, 'error_in_body'],
    ['an HTML page', { 'content-type': 'text/html' }, '<html>', 'invalid_response'],
    ['nothing', json, '', 'empty'],
  ])('B33: is a failure with %s', async (_, headers, body, reason) => {
    const outcome = await failureTo(wholeResponse(200, headers, body))
    expect(outcome).toMatchObject({ reason, status: 200, tryNext: true, cools: true })
  })

  test('B41: a stream of which all is there is watched to its end all the same', async () => {
    const answer = await answerTo(wholeResponse(200, sse, role + text + stop), streaming)
    expect(answer.form).toBe('chat')
    expect(Buffer.concat(answer.held).toString()).toBe(role + text + stop)
    const { rest } = answer
    if (rest === undefined) throw new Error('Cannot go on: there is no rest')
    expect(await flowThrough(rest)).toEqual({ pieces: [], end: 'end' })
  })

  test('B34: a stream of which all is there is judged like any other', async () => {
    const failing = wholeResponse(200, sse, `${role}data: ${quotaError}\n\n`)
    expect(await failureTo(failing, streaming)).toMatchObject({ reason: 'error_in_body' })
    expect(await failureTo(wholeResponse(200, sse, role), streaming)).toMatchObject({ reason: 'empty' })
  })

  test('of a kind that nobody watches needs no stream', async () => {
    const call = { stream: true, endpoint: noStream, path: '/v1/odd' }
    const answer = await answerTo(wholeResponse(200, { 'content-type': 'application/x-ndjson' }, '{}\n'), { call })
    expect([answer.rest, Buffer.concat(answer.held).toString()]).toEqual([undefined, '{}\n'])
  })

  test('B28: with an error status is held with its headers', async () => {
    const failure = await failureTo(wholeResponse(429, { ...json, 'retry-after': '7' }, quotaError))
    expect(failure).toMatchObject({ reason: 'status', status: 429, retryAfterMs: 7000 })
    expect(Buffer.from(failure.held?.body ?? []).toString()).toBe(quotaError)
  })

  test('sets no timer', async () => {
    const clock = new FakeClock()
    let timers = 0
    clock.after = () => {
      timers += 1
      return () => {}
    }
    await answerTo(wholeResponse(200, json, '{}'), { clock, timeouts: { idleMs: 10, firstByteMs: 10 } })
    expect(timers).toBe(0)
  })
})

describe('F8: a request whose idle connection was dead', () => {
  const head: TransportFailure = { kind: 'transport_failure', phase: 'head', cause: 'reset', message: 'closed' }
  const trace = { bytesSent: 300, bytesReceived: 0, wasReused: true, afterMs: 2 }
  const record = (): Trip['record'] => ({ url: '', startedMs: 0, sent: undefined, received: undefined })

  async function sendOver(transport: FakeTransport, noted = record(), call = callOf()): Promise<Answer | Failure> {
    const trip = { stop: new Stop(), record: noted, isSeen: false, contentCame() {} }
    return await send({ transport, clock: new FakeClock() }, call, candidateOf('b', 'm'), planOf(), trip)
  }

  test('is sent again over a fresh one, and that is noted', async () => {
    const transport = new FakeTransport({ ...head, trace }, wholeResponse(200, json, '{}'))
    const noted = record()
    expect(isAnswer(await sendOver(transport, noted))).toBe(true)
    const [first, second] = transport.sent
    expect([first?.fresh, second?.fresh, noted.isRepeated]).toEqual([undefined, true, true])
    expect({ ...second, fresh: undefined }).toEqual({ ...first, fresh: undefined })
  })

  test.each([
    { method: 'GET', bytesSent: 300, sends: 2 },
    { method: 'POST', bytesSent: 300, sends: 2 },
    { method: 'PUT', bytesSent: 300, sends: 1 },
    { method: 'PATCH', bytesSent: 300, sends: 1 },
    { method: 'DELETE', bytesSent: 300, sends: 1 },
    { method: 'DELETE', bytesSent: 0, sends: 2 },
  ])('D44: one by $method that nobody read, of $bytesSent bytes that went out, is sent $sends times', async (row) => {
    const { method, bytesSent, sends } = row
    const failure = { ...head, trace: { ...trace, bytesSent } }
    const transport = new FakeTransport(failure, wholeResponse(200, json, '{}'))
    const outcome = await sendOver(transport, record(), callOf({ endpoint: rawEndpoint, method }))
    expect([transport.sent.length, isAnswer(outcome)]).toEqual([sends, sends === 2])
    if (!isAnswer(outcome)) expect(outcome.tryNext).toBe(false)
  })

  test('is sent again once', async () => {
    const transport = new FakeTransport({ ...head, trace })
    expect(await sendOver(transport)).toMatchObject({ reason: 'reset', tryNext: true })
    expect(transport.sent.length).toBe(2)
  })

  test.each<[string, TransportFailure]>([
    ['that was not idle', { ...head, trace: { ...trace, wasReused: false } }],
    ['that answered something', { ...head, trace: { ...trace, bytesReceived: 1 } }],
    ['that took its time', { ...head, trace: { ...trace, afterMs: 600 } }],
    ['of which nothing is known', head],
    ['that timed out', { ...head, cause: 'timeout', trace }],
  ])('is not sent again over one %s', async (_, failure) => {
    const transport = new FakeTransport(failure, wholeResponse(200, json, '{}'))
    expect(isAnswer(await sendOver(transport))).toBe(false)
    expect(transport.sent.length).toBe(1)
  })
})

describe('a stream', () => {
  test('B41: is held back until content comes, and then goes out whole', async () => {
    const answer = await answerTo(responseOf(200, sse, [': ping\n\n', role, text, stop]), streaming)
    expect(answer.form).toBe('chat')
    expect(Buffer.concat(answer.held).toString()).toBe(`: ping\n\n${role}${text}`)
    expect((await bytesOf(answer)).toString()).toBe(`: ping\n\n${role}${text}${stop}`)
  })

  test('B42: does not wait for more than its first content', async () => {
    const answer = await answerTo(responseOf(200, sse, [text], 'hang'), streaming)
    expect(Buffer.concat(answer.held).toString()).toBe(text)
  })

  test.each([
    ['as its first event', [`data: ${quotaError}\n\n`]],
    ['after events without content', [role, `data: ${quotaError}\n\n`]],
    ['with a name', [`event: error\ndata: ${quotaError}\n\n`]],
    ['cut into bytes', `data: ${quotaError}\n\n`.split('')],
  ])('B34: is a failure with an error %s', async (_, chunks) => {
    const response = responseOf(200, sse, chunks, 'hang')
    expect(await failureTo(response, streaming)).toMatchObject({ reason: 'error_in_body', tryNext: true, cools: true })
    expect(response.wasCancelled()).toBe(true)
  })

  test('is a failure when it ends before any content', async () => {
    expect(await failureTo(responseOf(200, sse, [role]), streaming)).toMatchObject({ reason: 'empty', tryNext: true })
  })

  test('is a failure when it breaks before any content', async () => {
    expect(await failureTo(responseOf(200, sse, [role], cut), streaming)).toMatchObject({ reason: 'reset' })
  })

  test('N108: that breaks after content says so to the reader of the rest', async () => {
    const answer = await answerTo(responseOf(200, sse, [text], cut), streaming)
    expect(await answer.rest?.read()).toEqual(cut)
  })

  test('is judged as a stream although its type was forgotten', async () => {
    expect((await answerTo(responseOf(200, {}, [text, stop]), streaming)).form).toBe('chat')
    const failure = await failureTo(
      responseOf(200, { 'content-type': 'text/plain' }, [`data: ${quotaError}\n\n`]),
      streaming,
    )
    expect(failure.reason).toBe('error_in_body')
  })

  test('compressed against our wish is a failure, as nothing of it could be watched', async () => {
    const response = responseOf(200, { ...sse, 'content-encoding': 'gzip' }, [gzipSync(text)])
    expect(await failureTo(response, streaming)).toMatchObject({ reason: 'invalid_response', tryNext: true })
    expect(response.wasCancelled()).toBe(true)
  })

  test('N119: that nobody asked for passes compressed as it came', async () => {
    const body = gzipSync(text)
    const answer = await answerTo(responseOf(200, { ...sse, 'content-encoding': 'gzip' }, [body]))
    expect(answer.form).toBeUndefined()
    expect((await bytesOf(answer)).equals(body)).toBe(true)
  })

  test.each(['application/x-ndjson', 'application/jsonl', 'application/vnd.amazon.eventstream'])(
    'of type %s is a failure where events were asked for',
    async (type) => {
      const response = responseOf(200, { 'content-type': type }, ['{"message":{"content":"hi"}}\n'], 'hang')
      expect(await failureTo(response, streaming)).toMatchObject({ reason: 'invalid_response', tryNext: true })
      expect(response.wasCancelled()).toBe(true)
    },
  )

  test('of lines of JSON passes where nobody knows how its streams look', async () => {
    const endpoint = { path: '/v1/*', dialect: 'openai', reads: 'json', stream: undefined } as const
    const lines = '{"a":1}\n'
    const response = responseOf(200, { 'content-type': 'application/x-ndjson' }, [lines])
    const answer = await answerTo(response, { call: { stream: true, endpoint, path: '/v1/odd' } })
    expect((await bytesOf(answer)).toString()).toBe(lines)
  })

  test.each([
    ['text/event-stream', 'gemini_sse', 'data: {"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}\n\n'],
    ['application/json', 'gemini_array', '[{"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}'],
  ])('of Gemini in %s has the form %s', async (type, form, body) => {
    const endpoint = { path: '/v1beta/models/*', dialect: 'gemini', reads: 'path', stream: 'gemini_sse' } as const
    const call = { endpoint, stream: true, model: 'm' }
    const answer = await answerTo(responseOf(200, { 'content-type': type }, [body], 'hang'), { call })
    expect<string | undefined>(answer.form).toBe(form)
  })

  test('is sent on after ten seconds of events without content', async () => {
    const clock = new FakeClock()
    const waiting = answerTo(responseOf(200, sse, [role], 'hang'), {
      ...streaming,
      clock,
      timeouts: { idleMs: 60_000 },
    })
    await settled()
    await clock.advance(10_000)
    expect(Buffer.concat((await waiting).held).toString()).toBe(role)
  })

  test('N108: loses nothing that arrives after it was sent on for its age', async () => {
    const clock = new FakeClock()
    const chunks = new TransformStream<Uint8Array, Uint8Array>()
    const writer = chunks.writable.getWriter()
    const response: IncomingResponse = {
      kind: 'response',
      status: 200,
      headers: headersOf(sse),
      sentMs: undefined,
      body: bodyFrom(chunks.readable),
    }
    const waiting = answerTo(response, { ...streaming, clock })
    await writer.write(Buffer.from(role))
    await settled()
    await clock.advance(10_000)
    const { held, rest } = await waiting
    const flown = rest === undefined ? undefined : flowThrough(rest)
    await writer.write(Buffer.from(text))
    await writer.write(Buffer.from(stop))
    await writer.close()
    expect(Buffer.concat([...held, ...((await flown)?.pieces ?? [])]).toString()).toBe(role + text + stop)
  })
})

describe('B111: a stream without content', () => {
  /** A stream that is written to while it is judged. */
  function live(extra: Partial<IncomingResponse> = {}): {
    readonly response: IncomingResponse
    readonly write: (text: string) => Promise<void>
  } {
    const chunks = new TransformStream<Uint8Array, Uint8Array>()
    const writer = chunks.writable.getWriter()
    const head = { kind: 'response', status: 200, headers: headersOf(sse), sentMs: undefined } as const
    return {
      response: { ...head, body: bodyFrom(chunks.readable), ...extra },
      async write(written) {
        await writer.write(Buffer.from(written))
        await settled()
      },
    }
  }

  function watched(response: IncomingResponse, timeouts: Partial<Backend['timeouts']>, clock: FakeClock) {
    const told: (Answer | Failure)[] = []
    void sendTo(response, { ...streaming, clock, timeouts }).then((outcome) => told.push(outcome))
    return told
  }

  test.each([
    ['comments', ': busy\n\n'],
    ['pings', 'event: ping\ndata: {"type":"ping"}\n\n'],
  ])('but %s alone is not committed, and fails at the first-byte limit from its start', async (_, sign) => {
    const clock = new FakeClock()
    const { response, write } = live()
    const told = watched(response, { firstByteMs: 30_000, idleMs: 20_000 }, clock)
    for (let count = 0; count < 29; count += 1) {
      await write(sign)
      await clock.advance(1000)
      expect(told).toEqual([])
    }
    await write(sign)
    await clock.advance(1000)
    expect(told).toMatchObject([{ reason: 'first_byte_timeout', tryNext: true, cools: true }])
    expect(clock.pending).toBe(0)
  })

  test('goes out with its first content, however long the comments lasted', async () => {
    const clock = new FakeClock()
    const { response, write } = live()
    const told = watched(response, { firstByteMs: 60_000, idleMs: 20_000 }, clock)
    for (let count = 0; count < 5; count += 1) {
      await write(': busy\n\n')
      await clock.advance(10_000)
    }
    expect(told).toEqual([])
    await write(text)
    expect(told).toMatchObject([{ kind: 'answer', form: 'chat' }])
  })

  test('is held ten seconds from its first event on, not from its first comment', async () => {
    const clock = new FakeClock()
    const { response, write } = live()
    const told = watched(response, { firstByteMs: 60_000, idleMs: 30_000 }, clock)
    await write(': busy\n\n')
    await clock.advance(20_000)
    await write(role)
    await clock.advance(9999)
    expect(told).toEqual([])
    await clock.advance(1)
    expect(told).toMatchObject([{ kind: 'answer', form: 'chat' }])
  })

  test('fails at a first-byte limit that ends before it may go out without', async () => {
    const clock = new FakeClock()
    const { response, write } = live()
    const told = watched(response, { firstByteMs: 5000, idleMs: 30_000 }, clock)
    await write(role)
    await clock.advance(4999)
    expect(told).toEqual([])
    await clock.advance(1)
    expect(told).toMatchObject([{ reason: 'first_byte_timeout', tryNext: true }])
  })

  test('has its first-byte limit from the end of an upload that took long', async () => {
    const clock = new FakeClock()
    const { response, write } = live({ sentMs: 40_000 })
    const told = watched(response, { firstByteMs: 30_000, idleMs: 0 }, clock)
    await write(': busy\n\n')
    await clock.advance(69_999)
    expect(told).toEqual([])
    await clock.advance(1)
    expect(told).toMatchObject([{ reason: 'first_byte_timeout' }])
  })
})

describe('B111: an answer that falls silent', () => {
  test('in the middle of its beginning is a failure of the idle limit', async () => {
    const clock = new FakeClock()
    const response = responseOf(200, json, ['{"a":'], 'hang')
    const waiting = failureTo(response, { clock, timeouts: { idleMs: 5000 } })
    await settled()
    await clock.advance(5000)
    expect(await waiting).toMatchObject({ reason: 'idle_timeout', status: 200, tryNext: true, cools: true })
    expect(response.wasCancelled()).toBe(true)
    expect(clock.pending).toBe(0)
  })

  test('right after its head is a failure of the first-byte limit, which is the longer one', async () => {
    const clock = new FakeClock()
    let failure: Failure | undefined
    const waiting = failureTo(responseOf(200, sse, [], 'hang'), {
      ...streaming,
      clock,
      timeouts: { idleMs: 5000, firstByteMs: 30_000 },
    }).then((told) => (failure = told))
    await settled()
    await clock.advance(29_999)
    expect(failure).toBeUndefined()
    await clock.advance(1)
    expect(await waiting).toMatchObject({ reason: 'first_byte_timeout', tryNext: true })
  })

  test('with an error status that detection knows is still that status', async () => {
    const clock = new FakeClock()
    const waiting = failureTo(responseOf(503, json, ['{'], 'hang'), { clock, timeouts: { idleMs: 5000 } })
    await settled()
    await clock.advance(5000)
    expect(await waiting).toMatchObject({ reason: 'status', status: 503, cools: true })
  })

  test('with no limit set waits on', async () => {
    const clock = new FakeClock()
    void sendTo(responseOf(200, {}, [], 'hang'), { clock })
    await settled()
    expect(clock.pending).toBe(0)
  })
})

describe('an error status', () => {
  const body = '{"error":{"message":"bad","type":"invalid_request_error"}}'

  test('B28: that detection matches is a failure which holds the answer', async () => {
    const failure = await failureTo(responseOf(418, { ...json, 'retry-after': '7', connection: 'close' }, [body]))
    expect(failure).toMatchObject({ reason: 'status', status: 418, tryNext: true, cools: false, retryAfterMs: 7000 })
    expect(failure.held?.status).toBe(418)
    expect(Object.fromEntries(failure.held?.headers ?? [])).toEqual({ ...json, 'retry-after': '7' })
    expect(Buffer.from(failure.held?.body ?? []).toString()).toBe(body)
  })

  test('B29: that detection does not match leads to no other route', async () => {
    const failure = await failureTo(responseOf(500, json, ['{}']), { plan: planOf(['429']) })
    expect(failure).toMatchObject({ status: 500, tryNext: false })
  })

  test('B36: that does not match is held verbatim with its headers', async () => {
    const headers = { 'content-type': 'application/json; charset=utf-8', 'retry-after': '9', 'x-up': 'y' }
    const failure = await failureTo(responseOf(418, headers, [body]), { plan: planOf(['5xx']) })
    expect(failure).toMatchObject({ status: 418, tryNext: false, cools: false, held: { status: 418 } })
    expect(Object.fromEntries(failure.held?.headers ?? [])).toEqual(headers)
    expect(Buffer.from(failure.held?.body ?? []).toString()).toBe(body)
  })

  test.each([
    [429, () => false, true],
    [401, () => false, true],
    [400, () => false, false],
    [400, (status: number) => status === 400, true],
  ])(
    'N101: of %i that does not match cools all the same where it is the route’s own: %p %p',
    async (status, on, cools) => {
      const response = responseOf(status, { ...json, 'retry-after': '20' }, ['{}'])
      expect(await failureTo(response, { plan: planOf(['5xx'], [], on) })).toMatchObject({
        tryNext: false,
        cools,
        retryAfterMs: 20_000,
      })
    },
  )

  test('B32: with a configured pattern in its body is a failure whatever its number', async () => {
    const plan = planOf(['429'], ['quota'])
    expect(await failureTo(responseOf(418, {}, ['no quota left']), { plan })).toMatchObject({
      reason: 'pattern',
      status: 418,
    })
  })

  test('B35: with a configured pattern in its compressed body is a failure, held as it came', async () => {
    const bytes = gzipSync(quotaError)
    const plan = planOf(['429'], ['insufficient_quota'])
    const failure = await failureTo(responseOf(418, { ...json, 'content-encoding': 'gzip' }, [bytes]), { plan })
    expect(failure.reason).toBe('pattern')
    expect(Buffer.from(failure.held?.body ?? []).equals(bytes)).toBe(true)
  })

  test('N115: is the one that was sent, whatever numbers the body speaks of', async () => {
    const failure = await failureTo(responseOf(418, {}, ['401 500']))
    expect(failure).toMatchObject({ status: 418, cools: false })
  })

  test('N101: cooldown_on widens what cools', async () => {
    const plan = planOf(['4xx'], [], (status) => status === 400)
    expect(await failureTo(responseOf(400, json, [body]), { plan })).toMatchObject({ status: 400, cools: true })
  })

  test('with a body beyond the limit is a failure that holds nothing', async () => {
    const response = responseOf(
      500,
      {},
      Array.from({ length: 9 }, () => 'x'.repeat(200_000)),
      'hang',
    )
    expect((await failureTo(response)).held).toBeUndefined()
    expect(response.wasCancelled()).toBe(true)
  })

  test('with a body beyond the limit passes whole when it is the client’s to see', async () => {
    const response = responseOf(
      418,
      {},
      Array.from({ length: 9 }, () => 'x'.repeat(200_000)),
    )
    const answer = await answerTo(response, { plan: planOf(['5xx']) })
    expect((await bytesOf(answer)).byteLength).toBe(1_800_000)
  })

  test.each([401, 403])('of %i, with a body beyond the limit, is never the client’s to see', async (status) => {
    const chunks = Array.from({ length: 9 }, () => 'x'.repeat(200_000))
    const failure = await failureTo(responseOf(status, {}, chunks), { plan: planOf(['5xx']) })
    expect(failure).toMatchObject({ status, tryNext: false })
    expect(failure.held).toBeUndefined()
  })

  test('with a body that breaks is never passed on as complete', async () => {
    expect(await failureTo(responseOf(418, {}, ['{'], cut), { plan: planOf(['5xx']) })).toMatchObject({
      reason: 'reset',
    })
    const failure = await failureTo(responseOf(503, {}, ['{'], cut))
    expect(failure).toMatchObject({ reason: 'status', status: 503 })
    expect(failure.held).toBeUndefined()
  })

  test('B43: a client that leaves while it is read is held against nobody', async () => {
    const left: TransportFailure = { kind: 'transport_failure', phase: 'body', cause: 'aborted', message: 'm' }
    expect(await failureTo(responseOf(503, {}, ['{'], left))).toMatchObject({
      side: 'client',
      tryNext: false,
      cools: false,
    })
  })
})

describe('send()', () => {
  test('an exchange that broke is a failure', async () => {
    const refused: TransportFailure = {
      kind: 'transport_failure',
      phase: 'connect',
      cause: 'refused',
      message: 'refused',
    }
    expect(await failureTo(refused)).toMatchObject({ reason: 'connect', tryNext: true, retrySame: true, cools: true })
  })

  test('notes what was sent and what came, where a log wants to see it', async () => {
    const record: Trip['record'] = { url: 'http://backend.test/v1', startedMs: 0, sent: undefined, received: undefined }
    await sendTo(responseOf(200, { ...json, 'x-up': '1' }, ['{"a":1}']), { record, call: { query: 'a=1' } })
    expect(record.url).toBe('http://backend.test/v1/chat/completions?a=1')
    expect(Buffer.from(record.sent?.body ?? []).toString()).toContain('"model":"m"')
    expect(record.sent?.headers).toContainEqual(['content-type', 'application/json'])
    expect(record.received?.headers).toContainEqual(['x-up', '1'])
    expect(Buffer.from(record.received?.body ?? []).toString()).toBe('{"a":1}')
  })

  test.each([
    [200, ['{}']],
    [500, ['{}']],
  ])('keeps back headers that tell the key of the backend, with status %i', async (status, chunks) => {
    const backend = { secrets: [new Secret('backend-key-0042')] }
    const outcome = await sendTo(responseOf(status, { ...json, 'x-echo': 'Bearer backend-key-0042' }, chunks), {
      backend,
    })
    const headers = isAnswer(outcome) ? outcome.headers : outcome.held?.headers
    expect(Object.fromEntries(headers ?? [])).toEqual(json)
  })

  test('leaves no timer behind', async () => {
    const clock = new FakeClock()
    await sendTo(responseOf(200, json, ['{}']), { clock, timeouts: { idleMs: 10, firstByteMs: 10 } })
    expect(clock.pending).toBe(0)
  })
})

const rawEndpoint = { path: '/*', dialect: 'raw', reads: 'nothing', stream: undefined } as const

describe('an answer to a request that nobody read', () => {
  const raw: Setting = { call: { endpoint: rawEndpoint, method: 'GET', path: '/x' } }

  test('that tells a short length is awaited for a moment, and then goes on as it comes', async () => {
    const clock = new FakeClock()
    const answer = answerTo(responseOf(200, { 'content-length': '9' }, ['half'], 'hang'), { ...raw, clock })
    await settled()
    await clock.advance(100)
    const { held, rest, form } = await answer
    expect([Buffer.concat(held).toString(), rest === undefined, form]).toEqual(['half', false, undefined])
  })

  test('that breaks off in that moment is none', async () => {
    const broken = responseOf(200, { 'content-length': '9' }, ['half'], cut)
    expect(await failureTo(broken, raw)).toMatchObject({ reason: 'reset', tryNext: true })
  })

  const events = {
    chat: [role, text],
    responses: ['data: {"type":"response.created"}\n\n', 'data: {"type":"response.output_text.delta","delta":"a"}\n\n'],
    messages: [
      'event: message_start\ndata: {"type":"message_start"}\n\n',
      'data: {"type":"content_block_delta","delta":{"text":"a"}}\n\n',
    ],
    gemini_sse: ['data: {"candidates":[{"content":{"parts":[{"text":"hi"}]}}]}\n\n'],
  } as const
  test.each(Object.entries(events) as [keyof typeof events, readonly string[]][])(
    'is a stream of models, of %s, if its events are',
    async (stream, pieces) => {
      const setting: Setting = { call: { endpoint: { ...rawEndpoint, stream }, path: '/v1/x', stream: true } }
      expect((await answerTo(responseOf(200, sse, [...pieces], 'hang'), setting)).form).toBe(stream)
    },
  )

  describe.each(Object.keys(events) as (keyof typeof events)[])('is no stream of models, at a path of %s', (form) => {
    const endpoint = { ...rawEndpoint, stream: form }
    test.each([
      { name: 'rows', pieces: ['data: row\n\n'] },
      { name: 'objects', pieces: ['data: {"row":1}\n\n'] },
      { name: 'signs of life', pieces: [': ping\n\n'] },
      { name: 'nothing', pieces: [] },
    ])('if its events are $name: nothing is expected of it', async ({ pieces }) => {
      for (const stream of [true, false]) {
        const answer = await answerTo(responseOf(200, sse, pieces), { call: { endpoint, path: '/v1/x', stream } })
        expect([answer.form, (await bytesOf(answer)).toString()]).toEqual([undefined, pieces.join('')])
      }
    })
  })

  test('flows from the first event on that is none of models', async () => {
    const setting: Setting = {
      call: { endpoint: { ...rawEndpoint, stream: 'gemini_sse' }, path: '/v1/x', stream: true },
    }
    const answer = await answerTo(responseOf(200, sse, ['data: {"row":1}\n\n'], 'hang'), setting)
    expect([answer.form, answer.rest === undefined]).toEqual([undefined, false])
  })
})
