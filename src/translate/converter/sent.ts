import { asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { BackendRequest } from '#translate/codec.ts'
import { misfit } from './misfit.ts'

/** What a converter wants to be sent, looked at before it is: it may be of any type. Throws where it is none of these. */
export function readSent(value: unknown): Pick<BackendRequest, 'path' | 'query' | 'headers' | 'body'> {
  const sent = asObject(value)
  const body = asObject(sent?.['body'])
  const path = asText(sent?.['path'])
  if (sent === undefined || body === undefined) throw misfit('writeRequest', 'no "body" that is an object')
  if (path === undefined || (path !== '' && !path.startsWith('/')) || /[?#]/.test(path)) {
    throw misfit('writeRequest', 'no "path" that begins with "/", without "?" and "#"')
  }
  const query = sent['query'] ?? ''
  if (typeof query !== 'string') throw misfit('writeRequest', 'a "query" that is no text')
  return { path, query: query.replace(/^\?/, ''), headers: headersOf(sent['headers']), body: plain(body) }
}

/** What it is as JSON: it may go round in circles, or throw while it is written. */
function plain(body: JsonObject): JsonObject {
  const written = asObject(parseJson(JSON.stringify(body)))
  if (written === undefined) throw misfit('writeRequest', 'a "body" that is no object in JSON')
  return written
}

function headersOf(value: unknown): readonly (readonly [name: string, value: string])[] {
  const headers = value === undefined ? {} : asObject(value)
  if (headers === undefined) throw misfit('writeRequest', '"headers" that are no object')
  return Object.entries(headers).map(([name, text]) => {
    const isToken = /^[!#$%&'*+\-.^_`|~\w]+$/.test(name)
    if (!isToken || ofConnection.has(name.toLowerCase())) throw misfit('writeRequest', `a header "${name}"`)
    if (typeof text !== 'string' || !/^[\t\u0020-\u007e]*$/.test(text)) {
      throw misfit('writeRequest', `a header "${name}" whose value is no plain ASCII`)
    }
    return [name.toLowerCase(), text]
  })
}

/** What frames the message, and what the answer is read by. */
const ofConnection: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
