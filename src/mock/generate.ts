import { asList, asNumber, asObject, type JsonObject } from '#kit/json-value.ts'
import { textOf, type Ask } from './ask.ts'
import type { Behaviour } from './behaviour.ts'
import { sse, sseType, type EventStream, type StreamEvent } from './events.ts'
import { signatureOf, type Reply } from './reply.ts'
import { vectorOf } from './vector.ts'

/** Body of Gemini's `:generateContent`. */
export function generateBody(reply: Reply): JsonObject {
  const said = reply.calls.length > 0 ? callParts(reply) : [{ text: reply.tokens.join(''), ...signed(reply) }]
  const thinking = reply.thoughts.join('')
  const parts = thinking === '' ? said : [{ text: thinking, thought: true }, ...said]
  const content = reply.finish === 'refusal' ? {} : { content: { role: 'model', parts } }
  return {
    candidates: [{ ...content, ...endOf(reply), index: 0 }],
    usageMetadata: usageOf(reply),
    modelVersion: reply.model,
    responseId: reply.id('', 22),
  }
}

/** Gemini streams server-sent events only where the query says so. */
export function asksForEvents(query: string): boolean {
  return new URLSearchParams(query).get('alt') === 'sse'
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
  const said = reply.calls.length > 0 ? callParts(reply) : reply.tokens.map((text) => ({ text }))
  const parts = [
    ...reply.thoughts.map((text) => ({ text, thought: true })),
    ...(reply.finish === 'refusal' ? [] : said),
  ]
  for (const part of parts) {
    const candidate = { content: { role: 'model', parts: [part] }, index: 0 }
    yield { json: { candidates: [candidate], ...common }, isContent: true }
  }
  // Finish reason and terminal marker are one thing in this dialect.
  if (behaviour.withoutFinish || behaviour.withoutDone) return
  const lastParts = [{ text: '', ...(reply.calls.length === 0 && signed(reply)) }]
  const content = reply.finish === 'refusal' ? {} : { content: { role: 'model', parts: lastParts } }
  const last = { ...content, ...endOf(reply), index: 0 }
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
  // Of calls that are made together, the first carries the signature.
  return reply.calls.map(({ name, input }, at) => ({
    functionCall: { id: reply.id('call_', 8), name, args: input },
    ...(at === 0 && signed(reply)),
  }))
}

function signed(reply: Reply): JsonObject {
  return reply.thoughts.length > 0 ? { thoughtSignature: signatureOf(reply) } : {}
}

function endOf(reply: Reply): JsonObject {
  if (reply.finish === 'refusal') return { finishReason: 'SAFETY', finishMessage: reply.tokens.join('') }
  return { finishReason: reply.finish === 'length' ? 'MAX_TOKENS' : 'STOP' }
}

function usageOf(reply: Reply): JsonObject {
  return {
    promptTokenCount: reply.inputTokens,
    candidatesTokenCount: reply.outputTokens - reply.thoughts.length,
    ...(reply.thoughts.length > 0 && { thoughtsTokenCount: reply.thoughts.length }),
    ...(reply.cachedTokens > 0 && { cachedContentTokenCount: reply.cachedTokens }),
    totalTokenCount: reply.inputTokens + reply.outputTokens,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: reply.inputTokens }],
  }
}

function embeddingOf(request: JsonObject): JsonObject {
  return { values: vectorOf(textOf(request['content']), asNumber(request['outputDimensionality'])) }
}
