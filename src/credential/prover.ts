import type { CredentialFailure, Proof, Signable } from '#core/credential.ts'
import type { Secret } from '#core/secret.ts'

/** One kind of credential at work, free of the question where it may be sent. Methods are as in `Credential`. */
export interface Prover {
  prove(request: Signable): Proof | CredentialFailure | Promise<Proof | CredentialFailure>
  refused(proof: Proof): boolean
  /** What it proves with now, where that is not what the operator wrote. */
  current(): Secret | undefined
}

/** What log lines say of whose it is. */
export interface Whose {
  readonly backend: string
  readonly credential: string
}
