import type { Credential, CredentialFailure, Proof, Signable } from '#core/credential.ts'
import type { Secret } from '#core/secret.ts'
import type { Prover } from './prover.ts'
import type { CredentialSpec } from './spec.ts'

/** What traffic taught about one credential; kept by its id, over reloads. */
export class Standing {
  readonly prover: Prover
  /** Monotonic time. */
  restsUntilMs = 0
  /** The same for one model each. */
  readonly #modelRests = new Map<string, number>()
  /** Until when other processes know that it rests; without a model: as a whole. */
  readonly #told = new Map<string | undefined, number>()
  turns = 0
  /** In a row. */
  setbacks = 0
  reason: string | undefined

  constructor(prover: Prover) {
    this.prover = prover
  }

  /** Monotonic time until which it rests for a model, be it as a whole. */
  untilMs(model: string | undefined): number {
    const ofModel = model === undefined ? 0 : (this.#modelRests.get(model) ?? 0)
    return Math.max(this.restsUntilMs, ofModel)
  }

  /** Of all its rests the one that ends last. */
  longestMs(): number {
    let untilMs = this.restsUntilMs
    for (const ofModel of this.#modelRests.values()) untilMs = Math.max(untilMs, ofModel)
    return untilMs
  }

  /** A rest is only ever extended. */
  rest(model: string | undefined, untilMs: number): void {
    if (model === undefined) {
      this.restsUntilMs = Math.max(this.restsUntilMs, untilMs)
      return
    }
    const known = this.#modelRests.get(model) ?? 0
    // The one that was written longest ago gives way.
    this.#modelRests.delete(model)
    this.#modelRests.set(model, Math.max(known, untilMs))
    const [oldest] = this.#modelRests.keys()
    if (this.#modelRests.size > modelRestsMax && oldest !== undefined) this.#modelRests.delete(oldest)
  }

  /** Do other processes not know yet until when it rests? From now on they do. That it lasts a little longer is no news. */
  isNews(model: string | undefined, nowMs: number): boolean {
    const untilMs = this.untilMs(model)
    const toldMs = Math.max(this.#told.get(undefined) ?? 0, this.#told.get(model) ?? 0)
    if (untilMs <= nowMs || (toldMs > nowMs && untilMs - toldMs <= untoldMsMax)) return false
    this.knownUntil(model, untilMs)
    return true
  }

  /** Other processes know that it rests so long. */
  knownUntil(model: string | undefined, untilMs: number): void {
    this.#told.delete(model)
    this.#told.set(model, untilMs)
    const [oldest] = this.#told.keys()
    if (this.#told.size > modelRestsMax + 1) this.#told.delete(oldest)
  }

  reset(): void {
    this.restsUntilMs = 0
    this.#modelRests.clear()
    this.#told.clear()
    this.setbacks = 0
    this.reason = undefined
  }
}

/** Limit: models for which one credential rests; clients may choose them. */
const modelRestsMax = 1000

/** Limit: milliseconds that a rest may end later than other processes know. */
const untoldMsMax = 1000

/** A credential that goes to its backend and nowhere else. */
export class BoundCredential implements Credential {
  readonly id: string
  readonly name: string
  readonly standing: Standing
  readonly #origin: string
  readonly #hidden: readonly Secret[]
  #current: Secret | undefined
  #secrets: readonly Secret[]

  constructor({ id, name, origin, hidden }: CredentialSpec, standing: Standing) {
    this.id = id
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
