import type { Candidate } from '#core/candidate.ts'
import type { Clock } from '#ports/clock.ts'
import type { IncomingResponse, TransportFailure } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import { BrokenBody, unreadable } from '#translate/translated-body.ts'
import { Intake } from './intake.ts'

/** Limit: of a larger error answer that is to be translated its status alone is told. */
const errorBytesMax = 1_048_576

/** Limit: bytes of an answer that has to be in memory as a whole. */
const bodyBytesMax = 33_554_432

/** An error answer with all of its body: only this tells what status and headers it has for clients of another form. */
export async function withWholeError(
  response: IncomingResponse,
  clock: Clock,
  candidate: Candidate,
): Promise<IncomingResponse> {
  if (response.status < 400 || response.body.whole !== undefined) return response
  return await read(response, clock, candidate, { bytesMax: errorBytesMax, firstMs: 0, beyond: nothing })
}

/** Any answer with all of its body, for those who can do nothing with less. */
export async function withWholeBody(
  response: IncomingResponse,
  clock: Clock,
  candidate: Candidate,
): Promise<IncomingResponse> {
  if (response.status >= 400) return await withWholeError(response, clock, candidate)
  if (response.body.whole !== undefined) return response
  // Some upstreams send the head at once and think afterwards.
  const { firstByteMs } = candidate.backend.timeouts
  return await read(response, clock, candidate, { bytesMax: bodyBytesMax, firstMs: firstByteMs, beyond: tooLarge })
}

interface Reading {
  readonly bytesMax: number
  /** How long the first byte may take, where that is longer than any pause. */
  readonly firstMs: number
  /** In place of a body that is larger. */
  readonly beyond: WholeBody | TransportFailure
}

async function read(
  response: IncomingResponse,
  clock: Clock,
  { backend }: Candidate,
  { bytesMax, firstMs, beyond }: Reading,
): Promise<IncomingResponse> {
  const { idleMs } = backend.timeouts
  const firstDueMs = idleMs === 0 ? 0 : clock.monotonicMs() + Math.max(idleMs, firstMs)
  const intake = new Intake(response.body, clock, { firstDueMs, idleMs, bodyIdleMs: idleMs, holdMs: 0 })
  let step = await intake.next()
  while (step instanceof Uint8Array && intake.heldBytes <= bytesMax) step = await intake.next()
  if (step === 'end') return { ...response, body: new WholeBody(intake.bytes()) }
  intake.discard()
  if (step instanceof Uint8Array) {
    return { ...response, body: 'kind' in beyond ? new BrokenBody(beyond) : beyond }
  }
  return { ...response, body: new BrokenBody(typeof step === 'string' ? fellSilent : step) }
}

const nothing = new WholeBody(new Uint8Array())

const tooLarge = unreadable('its answer is too large to be translated')

const fellSilent: TransportFailure = {
  kind: 'transport_failure',
  phase: 'body',
  cause: 'timeout',
  message: 'it fell silent in the middle of its answer',
}
