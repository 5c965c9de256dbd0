import { asList, asNumber, asObject, type JsonObject } from '#kit/json-value.ts'
import { textOf, type Ask } from './ask.ts'
import type { Behaviour } from './behaviour.ts'
import { sse, sseType, type EventStream, type StreamEvent } from './events.ts'
import type { Reply } from './reply.ts'
import { vectorOf } from './vector.ts'

/** Body of Gemini's `:generateContent`. */
export function generateBody(reply: Reply): JsonObject {
  const parts = reply.calls.length > 0 ? callParts(reply) : [{ text: reply.tokens.join('') }]
  return {
    candidates: [{ content: { role: 'model', parts }, finishReason: finishOf(reply), index: 0 }],
    usageMetadata: usageOf(reply),
    modelVersion: reply.model,
    responseId: reply.id('', 22),
  }
}

/** Answer of `:streamGenerateContent`: server-sent events with `alt=sse`, otherwise one JSON array. */
export function generateStream(reply: Reply, behaviour: Behaviour, asEvents: boolean): EventStream {
  const chunks = chunksOf(reply, behaviour)
  if (asEvents)
    return { contentType: sseType, events: sseOf(chunks), malformed: 'data: {"candidates":[{"content":\n\n' }
  const events = arrayOf(chunks, behaviour)
  return { contentType: 'application/json; charset=UTF-8', events, malformed: ',\r\n{"candidates":[{"content":' }
}

export function geminiEmbedBody(ask: Ask): JsonObject {
  return { embedding: embeddingOf(ask.json) }
}

export function geminiEmbedBatchBody(ask: Ask): JsonObject {
  return { embeddings: asList(ask.json['requests']).map((request) => embeddingOf(asObject(request) ?? {})) }
}

interface Chunk {
  readonly json: JsonObject
  readonly isContent: boolean
}

function* chunksOf(reply: Reply, behaviour: Behaviour): Iterable<Chunk> {
  const common = { modelVersion: reply.model, responseId: reply.id('', 22) }
  const parts = reply.calls.length > 0 ? callParts(reply) : reply.tokens.map((text) => ({ text }))
  for (const part of parts) {
    const candidate = { content: { role: 'model', parts: [part] }, index: 0 }
    yield { json: { candidates: [candidate], ...common }, isContent: true }
  }
  // Finish reason and terminal marker are one thing in this dialect.
  if (behaviour.withoutFinish || behaviour.withoutDone) return
  const last = { content: { role: 'model', parts: [{ text: '' }] }, finishReason: finishOf(reply), index: 0 }
  yield { json: { candidates: [last], usageMetadata: usageOf(reply), ...common }, isContent: false }
}

function* sseOf(chunks: Iterable<Chunk>): Iterable<StreamEvent> {
  for (const { json, isContent } of chunks) yield sse(json, isContent)
}

function* arrayOf(chunks: Iterable<Chunk>, behaviour: Behaviour): Iterable<StreamEvent> {
  let lead = '['
  for (const { json, isContent } of chunks) {
    yield { text: lead + JSON.stringify(json), isContent }
    lead = ',\r\n'
  }
  if (!behaviour.withoutDone) yield { text: lead === '[' ? '[]' : ']', isContent: false }
}

function callParts(reply: Reply): readonly JsonObject[] {
  return reply.calls.map(({ name, input }) => ({ functionCall: { id: reply.id('call_', 8), name, args: input } }))
}

function finishOf(reply: Reply): string {
  return reply.finish === 'length' ? 'MAX_TOKENS' : 'STOP'
}

function usageOf(reply: Reply): JsonObject {
  return {
    promptTokenCount: reply.inputTokens,
    candidatesTokenCount: reply.outputTokens,
    totalTokenCount: reply.inputTokens + reply.outputTokens,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: reply.inputTokens }],
  }
}

function embeddingOf(request: JsonObject): JsonObject {
  return { values: vectorOf(textOf(request['content']), asNumber(request['outputDimensionality'])) }
}
