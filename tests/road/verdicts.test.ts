import { describe, expect, test } from 'bun:test'
import { chatAnswer, eventStream, openRoad, type Road } from '../support/road.ts'
import { answering, errorAnswer, silentStream, whenDone, type Turn } from '../support/scripted.ts'

const ladder = `
backends:
  - { name: a, url: "http://a/v1", api_key: "backend-key-0042" }
  - { name: b, url: "http://b/v1" }
models:
  m:
    routes:
      - { backend: a, model: up, priority: 1 }
      - { backend: b, model: up, priority: 2 }
`

const alone = `
backends:
  - { name: a, url: "http://a/v1" }
models:
  m: { routes: [{ backend: a, model: up }] }
`

function hostsOf({ sent }: Road): string {
  return sent.map(({ url }) => url.hostname).join(' ')
}

async function roadWhereAGives(turns: readonly Turn[], yaml = ''): Promise<Road> {
  return await openRoad(`${ladder}${yaml}`, answering({ a: turns }))
}

/** An error answer that says all that would count as a missing model on an endpoint of its own. */
function missingModel(): Response {
  const error = { message: 'Invalid URL (POST /v1/model-deployment)', type: 'not_found_error', code: 'model_not_found' }
  return Response.json({ error }, { status: 404 })
}

describe('one client cannot take routes away from all others', () => {
  test('N101: a made-up path that names models is no reason to rest', async () => {
    const road = await roadWhereAGives([missingModel, 200])
    const init = { method: 'POST', body: JSON.stringify({ model: 'm' }) }
    await (await road.fetch('/v1/model-deployment', init)).text()
    await (await road.chat('m')).text()
    expect(hostsOf(road)).toBe('a b a')
  })

  test('N101: a model that is missing at an endpoint is', async () => {
    const road = await roadWhereAGives([missingModel, 200])
    await (await road.chat('m')).text()
    await (await road.chat('m')).text()
    expect(hostsOf(road)).toBe('a b b')
  })
})

describe('an error status that detection does not match', () => {
  test('B36: is the client’s as it came, and no other route is asked', async () => {
    const road = await roadWhereAGives(
      [() => errorAnswer(418, { 'retry-after': '9' })],
      'detection: { error_codes: ["5xx"] }',
    )
    const response = await road.chat('m')
    expect([response.status, response.headers.get('retry-after')]).toEqual([418, '9'])
    expect(await response.text()).toBe('{"error":{"message":"no"}}')
    expect(hostsOf(road)).toBe('a')
  })

  test.each([
    { name: 'by its Retry-After', yaml: '', status: 429 },
    { name: 'because cooldown_on says so', yaml: 'fallback: { cooldown_on: [418] }', status: 418 },
  ])('B25: rests its route $name', async ({ yaml, status }) => {
    const turns = [() => errorAnswer(status, { 'retry-after': '20' }), 200]
    const road = await roadWhereAGives(turns, `detection: { error_codes: ["5xx"] }\n${yaml}`)
    expect((await road.chat('m')).status).toBe(status)
    await (await road.chat('m')).text()
    expect(hostsOf(road)).toBe('a b')
    await road.clock.advance(20_000)
    await (await road.chat('m')).text()
    expect(hostsOf(road)).toBe('a b a')
  })

  test.each([401, 403])('is not passed on with %i, which is about the key of the backend', async (status) => {
    const road = await roadWhereAGives([status], 'detection: { error_codes: ["5xx"] }')
    const response = await road.chat('m')
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { code: 'upstream_auth_failed' } })
    expect(hostsOf(road)).toBe('a')
  })
})

test.each([
  { list: '["404", "403"]', status: 404, hosts: 'a a b' },
  { list: '["404", "403"]', status: 403, hosts: 'a a b' },
  { list: '["404", "403"]', status: 503, hosts: 'a b' },
])('B108: retry.on_status: $list asks again after $status: $hosts', async ({ list, status, hosts }) => {
  const road = await roadWhereAGives([status], `retry: { max_retries: 1, on_status: ${list} }`)
  await whenDone(road.clock, road.chat('m'))
  expect(hostsOf(road)).toBe(hosts)
})

describe('a stream that is none', () => {
  const text = 'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

  test('B41: comments alone do not keep a route in use beyond timeout.first_byte', async () => {
    const stream: Turn = (signal) => silentStream(signal, [': busy\n\n', ': busy\n\n'])
    const yaml = 'timeout: { first_byte: 30s, idle: 60s }\nstreaming: { heartbeat: 0 }'
    const road = await openRoad(`${ladder}${yaml}`, async (request, at) =>
      request.url.hostname === 'b' ? eventStream([text]) : await answering({ a: [stream] })(request, at),
    )
    const { value, tookMs } = await whenDone(road.clock, road.chat('m', { stream: true }))
    expect([await value.text(), tookMs, hostsOf(road)]).toEqual([text, 30_000, 'a b'])
  })

  test.each([
    { name: 'compressed', headers: { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' } },
    { name: 'lines of JSON', headers: { 'content-type': 'application/x-ndjson' } },
  ])('B41: $name, it leads on to the next route', async ({ headers }) => {
    const road = await openRoad(ladder, ({ url }) =>
      url.hostname === 'b' ? eventStream([text]) : new Response('{"message":{"content":"hi"}}\n', { headers }),
    )
    expect(await (await road.chat('m', { stream: true })).text()).toBe(text)
    expect(hostsOf(road)).toBe('a b')
  })
})

test('N001: the key of a backend does not come back in a header', async () => {
  const road = await openRoad(ladder, () => {
    const answer = chatAnswer()
    answer.headers.set('x-echo', 'Bearer backend-key-0042')
    return answer
  })
  const { headers } = await road.chat('m')
  expect(headers.has('x-echo')).toBe(false)
  expect(headers.get('content-type')).toContain('application/json')
})

test('B116: a dump tells the path and the query that were sent', async () => {
  const road = await openRoad(`${alone}logging: { categories: { request_body: { level: debug } } }`, () => chatAnswer())
  const init = { method: 'POST', body: JSON.stringify({ model: 'm' }) }
  await (await road.fetch('/v1/chat/completions?beta=1&key=client-key', init)).text()
  expect(road.settled[0]?.attempts[0]?.url).toBe('http://a/v1/chat/completions?beta=1')
})
