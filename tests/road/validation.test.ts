import { describe, expect, test } from 'bun:test'
import { chatAnswer, openRoad, type Road } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

const base = `
backends:
  - { name: same, url: "https://b/v1", api_key: sk-b, protocol: openai }
  - { name: other, url: "https://a", api_key: sk-a, protocol: anthropic }
models:
  same: { routes: [{ backend: same, model: x }] }
  other: { routes: [{ backend: other, model: claude-x }] }
services:
  svc:
    models:
      m: { backends: [{ id: a, url: "https://s" }] }
`

async function roadWith(validation: string, more = ''): Promise<Road> {
  return await openRoad(`${base}validation: ${validation}\n${more}`, () => chatAnswer())
}

async function post(road: Road, path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return await road.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
}

const hi = [{ role: 'user', content: 'hi' }]
const chat = '/v1/chat/completions'
const claude = '/v1/messages'

describe('validation.$key refuses before a backend is asked, on every way', () => {
  const rows = [
    { key: 'schema: true', body: { messages: [{ role: 'robot', content: 'x' }] }, param: 'messages[0].role' },
    { key: 'max_messages: 1', body: { messages: [...hi, ...hi] }, param: 'messages' },
    { key: 'max_message_length: 1', body: { messages: hi }, param: 'messages[0]' },
    { key: 'caps: { n: { max: 1 } }', body: { messages: hi, n: 2 }, param: 'n' },
    { key: 'caps: { best_of: { max: 1 } }', body: { messages: hi, best_of: 2 }, param: 'best_of' },
    { key: 'caps: { max_tokens: { max: 1 } }', body: { messages: hi, max_tokens: 2 }, param: 'max_tokens' },
    { key: 'caps: { logprobs: { max: 1 } }', body: { messages: hi, top_logprobs: 2 }, param: 'top_logprobs' },
  ]
  for (const { key, body, param } of rows) {
    test.each([
      ['as it is', chat, 'same'],
      ['translated', chat, 'other'],
      ['of a service', `/svc/m${chat}`, 'any'],
    ])(`C421 C422 C426 B68: { ${key} }, sent on %s`, async (_, path, model) => {
      const road = await roadWith(`{ ${key} }`)
      const answer = await post(road, path, { model, ...body })
      expect(answer.status).toBe(400)
      expect(await answer.text()).toContain(param)
      expect(road.sent).toEqual([])
    })
  }
})

test('C426: clients get the error in their own form, with the place', async () => {
  const road = await roadWith('{ schema: true }')
  const body = { messages: [...hi, { role: 'robot', content: 'x' }], max_tokens: 5 }
  expect(await (await post(road, chat, { model: 'same', ...body })).json()).toMatchObject({
    error: { type: 'invalid_request_error', param: 'messages[1].role', code: 'invalid_parameter' },
  })
  expect(await (await post(road, claude, { model: 'same', ...body })).json()).toMatchObject({
    type: 'error',
    error: { type: 'invalid_request_error', message: expect.stringContaining('"messages[1].role"') },
  })
})

test.each([
  { cap: 'n', member: 'n', sent: '1' },
  { cap: 'best_of', member: 'best_of', sent: '1' },
  { cap: 'max_tokens', member: 'max_tokens', sent: '8' },
  { cap: 'logprobs', member: 'top_logprobs', sent: '2' },
])('B68: validation.caps.*.action clamp: $cap is the largest value, and every other byte stays', async (row) => {
  const road = await roadWith(`{ caps: { ${row.cap}: { max: ${row.sent}, action: clamp } } }`)
  const answer = await road.fetch(chat, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{ "${row.member}":1e6 , "model":"same","messages":[{"role":"user","content":"é"}]}`,
  })
  expect(answer.status).toBe(200)
  const [request] = road.sent
  if (request === undefined) throw new Error('Nothing was sent')
  const sent = `{ "${row.member}":${row.sent} , "model":"x","messages":[{"role":"user","content":"é"}]}`
  expect(sentBy(request).toString()).toBe(sent)
})

test('what the operator adds is not held against the client', async () => {
  const road = await roadWith(
    '{ max_message_length: 5, max_messages: 1 }',
    'system_prompts:\n  - text: "Be very kind."\n',
  )
  expect((await post(road, chat, { model: 'same', messages: hi })).status).toBe(200)
})

test('without the section, a request that no backend would take is sent on as it came', async () => {
  const road = await openRoad(base, () => chatAnswer())
  expect((await post(road, chat, { model: 'same', messages: 5, n: 1e9 })).status).toBe(200)
  expect(road.sent).toHaveLength(1)
})
