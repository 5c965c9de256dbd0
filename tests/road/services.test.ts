import { describe, expect, test } from 'bun:test'
import type { OutgoingRequest } from '#ports/transport.ts'
import { letPass, reading } from '../support/chat-road.ts'
import { broken, eventStream, openRoad, type Road, type Upstream } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

const key = 'sk-client-0123456789'
const bearer = { authorization: `Bearer ${key}` }

const service = `
proxy_api_key: ${key}
trusted_proxies: [127.0.0.1]
services:
  google:
    models:
      gemma:
        backends:
          - { id: b1, url: "http://b1.test/base/", api_key: sk-of-b1, weight: 2 }
          - { id: b2, url: "http://b2.test/base", api_key: sk-of-b2, auth_mode: x-api-key }
      meta/llama:
        backends: [{ id: b3, url: "http://b3.test" }]
`

const flow = `
proxy_api_key: ${key}
passthrough: { backends: [{ id: flow, url: "https://flow.test/flow-llm-proxy", api_key: sk-of-flow }] }
`

const aliases = `
backends: [{ name: a, url: "http://a.test/v1", api_key: sk-of-a }]
models: { gpt-5: { routes: [{ backend: a, model: gpt-5-upstream }] } }
`

const echo: Upstream = (request) =>
  new Response(request.method === 'HEAD' ? null : `${request.method} ${request.url.href}`, {
    headers: { 'content-type': 'text/plain' },
  })

/** What reached an upstream: method and address. */
function asked(road: Road): string[] {
  return road.sent.map(({ method, url }) => `${method} ${url.href}`)
}

function headerOf(request: OutgoingRequest | undefined, name: string): string | undefined {
  return request?.headers.find(([each]) => each.toLowerCase() === name)?.[1]
}

function from(address: string): Record<string, string> {
  return { ...bearer, 'x-forwarded-for': address }
}

