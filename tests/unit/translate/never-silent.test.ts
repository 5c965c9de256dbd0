import { describe, expect, test } from 'bun:test'
import { lostTo, type AskedBackend } from '../../support/request-fates.ts'
import { requestFields } from '../../support/request-fields.ts'

/** Of every form a model that has everything, and those that refuse much of it. */
const backends: readonly AskedBackend[] = [
  ['chat', 'openai', 'gpt-4o'],
  ['chat', 'openai', 'gpt-5'],
  ['chat', 'any', 'some-model'],
  ['chat', 'mistral', 'mistral-large-latest'],
  ['chat', 'deepseek', 'deepseek-chat'],
  ['chat', 'groq', 'llama-3.3-70b-versatile'],
  ['responses', 'openai', 'gpt-4o'],
  ['responses', 'openai', 'gpt-5-pro'],
  ['responses', 'any', 'some-model'],
  ['messages', 'anthropic', 'claude-sonnet-4-5'],
  ['messages', 'anthropic', 'claude-opus-4-8'],
  ['messages', 'anthropic', 'claude-3-haiku-20240307'],
  ['messages', 'any', 'some-model'],
  ['gemini', 'gemini', 'gemini-2.5-flash'],
  ['gemini', 'gemini', 'gemini-3-pro-preview'],
  ['converse', 'bedrock', 'anthropic.claude-sonnet-4-5-20250929-v1:0'],
  ['converse', 'bedrock', 'amazon.nova-pro-v1:0'],
  ['converse', 'bedrock', 'meta.llama3-3-70b-instruct-v1:0'],
  ['ollama', 'ollama', 'llama3.2'],
  ['ollama', 'ollama', 'gpt-oss:20b'],
  ['cohere', 'cohere', 'command-a-03-2025'],
]

describe('§3, S300: nothing of a request is lost silently', () => {
  for (const [from, rows] of requestFields) {
    for (const backend of backends.filter(([form]) => form !== from)) {
      test(`every field of ${from} is carried to ${backend.join(' ')}, noted, or refused by its name`, async () => {
        expect(await lostTo(backend, from, rows)).toEqual([])
      })
    }
  }
})
