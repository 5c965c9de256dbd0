import { describe, expect, test } from 'bun:test'
import { isRejection } from '#translate/notes.ts'
import { sealed } from '#translate/opaque.ts'
import { askedAs, type Backend, type MainForm } from '../../support/dialect-asking.ts'

const claude: Backend = { form: 'messages', protocol: 'anthropic', model: 'claude-sonnet-4-5' }
const nova: Backend = { form: 'converse', protocol: 'bedrock', model: 'us.amazon.nova-pro-v1:0' }
const ollama: Backend = { form: 'ollama', protocol: 'ollama', model: 'qwen3' }
const cohere: Backend = { form: 'cohere', protocol: 'cohere', model: 'command-a-03-2025' }
const gemini: Backend = { form: 'gemini', protocol: 'gemini', model: 'gemini-2.5-flash' }

/** Everybody waits while one request is written, so that its cost must grow with its size, and no faster. */
const msMax = 5000

const gif = 'R0lGODlhAQABAAAAACw='

function listOf<T>(length: number, make: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => make(index))
}

const calledAtOnce = (length: number): object => ({
  contents: [
    { role: 'user', parts: [{ text: 'q' }] },
    { role: 'model', parts: listOf(length, () => ({ functionCall: { name: 'f', args: {} } })) },
    {
      role: 'user',
      parts: listOf(length, () => ({
        functionResponse: {
          name: 'f',
          response: { output: 'x' },
          parts: [{ inlineData: { mimeType: 'image/gif', data: gif } }],
        },
      })),
    },
  ],
})

const calledInTurn = (length: number): object => ({
  messages: [
    { role: 'user', content: 'q' },
    ...listOf(length, (index) => [
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: `c${index}`, type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: `c${index}`, content: 'x' },
    ]).flat(),
  ],
})

const documentsOfOneName = (length: number): object => ({
  max_tokens: 10,
  messages: [
    {
      role: 'user',
      content: [
        ...listOf(length, () => ({
          type: 'document',
          title: 'a',
          source: { type: 'text', media_type: 'text/plain', data: 'x' },
        })),
        { type: 'text', text: 'q' },
      ],
    },
  ],
})

const signedTexts = (length: number): object => {
  const signature = sealed({ form: 'gemini', family: 'gemini', kind: 'signature', payload: 'AAAA', id: 'elsewhere' })
  return {
    max_tokens: 10,
    messages: [
      { role: 'user', content: 'q' },
      {
        role: 'assistant',
        content: listOf(length, () => [
          { type: 'thinking', thinking: '', signature },
          { type: 'text', text: 'a' },
        ]).flat(),
      },
      { role: 'user', content: 'q' },
    ],
  }
}

describe('what a very large request costs', () => {
  test.each<[what: string, from: MainForm, to: Backend, body: object]>([
    ['calls and pictures of one turn, for Claude', 'gemini', claude, calledAtOnce(40_000)],
    ['calls and pictures of one turn, for Cohere', 'gemini', cohere, calledAtOnce(40_000)],
    ['calls of many turns, for Claude', 'chat', claude, calledInTurn(24_000)],
    ['calls of many turns, for Nova', 'chat', nova, calledInTurn(24_000)],
    ['calls of many turns, for Ollama', 'chat', ollama, calledInTurn(24_000)],
    ['documents of one name, for Nova', 'messages', nova, documentsOfOneName(10_000)],
    ['signatures of another provider, for Gemini', 'messages', gemini, signedTexts(60_000)],
  ])('%s', async (_what, from, to, body) => {
    const before = performance.now()
    const asked = await askedAs(from, to, body)
    expect(performance.now() - before).toBeLessThan(msMax)
    expect(isRejection(asked)).toBe(false)
  })
})
