import type { Call } from '#core/call.ts'
import type { Endpoint } from '#core/endpoint.ts'
import type { Exchange } from '#core/exchange.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import { wantsBodyOf } from '#guard/guard.ts'
import { modelHeader } from '#route/owned-id.ts'
import { findService } from '#route/service-path.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { wantsBody } from '#upstream/filter.ts'
import { peekMultipart } from '#wire/multipart.ts'
import { readModelPath, withoutModelsPrefix } from '#wire/model-path.ts'
import { peekJson } from '#wire/peek.ts'
import { streamWish } from '#wire/stream-wish.ts'
import { decodeBody, lostBody, readBody, readSmall } from './body.ts'
import { compatFault } from './compat-header.ts'
import type { Gateway } from './gateway.ts'
import type { Incoming } from './incoming.ts'
import { queryCredential, queryToSend, withoutCredentials } from './query.ts'
import { ClientUpload } from './upload.ts'

/** Reads the body under its limit and finds the facts that routing needs. */
export async function read(
  gateway: Pick<Gateway, 'wheel'>,
  snapshot: ReadLimits,
  incoming: Incoming,
  exchange: Exchange,
): Promise<Call | Refusal> {
  if (incoming.endpoint.reads === 'nothing') return await readRaw(gateway, snapshot, incoming, exchange)
  const { request } = incoming
  const { bodyBytesMax: bytesMax } = snapshot
  const fault = compatFault(request.headers)
  if (fault !== undefined) return fault
  const raw = await readBody(request, bytesMax)
  if (isRefusal(raw)) return raw
  const encoding = request.headers.get('content-encoding')
  const body = encoding === null ? raw : await decodeBody(raw, encoding, bytesMax)
  if (isRefusal(body)) return body
  if (exchange.seen !== undefined) exchange.seen = { ...exchange.seen, body }

  const call = parse(snapshot, incoming, body, encoding === null ? request.headers : withoutEncoding(request.headers))
  if (isRefusal(call)) return call
  exchange.alias = call.model === '' ? undefined : call.model
  exchange.stream = call.stream
  return call
}

/** What of a snapshot reading goes by. */
export type ReadLimits = Pick<
  Snapshot,
  'bodyBytesMax' | 'uploadBytesMax' | 'services' | 'passthrough' | 'filters' | 'guards' | 'keys'
>

/**
 * A call of which only the path counts. Its body is nobody's business: small ones are kept, so that another backend can
 * be sent them too, and larger ones are passed on while they come.
 */
async function readRaw(
  { wheel }: Pick<Gateway, 'wheel'>,
  { bodyBytesMax, uploadBytesMax, services, passthrough, filters, guards, keys }: ReadLimits,
  incoming: Incoming,
  exchange: Exchange,
): Promise<Call | Refusal> {
  const { request, endpoint, client } = incoming
  const { forwarded } = incoming
  const found = forwarded === undefined ? findService(services, incoming.path) : undefined
  const path = found?.rest ?? incoming.path
  const { method, headers } = request
  const model = found?.key ?? (endpoint.dialect === 'raw' ? '' : namedBeside(headers))
  exchange.alias = model === '' ? undefined : model
  const facts = {
    endpoint,
    method,
    path,
    query: queryToSend(incoming, keys),
    model,
    modelAt: nowhere,
    client,
    forwarded,
  }
  const lost = lostBody(request)
  if (lost !== undefined) return lost
  const plan = endpoint.dialect === 'raw' ? (forwarded ?? services.plans.get(model) ?? passthrough) : undefined
  const isGuarded = guards !== undefined && wantsBodyOf(method, path)
  if (isGuarded || (filters !== undefined && wantsBody(filters, method, [incoming.path, path], headers, plan))) {
    return incoming.overload ?? (await readForFilters(facts, request, bodyBytesMax, exchange))
  }
  const body = await readSmall(request, Math.min(smallBytesMax, bodyBytesMax), uploadBytesMax)
  if (isRefusal(body)) return body
  if (!(body instanceof Uint8Array)) {
    const upload = new ClientUpload(body, uploadBytesMax, wheel)
    exchange.debts.owe(upload)
    const stream = asksForStream(endpoint, undefined)
    exchange.stream = stream
    return { ...facts, headers, body: undefined, upload, stream }
  }
  if (exchange.seen !== undefined) exchange.seen = { ...exchange.seen, body }
  const stream = asksForStream(endpoint, headers.has('content-encoding') ? undefined : body)
  exchange.stream = stream
  return { ...facts, headers, body: orNone(body), stream }
}

