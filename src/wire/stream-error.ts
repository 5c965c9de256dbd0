import type { StreamForm } from '#core/endpoint.ts'
import { encode } from '#kit/bytes.ts'
import type { GatePosition } from './sse.ts'

/** Why a stream that a client is reading ends early. */
export interface StreamFault {
  /** For programs: `stream_incomplete`, `upstream_timeout`, … */
  readonly code: string
  readonly message: string
  readonly requestId: string
  /** Where the client's bytes end, as the gate tells it. */
  readonly position: GatePosition
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
  }
}

function openaiError(fault: StreamFault): object {
  return { error: { message: fault.message, type: 'server_error', code: fault.code, param: null } }
}

function anthropicError(fault: StreamFault): object {
  return { type: 'error', error: { type: 'api_error', message: fault.message }, request_id: fault.requestId }
}

function geminiError(fault: StreamFault): object {
  return { error: { code: 503, message: fault.message, status: 'UNAVAILABLE' } }
}

/** Both `error`, flat and nested because clients read either, and `response.failed`, the only one that Codex shows. */
function responsesEvents(fault: StreamFault): string {
  // The codes of `response.error` are a closed set.
  const code = fault.code === 'rate_limit_exceeded' ? fault.code : 'server_error'
  const error = { type: 'server_error', code, message: fault.message, param: null }
  const first = { ...error, type: 'error', sequence_number: 0, error }
  const response = {
    id: `resp_${fault.requestId}`,
    object: 'response',
    status: 'failed',
    error: { code, message: fault.message },
    incomplete_details: null,
    output: [],
    usage: null,
  }
  const second = { type: 'response.failed', sequence_number: 1, response }
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

/** JSON without the characters that some clients take for line ends. */
function oneLine(value: object): string {
  return JSON.stringify(value).replaceAll(/[\u0085\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
