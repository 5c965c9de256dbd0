import type { Gateway } from '#gateway/gateway.ts'
import type { Clock } from '#ports/clock.ts'
import type { Listener } from '#server/listen.ts'

/** How often the drain looks whether the last exchange is settled. */
const lookEveryMs = 20

/** Limit: how long last bytes may take to leave, and how long when nobody wants to wait any more. */
const flushMsMax = 1000
const hurriedFlushMsMax = 250

/**
 * Lets running requests finish: takes no new connections, waits for every exchange to settle, at most `forMs` and not
 * longer than `hurry` allows, then ends what is left, with an error that the client can read wherever that is possible.
 * Resolves with the number of requests that were cut.
 */
export async function drain(
  gateway: Pick<Gateway, 'clock' | 'live'>,
  listener: Pick<Listener, 'stop' | 'cut'>,
  forMs: number,
  hurry: AbortSignal,
): Promise<number> {
  const { clock, live } = gateway
  // Its promise also waits for connections that never sent a request; exchanges are what counts.
  const stopped = listener.stop()
  const untilMs = clock.monotonicMs() + forMs
  while (live.size > 0 && clock.monotonicMs() < untilMs && !hurry.aborted) await clock.sleep(lookEveryMs, hurry)
  const cut = live.size
  for (const exchange of live) exchange.cut?.cut()
  // Settled is not sent: the last bytes of the last answers may still be on their way.
  await first(stopped, clock, hurry.aborted ? hurriedFlushMsMax : flushMsMax)
  await listener.cut()
  return cut
}

async function first(work: Promise<void>, clock: Clock, ms: number): Promise<void> {
  const enough = new AbortController()
  await Promise.race([work, clock.sleep(ms, enough.signal)])
  enough.abort()
}
