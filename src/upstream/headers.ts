import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Secret } from '#core/secret.ts'
import { authHeader } from './auth.ts'

type HeaderList = readonly (readonly [name: string, value: string])[]

/**
 * What the upstream is sent: everything of the client's, less what is about the connection, the client's credentials
 * and its address; then the backend's key; then the operator's own headers, which replace all others of their name.
 */
export function requestHeaders(call: Call, candidate: Candidate): HeaderList {
  const { backend } = candidate
  const { dialect } = call.endpoint
  const ours = new Set(backend.headers.map(([name]) => name.toLowerCase()))
  const listed = connectionNames(call.headers)
  const headers: (readonly [string, string])[] = []
  const add = (name: string, value: string): void => {
    if (!ours.has(name)) headers.push([name, value])
  }

  // toJSON is one native call; walking the entries costs twice as much.
  for (const [name, value] of Object.entries(call.headers.toJSON())) {
    if (isKept(name) && !listed.has(name) && typeof value === 'string') add(name, value)
  }
  // An event stream must not be compressed: nothing could be judged, and compressors hold events back.
  if (call.stream) add('accept-encoding', 'identity')
  else addOwn(call, 'accept-encoding', add)
  // The platform would call itself by name; an empty product is the nearest to none that it can send.
  if (!call.headers.has('user-agent')) add('user-agent', '')
  if (dialect === 'anthropic' && !call.headers.has('anthropic-version')) add('anthropic-version', anthropicVersion)
  const forwarded = backend.forwardClientIp ? forwardedFor(call) : undefined
  if (forwarded !== undefined) add('x-forwarded-for', forwarded)
  const auth = authHeader(candidate, dialect)
  if (auth !== undefined) add(auth[0], auth[1])
  for (const header of backend.headers) headers.push(header)
  return headers
}

/**
 * What of the upstream's headers the client gets: all but those about the connection, the origin and credentials, under
 * whatever name the upstream sends those back.
 */
export function responseHeaders(received: Headers, secrets: readonly Secret[]): Headers {
  const headers = new Headers(received)
  const listed = connectionNames(received)
  // Deleting what is there costs half of deleting all that could be.
  for (const [name, value] of Object.entries(received.toJSON())) {
    if (heldBack.has(name) || listed.has(name) || (typeof value === 'string' && tells(value, secrets))) {
      headers.delete(name)
    }
  }
  return headers
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

const credentials = ['api-key', 'authorization', 'cookie', 'cookie2', 'x-api-key', 'x-goog-api-key']

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
  'x-llm-proxy-model',
  'x-llm-proxy-upstream-id',
])

function isKept(name: string): boolean {
  return !notForwarded.has(name) && !name.startsWith('x-forwarded-') && !name.startsWith('x-llm-proxy-')
}

/** Names that `Connection` lists beside its own options: they too are about this hop only. */
function connectionNames(headers: Headers): ReadonlySet<string> {
  const connection = headers.get('connection')
  if (connection === null || /^(?:keep-alive|close)$/i.test(connection)) return none
  return new Set(
    connection
      .split(',')
      .map((name) => name.trim().toLowerCase())
      .filter((name) => fieldName.test(name)),
  )
}

const none: ReadonlySet<string> = new Set()
const fieldName = /^[!#$%&'*+.^_`|~\w-]+$/

function addOwn(call: Call, name: string, add: (name: string, value: string) => void): void {
  const value = call.headers.get(name)
  if (value !== null) add(name, value)
}

/** Each hop adds whom it heard the request from; a unix socket has no address that would say anything. */
function forwardedFor({ headers, peerAddress }: Call): string | undefined {
  const before = headers.get('x-forwarded-for')
  if (before === null || before === '') return peerAddress
  return peerAddress === undefined ? before : `${before}, ${peerAddress}`
}

function tells(value: string, secrets: readonly Secret[]): boolean {
  for (const secret of secrets) if (value.includes(secret.reveal())) return true
  return false
}
