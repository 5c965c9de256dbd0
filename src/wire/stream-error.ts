import type { Dialect } from '#core/dialect.ts'
import type { StreamForm } from '#core/endpoint.ts'
import { refusalStatus } from '#core/refusal.ts'
import { asBuffer, encode } from '#kit/bytes.ts'
import { asObject, asText, parseJson } from '#kit/json-value.ts'
import { errorOf } from './error-in-body.ts'
import { errorNames } from './error-names.ts'
import type { GatePosition } from './gate.ts'
import { oneLine } from './one-line.ts'

/** Why a stream that a client is reading ends early. */
export interface StreamFault {
  /** For programs: `stream_incomplete`, `upstream_timeout`, … */
  readonly code: string
  readonly message: string
  /** The HTTP status that it would have been, had the head not been sent. */
  readonly status?: number | undefined
  /** The dialect's own name for it; otherwise one is chosen by status and code. */
  readonly type?: string | undefined
  readonly requestId: string
  /** Where the client's bytes end, as the gate tells it. */
  readonly position: GatePosition
  /** Of Responses: the number that the next event has; undefined: it is the first. */
  readonly sequence?: number | undefined
}

/**
 * The bytes that tell a client in its stream's own protocol that the stream failed, without `[DONE]`; the stream ends
 * behind them. Each piece is a write of its own, flushed before the next. Empty where the protocol has no way to say
 * it any more: then the connection must be aborted.
 */
export function streamError(form: StreamForm, fault: StreamFault): readonly Uint8Array[] {
  // An event that the client has half of is closed with a blank line, so that the error is an event of its own.
  const opening = fault.position === 'inside' ? '\n\n' : ''
  switch (form) {
    case 'chat':
    case 'completions':
      return [encode(opening + dataLine(openaiError(fault)))]
    case 'responses':
      return [encode(opening + responsesEvents(fault))]
    case 'messages':
      return [encode(`${opening}event: error\n${dataLine(anthropicError(fault))}`)]
    case 'gemini_sse':
      // Google's SDKs before 2.0 see an error only when a network read holds nothing but its bare JSON.
      return [encode(opening + dataLine(geminiError(fault))), encode(oneLine(geminiError(fault)))]
    case 'gemini_array':
      return arrayEnd(fault)
    case 'ndjson':
      return [encode(`${fault.position === 'inside' ? '\n' : ''}${oneLine({ error: fault.message })}\n`)]
  }
}

/** What an upstream's error answer says, as far as it may be told in a stream. */
export type AnswerFault = Pick<StreamFault, 'code' | 'message' | 'status' | 'type'>

/**
 * The error that an upstream answered with, for a client whose stream has begun already; undefined when the body is no
 * error in JSON. `body` is not compressed.
 */
export function faultOf(body: Uint8Array, status: number, dialect: Dialect): AnswerFault | undefined {
  // Limit: an error that is larger is not read; its status has to do.
  if (body.length > answerBytesMax) return undefined
  const value = parseJson(asBuffer(body).toString())
  const reported = errorOf(value) ?? (status < 400 ? undefined : errorOf({ error: plainMessage(value) }))
  if (reported === undefined) return undefined
  const meant = status >= 400 ? status : (reported.status ?? 502)
  return {
    code: isName(reported.code) ? reported.code : meant === 429 ? 'rate_limit_exceeded' : 'upstream_error',
    message: reported.message.replaceAll(urls, '(address removed)'),
    status: meant,
    type: isTypeOf(dialect, reported.type) ? reported.type : undefined,
  }
}

/** Limit: bytes of an error answer that is told in a stream. */
const answerBytesMax = 65_536

const urls = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>()[\]{}]+/gi

/** The forms of servers that know no envelope. */
function plainMessage(value: unknown): string | undefined {
  const body = asObject(value)
  return asText(body?.['message']) ?? asText(body?.['Message']) ?? asText(body?.['detail'])
}

function isName(code: string | undefined): code is string {
  return code !== undefined && /^[A-Za-z][\w.-]{0,63}$/.test(code)
}

/** A name of another dialect, or none at all, would mislead the client's program. */
function isTypeOf(dialect: Dialect, type: string | undefined): boolean {
  if (type === undefined) return false
  return dialect === 'gemini' ? /^[A-Z][A-Z_]{0,63}$/.test(type) : /^[a-z][a-z_]{0,63}$/.test(type)
}

function openaiError(fault: StreamFault): object {
  const type = fault.type ?? namesOf(fault).openai
  return { error: { message: fault.message, type, code: fault.code, param: null } }
}

function anthropicError(fault: StreamFault): object {
  const type = fault.type ?? namesOf(fault).anthropic
  return { type: 'error', error: { type, message: fault.message }, request_id: fault.requestId }
}

function geminiError(fault: StreamFault): object {
  const status = fault.type ?? namesOf(fault).gemini
  return { error: { code: statusOf(fault) ?? 503, message: fault.message, status } }
}

function namesOf(fault: StreamFault): ReturnType<typeof errorNames> {
  return errorNames(fault.code, statusOf(fault))
}

function statusOf({ code, status }: StreamFault): number | undefined {
  return status ?? statusByCode.get(code)
}

const statusByCode: ReadonlyMap<string, number> = new Map(Object.entries(refusalStatus))

/** The codes of `response.error` are a closed set. */
function responsesCode(fault: StreamFault): string {
  const status = statusOf(fault)
  if (status === 429 || fault.code === 'rate_limit_exceeded') return 'rate_limit_exceeded'
  return status === 400 || fault.code === 'invalid_prompt' ? 'invalid_prompt' : 'server_error'
}

/** Both `error`, flat and nested because clients read either, and `response.failed`, the only one that Codex shows. */
function responsesEvents(fault: StreamFault): string {
  const code = responsesCode(fault)
  const error = { type: fault.type ?? namesOf(fault).openai, code, message: fault.message, param: null }
  const { sequence = 0 } = fault
  const first = { ...error, type: 'error', sequence_number: sequence, error }
  const response = {
    id: `resp_${fault.requestId}`,
    object: 'response',
    status: 'failed',
    error: { code, message: fault.message },
    incomplete_details: null,
    output: [],
    usage: null,
  }
  const second = { type: 'response.failed', sequence_number: sequence + 1, response }
  return `event: error\n${dataLine(first)}event: response.failed\n${dataLine(second)}`
}

function arrayEnd(fault: StreamFault): readonly Uint8Array[] {
  const element = oneLine(geminiError(fault))
  switch (fault.position) {
    case 'start':
      return [encode(`[${element}]`)]
    case 'between':
      return [encode(`,\r\n${element}]`)]
    case 'inside':
      return []
  }
}

function dataLine(value: object): string {
  return `data: ${oneLine(value)}\n\n`
}
