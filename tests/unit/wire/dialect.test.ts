import { describe, expect, test } from 'bun:test'
import { dialectOfPath, geminiStreamForm } from '#wire/dialect.ts'

test.each([
  { path: '/v1/chat/completions', dialect: 'openai' },
  { path: '/v1/models', dialect: 'openai' },
  { path: '/v1/models/gpt-5', dialect: 'openai' },
  { path: '/nowhere', dialect: 'openai' },
  { path: '/v1/messages', dialect: 'anthropic' },
  { path: '/v1/messages/count_tokens', dialect: 'anthropic' },
  { path: '/v1/messagesx', dialect: 'openai' },
  { path: '/v1beta/models', dialect: 'gemini' },
  { path: '/v1beta', dialect: 'gemini' },
  { path: '/v1alpha/models/m', dialect: 'gemini' },
  { path: '/v1betamax', dialect: 'openai' },
  { path: '/v1/models/gemini-2.5-flash:generateContent', dialect: 'gemini' },
  { path: '/api/chat', dialect: 'ollama' },
  { path: '/api/tags', dialect: 'ollama' },
  { path: '/api/pull', dialect: 'ollama' },
  { path: '/api/health/status', dialect: 'openai' },
  { path: '/api/chats', dialect: 'openai' },
  { path: '/api', dialect: 'openai' },
] as const)('dialectOfPath() takes $path for $dialect', ({ path, dialect }) => {
  expect(dialectOfPath(path)).toBe(dialect)
})

describe('geminiStreamForm()', () => {
  test.each([
    { query: 'alt=sse', form: 'gemini_sse' },
    { query: 'key=x&alt=sse', form: 'gemini_sse' },
    { query: 'alt=SSE&x=1', form: 'gemini_sse' },
    { query: 'alt=json', form: 'gemini_array' },
    { query: 'alt=ssex', form: 'gemini_array' },
    { query: 'salt=sse', form: 'gemini_array' },
    { query: '', form: 'gemini_array' },
  ] as const)('takes "$query" for $form', ({ query, form }) => {
    expect(geminiStreamForm(query)).toBe(form)
  })
})
