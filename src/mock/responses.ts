import type { JsonObject } from '#kit/json-value.ts'
import type { Ask } from './ask.ts'
import type { Behaviour } from './behaviour.ts'
import { sse, sseType, type EventStream, type StreamEvent } from './events.ts'
import { signatureOf, type Reply, type ToolCall } from './reply.ts'

/** Body of `/v1/responses`. */
export function responseBody(ask: Ask, reply: Reply): JsonObject {
  const said = reply.calls.length > 0 ? reply.calls.map((call) => callItem(call, reply)) : [messageItem(reply)]
  const output = reply.thoughts.length > 0 ? [reasoningItem(reply), ...said] : said
  return ended(responseShell(ask, reply), reply, output)
}

export function responseStream(ask: Ask, reply: Reply, behaviour: Behaviour): EventStream {
  const malformed = 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":\n\n'
  return { contentType: sseType, events: numbered(eventsOf(ask, reply, behaviour)), malformed }
}

interface Event {
  readonly type: string
  readonly fields: JsonObject
  readonly isContent?: boolean
}

/** Adds the sequence numbers. */
function* numbered(events: Iterable<Event>): Iterable<StreamEvent> {
  let sequence = 0
  for (const { type, fields, isContent } of events) {
    yield sse({ type, sequence_number: sequence, ...fields }, isContent, type)
    sequence += 1
  }
}

function* eventsOf(ask: Ask, reply: Reply, behaviour: Behaviour): Iterable<Event> {
  const shell = responseShell(ask, reply)
  yield { type: 'response.created', fields: { response: shell } }
  yield { type: 'response.in_progress', fields: { response: shell } }
  const output: JsonObject[] = []
  if (reply.thoughts.length > 0) output.push(yield* reasoningEvents(reasoningItem(reply), reply))
  if (reply.calls.length === 0) output.push(yield* messageEvents(output.length, messageItem(reply), reply))
  for (const call of reply.calls) output.push(yield* callEvents(output.length, callItem(call, reply)))
  // Finish reason and terminal marker are one event in this form.
  if (behaviour.withoutDone || behaviour.withoutFinish) return
  const response = ended(shell, reply, output)
  yield { type: reply.finish === 'length' ? 'response.incomplete' : 'response.completed', fields: { response } }
}

function* messageEvents(at: number, item: JsonObject, reply: Reply): Generator<Event, JsonObject> {
  const place = { item_id: item['id'], output_index: at, content_index: 0 }
  const form = reply.finish === 'refusal' ? refusalForm : textForm
  const part = form.part('')
  const text = reply.tokens.join('')
  const started = { ...item, status: 'in_progress', content: [] }
  yield { type: 'response.output_item.added', fields: { output_index: at, item: started } }
  yield { type: 'response.content_part.added', fields: { ...place, part } }
  for (const delta of reply.tokens) {
    yield { type: `response.${form.event}.delta`, fields: { ...place, delta, ...form.beside }, isContent: true }
  }
  yield { type: `response.${form.event}.done`, fields: { ...place, ...form.done(text) } }
  yield { type: 'response.content_part.done', fields: { ...place, part: form.part(text) } }
  yield { type: 'response.output_item.done', fields: { output_index: at, item } }
  return item
}

function* callEvents(at: number, item: JsonObject): Generator<Event, JsonObject> {
  const place = { item_id: item['id'], output_index: at }
  const text = String(item['arguments'])
  const half = Math.ceil(text.length / 2)
  const started = { ...item, status: 'in_progress', arguments: '' }
  yield { type: 'response.output_item.added', fields: { output_index: at, item: started }, isContent: true }
  for (const delta of [text.slice(0, half), text.slice(half)]) {
    yield { type: 'response.function_call_arguments.delta', fields: { ...place, delta }, isContent: true }
  }
  const done = { ...place, name: item['name'], arguments: text }
  yield { type: 'response.function_call_arguments.done', fields: done }
  yield { type: 'response.output_item.done', fields: { output_index: at, item } }
  return item
}

