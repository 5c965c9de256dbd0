import { describe, expect, test } from 'bun:test'
import { openRoad, type Road } from '../support/road.ts'
import { answering } from '../support/scripted.ts'

const base = `
backends: [{ name: a, url: "http://a/v1" }]
models:
  m: { routes: [{ backend: a, model: ma }] }
  hidden: { enabled: false, routes: [{ backend: a, model: ma }] }
`

async function roadWith(yaml: string): Promise<Road> {
  return await openRoad(`${yaml}\n${base}`, answering({}))
}

async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer
  await response.text()
  return response.status
}

describe('who may ask', () => {
  test.each([
    { yaml: 'proxy_api_key: sk-one', key: 'sk-one', status: 200 },
    { yaml: 'proxy_api_key: sk-one', key: 'sk-two', status: 401 },
    { yaml: 'proxy_api_key: sk-one', key: undefined, status: 401 },
    { yaml: 'proxy_api_key: ""', key: undefined, status: 200 },
    { yaml: '', key: undefined, status: 200 },
  ])('B01 B02: proxy_api_key lets in who has it: with %j', async ({ yaml, key, status }) => {
    const road = await roadWith(yaml)
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` }
    expect(await statusOf(road.chat('m', {}, { headers }))).toBe(status)
    expect(road.sent.length).toBe(status === 200 ? 1 : 0)
  })

  test.each([
    { yaml: 'proxy_api_key: sk-one', status: 200 },
    { yaml: 'proxy_api_key: sk-one\nmodels_require_auth: true', status: 401 },
    { yaml: 'models_require_auth: true', status: 200 },
  ])('models_require_auth closes the model lists to those without the key: %j', async ({ yaml, status }) => {
    const road = await roadWith(yaml)
    for (const path of ['/v1/models', '/models', '/v1/models/m', '/v1beta/models']) {
      expect([path, await statusOf(road.fetch(path))]).toEqual([path, status])
      expect(await statusOf(road.fetch(path, { headers: { 'x-api-key': 'sk-one' } }))).toBe(200)
    }
  })
})

describe('what may be asked', () => {
  test.each([
    { yaml: '', status: 404 },
    { yaml: 'errors: { unknown_model_status: 404 }', status: 404 },
    { yaml: 'errors: { unknown_model_status: 400 }', status: 400 },
  ])('B71: errors.unknown_model_status is the status for an unknown alias: %j', async ({ yaml, status }) => {
    const road = await roadWith(yaml)
    const response = await road.chat('nobody')
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { code: 'model_not_found' } })
  })

  test('B18: models.<name>.enabled false takes the alias off the list and out of use', async () => {
    const road = await roadWith('')
    expect(await (await road.fetch('/v1/models')).json()).toMatchObject({ data: [{ id: 'm' }] })
    expect(await statusOf(road.chat('hidden'))).toBe(404)
    await road.reload(base.replace('enabled: false', 'enabled: true'))
    expect(await (await road.fetch('/v1/models')).json()).toMatchObject({ data: [{ id: 'hidden' }, { id: 'm' }] })
    expect(await statusOf(road.chat('hidden'))).toBe(200)
  })

  test.each([
    { yaml: 'max_body_size: 2kb', bytes: 2048, status: 200 },
    { yaml: 'max_body_size: 2kb', bytes: 2049, status: 413 },
    { yaml: 'max_body_size: 3000', bytes: 2049, status: 200 },
    { yaml: '', bytes: 2049, status: 200 },
  ])('max_body_size is the largest body that is read, announced or not: %j', async ({ yaml, bytes, status }) => {
    const road = await roadWith(yaml)
    const frame = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: '' }] })
    const body = frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`)
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } }
    expect(await statusOf(road.fetch('/v1/chat/completions', { ...init, body }))).toBe(status)
    const chunked = new Blob([body]).stream()
    expect(await statusOf(road.fetch('/v1/chat/completions', { ...init, body: chunked }))).toBe(status)
    expect(road.sent.length).toBe(status === 200 ? 2 : 0)
  })
})

describe('whom the gateway believes', () => {
  const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.9, 10.0.0.7' }

  test.each([
    { yaml: '', client: '127.0.0.1' },
    { yaml: 'trusted_proxies: ["192.0.2.0/24"]', client: '127.0.0.1' },
    { yaml: 'trusted_proxies: ["127.0.0.1"]', client: '10.0.0.7' },
    { yaml: 'trusted_proxies: ["127.0.0.0/8", "10.0.0.0/8"]', client: '203.0.113.9' },
  ])('B86: trusted_proxies may name the client, and nobody else: %j', async ({ yaml, client }) => {
    const road = await roadWith(yaml)
    await statusOf(road.chat('m', {}, { headers }))
    expect(road.settled.map(({ client: { address } }) => address)).toEqual([client])
    expect(road.lines.find(({ event }) => event === 'request_received')?.fields).toMatchObject({ client })
  })
})

describe('what answers tell', () => {
  test.each([
    { yaml: '', told: [null, null, null] },
    { yaml: 'headers: { debug: false }', told: [null, null, null] },
    { yaml: 'headers: { debug: true }', told: ['b', 'mb', '2'] },
  ])('headers.debug tells who answered, at which attempt: %j', async ({ yaml, told }) => {
    const ladder = `
backends: [{ name: a, url: "http://a/v1" }, { name: b, url: "http://b/v1" }]
models: { m: { routes: [{ backend: a, model: ma, priority: 1 }, { backend: b, model: mb, priority: 2 }] } }
`
    const road = await openRoad(`${yaml}\n${ladder}`, answering({ a: [500] }))
    const { headers, status } = await road.chat('m')
    expect(status).toBe(200)
    expect(['backend', 'model', 'attempts'].map((name) => headers.get(`x-llm-proxy-${name}`))).toEqual([...told])
  })
})
