import type { CredentialFailure, CredentialLog, Proof, Signable } from '#core/credential.ts'
import { Secret } from '#core/secret.ts'
import type { Clock } from '#ports/clock.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import { KeyProofs } from './key-proofs.ts'
import { keyIn, reasonOf } from './outside.ts'
import type { Prover, Whose } from './prover.ts'
import type { FileMaterial } from './spec.ts'

export interface KeyFilePorts {
  readonly clock: Clock
  readonly files: SecretFiles
  readonly log: CredentialLog
}

/**
 * Proves requests by the key in a file that may change at any time. Requests do not wait for a look at the file: the one
 * that comes when a look is due starts it and takes the key that is known. A file that cannot be read changes nothing.
 */
export class KeyFile implements Prover {
  readonly #path: string
  readonly #ports: KeyFilePorts
  readonly #whose: Whose
  #proofs: KeyProofs
  #lookDueMs: number
  #look: Promise<void> | undefined
  /** The upstream did not believe the key: it is not sent again before the file was looked at. */
  #isDoubted = false
  #isFailing = false

  constructor({ path, key }: FileMaterial, ports: KeyFilePorts, whose: Whose) {
    this.#path = path
    this.#ports = ports
    this.#whose = whose
    this.#proofs = new KeyProofs(key)
    this.#lookDueMs = ports.clock.monotonicMs() + lookEveryMs
  }

  prove({ keyHeader }: Signable): Proof | CredentialFailure | Promise<Proof | CredentialFailure> {
    if (this.#isDoubted) return this.#proveAnew(keyHeader)
    if (this.#look === undefined && this.#ports.clock.monotonicMs() >= this.#lookDueMs) void this.#lookAgain()
    return this.#proofs.in(keyHeader)
  }

  /** Whether the file holds another key by now is found out by the next proof. */
  refused(proof: Proof): boolean {
    if (this.#proofs.gave(proof)) this.#isDoubted = true
    return true
  }

  current(): Secret {
    return this.#proofs.key
  }

  async #proveAnew(keyHeader: Signable['keyHeader']): Promise<Proof | CredentialFailure> {
    const refused = this.#proofs
    await this.#lookAgain()
    this.#isDoubted = false
    return this.#proofs === refused ? sameKey : this.#proofs.in(keyHeader)
  }

  async #lookAgain(): Promise<void> {
    await (this.#look ??= this.#read())
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    const { clock, files, log } = this.#ports
    try {
      const found = keyIn((await files.read(this.#path)).bytes)
      if ('reason' in found) this.#tellFailure(found.reason)
      else {
        this.#isFailing = false
        if (found.text !== this.#proofs.key.reveal()) {
          this.#proofs = new KeyProofs(new Secret(found.text))
          log.write('info', 'credential_key_read', { ...this.#whose, file: this.#path })
        }
      }
    } catch (error) {
      this.#tellFailure(reasonOf(error))
    }
    this.#lookDueMs = clock.monotonicMs() + lookEveryMs
    this.#look = undefined
  }

  /** Told once, until it can be read again. */
  #tellFailure(reason: string): void {
    if (this.#isFailing) return
    this.#isFailing = true
    this.#ports.log.write('warn', 'credential_file_failed', { ...this.#whose, file: this.#path, reason })
  }
}

const lookEveryMs = 5000

const sameKey: CredentialFailure = {
  kind: 'credential_failure',
  reason: 'no_key',
  message: 'its key was refused, and its file still holds the same one',
}
