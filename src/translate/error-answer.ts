import type { Form } from '#core/talk.ts'
import { encode } from '#kit/bytes.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import { answerHeaders } from './answer-headers.ts'
import type { BackendCodec } from './codec.ts'
import type { CommonError } from './common.ts'
import { errorEnvelope, statusFor } from './errors.ts'
import type { Notes } from './notes.ts'
import { rewritten } from './translated-body.ts'
import { valueIn, WholeAnswer } from './whole-answer.ts'

export interface ErrorMeans {
  /** The client's. */
  readonly form: Form
  readonly backend: Pick<BackendCodec, 'readError'>
  readonly requestId: string
  readonly notes: Notes
  readonly nowWallMs: number
}

/**
 * An answer with an error status in the client's form. What is known of it only from its body comes too late for status and
 * headers, unless all of it is there.
 */
export function errorAnswer(response: IncomingResponse, means: ErrorMeans): IncomingResponse {
  const { status, headers, body } = response
  const { backend } = means
  const { whole } = body
  const isPlain = isPlainText(response)
  if (whole !== undefined || !isPlain) {
    const said = whole === undefined || whole.byteLength === 0 || !isPlain ? undefined : valueIn(whole)
    if (whole === undefined) body.cancel()
    const error = backend.readError(status, headers, said)
    return told(response, error, means, new WholeBody(errorBytes(error, means)))
  }
  const early = backend.readError(status, headers, undefined)
  const rewriter = new WholeAnswer((bytes) => {
    const error = backend.readError(status, headers, bytes.byteLength === 0 ? undefined : valueIn(bytes))
    return [errorBytes({ ...error, status: early.status }, means)]
  })
  return told(response, early, means, rewritten(body, rewriter))
}

/** Nothing has to be undone before it can be read. */
export function isPlainText({ headers }: IncomingResponse): boolean {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  return encoding === '' || encoding === 'identity'
}

function told(
  response: IncomingResponse,
  error: CommonError,
  { form, notes, nowWallMs }: ErrorMeans,
  body: IncomingResponse['body'],
): IncomingResponse {
  const headers = answerHeaders(response.headers, { form, stream: undefined, notes, error, nowWallMs })
  return { ...response, status: statusFor(error, form), headers, body }
}

/** The body that tells it. */
export function errorBytes(
  error: CommonError,
  { form, requestId }: Pick<ErrorMeans, 'form' | 'requestId'>,
): Uint8Array {
  return encode(JSON.stringify(errorEnvelope(error, form, requestId)))
}
