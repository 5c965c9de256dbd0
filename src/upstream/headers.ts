import type { Call } from '#core/call.ts'
import type { Backend, Candidate } from '#core/candidate.ts'
import type { Secret } from '#core/secret.ts'
import { HeaderList, type HeaderPair } from '#kit/header-list.ts'
import { authHeader } from './auth.ts'
import { isInference } from './cloud-path.ts'

/**
 * What the upstream is sent: everything of the client's, less what is about the connection, the client's credentials
 * and its address; then the backend's key; then the operator's own headers, which replace all others of their name.
 */
export function requestHeaders(call: Call, candidate: Candidate): readonly HeaderPair[] {
  const { backend } = candidate
  const { dialect } = call.endpoint
  const ours = namesOf(backend)
  // One native call for all of them; asking for them one by one, or walking the entries, costs twice as much.
  const received: Readonly<Record<string, unknown>> = call.headers.toJSON()
  const listed = connectionNames(received['connection'])
  const headers: HeaderPair[] = []

  for (const name of Object.keys(received)) {
    const value = received[name]
    if (typeof value !== 'string' || !isKept(name) || listed.has(name)) continue
    if (backend.credentials === undefined || !accountSelecting.has(name)) add(headers, ours, name, value)
  }
  // An event stream must not be compressed: nothing could be judged, and compressors hold events back.
  const isJudged = call.stream && (call.endpoint.reads !== 'nothing' || call.endpoint.stream !== undefined)
  const encodings = isJudged ? 'identity' : received['accept-encoding']
  if (typeof encodings === 'string') add(headers, ours, 'accept-encoding', encodings)
  if (dialect === 'anthropic' && received['anthropic-version'] === undefined) {
    add(headers, ours, 'anthropic-version', anthropicVersion)
  }
  if (candidate.protocol === 'azure' && isInference(backend.url.pathname)) {
    // Else it refuses what only some of its models know.
    add(headers, ours, 'extra-parameters', 'pass-through')
  }
  const forwarded = backend.forwardClientIp ? forwardedFor(call) : undefined
  if (forwarded !== undefined) add(headers, ours, 'x-forwarded-for', forwarded)
  const auth = authHeader(candidate, dialect)
  if (auth !== undefined) add(headers, ours, auth[0], auth[1])
  for (const header of backend.headers) headers.push(header)
  const added = call.rules?.headers ?? noHeaders
  return added.length === 0 ? headers : withAdded(headers, ours, added)
}

const noHeaders: readonly HeaderPair[] = []

/** What a backend is sent by its own settings stays. */
function withAdded(
  headers: readonly HeaderPair[],
  ours: ReadonlySet<string>,
  added: readonly HeaderPair[],
): readonly HeaderPair[] {
  return replaced(
    headers,
    added.filter(([name]) => !ours.has(name.toLowerCase())),
  )
}

/** They choose whose account pays, among those that a key may use: of several keys of ours a client could rest each. */
const accountSelecting: ReadonlySet<string> = new Set(['openai-organization', 'openai-project', 'x-goog-user-project'])

function add(headers: HeaderPair[], ours: ReadonlySet<string>, name: string, value: string): void {
  if (!ours.has(name)) headers.push([name, value])
}

/** The names of the operator's own headers. */
function namesOf(backend: Backend): ReadonlySet<string> {
  if (backend.headers.length === 0) return none
  let names = ownNames.get(backend)
  if (names === undefined) ownNames.set(backend, (names = new Set(backend.headers.map(([name]) => name.toLowerCase()))))
  return names
}

/** An answer that tells of a body and has none. */
export function isBodiless(call: Call, status: number): boolean {
  return call.method === 'HEAD' || status === 304
}

/** Goes with the backend when a reload makes new ones. */
const ownNames = new WeakMap<Backend, ReadonlySet<string>>()

/**
 * What of the upstream's headers the client gets: all but those about the connection, the origin and credentials, under
 * whatever name the upstream sends those back. `keepsLength`: there is no body, whose length would be known anyway.
 */
export function responseHeaders(received: HeaderList, secrets: readonly Secret[], keepsLength = false): HeaderList {
  const listed = connectionNames(received.get('connection'))
  const kept: HeaderPair[] = []
  for (const pair of received.pairs) {
    const name = pair[0]
    if (keepsLength && name === 'content-length') kept.push(pair)
    else if (!heldBack.has(name) && !listed.has(name) && !tells(pair[1], secrets)) kept.push(pair)
  }
  return new HeaderList(kept)
}

const anthropicVersion = '2023-06-01'

/** RFC 9110 §7.6.1 and the older names that some senders still use. */
const hopByHop = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

const credentials = [
  'api-key',
  'authorization',
  'cookie',
  'cookie2',
  'x-amz-security-token',
  'x-api-key',
  'x-goog-api-key',
]

const notForwarded: ReadonlySet<string> = new Set([
  ...hopByHop,
  ...credentials,
  // Set anew for each hop.
  'accept-encoding',
  'content-length',
  'expect',
  'host',
  // The client's address is its own business, unless `forward_client_ip` says otherwise.
  'forwarded',
  'x-real-ip',
])

/** What an upstream says about its own origin would be taken for ours; what it says about browsers opens our door. */
const heldBack: ReadonlySet<string> = new Set([
  ...hopByHop,
  ...credentials,
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-max-age',
  'alt-svc',
  'clear-site-data',
  'content-length',
  'set-cookie',
  'set-cookie2',
  'strict-transport-security',
  'x-llm-proxy-attempts',
  'x-llm-proxy-backend',
  'x-llm-proxy-cost',
  'x-llm-proxy-model',
  'x-llm-proxy-upstream-id',
])

function isKept(name: string): boolean {
  if (notForwarded.has(name)) return false
  return !name.startsWith('x-') || !(name.startsWith('x-forwarded-') || name.startsWith('x-llm-proxy-'))
}

/** Names that `Connection` lists beside its own options: they too are about this hop only. */
function connectionNames(connection: unknown): ReadonlySet<string> {
  if (typeof connection !== 'string' || ownOptions.test(connection)) return none
  return new Set(
    connection
      .split(',')
      .map((name) => name.trim().toLowerCase())
      .filter((name) => fieldName.test(name)),
  )
}

const none: ReadonlySet<string> = new Set()
const ownOptions = /^(?:keep-alive|close)$/i
const fieldName = /^[!#$%&'*+.^_`|~\w-]+$/

/** Each hop adds whom it heard the request from; a unix socket has no address that would say anything. */
function forwardedFor({ headers, client }: Call): string | undefined {
  const before = headers.get('x-forwarded-for')
  if (before === null || before === '') return client.peer
  return client.peer === undefined ? before : `${before}, ${client.peer}`
}

function tells(value: string, secrets: readonly Secret[]): boolean {
  for (const secret of secrets) if (value.includes(secret.reveal())) return true
  return false
}

/** Those of `own` in place of any of the same names. */
export function replaced(headers: readonly HeaderPair[], own: readonly HeaderPair[]): readonly HeaderPair[] {
  const names = new Set(own.map(([name]) => name.toLowerCase()))
  return [...headers.filter(([name]) => !names.has(name.toLowerCase())), ...own]
}
