import { heapStats } from 'bun:jsc'
import { describe, expect, test } from 'bun:test'
import type { StreamForm } from '#core/endpoint.ts'
import type { StreamVerdict } from '#wire/event-terminal.ts'
import { StreamEnd } from '#wire/stream-end.ts'
import {
  bytesOf,
  chatChunk,
  cutInTwo,
  dataEvent,
  inPieces,
  jsonLine,
  namedEvent,
  ollamaLine,
  sampleStreams,
} from '../../support/streams.ts'

const encoder = new TextEncoder()

function verdictOf(form: StreamForm, chunks: readonly Uint8Array[]): StreamVerdict {
  const end = new StreamEnd(form)
  for (const chunk of chunks) end.see(chunk)
  return end.verdict()
}

function verdictOfText(form: StreamForm, text: string, size = 1000): StreamVerdict {
  return verdictOf(form, inPieces(encoder.encode(text), size))
}

const long = 'x'.repeat(40_000)
const talk = chatChunk({ content: 'say {"finish_reason":"stop"} and data: [DONE]\n\n' })
const gemini = (text: string, more: object = {}): string =>
  dataEvent({ candidates: [{ content: { parts: [{ text }] }, ...more }] })
const completed = (type: string, text: string): string =>
  namedEvent({ type, response: { status: type.slice(9), output: [{ text }], usage: { total_tokens: 1 } } })
const candidate = (index: number, text: string, more: object = {}): string =>
  dataEvent({ candidates: [{ index, content: { parts: [{ text }] }, ...more }] })
const says = { tool_calls: [{ function: { name: 'f', arguments: { done: true, x: long } } }] }
const wholeGeminiArray = `[{"candidates":[{"finishReason":"STOP"}]}]`

