import type { CredentialFailure, CredentialLog, Proof, Signable } from '#core/credential.ts'
import { Secret } from '#core/secret.ts'
import type { Stop } from '#kit/stop.ts'
import type { Clock } from '#ports/clock.ts'
import type { Prover, Whose } from './prover.ts'

/** A token as it was made or fetched. */
export interface Token {
  readonly kind: 'token'
  readonly value: string
  /** Milliseconds for which it is good from now on. */
  readonly lifeMs: number
}

export interface TokenSource {
  readonly how: 'minted' | 'fetched'
  /** A new token may differ from one that was refused. */
  readonly varies: boolean
  readonly marginMs: number
  /** Never rejects. */
  obtain(): Promise<Token | CredentialFailure>
}

export interface TokenPorts {
  readonly clock: Clock
  readonly log: CredentialLog
}

/**
 * Holds one token: obtained when it is first wanted, by one errand however many wait; replaced before it ends, while
 * requests go on with the old one; and used to its end when no new one is to be had. After a failure the next errand
 * waits, longer each time.
 */
export class TokenKeeper implements Prover {
  readonly #source: TokenSource
  readonly #ports: TokenPorts
  readonly #whose: Whose
  #held: Held | undefined
  #errand: Promise<Held | CredentialFailure> | undefined
  #failures = 0
  #failure: CredentialFailure | undefined
  #errandDueMs = 0
  /** Who is refused for other reasons than the token must not keep the token server busy. */
  #renewalDueMs = 0

  constructor(source: TokenSource, ports: TokenPorts, whose: Whose) {
    this.#source = source
    this.#ports = ports
    this.#whose = whose
  }

  prove({ stop }: Signable): Proof | CredentialFailure | Promise<Proof | CredentialFailure> {
    const nowMs = this.#ports.clock.monotonicMs()
    const held = this.#held
    if (held !== undefined && nowMs < held.endsMs) {
      if (nowMs >= held.renewMs && nowMs >= this.#errandDueMs) void this.#start()
      return held.use()
    }
    if (this.#errand === undefined && nowMs < this.#errandDueMs && this.#failure !== undefined) {
      return { ...this.#failure, retryAfterMs: this.#errandDueMs - nowMs }
    }
    return waitFor(this.#start(), stop)
  }

  /** A token that was used before is not used again, whatever its life. A new one was not at fault, and is kept. */
  refused(proof: Proof): boolean {
    if (!this.#source.varies) return false
    if (this.#held === undefined || !this.#held.gave(proof)) return true
    const nowMs = this.#ports.clock.monotonicMs()
    if (!proof.isReused || nowMs < this.#renewalDueMs) return false
    this.#renewalDueMs = nowMs + renewalEveryMs
    this.#held = undefined
    return true
  }

  current(): Secret | undefined {
    return this.#held?.secret
  }

  // oxlint-disable-next-line typescript/promise-function-async -- the one errand is handed to all who wait
  #start(): Promise<Held | CredentialFailure> {
    return (this.#errand ??= this.#run())
  }

  /** Never rejects. */
  async #run(): Promise<Held | CredentialFailure> {
    const { clock, log } = this.#ports
    const outcome = await this.#source.obtain()
    const nowMs = clock.monotonicMs()
    this.#errand = undefined
    if (outcome.kind === 'credential_failure') {
      const waitMs = Math.max(outcome.retryAfterMs ?? 0, waitMsMin * 2 ** Math.min(this.#failures, doublingsMax))
      const retryMs = Math.min(waitMs, waitMsMax)
      this.#failures += 1
      this.#failure = outcome
      this.#errandDueMs = nowMs + retryMs
      log.write('warn', 'credential_token_failed', { ...this.#whose, reason: outcome.message, retryMs })
      return { ...outcome, retryAfterMs: retryMs }
    }
    this.#failures = 0
    this.#failure = undefined
    this.#errandDueMs = 0
    this.#held = new Held(outcome, nowMs, this.#source.marginMs)
    const { how } = this.#source
    log.write('debug', 'credential_token', { ...this.#whose, how, forMs: Math.round(outcome.lifeMs) })
    return this.#held
  }
}

const renewalEveryMs = 1000

/** Pauses between errands that fail. */
const waitMsMin = 1000
const waitMsMax = 60_000
const doublingsMax = 6

/** A token in use, and the two proofs that it gives. */
class Held {
  readonly secret: Secret
  readonly renewMs: number
  readonly endsMs: number
  readonly #first: Proof
  readonly #next: Proof
  #isUsed = false

  constructor({ value, lifeMs }: Token, nowMs: number, marginMs: number) {
    this.secret = new Secret(value)
    this.endsMs = nowMs + lifeMs
    this.renewMs = this.endsMs - Math.min(marginMs, lifeMs / 2)
    const headers: Proof['headers'] = [['authorization', `Bearer ${value}`]]
    this.#first = { kind: 'proof', headers, isReused: false }
    this.#next = { kind: 'proof', headers, isReused: true }
  }

  use(): Proof {
    if (this.#isUsed) return this.#next
    this.#isUsed = true
    return this.#first
  }

  gave(proof: Proof): boolean {
    return proof === this.#first || proof === this.#next
  }
}

/** What the errand brings, or a failure as soon as nobody wants it any more; the errand goes on for the others. */
async function waitFor(errand: Promise<Held | CredentialFailure>, stop: Stop): Promise<Proof | CredentialFailure> {
  const waiting = Promise.withResolvers<CredentialFailure>()
  const listener = { onStop: () => waiting.resolve(stopped) }
  stop.tell(listener)
  const outcome = await Promise.race([errand, waiting.promise])
  stop.forget(listener)
  return outcome instanceof Held ? outcome.use() : outcome
}

const stopped: CredentialFailure = {
  kind: 'credential_failure',
  reason: 'stopped',
  message: 'nobody waits for the token any more',
}
