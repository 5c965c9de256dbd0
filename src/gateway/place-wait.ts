import { refuse, type Refusal } from '#core/refusal.ts'
import type { Errand } from './errand.ts'
import { cannotAnswer } from './no-answer.ts'

/** Every backend that could answer runs as many requests as it may: waits until one has room. A refusal: it came to nothing. */
export async function waitForPlace(errand: Errand, untilMs: number): Promise<Refusal | undefined> {
  const { gateway, plan, presence, walk } = errand
  const { place, full } = walk
  if (place === undefined || full === undefined) return undefined
  const crowded = `${cannotAnswer(plan)}: its backends run ${place.limit} requests each, as many as they may`
  if (place.waiting >= place.queue.sizeMax) return refuse('queue_full', `${crowded}, try again later`, { retryAfterMs })
  const leftMs = untilMs - gateway.clock.monotonicMs()
  const waitMs = plan.deadlineMs === 0 ? leftMs : Math.min(leftMs, walk.leftMs())
  const ending = await place.wait(full, waitMs, presence)
  if (ending === 'gone') return presence.gone
  if (ending === 'too_late') {
    return refuse('queue_timeout', `${crowded}, and the request waited too long`, { retryAfterMs })
  }
  walk.placeCame()
  return undefined
}

/** Nobody knows when one of the others ends. */
const retryAfterMs = 1000
