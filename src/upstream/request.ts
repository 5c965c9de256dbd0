import type { Call, Upload } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Stop } from '#kit/stop.ts'
import type { OutgoingRequest } from '#ports/transport.ts'
import { spliceGeminiBody } from '#wire/gemini-body.ts'
import { spliceModel } from '#wire/json-splice.ts'
import { withoutModelsPrefix } from '#wire/model-path.ts'
import { spliceFormModel } from '#wire/multipart.ts'
import { requestHeaders } from './headers.ts'
import { upstreamUrl } from './url.ts'

/** A request whose body can be sent a second time. */
export interface PiecewiseRequest extends OutgoingRequest {
  readonly body: readonly Uint8Array<ArrayBuffer>[] | undefined
}

/** The same request with a body that is passed on while it comes. */
export function uploading(request: PiecewiseRequest, upload: Upload): OutgoingRequest {
  // An idle connection that turns out to be dead would take the body down with it.
  return { ...request, body: upload.stream(), bodyBytes: upload.length, fresh: true }
}

/**
 * The call as this candidate must get it: its URL, its key, its name of the model; every other byte as it came.
 * `awaits`: models may think in silence, since somebody else watches when their first content comes.
 */
export function outgoing(
  call: Call,
  candidate: Candidate,
  stop: Stop,
  awaits = awaitsContent(call, candidate),
): PiecewiseRequest {
  const { timeouts, link } = candidate.backend
  return {
    method: call.method,
    url: upstreamUrl(call, candidate),
    headers: requestHeaders(call, candidate),
    body: bodyFor(call, candidate),
    clocks: awaits ? { ...timeouts, idleMs: 0 } : timeouts,
    link,
    stop,
  }
}

/** A stream whose form is known, so that its content can be told from mere signs of life. */
export function asksForStream({ stream, endpoint }: Call): boolean {
  return stream && endpoint.stream !== undefined
}

/** Models think in silence: where the first content has a limit of its own, no pause before it ends the attempt. */
export function awaitsContent(call: Call, { streamClocks }: Candidate): boolean {
  return asksForStream(call) && streamClocks.firstContentMs !== 0
}

/** The same bytes, not a copy, wherever the backend's name of the model does not take the place of the client's. */
function bodyFor(call: Call, { model, keepsModel }: Candidate): readonly Uint8Array<ArrayBuffer>[] | undefined {
  const { body, modelAt } = call
  if (body === undefined) return undefined
  if (keepsModel === true || model === call.model || call.endpoint.reads === 'nothing') return [body]
  if (call.endpoint.reads === 'path') return spliceGeminiBody(body, call.path, call.model, model)
  if (call.endpoint.reads === 'multipart') return spliceFormModel(body, modelAt, model)
  return spliceModel(body, modelAt, call.endpoint.dialect === 'gemini' ? `models/${withoutModelsPrefix(model)}` : model)
}
