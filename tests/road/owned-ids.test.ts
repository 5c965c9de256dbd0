import { describe, expect, test } from 'bun:test'
import { sentBy } from '../support/upstream.ts'
import { chatAnswer, openRoad, type Road, type Upstream } from '../support/road.ts'

const two = `proxy_api_key: sk-client-key-1234
backends:
  - { name: a, url: "http://a/v1", api_key: sk-key-of-a }
  - { name: b, url: "http://b/v1", api_key: sk-key-of-b }
models:
  m: { routes: [{ backend: a, model: up, priority: 1 }, { backend: b, model: up, priority: 2 }] }
  n: { routes: [{ backend: b, model: other }] }
`

const everything = 'owned_ids: { resources: all }\n'
const wide = `${two}${everything}`

const key = { authorization: 'Bearer sk-client-key-1234' }
const json = { ...key, 'content-type': 'application/json' }
const at = (alias: string): Readonly<Record<string, string>> => ({ 'x-llm-proxy-model': alias })

/** Provider of everything that has an id, in memory: what it did not make it does not know. */
function provider(): Upstream {
  const made = new Map<string, object>()
  let count = 0
  return (request) => {
    const { url, method } = request
    const host = url.hostname
    const [, , collection = '', id, action] = url.pathname.split('/')
    const known = id === undefined ? undefined : made.get(`${host} ${id}`)
    if (collection === 'chat') return chatAnswer()
    if (id !== undefined && known === undefined) return unknown(id)
    if (action === 'content')
      return new Response('{"id":"resp_planted_in_a_file"}', { headers: { 'content-type': 'application/json' } })
    if (method === 'GET' && id === undefined) {
      const own = [...made].filter(([name]) => name.startsWith(`${host} ${prefixes[collection] ?? ''}`))
      return Response.json({ object: 'list', data: own.map(([, one]) => one) })
    }
    if (known !== undefined) return Response.json(method === 'DELETE' ? { ...known, deleted: true } : known)
    const body: Record<string, unknown> = request.headers.some(([, value]) => value === 'application/json')
      ? (JSON.parse(sentBy(request).toString()) as Record<string, unknown>)
      : {}
    for (const name of ['input_file_id', 'previous_response_id', 'conversation']) {
      const named = body[name]
      if (typeof named === 'string' && !made.has(`${host} ${named}`)) return unknown(named)
    }
    count += 1
    const one = {
      object: collection,
      id: `${prefixes[collection] ?? ''}${host}_${count}`,
      output: [{}],
      status: 'completed',
    }
    const extra = collection === 'batches' ? { output_file_id: `file-out_${host}_${count}` } : {}
    made.set(`${host} ${one.id}`, { ...one, ...extra })
    if ('output_file_id' in extra) made.set(`${host} ${extra.output_file_id ?? ''}`, { id: extra.output_file_id })
    return Response.json({ ...one, ...extra })
  }
}

const prefixes: Readonly<Record<string, string>> = {
  files: 'file-',
  batches: 'batch_',
  responses: 'resp_',
  conversations: 'conv_',
  vector_stores: 'vs_',
}

function unknown(id: string): Response {
  return Response.json({ error: { message: `No such thing: ${id}`, type: 'invalid_request_error' } }, { status: 404 })
}

interface Told {
  readonly status: number
  readonly body: Record<string, unknown>
}

