import { describe, expect, test } from 'bun:test'
import type { OutgoingRequest } from '#ports/transport.ts'
import { openAdmin } from '../support/admin.ts'
import { eventually } from '../support/eventually.ts'
import { broken, chatAnswer, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { errorAnswer } from '../support/scripted.ts'
import { sentBy } from '../support/upstream.ts'

const two = 'credentials: [{ name: c1, api_key: key-one }, { name: c2, api_key: key-two }]'

/** One backend with credentials, and a second route behind it where a test wants one. */
function yaml(credentials = two, more = '', other = false): string {
  const routes = other ? ', { backend: b, model: up, priority: 2 }' : ''
  return [
    'backends:',
    `  - { name: a, url: "https://a.test/v1", ${credentials} }`,
    '  - { name: b, url: "https://b.test/v1", api_key: key-of-b }',
    `models: { m: { routes: [{ backend: a, model: up, priority: 1 }${routes}] } }`,
    more,
  ].join('\n')
}

/** Answers by key; what is not named answers well. Each answer can be changed while the test runs. */
type ByKey = Record<string, () => ReturnType<Upstream>>

function byKey(answers: ByKey): Upstream {
  return async (request) => await (answers[keyIn(request)] ?? chatAnswer)()
}

function keyIn(request: OutgoingRequest): string {
  const value = request.headers.find(([name]) => name === 'authorization')?.[1] ?? ''
  return value.replace('Bearer ', '')
}

const keysSent = ({ sent }: Road): string[] => sent.map(keyIn)

async function statusOf(road: Road, extra: Record<string, unknown> = {}): Promise<number> {
  const response = await road.chat('m', extra)
  await response.text()
  return response.status
}

function told(road: Road, event: string): unknown[] {
  return road.lines.flatMap((line) => (line.event === event ? [{ level: line.level, ...line.fields }] : []))
}

const refusing =
  (status: number, headers: Record<string, string> = {}) =>
  () =>
    errorAnswer(status, headers)

describe('A08 A09 A12: whose turn it is', () => {
  test('credentials take turns in the order of the file, from the first', async () => {
    const road = await openRoad(yaml(), byKey({}))
    for (let at = 0; at < 5; at += 1) expect(await statusOf(road)).toBe(200)
    expect(keysSent(road)).toEqual(['key-one', 'key-two', 'key-one', 'key-two', 'key-one'])
  })

  test('A10: one that is written three times has three turns of four', async () => {
    const one = '{ name: c1, api_key: key-one }'
    const road = await openRoad(
      yaml(`credentials: [${one}, ${one}, ${one}, { name: c2, api_key: key-two }]`),
      byKey({}),
    )
    for (let at = 0; at < 40; at += 1) await statusOf(road)
    expect(keysSent(road).filter((key) => key === 'key-one')).toHaveLength(30)
  })

  test('A11 A44: the record of an attempt tells name, number and index', async () => {
    const road = await openRoad(yaml(), byKey({}))
    for (let at = 0; at < 3; at += 1) await statusOf(road)
    expect(road.settled.at(-1)?.attempts[0]?.credential).toEqual({ name: 'c1', number: 3, index: 0 })
    expect(told(road, 'credential_used').at(-1)).toMatchObject({
      level: 'debug',
      credential: 'c1',
      number: 3,
      index: 0,
    })
  })

  test('a retry on the same route is by the same credential', async () => {
    let failures = 1
    const flaky = (): Response => ((failures -= 1) < 0 ? chatAnswer() : errorAnswer(503))
    const retry = 'retry: { max_retries: 1, jitter: none, base_delay: 0 }'
    const road = await openRoad(yaml(two, retry), byKey({ 'key-one': flaky }))
    expect(await statusOf(road)).toBe(200)
    expect(keysSent(road)).toEqual(['key-one', 'key-one'])
  })
})

describe('A13 A16: one that is refused', () => {
  test.each([401, 402, 403, 429])(
    '%d: the same request goes on with the next one, the next request skips it',
    async (status) => {
      const road = await openRoad(yaml(), byKey({ 'key-one': refusing(status) }))
      expect([await statusOf(road), await statusOf(road), await statusOf(road)]).toEqual([200, 200, 200])
      expect(keysSent(road)).toEqual(['key-one', 'key-two', 'key-two', 'key-two'])
      expect(told(road, 'credential_rested')).toMatchObject([
        { level: 'warn', credential: 'c1', status, forMs: 30_000 },
      ])
      expect(told(road, 'credential_switched')).toMatchObject([{ level: 'info', backend: 'a', from: 'c1', to: 'c2' }])
      expect(told(road, 'route_cooled')).toEqual([])
    },
  )

  test('a quota that is told by a 400 is the credential’s, too', async () => {
    const quota = (): Response =>
      Response.json({ error: { code: 'insufficient_quota', message: 'no' } }, { status: 400 })
    const road = await openRoad(yaml(), byKey({ 'key-one': quota }))
    expect(await statusOf(road)).toBe(200)
    expect(told(road, 'credential_rested')).toMatchObject([{ credential: 'c1', status: 400 }])
  })

  test.each([
    { name: 'a 500', answer: refusing(500), cools: 1 },
    { name: 'a broken connection', answer: () => broken('connect', 'refused'), cools: 1 },
    { name: 'a 400', answer: refusing(400), cools: 0 },
    { name: 'a 404', answer: refusing(404), cools: 0 },
  ])('$name is none of its doing', async ({ answer, cools }) => {
    const road = await openRoad(yaml(two, '', true), byKey({ 'key-one': answer }))
    await statusOf(road)
    expect(keysSent(road)).toEqual(['key-one', 'key-of-b'])
    expect(told(road, 'credential_rested')).toEqual([])
    expect(told(road, 'route_cooled')).toHaveLength(cools)
  })

  test('Retry-After is how long it rests, up to the limit', async () => {
    const road = await openRoad(yaml(), byKey({ 'key-one': refusing(429, { 'retry-after': '7' }) }))
    await statusOf(road)
    expect(told(road, 'credential_rested')).toMatchObject([{ forMs: 7000 }])
    await road.clock.advance(7001)
    await statusOf(road)
    expect(keysSent(road).at(-2)).toBe('key-one')
  })

  test('A15: after its rest it is used again', async () => {
    const answers: ByKey = { 'key-one': refusing(401) }
    const road = await openRoad(yaml(), byKey(answers))
    await statusOf(road)
    answers['key-one'] = chatAnswer
    await road.clock.advance(29_000)
    await statusOf(road)
    await road.clock.advance(2000)
    await statusOf(road)
    expect(keysSent(road)).toEqual(['key-one', 'key-two', 'key-two', 'key-one'])
  })

  test('attempts with other credentials count for fallback.max_retries', async () => {
    const list = [1, 2, 3, 4].map((n) => `{ name: c${n}, api_key: key-${n} }`).join(', ')
    const answers = Object.fromEntries([1, 2, 3, 4].map((n) => [`key-${n}`, refusing(401)]))
    const road = await openRoad(yaml(`credentials: [${list}]`, 'fallback: { max_retries: 2 }'), byKey(answers))
    expect(await statusOf(road)).toBe(502)
    expect(keysSent(road)).toEqual(['key-1', 'key-2'])
    expect(told(road, 'credentials_exhausted')).toEqual([])
  })

  test('with rests switched off each is tried once per request', async () => {
    const road = await openRoad(
      yaml(two, 'fallback: { cooldown_seconds: 0 }', true),
      byKey({ 'key-one': refusing(401), 'key-two': refusing(401) }),
    )
    expect([await statusOf(road), await statusOf(road)]).toEqual([200, 200])
    expect(keysSent(road)).toEqual(['key-one', 'key-two', 'key-of-b', 'key-one', 'key-two', 'key-of-b'])
  })
})

describe('A14 A47: nobody is left', () => {
  const both = { 'key-one': refusing(401), 'key-two': refusing(401) }

  test('the client gets a 503 that tells when to come back, the log an error with its address', async () => {
    const road = await openRoad(yaml(), byKey(both))
    const response = await road.chat('m')
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '30'])
    expect(await response.json()).toMatchObject({ error: { code: 'no_backend_available' } })
    expect(told(road, 'credentials_exhausted')).toMatchObject([
      { level: 'error', backend: 'a', client: '127.0.0.1', reason: 'it answered with status 401' },
    ])
  })

  test('the next request does not ask the backend, and gets a 503 as well', async () => {
    const road = await openRoad(yaml(), byKey(both))
    expect([await statusOf(road), await statusOf(road)]).toEqual([503, 503])
    expect(road.sent).toHaveLength(2)
    expect(road.settled.at(-1)?.skips).toMatchObject([
      { backend: 'a', reason: 'all its credentials rest for another 30 s' },
    ])
  })

  test('another route answers, at once the next time', async () => {
    const road = await openRoad(yaml(two, '', true), byKey(both))
    expect([await statusOf(road), await statusOf(road)]).toEqual([200, 200])
    expect(keysSent(road)).toEqual(['key-one', 'key-two', 'key-of-b', 'key-of-b'])
  })

  test.each(['wait', 'least_bad'])('fallback.when_all_cooling %s sends nothing that was refused', async (word) => {
    const answers: ByKey = { ...both }
    const road = await openRoad(yaml(two, `fallback: { when_all_cooling: ${word} }`), byKey(answers))
    expect(await statusOf(road)).toBe(503)
    answers['key-one'] = chatAnswer
    const waiting = statusOf(road)
    await road.clock.advance(31_000)
    expect(await waiting).toBe(word === 'wait' ? 200 : 503)
    expect(keysSent(road)).toEqual(['key-one', 'key-two', ...(word === 'wait' ? ['key-one'] : [])])
  })

  test('fallback.when_all_cooling least_bad asks another route that rests, even if that one recovers later', async () => {
    const answers: ByKey = { ...both, 'key-of-b': refusing(503, { 'retry-after': '90' }) }
    const road = await openRoad(yaml(two, 'fallback: { when_all_cooling: least_bad }', true), byKey(answers))
    expect(await statusOf(road)).not.toBe(200)
    answers['key-of-b'] = chatAnswer
    expect(await statusOf(road)).toBe(200)
    expect(keysSent(road)).toEqual(['key-one', 'key-two', 'key-of-b', 'key-of-b'])
  })

  test('an answer that helps the client, such as a 429, goes through', async () => {
    const limits = { 'key-one': refusing(429), 'key-two': refusing(429, { 'retry-after': '9' }) }
    const road = await openRoad(yaml(), byKey(limits))
    const response = await road.chat('m')
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '9'])
  })
})

