import { isAnswer, type Answer } from '#core/answer.ts'
import type { Call } from '#core/call.ts'
import type { Plan } from '#core/plan.ts'
import { refuse, type Refusal } from '#core/refusal.ts'
import { send } from '#upstream/send.ts'
import type { Errand } from './errand.ts'
import { Flight } from './flight.ts'
import { noAnswer, restingRefusal } from './no-answer.ts'
import { tellSwitch } from './verdict.ts'

/** Walks the plan until a candidate gives an answer that may be sent. Nothing has reached the client before it returns. */
export async function attempt(
  { gateway, plan, call, exchange, presence, walk }: Errand,
  via: typeof send = send,
): Promise<Answer | Refusal> {
  const { clock } = gateway
  for (;;) {
    const turn = walk.next()
    if (turn === undefined && walk.misses.length === 0) {
      // Nobody could be asked.
      const rest = walk.soonest
      if (rest === undefined) return nobodySpeaks(plan, call)
      const waitMs = Math.max(0, rest.untilMs - clock.monotonicMs())
      if (plan.whenAllCooling !== 'wait' || waitMs > walk.leftMs()) return restingRefusal(plan, waitMs)
      await presence.pause(clock, waitMs)
      if (presence.gone !== undefined) return presence.gone
      walk.startOver()
      continue
    }
    if (turn === undefined) return noAnswer(plan, walk.misses)
    if (turn.pauseMs > 0) {
      await presence.pause(clock, turn.pauseMs)
      if (presence.gone !== undefined) return presence.gone
    }

    tellSwitch(gateway, exchange, turn)
    const flight = new Flight(gateway, plan, exchange, turn, plan.deadlineMs === 0 ? Infinity : walk.leftMs())
    presence.watch(flight.stop)
    const outcome = flight.land(await via(gateway, call, turn.candidate, plan, flight))
    if (isAnswer(outcome)) return outcome
    if (presence.gone !== undefined) return presence.gone
    walk.missed(turn, outcome)
  }
}

function nobodySpeaks(plan: Plan, call: Call): Refusal {
  const model = plan.alias.slice(0, 64)
  if (plan.tiers.length === 0) {
    return refuse('no_backend_available', `Cannot answer with model "${model}": every route of it is switched off`)
  }
  return refuse(
    'unsupported_by_backend',
    `Cannot answer with model "${model}": none of its backends speaks the ${call.endpoint.dialect} dialect, set "protocol" on one that does`,
  )
}