const verdicts: { name: string; form: StreamForm; text: string; verdict: StreamVerdict }[] = [
  { name: 'an empty stream', form: 'chat', text: '', verdict: 'incomplete' },
  { name: 'comments only', form: 'chat', text: ': a\n\n', verdict: 'incomplete' },
  { name: 'chat that ends with [DONE] only', form: 'chat', text: `${talk}data: [DONE]\n\n`, verdict: 'complete' },
  { name: '[DONE] without space and line end', form: 'chat', text: `${talk}data:[DONE]`, verdict: 'complete' },
  { name: 'chat that ends with a finish only', form: 'chat', text: talk + chatChunk({}, 'stop'), verdict: 'complete' },
  {
    name: 'a finish in an event that lacks its blank line',
    form: 'chat',
    text: talk + chatChunk({}, 'stop').trim(),
    verdict: 'complete',
  },
  { name: 'chat that speaks of its end', form: 'chat', text: talk, verdict: 'incomplete' },
  { name: 'a long chat that speaks of its end', form: 'chat', text: talk.repeat(600), verdict: 'incomplete' },
  {
    name: 'a long chat that ends',
    form: 'chat',
    text: talk.repeat(600) + chatChunk({}, 'length'),
    verdict: 'complete',
  },
  {
    name: 'a finish followed by large chunks',
    form: 'chat',
    text: talk + chatChunk({}, 'stop') + dataEvent({ choices: [], citations: long }).repeat(3),
    verdict: 'complete',
  },
  {
    name: 'a finish followed by many chunks',
    form: 'chat',
    text: talk + chatChunk({}, 'stop') + dataEvent({ choices: [], usage: { total_tokens: 1 } }).repeat(2000),
    verdict: 'complete',
  },
  { name: 'a finish in a large chunk', form: 'chat', text: chatChunk({ content: long }, 'stop'), verdict: 'complete' },
  {
    name: 'a large chunk that is cut',
    form: 'chat',
    text: chatChunk({ content: long }, 'stop').slice(0, -30),
    verdict: 'incomplete',
  },
  {
    name: 'a choice that ended and one that did not',
    form: 'chat',
    text: chatChunk({ content: 'a' }) + chatChunk({ content: 'b' }, null, 1) + chatChunk({}, 'stop'),
    verdict: 'incomplete',
  },
  {
    name: 'two choices that ended',
    form: 'chat',
    text:
      chatChunk({ content: 'a' }) +
      chatChunk({ content: 'b' }, null, 1) +
      chatChunk({}, 'stop', 1) +
      chatChunk({}, 'stop'),
    verdict: 'complete',
  },
  {
    name: 'a choice that is repeated with usage',
    form: 'chat',
    text: chatChunk({ content: 'a' }) + chatChunk({}, 'stop') + chatChunk({ role: 'assistant', content: '' }),
    verdict: 'complete',
  },
  { name: 'an error chunk', form: 'chat', text: talk + dataEvent({ error: { message: 'no' } }), verdict: 'errored' },
  {
    name: 'an error chunk and [DONE]',
    form: 'chat',
    text: `${talk}${dataEvent({ error: { message: 'no' }, choices: [] })}data: [DONE]\n\n`,
    verdict: 'errored',
  },
  { name: 'a finish_reason error', form: 'chat', text: talk + chatChunk({}, 'error'), verdict: 'errored' },
  {
    name: "Groq's event: error",
    form: 'chat',
    text: `${talk}event: error\n${dataEvent({ message: 'no' })}`,
    verdict: 'errored',
  },
  { name: 'response.incomplete', form: 'responses', text: completed('response.incomplete', ''), verdict: 'complete' },
  {
    name: 'response.completed and a needless [DONE]',
    form: 'responses',
    text: `${completed('response.completed', '')}data: [DONE]\n\n`,
    verdict: 'complete',
  },
  {
    name: 'a large response.completed',
    form: 'responses',
    text: talk + completed('response.completed', long),
    verdict: 'complete',
  },
  {
    name: 'a large response.completed without names',
    form: 'responses',
    text: completed('response.completed', long).replace(/^event.*\n/, ''),
    verdict: 'complete',
  },
  {
    name: 'a large response.completed that is cut',
    form: 'responses',
    text: completed('response.completed', long).slice(0, -20),
    verdict: 'incomplete',
  },
  {
    name: 'a large response.completed cut at its last line end',
    form: 'responses',
    text: completed('response.completed', long).slice(0, -2),
    verdict: 'incomplete',
  },
  { name: 'a large response.failed', form: 'responses', text: completed('response.failed', long), verdict: 'errored' },
  {
    name: 'a large event that speaks of completion',
    form: 'responses',
    text: namedEvent({ type: 'response.output_text.done', text: `${long}\nevent: response.completed${long}` }),
    verdict: 'incomplete',
  },
  {
    name: 'a large event after a large event',
    form: 'responses',
    text: completed('response.x', long) + completed('response.completed', long),
    verdict: 'complete',
  },
  {
    name: 'a responses error',
    form: 'responses',
    text: namedEvent({ type: 'error', message: 'no' }),
    verdict: 'errored',
  },
  { name: 'response.failed', form: 'responses', text: completed('response.failed', ''), verdict: 'errored' },
  {
    name: 'message_stop without blank line',
    form: 'messages',
    text: namedEvent({ type: 'message_stop' }).trim(),
    verdict: 'complete',
  },
  {
    name: 'messages without message_stop',
    form: 'messages',
    text: namedEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' } }),
    verdict: 'incomplete',
  },
  {
    name: 'an Anthropic error',
    form: 'messages',
    text: namedEvent({ type: 'error', error: { type: 'api_error', message: 'no' } }),
    verdict: 'errored',
  },
  {
    name: 'a Gemini finish followed by usage',
    form: 'gemini_sse',
    text: gemini('a', { finishReason: 'STOP' }) + dataEvent({ usageMetadata: {} }),
    verdict: 'complete',
  },
  {
    name: 'a Gemini tool that is called with a finish',
    form: 'gemini_sse',
    text: dataEvent({ candidates: [{ content: { parts: [{ functionCall: { args: { finishReason: 'STOP' } } }] } }] }),
    verdict: 'incomplete',
  },
  {
    name: 'the same, long ago',
    form: 'gemini_sse',
    text:
      dataEvent({ candidates: [{ content: { parts: [{ functionCall: { args: { finishReason: 'STOP' } } }] } }] }) +
      gemini('a').repeat(2000),
    verdict: 'incomplete',
  },
  {
    name: 'a large Gemini image with its finish',
    form: 'gemini_sse',
    text: gemini(long, { finishReason: 'STOP' }),
    verdict: 'complete',
  },
  {
    name: 'a Gemini finish with large sources behind',
    form: 'gemini_sse',
    text: gemini('a', { finishReason: 'STOP', groundingMetadata: long }),
    verdict: 'complete',
  },
  {
    name: 'a Gemini finish with large sources that are cut',
    form: 'gemini_sse',
    text: gemini('a', { finishReason: 'STOP', groundingMetadata: long }).slice(0, -10),
    verdict: 'incomplete',
  },
  {
    name: 'a large Gemini call with a finish among its arguments, and a large event behind',
    form: 'gemini_sse',
    text: gemini('a', { functionCall: { args: { finishReason: 'STOP' } }, x: long }) + gemini(long),
    verdict: 'incomplete',
  },
  {
    name: 'a refused Gemini prompt',
    form: 'gemini_sse',
    text: dataEvent({ promptFeedback: { blockReason: 'SAFETY' } }),
    verdict: 'complete',
  },
  {
    name: 'a Gemini answer that is refused after its candidate began',
    form: 'gemini_sse',
    text: gemini('a') + dataEvent({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } }),
    verdict: 'complete',
  },
  {
    name: 'a list of Gemini that is refused after its candidate began',
    form: 'gemini_array',
    text: `[${JSON.stringify({ candidates: [{ content: { parts: [] }, index: 0 }] })},\n${JSON.stringify({ promptFeedback: { blockReason: 'OTHER' } })}]`,
    verdict: 'complete',
  },
  {
    name: 'a Gemini error',
    form: 'gemini_sse',
    text: gemini('a') + dataEvent({ error: { code: 503, message: 'no' } }),
    verdict: 'errored',
  },
  {
    name: 'a Gemini error in both forms',
    form: 'gemini_sse',
    text: `${gemini('a')}${dataEvent({ error: { code: 503 } })}{"error":{"code":503}}`,
    verdict: 'errored',
  },
  {
    name: 'a candidate that ended and one that did not',
    form: 'gemini_sse',
    text: candidate(0, 'a') + candidate(1, 'b') + candidate(0, '', { finishReason: 'STOP' }) + candidate(1, 'c'),
    verdict: 'incomplete',
  },
  {
    name: 'two candidates that ended far from each other',
    form: 'gemini_sse',
    text:
      candidate(1, '', { finishReason: 'STOP' }) +
      candidate(0, 'a').repeat(20) +
      candidate(0, '', { finishReason: 'STOP' }) +
      candidate(1, ''),
    verdict: 'complete',
  },
  {
    name: 'a choice that was announced only, while the other one ended',
    form: 'chat',
    text: chatChunk({ role: 'assistant' }) + chatChunk({ role: 'assistant' }, null, 1) + chatChunk({}, 'stop'),
    verdict: 'incomplete',
  },
  {
    name: 'a server with an empty finish in every event',
    form: 'chat',
    text: chatChunk({ content: 'a' }, '') + chatChunk({ content: long }, ''),
    verdict: 'incomplete',
  },
  {
    name: 'a finish in a large chunk with blanks',
    form: 'chat',
    text: `data: {"choices":[{"index":0,"delta":{"content":"${long}"},"finish_reason": "stop"}]}\n\n`,
    verdict: 'complete',
  },
  {
    name: 'a large Gemini event with an empty finish',
    form: 'gemini_sse',
    text: gemini(long, { finishReason: '' }),
    verdict: 'incomplete',
  },
  {
    name: 'a large Gemini call with a finish among its arguments',
    form: 'gemini_sse',
    text: dataEvent({
      candidates: [{ content: { parts: [{ functionCall: { args: { long, finishReason: 'STOP' } } }] } }],
    }),
    verdict: 'incomplete',
  },
  {
    name: 'the same, with its own finish behind',
    form: 'gemini_sse',
    text: dataEvent({
      candidates: [
        { content: { parts: [{ functionCall: { args: { finishReason: 'STOP', long } } }] }, finishReason: 'STOP' },
      ],
    }),
    verdict: 'complete',
  },
  {
    name: 'a large Gemini call in an array with a finish among its arguments',
    form: 'gemini_array',
    text: `[${JSON.stringify({ candidates: [{ content: { parts: [{ functionCall: { args: { x: long.repeat(4), finishReason: 'STOP' } } }] } }] })}]`,
    verdict: 'incomplete',
  },
  {
    name: 'a large Gemini image in an array with its finish',
    form: 'gemini_array',
    text: `[${JSON.stringify({ candidates: [{ content: { parts: [{ text: long.repeat(4) }] }, finishReason: 'STOP' }] })}]`,
    verdict: 'complete',
  },
  {
    name: 'two candidates of an array, one of them large, that ended',
    form: 'gemini_array',
    text: `[{"candidates":[{"index":1}]},${JSON.stringify({ candidates: [{ index: 1, content: long.repeat(4), finishReason: 'STOP' }] })}]`,
    verdict: 'complete',
  },
  {
    name: 'an array of candidates of which one did not end',
    form: 'gemini_array',
    text: '[{"candidates":[{"index":0},{"index":1}]},{"candidates":[{"index":0,"finishReason":"STOP"}]}]',
    verdict: 'incomplete',
  },
  {
    name: 'an array whose first candidate did not end',
    form: 'gemini_array',
    text: '[{"candidates":[{"index":0}]},{"candidates":[{"index":1,"finishReason":"STOP"}]}]',
    verdict: 'incomplete',
  },
  {
    name: 'an array of candidates that ended one after the other',
    form: 'gemini_array',
    text: '[{"candidates":[{"index":0,"finishReason":"STOP"}]},{"candidates":[{"index":1,"finishReason":"STOP"}]}]',
    verdict: 'complete',
  },
  {
    name: 'an error in front of usage, comments and [DONE]',
    form: 'chat',
    text: `${chatChunk({}, 'stop')}${dataEvent({ error: { message: 'no' } })}${': c\n\n'.repeat(5)}${dataEvent({ choices: [], usage: {} }).repeat(3)}data: [DONE]\n\n`,
    verdict: 'errored',
  },
  {
    name: 'an error in front of one more chunk and [DONE]',
    form: 'chat',
    text: `${dataEvent({ error: { message: 'no' } })}${chatChunk({}, 'stop')}data: [DONE]\n\n`,
    verdict: 'errored',
  },
  {
    name: 'an error in front of pings and message_stop',
    form: 'messages',
    text: `${namedEvent({ type: 'error', error: {} })}${namedEvent({ type: 'ping' }).repeat(4)}${namedEvent({ type: 'message_stop' })}`,
    verdict: 'errored',
  },
  {
    name: 'chat that names no finish, and [DONE]: some servers never do',
    form: 'chat',
    text: `${chatChunk({ role: 'assistant', content: 'a' })}${chatChunk({ content: 'b' })}data: [DONE]\n\n`,
    verdict: 'complete',
  },
  { name: 'Ollama lines that end', form: 'ndjson', text: ollamaLine({}, true), verdict: 'complete' },
  { name: 'a last line without its line end', form: 'ndjson', text: ollamaLine({}, true).trim(), verdict: 'complete' },
  { name: 'a last line that is cut', form: 'ndjson', text: ollamaLine({}, true).slice(0, -3), verdict: 'incomplete' },
  {
    name: 'Ollama lines that speak of their end',
    form: 'ndjson',
    text: ollamaLine({ content: '\n{"done":true}\n' }).repeat(300),
    verdict: 'incomplete',
  },
  { name: 'an Ollama error', form: 'ndjson', text: ollamaLine({}) + jsonLine({ error: 'no' }), verdict: 'errored' },
  {
    name: 'an Ollama error and an end',
    form: 'ndjson',
    text: jsonLine({ error: 'no' }) + ollamaLine({}, true),
    verdict: 'errored',
  },
  {
    name: 'an Ollama end with a blank behind',
    form: 'ndjson',
    text: `${ollamaLine({}, true)} \n\n \t`,
    verdict: 'complete',
  },
  {
    name: 'a large Ollama end',
    form: 'ndjson',
    text: ollamaLine({ content: 'a' }) + jsonLine({ response: '', done: true, context: long.split('') }),
    verdict: 'complete',
  },
  {
    name: 'a large Ollama end in another order, with blanks',
    form: 'ndjson',
    text: `{"x": {"done": 1}, "message": {"content": "${long}"}, "done" : true }\n`,
    verdict: 'complete',
  },
  {
    name: 'a large Ollama end that is cut',
    form: 'ndjson',
    text: jsonLine({ response: '', done: true, context: long.split('') }).slice(0, -3),
    verdict: 'incomplete',
  },
  {
    name: 'a large Ollama call with an end among its arguments',
    form: 'ndjson',
    text: ollamaLine(says),
    verdict: 'incomplete',
  },
  {
    name: 'a large Ollama call, and an end behind',
    form: 'ndjson',
    text: ollamaLine(says) + ollamaLine({}, true),
    verdict: 'complete',
  },
  {
    name: 'a large Ollama call behind another one',
    form: 'ndjson',
    text: ollamaLine(says).repeat(3),
    verdict: 'incomplete',
  },
  { name: 'a Gemini array', form: 'gemini_array', text: wholeGeminiArray, verdict: 'complete' },
  {
    name: 'a Gemini array that is not closed',
    form: 'gemini_array',
    text: wholeGeminiArray.slice(0, -1),
    verdict: 'incomplete',
  },
  { name: 'a Gemini array without a finish', form: 'gemini_array', text: '[{"candidates":[]}]', verdict: 'incomplete' },
  {
    name: 'a large Gemini element with its finish',
    form: 'gemini_array',
    text: `[{"candidates":[{"x":"${long.repeat(4)}","finishReason": "STOP"}]}]`,
    verdict: 'complete',
  },
  {
    name: 'a large Gemini element that speaks of a finish',
    form: 'gemini_array',
    text: `[{"x":"${long.repeat(4)} \\"finishReason\\":\\"STOP\\""}]`,
    verdict: 'incomplete',
  },
  {
    name: 'a Gemini array with an error',
    form: 'gemini_array',
    text: '[{"candidates":[{"finishReason":"STOP"}]},{"error":{"code":500,"message":"no"}}]',
    verdict: 'errored',
  },
]

