import type { Candidate } from '#core/candidate.ts'
import type { Outcome } from '#core/exchange.ts'
import type { StreamForm } from '#core/endpoint.ts'
import type { TransportFailure } from '#ports/transport.ts'
import type { Ending } from './verdict.ts'

/** Why a body ends before its time. */
export interface Break {
  readonly outcome: Outcome
  /** What it says about the route. */
  readonly ending: Ending
  /** For programs. */
  readonly code: string
  readonly message: string
  /** Another route may go on where this one stopped. */
  readonly mayBeRescued: boolean
  /** The upstream's own error event and what came with it, kept back as long as the client may be spared it. */
  readonly ownWords?: Uint8Array
}

export const shuttingDown: Break = {
  outcome: 'shut_down',
  ending: 'neither',
  code: 'shutting_down',
  message: 'Cannot complete the answer: the server is shutting down',
  mayBeRescued: false,
}

export const endedEarly: Break = {
  outcome: 'upstream_broke',
  ending: 'bad',
  code: 'stream_incomplete',
  message: 'Cannot complete the answer: the upstream ended the stream before it was complete',
  mayBeRescued: true,
}

/** The upstream itself told of an error, in the stream's own protocol. */
export function toldError(ownWords: Uint8Array): Break {
  return {
    outcome: 'upstream_broke',
    // As without a rescue: whose fault the error is was not asked.
    ending: 'neither',
    code: 'upstream_error',
    message: 'the upstream sent an error event',
    mayBeRescued: true,
    ownWords,
  }
}

/** What should go on with a stream does not. */
export const saysOtherwise: Break = {
  ...endedEarly,
  ending: 'neither',
  message: 'Cannot complete the answer: it says something else than the client has',
}

const connectionBroke: Break = {
  outcome: 'upstream_broke',
  ending: 'bad',
  code: 'upstream_error',
  message: 'Cannot complete the answer: the upstream connection broke',
  mayBeRescued: true,
}

/** The operator wants no more of it, whoever would go on. */
const ourStep: Pick<Break, 'ending' | 'code' | 'mayBeRescued'> = {
  ending: 'neither',
  code: 'hook_failed',
  mayBeRescued: false,
}

/** Each limit tells its name, so that whoever wants another value knows where to write it. */
export function fellSilent({ backend, streamClocks }: Candidate, form: StreamForm | undefined): Break {
  const isStreams = form !== undefined && streamClocks.idleMs !== backend.timeouts.idleMs
  const limit = isStreams ? 'streaming.idle_timeout' : 'timeout.idle'
  return {
    outcome: 'stalled',
    ending: 'bad',
    code: 'upstream_timeout',
    message: `Cannot complete the answer: the upstream fell silent for longer than ${limit}`,
    mayBeRescued: true,
  }
}

export function tookTooLong(limit: 'timeout.total' | 'streaming.max_duration'): Break {
  return {
    outcome: 'stalled',
    ending: 'neither',
    code: 'upstream_timeout',
    message: `Cannot complete the answer: it took longer than ${limit}`,
    mayBeRescued: false,
  }
}

/** A connection that broke, or was ended by a limit of ours. */
export function breakOf(failure: TransportFailure, candidate: Candidate, form: StreamForm | undefined): Break {
  // Only our own clock ends an exchange whose client is still there.
  if (failure.cause === 'aborted') return tookTooLong('timeout.total')
  if (failure.isOurs === true)
    return { ...connectionBroke, ...ourStep, message: `Cannot complete the answer: ${failure.message}` }
  return failure.cause === 'timeout' ? fellSilent(candidate, form) : connectionBroke
}
