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
  | 'models'
  | 'other'

export interface Place {
  readonly surface: Surface
  readonly dialect: Dialect
  /** From the path; undefined where the body names the model. */
  readonly model: string | undefined
  /** The path itself asks for a stream. */
  readonly streams: boolean
}

// Whatever stands before is the base URL's business, so `/chat/completions` and `/openai/v1/chat/completions` both work.
const bySuffix: readonly (readonly [suffix: string, surface: Surface, dialect: Dialect])[] = [
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
  generateContent: 'generate',
  streamGenerateContent: 'generate',
  countTokens: 'generate_tokens',
  embedContent: 'gemini_embed',
  batchEmbedContents: 'gemini_embed_batch',
}

/** Finds out what a request wants by its method, path and the headers that only one dialect sends. */
export function placeOf(method: string, path: string, headers: Headers): Place {
  if (method === 'GET' && /\/models(\/[^:]*)?$/.test(path)) {
    return { surface: 'models', dialect: dialectOfHeaders(path, headers), model: undefined, streams: false }
  }
  const [, model, verb = ''] = /\/models\/(.+):([A-Za-z]+)$/.exec(path) ?? []
  const surface = Object.hasOwn(byVerb, verb) ? byVerb[verb] : undefined
  if (model !== undefined && surface !== undefined) {
    return { surface, dialect: 'gemini', model: decodeSegment(model), streams: verb === 'streamGenerateContent' }
  }
  const row = bySuffix.find(([suffix]) => path.endsWith(suffix))
  return { surface: row?.[1] ?? 'other', dialect: row?.[2] ?? 'openai', model: undefined, streams: false }
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
