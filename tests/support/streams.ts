import type { StreamForm } from '#core/endpoint.ts'

/** A stream of one form: its events as they stand on the wire, and where its first content and its end are. */
export interface SampleStream {
  readonly name: string
  readonly form: StreamForm
  readonly events: readonly string[]
  /** Index of the first event that says something. */
  readonly contentAt: number
  /** Index of the event that completes the stream. */
  readonly endAt: number
}

const encoder = new TextEncoder()

/** A stream as bytes. */
export function bytesOf(events: readonly string[]): Uint8Array<ArrayBuffer> {
  return encoder.encode(events.join(''))
}

/** What a reader has after each of the pieces. */
export function textsAfter(pieces: readonly string[]): string[] {
  return pieces.map((_, index) => pieces.slice(0, index + 1).join(''))
}

/** The bytes cut in two at every place. */
export function* cutInTwo(bytes: Uint8Array): Generator<[Uint8Array, Uint8Array]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)]
}

/** The bytes in pieces of at most `size`. */
export function inPieces(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / size)
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
}

/** An event with data only. */
export function dataEvent(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** An event with a name. */
export function namedEvent(value: { readonly type: string; readonly [field: string]: unknown }): string {
  return `event: ${value.type}\n${dataEvent(value)}`
}

/** A chunk of a chat stream. */
export function chatChunk(delta: unknown, finish: string | null = null, index = 0): string {
  return dataEvent({ id: 'c1', object: 'chat.completion.chunk', choices: [{ index, delta, finish_reason: finish }] })
}

const chatEvents = [
  ': processing\n\n',
  chatChunk({ role: 'assistant', content: '', refusal: null }),
  chatChunk({ content: 'Grüße 🙂 "[DONE]" \n\ndata: [DONE]\n\n {"finish_reason":"stop"}' }),
  chatChunk({ content: ' more' }),
  chatChunk({}, 'stop'),
  dataEvent({ id: 'c1', object: 'chat.completion.chunk', choices: [], usage: { total_tokens: 3 } }),
  'data: [DONE]\n\n',
]

const response = { id: 'resp_1', object: 'response', status: 'in_progress', error: null, output: [] }

const responsesEvents = [
  namedEvent({ type: 'response.created', response }),
  namedEvent({ type: 'response.in_progress', response }),
  namedEvent({ type: 'response.output_item.added', item: { type: 'message', content: [] } }),
  namedEvent({ type: 'response.content_part.added', part: { type: 'output_text', text: '' } }),
  namedEvent({ type: 'response.output_text.delta', delta: 'event: response.completed\n\n' }),
  namedEvent({ type: 'response.output_text.done', text: '"type":"response.completed"' }),
  namedEvent({ type: 'response.completed', response: { ...response, status: 'completed' } }),
]

const messagesEvents = [
  namedEvent({ type: 'message_start', message: { id: 'm1', content: [], stop_reason: null } }),
  namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
  namedEvent({ type: 'ping' }),
  namedEvent({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: '{"type":"message_stop"} event: message_stop 模型' },
  }),
  namedEvent({ type: 'content_block_stop', index: 0 }),
  namedEvent({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } }),
  namedEvent({ type: 'message_stop' }),
]

const geminiChunks = [
  { usageMetadata: { promptTokenCount: 4 }, responseId: 'g1' },
  { candidates: [{ content: { role: 'model', parts: [] }, index: 0 }], responseId: 'g1' },
  { candidates: [{ content: { role: 'model', parts: [{ text: '"finishReason":"STOP" }] ü' }] }, index: 0 }] },
  { candidates: [{ content: { parts: [{ functionCall: { name: 'f', args: { finishReason: 'STOP' } } }] }, index: 0 }] },
  { candidates: [{ content: { parts: [{ text: '' }] }, finishReason: 'STOP', index: 0 }], usageMetadata: {} },
]

const arrayEvents = geminiChunks.map(
  (chunk, index) => `${index === 0 ? '[' : ',\r\n'}${JSON.stringify(chunk, undefined, 1)}`,
)

/** A line of its own. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

const asked = { model: 'm', created_at: '2026-01-13T00:00:00Z' }

/** A line of an Ollama chat. */
export function ollamaLine(message: object, done = false): string {
  return jsonLine({ ...asked, message: { role: 'assistant', content: '', ...message }, done })
}

const ollamaChatEvents = [
  ollamaLine({}),
  ollamaLine({ thinking: 'say {"done":true} "done":true 模' }),
  ollamaLine({ content: 'Grüße 🙂\n{"done":true}\n' }),
  ollamaLine({ tool_calls: [{ function: { name: 'f', arguments: { done: true, error: 'none' } } }] }),
  jsonLine({ ...asked, message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop', eval_count: 3 }),
]

const ollamaTextEvents = [
  jsonLine({ ...asked, response: '', done: false }),
  '\n',
  jsonLine({ ...asked, response: '"done":true', done: false }),
  jsonLine({ ...asked, response: '', done: true, context: [1, 2, 3] }),
]

/** One whole stream of each form, with texts that look like markers. */
export const sampleStreams: readonly SampleStream[] = [
  { name: 'chat', form: 'chat', events: chatEvents, contentAt: 2, endAt: 4 },
  {
    name: 'completions',
    form: 'completions',
    events: [
      dataEvent({ choices: [{ index: 0, text: '', finish_reason: null }] }),
      dataEvent({ choices: [{ index: 0, text: 'finish_reason":"stop"', finish_reason: null }] }),
      dataEvent({ choices: [{ index: 0, text: '', finish_reason: 'length' }] }),
    ],
    contentAt: 1,
    endAt: 2,
  },
  { name: 'responses', form: 'responses', events: responsesEvents, contentAt: 4, endAt: 6 },
  { name: 'messages', form: 'messages', events: messagesEvents, contentAt: 3, endAt: 6 },
  { name: 'Gemini events', form: 'gemini_sse', events: geminiChunks.map(dataEvent), contentAt: 2, endAt: 4 },
  { name: 'Gemini array', form: 'gemini_array', events: [...arrayEvents, ']'], contentAt: 2, endAt: 5 },
  { name: 'Ollama chat', form: 'ndjson', events: ollamaChatEvents, contentAt: 1, endAt: 4 },
  { name: 'Ollama text', form: 'ndjson', events: ollamaTextEvents, contentAt: 2, endAt: 3 },
]
