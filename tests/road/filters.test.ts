import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { createApp } from '#server/app.ts'
import { chatAnswer, openRoad, type Road } from '../support/road.ts'
import { sentBy } from '../support/upstream.ts'

const base = `
backends:
  - { name: b, url: "https://b/v1", api_key: sk-b, protocol: any }
models:
  m: { routes: [{ backend: b, model: m }] }
  other: { routes: [{ backend: b, model: upstream }] }
services:
  svc:
    models:
      m: { backends: [{ id: a, url: "https://s" }] }
`

async function roadWith(filters: string): Promise<Road> {
  return await openRoad(`${base}filters:\n${filters}`, () => chatAnswer())
}

const all = `
  - match: { headers: [anthropic-beta] }
    remove: { body: [context_management, "tools.*.custom.defer_loading"], headers: [anthropic-beta], query: [beta] }
`

function seen({ sent }: Road) {
  const request = sent.at(-1)
  if (request === undefined) throw new Error('Nothing was sent')
  const names = request.headers.map(([name]) => name.toLowerCase())
  return { body: sentBy(request).toString(), names, path: request.url.pathname, query: request.url.search }
}

const body = (model: string): string =>
  `{ "context_management":{"edits":[]}, "model" : "${model}",\n "tools":[{"custom":{"defer_loading":true,"n":1.0}}, {"type":"x"}] }`
const left = (model: string): string => `{ "model" : "${model}",\n "tools":[{"custom":{"n":1.0}}, {"type":"x"}] }`

const json = { 'content-type': 'application/json', 'anthropic-beta': 'context-management', 'x-keep': '1' }

