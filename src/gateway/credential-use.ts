import type {
  Credential,
  CredentialFailure,
  CredentialInUse,
  CredentialRing,
  CredentialSetback,
  CredentialTurn,
  Proof,
} from '#core/credential.ts'
import type { Failure } from '#core/failure.ts'
import type { CooldownPolicy } from '#core/plan.ts'
import type { Secret } from '#core/secret.ts'
import { doubtOf, setbackOf, setbackOfNothing } from '#credential/fault.ts'

/** A credential that was refused where that may have had another reason. */
interface Suspect {
  readonly turn: CredentialTurn
  readonly proof: Proof | undefined
  readonly setback: CredentialSetback
  readonly cooldown: CooldownPolicy
}

/** A rest that began. */
export interface CredentialRested {
  readonly name: string
  readonly status: number | undefined
  readonly forMs: number
  readonly reason: string
}

/**
 * A credential's turn in one request, and who takes over from it. Another credential of the same backend is another
 * attempt at the same route; each has one turn per route, and one more when it got something newer to prove itself with.
 */
export class CredentialUse implements CredentialInUse {
  readonly turn: CredentialTurn
  proof: Proof | undefined
  secrets: readonly Secret[] = []
  lacks: CredentialFailure | undefined
  readonly #ring: CredentialRing
  readonly #tried: ReadonlySet<Credential>
  /** What the last attempt ended in, if that was its own doing. */
  #setback: 'renew' | 'rest' | 'doubt' | undefined
  #renewed: CredentialTurn | undefined
  /** Who was refused before, and is to rest if this one is not; of one request there is one. */
  #suspect: Suspect | undefined
  /** Another credential would not know what the request speaks of. */
  #isAlone = false

  private constructor(ring: CredentialRing, turn: CredentialTurn, tried: ReadonlySet<Credential>, suspect?: Suspect) {
    this.#ring = ring
    this.turn = turn
    this.#tried = tried
    this.#suspect = suspect
  }

  /** The next one of a ring that is free for the backend's `model`, or the `wanted` one; undefined when none is free. */
  static first(ring: CredentialRing, nowMs: number, model: string, wanted?: string): CredentialUse | undefined {
    const taken = wanted === undefined ? undefined : ring.take(wanted, nowMs, model)
    const turn = taken?.kind === 'turn' ? taken : ring.next(nowMs, undefined, model)
    return turn.kind === 'turn' ? new CredentialUse(ring, turn, new Set([turn.credential])) : undefined
  }

  /** The one of this name and no other; undefined while it rests. */
  static only(ring: CredentialRing, nowMs: number, model: string, name: string): CredentialUse | undefined {
    const turn = ring.take(name, nowMs, model)
    if (turn.kind !== 'turn') return undefined
    const use = new CredentialUse(ring, turn, new Set([turn.credential]))
    use.#isAlone = true
    return use
  }

  get credential(): Credential {
    return this.turn.credential
  }

  /** It failed by its own doing, so that nothing is to be held against the route. */
  get isToBlame(): boolean {
    return this.#setback !== undefined
  }

  /** Nobody knows yet whether it failed by its own doing. */
  get isInDoubt(): boolean {
    return this.#setback === 'doubt'
  }

  /** It was let in. Gives the rest that this begins for the one before it, whose doing its refusal was then. */
  succeeded(nowMs: number): CredentialRested | undefined {
    this.#setback = undefined
    this.#ring.succeeded(this.turn)
    const suspect = this.#suspect
    if (suspect === undefined) return undefined
    this.#suspect = undefined
    const { turn, proof, setback, cooldown } = suspect
    const effect = this.#ring.failed(turn, proof, setback, cooldown, nowMs)
    if (effect.kind !== 'rests' || effect.forMs === 0) return undefined
    return { name: turn.credential.name, status: setback.status, forMs: effect.forMs, reason: setback.message }
  }

  /** What a failure says of it. Gives the length of the rest that it begins; 0 = none, undefined = it is not to blame. */
  failed(failure: Failure, cooldown: CooldownPolicy, nowMs: number): number | undefined {
    const setback = this.lacks === undefined ? setbackOf(failure) : setbackOfNothing(this.lacks)
    this.#setback = undefined
    if (setback === undefined) {
      const doubt = this.#suspect === undefined ? doubtOf(failure) : undefined
      if (doubt === undefined) return undefined
      this.#suspect = { turn: this.turn, proof: this.proof, setback: doubt, cooldown }
      this.#setback = 'doubt'
      return 0
    }
    const effect = this.#ring.failed(this.turn, this.proof, setback, cooldown, nowMs)
    this.#setback = effect.kind === 'renew' ? 'renew' : 'rest'
    if (effect.kind === 'rests') return effect.forMs
    this.#renewed = effect.turn
    return 0
  }

  /** Monotonic time until which all credentials of the backend rest; undefined while one does not. */
  restsUntil(nowMs: number): number | undefined {
    return this.#ring.restsUntil(nowMs, this.turn.model, this.#isAlone ? this.credential.name : undefined)
  }

  /** Who proves one more attempt at the same route; undefined when nobody is left. */
  next(nowMs: number): CredentialUse | undefined {
    if (this.#renewed !== undefined) {
      const again = new CredentialUse(this.#ring, this.#renewed, this.#tried)
      again.#isAlone = this.#isAlone
      return again
    }
    if (this.#isAlone) return undefined
    const turn = this.#ring.next(nowMs, this.#tried, this.turn.model)
    if (turn.kind === 'rest') return undefined
    return new CredentialUse(this.#ring, turn, new Set([...this.#tried, turn.credential]), this.#suspect)
  }
}
