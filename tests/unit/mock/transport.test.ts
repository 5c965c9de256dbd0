import { describe, expect, test } from 'bun:test'
import { Stop } from '#kit/stop.ts'
import type { TransportFailure } from '#ports/transport.ts'
import { Collector, flowThrough, readThrough, textOf } from '../../support/body.ts'
import { FakeClock, settled } from '../../support/fake-clock.ts'
import { mockRequest, responded, watchedMock, type MockCall } from '../../support/mock.ts'

const hi = { messages: [{ role: 'user', content: 'hi' }] }

/** Sends one request and reads the answer to its end, however it ends. */
async function ask(model: string, body: object = {}, call: MockCall = {}, seed = 1) {
  const { transport, diary } = watchedMock(new FakeClock(), seed)
  const response = responded(await transport.send(mockRequest({ model, ...hi, ...body }, call)))
  const { pieces, end } = await readThrough(response.body)
  const chunks = pieces.map((piece) => piece.toString())
  const failure = end === 'end' ? undefined : end
  return { status: response.status, headers: response.headers, chunks, text: chunks.join(''), failure, diary }
}

const chat = (text: string): unknown => JSON.parse(text).choices[0].message.content
const deltas = (chunks: readonly string[]): string =>
  chunks.map((chunk) => /"content":"([^"]*)"/.exec(chunk)?.[1] ?? '').join('')

describe('a body', () => {
  test('echoes the last user message', async () => {
    const { status, headers, text, diary } = await ask('gpt-5')
    expect(status).toBe(200)
    expect(headers.get('content-length')).toBe(String(text.length))
    expect(headers.get('x-up')).toBe('unit')
    expect(chat(text)).toBe('Hello from the mock backend. You said: hi')
    expect(diary.ends).toEqual(['complete'])
  })

  test('is whole at once, and may be read like any other', async () => {
    const { transport } = watchedMock(new FakeClock())
    const { body } = responded(await transport.send(mockRequest({ model: 'ok', ...hi })))
    const whole = Buffer.from(body.whole ?? []).toString()
    expect(chat(whole)).toBe('Hello from the mock backend. You said: hi')
    const sink = new Collector()
    body.flow(sink)
    expect(await sink.ended).toBe('end')
    expect(sink.text).toBe(whole)
    expect(await body.read()).toBe('end')
  })

  test('counts words as tokens', async () => {
    const { text } = await ask('ok', { messages: [{ role: 'system', content: 'be kind' }, ...hi.messages] })
    expect(JSON.parse(text).usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 8, total_tokens: 11 })
  })

  test('is as long as asked, and no longer than the request allows', async () => {
    const long = await ask('tokens=40')
    expect(String(chat(long.text)).split(' ')).toHaveLength(40)
    const short = await ask('tokens=40', { max_tokens: 3 })
    expect(chat(short.text)).toBe('Hello from the')
    expect(JSON.parse(short.text).choices[0].finish_reason).toBe('length')
  })

  test('holds as many choices as asked', async () => {
    const { text } = await ask('ok', { n: 3 })
    expect(JSON.parse(text).choices.map((choice: { index: number }) => choice.index)).toEqual([0, 1, 2])
  })

  test('is JSON of the asked schema', async () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } } }
    const { text } = await ask('ok', { response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } })
    expect(JSON.parse(String(chat(text)))).toEqual({ city: 'mock' })
  })

  test('shows the request headers with "hdr"', async () => {
    const { text } = await ask('hdr', {}, { headers: { 'X-Org': 'acme' } })
    expect(JSON.parse(String(chat(text)))).toEqual({ 'content-type': 'application/json', 'x-org': 'acme' })
  })

  test.each([
    { accepts: 'gzip, br', encoding: 'gzip' },
    { accepts: 'br', encoding: null },
    { accepts: 'gzip;q=0', encoding: null },
  ])('with "gz" is compressed for a client that accepts "$accepts": $encoding', async ({ accepts, encoding }) => {
    const { transport } = watchedMock(new FakeClock())
    const request = mockRequest({ model: 'gz', ...hi }, { headers: { 'accept-encoding': accepts } })
    const response = responded(await transport.send(request))
    const bytes = Buffer.concat((await readThrough(response.body)).pieces)
    expect(response.headers.get('content-encoding')).toBe(encoding)
    const plain = encoding === null ? bytes : Bun.gunzipSync(Uint8Array.from(bytes))
    expect(chat(new TextDecoder().decode(plain))).toBe('Hello from the mock backend. You said: hi')
  })

  test('is half sent and then broken with "scut", although its length says more', async () => {
    const { text, headers, failure, diary } = await ask('scut')
    expect(text.length).toBe(Math.floor(Number(headers.get('content-length')) / 2))
    expect(failure).toMatchObject({ kind: 'transport_failure', phase: 'body', cause: 'reset' })
    expect(diary.ends).toEqual(['cut'])
  })

  test('is no JSON with "malformed"', async () => {
    const { text, failure } = await ask('malformed')
    expect(failure).toBeUndefined()
    expect(() => JSON.parse(text)).toThrow(SyntaxError)
  })
})

