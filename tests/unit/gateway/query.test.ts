import { expect, test } from 'bun:test'
import type { Endpoint } from '#core/endpoint.ts'
import { Secret } from '#core/secret.ts'
import { offeredInQuery, queryCredential, queryToSend, withoutCredentials } from '#gateway/query.ts'
import { KeyRing } from '#identity/key-ring.ts'

test.each([
  { query: '', key: undefined, rest: '' },
  { query: 'alt=sse', key: undefined, rest: 'alt=sse' },
  { query: 'alt=sse&key=sk-1', key: 'sk-1', rest: 'alt=sse' },
  { query: 'key=sk%2D1&x=%20', key: 'sk-1', rest: 'x=%20' },
  { query: 'k%65y=sk-1&x=%20', key: 'sk-1', rest: 'x=%20' },
  { query: 'x=%6Bey', key: undefined, rest: 'x=%6Bey' },
  { query: 'monkey=1&key=', key: undefined, rest: 'monkey=1' },
  { query: 'api-key=sk-1&x=1', key: 'sk-1', rest: 'x=1' },
  { query: 'a%70i-key=sk-1', key: 'sk-1', rest: '' },
  { query: 'key=&api-key=sk-1', key: 'sk-1', rest: '' },
  { query: 'key=sk-1&api-key=sk-1', key: 'sk-1', rest: '' },
  { query: 'key&x', key: undefined, rest: 'key&x' },
  { query: 'my-api-key=1', key: undefined, rest: 'my-api-key=1' },
])('"$query" carries $key', ({ query, key, rest }) => {
  expect(queryCredential(query)).toBe(key)
  expect(withoutCredentials(query)).toBe(rest)
})

test.each(['key=a&api-key=b', 'key=b&key=a'])('"%s" carries two keys, and so neither', (query) => {
  expect(['a', 'b', undefined]).not.toContain(queryCredential(query))
  expect(withoutCredentials(query)).toBe('')
})

const raw: Endpoint = { path: '/*', dialect: 'raw', reads: 'nothing', stream: undefined }
const keyed = new KeyRing([{ key: new Secret('sk-1'), caller: { id: 'default' } }])

test.each([
  { query: 'key=city&page=2', header: 'Bearer sk-1', offered: undefined, sent: 'key=city&page=2' },
  { query: 'key=city&page=2', offered: 'city', sent: 'key=city&page=2' },
  { query: 'a=1&key=sk-1&y=%20', offered: 'sk-1', sent: 'a=1&y=%20' },
  { query: 'k%65y=sk%2D1', header: 'Bearer sk-1', offered: undefined, sent: '' },
  { query: 'key=city&page=2', keys: new KeyRing([]), offered: 'city', sent: 'key=city&page=2' },
  { query: 'key=dummy&page=2', path: '/v1beta/models', keys: new KeyRing([]), offered: 'dummy', sent: 'page=2' },
])('D04: of "$query", which goes on as it came, "$sent" is sent', ({ query, header, path, keys, offered, sent }) => {
  const request = new Request('http://gateway', header === undefined ? {} : { headers: { authorization: header } })
  const asked = { request, endpoint: raw, path: path ?? '/google/gemma/v1/kv', query }
  expect(offeredInQuery(asked)).toBe(offered)
  expect(queryToSend(asked, keys ?? keyed)).toBe(sent)
})