describe('filters', () => {
  test.each([
    { name: 'an alias', path: '/v1/messages', asked: 'm', sent: 'm', at: '/v1/messages' },
    { name: 'an alias of another name', path: '/v1/messages', asked: 'other', sent: 'upstream', at: '/v1/messages' },
    { name: 'a chat', path: '/v1/chat/completions', asked: 'other', sent: 'upstream', at: '/v1/chat/completions' },
    { name: 'a service', path: '/svc/m/v1/messages', asked: 'any', sent: 'any', at: '/v1/messages' },
  ])(
    'A58 A59: filters[].remove takes out members, headers and parameters for $name',
    async ({ path, asked, sent, at }) => {
      const road = await roadWith(all)
      const answer = await road.fetch(`${path}?beta=true&x=1`, { method: 'POST', headers: json, body: body(asked) })
      expect(answer.status).toBe(200)
      const got = seen(road)
      expect([got.body, got.path, got.query]).toEqual([left(sent), at, '?x=1'])
      expect(got.names).toContain('x-keep')
      expect(got.names).not.toContain('anthropic-beta')
    },
  )

  test.each([
    { key: 'methods', match: 'methods: [PUT]', fits: { method: 'PUT' }, not: { method: 'POST' } },
    { key: 'path', match: 'path: "/svc/*/a"', fits: { path: '/svc/m/a' }, not: { path: '/svc/m/b' } },
    { key: 'path', match: 'path: "/a"', fits: { path: '/svc/m/a' }, not: { path: '/svc/m/a/b' } },
    { key: 'headers', match: 'headers: [x-a]', fits: { headers: { 'x-a': '' } }, not: { headers: { 'x-b': '' } } },
    {
      key: 'headers',
      match: 'headers: { x-a: "*1" }',
      fits: { headers: { 'x-a': '21' } },
      not: { headers: { 'x-a': '12' } },
    },
  ])('filters[].match.$key: only requests that match lose something: { $match }', async ({ match, fits, not }) => {
    const road = await roadWith(`  - { match: { ${match} }, remove: { body: [a] } }`)
    for (const { method = 'POST', path = '/svc/m/a', headers = {} } of [fits, not] as RequestLike[]) {
      await road.fetch(path, { method, headers, body: '{"a":1,"b":2}' })
    }
    expect(road.sent.map((request) => sentBy(request).toString())).toEqual(['{"b":2}', '{"a":1,"b":2}'])
  })

  test('filters[].match.backends: requests that others may answer lose nothing, and are not looked into', async () => {
    const filter =
      '  - { match: { backends: [b] }, remove: { body: [a], headers: [x-a] } }\npassthrough: { backends: [{ backend: b }] }'
    const road = await roadWith(filter)
    const packed = gzipSync('{"a":1,"b":2}')
    for (const path of ['/svc/m/v1/x', '/any']) {
      const headers = { 'x-a': '1', 'content-encoding': 'gzip', 'content-length': String(packed.byteLength) }
      await road.fetch(path, { method: 'POST', headers, body: packed })
    }
    const [ofService, ofPassthrough] = road.sent.map((request) => ({
      body: sentBy(request),
      names: request.headers.map(([name]) => name.toLowerCase()),
    }))
    expect(ofService?.body).toEqual(Buffer.from(packed))
    expect(ofService?.names).toEqual(expect.arrayContaining(['x-a', 'content-encoding']))
    expect(ofPassthrough?.body).toEqual(Buffer.from('{"b":2}'))
    expect(ofPassthrough?.names).not.toContain('x-a')
  })

  test('a compressed body of a service is unpacked, and goes on unpacked, only where a filter looks into it', async () => {
    const packed = gzipSync('{"a":1,"b":2}')
    const road = await roadWith('  - { match: { path: "/looked" }, remove: { body: [a] } }')
    for (const path of ['/svc/m/looked', '/svc/m/other']) {
      const headers = { 'content-encoding': 'gzip', 'content-length': String(packed.byteLength) }
      await road.fetch(path, { method: 'POST', headers, body: packed })
    }
    const [looked, other] = road.sent.map((request) => ({
      body: sentBy(request),
      isPacked: request.headers.some(([name]) => name === 'content-encoding'),
    }))
    expect(looked).toEqual({ body: Buffer.from('{"b":2}'), isPacked: false })
    expect(other).toEqual({ body: Buffer.from(packed), isPacked: true })
  })

  test.each([
    {
      name: 'in a way that nobody here knows',
      encoding: 'aws-chunked',
      body: '{"a":1}',
      status: 415,
      says: 'Content-Encoding',
    },
    { name: 'otherwise than it says', encoding: 'gzip', body: '{"a":1}', status: 415, says: 'gzip' },
    {
      name: 'so that too much comes out',
      encoding: 'gzip',
      body: gzipSync(' '.repeat(3000)),
      status: 413,
      says: 'max_body_size',
    },
    { name: 'and is none', encoding: 'gzip', body: '', status: 200, says: 'hello' },
  ])(
    'what a filter looks into and is packed $name does not get past it: $status',
    async ({ encoding, body: packed, status, says }) => {
      const road = await roadWith('  - { match: { path: "/looked" }, remove: { body: [a] } }\nmax_body_size: 2kb')
      const headers = { 'content-encoding': encoding, 'content-length': String(Buffer.byteLength(packed)) }
      const answer = await road.fetch('/svc/m/looked', { method: 'POST', headers, body: packed })
      expect([answer.status, road.sent.length]).toEqual([status, status === 200 ? 1 : 0])
      expect(await answer.text()).toContain(says)
    },
  )

  test('while memory is short, no large body is taken that a filter would have to look into', async () => {
    const road = await roadWith('  - { match: { path: "/looked" }, remove: { body: [a] } }')
    const pressure = { isHigh: true }
    const app = createApp(road.gateway, { version: 'test', isDraining: () => false, pressure })
    const ask = async (path: string, bytes: number): Promise<number> => {
      const headers = { 'content-length': String(bytes) }
      const request = new Request(`http://gateway${path}`, { method: 'POST', headers, body: ' '.repeat(bytes) })
      return (await app(request, { peer: '127.0.0.1', patience() {} })).status
    }
    const mega = 1024 ** 2
    expect([await ask('/svc/m/looked', 2 * mega), await ask('/svc/m/looked', 100), road.sent.length]).toEqual([
      503, 200, 1,
    ])
    expect(await ask('/svc/m/other', 2 * mega)).toBe(200)
    pressure.isHigh = false
    expect(await ask('/svc/m/looked', 2 * mega)).toBe(200)
  })

  test('a stream that is taken out of a request is none in its account', async () => {
    const road = await roadWith('  - { remove: { body: [stream] } }')
    await road.chat('m', { stream: true })
    expect([road.settled[0]?.stream, seen(road).body.includes('stream')]).toEqual([false, false])
  })

  test('a reload that takes the filters away takes nothing out any more', async () => {
    const road = await roadWith('  - { remove: { body: [a] } }')
    await road.reload(base)
    await road.fetch('/svc/m/x', { method: 'POST', body: '{"a":1}' })
    expect(seen(road).body).toBe('{"a":1}')
  })
})

interface RequestLike {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
}
