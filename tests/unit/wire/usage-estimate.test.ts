import { expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import { estimatePrompt, estimateSaidInBody, estimateSaidInStream } from '#wire/usage-estimate.ts'

const english = 'The quick brown fox jumps over the lazy dog near the river bank. '
const bytes = (text: string): Uint8Array => Buffer.from(text)

/** 14 tokens of most tokenizers each. */
const sentences = 200

test.each([
  { name: 'English', text: english.repeat(sentences), tokens: 14 * sentences },
  { name: 'Chinese', text: '今天天气很好,我们去公园散步吧。'.repeat(100), tokens: 1100 },
])('estimatePrompt() is within a third of the truth for $name', ({ text, tokens }) => {
  const found = estimatePrompt(bytes(JSON.stringify({ messages: [{ role: 'user', content: text }] })))
  expect(Math.abs(found - tokens) / tokens).toBeLessThan(0.34)
})

test('estimatePrompt() counts a file by its number, not by its bytes', () => {
  const image = `data:image/png;base64,${'A'.repeat(200_000)}`
  const chat = estimatePrompt(bytes(JSON.stringify({ content: [{ image_url: { url: image } }] })))
  const messages = estimatePrompt(bytes(JSON.stringify({ source: { type: 'base64', data: 'A'.repeat(200_000) } })))
  for (const found of [chat, messages]) expect(found).toBeWithin(900, 1200)
})

const event = (value: object): string => `data: ${JSON.stringify(value)}\n\n`
const streams: readonly [StreamForm, (text: string) => string][] = [
  ['chat', (content) => event({ choices: [{ delta: { content } }] })],
  ['completions', (text) => event({ choices: [{ text }] })],
  ['responses', (delta) => event({ type: 'response.output_text.delta', delta })],
  ['messages', (text) => event({ type: 'content_block_delta', delta: { type: 'text_delta', text } })],
  ['gemini_sse', (text) => event({ candidates: [{ content: { parts: [{ text }] } }] })],
  ['ndjson', (content) => `${JSON.stringify({ message: { content }, done: false })}\n`],
]

test.each([...streams])('estimateSaidInStream() counts what was said in %s', (form, write) => {
  const text = bytes(write(english).repeat(20))
  const found = estimateSaidInStream(form, text, text.length)
  expect(Math.abs(found - 280) / 280).toBeLessThan(0.34)
  // Of a stream of which the end alone is kept, the rest is taken to be like it.
  expect(estimateSaidInStream(form, text, 10 * text.length)).toBeWithin(10 * found - 10, 10 * found + 10)
  expect(estimateSaidInStream(form, bytes(''), 0)).toBe(0)
})

const words = english.split(' ')
const small = event({ id: 'chatcmpl-1', choices: [{ index: 0, delta: { content: 'fox ' } }] })
test.each([
  {
    name: 'a stream of many small events, by some of them',
    text: words
      .map((word) => small.replace('fox', word))
      .join('')
      .repeat(20),
    tokens: (english.length * 20) / 4,
  },
  {
    name: 'a stream of one large event',
    text: event({ choices: [{ delta: { content: english.repeat(99) } }] }),
    tokens: (english.length * 99) / 4,
  },
  {
    name: 'thoughts and arguments',
    text: event({
      choices: [{ delta: { reasoning_content: english, tool_calls: [{ function: { arguments: english } }] } }],
    }),
    tokens: english.length / 2,
  },
  { name: 'a stream that says nothing', text: event({ choices: [{ delta: {} }] }).repeat(99), tokens: 0 },
])('estimateSaidInStream() counts $name', ({ text, tokens }) => {
  const found = estimateSaidInStream('chat', bytes(text), Buffer.byteLength(text))
  expect(found).toBeWithin(Math.floor(tokens * 0.8), Math.ceil(tokens * 1.2) + 1)
})

const code = 'say("a", \\"b\\");\n'
test.each([
  { form: 'chat', body: { choices: [{ message: { content: english } }] }, texts: english },
  { form: 'chat', body: { choices: [{ message: { content: code.repeat(300) } }] }, texts: code.repeat(300) },
  { form: 'completions', body: { choices: [{ text: english }] }, texts: english },
  { form: 'responses', body: { output: [{ content: [{ type: 'output_text', text: english }] }] }, texts: english },
  { form: 'messages', body: { content: [{ type: 'text', text: english }] }, texts: english },
  { form: 'gemini', body: { candidates: [{ content: { parts: [{ text: english }] } }] }, texts: english },
  { form: 'ollama', body: { message: { content: english } }, texts: english },
  { form: 'a converter', body: { choices: [{ message: { content: english } }] }, texts: english },
])('estimateSaidInBody() counts what was said in a body of $form', ({ form, body, texts }) => {
  const written = JSON.stringify(body, undefined, 1)
  const tokens = (JSON.stringify(texts).length - 2) / 4
  const found = estimateSaidInBody(form, bytes(written), written.length)
  expect(found).toBeWithin(Math.floor(tokens * 0.9), Math.ceil(tokens * 1.1) + 1)
  // Of a large one the end alone is kept.
  expect(estimateSaidInBody(form, bytes('word '.repeat(100)), 40_000)).toBe(10_000)
})

test('Chinese that is written in escapes is no more than the same in UTF-8', () => {
  const text = '今天天气很好,我们去公园散步吧。'.repeat(100)
  const plain = JSON.stringify({ messages: [{ content: text }] })
  const escaped = plain.replaceAll(/[^ -~]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const [one, other] = [estimatePrompt(bytes(plain)), estimatePrompt(bytes(escaped))]
  expect(other / one).toBeWithin(0.8, 1.25)
  const [said, saidToo] = [plain, escaped].map((body) =>
    estimateSaidInBody('chat', bytes(body), Buffer.byteLength(body)),
  )
  expect((saidToo ?? 0) / (said ?? 1)).toBeWithin(0.8, 1.25)
})

test('an estimate takes no longer for what is made to be slow', () => {
  const nasty = [
    '"text":""'.repeat(200_000),
    `"text":"${'\\"'.repeat(500_000)}`,
    `"text":"${'\\'.repeat(900_000)}"`,
    '\\u'.repeat(500_000),
  ]
  const startedMs = performance.now()
  for (const text of nasty) {
    estimatePrompt(bytes(text))
    estimateSaidInBody('messages', bytes(text), text.length)
    estimateSaidInStream('messages', bytes(text), text.length)
  }
  expect(performance.now() - startedMs).toBeLessThan(500)
})