describe('StreamEnd', () => {
  test.each(verdicts)('N108: judges $name as $verdict, in chunks of any size', ({ form, text, verdict }) => {
    for (const size of [97, 1000, 16_384, 50_000, 1_000_000]) expect(verdictOfText(form, text, size)).toBe(verdict)
    expect(verdictOfText(form, text.replaceAll('\n', '\r\n'), 1000)).toBe(verdict)
  })

  test.each([...sampleStreams])(
    'B44: calls $name complete once its end is whole, cut at any byte',
    ({ form, events, endAt }) => {
      const whole = bytesOf(events)
      const endsAt = bytesOf(events.slice(0, endAt + 1)).length
      for (const [seen] of cutInTwo(whole)) {
        const verdict = verdictOf(form, inPieces(seen, 16))
        // The last event may lack its blank line, which says nothing more.
        if (seen.length < endsAt - 2) expect(verdict).toBe('incomplete')
        else if (seen.length >= endsAt) expect(verdict).toBe('complete')
      }
      for (const chunks of cutInTwo(whole)) expect(verdictOf(form, chunks)).toBe('complete')
    },
  )

  test('says the same of a stream behind megabytes of it', () => {
    for (const { form, events, endAt } of sampleStreams.filter((sample) => sample.form !== 'gemini_array')) {
      const padding = encoder.encode(': nothing\n\n'.repeat(100_000))
      expect(verdictOf(form, [...inPieces(padding, 8192), bytesOf(events)])).toBe('complete')
      expect(verdictOf(form, [...inPieces(padding, 8192), bytesOf(events.slice(0, endAt))])).toBe('incomplete')
    }
  })

  test('B44: finds the end of a large line wherever it is cut', () => {
    for (let size = 16_200; size < 16_600; size++) {
      const line = jsonLine({ response: 'x'.repeat(size), done: true, context: [size] })
      const end = new StreamEnd('ndjson')
      for (const piece of inPieces(encoder.encode(line + ' '.repeat(40_000)), 33_000)) end.see(piece)
      expect(end.verdict()).toBe('complete')
    }
  })

  test('finds a marker that lies across any cut between what is kept and what is let go', () => {
    const head = encoder.encode(talk + chatChunk({}, 'stop'))
    const filler = encoder.encode(': ten bytes\n\n')
    for (let first = 15_800; first < 16_500; first += 5) {
      const end = new StreamEnd('chat')
      end.see(encoder.encode(`: ${'x'.repeat(first)}\n\n`))
      end.see(head)
      for (let count = 0; count < 4000; count++) end.see(filler)
      expect(end.verdict()).toBe('complete')
    }
  })
})

