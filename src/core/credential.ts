import type { HeaderPair } from '#kit/header-list.ts'
import type { Stop } from '#kit/stop.ts'
import type { CooldownPolicy } from './plan.ts'
import type { Secret } from './secret.ts'

/** One way to prove to a backend who asks. It is bound to that backend's address. */
export interface Credential {
  /** For people and logs; never a secret. */
  readonly name: string
  /**
   * What proves the request: at once where it is known, later where it must be fetched or signed first. A request to
   * any other address than the backend's own gets a failure. Never throws and never rejects.
   */
  headers(request: Signable): Proof | CredentialFailure | Promise<Proof | CredentialFailure>
  /** The upstream did not believe it (401). True: asked again, it would prove the request with something newer. */
  refused(proof: Proof): boolean
  /** What an answer must never bring to a client, the token of this moment included. The same array while nothing changes. */
  secrets(): readonly Secret[]
}

/** A request that is complete but for its proof. */
export interface Signable {
  readonly method: string
  readonly url: URL
  readonly headers: readonly HeaderPair[]
  readonly body: readonly Uint8Array[] | undefined
  /** There is a body that is sent on while it comes, so that nobody knows it yet. */
  readonly isUnread?: boolean
  /** Where this backend reads a key in the dialect of the call. Tokens always go into `authorization`. */
  readonly keyHeader: KeyHeader
  /** Asked, nobody waits for the proof any more. */
  readonly stop: Stop
}

/** The header that carries a backend's key. */
export type KeyHeader = 'authorization' | 'x-api-key' | 'api-key' | 'x-goog-api-key' | 'none'

export interface Proof {
  readonly kind: 'proof'
  /** They replace all others of their names, which are in lower case. */
  readonly headers: readonly HeaderPair[]
  /** The request goes there instead: at the same address, less what the proof cannot bear. */
  readonly url?: URL
  /** It has proved another request before. */
  readonly isReused: boolean
}

/** A credential at work for one attempt. */
export interface CredentialInUse {
  readonly credential: Credential
  /** What was sent; undefined while nothing was. */
  proof: Proof | undefined
  /** What the answer must not bring to the client, as of the moment of the proof. */
  secrets: readonly Secret[]
  /** Why there was nothing to send. */
  lacks: CredentialFailure | undefined
}

/** Why a credential has nothing to send. */
export interface CredentialFailure {
  readonly kind: 'credential_failure'
  /** `unsignable`: this very request cannot be proved, whoever would try. */
  readonly reason: 'wrong_host' | 'no_key' | 'no_token' | 'cannot_sign' | 'unsignable' | 'stopped'
  /** For people and logs; begins in the middle of a sentence, as messages of failures do, and holds no secret. */
  readonly message: string
  /** Milliseconds after which asking again makes sense. */
  readonly retryAfterMs?: number
}

/** The credentials of one backend, as the snapshot knows them: what they are called, and what nobody may see. */
export interface CredentialSet {
  readonly backend: string
  /** In the order of the file, repetitions included. */
  readonly names: readonly string[]
  readonly secrets: readonly Secret[]
}

/** The rings of all backends; outlives every snapshot. */
export interface CredentialBook {
  /** Undefined for a set that was never adopted. */
  ringOf(set: CredentialSet): CredentialRing | undefined
}

/** Whose turn it is among the credentials of one backend, and who rests. */
export interface CredentialRing {
  /**
   * The next one that does not rest, neither as a whole nor for the backend's `model`, and is not among those that this
   * request has `tried`. It takes the turn.
   */
  next(nowMs: number, tried?: ReadonlySet<Credential>, model?: string): CredentialTurn | CredentialRest
  /** The one of this name takes a turn beside the others, unless it rests; it is nobody else's turn less. */
  take(name: string, nowMs: number, model?: string): CredentialTurn | CredentialRest
  /** The first one of the file that does not rest, for an errand of our own; undefined when all rest. Takes no turn. */
  peek(nowMs: number): Credential | undefined
  /**
   * Monotonic time until which all of them rest, as a whole or for `model`, or all of one name; undefined while one is
   * free. Takes no turn.
   */
  restsUntil(nowMs: number, model?: string, name?: string): number | undefined
  /** The backend took it. */
  succeeded(turn: CredentialTurn): void
  /** The failure was the credential's own, see `credential/fault.ts`. `proof`: what was sent, if anything was. */
  failed(
    turn: CredentialTurn,
    proof: Proof | undefined,
    setback: CredentialSetback,
    policy: Pick<CooldownPolicy, 'cooldownMs' | 'retryAfterMsMax' | 'respectRetryAfter'>,
    nowMs: number,
  ): CredentialEffect
  /** Every rest ends, or that of the credentials of one name. Tells how many rested. */
  reset(nowMs: number, name?: string): number
  /** For people: one line for each entry of the set. */
  list(nowMs: number): readonly CredentialHealth[]
}

export interface CredentialTurn {
  readonly kind: 'turn'
  readonly credential: Credential
  /** Place in the file, from 0. */
  readonly index: number
  /** Count of the backend's turns since the start, from 1. */
  readonly number: number
  /** The backend's name of the model that is asked for; undefined where none is. */
  readonly model: string | undefined
  /** It was refused in this very request, and may try once more with something newer. */
  readonly isRenewed: boolean
}

/** Nobody is left. */
export interface CredentialRest {
  readonly kind: 'rest'
  /** When the first one that rests comes back; undefined when none rests, because this request has tried them all. */
  readonly untilMs: number | undefined
}

/** What went wrong with a credential. */
export interface CredentialSetback {
  /** Of the answer that refused it; undefined when it had nothing to send. */
  readonly status: number | undefined
  /** Nothing says that other models would be refused as well. */
  readonly isOfModel?: boolean
  readonly retryAfterMs: number | undefined
  /** For people; without a secret. */
  readonly message: string
}

/** What a setback leads to. `renew`: the same credential is worth one more attempt, by this turn. */
export type CredentialEffect =
  | { readonly kind: 'renew'; readonly turn: CredentialTurn }
  /** Milliseconds; 0 = nothing new: it rested already, or rests are switched off. */
  | { readonly kind: 'rests'; readonly forMs: number }

export interface CredentialHealth {
  readonly name: string
  readonly index: number
  /** Turns that it takes in one round; 0 = only when no other one can. */
  readonly weight: number
  /** Also `resting` while it rests for one model only. */
  readonly state: 'ready' | 'resting'
  /** 0 when it is ready. */
  readonly restsForMs: number
  /** Turns that it took since the start. */
  readonly turns: number
  /** Setbacks in a row. */
  readonly setbacks: number
  /** Why it rested last; undefined after a success. */
  readonly reason: string | undefined
}

/**
 * Where tokens that come and go are told. A subset of `Log`, which can be given in its place. Fields:
 * `credential_token`: backend, credential, how (`minted` or `fetched`), forMs; `credential_token_failed`: backend,
 * credential, reason, retryMs; `credential_key_read`: backend, credential, file; `credential_file_failed`: backend,
 * credential, file, reason.
 */
export interface CredentialLog {
  write(
    level: 'warn' | 'info' | 'debug',
    event: 'credential_token' | 'credential_token_failed' | 'credential_key_read' | 'credential_file_failed',
    fields: Readonly<Record<string, string | number | boolean | undefined>>,
  ): void
}
