import type { KeyHeader, Proof } from '#core/credential.ts'
import type { Secret } from '#core/secret.ts'

/** The proofs that one key gives, each made once: a key goes into another header for each dialect. */
export class KeyProofs {
  readonly key: Secret
  readonly #byHeader = new Map<KeyHeader, Proof>()

  constructor(key: Secret) {
    this.key = key
  }

  in(header: KeyHeader): Proof {
    let proof = this.#byHeader.get(header)
    if (proof === undefined) this.#byHeader.set(header, (proof = proofOf(this.key, header)))
    return proof
  }

  gave({ headers }: Proof): boolean {
    return this.#byHeader.values().some((proof) => proof.headers === headers)
  }
}

function proofOf(secret: Secret, header: KeyHeader): Proof {
  const key = secret.reveal()
  const value = header === 'authorization' ? `Bearer ${key}` : key
  return { kind: 'proof', headers: header === 'none' ? [] : [[header, value]], isReused: true }
}
