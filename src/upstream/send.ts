import { isAnswer, type Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { CredentialInUse } from '#core/credential.ts'
import { seenBytesMax, type Attempt } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import { concat, encode } from '#kit/bytes.ts'
import { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import { isSafeToRepeat, type IncomingResponse, type Transport, type TransportFailure } from '#ports/transport.ts'
import type { Parts } from '#translate/asked.ts'
import { judgeError } from './error-answer.ts'
import { brokenFailure, brokenRaw, isHarmlessTwice, unfitFailure, unfitRaw } from './failure.ts'
import { isBodiless, responseHeaders } from './headers.ts'
import { Intake, type IntakeClocks } from './intake.ts'
import { isPlain, judgeBody, judgeWhole, tellsShortLength, type Fit, type Wanted } from './judge-body.ts'
import { isKnownPath } from './missing-model.ts'
import type { Came } from './part-line.ts'
import { prove, secretsOf } from './prove.ts'
import { asksForStream, awaitsContent, outgoing, uploading, type PiecewiseRequest } from './request.ts'
import { withWholeBody, withWholeError } from './whole-response.ts'

export interface SendPorts {
  readonly transport: Transport
  readonly clock: Clock
}

/** What is around an attempt: the means to end it, and where it is noted. */
export interface Trip {
  readonly stop: Stop
  readonly record: Pick<Attempt, 'url' | 'startedMs' | 'isRepeated' | 'sent' | 'received'>
  /** Proves the request; undefined where the backend has its one key, or none. */
  readonly credential?: CredentialInUse | undefined
  /** A log wants to see the messages. */
  readonly isSeen: boolean
  /** How the call is put to a backend that does not know its form; undefined: it goes out as it came. */
  readonly translation?: TripTranslation | undefined
  /** The first content of a stream is there, though the trip may go on. */
  contentCame(): void
}

/** The call in the form of the backend, and the way back for what it answers. */
export interface TripTranslation {
  readonly call: Call
  answer(response: IncomingResponse): IncomingResponse
  /** The answer, where nobody has to be asked for it. */
  readonly local?: IncomingResponse | undefined
  /** The calls that go out in place of `call`, where one is too little. */
  readonly parts?: Parts | undefined
}

/**
 * One attempt at one candidate, up to the point where its answer is fit to be sent: a good status and, as far as they
 * are needed to know that it is no failure in disguise, its first bytes. Nothing is retried here, but a request that
 * surely nobody has seen is sent again.
 */
export async function send(
  ports: SendPorts,
  call: Call,
  candidate: Candidate,
  plan: Plan,
  trip: Trip,
): Promise<Answer | Failure> {
  const { transport } = ports
  const { translation } = trip
  if (translation?.local !== undefined) return await arrived(translation.local, ports, call, candidate, plan, trip)
  if (translation?.parts !== undefined) return await sendParts(ports, call, candidate, plan, trip, translation.parts)
  const asked = translation === undefined ? call : withRules(translation.call, call)
  let request = outgoing(asked, candidate, trip.stop, awaitsContent(call, candidate))
  if (trip.credential !== undefined) {
    const proved = await prove(request, asked, candidate, trip.credential)
    if ('kind' in proved) return proved
    request = proved
  }
  if (trip.isSeen) noteSent(trip, request)
  const { upload } = call
  let response = await transport.send(upload === undefined ? request : uploading(request, upload))
  if (response.kind === 'transport_failure' && upload === undefined && mayRepeat(response, call)) {
    response = await sendAgain(transport, request, trip)
  }
  if (response.kind === 'transport_failure') {
    return call.endpoint.reads === 'nothing' ? brokenRaw(response, call) : brokenFailure(response)
  }
  // From here on the backend speaks the client's form.
  if (translation !== undefined) {
    response = translation.answer(await withWholeError(response, ports.clock, candidate))
  }
  return await arrived(response, ports, call, candidate, plan, trip)
}

/** Several requests in place of one, a few at a time. The first that fails is the failure of all, and ends the others. */
async function sendParts(
  ports: SendPorts,
  call: Call,
  candidate: Candidate,
  plan: Plan,
  trip: Trip,
  parts: Parts,
): Promise<Answer | Failure> {
  const { clock } = ports
  const stop = new Stop()
  trip.stop.tell({ onStop: () => stop.ask() })
  const isStream = asksForStream(call)
  const whole = isStream ? withWholeError : withWholeBody
  const askPart = async (index: number): Promise<Came> => {
    const came = await sendPart(ports, withRules(parts.call(index), call), call, candidate, trip, stop)
    return came.kind === 'response' ? await whole(came, clock, candidate) : came
  }
  const outcomeOf = async (came: Came): Promise<Answer | Failure> => {
    if (came.kind === 'failure') return came
    return came.kind === 'response' ? await arrived(came, ports, call, candidate, plan, trip) : brokenFailure(came)
  }
  if (!isStream) {
    const { gatherParts } = await import('./gather-parts.ts')
    return await outcomeOf(await gatherParts(parts, askPart, stop))
  }
  const [{ PartStreams }, { lastWordsOf }] = await Promise.all([
    import('./part-streams.ts'),
    import('./part-refusal.ts'),
  ])
  const lastWords = lastWordsOf(parts, call, plan, secretsOf(candidate, trip.credential))
  const streams = new PartStreams(parts, askPart, stop, clock, lastWords)
  const outcome = await outcomeOf(await streams.begin())
  return isAnswer(outcome) || streams.why === undefined ? outcome : await outcomeOf(streams.why)
}

async function sendPart(
  { transport }: SendPorts,
  part: Call,
  call: Call,
  candidate: Candidate,
  trip: Trip,
  stop: Stop,
): Promise<Came> {
  const request = outgoing(part, candidate, stop, awaitsContent(call, candidate))
  const { credential } = trip
  const proved = credential === undefined ? request : await prove(request, part, candidate, credential)
  if ('kind' in proved) return proved
  if (trip.isSeen) noteSent(trip, proved)
  const response = await transport.send(proved)
  const isToRepeat = response.kind === 'transport_failure' && mayRepeat(response, call)
  return isToRepeat ? await sendAgain(transport, proved, trip) : response
}

/** What came, if it is fit to be sent. */
async function arrived(
  came: IncomingResponse,
  { clock }: SendPorts,
  call: Call,
  candidate: Candidate,
  plan: Plan,
  trip: Trip,
): Promise<Answer | Failure> {
  let response = came
  if (call.rules?.changeAnswer !== undefined) response = call.rules.changeAnswer(response, call, clock)

  const intake = takeIn(response, clock, call, candidate, plan, trip.record.startedMs)
  const { whole } = response.body
  const outcome =
    whole !== undefined && isPlain(response, call)
      ? answerOf(intake, response, call, candidate, trip, judgeWhole(intake, whole, response, call))
      : await judge(intake, response, call, candidate, plan, clock, trip)
  if (trip.isSeen) trip.record.received = { headers: response.headers.pairs, body: intake.bytes() }
  return outcome
}

/** In whatever form it goes out, what the operator adds to it stays. */
function withRules(sent: Call, { rules }: Call): Call {
  return rules === undefined ? sent : { ...sent, rules }
}

/** The little risk that is left is for requests of which a second one does no harm. */
function mayRepeat(broken: TransportFailure, { endpoint, method }: Call): boolean {
  return isSafeToRepeat(broken) && (endpoint.reads !== 'nothing' || isHarmlessTwice(broken, method))
}

/** An idle connection was dead; a fresh one tells whether the upstream is. */
async function sendAgain(
  transport: Transport,
  request: PiecewiseRequest,
  { record }: Trip,
): Promise<IncomingResponse | TransportFailure> {
  record.isRepeated = true
  return await transport.send({ ...request, fresh: true })
}

/** Of several their bodies stand one below the other. */
function noteSent({ record }: Trip, { url, headers, body }: PiecewiseRequest): void {
  const before = record.sent?.body
  if (before !== undefined && before.byteLength >= seenBytesMax) return
  const own = body === undefined ? undefined : concat(body)
  record.url = url.href
  record.sent = { headers, body: before === undefined ? own : concat([before, newline, own ?? noBytes]) }
}

const newline = encode('\n')
const noBytes = new Uint8Array()

/** Milliseconds for which a body may be held back, and a stream from its first event on. */
const holdMs = 10_000

/** The same for answers to requests that nobody read: somebody may be watching them come. */
const rawHoldMs = 100

function takeIn(
  response: IncomingResponse,
  clock: Clock,
  call: Call,
  candidate: Candidate,
  plan: Plan,
  startedMs: number,
): Intake {
  const { idleMs, firstByteMs } = candidate.backend.timeouts
  if (response.body.whole !== undefined) return new Intake(response.body, clock, noClocks)
  const pauseDueMs = idleMs === 0 ? 0 : clock.monotonicMs() + idleMs
  const bodyIdleMs = idleMs
  if (response.status >= 300) {
    return new Intake(response.body, clock, { firstDueMs: pauseDueMs, idleMs, bodyIdleMs, holdMs: 0 })
  }
  // Some upstreams send the head at once and think afterwards, so the head does not end the wait for the first byte.
  const dueMs = (response.sentMs ?? startedMs) + firstByteMs
  // What tells its length has nothing more to think about.
  const isReady = pauseDueMs !== 0 && tellsShortLength(response, call)
  if (asksForStream(call)) return new Intake(response.body, clock, streamClocks(candidate, plan, dueMs))
  const firstDueMs = firstByteMs === 0 ? 0 : call.stream ? dueMs : Math.max(dueMs, pauseDueMs)
  return new Intake(response.body, clock, {
    firstDueMs: isReady ? pauseDueMs : firstDueMs,
    idleMs,
    bodyIdleMs,
    holdMs: call.endpoint.reads === 'nothing' ? rawHoldMs : holdMs,
  })
}

function wantedOf({ streamClocks: own }: Candidate, { streaming }: Plan, clock: Clock, trip: Trip): Wanted {
  return { holds: streaming.holds, durationMs: own.durationMs, clock, trip }
}

const noClocks = { firstDueMs: 0, idleMs: 0, bodyIdleMs: 0, holdMs: 0 }

/** `dueMs`: when the first byte must be there. That the first content comes in time is for the trip to see. */
function streamClocks({ backend, streamClocks: own }: Candidate, { streaming }: Plan, dueMs: number): IntakeClocks {
  const { firstByteMs, idleMs } = backend.timeouts
  return {
    firstDueMs: firstByteMs === 0 ? 0 : dueMs,
    idleMs: own.firstContentMs === 0 ? idleMs : 0,
    bodyIdleMs: own.idleMs,
    // Whoever awaits the first content, or gets signs of life, can wait for an answer that is surely one.
    holdMs: own.firstContentMs > 0 || streaming.heartbeatMs > 0 || streaming.holds ? 0 : holdMs,
  }
}

async function judge(
  intake: Intake,
  response: IncomingResponse,
  call: Call,
  candidate: Candidate,
  plan: Plan,
  clock: Clock,
  trip: Trip,
): Promise<Answer | Failure> {
  const { status } = response
  if (status >= 400)
    return await judgeError(intake, response, call, candidate, plan, clock, secretsOf(candidate, trip.credential))
  if (status >= 300 && call.endpoint.reads !== 'nothing') {
    intake.discard()
    const message = `it answered with the redirect ${status}, which is not followed`
    return unfitFailure('invalid_response', status, message, isKnownPath(call))
  }
  return answerOf(
    intake,
    response,
    call,
    candidate,
    trip,
    await judgeBody(intake, response, call, wantedOf(candidate, plan, clock, trip)),
  )
}

function answerOf(
  intake: Intake,
  { status, headers }: IncomingResponse,
  call: Call,
  candidate: Candidate,
  { credential }: Trip,
  judged: Fit | Failure,
): Answer | Failure {
  if (judged.kind === 'failure') {
    intake.discard()
    return call.endpoint.reads === 'nothing' ? unfitRaw(judged, call) : judged
  }
  // The end of a stream is watched even when all of it is there.
  const isAll = judged.isWhole || (intake.hasEnded && judged.form === undefined)
  return {
    kind: 'answer',
    candidate,
    status,
    headers: responseHeaders(headers, secretsOf(candidate, credential), isBodiless(call, status)),
    held: intake.held,
    rest: isAll ? undefined : intake.rest(),
    form: judged.form,
  }
}