async function call(
  road: Road,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = json,
  body?: object | FormData,
): Promise<Told> {
  const sent = body instanceof FormData ? body : body === undefined ? undefined : JSON.stringify(body)
  const response = await road.fetch(path, { method, headers, ...(sent !== undefined && { body: sent }) })
  const text = await response.text()
  return { status: response.status, body: (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown> }
}

/** Who was asked, and how: `POST b/v1/files`. */
function asked(road: Road): string[] {
  return road.sent.map(({ method, url }) => `${method} ${url.hostname}${url.pathname}${url.search}`)
}

async function makeFile(road: Road, alias: string): Promise<string> {
  const form = new FormData()
  form.set('purpose', 'batch')
  form.set('file', new File(['{"custom_id":"1"}\n'], 'in.jsonl'))
  const made = await call(road, 'POST', '/v1/files', { ...key, ...at(alias) }, form)
  expect(made.status).toBe(200)
  return String(made.body['id'])
}

describe('who has what an id stands for', () => {
  test('files, batches and answers go where they were made, without a model', async () => {
    const road = await openRoad(two, provider())
    const file = await makeFile(road, 'n')
    expect(file).toStartWith('file-b')
    const batch = await call(road, 'POST', '/v1/batches', json, { input_file_id: file, endpoint: '/v1/responses' })
    const id = String(batch.body['id'])
    await call(road, 'GET', `/v1/batches/${id}`)
    await call(road, 'POST', `/v1/batches/${id}/cancel`, key)
    await call(road, 'GET', `/v1/files/${String(batch.body['output_file_id'])}/content`)
    await call(road, 'DELETE', `/v1/files/${file}?x=%20y`)
    const answer = await call(road, 'POST', '/v1/responses', json, { model: 'n', input: 'hi' })
    const response = String(answer.body['id'])
    await call(road, 'GET', `/v1/responses/${response}/input_items`)
    await call(road, 'POST', `/v1/responses/${response}/cancel`, key)
    await call(road, 'DELETE', `/responses/${response}`)
    const conversation = await call(road, 'POST', '/v1/conversations', { ...json, ...at('n') }, {})
    await call(road, 'POST', '/v1/conversations/' + String(conversation.body['id']) + '/items', json, { items: [] })
    expect(asked(road)).toEqual([
      'POST b/v1/files',
      'POST b/v1/batches',
      `GET b/v1/batches/${id}`,
      `POST b/v1/batches/${id}/cancel`,
      `GET b/v1/files/${String(batch.body['output_file_id'])}/content`,
      `DELETE b/v1/files/${file}?x=%20y`,
      'POST b/v1/responses',
      `GET b/v1/responses/${response}/input_items`,
      `POST b/v1/responses/${response}/cancel`,
      `DELETE b/v1/responses/${response}`,
      'POST b/v1/conversations',
      `POST b/v1/conversations/${String(conversation.body['id'])}/items`,
    ])
    expect(road.settled.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200))
    for (const { headers } of road.sent) {
      expect(headers).toContainEqual(['authorization', 'Bearer sk-key-of-b'])
      expect(headers.map(([name]) => name)).not.toContain('x-llm-proxy-model')
    }
  })

  test.each([
    { name: 'a former answer', body: { previous_response_id: '$response' } },
    { name: 'a conversation', body: { conversation: { id: '$conversation' } } },
    { name: 'a file', body: { input: [{ role: 'user', content: [{ type: 'input_file', file_id: '$file' }] }] } },
    { name: 'a list of stores', body: { tools: [{ type: 'file_search', vector_store_ids: ['vs_none', '$store'] }] } },
  ])('requests for a model that speak of $name go to who has it, whatever the priorities', async ({ body }) => {
    const road = await openRoad(two, provider())
    const made = {
      $response: (await call(road, 'POST', '/v1/responses', json, { model: 'n', input: 'hi' })).body['id'],
      $conversation: (await call(road, 'POST', '/v1/conversations', { ...json, ...at('n') }, {})).body['id'],
      $store: (await call(road, 'POST', '/v1/vector_stores', { ...json, ...at('n') }, {})).body['id'],
      $file: await makeFile(road, 'n'),
    }
    const text = JSON.stringify({ model: 'm', input: 'hi', ...body }).replaceAll(/\$\w+/g, (name) =>
      String(made[name as keyof typeof made]),
    )
    road.sent.length = 0
    await call(road, 'POST', '/v1/responses', json, JSON.parse(text) as object)
    await call(road, 'POST', '/v1/responses', json, { model: 'm', input: text })
    expect(asked(road)).toEqual(['POST b/v1/responses', 'POST a/v1/responses'])
  })

  test('chats name files too, and what stands in a text is no name', async () => {
    const road = await openRoad(two, provider())
    const file = await makeFile(road, 'n')
    road.sent.length = 0
    const part = { type: 'file', file: { file_id: file } }
    await (await road.chat('m', { messages: [{ role: 'user', content: [part] }] }, { headers: json })).text()
    await (
      await road.chat('m', { messages: [{ role: 'user', content: JSON.stringify(part) }] }, { headers: json })
    ).text()
    expect(asked(road)).toEqual(['POST b/v1/chat/completions', 'POST a/v1/chat/completions'])
  })

  test('a model that does not lead to the owner is refused, with words that tell why', async () => {
    const road = await openRoad(two, provider())
    const { body } = await call(road, 'POST', '/v1/responses', json, { model: 'm', input: 'hi' })
    const told = await call(road, 'POST', '/v1/responses', json, {
      model: 'n',
      previous_response_id: body['id'],
      input: 'x',
    })
    expect(told).toMatchObject({ status: 404, body: { error: { code: 'unknown_id', type: 'invalid_request_error' } } })
    expect(asked(road)).toEqual(['POST a/v1/responses'])
  })

  test('a list that a header asks for tells who has what is in it, also after all was forgotten', async () => {
    const upstream = provider()
    const before = await openRoad(wide, upstream)
    const file = await makeFile(before, 'n')
    const road = await openRoad(wide, upstream)
    expect((await call(road, 'GET', `/v1/files/${file}`)).status).toBe(404)
    await call(road, 'GET', '/v1/files?limit=10', { ...key, ...at('n') })
    expect((await call(road, 'GET', `/v1/files/${file}`)).status).toBe(200)
    expect(asked(road)).toEqual(['GET b/v1/files?limit=10', `GET b/v1/files/${file}`])
  })

  test('who has it rests: the client is told when to come back, and nobody else is asked', async () => {
    let isDown = false
    const upstream = provider()
    const road = await openRoad(two, async (request, about) =>
      isDown ? Response.json({}, { status: 503 }) : await upstream(request, about),
    )
    const file = await makeFile(road, 'n')
    isDown = true
    expect((await call(road, 'GET', `/v1/files/${file}`)).status).toBe(503)
    const resting = await road.fetch(`/v1/files/${file}`, { headers: key })
    expect([resting.status, resting.headers.has('retry-after')]).toEqual([503, true])
    expect(asked(road)).toEqual(['POST b/v1/files', `GET b/v1/files/${file}`])
    // Nothing of it is held against the models of that backend.
    isDown = false
    expect((await road.chat('n', {}, { headers: json })).status).toBe(200)
  })
})

