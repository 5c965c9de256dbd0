import type { Endpoint } from '#core/endpoint.ts'
import type { Dialect } from '#core/dialect.ts'
import { findService, type ServiceTable } from '#route/service-path.ts'
import { dialectOfPath, geminiStreamForm } from '#wire/dialect.ts'
import { readResourcePath, type ResourcePath } from '#wire/resource-path.ts'
import { talkOfPath } from '#wire/talk.ts'

const rows: readonly Endpoint[] = [
  { path: '/v1/chat/completions', dialect: 'openai', reads: 'json', stream: 'chat' },
  { path: '/v1/completions', dialect: 'openai', reads: 'json', stream: 'completions' },
  // What llama.cpp's clients, and those of older proxies in front of it, call Chat.
  { path: '/v1/api/chat', dialect: 'openai', reads: 'json', stream: 'chat', sentAs: '/v1/chat/completions' },
  { path: '/v1/responses', dialect: 'openai', reads: 'json', stream: 'responses' },
  { path: '/v1/responses/input_tokens', dialect: 'openai', reads: 'json', stream: undefined },
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
  { path: '/responses/input_tokens', dialect: 'openai', reads: 'json', stream: undefined },
  { path: '/embeddings', dialect: 'openai', reads: 'json', stream: undefined },
]

/** The model endpoints, most specific first: each is one public path. */
export const endpoints: readonly Endpoint[] = rows.map(withTalk)

function withTalk(row: Endpoint): Endpoint {
  return { ...row, talk: talkOfPath(row.sentAs ?? row.path) }
}

/** Any other `/v1/…`: sent on as it is when its body names a model, or to those who take what names none. */
export function otherEndpoint(path: string, mayLackModel = false): Endpoint {
  const endpoint = dialectOfPath(path) === 'anthropic' ? anyAnthropic : anyOpenai
  return mayLackModel ? { ...endpoint, mayLackModel } : endpoint
}

/**
 * A file, a batch, a former answer: no model need be named for what is kept by a backend. Undefined: there is nothing of
 * the kind at this path.
 */
export function resourceEndpoint(method: string, { path, query }: Target, headers: Headers): Endpoint | undefined {
  if (!resourceMethods.has(method)) return undefined
  const resource = readResourcePath(path)
  if (resource === undefined) return undefined
  const dialect = dialectOfResource(resource, headers)
  const mayNameModel = method !== 'GET' && method !== 'HEAD' && method !== 'DELETE' && !isUpload(resource, headers)
  if (mayNameModel) return { path: '/v1/*', dialect, reads: 'json', stream: undefined, mayLackModel: true }
  const opaque: Endpoint = { path: '/v1/*', dialect, reads: 'nothing', stream: undefined, mayLackModel: true }
  // A former answer can be had as the stream that it was.
  const isStream = method === 'GET' && resource.kind === 'response' && /(?:^|&)stream=true(?:&|$)/i.test(query)
  return isStream ? { ...opaque, stream: 'responses', streamsByDefault: true } : opaque
}

const resourceMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** Clients of three dialects have files at the same path; only their headers tell them apart. */
function dialectOfResource({ dialect }: ResourcePath, headers: Headers): Dialect {
  if (dialect !== 'openai') return dialect
  if (headers.has('anthropic-version')) return 'anthropic'
  return headers.has('x-goog-api-key') ? 'gemini' : 'openai'
}

function isUpload({ isUpload: mayBe, isTransfer }: ResourcePath, headers: Headers): boolean {
  return mayBe && (isTransfer ? !saysJson(headers) : uploadType.test(headers.get('content-type') ?? ''))
}

/** What else comes is read, so that it is known what it speaks of. */
const uploadType = /^\s*(?:multipart\/form-data|application\/octet-stream)\s*(?:;|$)/i

/** May its body name a model? Those of files do not. */
export function saysJson(headers: Headers): boolean {
  return /json|^$/i.test(headers.get('content-type') ?? '')
}

/** Of a whole account, and not of what a client made here. */
export function isOfWholeAccount(method: string, path: string): boolean {
  const resource = readResourcePath(path)
  return resource !== undefined && (!resource.isOwnable || (resource.rest.length === 0 && method !== 'POST'))
}

interface Target {
  readonly path: string
  readonly query: string
}

/** Any `/v1/…` that a client wants to be a WebSocket; its query names the model. */
export function tunnelEndpoint(path: string): Endpoint {
  return path === realtime.path ? realtime : otherEndpoint(path)
}

const realtime: Endpoint = { path: '/v1/realtime', dialect: 'openai', reads: 'json', stream: undefined }

const anyOpenai: Endpoint = { path: '/v1/*', dialect: 'openai', reads: 'json', stream: undefined }
const anyAnthropic: Endpoint = { ...anyOpenai, dialect: 'anthropic' }

/**
 * Whatever it asks, for whoever stands behind its path. What may end it is known where a path that is posted to ends like
 * one of ours.
 */
export function rawEndpoint({ path, query }: Target, method: string, services?: ServiceTable): Endpoint {
  if (method !== 'POST') return anyRaw
  if (path.endsWith(':streamGenerateContent')) return { ...anyRaw, stream: geminiStreamForm(query) }
  for (const [tail, endpoint] of rawByTail) {
    if (path.endsWith(tail) && (!isOneWord(tail) || isAll(tail, path, services))) return endpoint
  }
  return anyRaw
}

/** Resources of any service may be called `responses`. */
function isOneWord(tail: string): boolean {
  return tail.lastIndexOf('/') === 0
}

/** Is there nothing in front of it but the names of a service and a model? */
function isAll(tail: string, path: string, services: ServiceTable | undefined): boolean {
  return path === tail || (services !== undefined && findService(services, path)?.rest === tail)
}

const anyRaw: Endpoint = { path: '/*', dialect: 'raw', reads: 'nothing', stream: undefined }

const rawByTail = endpoints
  .filter(({ stream }) => stream !== undefined)
  .map(({ path, stream, streamsByDefault }): readonly [tail: string, endpoint: Endpoint] => [
    path,
    { ...anyRaw, stream, ...(streamsByDefault === true && { streamsByDefault }) },
  ])

/** `…/models/{model}:{verb}` of Gemini clients (3.x say `v1`, older ones `v1beta`): verb in the path, framing in the query. */
export function geminiEndpoint(path: string, query: string): Endpoint {
  const streams = path.endsWith(':streamGenerateContent')
  return {
    path: '/v1beta/models/*',
    dialect: 'gemini',
    reads: 'path',
    stream: streams ? geminiStreamForm(query) : undefined,
    talk: talkOfPath(path),
  }
}