function messageItem(reply: Reply): JsonObject {
  return {
    id: reply.id('msg_', 48),
    type: 'message',
    status: reply.finish === 'length' ? 'incomplete' : 'completed',
    role: 'assistant',
    content: [(reply.finish === 'refusal' ? refusalForm : textForm).part(reply.tokens.join(''))],
  }
}

/** How a message says something, as a part and in events. */
interface PartForm {
  readonly event: string
  /** Fields that its deltas have beside the text. */
  readonly beside: JsonObject
  part(text: string): JsonObject
  done(text: string): JsonObject
}

const textForm: PartForm = {
  event: 'output_text',
  beside: { logprobs: [] },
  part: (text) => ({ type: 'output_text', text, annotations: [], logprobs: [] }),
  done: (text) => ({ text, logprobs: [] }),
}

const refusalForm: PartForm = {
  event: 'refusal',
  beside: {},
  part: (refusal) => ({ type: 'refusal', refusal }),
  done: (refusal) => ({ refusal }),
}

/** Thoughts are told as a summary; what they really were is opaque. */
function reasoningItem(reply: Reply): JsonObject {
  const summary = [{ type: 'summary_text', text: reply.thoughts.join('') }]
  return { id: reply.id('rs_', 48), type: 'reasoning', summary, encrypted_content: signatureOf(reply) }
}

function* reasoningEvents(item: JsonObject, reply: Reply): Generator<Event, JsonObject> {
  const place = { item_id: item['id'], output_index: 0, summary_index: 0 }
  const text = reply.thoughts.join('')
  const part = { type: 'summary_text', text: '' }
  yield { type: 'response.output_item.added', fields: { output_index: 0, item: { ...item, summary: [] } } }
  yield { type: 'response.reasoning_summary_part.added', fields: { ...place, part } }
  for (const delta of reply.thoughts) {
    yield { type: 'response.reasoning_summary_text.delta', fields: { ...place, delta }, isContent: true }
  }
  yield { type: 'response.reasoning_summary_text.done', fields: { ...place, text } }
  yield { type: 'response.reasoning_summary_part.done', fields: { ...place, part: { ...part, text } } }
  yield { type: 'response.output_item.done', fields: { output_index: 0, item } }
  return item
}

function callItem({ name, input }: ToolCall, reply: Reply): JsonObject {
  const id = reply.id('fc_', 48)
  const text = JSON.stringify(input)
  return { id, type: 'function_call', status: 'completed', call_id: reply.id('call_', 24), name, arguments: text }
}

/** Everything but the outcome, with the request's own settings repeated as the real API does. */
function responseShell(ask: Ask, reply: Reply): JsonObject {
  const { json } = ask
  return {
    id: reply.id('resp_', 48),
    object: 'response',
    created_at: reply.createdS,
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: json['instructions'] ?? null,
    max_output_tokens: json['max_output_tokens'] ?? null,
    metadata: json['metadata'] ?? {},
    model: reply.model,
    output: [],
    parallel_tool_calls: json['parallel_tool_calls'] ?? true,
    previous_response_id: json['previous_response_id'] ?? null,
    reasoning: json['reasoning'] ?? { effort: null, summary: null },
    service_tier: 'default',
    store: json['store'] ?? true,
    temperature: json['temperature'] ?? 1,
    text: json['text'] ?? { format: { type: 'text' } },
    tool_choice: json['tool_choice'] ?? 'auto',
    tools: json['tools'] ?? [],
    top_p: json['top_p'] ?? 1,
    truncation: json['truncation'] ?? 'disabled',
    usage: null,
    user: json['user'] ?? null,
  }
}

function ended(shell: JsonObject, reply: Reply, output: readonly JsonObject[]): JsonObject {
  const isCut = reply.finish === 'length'
  return {
    ...shell,
    status: isCut ? 'incomplete' : 'completed',
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    completed_at: reply.createdS,
    output,
    usage: {
      input_tokens: reply.inputTokens,
      input_tokens_details: { cached_tokens: reply.cachedTokens },
      output_tokens: reply.outputTokens,
      output_tokens_details: { reasoning_tokens: reply.thoughts.length },
      total_tokens: reply.inputTokens + reply.outputTokens,
    },
  }
}
