import type { JsonObject } from '#kit/json-value.ts'
import type { Ask } from './ask.ts'
import type { Behaviour } from './behaviour.ts'
import { sse, sseType, type EventStream, type StreamEvent } from './events.ts'
import type { Reply, ToolCall } from './reply.ts'

/** Body of `/v1/responses`. */
export function responseBody(ask: Ask, reply: Reply): JsonObject {
  const output = reply.calls.length > 0 ? reply.calls.map((call) => callItem(call, reply)) : [messageItem(reply)]
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
  if (reply.calls.length === 0) output.push(yield* messageEvents(messageItem(reply), reply))
  for (const [at, call] of reply.calls.entries()) output.push(yield* callEvents(at, callItem(call, reply)))
  // Finish reason and terminal marker are one event in this form.
  if (behaviour.withoutDone || behaviour.withoutFinish) return
  const response = ended(shell, reply, output)
  yield { type: reply.finish === 'length' ? 'response.incomplete' : 'response.completed', fields: { response } }
}

function* messageEvents(item: JsonObject, reply: Reply): Generator<Event, JsonObject> {
  const place = { item_id: item['id'], output_index: 0, content_index: 0 }
  const part = { type: 'output_text', text: '', annotations: [], logprobs: [] }
  const text = reply.tokens.join('')
  const started = { ...item, status: 'in_progress', content: [] }
  yield { type: 'response.output_item.added', fields: { output_index: 0, item: started } }
  yield { type: 'response.content_part.added', fields: { ...place, part } }
  for (const delta of reply.tokens) {
    yield { type: 'response.output_text.delta', fields: { ...place, delta, logprobs: [] }, isContent: true }
  }
  yield { type: 'response.output_text.done', fields: { ...place, text, logprobs: [] } }
  yield { type: 'response.content_part.done', fields: { ...place, part: { ...part, text } } }
  yield { type: 'response.output_item.done', fields: { output_index: 0, item } }
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
    content: [{ type: 'output_text', text: reply.tokens.join(''), annotations: [], logprobs: [] }],
  }
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
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: reply.outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: reply.inputTokens + reply.outputTokens,
    },
  }
}
