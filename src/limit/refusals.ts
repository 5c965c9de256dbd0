import { refuse, type Refusal } from '#core/refusal.ts'
import { plainName, type Demand } from './demand.ts'
import type { Hindrance, SlotDemand, Ticket } from './ticket.ts'

/** Which limit it was, and when there is some of it again. `full`: at once; `crowded`: too many wait; `too_late`: it waited. */
export function refusalOf(ticket: Ticket, { by, waitMs }: Hindrance, why: 'full' | 'crowded' | 'too_late'): Refusal {
  if (by.of === 'slots') return crowdRefusal(by, why)
  const retryAfterMs = Math.ceil(Math.max(1, waitMs))
  const seconds = Math.ceil(retryAfterMs / 1000)
  const message = `Cannot accept the request: ${rateText(by)} is reached${queueText(why)}, try again in ${seconds} s`
  return refuse('rate_limit_exceeded', message, { retryAfterMs, headers: ticket.headers() })
}

function rateText({ of, rate, scope, whose }: Demand): string {
  const isMinute = rate.windowMs === 60_000
  const span = isMinute ? 'minute' : rate.windowMs === 1000 ? 'second' : `${(rate.windowMs / 1000).toFixed(1)} seconds`
  const name = plainName(whose).slice(0, 64)
  const owner = {
    global: 'for all clients',
    user: 'for this caller',
    ip: 'for this address',
    model: `for model "${name}"`,
  }
  return `the limit of ${rate.limit} ${of} per ${span} ${owner[scope]}`
}

function crowdRefusal({ limit, scope, queue }: SlotDemand, why: 'full' | 'crowded' | 'too_late'): Refusal {
  const owner = scope === 'global' ? 'all clients' : 'this caller'
  const state = `the limit of ${limit} requests at a time for ${owner} is reached`
  const message = `Cannot accept the request: ${state}${queue.sizeMax === 0 ? '' : queueText(why)}, try again later`
  if (scope === 'user' && why !== 'too_late') return refuse('concurrency_limit_exceeded', message, { retryAfterMs })
  return refuse(why === 'too_late' ? 'queue_timeout' : 'queue_full', message, { retryAfterMs })
}

/** Nobody knows when one of the others ends. */
const retryAfterMs = 1000

function queueText(why: 'full' | 'crowded' | 'too_late'): string {
  if (why === 'full') return ''
  return why === 'crowded' ? ' and the queue is full' : ' and the request waited too long'
}
