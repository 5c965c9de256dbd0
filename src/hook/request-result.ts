import { encode } from '#kit/bytes.ts'
import type { HeaderPair } from '#kit/header-list.ts'
import { asObject, asText, type JsonObject } from '#kit/json-value.ts'
import type { HookAnswer } from './hook.ts'
import { isCredential } from './request-context.ts'
import { Misfit } from './run.ts'

/** What `beforeRequest` may give, read without trust. */
export interface RequestResult {
  readonly refuse?: { readonly status: number; readonly message: string; readonly code: string | undefined } | undefined
  readonly answer?: HookAnswer | undefined
  readonly model?: string | undefined
  readonly body?: JsonObject | undefined
  readonly add?: readonly HeaderPair[] | undefined
  /** In small letters. */
  readonly remove?: readonly string[] | undefined
}

const known: ReadonlySet<string> = new Set(['refuse', 'answer', 'model', 'body', 'headers'])

/** Undefined: the request goes on as it is. Throws for what is in no contract. */
export function readResult(given: unknown): RequestResult | undefined {
  if (given === undefined || given === null) return undefined
  const result = asObject(given)
  if (result === undefined) throw new Misfit('it gave what is no object')
  const strange = Object.keys(result).find((name) => !known.has(name))
  if (strange !== undefined) throw new Misfit(`it gave "${strange.slice(0, 40)}", which means nothing here`)
  const { refuse, answer, model, body, headers } = result
  if (model !== undefined && (typeof model !== 'string' || model === ''))
    throw new Misfit('it gave a "model" that is no text')
  return {
    refuse: refuse === undefined ? undefined : refusalOf(object('refuse', refuse)),
    answer: answer === undefined ? undefined : answerOf(object('answer', answer)),
    model,
    body: body === undefined ? undefined : object('body', body),
    ...(headers === undefined ? {} : changesOf(object('headers', headers))),
  }
}

function object(name: string, value: unknown): JsonObject {
  const found = asObject(value)
  if (found === undefined) throw new Misfit(`it gave a "${name}" that is no object`)
  return found
}

function refusalOf({ status = 403, message, code }: JsonObject): RequestResult['refuse'] {
  if (!isStatus(status, 400, 499)) throw new Misfit('it refused with a status that is none from 400 to 499')
  if (typeof message !== 'string' || message === '') throw new Misfit('it refused without a "message"')
  if (code !== undefined && (typeof code !== 'string' || !/^[a-z0-9_]{1,64}$/.test(code))) {
    throw new Misfit('it refused with a "code" that is not made of a-z, 0-9 and _')
  }
  // Limit: characters of a message to a client.
  return { status, message: message.slice(0, 1000), code }
}

function answerOf({ status = 200, headers, body }: JsonObject): HookAnswer {
  if (!isStatus(status, 200, 599) || status === 204 || status === 304) {
    throw new Misfit('it answered with a status that no answer with a body has')
  }
  const isText = typeof body === 'string'
  const written = isText ? body : JSON.stringify(object('answer.body', body))
  const told = headers === undefined ? [] : pairsOf(object('answer.headers', headers))
  const hasType = told.some(([name]) => name.toLowerCase() === 'content-type')
  const type: HeaderPair = ['content-type', isText ? 'text/plain; charset=utf-8' : 'application/json']
  return { kind: 'hook_answer', status, headers: hasType ? told : [type, ...told], body: encode(written) }
}

function changesOf({ add, remove }: JsonObject): Pick<RequestResult, 'add' | 'remove'> {
  const added = add === undefined ? [] : pairsOf(object('headers.add', add))
  const names = added.map(([name]) => name.toLowerCase())
  const credential = names.find((name) => isCredential(name))
  if (credential !== undefined) {
    throw new Misfit(`it added the header "${credential}", which proves a request: that is for "backends[].headers"`)
  }
  if (names.includes('content-type')) throw new Misfit('it added the header "content-type", which belongs to the body')
  if (remove !== undefined && !Array.isArray(remove)) throw new Misfit('it gave "headers.remove" that is no list')
  const removed = (remove ?? []).map((name: unknown) => {
    const text = asText(name)?.toLowerCase()
    if (text === undefined || ofMessage.has(text) || text === 'content-type')
      throw new Misfit('it removed what is no header, or the connection’s own')
    return text
  })
  return { add: added, remove: removed }
}

function pairsOf(headers: JsonObject): readonly HeaderPair[] {
  return Object.entries(headers).map(([name, value]): HeaderPair => {
    const isFine = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name) && !ofMessage.has(name.toLowerCase())
    if (!isFine) throw new Misfit(`it gave the header "${name.slice(0, 40)}", which is none, or the connection’s own`)
    if (typeof value !== 'string' || !/^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value)) {
      throw new Misfit(`it gave the header "${name}" a value that is no text of one line`)
    }
    return [name, value]
  })
}

const ofMessage: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function isStatus(status: unknown, min: number, max: number): status is number {
  return typeof status === 'number' && Number.isInteger(status) && status >= min && status <= max
}
