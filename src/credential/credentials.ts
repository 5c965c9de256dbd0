import type { CredentialBook, CredentialLog, CredentialRing, CredentialSet } from '#core/credential.ts'
import type { Secret } from '#core/secret.ts'
import type { Learned, SharedFact } from '#core/shared.ts'
import type { Clock } from '#ports/clock.ts'
import type { SecretFiles } from '#ports/secret-files.ts'
import type { Transport } from '#ports/transport.ts'
import { AwsSigner } from './aws-signer.ts'
import { BoundCredential, Standing } from './bound-credential.ts'
import { KeyFile } from './key-file.ts'
import type { Prover, Whose } from './prover.ts'
import { Ring, type Cursor, type RingEntry } from './ring.ts'
import type { CompiledCredentials, CredentialSpec, Material } from './spec.ts'
import { StaticKey } from './static-key.ts'
import { TokenKeeper } from './token-keeper.ts'
import { googleSource, jwtSource, oauthSource } from './token-sources.ts'

export interface CredentialPorts {
  readonly clock: Clock
  readonly transport: Transport
  readonly files: SecretFiles
  readonly log: CredentialLog
}

/**
 * The credentials of all backends: who rests, whose turn it is, and the tokens they hold. Outlives every snapshot; what
 * is known of a credential is kept for as long as backend, name and content stay the same.
 */
export class Credentials implements CredentialBook {
  readonly #ports: CredentialPorts
  readonly #rings = new WeakMap<CredentialSet, Ring>()
  #standings: ReadonlyMap<string, Standing> = new Map()
  #cursors: ReadonlyMap<string, { readonly ids: string; readonly cursor: Cursor }> = new Map()
  #current: ReadonlyMap<string, Ring> = new Map()
  #arrived: readonly Secret[] = []
  /** Other processes are to know of rests; undefined: there are none. */
  learned: Learned | undefined

  constructor(ports: CredentialPorts) {
    this.#ports = {
      ...ports,
      log: {
        write: (level, event, fields) => {
          // Those that are made here look like what they are, wherever they turn up.
          if (event === 'credential_key_read' || fields['how'] === 'fetched') this.#noteArrivals()
          ports.log.write(level, event, fields)
        },
      },
    }
  }

  /**
   * Takes the sets of a new snapshot, before it is swapped in, and forgets what is in none of them. Requests that go on
   * with an old set keep its ring.
   */
  adopt(sets: Iterable<CompiledCredentials>): void {
    const standings = new Map<string, Standing>()
    const cursors = new Map<string, { readonly ids: string; readonly cursor: Cursor }>()
    const current = new Map<string, Ring>()
    for (const set of sets) {
      const ids = JSON.stringify(set.specs.map(({ id, weight }) => [id, weight]))
      const cursor = this.#cursorOf(set.backend, ids)
      cursors.set(set.backend, { ids, cursor })
      const ring = new Ring(this.#bind(set.specs, standings), cursor, this.#tell)
      this.#rings.set(set, ring)
      current.set(set.backend, ring)
    }
    this.#standings = standings
    this.#cursors = cursors
    this.#current = current
  }

  /** The same came to light in another process. */
  hear({ key, forMs, model, reason }: Extract<SharedFact, { kind: 'credential' }>, nowMs: number): void {
    const standing = this.#standings.get(key)
    if (standing === undefined) return
    if (forMs <= 0) return standing.reset()
    standing.reason = reason ?? standing.reason
    standing.rest(model, nowMs + forMs)
    standing.knownUntil(model, nowMs + forMs)
  }

  readonly #tell: Learned = (fact) => this.learned?.(fact)

  ringOf(set: CredentialSet): CredentialRing | undefined {
    return this.#rings.get(set)
  }

  /** Tokens and keys that came since the start, the newest ones, for masking by value. The same array while none comes. */
  arrived(): readonly Secret[] {
    return this.#arrived
  }

  #noteArrivals(): void {
    const known = new Set(this.#arrived)
    for (const { prover } of this.#standings.values()) {
      const secret = prover.current()
      if (secret !== undefined) known.add(secret)
    }
    if (known.size > this.#arrived.length) this.#arrived = [...known].slice(-arrivedMax)
  }

  /** The rings of the newest snapshot by backend, for people. */
  rings(): ReadonlyMap<string, CredentialRing> {
    return this.#current
  }

  #bind(specs: readonly CredentialSpec[], standings: Map<string, Standing>): RingEntry[] {
    const bound = new Map<string, BoundCredential>()
    return specs.map((spec) => {
      const standing = standings.get(spec.id) ?? this.#standings.get(spec.id) ?? new Standing(this.#proverFor(spec))
      standings.set(spec.id, standing)
      const credential = bound.get(spec.id) ?? new BoundCredential(spec, standing)
      bound.set(spec.id, credential)
      return { credential, weight: spec.weight }
    })
  }

  /** The count goes on; the place in the order only while the order is the same. */
  #cursorOf(backend: string, ids: string): Cursor {
    const known = this.#cursors.get(backend)
    if (known === undefined) return { count: 0, at: 0 }
    return known.ids === ids ? known.cursor : { count: known.cursor.count, at: 0 }
  }

  #proverFor({ backend, name, material }: CredentialSpec): Prover {
    return proverOf(material, this.#ports, { backend, credential: name })
  }
}

/** Limit: each is looked for in all that is logged. */
const arrivedMax = 200

function proverOf(material: Material, ports: CredentialPorts, whose: Whose): Prover {
  const { clock } = ports
  switch (material.kind) {
    case 'key':
      return new StaticKey(material)
    case 'file':
      return new KeyFile(material, ports, whose)
    case 'jwt':
      return new TokenKeeper(jwtSource(material, clock), ports, whose)
    case 'oauth2':
      return new TokenKeeper(oauthSource(material, ports), ports, whose)
    case 'google':
      return new TokenKeeper(googleSource(material, ports), ports, whose)
    case 'aws':
      return new AwsSigner(material, clock)
  }
}
