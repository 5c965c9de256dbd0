import type { JsonObject } from '#kit/json-value.ts'
import type { Ask } from './ask.ts'
import type { Behaviour } from './behaviour.ts'
import { chatBody, chatStream, completionBody, completionStream } from './chat.ts'
import type { EventStream } from './events.ts'
import { cohereBody, cohereEmbedBody, cohereStream } from './cohere.ts'
import { converseBody, converseStream } from './converse.ts'
import { asksForEvents, generateBody, generateStream, geminiEmbedBatchBody, geminiEmbedBody } from './generate.ts'
import { invokeStream, messageBody, messageStream } from './messages.ts'
import { modelsBody } from './models.ts'
import { ndjsonStream, wholeLine } from './ndjson.ts'
import { embedBody, oneEmbeddingBody, showBody, versionBody } from './ollama-other.ts'
import {
  embeddingsBody,
  imagesBody,
  moderationsBody,
  rerankBody,
  speechBody,
  transcriptionBody,
} from './openai-other.ts'
import type { Reply } from './reply.ts'
import type { MockRequest } from './request.ts'
import { responseBody, responseStream } from './responses.ts'
import type { Surface } from './surface.ts'

/** A body that is sent in one piece. */
export interface WholeBody {
  readonly type: string
  readonly body: string | Uint8Array
}

type Bodies = (ask: Ask, reply: Reply, request: MockRequest) => WholeBody | undefined
type Streams = (ask: Ask, reply: Reply, behaviour: Behaviour, request: MockRequest) => EventStream

const bodies: Readonly<Record<Surface, Bodies>> = {
  chat: (ask, reply) => json(chatBody(ask, reply)),
  completions: (ask, reply) => json(completionBody(ask, reply)),
  responses: (ask, reply) => json(responseBody(ask, reply)),
  response_tokens: (ask) => json({ object: 'response.input_tokens', input_tokens: ask.inputTokens }),
  embeddings: (ask) => json(embeddingsBody(ask)),
  images: (ask, reply) => json(imagesBody(ask, reply)),
  speech: () => ({ type: 'audio/wav', body: speechBody() }),
  transcription: (_ask, reply, request) => transcriptionBody(reply, request.body),
  moderations: (ask, reply) => json(moderationsBody(ask, reply)),
  rerank: (ask, reply) => json(rerankBody(ask, reply)),
  messages: (_ask, reply) => json(messageBody(reply)),
  message_tokens: (ask) => json({ input_tokens: ask.inputTokens }),
  generate: (_ask, reply) => json(generateBody(reply)),
  generate_tokens: (ask) => json({ totalTokens: ask.inputTokens }),
  gemini_embed: (ask) => json(geminiEmbedBody(ask)),
  gemini_embed_batch: (ask) => json(geminiEmbedBatchBody(ask)),
  converse: (_ask, reply) => json(converseBody(reply)),
  invoke: (_ask, reply) => json(messageBody(reply)),
  bedrock_tokens: (ask) => json({ inputTokens: ask.inputTokens }),
  cohere_chat: (_ask, reply) => json(cohereBody(reply)),
  cohere_embed: (ask, reply) => json(cohereEmbedBody(ask, reply)),
  ollama_chat: (_ask, reply) => json(wholeLine(reply, 'chat')),
  ollama_generate: (_ask, reply) => json(wholeLine(reply, 'generate')),
  ollama_embed: (ask) => json(embedBody(ask)),
  ollama_embedding: (ask) => json(oneEmbeddingBody(ask)),
  ollama_show: (ask) => json(showBody(ask)),
  ollama_version: () => json(versionBody),
  models: (ask, reply, { path }) => json(modelsBody(ask, path, reply.createdS)),
  other: ({ model }, _reply, { path }) => (model === '' ? undefined : json({ object: 'mock.echo', model, path })),
}

const streams: Readonly<Partial<Record<Surface, Streams>>> = {
  chat: chatStream,
  completions: completionStream,
  responses: responseStream,
  messages: (_ask, reply, behaviour) => messageStream(reply, behaviour),
  generate: (_ask, reply, behaviour, { query }) => generateStream(reply, behaviour, asksForEvents(query)),
  converse: (_ask, reply, behaviour) => converseStream(reply, behaviour),
  invoke: (_ask, reply, behaviour) => invokeStream(reply, behaviour),
  cohere_chat: (_ask, reply, behaviour) => cohereStream(reply, behaviour),
  ollama_chat: (_ask, reply, behaviour) => ndjsonStream(reply, behaviour, 'chat'),
  ollama_generate: (_ask, reply, behaviour) => ndjsonStream(reply, behaviour, 'generate'),
}

/** The reply in the words of the asked surface; undefined when the mock backend does not know the path. */
export function bodyFor(ask: Ask, reply: Reply, request: MockRequest): WholeBody | undefined {
  return bodies[ask.surface](ask, reply, request)
}

/** The reply as a stream; undefined for surfaces that have none. */
export function streamFor(ask: Ask, reply: Reply, behaviour: Behaviour, request: MockRequest): EventStream | undefined {
  const stream = streams[ask.surface]
  if (stream === undefined) return undefined
  return behaviour.ndjson && ask.dialect !== 'ollama'
    ? ndjsonStream(reply, behaviour)
    : stream(ask, reply, behaviour, request)
}

function json(body: JsonObject): WholeBody {
  return { type: 'application/json', body: JSON.stringify(body) }
}