describe('what one model is refused', () => {
  const models = yaml().replace(
    /models: .*/,
    'models: { good: { routes: [{ backend: a, model: up }] }, m: { routes: [{ backend: a, model: locked }] } }',
  )
  const isLocked = (request: OutgoingRequest): boolean => sentBy(request).includes('locked')

  test.each([402, 403, 429])('%i is not held against the other models of the backend', async (status) => {
    const road = await openRoad(models, async (request) => (isLocked(request) ? errorAnswer(status) : chatAnswer()))
    expect(await statusOf(road)).not.toBe(200)
    const asked = road.sent.length
    expect(await statusOf(road)).toBe(503)
    expect(road.sent).toHaveLength(asked)
    expect((await road.chat('good')).status).toBe(200)
  })

  test('a 401 is held against all of them', async () => {
    const road = await openRoad(models, async (request) => (isLocked(request) ? errorAnswer(401) : chatAnswer()))
    expect(await statusOf(road)).toBe(503)
    expect((await road.chat('good')).status).toBe(503)
  })

  test.each([
    { error: { code: 429, message: 'slow down' } },
    { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } },
  ])('a 429 inside of a 200 is the credential’s as well: %j', async (report) => {
    const road = await openRoad(yaml(), byKey({ 'key-one': async () => Response.json(report) }))
    expect(await statusOf(road)).toBe(200)
    expect(keysSent(road)).toEqual(['key-one', 'key-two'])
    expect(told(road, 'credential_rested')).toMatchObject([{ credential: 'c1' }])
  })
})

