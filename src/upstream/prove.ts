import type { Call } from '#core/call.ts'
import type { Candidate } from '#core/candidate.ts'
import type { CredentialFailure, CredentialInUse, Proof } from '#core/credential.ts'
import type { Failure } from '#core/failure.ts'
import type { Secret } from '#core/secret.ts'
import { keyHeader } from './auth.ts'
import { unprovedFailure } from './failure.ts'
import { replaced } from './headers.ts'
import type { PiecewiseRequest } from './request.ts'

/**
 * The request with what proves it to its backend, or why there is nothing to prove it with. It must be complete, since
 * some proofs are signatures of all of it.
 */
export async function prove(
  request: PiecewiseRequest,
  call: Call,
  candidate: Candidate,
  use: CredentialInUse,
): Promise<PiecewiseRequest | Failure> {
  use.proof = undefined
  use.lacks = undefined
  const asked = use.credential.headers({
    ...request,
    isUnread: call.upload !== undefined,
    keyHeader: keyHeader(candidate, call.endpoint.dialect),
  })
  const proof: Proof | CredentialFailure = asked instanceof Promise ? await asked : asked
  if (proof.kind === 'credential_failure') {
    use.lacks = proof
    return unprovedFailure(proof)
  }
  use.proof = proof
  use.secrets = use.credential.secrets()
  return { ...request, url: proof.url ?? request.url, headers: replaced(request.headers, proof.headers) }
}

/** What an answer must not bring to the client. */
export function secretsOf({ backend }: Candidate, use: CredentialInUse | undefined): readonly Secret[] {
  return use === undefined ? backend.secrets : [...backend.secrets, ...use.secrets]
}