describe('services', () => {
  test.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'])(
    'D01 D03 D04 N303: %s reaches its backend with path and query as they were sent',
    async (method) => {
      const road = await openRoad(service, echo)
      const answer = await road.fetch('/google/gemma/v1/a%2Fb?x=%20&y', { method, headers: bearer })
      expect(answer.status).toBe(200)
      expect(await answer.text()).toBe(method === 'HEAD' ? '' : `${method} http://b1.test/base/v1/a%2Fb?x=%20&y`)
      // D44, N301: once.
      expect(asked(road)).toEqual([`${method} http://b1.test/base/v1/a%2Fb?x=%20&y`])
    },
  )

  test.each([
    { path: '/google/gemma', url: 'http://b1.test/base' },
    { path: '/google/gemma/', url: 'http://b1.test/base/' },
    { path: '/google/meta%2Fllama/v1/models', url: 'http://b3.test/v1/models' },
    { path: '/google/meta/llama/v1/models', url: 'http://b3.test/v1/models' },
    { path: '/google/meta/llama', url: 'http://b3.test/' },
  ])('D02 D82: $path is asked for as $url', async ({ path, url }) => {
    const road = await openRoad(service, echo)
    await road.fetch(path, { headers: bearer })
    expect(asked(road)).toEqual([`GET ${url}`])
  })

  test('D12 D13 D16 D17: each backend is sent its own key in its own header, and never that of the client', async () => {
    const road = await openRoad(service, echo)
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      await road.fetch('/google/gemma/x', { headers: from(address) })
    }
    const keys = road.sent.map((request) => [headerOf(request, 'authorization'), headerOf(request, 'x-api-key')])
    expect(keys).toContainEqual(['Bearer sk-of-b1', undefined])
    expect(keys).toContainEqual([undefined, 'sk-of-b2'])
    expect(JSON.stringify(road.sent.map(({ headers }) => headers))).not.toContain(key)
  })

  test.each([
    {
      name: 'no key is asked for',
      yaml: service.replace(/proxy_api_key.*/, ''),
      query: 'key=city&page=2',
      sent: 'key=city&page=2',
    },
    {
      name: 'the key is in a header',
      yaml: service,
      headers: bearer,
      query: 'key=city&page=2',
      sent: 'key=city&page=2',
    },
    { name: 'the key is in both', yaml: service, headers: bearer, query: `key=${key}&page=2`, sent: 'page=2' },
    { name: 'the key is in the query alone', yaml: service, query: `page=2&key=${key}`, sent: 'page=2' },
  ])('D04 D17: the query is that of the backend, where $name', async ({ yaml, headers = {}, query, sent }) => {
    const road = await openRoad(yaml, echo)
    expect((await road.fetch(`/google/gemma/v1/kv?${query}`, { headers })).status).toBe(200)
    expect(asked(road)).toEqual([`GET http://b1.test/base/v1/kv?${sent}`])
  })

  test('D15: one without a key is sent none', async () => {
    const road = await openRoad(service, echo)
    await road.fetch('/google/meta%2Fllama', { headers: { 'x-api-key': key } })
    expect(road.sent[0]?.headers.filter(([name]) => /auth|key/i.test(name))).toEqual([])
  })

  test('D11 N307: services.<name>.models.<name>.backends[].weight: 2 to 1, in turn', async () => {
    const road = await openRoad(service, echo)
    for (let index = 0; index < 9; index += 1) {
      await road.fetch('/google/gemma/x', { headers: from(`192.0.2.${index}`) })
    }
    const hosts = road.sent.map(({ url }) => url.hostname)
    expect(hosts.slice(0, 3).toSorted()).toEqual(['b1.test', 'b1.test', 'b2.test'])
    expect(hosts.filter((host) => host === 'b2.test').length).toBe(3)
  })

  test('D18 D19: clients of several addresses take turns, one of them stays where it is', async () => {
    const even = service.replace(', weight: 2', '')
    const road = await openRoad(even, echo)
    for (let index = 0; index < 10; index += 1) await road.fetch('/google/gemma/x', { headers: from('192.0.2.1') })
    expect(new Set(road.sent.map(({ url }) => url.hostname)).size).toBe(1)
    for (let index = 0; index < 4; index += 1) {
      await road.fetch('/google/gemma/x', { headers: from(`198.51.100.${index}`) })
    }
    const hosts = road.sent.slice(10).map(({ url }) => url.hostname)
    expect(hosts.filter((host) => host === 'b1.test').length).toBe(2)
  })

  test('D21 N313: when one cannot be reached, another answers the same request', async () => {
    const road = await openRoad(service, async (request) =>
      request.url.hostname === 'b1.test' ? broken('connect', 'refused') : await echo(request, road),
    )
    const answer = await road.fetch('/google/gemma/x', { method: 'POST', body: 'hello', headers: bearer })
    expect(await answer.text()).toBe('POST http://b2.test/base/x')
    expect(road.sent.map(sentBy).map(String)).toEqual(['hello', 'hello'])
  })

  test('D05: what a backend answers is the answer, its errors too', async () => {
    const road = await openRoad(service, () => new Response('no such file', { status: 404 }))
    const answer = await road.fetch('/google/gemma/v1/files/1', { method: 'DELETE', headers: bearer })
    expect([answer.status, await answer.text(), road.sent.length]).toEqual([404, 'no such file', 1])
  })

  test.each([
    { name: 'D24: Authorization: Bearer', headers: { authorization: `Bearer ${key}` }, status: 200 },
    { name: 'D25: X-API-Key', headers: { 'x-api-key': key }, status: 200 },
    { name: 'D26: none', headers: {}, status: 401 },
    { name: 'D26: a wrong one', headers: { 'x-api-key': 'nope' }, status: 401 },
  ])('$name gives $status', async ({ headers, status }) => {
    const road = await openRoad(service, echo)
    const answer = await road.fetch('/google/gemma/x', { headers: { ...headers } })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
    if (status === 401) {
      expect(await answer.json()).toEqual({
        error: expect.stringContaining('API key'),
        request_id: answer.headers.get('x-request-id'),
      })
      expect(road.sent).toEqual([])
    }
  })

  test('D27: without a key of ours anybody may ask', async () => {
    const road = await openRoad(service.replace(/proxy_api_key.*/, ''), echo)
    expect((await road.fetch('/google/gemma/x')).status).toBe(200)
  })

  test.each([
    { path: '/google/nope/v1/models', says: 'google/nope' },
    { path: '/nobody/gemma/v1/models', says: 'nobody/gemma' },
    { path: '/google', says: 'service "google"' },
  ])('D54: $path is told flat that there is no such thing', async ({ path, says }) => {
    const road = await openRoad(service, echo)
    const answer = await road.fetch(path, { headers: bearer })
    const body: unknown = await answer.json()
    expect(answer.status).toBe(404)
    expect(body).toEqual({ error: expect.stringContaining(says), request_id: answer.headers.get('x-request-id') })
    // Who has no key is not told what there is.
    expect((await road.fetch(path)).status).toBe(401)
    expect(road.sent).toEqual([])
  })

  test.each([
    { name: 'D55: nobody is there', breaks: broken('connect', 'refused'), status: 502 },
    { name: 'D55: nobody answers in time', breaks: broken('head', 'timeout'), status: 504 },
  ])('$name gives $status, flat', async ({ breaks, status }) => {
    const road = await openRoad(service, () => breaks)
    const answer = await road.fetch('/google/meta%2Fllama/x', { headers: bearer })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({
      error: expect.any(String),
      request_id: answer.headers.get('x-request-id'),
    })
  })

  test.each([
    { method: 'POST', path: '/google/gemma/survey/responses', event: 'data: row\n\n' },
    { method: 'POST', path: '/google/gemma/responses', event: 'data: row\n\n' },
    { method: 'POST', path: '/google/gemma/v1/chat/completions', event: 'data: {"row":1}\n\n' },
    { method: 'GET', path: '/google/gemma/v1/chat/completions', event: 'data: {"choices":[]}\n\n' },
    { method: 'POST', path: '/google/gemma/task/completions', event: 'data: {"choices":[{"text":"a"}]}\n\n' },
  ])(
    'D39 N302: of $method $path a stream that ends without a word of models is whole',
    async ({ method, path, event }) => {
      const road = await openRoad(`${service}streaming: { hold: true }\n`, () => eventStream([event, event]))
      for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']) {
        const answer = await road.fetch(path, { method, headers: from(address) })
        expect([answer.status, await answer.text()]).toEqual([200, `${event}${event}`])
        expect(answer.headers.get('x-stream-status')).toBe('live')
      }
      expect(road.settled.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 4 }, () => 'complete'))
      expect(road.lines.filter(({ level }) => level === 'warn')).toEqual([])
    },
  )

  test.each(['/google/gemma/responses', '/google/gemma/v1/responses', '/google/gemma/api/v1/responses'])(
    'A56: a stream of models at %s that is not whole ends with an error',
    async (path) => {
      const event = 'data: {"type":"response.output_text.delta","delta":"a"}\n\n'
      const road = await openRoad(service, () => eventStream([event]))
      const told = reading(road, road.fetch(path, { method: 'POST', headers: bearer }))
      await letPass(road.clock, 5000, () => told.ended !== undefined)
      expect([told.ended, told.text]).toEqual(['clean', expect.stringMatching(/"delta":"a"[^]*response\.failed/)])
    },
  )

  test.each(['/google/gemma/v1/responses', '/google/gemma/any'])(
    'a stream of %s is told to be rescued by nobody',
    async (path) => {
      const event = 'data: {"type":"response.completed"}\n\n'
      const road = await openRoad(`${service}streaming: { rescue: match }\n`, () => eventStream([event]))
      const answer = await road.fetch(path, { method: 'POST', headers: bearer })
      expect([await answer.text(), answer.headers.get('x-stream-status')]).toEqual([event, 'live'])
    },
  )

  test('D05: a backend that asks for a long wait is passed on as it says it', async () => {
    const road = await openRoad(service, () => new Response('busy', { status: 429, headers: { 'retry-after': '300' } }))
    const answer = await road.fetch('/google/gemma/x', { headers: bearer })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '300'])
  })

  test.each([
    { method: 'POST', breaks: broken('head'), says: 'true' },
    { method: 'PATCH', breaks: broken('head'), says: 'false' },
    { method: 'DELETE', breaks: broken('head', 'timeout'), says: 'false' },
    { method: 'DELETE', breaks: broken('connect', 'refused'), says: 'true' },
  ])('D44: a $method that may have been done is not asked for again: $says', async ({ method, breaks, says }) => {
    const road = await openRoad(service, () => breaks)
    const answer = await road.fetch('/google/gemma/x', { method, headers: bearer })
    expect([answer.status >= 502, answer.headers.get('x-should-retry')]).toEqual([true, says])
  })

  test('while it shuts down it says so, flat', async () => {
    const road = await openRoad(service, echo)
    road.setDraining()
    const answer = await road.fetch('/google/gemma/x', { headers: bearer })
    expect([answer.status, Object.keys((await answer.json()) as object)]).toEqual([503, ['error', 'request_id']])
  })

  test('paths of models are what they were', async () => {
    const road = await openRoad(`${service}${aliases}`, echo)
    expect((await road.chat('gpt-5', {}, { headers: bearer })).status).toBe(200)
    const unknown = await road.chat('nope', {}, { headers: bearer })
    expect(await unknown.json()).toMatchObject({ error: { code: 'model_not_found' } })
    expect(asked(road)).toEqual(['POST http://a.test/v1/chat/completions'])
  })

  test('D66: a reload keeps where a client was, and forgets who is gone', async () => {
    const road = await openRoad(service, echo)
    await road.fetch('/google/gemma/x', { headers: bearer })
    const [before] = road.sent
    await road.reload(service.replace('weight: 2', 'weight: 3'))
    await road.fetch('/google/gemma/x', { headers: bearer })
    expect(road.sent[1]?.url.host).toBe(before?.url.host ?? '')
    await road.reload(service.replace(/ +- \{ id: b1.*\n/, ''))
    await road.fetch('/google/gemma/x', { headers: bearer })
    expect(road.sent[2]?.url.hostname).toBe('b2.test')
  })
})

