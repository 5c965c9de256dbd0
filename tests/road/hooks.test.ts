import { expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { OutgoingRequest } from '#ports/transport.ts'
import { done, role, says } from '../support/chat-road.ts'
import { chatAnswer, eventStream, openRoad, type Road } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

const backends = `
backends: [{ name: a, url: "http://a/v1" }, { name: b, url: "http://b/v1" }]
models: { m: { routes: [{ backend: a, model: up }] }, n: { routes: [{ backend: b, model: up-n }] } }
`

/** One hook of a file, with these keys beside. */
function hook(point: string, more = ''): string {
  return `${backends}hooks: { ${point}: [{ file: h.ts${more === '' ? '' : `, ${more}`} }] }`
}

async function roadWith(yaml: string, module: unknown, upstream = () => chatAnswer()): Promise<Road> {
  return await openRoad(yaml, upstream, 1, { hookModules: { 'h.ts': module } })
}

function bodyOf(request: OutgoingRequest | undefined): unknown {
  return request === undefined ? undefined : JSON.parse(sentBy(request).toString())
}

const told = (road: Road, event: string): readonly unknown[] =>
  road.lines.filter((line) => line.event === event).map(({ fields }) => fields)

interface Asked {
  readonly requestId: string
  readonly caller: string
  readonly method: string
  readonly path: string
  readonly model: string
  readonly headers: Readonly<Record<string, string>>
  body: Record<string, unknown>
  readonly signal: AbortSignal
}

test('C911: hooks.before_request[].file: a hook sees the request without its credentials, and changes its body', async () => {
  let seen: unknown
  const beforeRequest = ({ requestId, method, path, model, headers, body }: Asked): unknown => {
    seen = { requestId, method, path, model, headers, body }
    return { body: { ...body, temperature: 0.5 } }
  }
  const road = await roadWith(hook('before_request'), { beforeRequest })
  const headers = { authorization: 'Bearer sk-client', cookie: 'a=b', 'x-team': 'red', 'x-my-token': 't' }
  expect((await road.chat('m', {}, { method: 'POST', headers })).status).toBe(200)
  const messages = [{ role: 'user', content: 'hi' }]
  expect(seen).toMatchObject({
    method: 'POST',
    path: '/v1/chat/completions',
    model: 'm',
    body: { model: 'm', messages },
  })
  expect(JSON.stringify(seen)).toContain('"x-team":"red"')
  expect(JSON.stringify(seen)).not.toMatch(/sk-client|a=b|x-my-token/)
  expect(bodyOf(road.sent[0])).toEqual({ model: 'up', messages, temperature: 0.5 })
})

test('C911: what a hook does to the body in place, without giving it back, changes no byte', async () => {
  const beforeRequest = ({ body }: Asked): void => void (body['temperature'] = 1)
  const road = await roadWith(hook('before_request'), { beforeRequest })
  const text = '{ "messages":[{"role":"user","content":"\\u00e9"}],  "n":1.0, "model":"m","seed":12345678901234567890 }'
  await road.fetch('/v1/chat/completions', { method: 'POST', body: text })
  expect(sentBy(road.sent[0] as OutgoingRequest).toString()).toBe(text.replace('"m"', '"up"'))
})

test.each([
  { name: 'by its body', given: ({ body }: Asked) => ({ body: { ...body, model: 'n' } }) },
  { name: 'by "model"', given: () => ({ model: 'n' }) },
])('C911: a hook sends a request to another alias $name', async ({ given }) => {
  const road = await roadWith(hook('before_request'), { beforeRequest: given })
  expect((await road.chat('m')).status).toBe(200)
  expect(road.tried()).toEqual(['b/up-n'])
})

test('C911 B54: numbers that a hook leaves alone keep their digits in a body that it changes', async () => {
  const beforeRequest = ({ body }: Asked): unknown => ({ body: { ...body, top_k: 3, list: [1.5, 2] } })
  const road = await roadWith(hook('before_request'), { beforeRequest })
  const odd = '"seed":12345678901234567890,"x":1e400,"f":1.0,"z":-0,"__proto__":{"id":9007199254740993}'
  const text = `{"model":"m",${odd},"top_k":1.0,"list":[1.50,1.0,7.0],"messages":[]}`
  await road.fetch('/v1/chat/completions', { method: 'POST', body: text })
  expect(sentBy(road.sent[0] as OutgoingRequest).toString()).toBe(
    `{"model":"up",${odd},"top_k":3,"list":[1.50,2],"messages":[]}`,
  )
})

test('C911: headers are added and removed on the way up', async () => {
  const beforeRequest = (): unknown => ({ headers: { add: { 'X-Team': 'blue' }, remove: ['x-trace'] } })
  const road = await roadWith(hook('before_request'), { beforeRequest })
  await road.chat('m', {}, { method: 'POST', headers: { 'x-team': 'red', 'x-trace': '1', 'x-kept': '2' } })
  const sent = (road.sent[0]?.headers ?? []).map(([name, value]) => `${name.toLowerCase()}: ${value}`)
  expect(sent).toContain('x-team: blue')
  expect(sent).toContain('x-kept: 2')
  expect(sent.some((line) => /red|x-trace/.test(line))).toBe(false)
})

test('C911: a hook refuses a request in its own words, in the dialect of the client', async () => {
  const beforeRequest = (): unknown => ({ refuse: { status: 422, message: 'Cannot say that', code: 'bad_words' } })
  const road = await roadWith(hook('before_request'), { beforeRequest })
  const answer = await road.chat('m')
  expect(answer.status).toBe(422)
  expect(await answer.json()).toMatchObject({ error: { message: 'Cannot say that', code: 'bad_words' } })
  const init = { method: 'POST', body: JSON.stringify({ model: 'm', max_tokens: 1, messages: [] }) }
  expect(await (await road.fetch('/v1/messages', init)).json()).toMatchObject({
    type: 'error',
    error: { message: 'Cannot say that' },
  })
  expect(road.sent).toEqual([])
  expect(road.settled[0]).toMatchObject({ outcome: 'refused', refusal: { code: 'refused_by_hook' } })
})

test('C911: a hook answers in place of a backend', async () => {
  const beforeRequest = (): unknown => ({ answer: { body: { id: 'kept' }, headers: { 'x-cache': 'hit' } } })
  const road = await roadWith(hook('before_request'), { beforeRequest })
  const answer = await road.chat('m')
  expect([answer.status, answer.headers.get('x-cache'), answer.headers.get('content-type')]).toEqual([
    200,
    'hit',
    'application/json',
  ])
  expect(await answer.json()).toEqual({ id: 'kept' })
  expect(road.settled[0]).toMatchObject({ outcome: 'complete', status: 200 })
})

test('hooks.before_request[].models and export: only requests for these aliases, by that function', async () => {
  let calls = 0
  const road = await roadWith(hook('before_request', 'models: ["n*"], export: other'), {
    other: () => void (calls += 1),
  })
  await road.chat('m')
  await road.chat('n')
  expect(calls).toBe(1)
})

const faults: readonly { readonly name: string; readonly run: (asked: Asked) => unknown }[] = [
  {
    name: 'throws',
    run: () => {
      throw new Error('no')
    },
  },
  {
    name: 'throws what is no error',
    run: () => {
      throw Object.create(null)
    },
  },
  { name: 'rejects', run: async () => await Promise.reject(new Error('later')) },
  { name: 'gives a number', run: () => 7 },
  { name: 'gives an unknown member', run: () => ({ bdoy: {} }) },
  { name: 'gives a body that is no object', run: () => ({ body: 'text' }) },
  { name: 'gives a body without a model', run: () => ({ body: { messages: [] } }) },
  { name: 'gives a body that goes in circles', run: ({ body }) => ({ body: ((body['own'] = body), body) }) },
  { name: 'gives a body that is written as no object', run: () => ({ body: { toJSON: () => 7 } }) },
  { name: 'takes the type of the body away', run: () => ({ headers: { remove: ['Content-Type'] } }) },
  { name: 'gives a header of the connection', run: () => ({ headers: { add: { 'transfer-encoding': 'x' } } }) },
  { name: 'gives a header with a line break', run: () => ({ headers: { add: { 'x-a': 'b\r\nc: d' } } }) },
  { name: 'gives a credential', run: () => ({ headers: { add: { authorization: 'Bearer x' } } }) },
  { name: 'refuses with a good status', run: () => ({ refuse: { status: 200, message: 'x' } }) },
  {
    name: 'gives what throws when it is read',
    run: () => ({
      get body() {
        throw new Error('trap')
      },
    }),
  },
  {
    name: 'gives a promise that throws',
    run: () => ({
      // oxlint-disable-next-line unicorn/no-thenable -- that is what it is about
      then() {
        throw new Error('trap')
      },
    }),
  },
]

test.each(faults)(
  'C915 F92: hooks.before_request[].on_failure: a hook that $name is skipped, or refuses',
  async ({ run }) => {
    const skipping = await roadWith(hook('before_request'), { beforeRequest: run })
    expect((await skipping.chat('m')).status).toBe(200)
    expect(bodyOf(skipping.sent[0])).toEqual({ model: 'up', messages: [{ role: 'user', content: 'hi' }] })
    expect(told(skipping, 'hook_failed')).toHaveLength(1)
    const refusing = await roadWith(hook('before_request', 'on_failure: refuse'), { beforeRequest: run })
    const answer = await refusing.chat('m')
    expect([answer.status, refusing.sent.length]).toEqual([500, 0])
    expect(await answer.json()).toMatchObject({ error: { code: 'hook_failed' } })
  },
)

test.each([
  { name: 'skip', status: 200 },
  { name: 'refuse', status: 504 },
])('F93: hooks.before_request[].timeout: one that never ends is given up, then $name', async ({ name, status }) => {
  let aborted = false
  const beforeRequest = async ({ signal }: Asked): Promise<void> => {
    signal.addEventListener('abort', () => (aborted = true))
    await new Promise(() => {})
  }
  const road = await roadWith(hook('before_request', `timeout: 300ms, on_failure: ${name}`), { beforeRequest })
  const answering = road.chat('m')
  await road.clock.advance(0)
  await road.clock.advance(299)
  expect(aborted).toBe(false)
  await road.clock.advance(1)
  expect((await answering).status).toBe(status)
  expect(aborted).toBe(true)
})

test.each([20, 100])(
  'C911: a client that leaves after %d ms waits for no hook, and no backend is asked for it',
  async (ms) => {
    const late = Promise.withResolvers<undefined>()
    const road = await roadWith(hook('before_request', 'timeout: 60s'), {
      beforeRequest: async () => await late.promise,
    })
    const leaving = new AbortController()
    const answering = road.chat('m', {}, { signal: leaving.signal })
    await road.clock.advance(ms)
    leaving.abort()
    expect((await answering).status).toBe(499)
    late.resolve(undefined)
    await road.clock.advance(1)
    expect([road.sent.length, road.settled[0]?.outcome]).toEqual([0, 'client_closed'])
  },
)

test('C911: a client that left before it was listened for has no backend asked for it', async () => {
  const leaving = new AbortController()
  const road = await roadWith(hook('before_request'), { beforeRequest: () => leaving.abort() })
  expect((await road.chat('m', {}, { signal: leaving.signal })).status).toBe(499)
  expect(road.sent).toEqual([])
})

test('F92: a rejection behind the time limit is nobody’s, and the process lives', async () => {
  const late = Promise.withResolvers<undefined>()
  const road = await roadWith(hook('before_request', 'timeout: 50ms'), {
    beforeRequest: async () => await late.promise,
  })
  const answering = road.chat('m')
  await road.clock.advance(0)
  await road.clock.advance(50)
  expect((await answering).status).toBe(200)
  late.reject(new Error('too late'))
  await road.clock.advance(1)
  expect((await road.chat('n')).status).toBe(200)
})

test('C915: a hook that fails five times in a row rests for 30 s, and is back when it works again', async () => {
  let calls = 0
  let works = false
  const beforeRequest = (): void => {
    calls += 1
    if (!works) throw new Error('down')
  }
  const road = await roadWith(hook('before_request'), { beforeRequest })
  for (let at = 0; at < 8; at += 1) await road.chat('m')
  expect(calls).toBe(5)
  expect(told(road, 'hook_rests')).toEqual([
    { hook: 'h.ts#beforeRequest', point: 'before_request', forMs: 30_000, failures: 5 },
  ])
  works = true
  await road.clock.advance(30_000)
  await road.chat('m')
  await road.chat('m')
  expect([calls, told(road, 'hook_back').length]).toEqual([7, 1])
})

test('hooks.before_request[].concurrency: more wait for their turn, and get it', async () => {
  const open: (() => void)[] = []
  const beforeRequest = async (): Promise<void> => await new Promise((resolve) => open.push(resolve))
  const road = await roadWith(hook('before_request', 'concurrency: 1'), { beforeRequest })
  const [first, second] = [road.chat('m'), road.chat('m')]
  await road.clock.advance(1)
  expect(open).toHaveLength(1)
  open[0]?.()
  expect((await first).status).toBe(200)
  await road.clock.advance(1)
  open[1]?.()
  expect((await second).status).toBe(200)
})

test('C915: more than a hook can do at a time does not make it rest', async () => {
  const road = await roadWith(hook('before_request', 'concurrency: 1, timeout: 1s, on_failure: refuse'), {
    beforeRequest: async () => await road.clock.sleep(400),
  })
  const answering = Promise.all(Array.from({ length: 12 }, async () => (await road.chat('m')).status))
  for (let at = 0; at < 20; at += 1) await road.clock.advance(100)
  expect((await answering).filter((status) => status === 504)).toHaveLength(10)
  expect(told(road, 'hook_rests')).toEqual([])
})

test('C911: hooks.before_request[].{url,headers,secret}: an address is asked, signed, and what it says counts', async () => {
  const yaml = `${backends}hooks: { before_request: [{ url: "http://hook/ask", headers: { x-who: us }, secret: 0123456789abcdef }] }`
  const road = await openRoad(yaml, async (request) =>
    request.url.hostname === 'hook' ? Response.json({ headers: { add: { 'x-seen': 'yes' } } }) : chatAnswer(),
  )
  expect((await road.chat('m')).status).toBe(200)
  const [asked, sent] = road.sent
  const bytes = sentBy(asked as OutgoingRequest)
  const headers = new Map(asked?.headers)
  expect(JSON.parse(bytes.toString())).toMatchObject({ point: 'before_request', model: 'm', body: { model: 'm' } })
  const [, seconds = '', hex] = /^t=(\d+),v1=(.*)$/.exec(headers.get('x-llm-proxy-signature') ?? '') ?? []
  expect(hex).toBe(createHmac('sha256', '0123456789abcdef').update(`${seconds}.`).update(bytes).digest('hex'))
  expect(headers.get('x-who')).toBe('us')
  expect(new Map(sent?.headers).get('x-seen')).toBe('yes')
})

test.each([
  { name: 'answers 500', answer: () => new Response('', { status: 500 }), ok: 500 },
  {
    name: 'leads elsewhere',
    answer: () => new Response('', { status: 302, headers: { location: 'http://x/' } }),
    ok: 500,
  },
  { name: 'answers no JSON', answer: () => new Response('<html>'), ok: 500 },
  { name: 'answers nothing', answer: () => new Response(null, { status: 204 }), ok: 200 },
])('C915: an address that $name', async ({ answer, ok }) => {
  const yaml = `${backends}hooks: { before_request: [{ url: "http://hook/ask", on_failure: refuse }] }`
  const road = await openRoad(yaml, async (request) => (request.url.hostname === 'hook' ? answer() : chatAnswer()))
  expect((await road.chat('m')).status).toBe(ok)
})

test('C912: hooks.after_request[].{file,models,export}: is told once, at the end of an answer and of a stream', async () => {
  const records: Record<string, unknown>[] = []
  const upstream = (): Response => (streams ? eventStream([role, says('a'), done]) : chatAnswer())
  let streams = false
  const module = { last: (record: Record<string, unknown>) => void records.push(record) }
  const road = await roadWith(hook('after_request', 'models: [m], export: last'), module, upstream)
  await (await road.chat('m')).text()
  await (await road.chat('n')).text()
  await road.clock.advance(1)
  expect(records).toHaveLength(1)
  expect(records[0]).toMatchObject({
    model: 'm',
    status: 200,
    outcome: 'complete',
    backend: 'a',
    upstreamModel: 'up',
    stream: false,
  })
  streams = true
  await streamed(road)
  await road.clock.advance(1)
  expect(records).toHaveLength(2)
  expect(records[1]).toMatchObject({ stream: true, outcome: 'complete' })
})

test('C912 F93: hooks.after_request[].{timeout,concurrency}: one that never ends holds nobody up, and is given up', async () => {
  let calls = 0
  const afterRequest = async (): Promise<void> => {
    calls += 1
    await new Promise(() => {})
  }
  const road = await roadWith(hook('after_request', 'timeout: 1s, concurrency: 2'), { afterRequest })
  for (let at = 0; at < 4; at += 1) expect((await road.chat('m')).status).toBe(200)
  await road.clock.advance(1)
  expect(calls).toBe(2)
  await road.clock.advance(1000)
  expect(calls).toBe(4)
})

test('C912: what is told later has a limit; above it requests are left out, and that is told once', async () => {
  const road = await roadWith(hook('after_request', 'timeout: 5m, concurrency: 1'), {
    afterRequest: async () => await new Promise(() => {}),
  })
  const results: string[] = []
  if (road.gateway.hooks !== undefined) road.gateway.hooks.onCalled = (_hook, result) => void results.push(result)
  for (let at = 0; at < 1005; at += 1) await road.chat('m')
  expect(results).toEqual(['dropped', 'dropped', 'dropped', 'dropped'])
  expect(told(road, 'hook_dropped')).toHaveLength(1)
})

test('C912 F85: hooks.after_request[].{url,headers,secret}: an address that fails is told again, twice', async () => {
  const yaml = `${backends}hooks: { after_request: [{ url: "http://hook/x", headers: { x-who: us }, secret: 0123456789abcdef }] }`
  let left = 2
  const road = await openRoad(yaml, async (request) =>
    request.url.hostname === 'hook' ? new Response('', { status: (left -= 1) < 0 ? 200 : 503 }) : chatAnswer(),
  )
  await road.chat('m')
  await road.clock.advance(10_000)
  const asked = road.sent.filter(({ url }) => url.hostname === 'hook')
  expect(asked).toHaveLength(3)
  expect(JSON.parse(sentBy(asked[2] as OutgoingRequest).toString())).toMatchObject({
    point: 'after_request',
    model: 'm',
    status: 200,
  })
  expect(asked[2]?.headers.map(([name]) => name)).toEqual(expect.arrayContaining(['x-who', 'x-llm-proxy-signature']))
})

test('C913: hooks.on_error[].file: is told each attempt that failed, and the refusal', async () => {
  const errors: Record<string, unknown>[] = []
  const module = { onError: (error: Record<string, unknown>) => void errors.push(error) }
  const road = await roadWith(
    hook('on_error'),
    module,
    () => new Response('{"error":{"message":"x"}}', { status: 503 }),
  )
  await road.chat('m')
  await road.chat('unknown')
  await road.clock.advance(1)
  expect(errors).toMatchObject([
    { kind: 'attempt', code: 'status', attempt: 1, backend: 'a', upstreamModel: 'up', status: 503, model: 'm' },
    { kind: 'refusal', code: 'model_not_found', attempt: 0, status: 404, model: 'unknown' },
  ])
})

interface Told {
  readonly data: string
  readonly event: string
  readonly index: number
}

const stream = (): Response => eventStream([role + says('one'), says('two').slice(0, 9), says('two').slice(9), done])

async function streamed(road: Road): Promise<string> {
  return await (await road.chat('m', { stream: true })).text()
}

test.each([
  { name: 'at once', later: false },
  { name: 'by promises', later: true },
])('C914: hooks.on_stream_chunk[].file: each event is seen, changed and left out $name', async ({ later }) => {
  const seen: number[] = []
  const change = ({ data, index }: Told): string | null | undefined => {
    seen.push(index)
    if (data.includes('"one"')) return data.replace('"one"', '"ONE"')
    return data.includes('"two"') ? null : undefined
  }
  const onStreamChunk = later ? async (event: Told) => await Promise.resolve(change(event)) : change
  const road = await roadWith(hook('on_stream_chunk'), { onStreamChunk }, stream)
  expect(await streamed(road)).toBe(role + says('ONE') + done)
  expect(seen).toEqual([0, 1, 2, 3])
  expect(road.settled[0]?.outcome).toBe('complete')
})

test('C914: a stream whose events no hook changes goes through byte by byte, and other answers untouched', async () => {
  const odd = `: comment\n\nid: 7\r\ndata:  ${says('x').slice(6)}`
  const road = await roadWith(hook('on_stream_chunk'), { onStreamChunk: () => undefined }, () =>
    eventStream([role, odd, done]),
  )
  expect(await streamed(road)).toBe(role + odd + done)
})

test('C914: what a hook is through with goes out, and does not count as silence of the upstream', async () => {
  const yaml = hook('on_stream_chunk').replace('"http://a/v1"', '"http://a/v1", timeout: { idle: 2s }')
  const events = Array.from({ length: 10 }, (_, at) => says(`w${at}`))
  const road = await roadWith(
    yaml,
    { onStreamChunk: async ({ index }: Told) => await road.clock.sleep(index === 0 ? 0 : 900) },
    () => eventStream([role, events.join(''), done]),
  )
  const answering = streamed(road)
  for (let at = 0; at < 120; at += 1) await road.clock.advance(100)
  expect(await answering).toBe(role + events.join('') + done)
  expect(told(road, 'route_cooled')).toEqual([])
})

test('C914: a client that leaves ends the calls of its hooks, whatever came at once', async () => {
  let calls = 0
  const onStreamChunk = async ({ index }: Told): Promise<void> => {
    calls += 1
    if (index > 1) await road.clock.sleep(500)
  }
  const road = await roadWith(hook('on_stream_chunk'), { onStreamChunk }, () =>
    eventStream([role + Array.from({ length: 50 }, (_, at) => says(`w${at}`)).join(''), done], 'open'),
  )
  const answer = await road.chat('m', { stream: true })
  const reader = answer.body?.getReader()
  await reader?.read()
  await road.clock.advance(600)
  await reader?.cancel()
  const before = calls
  for (let at = 0; at < 20; at += 1) await road.clock.advance(500)
  expect(calls).toBe(before)
  expect(road.settled[0]?.outcome).toBe('client_closed')
})

test('C914: no client has its stream pass hooks by asking for it compressed', async () => {
  const yaml = `
passthrough: { backends: [{ id: a, url: "http://a" }] }
hooks: { on_stream_chunk: [{ file: h.ts }] }`
  const road = await roadWith(yaml, { onStreamChunk: ({ data }: Told) => data.replace('tick', 'tock') }, () =>
    eventStream(['data: tick\n\n']),
  )
  await road.fetch('/events', { headers: { 'accept-encoding': 'gzip' } })
  const sent = (road.sent[0]?.headers ?? []).map(([name, value]) => `${name.toLowerCase()}: ${value}`)
  expect(sent).toContain('accept-encoding: identity')
})

test('C914: answers that were kept behind another file of hooks are kept no longer', async () => {
  const yaml = `${hook('on_stream_chunk')}\ncache: { enabled: true }\n`
  const modules: Record<string, unknown> = { 'h.ts': { onStreamChunk: () => undefined } }
  const road = await openRoad(yaml, stream, 1, { hookModules: modules })
  expect([await streamed(road), await streamed(road)].every((text) => text.includes('"one"'))).toBe(true)
  expect(road.sent).toHaveLength(1)
  modules['h.ts'] = { onStreamChunk: ({ data }: Told) => data.replace('"one"', '"ONE"') }
  await road.reload(yaml)
  expect(await streamed(road)).toContain('"ONE"')
})

test('hooks.on_stream_chunk[].{models,export}: other streams have no hook at all', async () => {
  let calls = 0
  const road = await roadWith(
    hook('on_stream_chunk', 'models: [n], export: look'),
    { look: () => void (calls += 1) },
    stream,
  )
  await streamed(road)
  expect(calls).toBe(0)
})

test.each(faults.slice(0, 4))(
  'C914 C915: hooks.on_stream_chunk[].on_failure: a hook that $name lets events through, or ends the stream',
  async ({ run }) => {
    const onStreamChunk = run as unknown
    const skipping = await roadWith(hook('on_stream_chunk'), { onStreamChunk }, stream)
    expect(await streamed(skipping)).toBe(role + says('one') + says('two') + done)
    const refusing = await roadWith(hook('on_stream_chunk', 'on_failure: refuse'), { onStreamChunk }, stream)
    const answer = await refusing.chat('m', { stream: true })
    expect(answer.status).toBe(502)
    expect(told(refusing, 'route_cooled')).toEqual([])
  },
)

test('C914: a hook that fails in the middle of a stream ends it with an error, and the route is not to blame', async () => {
  const onStreamChunk = ({ data }: Told): void => {
    if (data.includes('"two"')) throw new Error('no')
  }
  const road = await roadWith(hook('on_stream_chunk', 'on_failure: refuse'), { onStreamChunk }, () =>
    eventStream([role, says('one'), says('two'), done]),
  )
  const answer = await road.chat('m', { stream: true })
  const reading = answer.text().catch(() => 'reset')
  await road.clock.advance(1000)
  await reading
  expect(road.settled[0]).toMatchObject({
    outcome: 'upstream_broke',
    brokenBy: 'Cannot complete the answer: a hook of the gateway failed',
  })
  expect(told(road, 'route_cooled')).toEqual([])
})

test('F93: hooks.on_stream_chunk[].timeout: an event that a hook never gives back goes on after its time', async () => {
  const onStreamChunk = ({ index }: Told): unknown => (index === 1 ? new Promise(() => {}) : undefined)
  const road = await roadWith(hook('on_stream_chunk', 'timeout: 200ms'), { onStreamChunk }, stream)
  const answering = streamed(road)
  await road.clock.advance(0)
  await road.clock.advance(200)
  expect(await answering).toBe(role + says('one') + says('two') + done)
})

test('a reload that takes the hooks out has them forgotten', async () => {
  const road = await roadWith(hook('before_request'), { beforeRequest: () => ({ refuse: { message: 'no' } }) })
  expect((await road.chat('m')).status).toBe(403)
  await road.reload(backends)
  expect((await road.chat('m')).status).toBe(200)
})

test('C911: a request whose path names the model is changed and sent elsewhere like any other', async () => {
  const beforeRequest = ({ body, model }: Asked): unknown => ({ body: { ...body, seen: model }, model: 'n' })
  const yaml = hook('before_request').replaceAll('/v1" }', '/v1", protocol: gemini }')
  const road = await roadWith(yaml, { beforeRequest }, () =>
    Response.json({ candidates: [{ content: { parts: [{ text: 'x' }] } }] }),
  )
  const init = { method: 'POST', body: '{"contents":[{"parts":[{"text":"hi"}]}]}' }
  expect((await road.fetch('/v1beta/models/m:generateContent', init)).status).toBe(200)
  expect(road.sent[0]?.url.pathname).toBe('/v1/models/up-n:generateContent')
  expect(bodyOf(road.sent[0])).toMatchObject({ seen: 'm' })
})

test('C911 C914: requests that nobody reads have hooks too: body, headers and the events of their streams', async () => {
  const seen: unknown[] = []
  const module = {
    beforeRequest: ({ body, path }: Asked) => (seen.push(body, path), { body: { ...body, more: true } }),
    onStreamChunk: ({ data }: Told) => data.replace('tick', 'tock'),
  }
  const yaml = `
passthrough: { backends: [{ id: a, url: "http://a" }] }
hooks: { before_request: [{ file: h.ts }], on_stream_chunk: [{ file: h.ts }] }`
  const road = await roadWith(yaml, module, () => eventStream(['data: tick\n\n', 'data: tack\n\n']))
  const headers = { 'content-type': 'application/json' }
  const answer = await road.fetch('/odd/place', { method: 'POST', headers, body: '{"a":1}' })
  expect(await answer.text()).toBe('data: tock\n\ndata: tack\n\n')
  expect(seen).toEqual([{ a: 1 }, '/odd/place'])
  expect(bodyOf(road.sent[0])).toEqual({ a: 1, more: true })
})

test('C914: events of a translated stream are those of the client, with their names', async () => {
  const seen: string[] = []
  const onStreamChunk = ({ event, data }: Told): string | undefined => {
    seen.push(event)
    return event === 'content_block_delta' ? data.replace('one', 'ONE') : undefined
  }
  const road = await roadWith(hook('on_stream_chunk'), { onStreamChunk }, stream)
  const body = JSON.stringify({ model: 'm', max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'hi' }] })
  const text = await (await road.fetch('/v1/messages', { method: 'POST', body })).text()
  expect(text).toContain('"text":"ONE"')
  expect(seen[0]).toBe('message_start')
  expect(seen.at(-1)).toBe('message_stop')
  expect(road.settled[0]?.outcome).toBe('complete')
})

test('C911: a form has no body for hooks, and one that gives it another has failed', async () => {
  const seen: unknown[] = []
  const road = await roadWith(hook('before_request'), {
    beforeRequest: ({ body }: Asked) => (seen.push(body), { body: { model: 'n' } }),
  })
  const form = new FormData()
  form.set('model', 'm')
  form.set('file', new Blob(['x']), 'a.wav')
  const answer = await road.fetch('/v1/audio/transcriptions', { method: 'POST', body: form })
  expect([answer.status, seen]).toEqual([200, [undefined]])
  expect(told(road, 'hook_failed')).toMatchObject([{ reason: 'it gave a "body" to a request whose body is not JSON' }])
})