/** Whoever takes members out of a body must read it, whatever is around it. */
async function readForFilters(
  facts: Omit<Call, 'body' | 'headers' | 'stream'>,
  request: Request,
  bytesMax: number,
  exchange: Exchange,
): Promise<Call | Refusal> {
  const encoded = await readBody(request, bytesMax)
  if (isRefusal(encoded)) return encoded
  const encoding = request.headers.get('content-encoding')
  const isPlain = encoding === null || encoded.byteLength === 0
  const body = isPlain ? encoded : await decodeBody(encoded, encoding, bytesMax)
  // It must not get past its filter for being packed as nobody here can unpack it.
  if (isRefusal(body)) return body.code === 'invalid_json' ? refuse('unsupported_media_type', body.message) : body
  if (exchange.seen !== undefined) exchange.seen = { ...exchange.seen, body }
  const headers = body === encoded ? request.headers : withoutEncoding(request.headers)
  const stream = asksForStream(facts.endpoint, body)
  exchange.stream = stream
  return { ...facts, headers, body: orNone(body), stream }
}

/** Limit: larger bodies that nobody reads are not kept. */
const smallBytesMax = 1024 ** 2

const nowhere = { start: 0, end: 0 }

/** As far as its path and a small body tell. */
function asksForStream({ stream, streamsByDefault }: Endpoint, body: Uint8Array | undefined): boolean {
  if (stream === 'gemini_sse' || stream === 'gemini_array') return true
  return (body === undefined ? undefined : streamWish(body)) ?? streamsByDefault === true
}

function parse(
  { passthrough }: Pick<ReadLimits, 'passthrough'>,
  incoming: Incoming,
  body: Uint8Array<ArrayBuffer>,
  headers: Headers,
): Call | Refusal {
  const { request, endpoint, path } = incoming
  const facts = {
    method: request.method,
    path: endpoint.sentAs ?? path,
    query: withoutCredentials(incoming.query),
    keyInQuery: incoming.query === '' ? undefined : queryCredential(incoming.query),
    headers,
    client: incoming.client,
  }
  if (endpoint.reads === 'path') {
    const named = readModelPath(path)
    if (named === undefined) {
      return refuse(
        'route_not_found',
        'Cannot find this path: it should end in "/models/{model}:{verb}", such as ":generateContent"',
      )
    }
    return { ...facts, endpoint, model: named.model, modelAt: named.modelAt, stream: named.stream, body: orNone(body) }
  }
  const withoutModel = (): Call => ({
    ...facts,
    endpoint: { ...endpoint, reads: 'nothing' },
    model: namedBeside(headers),
    modelAt: nowhere,
    stream: streamWish(body) ?? endpoint.streamsByDefault === true,
    body: orNone(body),
  })
  // Whoever takes everything may know what to do without one.
  const mayLackModel = endpoint.mayLackModel === true || passthrough !== undefined
  if (endpoint.mayLackModel === true && body.byteLength === 0) return withoutModel()
  const type = headers.get('content-type') ?? ''
  if (type !== 'application/json' && /^multipart\/form-data\b/i.test(type)) {
    const form = peekMultipart(body, type)
    if (isRefusal(form)) return mayLackModel && form.code === 'missing_model' ? withoutModel() : form
    return {
      ...facts,
      endpoint: { ...endpoint, reads: 'multipart' },
      model: form.model,
      modelAt: form.modelAt,
      stream: form.stream,
      body,
    }
  }
  if (!mayBeJson(type)) {
    return refuse('unsupported_media_type', 'Cannot read the body: its Content-Type is not JSON, send application/json')
  }
  const json = peekJson(body)
  if (isRefusal(json)) return mayLackModel && json.code === 'missing_model' ? withoutModel() : json
  const stream = json.stream || (endpoint.streamsByDefault === true && !json.hasStreamWish)
  // Google's names of models have a word in front also in bodies.
  const model = endpoint.dialect === 'gemini' ? withoutModelsPrefix(json.model) : json.model
  return { ...facts, endpoint, model, modelAt: json.modelAt, stream, body }
}

/** An alias, for requests that have no place for a model. */
function namedBeside(headers: Headers): string {
  return headers.get(modelHeader) ?? ''
}

/** Clients that leave the type out, or say text/plain, still send JSON; forms and foreign charsets are another matter. */
function mayBeJson(type: string): boolean {
  if (type === '' || type === 'application/json') return true
  const [media = '', ...parameters] = type.toLowerCase().split(';')
  const charset = parameters.map((part) => part.trim()).find((part) => part.startsWith('charset='))
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) return false
  return /^(application|text)\/([\w.+-]*\+)?(json|plain)$/.test(media.trim())
}

function orNone(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  return body.byteLength === 0 ? undefined : body
}

function withoutEncoding(headers: Headers): Headers {
  const copy = new Headers(headers)
  copy.delete('content-encoding')
  return copy
}
