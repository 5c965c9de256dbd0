import { anonymous, type Caller } from '#core/caller.ts'
import type { Secret } from '#core/secret.ts'

/** The keys that clients may use, kept as digests and compared in constant time. */
export class KeyRing {
  readonly #entries: readonly { readonly digest: Uint8Array; readonly caller: Caller }[]

  constructor(keys: readonly { readonly key: Secret; readonly caller: Caller }[]) {
    this.#entries = keys.map(({ key, caller }) => ({ digest: digestOf(key.reveal()), caller }))
  }

  /** Without keys everyone is the anonymous caller. */
  get isOpen(): boolean {
    return this.#entries.length === 0
  }

  /** One key that all clients share says nothing about who they are. */
  get tellsApart(): boolean {
    return this.#entries.length > 1
  }

  find(key: string): Caller | undefined {
    const digest = digestOf(key, asked)
    let found: Caller | undefined
    // No early exit: the time taken must not tell which key came close.
    for (const entry of this.#entries) if (crypto.timingSafeEqual(entry.digest, digest)) found = entry.caller
    return found
  }

  get anonymous(): Caller {
    return anonymous
  }
}

/** Digest of the key that is looked for: used at once, and so one for all. */
const asked = new Uint8Array(32)

function digestOf(key: string, digest = new Uint8Array(32)): Uint8Array {
  Bun.SHA256.hash(key, digest)
  return digest
}
