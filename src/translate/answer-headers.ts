import type { StreamForm } from '#core/endpoint.ts'
import type { Form } from '#core/talk.ts'
import { HeaderList } from '#kit/header-list.ts'
import { headersOfForm } from '#wire/keep-alive.ts'
import type { HeaderLook } from './codec.ts'
import type { CommonError, ErrorKind } from './common.ts'
import type { Notes } from './notes.ts'
import { rateLimitsFor } from './rate-limits.ts'

/** What an answer's headers are made of. */
export interface AnswerHeaderFacts {
  /** The client's. */
  readonly form: Form
  /** Of the stream that it gets. */
  readonly stream: StreamForm | undefined
  readonly notes: Notes
  readonly error: CommonError | undefined
  readonly nowWallMs: number
}

/**
 * Headers of a translated answer. Of the upstream's those are kept that the client's form has words for: the others speak of
 * an API that its clients do not know (formats §9.2).
 */
export function answerHeaders(upstream: HeaderLook, facts: AnswerHeaderFacts): HeaderList {
  const { form, stream, notes, error, nowWallMs } = facts
  const headers = new HeaderList(headersOfForm(stream ?? 'json').map(([name, value]) => [name, value]))
  for (const [name, value] of rateLimitsFor(form, upstream, nowWallMs)) headers.append(name, value)
  const id = upstreamId(upstream)
  if (id !== undefined) headers.append('x-request-id', id)
  const warnings = notes.header()
  if (warnings !== undefined) headers.append('x-llm-proxy-warnings', warnings)
  if (error !== undefined) tellRetry(headers, upstream, error)
  return headers
}

function upstreamId(upstream: HeaderLook): string | undefined {
  for (const name of idHeaders) {
    const id = upstream.get(name)
    if (id !== null && id !== '') return id
  }
  return undefined
}

const idHeaders = ['x-request-id', 'request-id', 'x-amzn-requestid', 'apim-request-id', 'x-ms-request-id']

function tellRetry(headers: HeaderList, upstream: HeaderLook, { kind, status, retryAfterMs }: CommonError): void {
  if (retryAfterMs !== undefined) {
    const waitMs = Math.min(Math.ceil(retryAfterMs), waitMsMax)
    headers.append('retry-after', String(Math.ceil(waitMs / 1000)))
    headers.append('retry-after-ms', String(waitMs))
  }
  const advice = upstream.get('x-should-retry')
  if (advice === 'true' || advice === 'false') headers.append('x-should-retry', advice)
  else if (isRetriedByClients(status) && hopeless.has(kind)) headers.append('x-should-retry', 'false')
}

/** Limit: nobody waits for longer, and nine digits are what is read of it. */
const waitMsMax = 999_999_999

function isRetriedByClients(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500
}

/** A second time would end like the first. */
const hopeless: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  'invalid_request',
  'context_overflow',
  'unsupported',
  'auth',
  'quota',
  'permission',
  'not_found',
  'conflict',
  'too_large',
  'media_type',
  'content_policy',
  'upstream_auth',
])
