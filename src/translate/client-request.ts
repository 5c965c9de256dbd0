import type { Call } from '#core/call.ts'
import { asBuffer } from '#kit/bytes.ts'
import { asObject, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { Asked } from './asked.ts'
import type { BackendCodec, BackendRequest, ClientCodec, Recall, RequestFacts } from './codec.ts'
import type { CommonRequest } from './common.ts'
import { takesPlainThoughts, withContinuity } from './continuity.ts'
import { withExactArguments } from './exact-arguments.ts'
import { asExactObject, mayLoseDigits, parseExact } from './exact-json.ts'
import type { Notes } from './notes.ts'
import { tellUncarried } from './uncarried.ts'
import { keepsOneCall } from './withheld.ts'

/** The body of a talk, parsed. */
export function bodyOf(call: Call): JsonObject | undefined {
  const text = textOf(call)
  const body = asObject(parseJson(text))
  return body === undefined || !mayLoseDigits(text) ? body : withExactArguments(body, text)
}

/** The same with every number as it stands, for bodies that go on. */
export function exactBodyOf(call: Call): JsonObject | undefined {
  return asExactObject(parseExact(textOf(call)))
}

function textOf({ body }: Call): string {
  if (body === undefined) return ''
  const text = asBuffer(body).toString('utf8')
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

export function factsOf({ call, policy }: Pick<Asked, 'call' | 'policy'>, recall: Recall | undefined): RequestFacts {
  const { path, query, headers, model, stream } = call
  const { rejectsMissingThoughts } = policy
  return { path, query, headers, model, stream, rejectsMissingThoughts, ...(recall !== undefined && { recall }) }
}

export function readBy(
  client: ClientCodec,
  body: JsonObject,
  facts: RequestFacts,
  { form, profile }: Pick<Asked, 'form' | 'profile'>,
  notes: Notes,
): CommonRequest {
  const request = client.readRequest(body, facts, notes)
  const messages = withContinuity(request.messages, facts.recall, takesPlainThoughts(form, profile))
  return messages === request.messages ? request : { ...request, messages }
}

export function requestTo(
  backend: BackendCodec,
  request: CommonRequest,
  asked: Asked,
  inputEstimate: number,
  notes: Notes,
): BackendRequest {
  const { model, backend: name, profile, policy, carrier, call } = asked
  const isCut = keepsOneCall(request, asked)
  if (isCut && request.tools.length > 0) notes.adapt('adapted:calls_cut', 'parallel_tool_calls')
  // What is seen to here is no loss.
  const told = isCut ? { ...request, parallelToolCalls: undefined } : request
  const written = backend.writeRequest(told, { model, backend: name, profile, policy, inputEstimate }, notes)
  tellUncarried(request, backend.form, profile, notes)
  const { stops } = written.back
  if (stops.length > stopsMax || stops.some((stop) => stop.length > stopLengthMax)) {
    notes.reject(
      'stop',
      `stop sequences are looked for here, and more than ${stopsMax} or longer than ${stopLengthMax} are not supported`,
    )
  }
  return carrier === undefined ? written : carrier.request(written, model, call.headers, notes)
}

/** Limit: stop sequences that we look for in every piece of the answer, and their length. */
const stopsMax = 64
const stopLengthMax = 1024
