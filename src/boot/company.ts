import { systemClock } from '#ports/clock.ts'
import type { SharedPort } from '#ports/port-sharing.ts'
import type { Gateway } from '#gateway/gateway.ts'
import type { Listener, Sharing } from '#server/listen.ts'
import type { ListenAddress, Snapshot } from '#snapshot/snapshot.ts'
import type { Seat } from './seat.ts'
import type { SharedSource, SharedSourceParts } from './shared-source.ts'
import type { Ports } from './worker-messages.ts'

/** Who may listen on our addresses beside us. */
export function sharingOf({ sharing }: Snapshot, seat: Seat | undefined): Sharing {
  if (sharing.withOthers) return 'any'
  if (seat === undefined) return 'none'
  return seat.facts.isFirst ? 'from_now_on' : 'any'
}

/** With the port that the first worker was given, where the configuration leaves it to the system. */
export function seatedAt(address: ListenAddress, which: keyof Ports, seat: Seat | undefined): ListenAddress {
  const port = seat?.facts.ports?.[which]
  return address.kind === 'tcp' && address.port === 0 && port !== undefined ? { ...address, port } : address
}

/** How long a process stays at least that leaves its port, and how much longer each of its siblings does. */
const stayMsMin = 1000
const stepMs = 200

/** The configuration of a process that has a place among others. */
export async function sharedSource(parts: SharedSourceParts): Promise<SharedSource> {
  const { SharedSource } = await import('./shared-source.ts')
  return new SharedSource(parts)
}

/** Finds the port as the system sees it. */
type FindPort = (number: number) => Promise<SharedPort | undefined>

const findPort: FindPort = async (number) => {
  const { openSharedPort } = await import('#ports/port-sharing.ts')
  return openSharedPort(number)
}

/**
 * Who is killed while it leaves the port cannot take back where it steered new connections: whoever joins does. Who still
 * leaves steers them away anew.
 */
export async function clearPort({ port }: Pick<Listener, 'port'>, find: FindPort = findPort): Promise<void> {
  if (port === undefined) return
  try {
    ;(await find(port))?.steerToAll()
  } catch {
    // A sandbox may forbid to look. Connections are shared as the system sees fit.
    return
  }
}

/** Leaves the port to other processes that listen there, if there may be some; see `handOver`. Never rejects. */
export async function leavePort(
  { current, live, log }: Pick<Gateway, 'current' | 'live' | 'log'>,
  listener: Listener,
  seat: Pick<Seat, 'place' | 'areAllStopping'> | undefined,
  forMs: number,
  hurry: AbortSignal,
  find: FindPort = findPort,
): Promise<void> {
  const { sharing, listen, tls } = current()
  const othersStay = sharing.withOthers || (seat !== undefined && !seat.areAllStopping)
  const { port: number } = listener
  if (!othersStay || number === undefined || listen.kind === 'unix' || hurry.aborted) return
  try {
    const { handOver, askPort } = await import('./hand-over.ts')
    const port = await find(number)
    if (port === undefined) return
    const clock = systemClock
    const ask = async (): ReturnType<typeof askPort> => await askPort(listen.host, number, clock, tls !== undefined)
    // Workers that are told to stop at the same time leave one after the other.
    const stayMs = stayMsMin + stepMs * ((seat?.place.number ?? 1) - 1)
    await handOver({ clock, live, listener, port, stayMs, ask }, forMs, hurry)
  } catch (error) {
    // The port is closed as any other then.
    log.write('warn', 'hand_over_failed', { reason: error instanceof Error ? error.message : String(error) })
  }
}
