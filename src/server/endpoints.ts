import type { Endpoint } from '#core/endpoint.ts'
import { dialectOfPath, geminiStreamForm } from '#wire/dialect.ts'

/** The model endpoints, most specific first: each row is one public path. */
export const endpoints: readonly Endpoint[] = [
  { path: '/v1/chat/completions', dialect: 'openai', reads: 'json', stream: 'chat' },
  { path: '/v1/completions', dialect: 'openai', reads: 'json', stream: 'completions' },
  { path: '/v1/responses', dialect: 'openai', reads: 'json', stream: 'responses' },
  { path: '/v1/embeddings', dialect: 'openai', reads: 'json', stream: undefined },
  { path: '/v1/images/generations', dialect: 'openai', reads: 'json', stream: undefined },
  { path: '/v1/images/edits', dialect: 'openai', reads: 'multipart', stream: undefined },
  { path: '/v1/images/variations', dialect: 'openai', reads: 'multipart', stream: undefined },
  { path: '/v1/audio/speech', dialect: 'openai', reads: 'json', stream: undefined },
  { path: '/v1/audio/transcriptions', dialect: 'openai', reads: 'multipart', stream: undefined },
  { path: '/v1/audio/translations', dialect: 'openai', reads: 'multipart', stream: undefined },
  { path: '/v1/moderations', dialect: 'openai', reads: 'json', stream: undefined },
  { path: '/v1/rerank', dialect: 'openai', reads: 'json', stream: undefined },
  { path: '/v1/messages', dialect: 'anthropic', reads: 'json', stream: 'messages' },
  { path: '/v1/messages/count_tokens', dialect: 'anthropic', reads: 'json', stream: undefined },
  { path: '/api/chat', dialect: 'ollama', reads: 'json', stream: 'ndjson', streamsByDefault: true },
  { path: '/api/generate', dialect: 'ollama', reads: 'json', stream: 'ndjson', streamsByDefault: true },
  { path: '/api/embed', dialect: 'ollama', reads: 'json', stream: undefined },
  { path: '/api/embeddings', dialect: 'ollama', reads: 'json', stream: undefined },
  { path: '/api/show', dialect: 'ollama', reads: 'json', stream: undefined },
  // Some clients are configured with a base URL that has no version.
  { path: '/chat/completions', dialect: 'openai', reads: 'json', stream: 'chat' },
  { path: '/completions', dialect: 'openai', reads: 'json', stream: 'completions' },
  { path: '/responses', dialect: 'openai', reads: 'json', stream: 'responses' },
  { path: '/embeddings', dialect: 'openai', reads: 'json', stream: undefined },
]

/** Any other `/v1/…`: sent on as it is when its body names a model. */
export function otherEndpoint(path: string): Endpoint {
  return dialectOfPath(path) === 'anthropic' ? anyAnthropic : anyOpenai
}

/** Any `/v1/…` that a client wants to be a WebSocket; its query names the model. */
export function tunnelEndpoint(path: string): Endpoint {
  return path === realtime.path ? realtime : otherEndpoint(path)
}

const realtime: Endpoint = { path: '/v1/realtime', dialect: 'openai', reads: 'json', stream: undefined }

const anyOpenai: Endpoint = { path: '/v1/*', dialect: 'openai', reads: 'json', stream: undefined }
const anyAnthropic: Endpoint = { ...anyOpenai, dialect: 'anthropic' }

/** `…/models/{model}:{verb}` of Gemini clients (3.x say `v1`, older ones `v1beta`): verb in the path, framing in the query. */
export function geminiEndpoint(path: string, query: string): Endpoint {
  const streams = path.endsWith(':streamGenerateContent')
  return {
    path: '/v1beta/models/*',
    dialect: 'gemini',
    reads: 'path',
    stream: streams ? geminiStreamForm(query) : undefined,
  }
}
