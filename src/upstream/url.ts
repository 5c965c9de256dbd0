import type { Candidate } from '#core/candidate.ts'
import { splicePathModel } from '#wire/model-path.ts'
import type { Call } from '#core/call.ts'
import { azurePlace, coherePath, vertexPath } from './cloud-path.ts'

/**
 * Where a call goes at a candidate. The path reaches the upstream with its percent-encoding as it came; what cannot be
 * kept is what every URL parser changes: dot segments are resolved, `\` becomes `/`, and bytes that no URL may hold
 * (blanks, quotes, `<>^{}` and the backtick, non-ASCII) are percent-encoded.
 */
export function upstreamUrl(call: Call, candidate: Candidate): URL {
  // Nearly all calls to a candidate go to one of a few addresses, and parsing one costs more than looking it up.
  // Paths without a model hold an id, and seldom come again.
  if (call.query !== '' || call.endpoint.reads === 'path' || call.endpoint.reads === 'nothing')
    return parseUrl(call, candidate)
  let known = knownUrls.get(candidate)
  if (known === undefined) knownUrls.set(candidate, (known = new Map()))
  let url = known.get(call.path)
  if (url === undefined) {
    url = parseUrl(call, candidate)
    if (known.size < knownMax) known.set(call.path, url)
  }
  return url
}

/** Goes with the candidate when a reload makes new ones. */
const knownUrls = new WeakMap<Candidate, Map<string, URL>>()

/** Limit: paths remembered for a candidate; clients choose them. */
const knownMax = 32

function parseUrl(call: Call, candidate: Candidate): URL {
  const { backend, protocol, model } = candidate
  if (candidate.keepsModel === true || call.endpoint.dialect === 'raw' || protocol === 'converter') {
    return urlOf(backend.url, behind(backend.url.pathname, call.path), call.query)
  }
  const basePath = basePathOf(candidate)
  if (protocol === 'azure') {
    const { path, isVersioned } = azurePlace({ ...call, path: safe(call.path) }, model, basePath)
    return urlOf(backend.url, path, isVersioned ? withApiVersion(call.query, backend.apiVersion) : call.query)
  }
  if (protocol === 'vertex') {
    return urlOf(backend.url, vertexPath(safe(namedPath(call, model)), basePath), call.query)
  }
  if (protocol === 'cohere' && call.path.startsWith('/v2/')) {
    return urlOf(backend.url, coherePath(call.path, basePath), call.query)
  }
  // Files go to and from Google beside its API, by a path that has the version behind.
  const base = transferPath.test(call.path) ? basePath.replace(geminiVersion, '') : basePath
  return urlOf(backend.url, joinPath(base, pathFor(call, model, base)), call.query)
}

/** What nobody reads is put behind the base as it is; nothing at all is the base itself. */
function behind(basePath: string, path: string): string {
  return path === '' ? basePath : withoutSlash(basePath) + safe(path)
}

/** Ollama has two APIs beside each other; a base that ends with the name of one of them leads to both. */
function basePathOf({ backend, protocol }: Candidate): string {
  const path = withoutSlash(backend.url.pathname)
  return protocol === 'ollama' ? path.replace(/\/(?:api|v1)$/, '') : path
}

/** Google's clients choose among versions of the API; a base that ends in one has chosen for them. */
function pathFor(call: Call, model: string, basePath: string): string {
  const named = namedPath(call, model)
  return call.endpoint.dialect === 'gemini' && geminiVersion.test(basePath)
    ? named.replace(/^\/v1(?:beta|alpha)?\//, '/')
    : named
}

function namedPath({ endpoint, path, model: asked, modelAt }: Call, model: string): string {
  return endpoint.reads === 'path' && model !== asked ? splicePathModel(path, modelAt, model) : path
}

const transferPath = /^\/(?:upload|download)\/v1/
const geminiVersion = /\/v1(?:beta|alpha)?$/

/**
 * Puts a request path behind a base path. Segments that end the one and begin the other are the same segments:
 * `/v1` and `/v1/models` give `/v1/models`, `/openai/v1` and `/v1/models` give `/openai/v1/models`. A base that has a
 * version of its own (`/api/paas/v4`, `/v1beta/openai`) takes the place of the request's `/v1`.
 */
export function joinPath(basePath: string, path: string): string {
  const base = withoutSlash(basePath)
  if (base === '') return path
  const rest = safe(path)
  const overlap = overlapOf(base, rest)
  if (overlap > 0) return base + rest.slice(overlap)
  if (rest.startsWith('/v1/') && versionOfItsOwn.test(base)) return base + rest.slice('/v1'.length)
  return base + rest
}

const versionOfItsOwn = /\/(?:v[2-9]\d*|v1beta\/openai)$/

/** Length of the longest run of whole segments that ends `base` and begins `path`. */
function overlapOf(base: string, path: string): number {
  for (let start = 0; start !== -1; start = base.indexOf('/', start + 1)) {
    const tail = base.slice(start)
    if (path.startsWith(tail) && (path.length === tail.length || path[tail.length] === '/')) return tail.length
  }
  return 0
}

/** Dot segments are resolved before the path is joined, so that they cannot climb out of the base path. */
function safe(path: string): string {
  return dotSegment.test(path) ? new URL(path, 'http://base').pathname : path
}

const dotSegment = /[/\\](?:\.|%2e){1,2}(?:[/\\]|$)/i

/** The client's own `api-version` wins over the configured one. */
function withApiVersion(query: string, apiVersion: string): string {
  if (/(?:^|&)api-version=/.test(query)) return query
  const own = `api-version=${encodeURIComponent(apiVersion)}`
  return query === '' ? own : `${query}&${own}`
}

function urlOf(base: URL, path: string, query: string): URL {
  // `origin` is null for the scheme of the mock backend.
  const origin = `${base.protocol}//${base.host}`
  return new URL(query === '' ? origin + path : `${origin}${path}?${query}`)
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