describe('what a reload moves to another address', () => {
  test.each([
    { name: 'a backend of a service', yaml: service.replace(/ +- \{ id: b2.*\n/, ''), path: '/google/gemma/x' },
    { name: 'a backend of an alias', yaml: `proxy_api_key: ${key}${aliases}`, path: '/v1/chat/completions' },
  ])('D66: $name is asked again at once', async ({ yaml, path }) => {
    const road = await openRoad(yaml, ({ url }) => new Response('{}', { status: url.port === '' ? 503 : 200 }))
    const ask = async (): Promise<number> => {
      const body = JSON.stringify({ model: 'gpt-5' })
      return (await road.fetch(path, { method: 'POST', body, headers: bearer })).status
    }
    await ask()
    const asked503 = road.sent.length
    expect([await ask(), road.sent.length]).toEqual([503, asked503])
    await road.reload(yaml)
    expect([await ask(), road.sent.length]).toEqual([503, asked503])
    await road.reload(yaml.replaceAll('.test/', '.test:5000/'))
    expect([await ask(), road.sent.length]).toEqual([200, asked503 + 1])
  })

  test('D66: who stayed with it stays with it no more', async () => {
    const road = await openRoad(service, echo)
    await road.fetch('/google/gemma/x', { headers: bearer })
    expect(road.gateway.figures.pins.size).toBe(1)
    await road.reload(service.replaceAll('.test/', '.test:5000/').replaceAll('.test"', '.test:5000"'))
    expect(road.gateway.figures.pins.size).toBe(0)
  })
})

describe('through us as a proxy', () => {
  const both = `
proxy_api_key: ${key}
forward_proxy: { enabled: true }
passthrough:
  affinity: { by: "off" }
  backends:
    - { id: a, url: "http://flow.test/a", api_key: sk-of-a }
    - { id: b, url: "http://flow.test/b", api_key: sk-of-b }
services: { google: { models: { gemma: { backends: [{ id: g, url: "http://g.test" }] } } } }
`
  test.each([
    { path: '/a/google/gemma/v1/x', urls: ['http://flow.test/a/google/gemma/v1/x'] },
    { path: '/google/nope/x', urls: ['http://flow.test/a/google/nope/x', 'http://flow.test/b/google/nope/x'] },
    { path: '/b/v1/models', urls: ['http://flow.test/b/v1/models'] },
  ])(
    'A51 N001: the host decides before the path, and of its backends the longest base: $path',
    async ({ path, urls }) => {
      const road = await openRoad(both, echo)
      for (let at = 0; at < 4; at += 1) await road.fetch(path, { headers: { ...bearer, host: 'flow.test' } })
      expect([...new Set(road.sent.map(({ url }) => url.href))].toSorted()).toEqual([...urls])
      expect(road.settled.map(({ alias }) => alias)).toEqual(Array.from({ length: 4 }, () => undefined))
    },
  )

  test('a client that asks two hosts stays with each of them', async () => {
    const hosts = `
proxy_api_key: ${key}
forward_proxy: { enabled: true }
passthrough: { backends: [{ id: a1, url: "http://a.test" }, { id: a2, url: "http://a.test/" }, { id: b, url: "http://b.test" }] }
`
    const road = await openRoad(hosts, echo)
    for (let at = 0; at < 6; at += 1) {
      for (const host of ['a.test', 'b.test']) await road.fetch('/v1/models', { headers: { ...bearer, host } })
    }
    expect(new Set(road.settled.map(({ attempts }) => attempts[0]?.backend)).size).toBe(2)
    expect(road.gateway.figures.pins.repinned).toBe(0)
    await road.reload(hosts)
    expect(road.gateway.figures.pins.size).toBe(2)
  })
})

describe('passthrough', () => {
  const json = { ...bearer, 'content-type': 'application/json' }

  test.each([
    { path: '/v1/batches', body: '{"input_file_id":"file-1","endpoint":"/v1/chat/completions"}' },
    { path: '/v1/threads', body: '{}' },
    { path: '/v1/vector_stores', body: '{"name":"x"}' },
    { path: '/v1/conversations', body: '{}' },
    { path: '/v1/responses/resp_1/cancel' },
    { path: '/v1/fine_tuning/jobs/1/cancel' },
    { path: '/v1/messages/batches', body: '{"requests":[]}' },
    { path: '/v1/messages/batches/1/cancel' },
    { path: '/v1/memories', body: '{"name": "x"}' },
    { path: '/v1/whatever/1/cancel' },
    { path: '/v1/moderations', body: '{"input":"x"}' },
    { path: '/v1/images/generations', body: '{"prompt":"cat"}' },
    { path: '/v1/responses', body: '{"prompt":{"id":"pmpt_1"}}' },
    { path: '/v1beta/models/foo', body: '{}' },
    { path: '/v1/models/foo/x', body: '{ "a" : 1 }' },
  ])('A17: POST $path names no model, and goes on as it is', async ({ path, body }) => {
    for (const yaml of [flow, `${flow}${aliases}`]) {
      const road = await openRoad(yaml, echo)
      const answer = await road.fetch(path, { method: 'POST', headers: json, ...(body !== undefined && { body }) })
      expect([answer.status, asked(road)]).toEqual([200, [`POST https://flow.test/flow-llm-proxy${path}`]])
      expect(road.sent.map((request) => sentBy(request).toString())).toEqual([body ?? ''])
    }
  })

  test('A25: a body that should be JSON and is none is refused, also where it need not name a model', async () => {
    const road = await openRoad(`${flow}${aliases}`, echo)
    const answer = await road.fetch('/v1/memories', { method: 'POST', headers: json, body: '{"a":' })
    expect([answer.status, asked(road)]).toEqual([400, []])
  })

  test.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD'])(
    'A17 A20: %s of any path goes behind the base address',
    async (method) => {
      const road = await openRoad(flow, echo)
      await road.fetch('/v1/models?x=1', { method, headers: bearer })
      await road.fetch('/model/info', { method, headers: bearer })
      expect(asked(road)).toEqual([
        `${method} https://flow.test/flow-llm-proxy/v1/models?x=1`,
        `${method} https://flow.test/flow-llm-proxy/model/info`,
      ])
    },
  )

  test.each(['/', '/v1/chat/completions', '/models', '/v1/models/gpt', '/v1beta/models', '/api/tags', '/api/version'])(
    'A17: GET %s is no business of ours where no alias is',
    async (path) => {
      const road = await openRoad(flow, echo)
      await road.fetch(path, { headers: bearer })
      expect(asked(road)).toEqual([`GET https://flow.test/flow-llm-proxy${path}`])
    },
  )

  test('A17: a plain OPTIONS goes on too', async () => {
    const road = await openRoad(flow, echo)
    await road.fetch('/v1/models', { method: 'OPTIONS', headers: bearer })
    expect(asked(road)).toEqual(['OPTIONS https://flow.test/flow-llm-proxy/v1/models'])
  })

  test.each(['/health', '/healthz', '/livez', '/ready', '/readyz'])(
    'N008: %s is answered here, without a key and without a backend',
    async (path) => {
      const road = await openRoad(flow, echo)
      for (let index = 0; index < 10; index += 1) expect((await road.fetch(path)).status).toBe(200)
      expect(road.sent).toEqual([])
    },
  )

  test('a model that no alias names goes on with its name, in a body that is not touched', async () => {
    const road = await openRoad(`${flow}${aliases}`, echo)
    const body = '{ "model" : "claude",  "messages":[] }'
    const answer = await road.fetch('/v1/messages', {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
      body,
    })
    expect(answer.status).toBe(200)
    expect(asked(road)).toEqual(['POST https://flow.test/flow-llm-proxy/v1/messages'])
    expect(road.sent.map((request) => sentBy(request).toString())).toEqual([body])
    await road.chat('gpt-5', {}, { headers: bearer })
    expect(asked(road)[1]).toBe('POST http://a.test/v1/chat/completions')
  })

  test('the model of a Gemini path goes on as it is written', async () => {
    const road = await openRoad(flow, echo)
    await road.fetch('/v1beta/models/gemini-2.5-pro:generateContent', { method: 'POST', headers: bearer, body: '{}' })
    expect(asked(road)).toEqual(['POST https://flow.test/flow-llm-proxy/v1beta/models/gemini-2.5-pro:generateContent'])
  })

  test('with aliases the list of models is ours, and other models are somebody else’s', async () => {
    const road = await openRoad(`${flow}${aliases}`, echo)
    expect(await (await road.fetch('/v1/models', { headers: bearer })).json()).toMatchObject({
      data: [{ id: 'gpt-5' }],
    })
    expect((await road.fetch('/v1/models/gpt-5', { headers: bearer })).status).toBe(200)
    await road.fetch('/v1/models/claude', { headers: bearer })
    expect(asked(road)).toEqual(['GET https://flow.test/flow-llm-proxy/v1/models/claude'])
  })

  test('A25: malformed JSON on a path of models is refused here', async () => {
    const road = await openRoad(flow, echo)
    const answer = await road.fetch('/v1/chat/completions', { method: 'POST', headers: bearer, body: '{"model":' })
    expect([answer.status, road.sent.length]).toEqual([400, 0])
  })

  test('a file that is uploaded names no model, with aliases and without', async () => {
    for (const yaml of [flow, `${flow}${aliases}`]) {
      const road = await openRoad(yaml, echo)
      const headers = { ...bearer, 'content-type': 'multipart/form-data; boundary=x' }
      const answer = await road.fetch('/v1/files', { method: 'POST', headers, body: '--x--\r\n' })
      expect([answer.status, asked(road)]).toEqual([200, ['POST https://flow.test/flow-llm-proxy/v1/files']])
    }
  })

  test('D26: without a key nothing goes on; who asks at a path of OpenAI is told as OpenAI does', async () => {
    const road = await openRoad(flow, echo)
    const answer = await road.fetch('/model/info')
    expect([answer.status, await answer.json()]).toEqual([
      401,
      { error: expect.any(String), request_id: answer.headers.get('x-request-id') },
    ])
    expect(await (await road.fetch('/v1/models')).json()).toMatchObject({ error: { code: 'missing_api_key' } })
    expect(road.sent).toEqual([])
  })
})

