import { expect, test } from 'bun:test'
import { queryCredential, withoutCredentials } from '#gateway/query.ts'

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