describe('signatures', () => {
  const aws =
    'credentials: [{ access_key_id: AKIDEXAMPLEAKIDEXAMPLE, secret_access_key: s-e-c-r-e-t, region: eu-west-1 }]'
  const body = JSON.stringify({ model: 'm', messages: [] })

  test('a header that cannot be signed is the client’s fault, and nothing rests', async () => {
    const road = await openRoad(yaml(aws), async () => chatAnswer())
    const headers = { 'content-type': 'application/json; x=é' }
    const response = await road.fetch('/v1/chat/completions', { method: 'POST', body, headers })
    expect(response.status).toBe(400)
    expect(await statusOf(road)).toBe(200)
  })

  test('a signature of the client does not come along', async () => {
    const road = await openRoad(yaml(aws), async () => chatAnswer())
    const headers = {
      'content-type': 'application/json',
      'x-amz-date': '19990101T000000Z',
      'x-amz-content-sha256': 'x',
    }
    await road.fetch('/v1/chat/completions?X-Amz-Signature=abc&a=1', { method: 'POST', body, headers })
    expect(road.sent[0]?.url.search).toBe('?a=1')
    expect(road.sent[0]?.headers.filter(([name]) => name === 'x-amz-date')).toHaveLength(1)
    expect(road.sent[0]?.headers).not.toContainEqual(['x-amz-content-sha256', 'x'])
  })
})

