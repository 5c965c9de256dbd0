import type { Dialect } from '#core/dialect.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { readModelPath } from './model-path.ts'

/** The family of formats that a public path belongs to; decides the envelope of errors. */
export function dialectOfPath(path: string): Dialect {
  if (/^\/v1(?:beta|alpha)(?:\/|$)/.test(path)) return 'gemini'
  if (/^\/v1\/messages(?:\/|$)/.test(path)) return 'anthropic'
  if (ollamaPath.test(path)) return 'ollama'
  return readModelPath(path) === undefined ? 'openai' : 'gemini'
}

/** Other paths below `/api` are not Ollama's. Some of these it has and we have not; its clients call them all the same. */
const ollamaPath = /^\/api\/(?:chat|generate|embed|embeddings|tags|version|show|ps|pull|push|create|copy|delete)$/

/** How a Gemini stream is framed: server-sent events when the query asks for them, else a JSON array. */
export function geminiStreamForm(query: string): StreamForm {
  return /(?:^|&)alt=sse(?:&|$)/i.test(query) ? 'gemini_sse' : 'gemini_array'
}