describe('what a provider keeps is nobody’s to judge', () => {
  test.each([
    { name: 'a page', type: 'text/html', body: '<html>a page that a client once uploaded</html>' },
    {
      name: 'an error of another time',
      type: 'application/json',
      body: '{"error":{"message":"quota exceeded","code":429}}',
    },
    { name: 'nothing', type: 'application/json', body: '' },
    { name: 'lines', type: 'application/jsonl', body: '{"error":null}\n{"error":{"code":"x"}}\n' },
  ])('the content of a file is passed on as it is: $name', async ({ type, body }) => {
    const road = await openRoad(wide, () => new Response(body, { headers: { 'content-type': type } }))
    const response = await road.fetch('/v1/files/file-1234/content', { headers: { ...key, ...at('m') } })
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([200, type, body])
    expect(road.sent).toHaveLength(1)
  })

  test('a 404 of who is asked is the answer; it makes nobody rest, and a key of ours that is refused is not told', async () => {
    const road = await openRoad(wide, ({ url }) =>
      Response.json({ error: { message: 'no' } }, { status: url.pathname.endsWith('x') ? 401 : 404 }),
    )
    const headers = { ...key, ...at('n') }
    expect((await call(road, 'GET', '/v1/files/file-1234', headers)).status).toBe(404)
    expect((await call(road, 'GET', '/v1/files/file-1234', headers)).status).toBe(404)
    expect((await call(road, 'GET', '/v1/files/file-x', headers)).status).toBe(502)
    expect(road.sent).toHaveLength(3)
  })

  test('a former answer can be had as the stream that it was', async () => {
    const event = (name: string, data: object): string =>
      `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`
    const stream = [
      event('response.created', { response: { id: 'resp_1' } }),
      event('response.output_text.delta', { delta: 'hi' }),
      event('response.completed', { response: { id: 'resp_1' } }),
    ].join('')
    const road = await openRoad(wide, () => new Response(stream, { headers: { 'content-type': 'text/event-stream' } }))
    const response = await road.fetch('/v1/responses/resp_1?stream=true', { headers: { ...key, ...at('m') } })
    expect(await response.text()).toBe(stream)
    expect(road.settled[0]).toMatchObject({ stream: true, outcome: 'complete' })
  })
})

test('in a service too who made an answer is asked for it, and what nobody is known to have goes on as ever', async () => {
  const config = `services:
  svc: { affinity: { by: "off" }, models: { m: { backends: [{ id: one, url: "http://one" }, { id: two, url: "http://two" }] } } }
`
  const road = await openRoad(config, ({ url }) => Response.json({ id: `resp_of_${url.hostname}` }))
  for (let time = 0; time < 2; time += 1) await call(road, 'POST', '/svc/m/v1/responses', json, { input: 'hi' })
  for (let time = 0; time < 2; time += 1) await call(road, 'GET', '/svc/m/v1/responses/resp_of_one')
  const going = { input: 'hi', previous_response_id: 'resp_of_two' }
  for (let time = 0; time < 2; time += 1) await call(road, 'POST', '/svc/m/v1/responses', json, going)
  for (let time = 0; time < 2; time += 1) await call(road, 'GET', '/svc/m/v1/responses/resp_of_nobody')
  expect(road.sent.map(({ url }) => url.hostname).join(' ')).toMatch(
    /^(one two|two one) one one two two (one two|two one)$/,
  )
})

