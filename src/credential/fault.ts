import type { CredentialFailure, CredentialSetback } from '#core/credential.ts'
import type { Failure } from '#core/failure.ts'

/** What is read of a failed attempt. `blamesCredential`: the error's own words say so, whatever its status. */
export type AttemptFailure = Pick<
  Failure,
  'side' | 'status' | 'reportedStatus' | 'cools' | 'retryAfterMs' | 'message'
> & {
  readonly blamesCredential?: boolean
}

/** A failed attempt as a setback of its credential; undefined when it was not the credential's doing. */
export function setbackOf(failure: AttemptFailure): CredentialSetback | undefined {
  const { side, cools, retryAfterMs, message, blamesCredential = false } = failure
  // An answer that promised success may hold an error with a status of its own.
  const status = failure.reportedStatus ?? failure.status
  if (side !== 'upstream' || status === undefined) return undefined
  // What does not cool a route is about the request: a 403 for a path, a 429 for a prompt that is too long.
  if (!blamesCredential && !(cools && ofCredentials.has(status))) return undefined
  // Shares are often counted, and access given, for each model; a key that is not believed is so for all of them.
  return { status, isOfModel: !blamesCredential && status !== 401, retryAfterMs, message }
}

/**
 * A refusal of a path that is not known, which may be about the path as well: another credential will tell. Undefined for
 * all other failures.
 */
export function doubtOf(failure: AttemptFailure): CredentialSetback | undefined {
  const { side, cools, status, retryAfterMs, message } = failure
  return side === 'upstream' && status === 401 && !cools
    ? { status, isOfModel: false, retryAfterMs, message }
    : undefined
}

/** What servers say about a key, its account, and its share. */
const ofCredentials: ReadonlySet<number> = new Set([401, 402, 403, 429])

/** A credential that had nothing to send; undefined when that says nothing about the next request. */
export function setbackOfNothing(failure: CredentialFailure): CredentialSetback | undefined {
  const { reason, retryAfterMs, message } = failure
  return blameless.has(reason) ? undefined : { status: undefined, retryAfterMs, message }
}

const blameless: ReadonlySet<CredentialFailure['reason']> = new Set(['stopped', 'wrong_host', 'unsignable'])
