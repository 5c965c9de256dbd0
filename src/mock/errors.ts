import type { JsonObject } from '#kit/json-value.ts'
import { awsException } from './aws-frame.ts'
import { cohereFailure } from './cohere.ts'
import { sse, type StreamEvent } from './events.ts'
import { line } from './ndjson.ts'
import type { MockDialect, Surface } from './surface.ts'

/** An error as a provider would word it. */
export interface MockError {
  readonly status: number
  readonly message: string
  /** Replaces the word that the status would give. */
  readonly code?: string
}

interface Names {
  readonly openai: string
  readonly anthropic: string
  readonly gemini: string
}

const namesByStatus: Readonly<Record<number, Names>> = {
  400: { openai: 'invalid_request_error', anthropic: 'invalid_request_error', gemini: 'INVALID_ARGUMENT' },
  401: { openai: 'authentication_error', anthropic: 'authentication_error', gemini: 'UNAUTHENTICATED' },
  403: { openai: 'permission_error', anthropic: 'permission_error', gemini: 'PERMISSION_DENIED' },
  404: { openai: 'not_found_error', anthropic: 'not_found_error', gemini: 'NOT_FOUND' },
  413: { openai: 'invalid_request_error', anthropic: 'request_too_large', gemini: 'INVALID_ARGUMENT' },
  429: { openai: 'rate_limit_error', anthropic: 'rate_limit_error', gemini: 'RESOURCE_EXHAUSTED' },
  503: { openai: 'server_error', anthropic: 'api_error', gemini: 'UNAVAILABLE' },
  504: { openai: 'server_error', anthropic: 'timeout_error', gemini: 'DEADLINE_EXCEEDED' },
  529: { openai: 'server_error', anthropic: 'overloaded_error', gemini: 'UNAVAILABLE' },
}

const clientFault: Names = { openai: 'invalid_request_error', anthropic: 'invalid_request_error', gemini: 'ABORTED' }
const serverFault: Names = { openai: 'server_error', anthropic: 'api_error', gemini: 'INTERNAL' }

/** The envelope of an error in a dialect. */
export function errorBody(dialect: MockDialect, error: MockError, requestId: string): JsonObject {
  const { status, message, code } = error
  const names = namesByStatus[status] ?? (status < 500 ? clientFault : serverFault)
  if (dialect === 'ollama') return { error: message }
  if (dialect === 'bedrock') return { message }
  if (dialect === 'cohere') return { id: requestId, message }
  if (dialect === 'gemini') return { error: { code: status, message, status: names.gemini } }
  if (dialect === 'anthropic') {
    return { type: 'error', error: { type: code ?? names.anthropic, message }, request_id: requestId }
  }
  return { error: { message, type: code ?? names.openai, param: null, code: code ?? codeOf(status) } }
}

/** Headers that a dialect sends with its errors. */
export function errorHeaders(dialect: MockDialect, error: MockError): readonly (readonly [string, string])[] {
  if (dialect !== 'bedrock') return []
  return [['x-amzn-errortype', `${exceptionOf(error.status)}:http://internal.amazon.com/coral/com.amazon.bedrock/`]]
}

/** The same error as an event of a stream; `isFirst`: nothing was sent before. */
export function errorEvent(place: StreamPlace, error: MockError, requestId: string, isFirst: boolean): StreamEvent {
  const { surface, dialect } = place
  if (surface === 'responses') {
    const code = error.code ?? 'server_error'
    return sse({ type: 'error', sequence_number: 0, code, message: error.message, param: null }, false, 'error')
  }
  const body = errorBody(dialect, error, requestId)
  if (dialect === 'bedrock') {
    const name = exceptionOf(error.status)
    return awsException(name.charAt(0).toLowerCase() + name.slice(1), body)
  }
  if (surface === 'cohere_chat') return cohereFailure(error.message)
  if (dialect === 'ollama') return line(body)
  // One more element of the array, which ends with it.
  if (place.isArray) return { text: `${isFirst ? '[' : ',\r\n'}${JSON.stringify(body)}]`, isContent: false }
  return sse(body, false, dialect === 'anthropic' ? 'error' : undefined)
}

/** Where a streamed error goes. */
export interface StreamPlace {
  readonly surface: Surface
  readonly dialect: MockDialect
  /** Gemini's form without server-sent events. */
  readonly isArray: boolean
}

const exceptions: Readonly<Record<number, string>> = {
  400: 'ValidationException',
  401: 'UnrecognizedClientException',
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  408: 'ModelTimeoutException',
  424: 'ModelErrorException',
  429: 'ThrottlingException',
  503: 'ServiceUnavailableException',
}

function exceptionOf(status: number): string {
  return exceptions[status] ?? (status < 500 ? 'ValidationException' : 'InternalServerException')
}

function codeOf(status: number): string | null {
  if (status === 429) return 'rate_limit_exceeded'
  if (status === 401) return 'invalid_api_key'
  return status === 404 ? 'model_not_found' : null
}