describe('D56 B80: the id of a request', () => {
  const good = ['mine', 'a', '0af7651916cd43dd8448eb211c80319c', 'A.b-c_d', 'x'.repeat(128)]

  test.each(good)('%s is taken over, for the answer and for the log', async (id) => {
    const road = await openRoad(service, echo)
    const headers = { ...bearer, 'x-request-id': id }
    const answer = await road.fetch('/google/gemma/x', { headers })
    await answer.text()
    expect([answer.headers.get('x-request-id'), road.settled[0]?.id]).toEqual([id, id])
  })

  test.each([
    { path: '/google/nope', status: 404 },
    { path: '/google/gemma/x', status: 401 },
    { path: '/health', status: 200 },
    { path: '/v1/models', status: 200 },
    { path: '/v1/chat/completions', status: 405 },
  ])('$path with $status has it too', async ({ path, status }) => {
    const road = await openRoad(`${service}${aliases}`, echo)
    const headers = { 'x-request-id': 'mine', ...(status === 404 && bearer) }
    const answer = await road.fetch(path, { headers })
    expect([answer.status, answer.headers.get('x-request-id')]).toEqual([status, 'mine'])
  })

  const bad = [
    '.',
    '..',
    '../x',
    'a/b',
    'a b',
    '-',
    'a:b',
    'é',
    `req_${'0'.repeat(24)}`,
    'req_abc123',
    '0198abcc0198abcc0198abcc',
    // N011: what no log may show.
    key,
    `a-${key}-b`,
    'x'.repeat(129),
    'a.',
  ]

  test.each(bad)('%s is none that we would write down', async (id) => {
    const road = await openRoad(service, echo)
    const answer = await road.fetch('/google/gemma/x', { headers: { ...bearer, 'x-request-id': id } })
    expect(answer.headers.get('x-request-id')).toMatch(/^req_0+\d$/)
  })
})
