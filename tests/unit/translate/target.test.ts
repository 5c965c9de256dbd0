import { describe, expect, test } from 'bun:test'
import type { Protocol } from '#core/dialect.ts'
import { isOfResponses, targetOf } from '#translate/target.ts'

describe('targetOf() knows how a backend is asked', () => {
  test.each<[protocol: Protocol, model: string, url: string, way: string | undefined]>([
    ['openai', 'gpt-5', 'https://api.openai.com/v1', 'chat'],
    ['openai', 'gpt-5-pro', 'https://api.openai.com/v1', 'responses'],
    ['openai', 'gemini-2.5-pro', 'https://any.test/v1', 'chat'],
    ['deepseek', 'deepseek-chat', 'https://api.deepseek.com', 'chat'],
    ['groq', 'x', 'https://api.groq.com/openai/v1', 'chat'],
    ['mistral', 'codestral', 'https://api.mistral.ai/v1', 'chat'],
    ['anthropic', 'claude-x', 'https://api.anthropic.com', 'messages'],
    ['gemini', 'gemini-x', 'https://generativelanguage.googleapis.com', 'gemini'],
    ['gemini', 'gemini-x', 'https://generativelanguage.googleapis.com/v1beta/openai/', 'chat'],
    ['ollama', 'x', 'http://localhost:11434/v1', 'ollama'],
    ['any', 'x', 'https://any.test', undefined],
    ['cohere', 'command-a', 'https://api.cohere.com', 'cohere'],
    ['cohere', 'command-a', 'https://api.cohere.com/v2', 'cohere'],
    ['cohere', 'command-a', 'https://gateway.test/cohere/v2/', 'cohere'],
    ['cohere', 'command-a', 'https://api.cohere.ai/compatibility/v1', 'chat'],
    ['cohere', 'command-a', 'https://gateway.test/v1', 'chat'],
    ['azure', 'gpt-5', 'https://x.openai.azure.com', 'chat'],
    ['azure', 'gpt-5-codex', 'https://x.openai.azure.com/openai/v1', 'responses'],
    ['azure', 'claude-opus-4-5', 'https://x.services.ai.azure.com/anthropic', 'messages'],
    ['azure', 'claude-opus-4-5', 'https://x.services.ai.azure.com/anthropic/v1/', 'messages'],
    ['azure', 'claude-opus-4-5', 'https://x.services.ai.azure.com', 'messages'],
    ['azure', 'claude-opus-4-5', 'https://x.services.ai.azure.com/models', 'chat'],
    ['azure', 'o3-pro', 'https://x.services.ai.azure.com/models', 'chat'],
    ['bedrock', 'us.anthropic.claude-x-v1:0', bedrock(), 'messages by bedrock_invoke'],
    [
      'bedrock',
      'arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x',
      bedrock(),
      'messages by bedrock_invoke',
    ],
    [
      'bedrock',
      'arn:aws:bedrock:us-east-1:1:application-inference-profile/abc',
      bedrock(),
      'converse by bedrock_converse',
    ],
    ['bedrock', 'amazon.nova-pro-v1:0', bedrock(), 'converse by bedrock_converse'],
    ['bedrock', 'openai.gpt-oss-120b-1:0', bedrock('/openai/v1'), 'chat'],
    ['bedrock', 'openai.gpt-oss-120b', 'https://bedrock-mantle.us-east-1.api.aws/v1', 'chat'],
    ['bedrock', 'anthropic.claude-x', 'https://bedrock-mantle.us-east-1.api.aws/anthropic', 'messages'],
    ['vertex', 'gemini-2.5-pro', vertex(), 'gemini by vertex_gemini'],
    ['vertex', 'google/gemini-2.5-pro', vertex(), 'gemini by vertex_gemini'],
    ['vertex', 'endpoints/123', vertex(), 'gemini by vertex_gemini'],
    ['vertex', 'claude-opus-4-1@20250805', vertex(), 'messages by vertex_claude'],
    ['vertex', 'publishers/anthropic/models/claude-x', vertex(), 'messages by vertex_claude'],
    ['vertex', 'meta/llama-4', vertex(), 'chat by vertex_chat'],
    ['vertex', 'google/gemini-2.5-pro', vertex('/endpoints/openapi'), 'chat by vertex_chat'],
  ])('%s, model %s at %s: %s', (protocol, model, url, way) => {
    const target = targetOf(protocol, model, new URL(url))
    expect(target?.carrier === undefined ? target?.form : `${target.form} by ${target.carrier}`).toBe(way)
  })
})

test.each([
  ['gpt-5-pro', true],
  ['gpt-5.2-pro-2026-01-01', true],
  ['o1-pro', true],
  ['o3-pro-2025-06-10', true],
  ['gpt-5-codex', true],
  ['gpt-5.1-codex-max', true],
  ['codex-mini-latest', true],
  ['o3-deep-research', true],
  ['computer-use-preview', true],
  ['gpt-5', false],
  ['gpt-5.1-mini', false],
  ['gpt-4o', false],
  ['o3', false],
  ['deepseek-pro', false],
  ['openai/gpt-5-pro', false],
  ['my-codex', false],
])('§13: %s is asked by Responses only: %s', (model, isOnly) => {
  expect(isOfResponses(model)).toBe(isOnly)
})

function bedrock(path = ''): string {
  return `https://bedrock-runtime.us-east-1.amazonaws.com${path}`
}

function vertex(path = ''): string {
  return `https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1${path}`
}
