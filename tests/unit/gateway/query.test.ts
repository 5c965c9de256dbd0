import { expect, test } from 'bun:test'
import { queryCredential, withoutCredentials } from '#gateway/query.ts'

test.each([
  { query: '', key: undefined, rest: '' },
  { query: 'alt=sse', key: undefined, rest: 'alt=sse' },
  { query: 'alt=sse&key=sk-1', key: 'sk-1', rest: 'alt=sse' },
  { query: 'key=sk%2D1&x=%20', key: 'sk-1', rest: 'x=%20' },
  { query: 'k%65y=sk-1&x=%20', key: 'sk-1', rest: 'x=%20' },
  { query: 'x=%6Bey', key: undefined, rest: 'x=%6Bey' },
  { query: 'monkey=1&key=', key: '', rest: 'monkey=1' },
])('"$query" carries $key', ({ query, key, rest }) => {
  expect(queryCredential(query)).toBe(key)
  expect(withoutCredentials(query)).toBe(rest)
})
