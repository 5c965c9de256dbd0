import type { Answer } from '#core/answer.ts'
import type { Candidate } from '#core/candidate.ts'
import type { Dialect } from '#core/dialect.ts'
import type { Failure, FailureReason } from '#core/failure.ts'
import type { Plan } from '#core/plan.ts'
import { refuse, type Refusal, type RefusalCode } from '#core/refusal.ts'

/** A failed attempt and the candidate it was made at. */
export interface Miss {
  readonly candidate: Candidate
  readonly failure: Failure
  /** No credential of its backend is left: milliseconds until the first one is back, 0 where none rests. */
  readonly noCredentialMs?: number
  /** It was asked though it rests, for want of others. */
  readonly wasResting?: boolean
}

/**
 * What the client gets when every attempt failed: an upstream's own error answer where one is useful to it, else our
 * refusal. A transport error of another route never hides an answer (a 429 with its Retry-After helps, "refused" does not).
 */
export function noAnswer(plan: Plan, misses: readonly Miss[], dialect?: Dialect): Answer | Refusal {
  const answered = misses.filter((miss) => miss.failure.held !== undefined)
  const useful = answered.filter((miss) => !isOurKeysFault(miss) || isNotOursToJudge(miss, dialect))
  const telling = mostTelling(useful)
  if (telling?.failure.held !== undefined) {
    const { status, headers, body } = telling.failure.held
    return {
      kind: 'answer',
      candidate: telling.candidate,
      status,
      headers,
      held: [body],
      rest: undefined,
      form: undefined,
    }
  }
  const end = misses.at(-1)
  // Where no credential is left, when one is back says more than what the others were told.
  const last = end?.noCredentialMs === undefined ? (answered.at(-1) ?? end) : end
  if (last === undefined) return restingRefusal(plan, 0)
  const { failure: told, noCredentialMs } = last
  // It could not be put on the wire: what the client sent on is no HTTP, and no other route would change that.
  if (told.side === 'gateway' && !isQueues(told)) return refuse('invalid_parameter', unsendable)
  const code = codeFor(last)
  const retryAfterMs = isQueues(told) ? queueRetryMs : noCredentialMs === 0 ? undefined : noCredentialMs
  const message = `${cannotAnswer(plan)}: ${countOf(misses)} failed, ${told.message}`
  return refuse(code, message, retryAfterMs === undefined ? {} : { retryAfterMs })
}

/** The last one. But that a resting route still fails was to be expected, and says less than what is wrong with the request. */
function mostTelling(useful: readonly Miss[]): Miss | undefined {
  const last = useful.at(-1)
  if (last?.wasResting !== true) return last
  return useful.findLast((miss) => miss.wasResting !== true && isRequestBound(miss.failure)) ?? last
}

/** How a sentence begins that tells why there is no answer. */
export function cannotAnswer({ alias }: Pick<Plan, 'alias'>): string {
  return alias === '' ? 'Cannot answer' : `Cannot answer with model "${alias.slice(0, 64)}"`
}

function codeFor({ failure, noCredentialMs }: Miss): RefusalCode {
  if (noCredentialMs !== undefined) return 'no_backend_available'
  return failure.held === undefined ? codeOf[failure.reason] : 'upstream_auth_failed'
}

const unsendable = 'Cannot send the request on: a header of it or its path holds what HTTP forbids'

/** Milliseconds after which a place in a line, or a connection, may well be free again. */
const queueRetryMs = 1000

function isQueues({ reason }: Failure): boolean {
  return reason === 'queue_full' || reason === 'queue_timeout'
}

/** Two backends that refuse a request with the same 4xx of the request's own kind are right: asking a third is waste. */
export function isRequestsFault(misses: readonly Miss[]): boolean {
  const last = misses.at(-1)
  if (last === undefined || !isRequestBound(last.failure)) return false
  return misses.some(
    (miss) => miss.failure.status === last.failure.status && miss.candidate.backend !== last.candidate.backend,
  )
}

function isRequestBound({ status = 0 }: Failure): boolean {
  return requestBound.has(status)
}

const requestBound: ReadonlySet<number> = new Set([400, 413, 415, 422])

/** The client's key was fine: an upstream's 401 or 403 is about the backend key and must not look like the client's fault. */
function isOurKeysFault({ failure }: Miss): boolean {
  return failure.status === 401 || failure.status === 403
}

/** What a service means by it to a client that it knows, nobody here can tell; unless we ran out of credentials. */
function isNotOursToJudge({ noCredentialMs }: Miss, dialect: Dialect | undefined): boolean {
  return dialect === 'raw' && noCredentialMs === undefined
}

/**
 * For a plan whose routes all rest: the soonest recovery is what the client should wait for. `hasUnable`: but for those that
 * can be asked nothing of the kind.
 */
export function restingRefusal(plan: Plan, waitMs: number, hasUnwell = false, hasUnable = false): Refusal {
  const which = hasUnable ? 'every route of it that can be asked that' : 'every route of it'
  const state = hasUnwell ? 'is cooling down or fails its health checks' : 'is cooling down'
  return refuse('no_backend_available', `${cannotAnswer(plan)}: ${which} ${state}, try again later`, {
    retryAfterMs: waitMs,
  })
}

const codeOf: Readonly<Record<FailureReason, RefusalCode>> = {
  queue_full: 'queue_full',
  queue_timeout: 'queue_timeout',
  dns: 'upstream_unreachable',
  connect: 'upstream_unreachable',
  tls: 'upstream_unreachable',
  reset: 'upstream_unreachable',
  connect_timeout: 'upstream_timeout',
  write_timeout: 'upstream_timeout',
  first_byte_timeout: 'upstream_timeout',
  first_content_timeout: 'upstream_timeout',
  idle_timeout: 'upstream_timeout',
  total_timeout: 'upstream_timeout',
  invalid_response: 'upstream_invalid_response',
  empty: 'upstream_invalid_response',
  incomplete: 'upstream_invalid_response',
  status: 'upstream_error',
  pattern: 'upstream_error',
  error_in_body: 'upstream_error',
  client_closed: 'client_closed',
  no_credential: 'no_backend_available',
}

function countOf(misses: readonly Miss[]): string {
  return misses.length === 1 ? 'its route' : `${misses.length} attempts`
}
