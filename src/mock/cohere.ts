import { asList, asNumber, type JsonObject } from '#kit/json-value.ts'
import { textOf, type Ask } from './ask.ts'
import type { Behaviour } from './behaviour.ts'
import { sse, sseType, type EventStream, type StreamEvent } from './events.ts'
import type { Reply, ToolCall } from './reply.ts'
import { vectorOf } from './vector.ts'

/** Body of Cohere's `/v2/chat`. */
export function cohereBody(reply: Reply): JsonObject {
  const thinking = reply.thoughts.join('')
  const calls = reply.calls.map((call) => callOf(call, reply, JSON.stringify(call.input)))
  // Thoughts before calls are a plan; others are content.
  const message =
    calls.length > 0
      ? { ...(thinking !== '' && { tool_plan: thinking }), tool_calls: calls }
      : {
          content: [
            ...(thinking === '' ? [] : [{ type: 'thinking', thinking }]),
            { type: 'text', text: reply.tokens.join('') },
          ],
        }
  return {
    id: idOf(reply),
    message: { role: 'assistant', ...message },
    finish_reason: finishes[reply.finish],
    usage: usageOf(reply),
  }
}

export function cohereStream(reply: Reply, behaviour: Behaviour): EventStream {
  const malformed = 'event: content-delta\ndata: {"type":"content-delta","index":\n\n'
  return { contentType: sseType, events: eventsOf(reply, behaviour), malformed }
}

/** Body of `/v2/embed`: a vector for each text. */
export function cohereEmbedBody(ask: Ask, reply: Reply): JsonObject {
  const inputs = [...asList(ask.json['texts']), ...asList(ask.json['inputs'])].map(textOf)
  const dimensions = asNumber(ask.json['output_dimension'])
  return {
    id: idOf(reply),
    embeddings: { float: inputs.map((text) => vectorOf(text, dimensions)) },
    texts: inputs,
    meta: { api_version: { version: '2' }, billed_units: { input_tokens: ask.inputTokens } },
    response_type: 'embeddings_by_type',
  }
}

/** How a stream ends when the service fails in the middle of it. */
export function cohereFailure(message: string): StreamEvent {
  return named({ type: 'message-end', delta: { finish_reason: 'ERROR', error: message } })
}

function* eventsOf(reply: Reply, behaviour: Behaviour): Iterable<StreamEvent> {
  const empty = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] }
  yield named({ type: 'message-start', id: idOf(reply), delta: { message: empty } })
  if (reply.calls.length > 0) {
    for (const word of reply.thoughts)
      yield named({ type: 'tool-plan-delta', delta: { message: { tool_plan: word } } }, true)
  } else {
    if (reply.thoughts.length > 0) yield* contentEvents(0, 'thinking', reply.thoughts)
    yield* contentEvents(reply.thoughts.length > 0 ? 1 : 0, 'text', reply.tokens)
  }
  for (const [index, call] of reply.calls.entries()) yield* callEvents(index, call, reply)
  // Finish reason and terminal marker are one event in this dialect.
  if (behaviour.withoutFinish || behaviour.withoutDone) return
  yield named({ type: 'message-end', delta: { finish_reason: finishes[reply.finish], usage: usageOf(reply) } })
}

function* contentEvents(index: number, type: string, words: readonly string[]): Iterable<StreamEvent> {
  yield named({ type: 'content-start', index, delta: { message: { content: { type, [type]: '' } } } })
  for (const word of words)
    yield named({ type: 'content-delta', index, delta: { message: { content: { [type]: word } } } }, true)
  yield named({ type: 'content-end', index })
}

function* callEvents(index: number, call: ToolCall, reply: Reply): Iterable<StreamEvent> {
  const started = callOf(call, reply, '')
  yield named({ type: 'tool-call-start', index, delta: { message: { tool_calls: started } } }, true)
  const text = JSON.stringify(call.input)
  const half = Math.ceil(text.length / 2)
  for (const piece of [text.slice(0, half), text.slice(half)]) {
    const tool_calls = { function: { arguments: piece } }
    yield named({ type: 'tool-call-delta', index, delta: { message: { tool_calls } } }, true)
  }
  yield named({ type: 'tool-call-end', index })
}

function named(event: JsonObject & { readonly type: string }, isContent = false): StreamEvent {
  return sse(event, isContent, event.type)
}

function callOf({ name }: ToolCall, reply: Reply, text: string): JsonObject {
  return { id: reply.id(`${name}_`, 12), type: 'function', function: { name, arguments: text } }
}

function idOf(reply: Reply): string {
  return [8, 4, 4, 4, 12].map((length) => reply.id('', length)).join('-')
}

/** There is no word for a refusal: the model says it, and that is all. */
const finishes = { stop: 'COMPLETE', length: 'MAX_TOKENS', calls: 'TOOL_CALL', refusal: 'COMPLETE' }

function usageOf(reply: Reply): JsonObject {
  const tokens = { input_tokens: reply.inputTokens, output_tokens: reply.outputTokens }
  return { billed_units: tokens, tokens, cached_tokens: reply.cachedTokens }
}
