import type { JsonObject } from '#kit/json-value.ts'
import type { Behaviour } from './behaviour.ts'
import { sse, sseType, type EventStream, type StreamEvent } from './events.ts'
import type { Reply } from './reply.ts'

/** Body of Anthropic's `/v1/messages`. */
export function messageBody(reply: Reply): JsonObject {
  const text = reply.tokens.join('')
  const calls = reply.calls.map(({ name, input }) => ({ type: 'tool_use', id: reply.id('toolu_', 24), name, input }))
  return {
    ...emptyMessage(reply),
    content: calls.length > 0 ? calls : [{ type: 'text', text, citations: null }],
    stop_reason: stopReasonOf(reply),
    usage: usageOf(reply, reply.outputTokens),
  }
}

export function messageStream(reply: Reply, behaviour: Behaviour): EventStream {
  const malformed = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":\n\n'
  return { contentType: sseType, events: eventsOf(reply, behaviour), malformed }
}

function* eventsOf(reply: Reply, behaviour: Behaviour): Iterable<StreamEvent> {
  yield named({ type: 'message_start', message: { ...emptyMessage(reply), usage: usageOf(reply, 0) } })
  yield named({ type: 'ping' })
  if (reply.calls.length === 0) yield* textBlock(reply)
  for (const [index, call] of reply.calls.entries()) yield* callBlock(index, call.name, call.input, reply)
  if (!behaviour.withoutFinish) {
    const delta = { stop_reason: stopReasonOf(reply), stop_sequence: null, stop_details: null, container: null }
    yield named({ type: 'message_delta', delta, usage: usageOf(reply, reply.outputTokens) })
  }
  if (!behaviour.withoutDone) yield named({ type: 'message_stop' })
}

function* textBlock(reply: Reply): Iterable<StreamEvent> {
  yield named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '', citations: null } })
  for (const text of reply.tokens) {
    yield named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }, true)
  }
  yield named({ type: 'content_block_stop', index: 0 })
}

function* callBlock(index: number, name: string, input: unknown, reply: Reply): Iterable<StreamEvent> {
  const block = { type: 'tool_use', id: reply.id('toolu_', 24), name, input: {} }
  yield named({ type: 'content_block_start', index, content_block: block }, true)
  const text = JSON.stringify(input)
  const half = Math.ceil(text.length / 2)
  for (const piece of [text.slice(0, half), text.slice(half)]) {
    yield named({ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: piece } }, true)
  }
  yield named({ type: 'content_block_stop', index })
}

function named(event: { readonly type: string } & JsonObject, isContent = false): StreamEvent {
  return sse(event, isContent, event.type)
}

function emptyMessage(reply: Reply): JsonObject {
  return {
    id: reply.id('msg_', 24),
    type: 'message',
    role: 'assistant',
    content: [],
    model: reply.model,
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
  }
}

function stopReasonOf(reply: Reply): string {
  return { stop: 'end_turn', length: 'max_tokens', calls: 'tool_use' }[reply.finish]
}

function usageOf(reply: Reply, outputTokens: number): JsonObject {
  return {
    input_tokens: reply.inputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation: null,
    output_tokens: outputTokens,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: 'standard',
  }
}
