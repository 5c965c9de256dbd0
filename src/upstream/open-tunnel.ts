import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Backend, Candidate } from '#core/candidate.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import { objectionToOpened, openingFor, type Opening } from '#http1/websocket-handshake.ts'
import { withParameter } from '#kit/query-string.ts'
import { fillRandom } from '#ports/random.ts'
import { isSafeToRepeat, type RawSocket, type Upgraded } from '#ports/transport.ts'
import { judgeError } from './error-answer.ts'
import { brokenFailure, unfitFailure } from './failure.ts'
import { requestHeaders, responseHeaders } from './headers.ts'
import { Intake } from './intake.ts'
import { prove, secretsOf } from './prove.ts'
import type { PiecewiseRequest } from './request.ts'
import type { SendPorts, Trip } from './send.ts'
import { joinPath, upstreamUrl } from './url.ts'

/** An upstream that agreed to open a WebSocket. */
export interface Tunnel extends Answer {
  readonly socket: RawSocket
  /** The subprotocol that it chose, one of those that were offered. */
  readonly protocol: string | undefined
  /** When the attempt began that opened it. */
  readonly startedMs: number
}

export function isTunnel(answer: Answer): answer is Tunnel {
  return 'socket' in answer
}

/** Only connections of our own can leave HTTP behind; the mock backend has none. */
export function carriesTunnels({ url, websocket }: Backend): boolean {
  return websocket && url.protocol !== 'mock:'
}

/** One attempt to open a WebSocket at one candidate. What it answers instead is judged like any answer. */
export async function openTunnel(
  { transport, clock }: SendPorts,
  call: Call,
  candidate: Candidate,
  plan: Plan,
  trip: Trip,
  protocols: readonly string[],
): Promise<Answer | Failure> {
  if (transport.upgrade === undefined) return cannotUpgrade
  const opening = openingFor(protocols, fillRandom)
  let request = openingRequest(call, candidate, opening, trip)
  if (trip.credential !== undefined) {
    const proved = await prove(request, call, candidate, trip.credential)
    if ('kind' in proved) return proved
    request = proved
  }
  if (trip.isSeen) {
    trip.record.url = request.url.href
    trip.record.sent = { headers: request.headers, body: undefined }
  }
  let response = await transport.upgrade(request)
  if (response.kind === 'transport_failure' && isSafeToRepeat(response)) {
    trip.record.isRepeated = true
    response = await transport.upgrade({ ...request, fresh: true })
  }
  if (response.kind === 'transport_failure') return brokenFailure(response)
  if (trip.isSeen) trip.record.received = { headers: response.headers.pairs, body: undefined }
  if (response.kind === 'upgraded') return tunnelOf(response, opening, candidate, trip)

  const { status } = response
  const { idleMs } = candidate.backend.timeouts
  const firstDueMs = idleMs === 0 ? 0 : clock.monotonicMs() + idleMs
  const intake = new Intake(response.body, clock, { firstDueMs, idleMs, bodyIdleMs: idleMs, holdMs: 0 })
  if (status < 400) {
    intake.discard()
    return unfitFailure('invalid_response', status, `it answered ${status} instead of opening a WebSocket`, false)
  }
  const judged = await judgeError(intake, response, call, candidate, plan, clock, secretsOf(candidate, trip.credential))
  if (trip.isSeen) trip.record.received = { headers: response.headers.pairs, body: intake.bytes() }
  return judged.kind === 'failure' ? asOpening(judged, status) : judged
}

/**
 * What an error status means here. A backend need not know WebSockets, or this path, to be a good one: only what is about
 * its key or its load may make its route rest, or one client could take it away from all who speak HTTP.
 */
function asOpening(failure: Failure, status: number): Failure {
  if (status === 403 && failure.side === 'upstream') {
    // Most say so of paths that they do not have. Held, it would be told as a fault of the backend's key alone.
    const { held: _, ...kept } = failure
    const message = `${failure.message}: it opens no WebSocket there, or not for the backend's key`
    return { ...kept, cools: false, blamesCredential: false, message }
  }
  const mayCool = status === 401 || status === 429 || (status >= 500 && status !== 501)
  return mayCool ? failure : { ...failure, cools: false, blamesCredential: false }
}

function tunnelOf(upgraded: Upgraded, opening: Opening, candidate: Candidate, trip: Trip): Tunnel | Failure {
  const { headers, socket } = upgraded
  const objection = objectionToOpened(opening, headers)
  if (objection !== undefined) {
    socket.destroy()
    return unfitFailure('invalid_response', 101, objection, false)
  }
  return {
    kind: 'answer',
    candidate,
    status: 101,
    headers: responseHeaders(headers, secretsOf(candidate, trip.credential)).filter(
      (name) => !name.startsWith(handshakePrefix),
    ),
    held: [],
    rest: undefined,
    form: undefined,
    socket,
    protocol: headers.get('sec-websocket-protocol') ?? undefined,
    startedMs: trip.record.startedMs,
  }
}

const handshakePrefix = 'sec-websocket-'

function openingRequest(call: Call, candidate: Candidate, opening: Opening, { stop }: Trip): PiecewiseRequest {
  const { timeouts, link } = candidate.backend
  const headers = requestHeaders(call, candidate).filter(([name]) => !name.toLowerCase().startsWith(handshakePrefix))
  return {
    method: 'GET',
    url: tunnelUrl(call, candidate),
    headers: [...headers, ...opening.headers],
    body: undefined,
    clocks: timeouts,
    link,
    stop,
  }
}

/** The model stands in the query, even at Azure, whose paths have no deployment here. */
function tunnelUrl(call: Call, candidate: Candidate): URL {
  const { backend, protocol, model, keepsModel } = candidate
  if (keepsModel === true) return upstreamUrl(call, candidate)
  const query = withParameter(call.query, 'model', model)
  if (protocol !== 'azure') return upstreamUrl({ ...call, query }, candidate)
  const url = new URL(backend.url)
  url.pathname = joinPath(backend.url.pathname, `/openai${call.path}`)
  url.search = query
  return url
}

const cannotUpgrade: Failure = {
  kind: 'failure',
  side: 'gateway',
  reason: 'invalid_response',
  tryNext: true,
  retrySame: false,
  cools: false,
  message: 'its transport cannot open a WebSocket',
}
