import type { Dialect } from '#core/dialect.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { readModelPath } from './model-path.ts'

/** The family of formats that a public path belongs to; decides the envelope of errors. */
export function dialectOfPath(path: string): Dialect {
  if (/^\/v1(?:beta|alpha)(?:\/|$)/.test(path)) return 'gemini'
  if (/^\/v1\/messages(?:\/|$)/.test(path)) return 'anthropic'
  return readModelPath(path) === undefined ? 'openai' : 'gemini'
}

/** How a Gemini stream is framed: server-sent events when the query asks for them, else a JSON array. */
export function geminiStreamForm(query: string): StreamForm {
  return /(?:^|&)alt=sse(?:&|$)/i.test(query) ? 'gemini_sse' : 'gemini_array'
}