describe('nobody is known to have it', () => {
  test.each([
    { method: 'GET', path: '/v1/files/file-unknown', status: 404, code: 'unknown_id' },
    { method: 'POST', path: '/v1/batches/batch_unknown/cancel', status: 404, code: 'unknown_id' },
    { method: 'GET', path: '/v1/responses/resp_unknown', status: 404, code: 'unknown_id' },
    { method: 'GET', path: '/v1/files', status: 400, code: 'missing_model' },
    { method: 'POST', path: '/v1/conversations', status: 400, code: 'missing_model' },
  ])('$method $path is refused with $status, and how to say it', async ({ method, path, status, code }) => {
    const road = await openRoad(wide, provider())
    const told = await call(road, method, path)
    expect(told).toMatchObject({ status, body: { error: { code } } })
    expect(JSON.stringify(told.body)).toContain('x-llm-proxy-model: <alias>')
    expect(road.sent).toEqual([])
  })

  test('in the words of who asks', async () => {
    const road = await openRoad(two, provider())
    const anthropic = await call(road, 'GET', '/v1/messages/batches/msgbatch_unknown')
    expect(anthropic.body).toMatchObject({ type: 'error', error: { type: 'not_found_error' } })
    const files = await call(road, 'GET', '/v1/files/file_unknown', { ...key, 'anthropic-version': '2023-06-01' })
    expect(files.body).toMatchObject({ type: 'error', error: { type: 'not_found_error' } })
    const gemini = await call(road, 'GET', '/v1beta/files/unknown')
    expect(gemini.body).toMatchObject({ error: { status: 'NOT_FOUND' } })
  })

  test('a header names an alias; one that does not exist is told', async () => {
    const road = await openRoad(wide, provider())
    await call(road, 'GET', '/v1/files/file-unknown', { ...key, ...at('m') })
    expect(asked(road)).toEqual(['GET a/v1/files/file-unknown'])
    const wrong = await call(road, 'GET', '/v1/files', { ...key, ...at('nn') })
    expect(wrong).toMatchObject({ status: 404, body: { error: { code: 'model_not_found' } } })
  })

  test('where one backend alone speaks the dialect, it is asked, and nothing is remembered', async () => {
    const one = `backends: [{ name: a, url: "http://a/v1" }]
models: { m: { routes: [{ backend: a, model: up }] } }
`
    const road = await openRoad(one + everything, provider())
    await call(road, 'GET', '/v1/files/file-unknown')
    await call(road, 'POST', '/v1/conversations', json, {})
    expect(asked(road)).toEqual(['GET a/v1/files/file-unknown', 'POST a/v1/conversations'])
    expect(road.gateway.figures.owners.size).toBe(0)
  })

  test.each([
    '/v1/organization/admin_api_keys',
    '/v1/Organization;x/users',
    '/v1//organization/users',
    '/v1/organizations/users',
    '/v1/usage',
    '/v1/dashboard/billing',
    '/v1/fine_tuning/checkpoints/x/permissions',
    '/v1/files/../organization/users',
    '/v1/files/..%2Fusers',
    '/v1/files/%252e%252e%252forganization',
    '/v1/files/..;/organization/users',
    '/v1/whatever/a%5Cb',
  ])('what is of an account is not for clients, whatever the method and the body: %s', async (path) => {
    const one = 'backends: [{ name: a, url: "http://a/v1" }]\nmodels: { m: { routes: [{ backend: a, model: up }] } }\n'
    const road = await openRoad(one + everything, provider())
    for (const method of ['GET', 'DELETE', 'POST', 'PUT', 'PATCH']) {
      const body = method === 'GET' || method === 'DELETE' ? undefined : { model: 'm', role: 'owner' }
      expect((await call(road, method, path, { ...json, ...at('m') }, body)).status).toBe(404)
    }
    expect(road.sent).toEqual([])
  })
})

test('beside a passthrough, which takes what nothing else takes, known ids and named aliases are for routes of ours', async () => {
  const road = await openRoad(`${wide}passthrough: { backends: [{ id: rest, url: "http://rest" }] }\n`, provider())
  const file = await makeFile(road, 'n')
  await call(road, 'GET', `/v1/files/${file}`)
  await call(road, 'GET', '/v1/files/file-unknown')
  await call(road, 'GET', '/v1/files', { ...key, ...at('m') })
  await call(road, 'POST', '/v1/batches', json, { input_file_id: file })
  await call(road, 'POST', '/v1/conversations', json, {})
  expect(asked(road)).toEqual([
    'POST b/v1/files',
    `GET b/v1/files/${file}`,
    'GET rest/v1/files/file-unknown',
    'GET a/v1/files',
    'POST b/v1/batches',
    'POST rest/v1/conversations',
  ])
})

