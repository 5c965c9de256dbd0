import type { StreamForm } from '#core/endpoint.ts'
import { dataEvent, namedEvent } from './streams.ts'

/** What names an answer, so that two streams of the same text differ in everything else. */
export interface Voice {
  readonly id: string
  readonly model: string
  readonly created: number
}

export const firstVoice: Voice = { id: 'one', model: 'model-one', created: 1_790_000_000 }
export const secondVoice: Voice = { id: 'two', model: 'model-two', created: 1_790_000_777 }

/** A stream whose answer is a plain text, as the official servers send it. */
export interface PlainStream {
  readonly name: string
  readonly form: StreamForm
  /** Its events on the wire; the text comes in one event for each piece. */
  readonly events: (pieces: readonly string[], voice?: Voice) => string[]
}

export const plainStreams: readonly PlainStream[] = [
  { name: 'chat', form: 'chat', events: chat },
  { name: 'completions', form: 'completions', events: completions },
  { name: 'responses', form: 'responses', events: responses },
  { name: 'messages', form: 'messages', events: messages },
  { name: 'Gemini events', form: 'gemini_sse', events: (pieces, voice) => gemini(pieces, voice).map(dataEvent) },
  { name: 'Gemini array', form: 'gemini_array', events: geminiArray },
  { name: 'Ollama chat', form: 'ndjson', events: ollamaChat },
  { name: 'Ollama generate', form: 'ndjson', events: ollamaGenerate },
]

export function plainStream(form: StreamForm): PlainStream {
  const stream = plainStreams.find((candidate) => candidate.form === form)
  if (stream === undefined) throw new Error(`Cannot find a stream of the form "${form}"`)
  return stream
}

function chat(pieces: readonly string[], { id, model, created } = firstVoice): string[] {
  const head = { id, object: 'chat.completion.chunk', created, model }
  const chunk = (delta: object, finish: string | null = null): string =>
    dataEvent({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], usage: null })
  return [
    chunk({ role: 'assistant', content: '', refusal: null }),
    ...pieces.map((content) => chunk({ content })),
    chunk({}, 'stop'),
    dataEvent({ ...head, choices: [], usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 } }),
    'data: [DONE]\n\n',
  ]
}

function completions(pieces: readonly string[], { id, model, created } = firstVoice): string[] {
  const chunk = (text: string, finish: string | null = null): string =>
    dataEvent({ id, object: 'text_completion', created, model, choices: [{ text, index: 0, finish_reason: finish }] })
  return [...pieces.map((text) => chunk(text)), chunk('', 'stop'), 'data: [DONE]\n\n']
}

function responses(pieces: readonly string[], { id, model, created } = firstVoice): string[] {
  const text = pieces.join('')
  const response = { id: `resp_${id}`, object: 'response', created_at: created, model, error: null }
  const part = { type: 'output_text', text: '', annotations: [], logprobs: [] }
  const item = { id: `msg_${id}`, type: 'message', role: 'assistant', content: [] as unknown[] }
  const at = { item_id: item.id, output_index: 0, content_index: 0 }
  const whole = { ...item, status: 'completed', content: [{ ...part, text }] }
  const started = { ...response, status: 'in_progress', output: [], usage: null }
  const usage = { input_tokens: 3, output_tokens: 5, total_tokens: 8 }
  const events: { readonly type: string; readonly [field: string]: unknown }[] = [
    { type: 'response.created', response: started },
    { type: 'response.in_progress', response: started },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress' } },
    { type: 'response.content_part.added', ...at, part },
    ...pieces.map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...at, text, logprobs: [] },
    { type: 'response.content_part.done', ...at, part: { ...part, text } },
    { type: 'response.output_item.done', output_index: 0, item: whole },
    { type: 'response.completed', response: { ...response, status: 'completed', output: [whole], usage } },
  ]
  return events.map((event, index) => namedEvent({ ...event, sequence_number: index }))
}

