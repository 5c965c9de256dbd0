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
import { outgoing } from './request.ts'

export interface SendPorts {
  readonly transport: Transport
  readonly clock: Clock
}

/** Where the messages of an attempt are noted, while a log wants to see them. */
export type Sighting = Pick<Attempt, 'sent' | 'received'>

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
  if (sighting !== undefined) sighting.sent = { headers: request.headers, body: request.body }
  const response = await transport.send(request)
  if (response.kind === 'transport_failure') return brokenFailure(response)

  const intake = takeIn(response, clock, candidate, startedMs, abort)
  const outcome = isReadAtOnce(response, call)
    ? answerOf(intake, response, candidate, judgeWhole(intake, response, await intake.whole()))
    : await judge(intake, response, call, candidate, plan, clock)
  if (sighting !== undefined) {
    sighting.received = { headers: [...response.headers], body: concat(intake.held) }
  }
  return outcome
}

/** Milliseconds for which a stream may be held back when it sends events without content. */
const holdMs = 10_000

function takeIn(
  response: IncomingResponse,
  clock: Clock,
  candidate: Candidate,
  startedMs: number,
  abort: AbortController,
): Intake {
  const { idleMs, firstByteMs } = candidate.backend.timeouts
  if (response.status >= 300) return new Intake(response, clock, { firstMs: idleMs, idleMs, holdMs: 0 }, abort)
  // Some upstreams send the head at once and think afterwards, so the head does not end the wait for the first byte.
  const leftMs = firstByteMs === 0 ? 0 : Math.max(startedMs + firstByteMs - clock.monotonicMs(), idleMs, 1)
  return new Intake(response, clock, { firstMs: leftMs, idleMs, holdMs }, abort)
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
  if (status >= 400) return await judgeError(intake, response, candidate, plan, clock)
  if (status >= 300) {
    intake.discard()
    return unfitFailure('invalid_response', status, `it answered with the redirect ${status}, which is not followed`)
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
    headers: responseHeaders(headers),
    held: intake.held,
    rest: judged.isWhole ? undefined : intake.rest(),
    form: judged.form,
  }
}
