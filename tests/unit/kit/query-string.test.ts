import { expect, test } from 'bun:test'
import { parametersOf, withParameter } from '#kit/query-string.ts'

test.each<{ query: string; values: string[] }>([
  { query: '', values: [] },
  { query: 'model=a', values: ['a'] },
  { query: 'x=1&model=a%20b+c&model=', values: ['a b c', ''] },
  { query: 'mod%65l=a', values: ['a'] },
  { query: 'model', values: [''] },
  { query: 'models=a&xmodel=b', values: [] },
  { query: 'model=%zz', values: ['%zz'] },
])('parametersOf() finds the models of $query', ({ query, values }) => {
  expect(parametersOf(query, 'model')).toEqual(values)
})

test.each([
  { query: 'model=a', to: 'model=n%2Fm' },
  { query: 'x=%7e&mod%65l=a&&y', to: 'x=%7e&model=n%2Fm&&y' },
  { query: 'x=1', to: 'x=1' },
  { query: '', to: '' },
])('withParameter() leaves all else of $query as it is', ({ query, to }) => {
  expect(withParameter(query, 'model', 'n/m')).toBe(to)
})
