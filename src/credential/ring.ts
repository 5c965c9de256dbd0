import type {
  Credential,
  CredentialEffect,
  CredentialHealth,
  CredentialRest,
  CredentialRing,
  CredentialSetback,
  CredentialTurn,
  Proof,
} from '#core/credential.ts'
import type { CooldownPolicy } from '#core/plan.ts'
import type { Learned } from '#core/shared.ts'
import type { BoundCredential } from './bound-credential.ts'

/** Where a backend's ring stands; kept over reloads. */
export interface Cursor {
  /** Turns since the start. */
  count: number
  /** Index into the schedule of the next turn. */
  at: number
}

type RestPolicy = Pick<CooldownPolicy, 'cooldownMs' | 'retryAfterMsMax' | 'respectRetryAfter'>

/** An entry of the list; those of one id share their credential. */
export interface RingEntry {
  readonly credential: BoundCredential
  readonly weight: number
}

interface Entry extends RingEntry {
  readonly index: number
}

/**
 * Strict round robin over a backend's credentials, in the order of the file, from the first. A repeated entry takes as
 * many turns as it is written; a weight of n lets an entry take part in the first n passes of each round.
 */
export class Ring implements CredentialRing {
  readonly #entries: readonly Entry[]
  readonly #schedule: readonly Entry[]
  readonly #spares: readonly Entry[]
  readonly #cursor: Cursor
  readonly #learned: Learned | undefined

  constructor(entries: readonly RingEntry[], cursor: Cursor, learned?: Learned) {
    this.#entries = entries.map(({ credential, weight }, index) => ({ credential, weight, index }))
    this.#schedule = scheduleOf(this.#entries)
    this.#spares = this.#entries.filter(({ weight }) => weight === 0)
    this.#cursor = cursor
    this.#learned = learned
  }