describe('what belongs to somebody', () => {
  test('is not there for another caller, also when that one names a model', async () => {
    const road = await openRoad(two, provider())
    const { owners } = road.gateway.figures
    const owner = { backend: 'b', address: 'http://b/v1', credential: undefined, caller: 'somebody else' }
    owners.keep('file-theirs', 'file', owner, 0, { max: 10, ttlMs: 1000 })
    owners.keep('resp_theirs', 'response', owner, 0, { max: 10, ttlMs: 1000 })
    for (const path of ['/v1/files/file-theirs', '/v1/files/file%2Dtheirs', '/v1/files/file-theirs/content']) {
      expect(await call(road, 'GET', path, { ...key, ...at('n') })).toMatchObject({ status: 404 })
    }
    const going = { model: 'n', input: 'hi', previous_response_id: 'resp_theirs' }
    expect(await call(road, 'POST', '/v1/responses', json, going)).toMatchObject({ status: 404 })
    expect(road.sent).toEqual([])
  })

  test('a file can say what it wants: what is in it makes nobody an owner', async () => {
    const road = await openRoad(two, provider())
    const file = await makeFile(road, 'n')
    await call(road, 'GET', `/v1/files/${file}/content`)
    expect(road.gateway.figures.owners.find('resp_planted_in_a_file', 0)).toBeUndefined()
  })

  test('of several credentials the one that made it is used, and no other one', async () => {
    const config = `backends:
  - { name: a, url: "http://a/v1", credentials: [{ name: c1, api_key: key-1 }, { name: c2, api_key: key-2 }] }
models: { m: { routes: [{ backend: a, model: up }] } }
`
    let isRefused = false
    const upstream = provider()
    const road = await openRoad(config, async (request, about) =>
      isRefused
        ? Response.json({ error: { code: 'invalid_api_key' } }, { status: 401 })
        : await upstream(request, about),
    )
    const keysUsed = (): string =>
      road.sent.map(({ headers }) => headers.find(([name]) => name === 'authorization')?.[1]?.at(-1)).join('')
    const file = await makeFile(road, 'm')
    for (let time = 0; time < 3; time += 1) await call(road, 'GET', `/v1/files/${file}`)
    expect(keysUsed()).toBe('1111')
    await (await road.chat('m')).text()
    isRefused = true
    expect((await call(road, 'GET', `/v1/files/${file}`)).status).toBeWithin(502, 504)
    isRefused = false
    expect((await call(road, 'GET', `/v1/files/${file}`)).status).toBe(503)
    expect(keysUsed()).toBe('111121')
    expect((await road.chat('m')).status).toBe(200)
  })

  test('owned_ids.max is how many are remembered, 0 is none', async () => {
    const road = await openRoad(`${two}owned_ids: { max: 2 }\n`, provider())
    const files = [await makeFile(road, 'n'), await makeFile(road, 'n'), await makeFile(road, 'n')]
    const statuses = await Promise.all(files.map(async (file) => (await call(road, 'GET', `/v1/files/${file}`)).status))
    expect(statuses).toEqual([404, 200, 200])
    const none = await openRoad(`${two}owned_ids: { max: 0 }\n`, provider())
    await makeFile(none, 'n')
    expect(none.gateway.figures.owners.size).toBe(0)
  })

  test('owned_ids.ttl is for how long, after each use', async () => {
    const road = await openRoad(`${two}owned_ids: { ttl: 1h }\n`, provider())
    const file = await makeFile(road, 'n')
    const statusAfter = async (minutes: number): Promise<number> => {
      await road.clock.advance(minutes * 60_000)
      return (await call(road, 'GET', `/v1/files/${file}`)).status
    }
    expect([await statusAfter(59), await statusAfter(59), await statusAfter(61)]).toEqual([200, 200, 404])
  })

  test('a reload keeps what is known; an address that changed has nothing of it', async () => {
    const road = await openRoad(two, provider())
    const file = await makeFile(road, 'n')
    await road.reload(two.replace('priority: 1', 'priority: 3'))
    expect((await call(road, 'GET', `/v1/files/${file}`)).status).toBe(200)
    await road.reload(two.replace('"http://b/v1"', '"http://c/v1"'))
    road.sent.length = 0
    expect((await call(road, 'GET', `/v1/files/${file}`)).status).toBe(404)
    expect(road.sent).toEqual([])
  })
})

