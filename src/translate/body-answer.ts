import { encode } from '#kit/bytes.ts'
import { asObject, type JsonObject } from '#kit/json-value.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import { mediaTypeOf } from '#wire/stream-type.ts'
import { answerHeaders } from './answer-headers.ts'
import { errorAnswer, isPlainText, type ErrorMeans } from './error-answer.ts'
import { BrokenBody, rewritten, unreadable } from './translated-body.ts'
import { valueIn, WholeAnswer } from './whole-answer.ts'

/** What is made of the body of a good answer; a text tells why nothing can be. Undefined: nothing is to be told yet. */
type MakeBody = (body: JsonObject) => JsonObject | string | undefined

/** An answer that is never a stream, in the client's form. */
export function bodyAnswer(response: IncomingResponse, means: ErrorMeans, make: MakeBody): IncomingResponse {
  const { status, headers } = response
  if (status >= 400) return errorAnswer(response, means)
  // Redirects and web pages are no answers in any form: whoever judges the answer tells so.
  if (status >= 300 || mediaTypeOf(headers.get('content-type') ?? '') === 'text/html') return response
  const body = isPlainText(response)
    ? rewritten(response.body, new WholeAnswer((bytes) => madeOf(bytes, make)))
    : new BrokenBody(unreadable('its answer is compressed against our wish'), response.body)
  const { form, notes, nowWallMs } = means
  return {
    ...response,
    headers: answerHeaders(headers, { form, stream: undefined, notes, error: undefined, nowWallMs }),
    body,
  }
}

function madeOf(bytes: Uint8Array, make: MakeBody): readonly Uint8Array[] | ReturnType<typeof unreadable> {
  if (bytes.byteLength === 0) return []
  const body = asObject(valueIn(bytes))
  if (body === undefined) return unreadable('its answer is no JSON object')
  const made = make(body)
  if (made === undefined) return []
  return typeof made === 'string' ? unreadable(made) : [encode(JSON.stringify(made))]
}

/** An answer that nobody has to be asked for. */
export function localAnswer(
  body: JsonObject,
  { form, notes, nowWallMs }: Omit<ErrorMeans, 'backend'>,
): IncomingResponse {
  const facts = { form, stream: undefined, notes, error: undefined, nowWallMs }
  return {
    kind: 'response',
    status: 200,
    headers: answerHeaders(new Headers(), facts),
    sentMs: undefined,
    body: new WholeBody(encode(JSON.stringify(body))),
  }
}
