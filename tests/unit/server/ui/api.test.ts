import { describe, expect, test } from 'bun:test'
import { Api, type Reply, type Trouble } from '#server/ui/api.ts'
import { FakeBrowser, settled } from '../../../support/fake-browser.ts'
import { pageStatus } from '../../../support/page-status.ts'

const { signal } = new AbortController()

interface Bench {
  readonly browser: FakeBrowser
  readonly api: Api
}

function bench(adminPath = '/admin'): Bench {
  const browser = new FakeBrowser()
  return { browser, api: new Api(browser, adminPath) }
}

describe('Api', () => {
  test('asks below the page, without a key for what everybody may see, and with it for the rest', async () => {
    const { browser, api } = bench('/ops/pages')
    void api.open(signal)
    void api.status('the key', signal)
    void api.reload('the key', signal)
    void api.resetCredential('the key', 'a&b', 'c=d', signal)
    await settled()
    expect(browser.asked.map(({ method, path, headers }) => [method, path, headers['authorization']])).toEqual([
      ['GET', 'static/health.json', undefined],
      ['GET', 'api/health/status', undefined],
      ['GET', 'ops/pages/status', 'Bearer the key'],
      ['POST', 'ops/pages/reload', 'Bearer the key'],
      ['POST', 'ops/pages/credentials/reset?backend=a%26b&name=c%3Dd', 'Bearer the key'],
    ])
  })

  test('N311: what is missing in a target is left out, and what is strange does no harm', async () => {
    const { browser, api } = bench()
    const reply = api.open(signal)
    await settled()
    const [health, services] = browser.asked
    health?.answer(200, { status: 'ok', at: '2026-01-13T09:41:00Z', version: '1.2.3', backends: 2, models: 'many' })
    const data = JSON.parse(`{
      "google": { "gemini": [
        { "id": "one", "name": "One", "weight": 2, "status": "healthy", "last_check": "2026-01-13T09:41:00Z", "error_message": null, "response_time_ms": 12.5 },
        { "id": "two", "status": "sideways", "weight": null, "error_message": "no", "response_time_ms": "fast" },
        null
      ], "none": null },
      "__proto__": { "m": [] }
    }`)
    services?.answer(200, { service: 'api-proxy-gateway', type: 'health_status', data })
    const target = { checkedAt: undefined, error: undefined, latencyMs: undefined }
    const expected = {
      at: '2026-01-13T09:41:00Z',
      version: '1.2.3',
      backends: 2,
      models: 0,
      services: Object.fromEntries([
        [
          'google',
          {
            gemini: [
              {
                ...target,
                id: 'one',
                name: 'One',
                weight: 2,
                status: 'healthy',
                checkedAt: '2026-01-13T09:41:00Z',
                latencyMs: 12.5,
              },
              { ...target, id: 'two', name: 'two', weight: 1, status: 'unknown', error: 'no' },
              { ...target, id: '', name: '', weight: 1, status: 'unknown' },
            ],
            none: [],
          },
        ],
        ['__proto__', { m: [] }],
      ]),
    }
    expect(await reply).toEqual({ kind: 'ok', value: expected } as Reply<never>)
  })

  test('an address that is for the admin pages alone tells of no services, and that is no error', async () => {
    const { browser, api } = bench()
    const reply = api.open(signal)
    await settled()
    browser.asked[0]?.answer(200, { version: '1', backends: 1, models: 1 })
    browser.asked[1]?.answer(404, {})
    expect(await reply).toEqual({
      kind: 'ok',
      value: { at: undefined, version: '1', backends: 1, models: 1, services: {} },
    })
  })

  test.each([401, 404, 429])('a question without a key that gets %d says nothing of keys', async (status) => {
    const { browser, api } = bench()
    const reply = api.open(signal)
    await settled()
    browser.asked[0]?.answer(status, { error: { message: 'no' } })
    browser.asked[1]?.answer(200, { data: {} })
    expect(await reply).toEqual({ kind: 'refused', status, message: 'no' })
  })

  test.each<{ name: string; status: number; body: unknown; headers?: Record<string, string>; trouble: Trouble }>([
    { name: 'a wrong key', status: 401, body: {}, trouble: { kind: 'wrong_key' } },
    { name: 'no such pages', status: 404, body: {}, trouble: { kind: 'no_pages' } },
    {
      name: 'too many wrong keys',
      status: 429,
      body: {},
      headers: { 'retry-after': '42' },
      trouble: { kind: 'locked_out', forSeconds: 42 },
    },
    {
      name: 'a refusal in words',
      status: 403,
      body: { error: { message: 'Cannot accept the request' } },
      trouble: { kind: 'refused', status: 403, message: 'Cannot accept the request' },
    },
    {
      name: 'a flat refusal',
      status: 503,
      body: { error: 'no' },
      trouble: { kind: 'refused', status: 503, message: 'no' },
    },
    {
      name: 'an answer of others',
      status: 502,
      body: 'Bad Gateway',
      trouble: { kind: 'refused', status: 502, message: '' },
    },
    {
      name: 'something that is no status',
      status: 200,
      body: { hello: 'world' },
      trouble: { kind: 'refused', status: 200, message: 'this is not the status of a gateway' },
    },
  ])('tells $name by its kind', async ({ status, body, headers, trouble }) => {
    const { browser, api } = bench()
    const reply = api.status('key', signal)
    await settled()
    browser.asked[0]?.answer(status, body, headers)
    expect(await reply).toEqual(trouble)
  })

  test('a network that fails is a value as well', async () => {
    const { browser, api } = bench()
    const replies = [api.status('key', signal), api.open(signal), api.reload('key', signal)]
    await settled()
    for (const question of browser.asked) question.fail()
    expect(await Promise.all(replies)).toEqual(replies.map(() => ({ kind: 'unreachable' })))
  })

  test('gives the status as it came, and what a reload did', async () => {
    const { browser, api } = bench()
    const replies = [api.status('key', signal), api.reload('key', signal)] as const
    await settled()
    browser.asked[0]?.answer(200, pageStatus())
    browser.asked[1]?.answer(200, { version: 2, isNew: true, problems: [] })
    expect(await Promise.all(replies)).toEqual([
      { kind: 'ok', value: pageStatus() },
      { kind: 'ok', value: { version: 2, isNew: true, problems: [] } },
    ])
  })
})
