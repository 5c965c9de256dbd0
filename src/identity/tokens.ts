import type { Caller } from '#core/caller.ts'
import { isRefusal, refuse, type Refusal } from '#core/refusal.ts'
import { KeySet, type KeySetPorts } from './key-set.ts'
import { readClaims } from './read-claims.ts'
import type { TokenProvider } from './token-provider.ts'
import type { BadToken, GoodToken, verifyToken as verifier } from './verify-token.ts'

/**
 * Tokens that were checked, and the keys of who signs them. Outlives every snapshot; what is known of a provider is kept
 * for as long as it says the same, so that a reload that changes one forgets whom it let in.
 */
export class Tokens {
  readonly #ports: KeySetPorts
  readonly #books = new Map<string, Book>()

  constructor(ports: KeySetPorts) {
    this.#ports = ports
  }

  /** Takes the providers of a new snapshot, and forgets all others. Checking is made ready, so that no request waits. */
  adopt(providers: readonly TokenProvider[]): void {
    const ids = new Set(providers.map(({ id }) => id))
    for (const id of this.#books.keys()) if (!ids.has(id)) this.#books.delete(id)
    for (const provider of providers) {
      const { keys } = this.#bookOf(provider)
      if (provider.proof.kind === 'jwks') keys?.goBy(provider.proof.link)
      keys?.current()
    }
    if (providers.length > 0) void loadVerifier()
  }

  /** Whose token it is, if it was checked before and is still good. */
  remembered(token: string, providers: readonly TokenProvider[]): Caller | undefined {
    const digest = digestOf(token)
    const nowMs = this.#ports.clock.wallMs()
    for (const provider of providers) {
      const caller = this.#books.get(provider.id)?.find(digest, nowMs)
      if (caller !== undefined) return caller
    }
    return undefined
  }

  /** Whose token it is, by the first provider that accepts it; never rejects. */
  async verify(token: string, providers: readonly TokenProvider[]): Promise<Caller | Refusal> {
    let refusal = badToken
    for (const provider of providers) {
      const outcome = await this.#verifyBy(provider, token)
      if (!isRefusal(outcome)) return outcome
      // That it was good once tells more than that others do not know it.
      if (refusal === badToken) refusal = outcome
    }
    return refusal
  }

  async #verifyBy(provider: TokenProvider, token: string): Promise<Caller | Refusal> {
    const { clock } = this.#ports
    const book = this.#bookOf(provider)
    const verifyToken = await loadVerifier()
    let keys = book.keys?.current()
    const look = async (): Promise<GoodToken | BadToken | undefined> =>
      book.keys !== undefined && keys === undefined
        ? undefined
        : await verifyToken(token, provider, keys, clock.wallMs())
    let outcome = await look()
    if (book.keys !== undefined && (outcome === undefined || (outcome.kind === 'bad' && outcome.why === 'no_key'))) {
      // They may have been changed a moment ago.
      await book.keys.renew()
      keys = book.keys.current()
      outcome = await look()
    }
    if (outcome === undefined) return this.#refused(provider, 'its keys cannot be had', noKeys)
    if (outcome.kind === 'bad') return this.#refused(provider, outcome.reason, refusalOf(outcome))
    const caller = readClaims(outcome.claims, provider)
    if (typeof caller === 'string') return this.#refused(provider, caller, badToken)
    // Keys that came meanwhile may not be those that it was checked with.
    if (book.keys?.current() === keys) book.keep(digestOf(token), caller, outcome.endsMs)
    return caller
  }

  #refused({ name }: TokenProvider, reason: string, refusal: Refusal): Refusal {
    this.#ports.log.write('debug', 'token_refused', { provider: name, reason })
    return refusal
  }

  #bookOf(provider: TokenProvider): Book {
    let book = this.#books.get(provider.id)
    if (book === undefined) this.#books.set(provider.id, (book = new Book(provider, this.#ports)))
    return book
  }
}

/** What is known of one provider. */
class Book {
  readonly keys: KeySet | undefined
  /** By the digest of the whole token, the one used last behind the others. */
  readonly #callers = new Map<string, { readonly caller: Caller; readonly endsMs: number }>()

  constructor({ proof, name }: TokenProvider, ports: KeySetPorts) {
    // A key that was taken back takes its tokens with it.
    this.keys = proof.kind === 'jwks' ? new KeySet({ ...proof, name }, ports, () => this.#callers.clear()) : undefined
  }

  find(digest: string, nowWallMs: number): Caller | undefined {
    const known = this.#callers.get(digest)
    if (known === undefined) return undefined
    // Without keys nothing could be checked either.
    if (this.keys !== undefined && this.keys.current() === undefined) return undefined
    this.#callers.delete(digest)
    if (nowWallMs >= known.endsMs) return undefined
    this.#callers.set(digest, known)
    return known.caller
  }

  keep(digest: string, caller: Caller, endsMs: number): void {
    this.#callers.delete(digest)
    const [oldest] = this.#callers.keys()
    if (this.#callers.size >= callersMax && oldest !== undefined) this.#callers.delete(oldest)
    this.#callers.set(digest, { caller, endsMs })
  }
}

/** Limit: tokens of one provider that are remembered; others are checked anew each time. */
const callersMax = 10_000

/** Of the whole token: two of them may be the same in all but their last letter. */
function digestOf(token: string): string {
  return Bun.SHA256.hash(token, 'base64')
}

/** The library is loaded where tokens are accepted, and nowhere else. */
async function loadVerifier(): Promise<typeof verifier> {
  return (await import('./verify-token.ts')).verifyToken
}

function refusalOf({ why }: BadToken): Refusal {
  return why === 'expired' ? expired : why === 'too_early' ? tooEarly : badToken
}

const badToken = refuse('invalid_api_key', 'Cannot accept the request: the token is not accepted')
const expired = refuse('expired_api_key', 'Cannot accept the request: the token has expired, get a new one')
const tooEarly = refuse('expired_api_key', 'Cannot accept the request: the token is not valid yet')
const noKeys = refuse(
  'invalid_api_key',
  'Cannot accept the request: the token cannot be checked, since the keys of who signed it cannot be had now',
)
