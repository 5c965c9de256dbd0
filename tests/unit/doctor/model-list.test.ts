import { expect, test } from 'bun:test'
import type { Protocol } from '#core/dialect.ts'
import { isListed, likeliest, readModelList } from '#doctor/model-list.ts'

function listOf(...names: string[]): NonNullable<ReturnType<typeof readModelList>> {
  return { names: new Set(names), count: names.length, hasMore: false }
}

test.each<{ model: string; listed: string; protocol?: Protocol; is: boolean }>([
  { model: 'gpt-5', listed: 'gpt-5', is: true },
  { model: 'gpt-5', listed: 'gpt-5-mini', is: false },
  { model: 'claude-sonnet-4-5', listed: 'claude-sonnet-4-5-20250929', is: true },
  { model: 'claude-sonnet-4-5-20250929', listed: 'claude-sonnet-4-5', is: true },
  { model: 'gpt-4o-latest', listed: 'gpt-4o-2024-08-06', is: true },
  { model: 'claude-sonnet-4', listed: 'claude-sonnet-4-5', is: false },
  { model: 'models/gemini-2.5-pro', listed: 'gemini-2.5-pro', is: true },
  { model: 'meta/llama-4:free', listed: 'meta/llama-4', is: true },
  { model: 'llama4', listed: 'llama4:latest', protocol: 'ollama', is: true },
  { model: 'llama4:latest', listed: 'llama4', protocol: 'ollama', is: true },
  { model: 'llama4:8b', listed: 'llama4:latest', protocol: 'ollama', is: false },
  { model: 'llama4:b', listed: 'llama4', protocol: 'ollama', is: false },
])('isListed(): "$model" where there is "$listed": $is', ({ model, listed, protocol = 'openai', is }) => {
  expect(isListed(model, listOf(listed), protocol)).toBe(is)
})

test.each<{ text: string; names: string[] | undefined; hasMore: boolean }>([
  { text: '{"data":[{"id":"a"},{"id":"b"}]}', names: ['a', 'b'], hasMore: false },
  { text: '{"data":[],"has_more":false}', names: [], hasMore: false },
  { text: '{"data":[{"id":"a"}],"has_more":true}', names: ['a'], hasMore: true },
  { text: '{"models":[{"name":"models/a"}],"nextPageToken":"x"}', names: ['a'], hasMore: true },
  { text: '{"models":[{"name":"a:1","model":"a:1"}]}', names: ['a:1'], hasMore: false },
  { text: '[{"id":"a"},"b",7,null]', names: ['a', 'b'], hasMore: false },
  { text: '{"data":{"id":"a"}}', names: undefined, hasMore: false },
  { text: '{"object":"list"}', names: undefined, hasMore: false },
  { text: 'no', names: undefined, hasMore: false },
])('readModelList() reads $text', ({ text, names, hasMore }) => {
  const list = readModelList(text)
  expect(list === undefined ? undefined : [...list.names]).toEqual(names)
  expect(list?.hasMore ?? false).toBe(hasMore)
})

test.each([
  { model: 'gpt5', names: ['gpt-5', 'gpt-5-mini', 'whisper-1'], near: ['gpt-5'] },
  {
    model: 'claude-sonnet',
    names: ['claude-sonnet-4-5', 'claude-opus-4-5', 'gpt-5'],
    near: ['claude-sonnet-4-5'],
  },
  { model: 'llama', names: ['a', 'b'], near: [] },
])('likeliest() for "$model" is $near', ({ model, names, near }) => {
  expect(likeliest(model, listOf(...names))).toEqual(near)
})
