import { describe, expect, test } from 'bun:test'
import { findError } from '#wire/error-in-body.ts'

const errors = [
  {
    name: 'OpenAI',
    body: { error: { message: 'no', type: 'insufficient_quota', param: null, code: 'insufficient_quota' } },
    error: { message: 'no', type: 'insufficient_quota', code: 'insufficient_quota', status: 429 },
  },
  {
    name: 'Anthropic',
    body: { type: 'error', error: { type: 'overloaded_error', message: 'busy' }, request_id: 'r' },
    error: { message: 'busy', type: 'overloaded_error', code: undefined, status: 529 },
  },
  {
    name: 'Gemini',
    body: { error: { code: 429, message: 'slow', status: 'RESOURCE_EXHAUSTED' } },
    error: { message: 'slow', type: 'RESOURCE_EXHAUSTED', code: '429', status: 429 },
  },
  {
    name: 'Gemini in a list',
    body: [{ error: { code: 503, message: 'no', status: 'UNAVAILABLE' } }],
    error: { status: 503 },
  },
  {
    name: 'OpenRouter',
    body: { error: { code: 402, message: 'pay', metadata: {} }, user_id: 'u' },
    error: { message: 'pay', status: 402 },
  },
  { name: 'Ollama', body: { error: 'model not loaded' }, error: { message: 'model not loaded', status: undefined } },
  {
    name: 'Mistral',
    body: { object: 'error', message: 'bad', type: 'invalid_request_error', code: 3000 },
    error: { message: 'bad', code: '3000', status: 400 },
  },
  {
    name: 'Groq',
    body: { error: { code: 'tool_use_failed', message: 'x', type: 'invalid_request_error' } },
    error: { code: 'tool_use_failed', status: 400 },
  },
  {
    name: 'a failed response',
    body: { object: 'response', status: 'failed', error: { code: 'server_error', message: 'no' } },
    error: { message: 'no', status: 500 },
  },
  { name: 'a status beside the text', body: { error: 'no', code: 503 }, error: { message: 'no', status: 503 } },
  { name: 'a code as text', body: { error: { code: '429', message: 'no' } }, error: { status: 429 } },
  { name: 'an error without words', body: { error: { param: 'x' } }, error: { message: 'no message' } },
]

const answers = [
  {
    name: 'a response whose error is null',
    body: { object: 'response', status: 'completed', error: null, output: [] },
  },
  {
    name: 'an answer that speaks of quota',
    body: { choices: [{ message: { content: 'error: insufficient_quota {"error":{"message":"x"}}' } }] },
  },
  { name: 'an answer with an error further down', body: { choices: [], x: { error: { message: 'no' } } } },
  { name: 'a list of answers', body: [{ candidates: [] }, { error: { message: 'no' } }] },
  { name: 'an empty error', body: { error: {} } },
  { name: 'an empty text', body: { error: '' } },
  { name: 'false', body: { error: false, data: [] } },
  { name: 'an embedding', body: { object: 'list', data: [{ embedding: [1] }] } },
  { name: 'an Anthropic message', body: { type: 'message', content: [{ type: 'text', text: 'error' }] } },
  { name: 'a number', body: 5 },
  { name: 'null', body: null },
]

describe('findError()', () => {
  test.each(errors)('B33, N109: knows the error of $name', ({ body, error }) => {
    expect(findError(JSON.stringify(body))).toMatchObject(error)
  })

  test.each(answers)('N109: takes $name for an answer', ({ body }) => {
    expect(findError(JSON.stringify(body))).toBeUndefined()
  })

  test('takes text that is no JSON for an answer', () => {
    expect(findError('error: 500')).toBeUndefined()
    expect(findError('')).toBeUndefined()
  })

  test('shortens a message without end', () => {
    expect(findError(JSON.stringify({ error: 'x'.repeat(10_000) }))?.message).toHaveLength(500)
  })
})
