import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { OutgoingRequest } from '#ports/transport.ts'
import { spliceGeminiBody } from '#wire/gemini-body.ts'
import { spliceModel } from '#wire/json-splice.ts'
import { spliceFormModel } from '#wire/multipart.ts'
import { requestHeaders } from './headers.ts'
import { upstreamUrl } from './url.ts'

/** The call as this candidate must get it: its URL, its key, its name of the model; every other byte as it came. */
export function outgoing(call: Call, candidate: Candidate, abort: AbortController): OutgoingRequest {
  const { timeouts, verifyTls } = candidate.backend
  return {
    method: call.method,
    url: upstreamUrl(call, candidate),
    headers: requestHeaders(call, candidate),
    body: bodyFor(call, candidate.model),
    clocks: timeouts,
    verifyTls,
    abort,
  }
}

/** The same bytes, not a copy, when the backend knows the model under the client's name. */
function bodyFor(call: Call, model: string): OutgoingRequest['body'] {
  const { body, modelAt } = call
  if (body === undefined || model === call.model) return body
  if (call.endpoint.reads === 'path') return spliceGeminiBody(body, call.path, call.model, model)
  const splice = call.endpoint.reads === 'json' ? spliceModel : spliceFormModel
  return splice(body, modelAt, model)
}
