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
