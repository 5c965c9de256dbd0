import type { JsonObject } from '#kit/json-value.ts'
import { awsEvent, awsMalformed, awsStreamType } from './aws-frame.ts'
import type { Behaviour } from './behaviour.ts'
import type { EventStream, StreamEvent } from './events.ts'
import { signatureOf, type Reply } from './reply.ts'

/** Body of AWS Bedrock's `/model/MODEL/converse`. */
export function converseBody(reply: Reply): JsonObject {
  const thinking = reply.thoughts.join('')
  const thoughts =
    thinking === '' ? [] : [{ reasoningContent: { reasoningText: { text: thinking, signature: signatureOf(reply) } } }]
  const calls = reply.calls.map(({ name, input }) => ({ toolUse: { toolUseId: callId(reply), name, input } }))
  const answer = calls.length > 0 ? calls : [{ text: reply.tokens.join('') }]
  return {
    output: { message: { role: 'assistant', content: [...thoughts, ...answer] } },
    stopReason: stopReasons[reply.finish],
    usage: usageOf(reply),
    metrics: { latencyMs: 10 },
  }
}

/** Answer of `/converse-stream`: binary frames. */
export function converseStream(reply: Reply, behaviour: Behaviour): EventStream {
  return {
    contentType: awsStreamType,
    events: eventsOf(reply, behaviour),
    malformed: awsMalformed('contentBlockDelta'),
  }
}

function* eventsOf(reply: Reply, behaviour: Behaviour): Iterable<StreamEvent> {
  yield padded('messageStart', { role: 'assistant' })
  let contentBlockIndex = 0
  if (reply.thoughts.length > 0) {
    for (const text of reply.thoughts) yield delta(contentBlockIndex, { reasoningContent: { text } })
    yield padded('contentBlockDelta', {
      contentBlockIndex,
      delta: { reasoningContent: { signature: signatureOf(reply) } },
    })
    yield padded('contentBlockStop', { contentBlockIndex })
    contentBlockIndex += 1
  }
  if (reply.calls.length === 0) {
    for (const text of reply.tokens) yield delta(contentBlockIndex, { text })
    yield padded('contentBlockStop', { contentBlockIndex })
  }
  for (const { name, input } of reply.calls) {
    const start = { toolUse: { toolUseId: callId(reply), name } }
    yield padded('contentBlockStart', { contentBlockIndex, start }, true)
    const text = JSON.stringify(input)
    const half = Math.ceil(text.length / 2)
    for (const piece of [text.slice(0, half), text.slice(half)])
      yield delta(contentBlockIndex, { toolUse: { input: piece } })
    yield padded('contentBlockStop', { contentBlockIndex })
    contentBlockIndex += 1
  }
  if (!behaviour.withoutFinish) yield padded('messageStop', { stopReason: stopReasons[reply.finish] })
  if (!behaviour.withoutDone) yield padded('metadata', { usage: usageOf(reply), metrics: { latencyMs: 10 } })
}

function delta(contentBlockIndex: number, value: JsonObject): StreamEvent {
  return padded('contentBlockDelta', { contentBlockIndex, delta: value }, true)
}

/** The service pads its payloads, so that their length tells nothing. */
function padded(type: string, payload: JsonObject, isContent = false): StreamEvent {
  return awsEvent(type, { ...payload, p: 'abcdefghijkl' }, isContent)
}

function callId(reply: Reply): string {
  return reply.id('tooluse_', 22)
}

const stopReasons = { stop: 'end_turn', length: 'max_tokens', calls: 'tool_use', refusal: 'content_filtered' }

function usageOf(reply: Reply): JsonObject {
  return {
    inputTokens: reply.inputTokens - reply.cachedTokens,
    outputTokens: reply.outputTokens,
    totalTokens: reply.inputTokens + reply.outputTokens,
    cacheReadInputTokens: reply.cachedTokens,
    cacheWriteInputTokens: 0,
  }
}