describe('a chat stream', () => {
  test('begins with the role, ends with a finish reason and [DONE], and brings usage only when asked', async () => {
    const { chunks, headers } = await ask('ok', { stream: true })
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(chunks[0]).toContain('"delta":{"role":"assistant","content":""}')
    expect(deltas(chunks)).toBe('Hello from the mock backend. You said: hi')
    expect(chunks.at(-2)).toContain('"finish_reason":"stop"')
    expect(chunks.at(-1)).toBe('data: [DONE]\n\n')
    expect(chunks.join('')).not.toContain('usage')
    const withUsage = await ask('ok', { stream: true, stream_options: { include_usage: true } })
    expect(withUsage.chunks.at(-2)).toContain('"choices":[],"usage":{"prompt_tokens":1,')
  })

  test.each([
    { model: 'nodone', has: '"finish_reason":"stop"', lacks: '[DONE]' },
    { model: 'nofinish', has: '[DONE]', lacks: '"finish_reason":"stop"' },
  ])('with "$model" lacks $lacks', async ({ model, has, lacks }) => {
    const { text, failure } = await ask(model, { stream: true })
    expect(text).toContain(has)
    expect(text).not.toContain(lacks)
    expect(failure).toBeUndefined()
  })

  test('with "scut" breaks after two tokens', async () => {
    const { chunks, failure, diary } = await ask('scut', { stream: true })
    expect(deltas(chunks)).toBe('Hello from')
    expect(failure).toMatchObject({ phase: 'body', cause: 'reset' })
    expect(diary.ends).toEqual(['cut'])
  })

  test('with "scut=0" breaks before the first token', async () => {
    expect((await ask('scut=0', { stream: true })).chunks).toHaveLength(1)
  })

  test('with "scut+torn" breaks within an event', async () => {
    const { chunks } = await ask('scut+torn', { stream: true })
    expect(chunks).toHaveLength(4)
    expect(chunks.at(-1)).toMatch(/^data: \{[^\n]*$/)
  })

  test('with "malformed" holds one event that is no JSON and goes on', async () => {
    const { chunks } = await ask('malformed', { stream: true })
    const broken = chunks.filter((chunk) => !chunk.includes('[DONE]') && !isJson(chunk.slice('data: '.length)))
    expect(broken).toHaveLength(1)
    expect(deltas(chunks)).toBe('Hello from the mock backend. You said: hi')
  })

  test('with "serr" has an error as its first event', async () => {
    const { status, chunks } = await ask('serr', { stream: true })
    expect(status).toBe(200)
    expect(chunks[0]).toMatch(/^data: \{"error":\{"message":"[^"]+","type":"server_error"/)
  })

  test('with "empty" has no bytes', async () => {
    const { status, headers, text } = await ask('empty', { stream: true })
    expect({ status, type: headers.get('content-type'), text }).toEqual({
      status: 200,
      type: 'text/event-stream; charset=utf-8',
      text: '',
    })
  })

  test('with "nd" is lines of JSON that end with "done"', async () => {
    const { headers, text } = await ask('nd', { stream: true })
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(headers.get('content-type')).toBe('application/x-ndjson')
    expect(lines.map((line) => line.message.content).join('')).toBe('Hello from the mock backend. You said: hi')
    expect(lines.map((line) => line.done)).toEqual([...Array.from({ length: 8 }, () => false), true])
  })
})

test.each([
  { path: '/v1/responses', model: 'ok', last: /"type":"response\.completed"/, lacks: undefined },
  { path: '/v1/responses', model: 'nodone', last: /"type":"response\.output_item\.done"/, lacks: 'response.completed' },
  { path: '/v1/messages', model: 'ok', last: /"type":"message_stop"/, lacks: undefined },
  { path: '/v1/messages', model: 'nodone', last: /"stop_reason":"end_turn"/, lacks: 'message_stop' },
  { path: '/v1/messages', model: 'nofinish', last: /"type":"message_stop"/, lacks: 'message_delta' },
  {
    path: '/v1beta/models/ok:streamGenerateContent?alt=sse',
    model: '',
    last: /"finishReason":"STOP"/,
    lacks: undefined,
  },
  { path: '/v1beta/models/nofinish:streamGenerateContent?alt=sse', model: '', last: / hi"/, lacks: 'finishReason' },
  { path: '/v1beta/models/ok:streamGenerateContent', model: '', last: /^\]$/, lacks: undefined },
  { path: '/v1beta/models/nodone:streamGenerateContent', model: '', last: / hi"/, lacks: 'finishReason' },
])('a stream of $path with "$model" ends with $last', async ({ path, model, last, lacks }) => {
  const body = path.includes('/v1beta/')
    ? { messages: undefined, model: undefined, contents: [{ parts: [{ text: 'hi' }] }] }
    : { stream: true, ...(path === '/v1/messages' ? { max_tokens: 100 } : { input: 'hi' }) }
  const { chunks, text, failure } = await ask(model, body, { path })
  expect(chunks.at(-1)).toMatch(last)
  if (lacks !== undefined) expect(text).not.toContain(lacks)
  expect(failure).toBeUndefined()
})

test.each([
  { path: '/v1/responses', begins: 'event: error\ndata: {"type":"error",' },
  { path: '/v1/messages', begins: 'event: error\ndata: {"type":"error","error":{"type":"api_error"' },
  { path: '/v1beta/models/serr:streamGenerateContent?alt=sse', begins: 'data: {"error":{"code":500,' },
])('the stream of $path with "serr" is one error', async ({ path, begins }) => {
  const { chunks } = await ask('serr', { stream: true }, { path })
  expect(chunks).toHaveLength(1)
  expect(chunks[0]).toStartWith(begins)
})

test('rerank puts the documents that share words with the query first', async () => {
  const documents = ['red apples', 'green pears', { text: 'green apples' }]
  const { text } = await ask('ok', { query: 'green apples', documents, top_n: 2 }, { path: '/v2/rerank' })
  const results: readonly { index: number; relevance_score: number }[] = JSON.parse(text).results
  expect(results).toEqual([
    { index: 2, relevance_score: 1 },
    { index: 0, relevance_score: 0.5 },
  ])
})

test('a transcript is text when the form asks for it', async () => {
  const { transport } = watchedMock(new FakeClock())
  const form = new FormData()
  form.set('response_format', 'text')
  form.set('model', 'ok')
  form.set('file', new File(['RIFF'], 'a.wav'))
  const encoded = new Response(form)
  const headers = { 'content-type': encoded.headers.get('content-type') ?? '' }
  const request = {
    ...mockRequest(undefined, { path: '/v1/audio/transcriptions', headers }),
    body: [new Uint8Array(await encoded.arrayBuffer())],
  }
  const response = responded(await transport.send(request))
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(await textOf(response.body)).toMatch(/^The mock backend heard \d+ bytes\.\n$/)
})

describe('an error', () => {
  const paths = {
    openai: '/v1/chat/completions',
    anthropic: '/v1/messages',
    gemini: '/v1beta/models/e429:generateContent',
  }
  test.each([
    { dialect: 'openai', shape: { error: { type: 'rate_limit_error', code: 'rate_limit_exceeded', param: null } } },
    { dialect: 'anthropic', shape: { type: 'error', error: { type: 'rate_limit_error' } } },
    { dialect: 'gemini', shape: { error: { code: 429, status: 'RESOURCE_EXHAUSTED' } } },
  ] as const)('has the envelope of $dialect and its Retry-After', async ({ dialect, shape }) => {
    const { status, headers, text } = await ask('e429', {}, { path: paths[dialect] })
    expect(status).toBe(429)
    expect(headers.get('retry-after')).toBe('7')
    expect(JSON.parse(text)).toMatchObject(shape)
  })

  test.each(['e400', 'e401', 'e404', 'e418', 'e500', 'e503', 'e529'])('"%s" has that status', async (model) => {
    expect((await ask(model, { stream: true })).status).toBe(Number(model.slice(1)))
  })

  test('inside a 200 says "insufficient_quota"', async () => {
    const { status, text } = await ask('q200', { stream: true })
    expect(status).toBe(200)
    expect(JSON.parse(text).error).toMatchObject({ type: 'insufficient_quota', code: 'insufficient_quota' })
  })

  test('tells of a word that is used wrongly', async () => {
    const { status, text } = await ask('ttft=never')
    expect(status).toBe(400)
    expect(JSON.parse(text).error.message).toBe('Cannot read the behaviour "ttft=never": its value makes no sense')
  })

  test.each([
    { name: 'no JSON', call: {}, body: 'hi', status: 400 },
    { name: 'an unknown path without a model', call: { path: '/v1/files' }, body: {}, status: 404 },
    { name: 'an unknown path with a model', call: { path: '/v1/videos' }, body: { model: 'ok' }, status: 200 },
  ])('$name gives status $status', async ({ call, body, status }) => {
    const { transport } = watchedMock(new FakeClock())
    expect(responded(await transport.send(mockRequest(body, call))).status).toBe(status)
  })

  test('"redirect" points to another host, and "html" is a web page', async () => {
    const moved = await ask('redirect')
    expect([moved.status, moved.headers.get('location')]).toEqual([302, 'https://moved.invalid/'])
    const page = await ask('html', { stream: true })
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  })
})

describe('no answer', () => {
  test('"dead" refuses the connection, and nothing is recorded', async () => {
    const { transport, diary } = watchedMock(new FakeClock())
    expect(await transport.send(mockRequest({ model: 'dead' }))).toMatchObject(failed('connect', 'refused'))
    expect(diary).toEqual({ requests: [], ends: [] })
  })

  test('"badstatus" is a malformed head', async () => {
    const { transport } = watchedMock(new FakeClock())
    expect(await transport.send(mockRequest({ model: 'badstatus' }))).toMatchObject(failed('head', 'malformed'))
  })

  test.each(['hang', 'slow'])('"%s" runs into the limit for the head', async (model) => {
    const clock = new FakeClock()
    const { transport, diary } = watchedMock(clock)
    const sent = transport.send(mockRequest({ model, ...hi }, { firstByteMs: 1000 }))
    await clock.advance(1000)
    expect(await sent).toMatchObject(failed('head', 'timeout'))
    expect(diary.ends).toEqual(['aborted'])
    expect(clock.pending).toBe(0)
  })

  test.each(['hang', 'slow'])('"%s" ends when the request is aborted', async (model) => {
    const clock = new FakeClock()
    const { transport, diary } = watchedMock(clock)
    const leaving = new Stop()
    const sent = transport.send(mockRequest({ model, ...hi }, { firstByteMs: 60_000, stop: leaving }))
    await settled()
    leaving.ask()
    expect(await sent).toMatchObject(failed('head', 'aborted'))
    expect(diary.ends).toEqual(['aborted'])
    expect(clock.pending).toBe(0)
  })
})

describe('time', () => {
  test.each([
    { model: 'slow=500ms+tokens=1', stream: true, times: [500, 500, 500, 500] },
    { model: 'ttft=300ms+gap=10ms+tokens=3', stream: true, times: [0, 300, 310, 320, 320, 320] },
    { model: 'tps=4+tokens=3', stream: true, times: [0, 0, 250, 500, 500, 500] },
    { model: 'ttft=300ms+tps=10+tokens=3', stream: false, times: [500] },
    { model: 'slow+ttft=100ms+tokens=1', stream: false, times: [2100] },
  ])('"$model" (stream: $stream) arrives at $times', async ({ model, stream, times }) => {
    expect(await arrivals(model, stream)).toEqual(times)
  })

  test('"long" is fifty tokens in a second and a half', async () => {
    const times = await arrivals('long', true)
    expect(times).toHaveLength(53)
    expect(times.at(-1)).toBe(49 * 30)
  })

  test('a rate above a thousand per second is kept on average', async () => {
    const times = await arrivals('tps=5000+tokens=5000', true)
    expect(times.at(-1)).toBeGreaterThan(990)
    expect(times.at(-1)).toBeLessThan(1010)
  })

  test('jitter varies every pause within its share, the same for the same seed', async () => {
    const times = await arrivals('gap=100ms+jitter=0.2+tokens=6', true)
    const gaps = times.slice(2, 7).map((time, at) => time - (times[at + 1] ?? 0))
    expect(gaps.every((gap) => gap >= 80 && gap <= 120)).toBe(true)
    expect(new Set(gaps).size).toBeGreaterThan(1)
    expect(await arrivals('gap=100ms+jitter=0.2+tokens=6', true)).toEqual(times)
  })

  test.each([
    { model: 'stall', how: 'stop' },
    { model: 'stall', how: 'cancel' },
    { model: 'gap=60s', how: 'stop' },
    { model: 'gap=60s', how: 'cancel' },
  ])('"$model" ends on $how and leaves no timer behind', async ({ model, how }) => {
    const clock = new FakeClock()
    const { transport, diary } = watchedMock(clock)
    const leaving = new Stop()
    const request = mockRequest({ model, stream: true, ...hi }, { stop: leaving })
    const { body } = responded(await transport.send(request))
    const ending = readThrough(body)
    await settled()
    if (how === 'stop') leaving.ask()
    else body.cancel()
    expect((await ending).end).toMatchObject(failed('body', 'aborted'))
    expect(diary.ends).toEqual(['aborted'])
    expect(clock.pending).toBe(0)
  })
})

describe('a stream that flows', () => {
  const request = { model: 'ok', stream: true, ...hi }

  test('has the same pieces as one that is read', async () => {
    const { transport } = watchedMock(new FakeClock())
    const read = await readThrough(responded(await transport.send(mockRequest(request))).body)
    const flown = await flowThrough(
      responded(await watchedMock(new FakeClock()).transport.send(mockRequest(request))).body,
    )
    expect(flown).toEqual(read)
    expect(flown.pieces.length).toBeGreaterThan(8)
  })

  test('goes on from what was read, stands still while it is paused, and tells its end', async () => {
    const { transport, diary } = watchedMock(new FakeClock())
    const { body } = responded(await transport.send(mockRequest(request)))
    const first = await body.read()
    expect(first instanceof Uint8Array && Buffer.from(first).toString()).toContain('"role":"assistant"')
    const sink = new Collector()
    body.pause()
    body.flow(sink)
    expect(sink.pieces).toEqual([])
    body.resume()
    expect(await sink.ended).toBe('end')
    expect(sink.text).toEndWith('data: [DONE]\n\n')
    expect(sink.text).not.toContain('"role":"assistant"')
    expect(diary.ends).toEqual(['complete'])
  })

  test('stops for a sink that pauses it in the middle of a piece', async () => {
    const { transport } = watchedMock(new FakeClock())
    const { body } = responded(await transport.send(mockRequest(request)))
    const sink = new Collector()
    const onPiece = sink.onPiece.bind(sink)
    sink.onPiece = (bytes) => {
      onPiece(bytes)
      body.pause()
    }
    body.flow(sink)
    expect(sink.pieces.length).toBe(1)
    body.resume()
    expect(sink.pieces.length).toBe(2)
  })

  test('hands over nothing once it was cancelled', async () => {
    const clock = new FakeClock()
    const { transport, diary } = watchedMock(clock)
    const { body } = responded(await transport.send(mockRequest({ ...request, model: 'gap=1s' })))
    const sink = new Collector()
    body.flow(sink)
    const before = sink.pieces.length
    body.cancel()
    await clock.advance(60_000)
    expect(sink.pieces.length).toBe(before)
    expect(diary.ends).toEqual(['aborted'])
  })
})

test('the same seed gives the same bytes, another seed gives others', async () => {
  const texts = await Promise.all(
    [1, 1, 2].map(async (seed) => (await ask('tokens=30', { stream: true }, {}, seed)).text),
  )
  expect(texts[0]).toBe(texts[1] ?? '')
  expect(texts[0]).not.toBe(texts[2] ?? '')
})

test('a record holds the request as it arrived', async () => {
  const { diary } = await ask(
    'ok',
    {},
    { path: '/v1/chat/completions?a=1&b=%20', headers: { Authorization: 'Bearer k' } },
  )
  const [record] = diary.requests
  expect(record).toMatchObject({
    name: 'unit',
    method: 'POST',
    path: '/v1/chat/completions',
    query: 'a=1&b=%20',
    model: 'ok',
  })
  expect(record?.headers.get('authorization')).toBe('Bearer k')
  expect(JSON.parse(new TextDecoder().decode(record?.body))).toEqual({ model: 'ok', ...hi })
})

/** Milliseconds at which each chunk arrived. */
async function arrivals(model: string, stream: boolean): Promise<readonly number[]> {
  const clock = new FakeClock()
  const { transport } = watchedMock(clock)
  const times: number[] = []
  const reading = (async () => {
    const response = responded(await transport.send(mockRequest({ model, stream, ...hi })))
    if (response.body.whole !== undefined) times.push(clock.monotonicMs())
    else while ((await response.body.read()) instanceof Uint8Array) times.push(clock.monotonicMs())
    return true
  })()
  // A stream takes more turns than the clock waits for.
  while (!(await Promise.race([reading, turn()]))) await clock.advance(1)
  return times
}

function failed(phase: TransportFailure['phase'], cause: TransportFailure['cause']): Partial<TransportFailure> {
  return { kind: 'transport_failure', phase, cause }
}

/** Resolves with false in the next turn of the event loop. */
async function turn(): Promise<boolean> {
  return await new Promise((resolve) => setImmediate(() => resolve(false)))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
