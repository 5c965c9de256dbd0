import { anonymous, type Caller } from '#core/caller.ts'
import type { Secret } from '#core/secret.ts'
import { credentialHeaders } from './credential-headers.ts'
import type { TokenProvider } from './token-provider.ts'

/** A key that we gave to a client, and whose it is. */
export interface ClientKey extends Validity {
  /** The key, or its SHA-256 digest: 32 bytes. */
  readonly key: Secret | Uint8Array
  readonly caller: Caller
}

/** When a key is good for anything; absent members: always. */
export interface Validity {
  readonly isOff?: boolean
  /** Wall time. */
  readonly fromMs?: number | undefined
  /** Wall time. */
  readonly untilMs?: number | undefined
}

/** What the ring knows of one key. */
export interface KnownKey extends Validity {
  readonly digest: Uint8Array
  readonly caller: Caller
  /** Another key whose digest begins alike. */
  readonly next: KnownKey | undefined
}

/** What is asked of callers beside a key of a list. */
export interface RingOptions {
  /** Somebody has to be known, though there may be no key by which anybody is. */
  readonly asksAlways?: boolean
  /** Who signs tokens that are as good as a key. */
  readonly tokens?: readonly TokenProvider[]
  /** Headers that may carry a key beside the usual ones, in lower case. */
  readonly headers?: readonly string[]
  /** What a caller may not ask is not there for it. */
  readonly hidesForbidden?: boolean
}

/** By what clients are known: keys, kept as digests, and who signs their tokens. */
export class KeyRing {
  readonly #byBeginning: ReadonlyMap<number, KnownKey>
  readonly #asksAlways: boolean
  readonly tokens: readonly TokenProvider[]
  /** Headers that may carry a credential. */
  readonly headers: readonly string[]
  readonly hidesForbidden: boolean
  /** One key that all clients share says nothing about who they are. */
  readonly tellsApart: boolean
  /** Some callers may ask some models only. */
  readonly limitsModels: boolean

  constructor(keys: readonly ClientKey[], options: RingOptions = {}) {
    const { asksAlways = false, tokens = [], headers = [], hidesForbidden = false } = options
    this.#byBeginning = byBeginning(keys)
    this.#asksAlways = asksAlways
    this.tokens = tokens
    this.headers = headers.length === 0 ? credentialHeaders : [...credentialHeaders, ...headers]
    this.hidesForbidden = hidesForbidden
    this.tellsApart = tokens.length > 0 || new Set(keys.map(({ caller }) => caller.id)).size > 1
    this.limitsModels = tokens.length > 0 || keys.some(({ caller }) => caller.access?.allowsModel !== undefined)
  }

  /** Nobody is asked for a key: everyone is the anonymous caller. */
  get isOpen(): boolean {
    return !this.#asksAlways && this.#byBeginning.size === 0 && this.tokens.length === 0
  }

  /**
   * The key as the ring knows it, whether it is good now or not. Only digests are compared, so that the time that it
   * takes says nothing about how much of a key was right.
   */
  find(key: string): KnownKey | undefined {
    Bun.SHA256.hash(key, asked)
    let known = this.#byBeginning.get(askedBeginning[0] ?? 0)
    while (known !== undefined && !crypto.timingSafeEqual(known.digest, asked)) known = known.next
    return known
  }

  /** Is it a credential for us, which is nobody else's business? */
  isOurs(text: string): boolean {
    return this.find(text) !== undefined || (this.tokens.length > 0 && mayBeToken(text))
  }

  get anonymous(): Caller {
    return anonymous
  }
}

/** Does it look like a signed token? */
export function mayBeToken(text: string): boolean {
  return text.length <= tokenLengthMax && tokenForm.test(text)
}

/** Limit: characters of a token. */
const tokenLengthMax = 16_384

const tokenForm = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Digest of the key that is looked for: used at once, and so one for all. */
const asked = new Uint8Array(32)
const askedBeginning = new Int32Array(asked.buffer, 0, 1)

function byBeginning(keys: readonly ClientKey[]): ReadonlyMap<number, KnownKey> {
  const known = new Map<number, KnownKey>()
  for (const { key, ...facts } of keys) {
    const digest = key instanceof Uint8Array ? key : digestOf(key.reveal())
    const beginning = new DataView(digest.buffer, digest.byteOffset, 4).getInt32(0, isLittleEndian)
    known.set(beginning, { ...facts, digest, next: known.get(beginning) })
  }
  return known
}

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

export function digestOf(key: string): Uint8Array {
  const digest = new Uint8Array(32)
  Bun.SHA256.hash(key, digest)
  return digest
}
