import type {
  Credential,
  CredentialFailure,
  CredentialInUse,
  CredentialRing,
  CredentialTurn,
  Proof,
} from '#core/credential.ts'
import type { Failure } from '#core/failure.ts'
import type { CooldownPolicy } from '#core/plan.ts'
import type { Secret } from '#core/secret.ts'
import { setbackOf, setbackOfNothing } from '#credential/fault.ts'

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
  #setback: 'renew' | 'rest' | undefined
  #renewed: CredentialTurn | undefined

  private constructor(ring: CredentialRing, turn: CredentialTurn, tried: ReadonlySet<Credential>) {
    this.#ring = ring
    this.turn = turn
    this.#tried = tried
  }

  /** The next one of a ring that is free for the backend's `model`; undefined when none is free. */
  static first(ring: CredentialRing, nowMs: number, model: string): CredentialUse | undefined {
    const turn = ring.next(nowMs, undefined, model)
    return turn.kind === 'turn' ? new CredentialUse(ring, turn, new Set([turn.credential])) : undefined
  }

  get credential(): Credential {
    return this.turn.credential
  }

  /** It failed by its own doing, so that nothing is to be held against the route. */
  get isToBlame(): boolean {
    return this.#setback !== undefined
  }

  succeeded(): void {
    this.#setback = undefined
    this.#ring.succeeded(this.turn)
  }

  /** What a failure says of it. Gives the length of the rest that it begins; 0 = none, undefined = it is not to blame. */
  failed(failure: Failure, cooldown: CooldownPolicy, nowMs: number): number | undefined {
    const setback = this.lacks === undefined ? setbackOf(failure) : setbackOfNothing(this.lacks)
    this.#setback = undefined
    if (setback === undefined) return undefined
    const effect = this.#ring.failed(this.turn, this.proof, setback, cooldown, nowMs)
    this.#setback = effect.kind === 'renew' ? 'renew' : 'rest'
    if (effect.kind === 'rests') return effect.forMs
    this.#renewed = effect.turn
    return 0
  }

  /** Monotonic time until which all credentials of the backend rest; undefined while one does not. */
  restsUntil(nowMs: number): number | undefined {
    return this.#ring.restsUntil(nowMs, this.turn.model)
  }

  /** Who proves one more attempt at the same route; undefined when nobody is left. */
  next(nowMs: number): CredentialUse | undefined {
    if (this.#renewed !== undefined) return new CredentialUse(this.#ring, this.#renewed, this.#tried)
    const turn = this.#ring.next(nowMs, this.#tried, this.turn.model)
    if (turn.kind === 'rest') return undefined
    return new CredentialUse(this.#ring, turn, new Set([...this.#tried, turn.credential]))
  }
}
