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

/** The envelope of errors for a request of this dialect; who asks raw at a path of ours knows its envelope too. */
export function envelopeOf(dialect: Dialect, path: string): Dialect {
  return dialect === 'raw' && isClientPath(path) ? dialectOfPath(path) : dialect
}

/** Is it a path at which clients ask for models, served or not? */
export function isClientPath(path: string): boolean {
  return clientPath.test(path) || ollamaPath.test(path)
}

const clientPath = /^\/(?:v1(?:beta|alpha)?|models|chat|completions|responses|embeddings)(?:\/|$)/

/** Other paths below `/api` are not Ollama's. Some of these it has and we have not; its clients call them all the same. */
const ollamaPath = /^\/api\/(?:chat|generate|embed|embeddings|tags|version|show|ps|pull|push|create|copy|delete)$/

/** How a Gemini stream is framed: server-sent events when the query asks for them, else a JSON array. */
export function geminiStreamForm(query: string): StreamForm {
  return /(?:^|&)alt=sse(?:&|$)/i.test(query) ? 'gemini_sse' : 'gemini_array'
}