  next(nowMs: number, tried?: ReadonlySet<Credential>, model?: string): CredentialTurn | CredentialRest {
    const schedule = this.#schedule
    const cursor = this.#cursor
    for (let step = 0; step < schedule.length; step += 1) {
      const at = (cursor.at + step) % schedule.length
      const entry = schedule[at]
      if (entry === undefined || !isFree(entry, nowMs, tried, model)) continue
      cursor.at = (at + 1) % schedule.length
      return this.#take(entry, model)
    }
    const spare = this.#spares.find((entry) => isFree(entry, nowMs, tried, model))
    return spare === undefined ? { kind: 'rest', untilMs: this.#soonest(nowMs, model) } : this.#take(spare, model)
  }

  take(name: string, nowMs: number, model?: string): CredentialTurn | CredentialRest {
    const entry = this.#entries.find(({ credential }) => credential.name === name)
    const isTaken = entry !== undefined && isFree(entry, nowMs, undefined, model)
    return isTaken ? this.#take(entry, model) : { kind: 'rest', untilMs: this.#soonest(nowMs, model, name) }
  }

  peek(nowMs: number): Credential | undefined {
    return this.#entries.find(({ credential }) => credential.standing.untilMs(undefined) <= nowMs)?.credential
  }

  restsUntil(nowMs: number, model?: string, name?: string): number | undefined {
    for (const { credential } of this.#entries) {
      if (isOf(credential, name) && credential.standing.untilMs(model) <= nowMs) return undefined
    }
    return this.#soonest(nowMs, model, name)
  }

  succeeded(turn: CredentialTurn): void {
    const standing = this.#credentialOf(turn)?.standing
    if (standing === undefined) return
    standing.setbacks = 0
    // A success may have begun before the failure that started a rest; it does not end it.
    standing.reason = undefined
  }

  failed(
    turn: CredentialTurn,
    proof: Proof | undefined,
    { status, isOfModel = false, retryAfterMs, message }: CredentialSetback,
    policy: RestPolicy,
    nowMs: number,
  ): CredentialEffect {
    const mayRenew = status === 401 && proof !== undefined && !turn.isRenewed && turn.credential.refused(proof)
    if (mayRenew) return { kind: 'renew', turn: { ...turn, isRenewed: true } }
    const credential = this.#credentialOf(turn)
    if (credential === undefined) return { kind: 'rests', forMs: 0 }
    const { id, standing } = credential
    standing.setbacks += 1
    const model = isOfModel ? turn.model : undefined
    standing.reason = model === undefined ? message : `${message} for model "${model}"`
    const forMs = restMsFor(policy, status, retryAfterMs)
    const isNews = standing.untilMs(model) <= nowMs
    standing.rest(model, nowMs + forMs)
    if (this.#learned !== undefined && standing.isNews(model, nowMs)) {
      this.#learned({
        kind: 'credential',
        key: id,
        forMs: standing.untilMs(model) - nowMs,
        model,
        reason: standing.reason,
      })
    }
    return { kind: 'rests', forMs: isNews ? forMs : 0 }
  }

  reset(nowMs: number, name?: string): number {
    const resting = new Set<BoundCredential>()
    for (const { credential } of this.#entries) {
      if ((name === undefined || credential.name === name) && credential.standing.longestMs() > nowMs) {
        resting.add(credential)
      }
    }
    for (const { id, standing } of resting) {
      standing.reset()
      this.#learned?.({ kind: 'credential', key: id, forMs: 0 })
    }
    return resting.size
  }

  list(nowMs: number): readonly CredentialHealth[] {
    return this.#entries.map(({ credential: { name, standing }, weight, index }) => {
      const restsForMs = Math.ceil(Math.max(0, standing.longestMs() - nowMs))
      return {
        name,
        index,
        weight,
        state: restsForMs > 0 ? 'resting' : 'ready',
        restsForMs,
        turns: standing.turns,
        setbacks: standing.setbacks,
        reason: standing.reason,
      }
    })
  }

  #take({ credential, index }: Entry, model: string | undefined): CredentialTurn {
    this.#cursor.count += 1
    credential.standing.turns += 1
    return { kind: 'turn', credential, index, number: this.#cursor.count, model, isRenewed: false }
  }

  #soonest(nowMs: number, model: string | undefined, name?: string): number | undefined {
    let untilMs: number | undefined
    for (const { credential } of this.#entries) {
      if (!isOf(credential, name)) continue
      const ownMs = credential.standing.untilMs(model)
      if (ownMs > nowMs && (untilMs === undefined || ownMs < untilMs)) untilMs = ownMs
    }
    return untilMs
  }

  /** Undefined for a turn of another ring. */
  #credentialOf({ credential, index }: CredentialTurn): BoundCredential | undefined {
    const entry = this.#entries[index]
    return entry?.credential === credential ? entry.credential : undefined
  }
}

function isOf(credential: BoundCredential, name: string | undefined): boolean {
  return name === undefined || credential.name === name
}

function isFree(
  { credential }: Entry,
  nowMs: number,
  tried: ReadonlySet<Credential> | undefined,
  model: string | undefined,
): boolean {
  return credential.standing.untilMs(model) <= nowMs && tried?.has(credential) !== true
}

/** Passes through the list, each without those whose weight is used up. */
function scheduleOf(entries: readonly Entry[]): readonly Entry[] {
  const weightMax = Math.max(0, ...entries.map(({ weight }) => weight))
  const schedule: Entry[] = []
  for (let pass = 1; pass <= weightMax; pass += 1) {
    for (const entry of entries) if (entry.weight >= pass) schedule.push(entry)
  }
  return schedule
}

/** A pause that was asked for takes the place of the configured rest; `cooldownMs` 0 switches rests off. */
function restMsFor(
  { cooldownMs, retryAfterMsMax, respectRetryAfter }: RestPolicy,
  status: number | undefined,
  retryAfterMs: number | undefined,
): number {
  if (cooldownMs === 0 || retryAfterMs === undefined || retryAfterMs <= 0) return cooldownMs
  // Without a status it was not the backend that asked for the pause, but the errand for a token that knows its length.
  if (status !== undefined && !respectRetryAfter) return cooldownMs
  return Math.min(retryAfterMs, retryAfterMsMax)
}