function messages(pieces: readonly string[], { id, model } = firstVoice): string[] {
  const usage = { input_tokens: 3, output_tokens: 1 }
  const message = { id: `msg_${id}`, type: 'message', role: 'assistant', content: [], model, stop_reason: null, usage }
  return [
    namedEvent({ type: 'message_start', message }),
    namedEvent({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '', citations: null } }),
    namedEvent({ type: 'ping' }),
    ...pieces.map((text) => namedEvent({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    namedEvent({ type: 'content_block_stop', index: 0 }),
    namedEvent({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: 5 },
    }),
    namedEvent({ type: 'message_stop' }),
  ]
}

function gemini(pieces: readonly string[], { id, model } = firstVoice): object[] {
  const chunk = (text: string, more: object = {}): object => ({
    candidates: [{ content: { role: 'model', parts: [{ text }] }, index: 0, ...more }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 5, totalTokenCount: 8 },
    modelVersion: model,
    responseId: id,
  })
  const last = pieces.at(-1) ?? ''
  return [...pieces.slice(0, -1).map((text) => chunk(text)), chunk(last, { finishReason: 'STOP' })]
}

function geminiArray(pieces: readonly string[], voice = firstVoice): string[] {
  const elements = gemini(pieces, voice).map((chunk) => JSON.stringify(chunk, undefined, 2))
  return [...elements.map((element, index) => `${index === 0 ? '[' : ',\r\n'}${element}`), '\n]']
}

function ollama(pieces: readonly string[], model: string, said: (text: string) => object): string[] {
  const line = (value: object): string => `${JSON.stringify({ model, created_at: '2026-11-01T00:00:00Z', ...value })}\n`
  const end = { done: true, done_reason: 'stop', prompt_eval_count: 3, eval_count: 5 }
  return [...pieces.map((text) => line({ ...said(text), done: false })), line({ ...said(''), ...end })]
}

function ollamaChat(pieces: readonly string[], { model } = firstVoice): string[] {
  return ollama(pieces, model, (content) => ({ message: { role: 'assistant', content } }))
}

function ollamaGenerate(pieces: readonly string[], { model } = firstVoice): string[] {
  return ollama(pieces, model, (response) => ({ response }))
}

/** What a simple client makes of the bytes of a stream that is whole. */
export interface Understood {
  readonly text: string
  /** Reasons to end, in the order they came. */
  readonly finishes: readonly unknown[]
  /** Everything that names the answer or one of its items, each once. */
  readonly names: readonly string[]
  readonly roles: number
  readonly sequence: readonly unknown[]
  /** Types of the events that have one, deltas and pings left out. */
  readonly types: readonly unknown[]
}

export function understand(form: StreamForm, bytes: Uint8Array): Understood {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  const events = valuesOf(form, text).map((value) => value as Loose)
  const names = events.flatMap((event) => {
    const { response = event, item_id: itemId, item } = event
    const top = form === 'messages' ? [event.message?.id, event.message?.model] : [response.id, response.model]
    const output = (response.output ?? []).map((one: Loose) => one.id)
    return [
      ...top,
      response.created,
      response.created_at,
      event.responseId,
      event.modelVersion,
      itemId,
      item?.id,
      ...output,
    ]
  })
  const choices = events.map((event) => event.choices?.[0] ?? event.candidates?.[0] ?? event)
  const finishes = choices.map((choice) => {
    const stop = choice.delta?.stop_reason ?? choice.response?.status
    return (
      choice.finish_reason ?? choice.finishReason ?? choice.done_reason ?? (stop === 'in_progress' ? undefined : stop)
    )
  })
  return {
    text: choices.map(textOf).join(''),
    finishes: finishes.filter((finish) => finish !== undefined),
    names: [...new Set(names.filter((name) => name !== undefined).map(String))].toSorted(),
    roles: choices.filter((choice) => choice.delta?.role !== undefined).length,
    sequence: events.map((event) => event.sequence_number).filter((number) => number !== undefined),
    types: events
      .map((event) => event.type)
      .filter((type) => type !== undefined && !/delta$|^ping$/.test(String(type))),
  }
}

// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

function textOf(choice: Loose): string {
  if (typeof choice.delta === 'string') return choice.delta
  const parts = (choice.content?.parts ?? []).map((part: Loose) => part.text ?? '').join('')
  const own = choice.type === undefined || choice.delta !== undefined ? choice.text : ''
  return choice.delta?.content ?? choice.delta?.text ?? own ?? choice.message?.content ?? choice.response ?? parts
}

function valuesOf(form: StreamForm, text: string): unknown[] {
  if (form === 'gemini_array') return JSON.parse(text)
  if (form === 'ndjson')
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line))
  return text
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith('data:') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice(5)))
}