describe('what clients may ask for by path', () => {
  const one = `backends: [{ name: a, url: "http://a/v1" }]
models: { m: { routes: [{ backend: a, model: up }] } }
`
  const served = ['POST /v1/files', 'GET /v1/files/$made', 'POST /v1/conversations']
  const ofAll = [
    'GET /v1/files',
    'GET /v1/files/file-operators',
    'DELETE /v1/vector_stores/vs_operators',
    'POST /v1/responses/resp_operators/cancel',
    'GET /v1/fine_tuning/jobs',
    'POST /v1/fine_tuning/jobs/ftjob-1/cancel',
    'GET /v1/assistants/asst_1',
    'GET /v1/containers',
  ]

  test.each(
    [
      ...served.flatMap((line) => [
        { resources: 'own', line, status: 200 },
        { resources: 'all', line, status: 200 },
        { resources: 'off', line, status: line.startsWith('POST /v1/conv') ? 400 : 404 },
      ]),
      ...ofAll.flatMap((line) => [
        { resources: 'own', line, status: 404 },
        { resources: 'all', line, status: 200 },
      ]),
    ].map(({ resources, line, status }) => ({
      resources,
      method: line.split(' ')[0] ?? '',
      path: line.split(' ')[1] ?? '',
      status,
    })),
  )('owned_ids.resources: $resources lets $method $path be $status', async ({ resources, method, path, status }) => {
    const road = await openRoad(`${one}owned_ids: { resources: ${resources} }\n`, (request) =>
      Response.json({ id: request.method === 'POST' ? 'file-made' : 'file-shown' }),
    )
    if (resources !== 'off') await makeFile(road, 'm')
    road.sent.length = 0
    const isUpload = method === 'POST' && path === '/v1/files'
    const body = isUpload ? new FormData() : method === 'POST' ? {} : undefined
    if (body instanceof FormData) body.set('file', new File(['x'], 'x'))
    const told = await call(road, method, path.replace('$made', 'file-made'), isUpload ? {} : json, body)
    // Where such paths are unknown, an upload is a body without a model.
    expect(told.status).toBe(resources === 'off' && isUpload ? 400 : status)
    expect(road.sent).toHaveLength(status === 200 ? 1 : 0)
  })

  test('own is the default, and neither a header nor a model in the body, nor an id that was only shown, opens more', async () => {
    const road = await openRoad(two, ({ method }) =>
      Response.json({ id: method === 'POST' ? 'vs_made' : 'vs_shown', input_file_id: 'file-operators' }),
    )
    const header = { ...json, ...at('m') }
    await call(road, 'POST', '/v1/vector_stores', header, { name: 'x' })
    await call(road, 'GET', '/v1/vector_stores/vs_made', header)
    await call(road, 'POST', '/v1/vector_stores/vs_made/files', json, { file_id: 'file-operators' })
    road.sent.length = 0
    const statuses = [
      await call(road, 'GET', '/v1/vector_stores/vs_shown', header),
      await call(road, 'DELETE', '/v1/files/file-operators', header),
      await call(road, 'POST', '/v1/vector_stores/vs_operators', header, { model: 'm', file_id: 'vs_made' }),
      await call(road, 'POST', '/v1/fine_tuning/jobs', header, { model: 'm' }),
      await call(road, 'GET', '/v1/vector_stores', header),
    ].map(({ status }) => status)
    expect(statuses).toEqual([404, 404, 404, 404, 404])
    expect(road.sent).toEqual([])
  })

  test('what was deleted is forgotten', async () => {
    const road = await openRoad(two, provider())
    const file = await makeFile(road, 'n')
    await call(road, 'DELETE', `/v1/files/${file}`)
    expect(road.gateway.figures.owners.size).toBe(0)
  })

  test('one place is asked for what is there already; what is made may be made by the next', async () => {
    const road = await openRoad(`${two}${everything}`, ({ url }) =>
      url.hostname === 'a' ? Response.json({}, { status: 503 }) : Response.json({ id: 'file-1234', data: [] }),
    )
    const header = { ...json, ...at('m') }
    for (const [method, path] of [
      ['GET', '/v1/files'],
      ['GET', '/v1/files/file-1234'],
      ['DELETE', '/v1/files/file-1234'],
    ] as const) {
      expect((await call(road, method, path, header)).status).toBe(503)
    }
    expect((await call(road, 'POST', '/v1/conversations', header, {})).status).toBe(200)
    expect(asked(road).filter((line) => line.includes(' b/'))).toEqual(['POST b/v1/conversations'])
    const even = await openRoad(`${two.replace('priority: 2', 'priority: 1')}${everything}`, () =>
      Response.json({ data: [] }),
    )
    for (let time = 0; time < 12; time += 1) await call(even, 'GET', '/v1/files', header)
    expect(new Set(asked(even))).toEqual(new Set(['GET a/v1/files']))
  })
})

describe('a backend that says what it likes', () => {
  test.each(['batches', 'completions', 'files', 'cancel', 'organization', 'plainword-only', 'x y-1234567890'])(
    'the id %p is learned by nobody',
    async (id) => {
      const road = await openRoad(two, () => Response.json({ id, name: 'files/file-of-a' }))
      await call(road, 'POST', '/v1/responses', json, { model: 'n', input: 'x' })
      await call(road, 'POST', '/v1/vector_stores', { ...json, ...at('n') }, { name: 'files/file-of-a' })
      expect(road.gateway.figures.owners.size).toBe(0)
    },
  )

  test('does not get what another one has', async () => {
    const road = await openRoad(`${two}${everything}`, ({ url }) =>
      Response.json(url.hostname === 'b' ? { id: 'file-of-a', data: [{ id: 'file-of-a' }] } : { id: 'file-of-a' }),
    )
    await makeFile(road, 'm')
    await makeFile(road, 'n')
    await call(road, 'GET', '/v1/files', { ...key, ...at('n') })
    await call(road, 'GET', '/v1/files/file-of-a')
    expect(asked(road).at(-1)).toBe('GET a/v1/files/file-of-a')
  })

  test('a service passes on what another caller made', async () => {
    const road = await openRoad(
      'services:\n  svc: { models: { m: { backends: [{ id: one, url: "http://one" }, { id: two, url: "http://two" }] } } }\n',
      () => Response.json({ id: 'x' }),
    )
    const owner = { backend: 'one', address: 'http://one', credential: undefined, caller: 'somebody else' }
    road.gateway.figures.owners.keep('resp_theirs', 'response', owner, 0, { max: 10, ttlMs: 1000 })
    expect((await call(road, 'GET', '/svc/m/v1/responses/resp_theirs')).status).toBe(200)
  })
})

