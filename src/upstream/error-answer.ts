import type { Answer } from '#core/answer.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import { concat } from '#kit/bytes.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { findError } from '#wire/error-in-body.ts'
import { textOf } from './decode.ts'
import { brokenFailure, statusFailure, unfitFailure } from './failure.ts'
import { responseHeaders } from './headers.ts'
import type { Intake, Step } from './intake.ts'
import { retryAfterMs } from './retry-after.ts'

/**
 * An answer with an error status: a failure when detection says so, else the client's to see, byte for byte. The
 * failure holds the answer, because it may turn out to be the best there is.
 */
export async function judgeError(
  intake: Intake,
  response: IncomingResponse,
  candidate: Candidate,
  plan: Plan,
  clock: Clock,
): Promise<Answer | Failure> {
  const { status } = response
  const { detection, cooldown } = plan
  const last = await readOn(intake)
  if (isBroken(last) && last.cause === 'aborted') return brokenFailure(last)

  const body = concat(intake.held)
  const text = textOf(body, response.headers)
  const pattern = detection.findPattern(text)
  const headers = responseHeaders(response.headers)
  if (pattern === undefined && !detection.matchesStatus(status)) {
    if (last === 'silent') return unfitFailure('idle_timeout', status, 'it fell silent in the middle of its answer')
    if (isBroken(last)) return brokenFailure(last)
    const rest = last === 'end' ? undefined : intake.rest()
    return { kind: 'answer', candidate, status, headers, held: [body], rest, form: undefined }
  }
  if (last !== 'end') intake.discard()
  return statusFailure({
    status,
    reported: findError(text),
    pattern,
    widened: cooldown.cools(status),
    text,
    retryAfterMs: retryAfterMs(response.headers, clock.wallMs()),
    held: last === 'end' ? { status, headers, body } : undefined,
  })
}

/** Limit: an error answer that is larger is judged by its beginning, and not kept for the case that no route answers. */
const heldBytesMax = 1_048_576

async function readOn(intake: Intake): Promise<Step> {
  for (;;) {
    const step = await intake.next()
    if (!(step instanceof Uint8Array) || intake.heldBytes > heldBytesMax) return step
  }
}

function isBroken(step: Step): step is Exclude<Step, Uint8Array | string> {
  return typeof step === 'object' && !(step instanceof Uint8Array)
}
