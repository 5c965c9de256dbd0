import { asList, type JsonObject } from '#kit/json-value.ts'
import type { EmbedClient } from './common.ts'
import { flagOf, readDimensions, readTexts, tellUnknown } from './read-fields.ts'

/** `/api/embed`, and `/api/embeddings`, which was there before it and takes one text. */
export const ollamaEmbedClient: EmbedClient = {
  readRequest(body, path, notes) {
    const field = isOlder(path) ? 'prompt' : 'input'
    tellUnknown(body, known, notes)
    if (field === 'prompt' && Array.isArray(body[field])) notes.reject(field, 'it must be one text')
    return {
      inputs: textsIn(body, field) ? readTexts(body, field, notes).map((text) => ({ text })) : [],
      field,
      dimensions: readDimensions(body, 'dimensions', notes),
      dimensionsField: 'dimensions',
      truncate: flagOf(body['truncate']),
      endUser: undefined,
    }
  },
  writeBody(vectors, _body, path, { model, tokens, tookMs }) {
    if (isOlder(path)) return { embedding: vectors[0] ?? [] }
    const nanoseconds = Math.round(tookMs * 1_000_000)
    return { model, embeddings: vectors, total_duration: nanoseconds, load_duration: 0, prompt_eval_count: tokens }
  },
}

/** Ollama's clients ask without a text to have a model loaded. */
function textsIn(body: JsonObject, field: string): boolean {
  const value = body[field] ?? undefined
  return value !== undefined && value !== '' && !(Array.isArray(value) && asList(value).length === 0)
}

function isOlder(path: string): boolean {
  return path.endsWith('/api/embeddings')
}

/** How long a model is kept, and how it runs, is nothing that others are told. */
const known: ReadonlySet<string> = new Set(['model', 'input', 'prompt', 'dimensions', 'truncate', 'keep_alive'])
