import type { Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import type { Secret } from '#core/secret.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { findError } from '#wire/error-in-body.ts'
import { textOf } from './decode.ts'
import { brokenFailure, isFailureOfRaw, mayAskOthers, statusFailure, unfitFailure } from './failure.ts'
import { isBodiless, responseHeaders } from './headers.ts'
import { withoutSecrets } from './hide-secrets.ts'
import type { Intake, Step } from './intake.ts'
import { retryAfterMs } from './retry-after.ts'

/**
 * Judges an answer with an error status. Detection says whether another route is tried, not whether this one rests. The
 * failure holds the answer, because it is the client's to see, byte for byte, when nobody else has a better one.
 */
export async function judgeError(
  intake: Intake,
  response: IncomingResponse,
  call: Call,
  candidate: Candidate,
  plan: Plan,
  clock: Clock,
  secrets: readonly Secret[],
): Promise<Answer | Failure> {
  const { status } = response
  const { detection, cooldown } = plan
  const last = await readOn(intake)
  if (isBroken(last) && last.cause === 'aborted') return brokenFailure(last)

  const body = intake.bytes()
  const text = textOf(body, response.headers)
  const pattern = detection.findPattern(text)
  const headers = responseHeaders(response.headers, secrets, isBodiless(call, status))
  const isRaw = call.endpoint.reads === 'nothing'
  const isFailure = pattern !== undefined || detection.matchesStatus(status)
  const tryNext = isFailure && (!isRaw || mayAskOthers(status, call))
  if (!tryNext) {
    if (last === 'silent') return unfitFailure('idle_timeout', status, 'it fell silent in the middle of its answer')
    if (isBroken(last)) return brokenFailure(last)
    // Limit: an answer that is too large to be held goes through as it is, and teaches nothing about its route.
    if (last !== 'end' && !aboutOurKey.has(status)) {
      return { kind: 'answer', candidate, status, headers, held: [body], rest: intake.rest(), form: undefined }
    }
  }
  if (last !== 'end') intake.discard()
  const held = last === 'end' ? withoutSecrets({ status, headers, body }, text, secrets) : undefined
  if (isRaw && held !== undefined && !isFailureOfRaw(status)) {
    return {
      kind: 'answer',
      candidate,
      status,
      headers: held.headers,
      held: [held.body],
      rest: undefined,
      form: undefined,
    }
  }
  const failure = statusFailure({
    status,
    call,
    tryNext,
    reported: findError(text),
    pattern,
    widened: cooldown.cools(status),
    retryAfterMs: retryAfterMs(response.headers, clock.wallMs()),
    held,
  })
  return isRaw ? { ...failure, retrySame: tryNext } : failure
}

/** A client whose own key is fine must not see what an upstream thinks of the backend's. */
const aboutOurKey: ReadonlySet<number> = new Set([401, 403])

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