describe('however another caller’s id is written', () => {
  test.each([
    { name: 'an escaped value', body: '{"model":"n","previous_response_id":"resp\\u005ftheirs"}' },
    { name: 'an escaped name', body: '{"model":"n","previous_response\\u005fid":"resp_theirs"}' },
    {
      name: 'a name that comes twice',
      body: '{"model":"n","previous_response_id":"resp_theirs","previous_response_id":"x"}',
    },
    {
      name: 'the last of many',
      body: `{"model":"n",${'"previous_response_id":"x",'.repeat(200)}"previous_response_id":"resp_theirs"}`,
    },
    {
      name: 'far into a list',
      body: `{"model":"n","file_ids":[${'"file-unknown-0123456789",'.repeat(400)}"file-theirs"]}`,
    },
    {
      name: 'an object with room in front',
      body: `{"model":"n","conversation":{"x":{"y":[]},${' '.repeat(9000)}"id":"conv_theirs"}}`,
    },
    {
      name: 'an address with more behind it',
      body: '{"model":"n","input":[{"file_id":"https://x/files/file-theirs/?alt=media#x"}]}',
    },
  ])('$name is found', async ({ body }) => {
    const road = await openRoad(two, provider())
    const owner = { backend: 'b', address: 'http://b/v1', credential: undefined, caller: 'somebody else' }
    const { owners } = road.gateway.figures
    for (const [id, kind] of [
      ['resp_theirs', 'response'],
      ['file-theirs', 'file'],
      ['conv_theirs', 'conversation'],
    ] as const) {
      owners.keep(id, kind, owner, 0, { max: 10, ttlMs: 1000 })
    }
    const response = await road.fetch('/v1/responses', { method: 'POST', headers: json, body })
    expect([response.status, road.sent.length]).toEqual([404, 0])
  })

  test('a media type of other letters hides no body', async () => {
    const road = await openRoad(two, provider())
    const { owners } = road.gateway.figures
    const owner = { backend: 'b', address: 'http://b/v1', credential: undefined }
    owners.keep('vs_mine', 'vector_store', { ...owner, caller: 'default' }, 0, { max: 10, ttlMs: 1000 })
    owners.keep('file-theirs', 'file', { ...owner, caller: 'somebody else' }, 0, { max: 10, ttlMs: 1000 })
    for (const type of ['application/JSON', 'text/html', 'application/x-www-form-urlencoded']) {
      const told = await call(
        road,
        'POST',
        '/v1/vector_stores/vs_mine/files',
        { ...key, 'content-type': type },
        { file_id: 'file-theirs' },
      )
      expect(told.status).toBeOneOf([404, 415])
    }
    expect(road.sent).toEqual([])
  })

  test('what was made when nobody was told apart is for everybody', async () => {
    const road = await openRoad(two.replace(/proxy_api_key.*\n/, ''), provider())
    const made = await call(road, 'POST', '/v1/conversations', { 'content-type': 'application/json', ...at('n') }, {})
    await road.reload(two)
    expect((await call(road, 'GET', `/v1/conversations/${String(made.body['id'])}`)).status).toBe(200)
  })
})

test('a request that one backend alone can answer moves no conversation that stays elsewhere', async () => {
  const road = await openRoad(
    `backends: [{ name: a, url: "http://a/v1" }, { name: b, url: "http://b/v1" }]
models: { m: { affinity: { by: auto }, routes: [{ backend: a, model: up }, { backend: b, model: up }] } }
`,
    () => chatAnswer(),
  )
  const session = { headers: { 'session-id': 's1' } }
  await (await road.chat('m', {}, session)).text()
  const home = road.sent[0]?.url.hostname ?? ''
  const other = home === 'a' ? 'b' : 'a'
  const owner = { backend: other, address: `http://${other}/v1`, credential: undefined, caller: undefined }
  road.gateway.figures.owners.keep('file-123456', 'file', owner, 0, { max: 10, ttlMs: 1e9 })
  const content = [{ type: 'file', file: { file_id: 'file-123456' } }]
  await (await road.chat('m', { messages: [{ role: 'user', content }] }, session)).text()
  await (await road.chat('m', {}, session)).text()
  expect(road.sent.map(({ url }) => url.hostname)).toEqual([home, other, home])
  expect(road.gateway.figures.pins.tallyOf('m')).toMatchObject({ repinned: 0 })
})

test('who has it does not speak the client’s dialect any more, or at all: nobody else is asked', async () => {
  const road = await openRoad(
    `backends: [{ name: a, url: "http://a/v1", protocol: openai }, { name: c, url: "http://c", protocol: anthropic }]
models: { m: { routes: [{ backend: a, model: up }] }, k: { routes: [{ backend: c, model: up }] } }
${everything}`,
    () => Response.json({ id: 'x' }),
  )
  const owner = { backend: 'a', address: 'http://a/v1', credential: undefined, caller: undefined }
  road.gateway.figures.owners.keep('file-of-a-1', 'file', owner, 0, { max: 10, ttlMs: 1e9 })
  const headers = { 'anthropic-version': '2023-06-01' }
  expect((await call(road, 'GET', '/v1/files/file-of-a-1', headers)).status).toBe(404)
  expect(road.sent).toEqual([])
})

