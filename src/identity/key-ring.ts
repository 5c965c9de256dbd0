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

  find(key: string): Caller | undefined {
    const digest = digestOf(key)
    let found: Caller | undefined
    // No early exit: the time taken must not tell which key came close.
    for (const entry of this.#entries) if (crypto.timingSafeEqual(entry.digest, digest)) found = entry.caller
    return found
  }

  get anonymous(): Caller {
    return anonymous
  }
}

function digestOf(key: string): Uint8Array {
  const digest = new Uint8Array(32)
  Bun.SHA256.hash(key, digest)
  return digest
}