describe('StreamEnd keeps little', () => {
  test.each<{ form: StreamForm }>([{ form: 'chat' }, { form: 'ndjson' }, { form: 'gemini_array' }])(
    'of $form that comes byte by byte',
    ({ form }) => {
      Bun.gc(true)
      const before = heapStats().objectCount
      const ends = Array.from({ length: 4 }, () => new StreamEnd(form))
      const byte = (): Uint8Array => new Uint8Array([form === 'gemini_array' ? 0x5b : 0x61])
      for (const end of ends) for (let count = 0; count < 30_000; count++) end.see(byte())
      Bun.gc(true)
      expect(heapStats().objectCount - before).toBeLessThan(20_000)
      expect(ends.map((end) => end.verdict())).toEqual(ends.map(() => 'incomplete'))
    },
  )
})

const usage = dataEvent({ choices: [], usage: { total_tokens: 1 } })
const text = chatChunk({ content: 'a' })

const moments: { name: string; form: StreamForm; text: string; isOver: boolean }[] = [
  { name: 'chat that speaks', form: 'chat', text, isOver: false },
  {
    name: 'chat that has finished, before usage and [DONE]',
    form: 'chat',
    text: text + chatChunk({}, 'stop'),
    isOver: true,
  },
  { name: 'chat with usage', form: 'chat', text: text + chatChunk({}, 'stop') + usage, isOver: true },
  {
    name: 'chat whose content ends with its finish',
    form: 'chat',
    text: chatChunk({ content: 'a' }, 'length'),
    isOver: true,
  },
  {
    name: 'chat with a choice that has yet to speak',
    form: 'chat',
    text: chatChunk({ role: 'assistant' }, null, 1) + text + chatChunk({}, 'stop'),
    isOver: false,
  },
  {
    name: 'chat that names a finish in every chunk',
    form: 'chat',
    text: chatChunk({ content: 'a' }, 'stop') + chatChunk({ content: 'b' }, 'stop'),
    isOver: false,
  },
  {
    name: 'the same with [DONE]',
    form: 'chat',
    text: `${chatChunk({ content: 'a' }, 'stop')}${chatChunk({ content: 'b' }, 'stop')}data: [DONE]\n\n`,
    isOver: true,
  },
  { name: 'chat with an error', form: 'chat', text: dataEvent({ error: { message: 'no' } }), isOver: false },
  { name: 'half a chat event', form: 'chat', text: text + chatChunk({}, 'stop').slice(0, -9), isOver: false },
  {
    name: 'a Gemini finish',
    form: 'gemini_sse',
    text: gemini('a') + gemini('', { finishReason: 'STOP' }),
    isOver: true,
  },
  {
    name: 'Gemini that names a finish in every chunk',
    form: 'gemini_sse',
    text: gemini('a', { finishReason: 'STOP' }) + gemini('b', { finishReason: 'STOP' }),
    isOver: false,
  },
  {
    name: 'a Gemini candidate that goes on while the other one has finished',
    form: 'gemini_sse',
    text: candidate(1, 'b') + candidate(0, 'a', { finishReason: 'STOP' }),
    isOver: false,
  },
  { name: 'a Gemini array that is open', form: 'gemini_array', text: wholeGeminiArray.slice(0, -1), isOver: false },
  { name: 'a Gemini array that is closed', form: 'gemini_array', text: wholeGeminiArray, isOver: true },
  {
    name: 'messages with a stop reason only',
    form: 'messages',
    text: namedEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' } }),
    isOver: false,
  },
  { name: 'messages with message_stop', form: 'messages', text: namedEvent({ type: 'message_stop' }), isOver: true },
  { name: 'a completed response', form: 'responses', text: completed('response.completed', ''), isOver: true },
  { name: 'Ollama lines', form: 'ndjson', text: ollamaLine({ content: 'a' }), isOver: false },
  { name: 'the last Ollama line', form: 'ndjson', text: ollamaLine({}, true), isOver: true },
]

