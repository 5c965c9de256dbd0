import type { Call } from '#core/call.ts'
import type { CredentialFailure } from '#core/credential.ts'
import type { Failure, FailureReason, HeldResponse } from '#core/failure.ts'
import type { TransportFailure } from '#ports/transport.ts'
import type { ReportedError } from '#wire/error-in-body.ts'
import { isKnownPath, isModelMissing } from './missing-model.ts'

/** An exchange that broke, as the attempt loop must take it. */
export function brokenFailure(broken: TransportFailure): Failure {
  if (broken.cause === 'aborted') {
    return {
      kind: 'failure',
      side: 'client',
      reason: 'client_closed',
      tryNext: false,
      retrySame: false,
      cools: false,
      message: broken.message,
    }
  }
  // A limit of ours, and a request that cannot be put on the wire, are not to be held against the route.
  const isOurs = broken.phase === 'queue' || (broken.phase === 'write' && broken.cause === 'other')
  return {
    kind: 'failure',
    side: isOurs ? 'gateway' : 'upstream',
    reason: reasonOf(broken),
    tryNext: true,
    retrySame: neverAnswered(broken),
    cools: !isOurs && broken.isOurs !== true,
    message: broken.message,
  }
}

/**
 * The same for a request that nobody read, and that may do anything. Another backend is asked where it surely did nothing
 * so far, or where asking twice does no harm that its method does not have to expect; and only while its body is there.
 */
export function brokenRaw(broken: TransportFailure, { method, upload }: Call): Failure {
  const failure = brokenFailure(broken)
  if (upload?.fault !== undefined) {
    return { ...failure, side: 'client', reason: 'client_closed', tryNext: false, retrySame: false, cools: false }
  }
  const isRepeatable = upload?.wasTaken !== true && isHarmlessTwice(broken, method)
  return isRepeatable ? failure : { ...failure, tryNext: false, retrySame: false }
}

/** An answer to such a request that had a good status, and came to no good end. */
export function unfitRaw(failure: Failure, { method, upload }: Call): Failure {
  const isRepeatable = upload?.wasTaken !== true && mayBeAskedTwice(method)
  return isRepeatable ? failure : { ...failure, tryNext: false, retrySame: false }
}

/** Of a request that nobody read. */
export function isHarmlessTwice(broken: TransportFailure, method: string): boolean {
  return mayBeAskedTwice(method) || wasNeverSent(broken)
}

function wasNeverSent({ phase, trace }: TransportFailure): boolean {
  return (phase !== 'head' && phase !== 'body' && phase !== 'write') || trace?.bytesSent === 0
}

