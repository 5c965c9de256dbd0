import type { JsonObject } from '#kit/json-value.ts'
import { awsEvent, awsMalformed, awsStreamType } from './aws-frame.ts'
import type { Behaviour } from './behaviour.ts'
import { sse, sseType, type EventStream } from './events.ts'
import { signatureOf, type Reply } from './reply.ts'

/** Body of Anthropic's `/v1/messages`. */
export function messageBody(reply: Reply): JsonObject {
  return {
    ...emptyMessage(reply),
    content: [...thinkingBlocks(reply), ...answerBlocks(reply)],
    stop_reason: stopReasons[reply.finish],
    stop_details: stopDetailsOf(reply),
    usage: usageOf(reply, reply.outputTokens),
  }
}

export function messageStream(reply: Reply, behaviour: Behaviour): EventStream {
  const malformed = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":\n\n'
  return { contentType: sseType, events: asEvents(), malformed }

  function* asEvents() {
    for (const { json, isContent } of eventsOf(reply, behaviour)) yield sse(json, isContent, json.type)
  }
}

/** The same events as chunks of AWS's InvokeModelWithResponseStream. */
export function invokeStream(reply: Reply, behaviour: Behaviour): EventStream {
  return { contentType: awsStreamType, events: asChunks(), malformed: awsMalformed('chunk') }

  function* asChunks() {
    for (const { json, isContent } of eventsOf(reply, behaviour)) {
      const event =
        json.type === 'message_stop' ? { ...json, 'amazon-bedrock-invocationMetrics': metricsOf(reply) } : json
      const bytes = Buffer.from(JSON.stringify(event)).toString('base64')
      yield awsEvent('chunk', { bytes, p: 'abcdefgh' }, isContent)
    }
  }
}

interface MessageEvent {
  readonly json: JsonObject & { readonly type: string }
  readonly isContent: boolean
}

function* eventsOf(reply: Reply, behaviour: Behaviour): Iterable<MessageEvent> {
  yield told({ type: 'message_start', message: { ...emptyMessage(reply), usage: usageOf(reply, 0) } })
  yield told({ type: 'ping' })
  let index = 0
  for (const block of [...thinkingBlocks(reply), ...answerBlocks(reply)]) {
    yield* blockEvents(index, block, reply)
    index += 1
  }
  if (!behaviour.withoutFinish) {
    const stop = { stop_reason: stopReasons[reply.finish], stop_sequence: null, stop_details: stopDetailsOf(reply) }
    const usage = usageOf(reply, reply.outputTokens)
    yield told({ type: 'message_delta', delta: { ...stop, container: null }, usage })
  }
  if (!behaviour.withoutDone) yield told({ type: 'message_stop' })
}

type Block =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'text'; readonly text: string; readonly citations: null }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: unknown }

function thinkingBlocks(reply: Reply): readonly Block[] {
  if (reply.thoughts.length === 0) return []
  return [{ type: 'thinking', thinking: reply.thoughts.join(''), signature: signatureOf(reply) }]
}

/** A refusal has no content: what it says is in its details. */
function answerBlocks(reply: Reply): readonly Block[] {
  if (reply.finish === 'refusal') return []
  if (reply.calls.length === 0) return [{ type: 'text', text: reply.tokens.join(''), citations: null }]
  return reply.calls.map(({ name, input }) => ({ type: 'tool_use', id: reply.id('toolu_', 24), name, input }))
}

function* blockEvents(index: number, block: Block, reply: Reply): Iterable<MessageEvent> {
  const start = (content_block: JsonObject, isContent = false): MessageEvent =>
    told({ type: 'content_block_start', index, content_block }, isContent)
  const delta = (value: JsonObject): MessageEvent => told({ type: 'content_block_delta', index, delta: value }, true)
  if (block.type === 'thinking') {
    yield start({ ...block, thinking: '', signature: '' })
    for (const thinking of reply.thoughts) yield delta({ type: 'thinking_delta', thinking })
    yield { ...delta({ type: 'signature_delta', signature: block.signature }), isContent: false }
  } else if (block.type === 'text') {
    yield start({ ...block, text: '' })
    for (const text of reply.tokens) yield delta({ type: 'text_delta', text })
  } else {
    yield start({ ...block, input: {} }, true)
    const text = JSON.stringify(block.input)
    const half = Math.ceil(text.length / 2)
    for (const partial_json of [text.slice(0, half), text.slice(half)])
      yield delta({ type: 'input_json_delta', partial_json })
  }
  yield told({ type: 'content_block_stop', index })
}

function told(json: MessageEvent['json'], isContent = false): MessageEvent {
  return { json, isContent }
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

const stopReasons = { stop: 'end_turn', length: 'max_tokens', calls: 'tool_use', refusal: 'refusal' }

function stopDetailsOf(reply: Reply): JsonObject | null {
  return reply.finish === 'refusal' ? { type: 'refusal', category: null, explanation: reply.tokens.join('') } : null
}

function usageOf(reply: Reply, outputTokens: number): JsonObject {
  return {
    input_tokens: reply.inputTokens - reply.cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: reply.cachedTokens,
    cache_creation: null,
    output_tokens: outputTokens,
    output_tokens_details: reply.thoughts.length > 0 ? { thinking_tokens: reply.thoughts.length } : null,
    server_tool_use: null,
    service_tier: 'standard',
  }
}

function metricsOf(reply: Reply): JsonObject {
  return {
    inputTokenCount: reply.inputTokens,
    outputTokenCount: reply.outputTokens,
    invocationLatency: 10,
    firstByteLatency: 5,
  }
}