describe('other dialects', () => {
  const three = `backends:
  - { name: g, url: "http://g/v1beta", protocol: gemini }
  - { name: h, url: "http://h", protocol: gemini }
  - { name: x, url: "http://x", protocol: anthropic }
  - { name: y, url: "http://y", protocol: anthropic }
  - { name: z, url: "http://z", protocol: azure, api_version: "2025-01-01" }
models:
  gem: { routes: [{ backend: g, model: gem-up, priority: 1 }, { backend: h, model: gem-up, priority: 2 }] }
  gem-h: { routes: [{ backend: h, model: gem-up }] }
  claude: { routes: [{ backend: x, model: up, priority: 1 }, { backend: y, model: up, priority: 2 }] }
  claude-y: { routes: [{ backend: y, model: up }] }
  azure: { routes: [{ backend: z, model: up }] }
`
  const plain = { 'content-type': 'application/json' }

  function answers(byPath: Readonly<Record<string, object>>): Upstream {
    return ({ url }) => Response.json(byPath[url.pathname] ?? { id: 'nothing' })
  }

  test('Gemini: a cache is made with the name of its model, and prompts that name it go there', async () => {
    const said = { candidates: [{ content: { parts: [{ text: 'hi' }] }, finishReason: 'STOP' }] }
    const road = await openRoad(
      three,
      answers({
        '/v1beta/cachedContents': { name: 'cachedContents/abc123def' },
        '/v1beta/models/gem-up:generateContent': said,
      }),
    )
    const body = { model: 'models/gem-h', contents: [{ role: 'user', parts: [{ text: 'long' }] }], ttl: '60s' }
    await call(road, 'POST', '/v1beta/cachedContents', plain, body)
    expect(sentBy(road.sent[0] ?? fail()).toString()).toBe(JSON.stringify({ ...body, model: 'models/gem-up' }))
    const prompt = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }], cachedContent: 'cachedContents/abc123def' }
    await call(road, 'POST', '/v1beta/models/gem:generateContent', plain, prompt)
    await call(road, 'GET', '/v1beta/cachedContents/abc123def')
    await call(road, 'PATCH', '/v1beta/cachedContents/abc123def?updateMask=ttl', plain, { ttl: '9s' })
    expect(asked(road)).toEqual([
      'POST h/v1beta/cachedContents',
      'POST h/v1beta/models/gem-up:generateContent',
      'GET h/v1beta/cachedContents/abc123def',
      'PATCH h/v1beta/cachedContents/abc123def?updateMask=ttl',
    ])
  })

  test('Gemini: files go up beside the version of the API, and are named by an address', async () => {
    const uri = 'https://generativelanguage.googleapis.com/v1beta/files/abc123def'
    const road = await openRoad(
      three,
      answers({
        '/upload/v1beta/files': { file: { name: 'files/abc123def', uri } },
        '/v1beta/models/gem-up:countTokens': { totalTokens: 1 },
      }),
    )
    const upload = {
      'x-goog-upload-protocol': 'multipart',
      'content-type': 'multipart/related; boundary=b',
      ...at('gem'),
    }
    const bytes = Buffer.from('--b\r\n\r\n\xff\x00\r\n--b--', 'latin1')
    const response = await road.fetch('/upload/v1beta/files', { method: 'POST', headers: upload, body: bytes })
    await response.text()
    expect(sentBy(road.sent[0] ?? fail()).equals(bytes)).toBe(true)
    const body = { contents: [{ role: 'user', parts: [{ fileData: { fileUri: uri } }] }] }
    await call(road, 'POST', '/v1beta/models/gem:countTokens', plain, body)
    await call(road, 'DELETE', '/v1beta/files/abc123def', {})
    expect(asked(road)).toEqual([
      'POST g/upload/v1beta/files',
      'POST g/v1beta/models/gem-up:countTokens',
      'DELETE g/v1beta/files/abc123def',
    ])
  })

  test('Anthropic: files by the header of its clients, batches by their path, containers by the answer', async () => {
    const said = {
      type: 'message',
      role: 'assistant',
      content: [],
      container: { id: 'container_0aa1', expires_at: 'x' },
    }
    const road = await openRoad(
      three,
      answers({
        '/v1/files': { id: 'file_0aa1' },
        '/v1/messages/batches': { id: 'msgbatch_0aa1' },
        '/v1/messages': said,
      }),
    )
    const headers = { ...plain, 'anthropic-version': '2023-06-01' }
    const form = new FormData()
    form.set('file', new File(['x'], 'x.txt'))
    await call(road, 'POST', '/v1/files', { 'anthropic-version': '2023-06-01', ...at('claude-y') }, form)
    await call(road, 'POST', '/v1/messages/batches', { ...headers, ...at('claude-y') }, { requests: [] })
    await call(road, 'GET', '/v1/messages/batches/msgbatch_0aa1/results', headers)
    const content = [{ type: 'document', source: { type: 'file', file_id: 'file_0aa1' } }]
    await call(road, 'POST', '/v1/messages', headers, { model: 'claude', messages: [{ role: 'user', content }] })
    await call(road, 'POST', '/v1/messages', headers, { model: 'claude', messages: [], container: 'container_0aa1' })
    expect(asked(road)).toEqual([
      'POST y/v1/files',
      'POST y/v1/messages/batches',
      'GET y/v1/messages/batches/msgbatch_0aa1/results',
      'POST y/v1/messages',
      'POST y/v1/messages',
    ])
  })

  test('Azure has its files beside the deployments', async () => {
    const road = await openRoad(three + everything, answers({}))
    await call(road, 'GET', '/v1/files')
    expect(asked(road)).toEqual(['GET z/openai/files?api-version=2025-01-01'])
  })
})

function fail(): never {
  throw new Error('Nothing was sent')
}