describe('StreamEnd.isOver', () => {
  test.each(moments)('B44: of $name is $isOver while the connection stays open', ({ form, text: seen, isOver }) => {
    const end = new StreamEnd(form)
    for (const piece of inPieces(encoder.encode(seen), 50)) end.see(piece)
    expect(end.isOver).toBe(isOver)
    expect(end.isOver).toBe(isOver)
  })

  test('is asked anew with every chunk', () => {
    const end = new StreamEnd('chat')
    end.see(encoder.encode(text))
    expect(end.isOver).toBe(false)
    end.see(encoder.encode(chatChunk({}, 'stop')))
    expect(end.isOver).toBe(true)
    end.see(encoder.encode(chatChunk({ content: 'b' }, null, 1)))
    expect(end.isOver).toBe(false)
  })

  test.each([...sampleStreams])(
    'of $name is true once its end is whole, and never before',
    ({ form, events, endAt }) => {
      const end = new StreamEnd(form)
      for (const [index, event] of events.entries()) {
        end.see(encoder.encode(event))
        expect(end.isOver).toBe(index >= endAt)
      }
    },
  )
})

describe('StreamEnd.hasFinalWord', () => {
  test.each<{ name: string; form: StreamForm; text: string; has: boolean }>([
    { name: 'a finish, before usage and [DONE]', form: 'chat', text: text + chatChunk({}, 'stop'), has: false },
    { name: 'a finish and usage', form: 'chat', text: chatChunk({}, 'stop') + usage, has: false },
    { name: '[DONE]', form: 'chat', text: `${text}${chatChunk({}, 'stop')}${usage}data: [DONE]\n\n`, has: true },
    { name: '[DONE] of a completion', form: 'completions', text: 'data: [DONE]\n\n', has: true },
    { name: '[DONE] behind an error', form: 'chat', text: `${dataEvent({ error: 'no' })}data: [DONE]\n\n`, has: true },
    { name: '[DONE] and a comment', form: 'chat', text: 'data: [DONE]\n\n: bye\n\n', has: true },
    { name: 'an error', form: 'chat', text: text + dataEvent({ error: 'no' }), has: false },
    { name: 'half of [DONE]', form: 'chat', text: `${text}data: [DO`, has: false },
    { name: 'text that speaks of [DONE]', form: 'chat', text: chatChunk({ content: 'data: [DONE]' }), has: false },
    { name: 'a stop reason', form: 'messages', text: namedEvent({ type: 'message_delta', delta: {} }), has: false },
    { name: 'message_stop', form: 'messages', text: namedEvent({ type: 'message_stop' }), has: true },
    { name: 'response.completed', form: 'responses', text: completed('response.completed', ''), has: true },
    { name: 'a large response.completed', form: 'responses', text: completed('response.completed', long), has: true },
    { name: 'response.incomplete', form: 'responses', text: completed('response.incomplete', ''), has: true },
    { name: 'response.failed', form: 'responses', text: completed('response.failed', ''), has: true },
    { name: 'a large response.failed', form: 'responses', text: completed('response.failed', long), has: true },
    { name: 'an error', form: 'responses', text: namedEvent({ type: 'error', message: 'no' }), has: false },
    { name: 'a finish', form: 'gemini_sse', text: gemini('a', { finishReason: 'STOP' }), has: false },
    { name: 'an array that is open', form: 'gemini_array', text: wholeGeminiArray.slice(0, -1), has: false },
    { name: 'an array that is closed', form: 'gemini_array', text: wholeGeminiArray, has: true },
    { name: 'a line', form: 'ndjson', text: ollamaLine({}), has: false },
    { name: 'a line that is done', form: 'ndjson', text: ollamaLine({}, true), has: true },
    { name: 'a large line that is done', form: 'ndjson', text: jsonLine({ done: true, context: long }), has: true },
  ])('B44: of $form with $name is $has', ({ form, text: seen, has }) => {
    const end = new StreamEnd(form)
    for (const piece of inPieces(encoder.encode(seen), 50)) end.see(piece)
    expect(end.hasFinalWord).toBe(has)
  })

  test('what begins late may still come behind a finish without final word', () => {
    const late: { form: StreamForm; first: string; next: string }[] = [
      { form: 'chat', first: chatChunk({ content: 'a' }, 'stop'), next: chatChunk({ content: 'b' }, null, 1) },
      { form: 'chat', first: chatChunk({ content: 'a' }, 'length'), next: dataEvent({ error: { message: 'no' } }) },
      { form: 'gemini_sse', first: candidate(0, 'a', { finishReason: 'STOP' }), next: candidate(1, 'b') },
    ]
    for (const { form, first, next } of late) {
      const end = new StreamEnd(form)
      end.see(encoder.encode(first))
      expect([end.isOver, end.hasFinalWord]).toEqual([true, false])
      end.see(encoder.encode(next))
      expect([end.isOver, end.hasFinalWord]).toEqual([false, false])
    }
  })
})
