import type { Proof, Signable } from '#core/credential.ts'
import { KeyProofs } from './key-proofs.ts'
import type { Prover } from './prover.ts'
import type { KeyMaterial } from './spec.ts'

/** Proves every request by the key that the operator wrote. */
export class StaticKey implements Prover {
  readonly #proofs: KeyProofs

  constructor({ key }: KeyMaterial) {
    this.#proofs = new KeyProofs(key)
  }

  prove({ keyHeader }: Signable): Proof {
    return this.#proofs.in(keyHeader)
  }

  /** It has nothing newer. */
  refused(): boolean {
    return false
  }

  current(): undefined {
    return undefined
  }
}
