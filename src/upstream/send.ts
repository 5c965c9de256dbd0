import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Attempt } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import { concat } from '#kit/bytes.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse, Transport } from '#ports/transport.ts'
import { judgeError } from './error-answer.ts'
import { brokenFailure, unfitFailure } from './failure.ts'
import { responseHeaders } from './headers.ts'
import { Intake } from './intake.ts'
import { isReadAtOnce, judgeBody, judgeWhole, type Fit } from './judge-body.ts'
import { isKnownPath } from './missing-model.ts'
import { outgoing } from './request.ts'

export interface SendPorts {
  readonly transport: Transport
  readonly clock: Clock
}

/** Where the messages of an attempt are noted, while a log wants to see them. */
export type Sighting = Pick<Attempt, 'url' | 'sent' | 'received'>

/**
 * One attempt at one candidate, up to the point where its answer is fit to be sent: a good status and, as far as they
 * are needed to know that it is no failure in disguise, its first bytes. Nothing is retried here.
 */
export async function send(
  ports: SendPorts,
  call: Call,
  candidate: Candidate,
  plan: Plan,
  abort: AbortController,
  sighting?: Sighting,
): Promise<Answer | Failure> {
  const { clock, transport } = ports
  const startedMs = clock.monotonicMs()
  const request = outgoing(call, candidate, abort)
  if (sighting !== undefined) {
    sighting.url = request.url.href
    sighting.sent = { headers: request.headers, body: request.body }
  }
  const response = await transport.send(request)
  if (response.kind === 'transport_failure') return brokenFailure(response)

  const intake = takeIn(response, clock, call, candidate, startedMs, abort)
  const outcome = isReadAtOnce(response, call)
    ? answerOf(intake, response, candidate, judgeWhole(intake, response, call, await intake.whole()))
    : await judge(intake, response, call, candidate, plan, clock)
  if (sighting !== undefined) {
    sighting.received = { headers: [...response.headers], body: concat(intake.held) }
  }
  return outcome
}

/** Milliseconds for which a body may be held back, and a stream from its first event on. */
const holdMs = 10_000

function takeIn(
  response: IncomingResponse,
  clock: Clock,
  call: Call,
  candidate: Candidate,
  startedMs: number,
  abort: AbortController,
): Intake {
  const { idleMs, firstByteMs } = candidate.backend.timeouts
  if (response.status >= 300) {
    const firstDueMs = idleMs === 0 ? 0 : clock.monotonicMs() + idleMs
    return new Intake(response, clock, { firstDueMs, idleMs, holdMs: 0 }, abort)
  }
  // Some upstreams send the head at once and think afterwards, so the head does not end the wait for the first byte.
  const dueMs = (response.sentMs ?? startedMs) + firstByteMs
  const firstDueMs = firstByteMs === 0 ? 0 : call.stream ? dueMs : Math.max(dueMs, clock.monotonicMs() + idleMs)
  return new Intake(response, clock, { firstDueMs, idleMs, holdMs }, abort)
}

async function judge(
  intake: Intake,
  response: IncomingResponse,
  call: Call,
  candidate: Candidate,
  plan: Plan,
  clock: Clock,
): Promise<Answer | Failure> {
  const { status } = response
  if (status >= 400) return await judgeError(intake, response, call, candidate, plan, clock)
  if (status >= 300) {
    intake.discard()
    const message = `it answered with the redirect ${status}, which is not followed`
    return unfitFailure('invalid_response', status, message, isKnownPath(call))
  }
  return answerOf(intake, response, candidate, await judgeBody(intake, response, call))
}

function answerOf(
  intake: Intake,
  { status, headers }: IncomingResponse,
  candidate: Candidate,
  judged: Fit | Failure,
): Answer | Failure {
  if (judged.kind === 'failure') {
    intake.discard()
    return judged
  }
  return {
    kind: 'answer',
    candidate,
    status,
    headers: responseHeaders(headers, candidate.backend.secrets),
    held: intake.held,
    rest: judged.isWhole ? undefined : intake.rest(),
    form: judged.form,
  }
}
