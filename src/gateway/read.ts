import type { Call } from '#core/call.ts'
import type { Exchange } from '#core/exchange.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import { peekMultipart } from '#wire/multipart.ts'
import { readModelPath } from '#wire/model-path.ts'
import { peekJson } from '#wire/peek.ts'
import { decodeBody, readBody } from './body.ts'
import type { Incoming } from './incoming.ts'
import { withoutCredentials } from './query.ts'

/** Reads the body under its limit and finds the facts that routing needs. */
export async function read(incoming: Incoming, bytesMax: number, exchange: Exchange): Promise<Call | Refusal> {
  const { request } = incoming
  const raw = await readBody(request, bytesMax)
  if (isRefusal(raw)) return raw
  const encoding = request.headers.get('content-encoding')
  const body = encoding === null ? raw : await decodeBody(raw, encoding, bytesMax)
  if (isRefusal(body)) return body
  if (exchange.seen !== undefined) exchange.seen = { ...exchange.seen, body }

  const call = parse(incoming, body, encoding === null ? request.headers : withoutEncoding(request.headers))
  if (isRefusal(call)) return call
  exchange.alias = call.model
  exchange.stream = call.stream
  return call
}

function parse(incoming: Incoming, body: Uint8Array<ArrayBuffer>, headers: Headers): Call | Refusal {
  const { request, endpoint, path } = incoming
  const facts = {
    method: request.method,
    path,
    query: withoutCredentials(incoming.query),
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
  const type = headers.get('content-type') ?? ''
  if (type !== 'application/json' && /^multipart\/form-data\b/i.test(type)) {
    const form = peekMultipart(body, type)
    if (isRefusal(form)) return form
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
  if (isRefusal(json)) return json
  const stream = json.stream || (endpoint.streamsByDefault === true && !json.hasStreamWish)
  return { ...facts, endpoint, model: json.model, modelAt: json.modelAt, stream, body }
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
