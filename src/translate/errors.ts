import type { Form } from '#core/talk.ts'
import { asList, asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import { retryAfterMsMax } from '#wire/error-body.ts'
import { errorNames } from '#wire/error-names.ts'
import type { HeaderLook } from './codec.ts'
import type { CommonError, ErrorKind } from './common.ts'
import { kindOfError, statusOfError } from './error-kind.ts'
import { retryWaitMs } from './retry-wait.ts'

/** What an upstream's error says of itself, however its form writes it. */
export interface ErrorWords {
  readonly message: string
  /** Its type and its code, in lower case or as they came: `overloaded_error`, `RESOURCE_EXHAUSTED`, `ThrottlingException`. */
  readonly type?: string | undefined
  readonly code?: string | undefined
  readonly param?: string | undefined
}

/**
 * The kind of an upstream's error, and the status that tells it to a client (formats §8.2): by status first, then by what it
 * says. Its Retry-After is looked for in headers and, for Google, given as `retryAfterMs`.
 */
export function errorFrom(status: number, headers: HeaderLook, words: ErrorWords, retryAfterMs?: number): CommonError {
  const type = words.type ?? exceptionName(headers.get('x-amzn-errortype') ?? '')
  const error = errorWithin({ ...words, type }, status)
  const waitMs = retryAfterMs ?? retryWaitMs(headers, error.kind === 'rate_limit')
  return waitMs === undefined ? error : { ...error, retryAfterMs: waitMs }
}

/** An error that came within a stream or a body with a good status. */
export function errorWithin(words: ErrorWords, status?: number): CommonError {
  const told = status ?? statusInCode(words.code)
  const kind = kindOfError(words, told)
  const code = [words.code, words.type].find((word) => word !== undefined && word !== '' && !isNumber(word))
  const message = beginningOf(words.message, messageLengthMax)
  return {
    kind,
    status: statusOfError(kind, words, told),
    message: message === '' ? wordless(told) : message,
    ...(code === undefined ? {} : { code }),
    ...(words.param === undefined ? {} : { param: words.param }),
  }
}

/** Limit: UTF-16 units of an upstream's message that a client is told. */
const messageLengthMax = 4096

function wordless(status: number | undefined): string {
  const how = status === undefined ? 'with an error' : `with status ${status}`
  return `Cannot answer the request: the backend answered ${how} and said no more`
}

/** Never cut within a word: half of a key, which some servers repeat, would not be found to be hidden. */
function beginningOf(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text
  let end = lengthMax
  if (isOfKey(text.charCodeAt(end))) while (end > 0 && isOfKey(text.charCodeAt(end - 1))) end -= 1
  return text.slice(0, end)
}

/** Keys are made of what ASCII has beside blanks. */
function isOfKey(code: number): boolean {
  return code > 0x20 && code < 0x7f
}

function isNumber(word: string): boolean {
  return /^\d+$/.test(word)
}

/** OpenRouter and others tell the HTTP status as the code. */
function statusInCode(code: string | undefined): number | undefined {
  return code !== undefined && /^[45]\d\d$/.test(code) ? Number(code) : undefined
}

/** The words of an error body of unknown form: an object or string in `error`, `message`, `detail`, `Message`; array unwrapped. */
export function wordsOf(body: unknown): ErrorWords | undefined {
  const sole = Array.isArray(body) && body.length > 0 ? asList(body)[0] : body
  if (typeof sole === 'string') return wordsOfText(sole)
  const object = asObject(sole)
  if (object === undefined) return undefined
  const error = object['error']
  // A number or word in `error` is a title; what happened stands beside it.
  const beside = asText(object['message']) ?? asText(object['detail']) ?? asText(object['error_description'])
  if (typeof error === 'string' && error !== '') {
    const type = asName(object['type'])
    return beside === undefined
      ? { message: error, type, code: asName(object['code']) }
      : { message: beside, code: error, type }
  }
  const nested = asObject(error)
  if (nested !== undefined && Object.keys(nested).length > 0) return describe(nested, object)
  const flat = describe(object, {})
  return flat.message === '' && flat.type === undefined && flat.code === undefined ? undefined : flat
}

function describe(error: JsonObject, around: JsonObject): ErrorWords {
  const reason = asList(error['details']).map((detail) => asText(asObject(detail)?.['reason']))
  const type = asName(error['status']) ?? asName(error['type']) ?? asName(exceptionName(asText(error['__type']) ?? ''))
  const code =
    reason.find((word) => word !== undefined) ??
    asName(asObject(error['details'])?.['error_code']) ??
    asName(error['code']) ??
    asName(asObject(error['innererror'])?.['code']) ??
    asName(around['code'])
  const param = asText(error['param'])
  const message = messageIn(error) ?? messageIn(around) ?? ''
  return { message, type, code, ...(param === undefined ? {} : { param }) }
}

function messageIn(error: JsonObject): string | undefined {
  const message =
    asText(error['message']) ?? asText(error['Message']) ?? asText(error['detail']) ?? asText(error['msg'])
  const raw = asObject(error['metadata'])?.['raw']
  // Aggregators tell what the provider said beside a sentence that says nothing.
  if (raw !== undefined && (message === undefined || /^provider returned error\.?$/i.test(message))) {
    const said = asObject(raw) ?? asText(raw)
    const inner = typeof said === 'string' ? (asObject(parseJson(said)) ?? said) : said
    const words = typeof inner === 'string' ? wordsOfText(inner) : inner && messageIn(asObject(inner['error']) ?? inner)
    const found = typeof words === 'object' ? words.message : words
    if (found !== undefined) return found
  }
  return message ?? fieldProblems(error['detail'] ?? error['message'] ?? error['errors'])
}

/** FastAPI's and others' list of what is wrong with which field. */
function fieldProblems(value: unknown): string | undefined {
  const list = asList(asObject(value)?.['detail'] ?? value)
  const problems: string[] = []
  for (const entry of list.slice(0, problemsMax)) {
    const problem = asObject(entry)
    const text = asText(entry) ?? asText(problem?.['msg']) ?? asText(problem?.['message'])
    if (text === undefined) continue
    const place = asList(problem?.['loc']).filter((step) => typeof step === 'string' || typeof step === 'number')
    problems.push(place.length === 0 ? text : `${place.join('.')}: ${text}`)
  }
  return problems.length === 0 ? undefined : problems.join('; ')
}

/** Limit: problems of a list that are told. */
const problemsMax = 10

function wordsOfText(text: string): ErrorWords | undefined {
  const trimmed = text.trim()
  if (trimmed === '' || trimmed.startsWith('<')) return undefined
  return { message: beginningOf(trimmed, plainLengthMax) }
}

/** Limit: UTF-16 units of an error that is no JSON. */
const plainLengthMax = 300

/** A name, or a number in digits; `error` names nothing. */
function asName(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' && value !== 'error' ? value : undefined
}

/** `com.amazon.coral#ThrottlingException:http://…` → `ThrottlingException`. */
function exceptionName(type: string): string | undefined {
  const name = type.slice(type.indexOf('#') + 1).split(':')[0] ?? ''
  return name === '' ? undefined : name
}

/** The body that clients of a form know errors by. */
export function errorEnvelope(error: CommonError, form: Form, requestId: string): JsonObject {
  if (form === 'ollama') return { error: error.message }
  const words = namesOf(error)
  if (form === 'messages') {
    const message = messageForAnthropic(error)
    return { type: 'error', error: { type: words.anthropicType, message }, request_id: requestId }
  }
  const { message, param } = error
  if (form === 'gemini') {
    const status = statusFor(error, form)
    return { error: { code: status, message, status: words.googleStatus, ...googleDetails(error) } }
  }
  return { error: { message, type: words.openaiType, param: param ?? null, code: openaiCode(error) } }
}

/** The status that clients of a form know an error by: who has no room is told so by a number of Anthropic's own. */
export function statusFor({ kind, status }: CommonError, form: Form): number {
  if (kind !== 'overloaded') return status
  return form === 'messages' ? 529 : 503
}

/** OpenAI's `type` and `code`, Anthropic's `type`, Google's `status` of a kind. */
export function errorWordsFor(kind: ErrorKind): {
  readonly openaiType: string
  readonly openaiCode: string | null
  readonly anthropicType: string
  readonly googleStatus: string
} {
  const { status, code } = told[kind]
  const names = errorNames(code ?? '', status)
  return {
    openaiType: names.openai,
    openaiCode: code,
    anthropicType: names.anthropic,
    googleStatus: names.gemini,
  }
}

/** As which of our own errors each kind is told, so that one error has one name. */
const told: Readonly<Record<ErrorKind, { readonly status: number; readonly code: string | null }>> = {
  invalid_request: { status: 400, code: null },
  context_overflow: { status: 400, code: 'context_length_exceeded' },
  unsupported: { status: 400, code: 'unsupported_by_backend' },
  auth: { status: 401, code: 'invalid_api_key' },
  quota: { status: 402, code: 'insufficient_quota' },
  permission: { status: 403, code: 'model_not_allowed' },
  not_found: { status: 404, code: 'model_not_found' },
  conflict: { status: 409, code: null },
  too_large: { status: 413, code: 'request_too_large' },
  media_type: { status: 415, code: null },
  rate_limit: { status: 429, code: 'rate_limit_exceeded' },
  content_policy: { status: 400, code: 'content_policy_violation' },
  upstream_failed: { status: 502, code: 'upstream_error' },
  upstream_auth: { status: 502, code: 'upstream_auth_failed' },
  overloaded: { status: 503, code: 'overloaded' },
  timeout: { status: 504, code: 'upstream_timeout' },
  internal: { status: 500, code: 'internal_error' },
}

function namesOf(error: CommonError): ReturnType<typeof errorWordsFor> {
  // A stream that broke off has a name of its own.
  if (error.kind === 'upstream_failed' && error.code === 'stream_incomplete') {
    const names = errorNames(error.code, undefined)
    return {
      openaiType: names.openai,
      openaiCode: error.code,
      anthropicType: names.anthropic,
      googleStatus: names.gemini,
    }
  }
  return errorWordsFor(error.kind)
}

/** The provider's own word where ours would say less and its looks like one of OpenAI's. */
function openaiCode(error: CommonError): string | null {
  const { code, kind } = error
  const isTold =
    code !== undefined && openKinds.has(kind) && /^[a-z][a-z0-9_]{0,63}$/.test(code) && !code.endsWith('_error')
  return isTold ? code : told[kind].code
}

const openKinds: ReadonlySet<ErrorKind> = new Set([
  'invalid_request',
  'unsupported',
  'not_found',
  'conflict',
  'upstream_failed',
  'timeout',
  'internal',
])

/** Its clients know by the first words that they should say less, and by how much from the numbers. */
function messageForAnthropic({ kind, message }: CommonError): string {
  if (kind !== 'context_overflow' || /^prompt is too long/i.test(message)) return message
  const numbers = [...message.slice(0, messageLengthMax).matchAll(/\d[\d,]{2,14}/g)].map(([text]) =>
    Number(text.replaceAll(',', '')),
  )
  const [first, second] = [...new Set(numbers.filter((number) => number >= 256))]
  if (first === undefined || second === undefined) return `prompt is too long: ${message}`
  return `prompt is too long: ${Math.max(first, second)} tokens > ${Math.min(first, second)} maximum (${message})`
}

/** Google's clients read the wait, and which field is at fault, from the body. */
function googleDetails({ retryAfterMs, param, message }: CommonError): { details?: readonly object[] } {
  const details: object[] = []
  if (retryAfterMs !== undefined) {
    const seconds = Math.min(Math.max(retryAfterMs, 0), retryAfterMsMax) / 1000
    details.push({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` })
  }
  if (param !== undefined && param !== '') {
    const fieldViolations = [{ field: param, description: message }]
    details.push({ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations })
  }
  return details.length === 0 ? {} : { details }
}
