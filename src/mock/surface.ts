import type { Dialect } from '#core/dialect.ts'

/** One kind of request that the mock backend understands. */
export type Surface =
  | 'chat'
  | 'completions'
  | 'responses'
  | 'response_tokens'
  | 'embeddings'
  | 'images'
  | 'speech'
  | 'transcription'
  | 'moderations'
  | 'rerank'
  | 'messages'
  | 'message_tokens'
  | 'generate'
  | 'generate_tokens'
  | 'gemini_embed'
  | 'gemini_embed_batch'
  | 'converse'
  | 'invoke'
  | 'bedrock_tokens'
  | 'cohere_chat'
  | 'cohere_embed'
  | 'ollama_chat'
  | 'ollama_generate'
  | 'ollama_embed'
  | 'ollama_embedding'
  | 'ollama_show'
  | 'ollama_version'
  | 'models'
  | 'other'

/** A family of envelopes: those that clients speak, and those of providers alone. */
export type MockDialect = Dialect | 'bedrock' | 'cohere'

export interface Place {
  readonly surface: Surface
  readonly dialect: MockDialect
  /** From the path; undefined where the body names the model. */
  readonly model: string | undefined
  /** What asks for a stream: the path itself, or `stream` in the body, which counts as true or false when it is missing. */
  readonly streams: 'always' | 'never' | 'unless_refused' | 'on_request'
}

// Whatever stands before is the base URL's business, so `/chat/completions` and `/openai/v1/chat/completions` both work.
const bySuffix: readonly (readonly [suffix: string, surface: Surface, dialect: MockDialect])[] = [
  ['/api/chat', 'ollama_chat', 'ollama'],
  ['/api/generate', 'ollama_generate', 'ollama'],
  ['/api/embed', 'ollama_embed', 'ollama'],
  ['/api/embeddings', 'ollama_embedding', 'ollama'],
  ['/api/show', 'ollama_show', 'ollama'],
  ['/v2/chat', 'cohere_chat', 'cohere'],
  ['/v2/embed', 'cohere_embed', 'cohere'],
  ['/chat/completions', 'chat', 'openai'],
  ['/completions', 'completions', 'openai'],
  ['/responses/input_tokens', 'response_tokens', 'openai'],
  ['/responses', 'responses', 'openai'],
  ['/embeddings', 'embeddings', 'openai'],
  ['/images/generations', 'images', 'openai'],
  ['/images/edits', 'images', 'openai'],
  ['/images/variations', 'images', 'openai'],
  ['/audio/speech', 'speech', 'openai'],
  ['/audio/transcriptions', 'transcription', 'openai'],
  ['/audio/translations', 'transcription', 'openai'],
  ['/moderations', 'moderations', 'openai'],
  ['/rerank', 'rerank', 'openai'],
  ['/messages/count_tokens', 'message_tokens', 'anthropic'],
  ['/messages', 'messages', 'anthropic'],
]

const byVerb: Readonly<Record<string, Surface>> = {
  rawPredict: 'messages',
  streamRawPredict: 'messages',
  generateContent: 'generate',
  streamGenerateContent: 'generate',
  countTokens: 'generate_tokens',
  embedContent: 'gemini_embed',
  batchEmbedContents: 'gemini_embed_batch',
}

const byBedrockVerb: Readonly<Record<string, Surface>> = {
  converse: 'converse',
  'converse-stream': 'converse',
  invoke: 'invoke',
  'invoke-with-response-stream': 'invoke',
  'count-tokens': 'bedrock_tokens',
}

/** Finds out what a request wants by its method, path and the headers that only one dialect sends. */
export function placeOf(method: string, path: string, headers: Headers): Place {
  if (method === 'GET' && /\/models(\/[^:]*)?$/.test(path)) {
    return { surface: 'models', dialect: dialectOfHeaders(path, headers), model: undefined, streams: 'on_request' }
  }
  if (method === 'GET' && /\/api\/(?:tags|version)$/.test(path)) {
    const surface = path.endsWith('/tags') ? 'models' : 'ollama_version'
    return { surface, dialect: 'ollama', model: undefined, streams: 'on_request' }
  }
  const [, model, verb = ''] = /\/models\/(.+):([A-Za-z]+)$/.exec(path) ?? []
  const asked = Object.hasOwn(byVerb, verb) ? byVerb[verb] : undefined
  if (model !== undefined && asked !== undefined) {
    const streams = verb.startsWith('stream') ? 'always' : 'on_request'
    if (model === 'count-tokens' && asked === 'messages')
      return { surface: 'message_tokens', dialect: 'anthropic', model: undefined, streams: 'never' }
    const dialect = asked === 'messages' ? 'anthropic' : 'gemini'
    return { surface: asked, dialect, model: decodeSegment(model), streams }
  }
  const bedrock = bedrockPlaceOf(path)
  if (bedrock !== undefined) return bedrock
  const [, surface = 'other', dialect = 'openai'] = bySuffix.find(([suffix]) => path.endsWith(suffix)) ?? []
  const streams = surface === 'ollama_chat' || surface === 'ollama_generate' ? 'unless_refused' : 'on_request'
  return { surface, dialect, model: undefined, streams }
}

function bedrockPlaceOf(path: string): Place | undefined {
  const [, model, verb = ''] = /\/model\/([^/]+)\/([a-z-]+)$/.exec(path) ?? []
  const surface = Object.hasOwn(byBedrockVerb, verb) ? byBedrockVerb[verb] : undefined
  if (model === undefined || surface === undefined) return undefined
  const streams = verb.endsWith('-stream') ? 'always' : 'never'
  return { surface, dialect: 'bedrock', model: decodeSegment(model), streams }
}

/** A path segment without its percent-encoding; as it is where that is broken. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    if (error instanceof URIError) return segment
    throw error
  }
}

function dialectOfHeaders(path: string, headers: Headers): Dialect {
  if (headers.has('anthropic-version')) return 'anthropic'
  return headers.has('x-goog-api-key') || path.includes('/v1beta/') ? 'gemini' : 'openai'
}
