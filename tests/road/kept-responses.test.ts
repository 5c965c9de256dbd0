import { beforeAll, describe, expect, test } from 'bun:test'
import { asObject, type JsonObject } from '#kit/json-value.ts'
import { eventStream, openRoad, type Road } from '../support/road.ts'
import { namedEvent } from '../support/streams.ts'
import { sentBy } from '../support/upstream.ts'

/* §5.11: an answer that was translated is kept here and nowhere else, so it is given, listed and deleted here. */

// What is loaded with the first translated request takes real time, and that of these tests is not.
beforeAll(async () => {
  await make(await roadOn())
})

const claude = '{ name: claude, url: "http://claude", protocol: anthropic }'
const openai = '{ name: openai, url: "http://openai/v1" }'

function configOf(backends: readonly string[], more = ''): string {
  return `
backends: [${backends.join(', ')}]
models:
  m: { routes: [{ backend: claude, model: claude-sonnet-4-5 }] }
  ${backends.includes(openai) ? 'n: { routes: [{ backend: openai, model: gpt-5 }] }' : ''}
${more}`
}

async function roadOn(backends: readonly string[] = [claude], more = ''): Promise<Road> {
  return await openRoad(configOf(backends, more), (request) => {
    if (request.url.hostname === 'openai')
      return Response.json({ error: { message: 'its own words' } }, { status: 404 })
    return sentBy(request).includes('"stream":true') ? eventStream(events) : Response.json(answer)
  })
}

const usage = { input_tokens: 3, output_tokens: 2 }
const answer = {
  id: 'msg_up',
  type: 'message',
  role: 'assistant',
  model: 'up',
  content: [{ type: 'text', text: 'Sunny.' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage,
}
const events = [
  { type: 'message_start', message: { ...answer, content: [], stop_reason: null } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Sunny.' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage },
  { type: 'message_stop' },
].map((event) => namedEvent(event))

interface Told {
  readonly status: number
  readonly body: JsonObject
}

async function call(road: Road, method: string, path: string, body?: object, key = ''): Promise<Told> {
  const headers = { 'content-type': 'application/json', ...(key !== '' && { authorization: `Bearer ${key}` }) }
  const response = await road.fetch(path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: asObject(await response.json()) ?? {} }
}

async function make(road: Road, body: object = {}): Promise<JsonObject> {
  const told = await call(road, 'POST', '/v1/responses', { model: 'm', input: 'Weather?', ...body })
  expect(told.status).toBe(200)
  return told.body
}

async function makeStreamed(road: Road): Promise<JsonObject> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ model: 'm', input: 'Weather?', stream: true })
  const text = await (await road.fetch('/v1/responses', { method: 'POST', headers, body })).text()
  const last = /event: response\.completed\ndata: (.*)\n/.exec(text)?.[1] ?? '{}'
  return asObject(asObject(JSON.parse(last))?.['response']) ?? {}
}

function messageOf({ body }: Told): unknown {
  return asObject(body['error'])?.['message']
}

describe('GET /v1/responses/{id}', () => {
  test.each([
    { how: 'whole', made: make },
    { how: 'streamed', made: makeStreamed },
  ])('gives the answer that was given, $how, without asking anybody', async ({ made }) => {
    const road = await roadOn()
    const given = await made(road)
    const told = await call(road, 'GET', `/v1/responses/${String(given['id'])}`)
    expect(told).toEqual({ status: 200, body: given })
    expect(road.sent).toHaveLength(1)
    expect(road.settled.at(-1)).toMatchObject({ outcome: 'complete', status: 200, attempts: [] })
    expect((await call(road, 'GET', `/responses/${String(given['id'])}`)).body).toEqual(given)
  })

  test('as a stream is refused by the name of the field', async () => {
    const road = await roadOn()
    const { id } = await make(road)
    const told = await call(road, 'GET', `/v1/responses/${String(id)}?stream=true`)
    expect([told.status, asObject(told.body['error'])?.['param']]).toEqual([400, 'stream'])
  })

  test('finds nothing that was not to be stored, nor after an hour', async () => {
    const road = await roadOn()
    const { id } = await make(road, { store: false })
    expect((await call(road, 'GET', `/v1/responses/${String(id)}`)).status).toBe(404)
    const stored = await make(road)
    await road.clock.advance(60 * 60 * 1000 + 1)
    expect((await call(road, 'GET', `/v1/responses/${String(stored['id'])}`)).status).toBe(404)
  })

  test.each(['GET', 'DELETE'])('%s: another tenant is told in OpenAI’s words that there is nothing', async (method) => {
    const road = await roadOn()
    const { id } = await make(road)
    const path = `/v1/responses/${String(id)}`
    await road.reload(configOf([claude], 'proxy_api_key: sk-client-key-1234'))
    const told = await call(road, method, path, undefined, 'sk-client-key-1234')
    expect(told.status).toBe(404)
    expect(messageOf(told)).toStartWith(`Response with id '${String(id)}' not found`)
    expect(asObject(told.body['error'])?.['type']).toBe('invalid_request_error')
    await road.reload(configOf([claude]))
    expect((await call(road, 'GET', path)).status).toBe(200)
  })

  test('of an id that nobody saw is told alike, whether or not anything was translated', async () => {
    for (const road of [await roadOn(), await roadOn()]) {
      const told = await call(road, 'GET', '/v1/responses/resp_0123456789')
      expect([told.status, road.sent.length]).toEqual([404, road.sent.length])
      expect(messageOf(told)).toStartWith("Response with id 'resp_0123456789' not found")
      await make(road)
    }
  })

  test('goes to the backend that has it where it is none of ours', async () => {
    const road = await roadOn([claude, openai], 'owned_ids: { resources: all }')
    const { id } = await make(road)
    expect((await call(road, 'GET', `/v1/responses/${String(id)}`)).status).toBe(200)
    const other = await call(road, 'GET', '/v1/responses/resp_0123456789')
    expect([other.status, messageOf(other)]).toEqual([404, 'its own words'])
    expect(road.sent.at(-1)?.url.href).toBe('http://openai/v1/responses/resp_0123456789')
  })
})

