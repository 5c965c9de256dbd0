import { expect, test } from 'bun:test'
import { modelList, modelListForm } from '#server/models.ts'

const createdMs = Date.UTC(2026, 0, 13)

test('B67: the OpenAI list has a row for each alias', () => {
  expect(modelList('openai', ['a', 'b/c'], createdMs)).toEqual({
    object: 'list',
    data: [
      { id: 'a', object: 'model', created: 1_768_262_400, owned_by: 'llm-proxy' },
      { id: 'b/c', object: 'model', created: 1_768_262_400, owned_by: 'llm-proxy' },
    ],
  })
})

test('N127: without aliases the list is empty and never null', () => {
  expect(modelList('openai', [], createdMs)).toEqual({ object: 'list', data: [] })
  expect(modelList('anthropic', [], createdMs)).toEqual({ data: [], first_id: null, last_id: null, has_more: false })
  expect(modelList('gemini', [], createdMs)).toEqual({ models: [] })
  expect(modelList('ollama', [], createdMs)).toEqual({ models: [] })
})

test("the Ollama list has what Ollama's clients show of a model", () => {
  expect(modelList('ollama', ['a'], createdMs)).toMatchObject({
    models: [{ name: 'a', model: 'a', modified_at: '2026-01-13T00:00:00.000Z', size: 0, details: { families: [] } }],
  })
})

test.each([
  { name: 'a Gemini client by its key header', headers: { 'x-goog-api-key': 'k' }, query: '', form: 'gemini' },
  { name: 'a Gemini client by its query', headers: {}, query: 'pageSize=5&key=k', form: 'gemini' },
  {
    name: 'an Anthropic client by its version header',
    headers: { 'anthropic-version': '2023-06-01' },
    query: '',
    form: 'anthropic',
  },
  { name: 'anyone else as OpenAI', headers: { authorization: 'Bearer k' }, query: '', form: 'openai' },
] as const)('modelListForm() knows $name', ({ headers, query, form }) => {
  expect(modelListForm(new Headers(headers), query)).toBe(form)
})

const names = ['a', 'b', 'c', 'd']

test.each([
  { query: '', rows: ['a', 'b', 'c', 'd'], more: false },
  { query: 'limit=2', rows: ['a', 'b'], more: true },
  { query: 'limit=2&after_id=b', rows: ['c', 'd'], more: false },
  { query: 'after_id=b', rows: ['c', 'd'], more: false },
  { query: 'limit=1&before_id=c', rows: ['b'], more: true },
  { query: 'before_id=c', rows: ['a', 'b'], more: false },
  { query: 'before_id=a', rows: [], more: false },
  { query: 'after_id=gone&limit=x', rows: ['a', 'b', 'c', 'd'], more: false },
  { query: 'limit=0', rows: ['a', 'b', 'c', 'd'], more: false },
])('§14.4: Anthropic’s list with "$query" has $rows', ({ query, rows, more }) => {
  expect(modelList('anthropic', names, createdMs, query)).toMatchObject({
    data: rows.map((id) => ({ type: 'model', id })),
    first_id: rows[0] ?? null,
    last_id: rows.at(-1) ?? null,
    has_more: more,
  })
})

test('§14.4: Gemini’s list comes in pages for those who ask for them', () => {
  expect(modelList('gemini', names, createdMs, 'pageSize=3')).toMatchObject({
    models: [{ name: 'models/a' }, { name: 'models/b' }, { name: 'models/c' }],
    nextPageToken: 'c',
  })
  const last = modelList('gemini', names, createdMs, 'pageSize=3&pageToken=c')
  expect(last).toMatchObject({ models: [{ name: 'models/d' }] })
  expect(last).not.toHaveProperty('nextPageToken')
  expect(modelList('openai', names, createdMs, 'limit=1')).toMatchObject({ data: [{}, {}, {}, {}] })
})