describe('tokens', () => {
  const oauth =
    'credentials: [{ name: o, type: oauth2, token_url: "https://auth.test/t", client_id: me, client_secret: s-e-c-r-e-t }]'

  function withTokens(answer: (token: string, request: OutgoingRequest) => ReturnType<Upstream>): Upstream {
    let count = 0
    return async (request) => {
      if (request.url.hostname !== 'auth.test') return await answer(keyIn(request), request)
      count += 1
      return Response.json({ access_token: `opaque-token-${count}`, token_type: 'Bearer', expires_in: 3600 })
    }
  }

  test('one that was used before and is refused is replaced within the request', async () => {
    let isRevoked = false
    const road = await openRoad(
      yaml(oauth),
      withTokens((token) => (isRevoked && token === 'opaque-token-1' ? errorAnswer(401) : chatAnswer())),
    )
    expect(await statusOf(road)).toBe(200)
    isRevoked = true
    expect(await statusOf(road)).toBe(200)
    expect(told(road, 'credential_rested')).toEqual([])
    expect(told(road, 'credential_switched')).toEqual([])
    expect(road.settled.at(-1)?.attempts).toHaveLength(2)
  })

  test('a new one that is refused as well lets the credential rest', async () => {
    const road = await openRoad(
      yaml(oauth),
      withTokens(() => errorAnswer(401)),
    )
    expect(await statusOf(road)).toBe(503)
    expect(told(road, 'credential_rested')).toMatchObject([{ credential: 'o', status: 401 }])
  })

  test('A26: where none is to be had, the next credential is used', async () => {
    const mixed = oauth.replace(']', ', { name: c2, api_key: key-two }]')
    const road = await openRoad(yaml(mixed), (request) =>
      request.url.hostname === 'auth.test' ? errorAnswer(500) : chatAnswer(),
    )
    expect(await statusOf(road)).toBe(200)
    expect(keysSent(road).at(-1)).toBe('key-two')
    const [first] = road.settled.at(-1)?.attempts ?? []
    expect(first?.failure?.reason).toBe('no_credential')
  })

  test('where none is to be had after another key was refused, the client learns when one may be', async () => {
    const mixed = oauth.replace('[', '[{ name: c1, api_key: key-one }, ')
    const road = await openRoad(yaml(mixed), async () => errorAnswer(401))
    const response = await road.chat('m')
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  test('where none is to be had at all, the client gets a 503 and no request is sent without', async () => {
    const road = await openRoad(yaml(oauth), () => errorAnswer(500))
    expect(await statusOf(road)).toBe(503)
    expect(road.sent.map(({ url }) => url.hostname)).toEqual(['auth.test'])
  })

  test('A45 N005: neither log nor answer tells one', async () => {
    const road = await openRoad(
      yaml(oauth),
      withTokens((token) =>
        Response.json({ error: { message: `bad token ${token}` } }, { status: 400, headers: { 'x-echo': token } }),
      ),
    )
    const response = await road.chat('m')
    expect(await response.text()).toContain('bad token ****')
    expect(response.headers.get('x-echo')).toBeNull()
    expect(told(road, 'credential_token')).toMatchObject([{ level: 'debug', credential: 'o', how: 'fetched' }])
    expect(JSON.stringify(road.lines)).not.toMatch(/opaque-token|s-e-c-r-e-t/)
  })

  test('A45: an answer that is none the worse for it is handed on without', async () => {
    const echoing = (token: string): Response => {
      const answer = chatAnswer()
      answer.headers.set('x-echo', token)
      return answer
    }
    const road = await openRoad(yaml(oauth), withTokens(echoing))
    const response = await road.chat('m')
    expect([response.status, response.headers.get('x-echo')]).toEqual([200, null])
  })

  test('a request whose client leaves while a token is fetched is over, and nothing rests', async () => {
    const gate = Promise.withResolvers<Response>()
    const road = await openRoad(yaml(oauth), async (request) =>
      request.url.hostname === 'auth.test' ? await gate.promise : chatAnswer(),
    )
    const leaving = new AbortController()
    const response = road.chat('m', {}, { signal: leaving.signal })
    await eventually(() => road.sent.length === 1)
    // Only who waits is listened for.
    await road.clock.advance(25)
    leaving.abort()
    expect((await response).status).toBe(499)
    expect(told(road, 'credential_rested')).toEqual([])
    gate.resolve(Response.json({ access_token: 't', token_type: 'Bearer' }))
  })
})

describe('N001: nothing goes elsewhere', () => {
  test('a redirect is not followed', async () => {
    const away = (): Response => new Response(null, { status: 302, headers: { location: 'https://evil.test/' } })
    const road = await openRoad(yaml(two, '', true), byKey({ 'key-one': away }))
    await statusOf(road)
    expect(road.sent.map(({ url }) => url.hostname)).toEqual(['a.test', 'b.test'])
    expect(keysSent(road)).toEqual(['key-one', 'key-of-b'])
  })

  test('A05: what the client sends as its own proof does not come along', async () => {
    const road = await openRoad(yaml(), byKey({}))
    const headers = { Authorization: 'Bearer client', 'X-Api-Key': 'client' }
    await (await road.chat('m', {}, { headers })).text()
    expect(JSON.stringify(road.sent[0]?.headers)).not.toContain('client')
  })

  test('N006: neither the common key nor that of the clients stands in for them', async () => {
    const more = 'proxy_api_key: sk-clients\nupstream_default_key: sk-common\nreuse_gateway_key: true'
    const road = await openRoad(yaml(two, more), byKey({}))
    await (await road.chat('m', {}, { headers: { authorization: 'Bearer sk-clients' } })).text()
    expect(keysSent(road)).toEqual(['key-one'])
  })

  test('N006: not even in another header than that of a token', async () => {
    const azure = `protocol: azure, ${two.replace('api_key: key-one', 'type: jwt, client_id: c, client_secret: s, tenant: t')}`
    const road = await openRoad(yaml(azure, 'upstream_default_key: sk-common'), byKey({}))
    expect(await statusOf(road)).toBe(200)
    const names = road.sent[0]?.headers.map(([name]) => name)
    expect(names).toContain('authorization')
    expect(names).not.toContain('api-key')
  })
})

describe('streams', () => {
  const events = [
    '{"choices":[{"delta":{"content":"hi"}}]}',
    '{"choices":[{"delta":{},"finish_reason":"stop"}]}',
    '[DONE]',
  ]
  const stream = (): Response => eventStream(events.map((event) => `data: ${event}\n\n`))

  test('go on with the next credential before their first byte', async () => {
    const road = await openRoad(yaml(), byKey({ 'key-one': refusing(401), 'key-two': stream }))
    const response = await road.chat('m', { stream: true })
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('[DONE]')
    expect(keysSent(road)).toEqual(['key-one', 'key-two'])
  })

  test('that report a bad key as their first event as well', async () => {
    const bad = (): Response => eventStream(['data: {"error":{"code":"invalid_api_key","message":"no"}}\n\n'])
    const road = await openRoad(yaml(), byKey({ 'key-one': bad, 'key-two': stream }))
    expect(await (await road.chat('m', { stream: true })).text()).toContain('[DONE]')
    expect(told(road, 'credential_rested')).toMatchObject([{ credential: 'c1' }])
  })
})

describe('a reload', () => {
  test('keeps rests and the turn of what stays the same', async () => {
    const road = await openRoad(yaml(), byKey({ 'key-one': refusing(401) }))
    await statusOf(road)
    await road.reload(yaml(two, 'headers: { debug: true }'))
    await statusOf(road)
    expect(keysSent(road)).toEqual(['key-one', 'key-two', 'key-two'])
    expect(road.settled.at(-1)?.attempts[0]?.credential?.number).toBe(3)
  })

  test('with another key ends the rest of the one that it replaces', async () => {
    const road = await openRoad(yaml(), byKey({ 'key-one': refusing(401) }))
    await statusOf(road)
    await road.reload(yaml(two.replace('key-one', 'key-new')))
    await statusOf(road)
    expect(keysSent(road).at(-1)).toBe('key-new')
  })
})

describe('A15: behind the scenes', () => {
  const admin = 'proxy_api_key: sk-client-key-0001'
  const bothBad = { 'key-one': refusing(401), 'key-two': refusing(401) }

  test('/routes tells names and states, and no key', async () => {
    const bench = await openAdmin(yaml(two, admin), byKey({ 'key-one': refusing(401) }))
    await bench.chat('m')
    const page = await bench.read('/admin/routes')
    expect(page['credentials']).toMatchObject([
      {
        backend: 'a',
        credentials: [
          { name: 'c1', index: 0, state: 'resting', restsForMs: 30_000, reason: 'it answered with status 401' },
          { name: 'c2', index: 1, state: 'ready', turns: 1 },
        ],
      },
    ])
    expect(JSON.stringify(page)).not.toMatch(/key-(one|two)/)
  })

  test('a success is told as such', async () => {
    const answers: ByKey = { 'key-one': refusing(401) }
    const bench = await openAdmin(yaml(two, admin), byKey(answers))
    await bench.chat('m')
    answers['key-one'] = chatAnswer
    await bench.road.clock.advance(31_000)
    for (const _ of [1, 2]) await bench.chat('m')
    const [{ credentials }] = (await bench.read('/admin/routes'))['credentials'] as [{ credentials: object[] }]
    expect(credentials).toMatchObject([{ name: 'c1', state: 'ready', setbacks: 0 }, { name: 'c2' }])
    expect(credentials[0]).not.toHaveProperty('reason')
  })

  test('a route whose credentials all rest is told as such, and explain passes it over', async () => {
    const bench = await openAdmin(yaml(two, admin), byKey(bothBad))
    await bench.chat('m')
    expect(await bench.read('/admin/routes')).toMatchObject({
      aliases: [{ routes: [{ state: 'no_credential', restsForMs: 30_000 }] }],
    })
    expect(await bench.read('/admin/explain?model=m')).toMatchObject({
      verdict: 'refuses',
      routes: [{ passedOver: { why: 'credentials', forMs: 30_000 } }],
    })
  })

  test('explain does not send to refused ones either where resting routes are asked', async () => {
    const more = `${admin}\nfallback: { when_all_cooling: least_bad }`
    const bench = await openAdmin(yaml(two, more), byKey(bothBad))
    await bench.chat('m')
    expect(await bench.read('/admin/explain?model=m')).toMatchObject({ verdict: 'refuses' })
  })

  test.each([
    { query: '', reset: 2 },
    { query: '?backend=a', reset: 2 },
    { query: '?name=c1', reset: 1 },
    { query: '?backend=a&name=c2', reset: 1 },
  ])('POST /credentials/reset$query ends $reset rests', async ({ query, reset }) => {
    const answers: ByKey = { ...bothBad }
    const bench = await openAdmin(yaml(two, admin), byKey(answers))
    expect((await bench.chat('m')).status).toBe(503)
    answers['key-one'] = answers['key-two'] = chatAnswer
    expect(await bench.read(`/admin/credentials/reset${query}`, { method: 'POST' })).toEqual({
      reset,
      backends: [{ backend: 'a', reset }],
    })
    expect((await bench.chat('m')).status).toBe(200)
    expect(told(bench.road, 'credentials_reset')).toMatchObject([{ backend: 'a', count: reset }])
  })

  test.each([
    { what: 'GET', path: '', asking: { method: 'GET' }, status: 405 },
    { what: 'HEAD', path: '', asking: { method: 'HEAD' }, status: 405 },
    { what: 'no key', path: '', asking: { method: 'POST', headers: {} }, status: 401 },
    { what: 'another machine', path: '', asking: { method: 'POST', peer: '10.0.0.9' }, status: 404 },
    {
      what: 'a page of another origin',
      path: '',
      asking: { method: 'POST', headers: { authorization: 'Bearer sk-client-key-0001', origin: 'https://evil.test' } },
      status: 403,
    },
    { what: 'an unknown backend', path: '?backend=c', asking: { method: 'POST' }, status: 400 },
    { what: 'an unknown name', path: '?name=c9', asking: { method: 'POST' }, status: 400 },
    { what: 'an unknown parameter', path: '?key=c1', asking: { method: 'POST' }, status: 400 },
  ])('$what resets nothing: $status', async ({ path, asking, status }) => {
    const bench = await openAdmin(yaml(two, admin), byKey(bothBad))
    await bench.chat('m')
    expect((await bench.ask(`/admin/credentials/reset${path}`, asking)).status).toBe(status)
    expect(told(bench.road, 'credentials_reset')).toEqual([])
    expect((await bench.chat('m')).status).toBe(503)
  })

  test('no other page takes a POST', async () => {
    const bench = await openAdmin(yaml(two, admin), byKey({}))
    for (const path of ['', '/routes', '/requests', '/config', '/credentials']) {
      expect((await bench.ask(`/admin${path}`, { method: 'POST' })).status).toBe(405)
    }
  })

  test('the story of a request names the credential of each attempt', async () => {
    const bench = await openAdmin(yaml(two, admin), byKey({ 'key-one': refusing(401) }))
    await bench.chat('m')
    const { requests } = await bench.read('/admin/requests')
    expect(requests).toMatchObject([
      {
        attempts: [
          { credential: { name: 'c1', number: 1, index: 0 } },
          { credential: { name: 'c2', number: 2, index: 1 } },
        ],
      },
    ])
  })
})