describe('what else is asked of an answer', () => {
  test('DELETE forgets it, so that nothing can follow it', async () => {
    const road = await roadOn()
    const { id } = await make(road)
    const path = `/v1/responses/${String(id)}`
    expect(await call(road, 'DELETE', path)).toEqual({
      status: 200,
      body: { id, object: 'response.deleted', deleted: true },
    })
    expect((await call(road, 'GET', path)).status).toBe(404)
    expect((await call(road, 'DELETE', path)).status).toBe(404)
    const next = await call(road, 'POST', '/v1/responses', { model: 'm', input: 'And?', previous_response_id: id })
    expect([next.status, asObject(next.body['error'])?.['code']]).toEqual([400, 'previous_response_not_found'])
  })

  test('only those that were made in the background can be cancelled', async () => {
    const road = await roadOn()
    const { id } = await make(road)
    for (const body of [undefined, {}]) {
      const told = await call(road, 'POST', `/v1/responses/${String(id)}/cancel`, body)
      expect(told.status).toBe(400)
      expect(messageOf(told)).toContain('background')
    }
  })

  test('its input is listed with all that its type has, the newest first, page by page', async () => {
    const road = await roadOn()
    const first = await make(road, { input: 'One?' })
    const input = [{ role: 'user', content: [{ type: 'input_text', text: 'Two?' }] }]
    const { id } = await make(road, { input, previous_response_id: first['id'] })
    const path = `/v1/responses/${String(id)}/input_items`
    const { body } = await call(road, 'GET', path)
    expect(body).toMatchObject({
      object: 'list',
      has_more: false,
      data: [
        { type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_text', text: 'Two?' }] },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Sunny.' }] },
        { type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_text', text: 'One?' }] },
      ],
    })
    const ids = (body['data'] as { id: string }[]).map((item) => item.id)
    expect(new Set(ids).size).toBe(3)
    expect([body['first_id'], body['last_id']]).toEqual([ids[0], ids[2]])
    const pages: unknown[] = []
    for (let after = ''; ;) {
      const page = await call(road, 'GET', `${path}?order=asc&limit=2${after === '' ? '' : `&after=${after}`}`)
      pages.push((page.body['data'] as { id: string }[]).map((item) => item.id))
      if (page.body['has_more'] !== true) break
      after = String(page.body['last_id'])
    }
    const ascending = ids.toReversed()
    expect(pages).toEqual([ascending.slice(0, 2), ascending.slice(2)])
  })

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=ten', 'limit'],
    ['order=up', 'order'],
    ['after=nobody', 'after'],
  ])('a list with %s is refused by name', async (query, param) => {
    const road = await roadOn()
    const { id } = await make(road)
    const told = await call(road, 'GET', `/v1/responses/${String(id)}/input_items?${query}`)
    expect([told.status, asObject(told.body['error'])?.['param']]).toEqual([400, param])
  })

  test.each(['/v1/responses/__proto__', '/v1/responses/constructor/input_items', '/v1/responses/%F0%9F%98%80'])(
    'nothing harmful is at %s',
    async (path) => {
      const road = await roadOn()
      await make(road)
      expect((await call(road, 'GET', path)).status).toBe(404)
    },
  )
})