/** Models are asked by POST, and asking one twice costs money at most. */
export function mayBeAskedTwice(method: string): boolean {
  return method === 'POST' || method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

/** Whether another backend may have a better answer to a request that nobody read. */
export function mayAskOthers(status: number, { method, upload }: Call): boolean {
  if (upload?.wasTaken === true || !isFailureOfRaw(status)) return false
  return mayBeAskedTwice(method) || refusedBefore.has(status)
}

/** Of a request that nobody read, any other status is the answer, however sad. */
export function isFailureOfRaw(status: number): boolean {
  return status >= 500 || routesOwnRaw.has(status)
}

/** What is about the backend's key or its load. */
const routesOwnRaw: ReadonlySet<number> = new Set([401, 402, 403, 408, 425, 429])

/** A backend that says this has done nothing. */
const refusedBefore: ReadonlySet<number> = new Set([401, 402, 403, 425, 429, 503])

/** A request that was not sent, for want of a proof. */
export function unprovedFailure({ reason, message, retryAfterMs }: CredentialFailure): Failure {
  const isOver = reason === 'stopped'
  const isOurs = reason === 'unsignable'
  return {
    kind: 'failure',
    side: isOver ? 'client' : isOurs ? 'gateway' : 'upstream',
    reason: isOver ? 'client_closed' : 'no_credential',
    tryNext: !isOver,
    retrySame: false,
    cools: false,
    message,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

/** A route that answered, but with nothing that can be handed on. */
export function unfitFailure(
  reason:
    | 'invalid_response'
    | 'empty'
    | 'error_in_body'
    | 'incomplete'
    | 'idle_timeout'
    | 'first_byte_timeout'
    | 'total_timeout',
  status: number,
  message: string,
  cools = true,
): Failure {
  return {
    kind: 'failure',
    side: 'upstream',
    reason,
    status,
    tryNext: true,
    retrySame: false,
    cools,
    message,
  }
}

/** An error inside an answer whose status promised success. */
export function reportedFailure(status: number, reported: ReportedError, call: Call): Failure {
  return {
    kind: 'failure',
    side: 'upstream',
    reason: 'error_in_body',
    status,
    tryNext: true,
    retrySame: false,
    cools: reportCools(reported, call),
    message: `its answer with status ${status} is an error${named(reported)}`,
    ...(reported.status !== undefined && { reportedStatus: reported.status }),
    ...blameOn(reported),
  }
}

/** What is known of an answer with an error status. */
export interface StatusFacts {
  readonly status: number
  readonly call: Call
  /** Detection counts it as a failure that another route may mend. */
  readonly tryNext: boolean
  /** The error that the body reports, if it is one. */
  readonly reported: ReportedError | undefined
  /** The configured pattern that was found in the body. */
  readonly pattern: string | undefined
  /** The operator lets this status cool. */
  readonly widened: boolean
  readonly retryAfterMs: number | undefined
  readonly held: HeldResponse | undefined
}

/** An answer with an error status. */
export function statusFailure(facts: StatusFacts): Failure {
  const { status, tryNext, reported, pattern, retryAfterMs, held } = facts
  return {
    kind: 'failure',
    side: 'upstream',
    reason: pattern === undefined ? 'status' : 'pattern',
    status,
    tryNext,
    // Which statuses are worth it is for `retry.on_status` alone to say.
    retrySame: true,
    cools: statusCools(facts),
    message: `it answered with status ${status}${named(reported)}`,
    ...blameOn(reported),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(held !== undefined && { held }),
  }
}

/**
 * Whose fault an error status is decides whether the route rests. A request that no route would accept must never cool
 * one down, or a single client could take every route away from all others.
 */
export function statusCools({
  status,
  call,
  reported,
  pattern,
  widened,
}: Pick<StatusFacts, 'status' | 'call' | 'reported' | 'pattern' | 'widened'>): boolean {
  if (widened) return true
  const blamed = blame(reported)
  if (blamed !== undefined) return blamed === 'credential'
  if (isRoutesOwn(status, reported, call)) return true
  // What follows from words that a path which the client thought up may have put there is not the route's doing.
  if (pattern === undefined || status === 404 || !isKnownPath(call)) return false
  return !requestBound.has(status) && /quota/i.test(pattern)
}

function reportCools(reported: ReportedError, call: Call): boolean {
  const blamed = blame(reported)
  if (blamed !== undefined) return blamed === 'credential'
  // Some servers tell with a 200 that they do not know the path.
  return reported.status === undefined ? isKnownPath(call) : isRoutesOwn(reported.status, reported, call)
}

function isRoutesOwn(status: number, reported: ReportedError | undefined, call: Call): boolean {
  if (status === 404) return isModelMissing(reported, call)
  if (pathBound.has(status) && !isKnownPath(call)) return false
  return routesOwn.has(status) || status >= 500
}

/** Beside every 5xx: what is about the backend's key or its load, not about the request. */
const routesOwn: ReadonlySet<number> = new Set([401, 402, 403, 408, 409, 425, 429])

/** Beside 404: what servers say to paths that they do not have, or not for this key. */
const pathBound: ReadonlySet<number> = new Set([401, 403, 501])

const requestBound: ReadonlySet<number> = new Set([400, 413, 415, 422])

type Blame =
  /** The backend's key or account. */
  | 'credential'
  /** This very request. */
  | 'request'

function blameOn(reported: ReportedError | undefined): Pick<Failure, 'blamesCredential'> {
  return blame(reported) === 'credential' ? { blamesCredential: true } : {}
}

/** Who is at fault by the error's own words; only its fixed fields are believed, its prose may repeat the prompt. */
function blame(reported: ReportedError | undefined): Blame | undefined {
  if (reported === undefined) return undefined
  return blameOf.get(reported.code?.toLowerCase() ?? '') ?? blameOf.get(reported.type?.toLowerCase() ?? '')
}

const blameOf: ReadonlyMap<string, Blame> = new Map<string, Blame>([
  ['account_deactivated', 'credential'],
  ['api_key_invalid', 'credential'],
  ['arrearage', 'credential'],
  ['authentication_error', 'credential'],
  ['billing_error', 'credential'],
  ['billing_hard_limit_reached', 'credential'],
  ['billing_not_active', 'credential'],
  ['insufficient_balance', 'credential'],
  ['insufficient_quota', 'credential'],
  ['invalid_api_key', 'credential'],
  ['quota_exceeded', 'credential'],
  ['content_filter', 'request'],
  ['content_policy_violation', 'request'],
  ['context_length_exceeded', 'request'],
  ['invalid_organization', 'request'],
  ['invalid_prompt', 'request'],
  ['mismatched_organization', 'request'],
  ['request_too_large', 'request'],
  ['responsibleaipolicyviolation', 'request'],
  ['string_above_max_length', 'request'],
  ['unsupported_parameter', 'request'],
  ['unsupported_value', 'request'],
])

/** The error's own name for itself, where it is a plain word: its prose may hold keys, hosts or the prompt. */
function named(reported: ReportedError | undefined): string {
  const name = [reported?.code, reported?.type].find((word) => word !== undefined && plainWord.test(word))
  return name === undefined ? '' : ` (${name})`
}

const plainWord = /^[A-Za-z][\w.-]{1,47}$/

function neverAnswered({ phase, cause }: TransportFailure): boolean {
  return (phase === 'connect' && cause === 'refused') || (phase === 'head' && cause === 'reset')
}

function reasonOf({ phase, cause }: TransportFailure): FailureReason {
  if (phase === 'queue') return cause === 'full' ? 'queue_full' : 'queue_timeout'
  if (phase === 'dns') return 'dns'
  if (phase === 'tls') return cause === 'timeout' ? 'connect_timeout' : 'tls'
  if (cause === 'malformed') return 'invalid_response'
  if (cause === 'timeout') return timeoutOf[phase]
  return phase === 'connect' ? 'connect' : 'reset'
}

const timeoutOf: Readonly<Record<'connect' | 'write' | 'head' | 'body', FailureReason>> = {
  connect: 'connect_timeout',
  write: 'write_timeout',
  head: 'first_byte_timeout',
  body: 'idle_timeout',
}
