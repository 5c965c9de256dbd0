import { isAnswer, type Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Exchange } from '#core/exchange.ts'
import type { Failure } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { whyNobody } from '#route/inability.ts'
import { isRejection, type Rejection } from '#translate/notes.ts'
import { unfitFailure } from '#upstream/failure.ts'
import { asksForStream } from '#upstream/request.ts'
import { send } from '#upstream/send.ts'
import type { AwaitedForm } from './client-stream.ts'
import type { Gateway } from './gateway.ts'
import { whoseIs, type Errand } from './errand.ts'
import { Flight } from './flight.ts'
import { keepIds } from './keep-ids.ts'
import { cannotAnswer, noAnswer, restingRefusal } from './no-answer.ts'
import { waitForPlace } from './place-wait.ts'
import { tellSwitch } from './verdict.ts'
import type { Turn } from './walk.ts'

/** Walks the plan until a candidate gives an answer that may be sent. Nothing has reached the client before it returns. */
export async function attempt(errand: Errand, via: typeof send = send): Promise<Answer | Refusal> {
  const { gateway, plan, call, exchange, presence, walk } = errand
  const { clock } = gateway
  let rejected: Refusal | undefined
  let waitedUntilMs: number | undefined
  for (;;) {
    const turn = walk.next()
    if (turn === undefined && walk.full !== undefined) {
      waitedUntilMs ??= clock.monotonicMs() + (walk.place?.queue.timeoutMs ?? 0)
      const refusal = await waitForPlace(errand, waitedUntilMs)
      if (refusal !== undefined) return refusal
      continue
    }
    if (turn === undefined && walk.misses.length === 0) {
      // Nobody could be asked.
      const rest = walk.soonest
      if (rest === undefined) return rejected ?? nobodyCan(plan, call)
      const waitMs = Math.max(0, rest.untilMs - clock.monotonicMs())
      if (plan.whenAllCooling !== 'wait' || waitMs > walk.leftMs()) {
        return restingRefusal(plan, waitMs, walk.hasUnwell, rejected !== undefined)
      }
      await presence.pause(clock, waitMs)
      if (presence.gone !== undefined) return presence.gone
      walk.startOver()
      continue
    }
    if (turn === undefined) return noAnswer(plan, walk.misses, call.endpoint.dialect)
    if (turn.pauseMs > 0) {
      await presence.pause(clock, turn.pauseMs)
      if (presence.gone !== undefined) return presence.gone
    }

    const translating = gateway.translator.translate(call, turn.candidate, whoseIs(errand))
    const translation = translating === undefined ? undefined : await translating
    if (translation !== undefined && isRejection(translation)) {
      rejected = tellRejected(plan, turn.candidate, translation)
      walk.declined(turn, translation.message)
      continue
    }
    tellSwitch(gateway, exchange, turn)
    const leftMs = plan.deadlineMs === 0 ? Infinity : walk.leftMs()
    const firstContentMs = asksForStream(call) ? turn.candidate.streamClocks.firstContentMs : 0
    const flight = new Flight(gateway, plan, exchange, turn, { leftMs, firstContentMs, translation })
    presence.watch(flight.stop)
    const outcome = flight.land(orObjection(await via(gateway, call, turn.candidate, plan, flight), errand.head))
    if (isAnswer(outcome)) {
      keepIds(errand, turn, outcome)
      return outcome
    }
    if (presence.gone !== undefined) return presence.gone
    const { upload } = call
    if (upload?.fault !== undefined) return upload.fault
    const rule = translation === undefined ? undefined : gateway.translator.learn(call, turn.candidate, outcome)
    if (rule === undefined) walk.missed(turn, outcome)
    else {
      tellLearned(gateway, exchange, turn, rule)
      walk.mended(turn, outcome)
    }
    // Whoever would be asked next, could be sent the rest of the body at most.
    if (upload?.wasTaken === true) return noAnswer(plan, walk.misses, call.endpoint.dialect)
  }
}

/** A client that has its head already can take only what suits it. */
export function orObjection(outcome: Answer | Failure, head: AwaitedForm | undefined): Answer | Failure {
  if (!isAnswer(outcome) || head === undefined || outcome.status >= 300) return outcome
  const { form, headers, rest, status } = outcome
  if (head === 'json' ? !headers.has('content-encoding') : form === head) return outcome
  rest?.cancel()
  return unfitFailure('invalid_response', status, unfitForHead, false)
}

const unfitForHead = 'its answer is no stream, and came when the client had been told that one comes'

/** An answer that nobody wants says nothing about its route. */
export function discard(
  { gateway, exchange }: Pick<Errand, 'gateway' | 'exchange'>,
  { rest, candidate }: Answer,
): void {
  if (rest === undefined) return
  rest.cancel()
  gateway.breakers.release(candidate.stateKey, exchange.id)
}

function tellLearned({ log }: Gateway, { id: requestId }: Exchange, { candidate }: Turn, rule: string): void {
  log.write('info', 'request_repaired', { requestId, backend: candidate.backend.name, model: candidate.model, rule })
}

/** Of a request that holds what a backend cannot be told, or that could not be written. */
function tellRejected(plan: Plan, { backend }: Candidate, { field, message, isFault }: Rejection): Refusal {
  const where = field === '' ? '' : `"${field}": `
  const text = `${cannotAnswer(plan)}: ${where}${message} (backend "${backend.name}")`
  if (isFault === true) return refuse('upstream_error', text)
  // As OpenAI calls it, whose clients then send all of it again.
  const code = field === 'previous_response_id' ? 'previous_response_not_found' : 'unsupported_by_backend'
  return refuse(code, text, field === '' ? {} : { param: field })
}

function nobodyCan(plan: Plan, call: Call): Refusal {
  const candidates = plan.tiers.flatMap((tier) => tier.candidates)
  if (candidates.length === 0) {
    return refuse('no_backend_available', `${cannotAnswer(plan)}: every route of it is switched off`)
  }
  const why = whyNobody(candidates, call.endpoint)
  return refuse('unsupported_by_backend', `${cannotAnswer(plan)}: ${why}, ask for a model whose backend can`)
}
