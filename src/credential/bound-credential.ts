import type { Credential, CredentialFailure, Proof, Signable } from '#core/credential.ts'
import type { Secret } from '#core/secret.ts'
import type { Prover } from './prover.ts'
import type { CredentialSpec } from './spec.ts'

/** What traffic taught about one credential; kept by its id, over reloads. */
export class Standing {
  readonly prover: Prover
  /** Monotonic time. */
  restsUntilMs = 0
  turns = 0
  /** In a row. */
  setbacks = 0
  reason: string | undefined

  constructor(prover: Prover) {
    this.prover = prover
  }
}

/** A credential that goes to its backend and nowhere else. */
export class BoundCredential implements Credential {
  readonly name: string
  readonly standing: Standing
  readonly #origin: string
  readonly #hidden: readonly Secret[]
  #current: Secret | undefined
  #secrets: readonly Secret[]

  constructor({ name, origin, hidden }: CredentialSpec, standing: Standing) {
    this.name = name
    this.standing = standing
    this.#origin = origin
    this.#hidden = hidden
    this.#secrets = hidden
  }

  headers(request: Signable): Proof | CredentialFailure | Promise<Proof | CredentialFailure> {
    return originOf(request.url) === this.#origin ? this.standing.prover.prove(request) : wrongHost
  }

  refused(proof: Proof): boolean {
    return this.standing.prover.refused(proof)
  }

  secrets(): readonly Secret[] {
    const current = this.standing.prover.current()
    if (current !== this.#current) {
      this.#current = current
      this.#secrets = current === undefined ? this.#hidden : [...this.#hidden, current]
    }
    return this.#secrets
  }
}

/** As `URL.origin`, which is null for the mock backend. */
export function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`
}

const wrongHost: CredentialFailure = {
  kind: 'credential_failure',
  reason: 'wrong_host',
  message: 'its credential belongs to another address and is not sent there',
}
