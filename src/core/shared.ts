import type { Finding, HealthState } from './health.ts'
import type { OwnedKind, Owner } from './owner.ts'

/**
 * Something that one of several processes learned, and that the others should know. Times are durations, since no two
 * processes count alike; 0: it holds no more. A fact that is lost is learned again.
 */
export type SharedFact =
  /** A route rests, by its state key. */
  | { readonly kind: 'cooldown'; readonly key: string; readonly forMs: number }
  /** A route's circuit is open, or, with 0, closed again. */
  | { readonly kind: 'circuit'; readonly key: string; readonly forMs: number }
  /** A route is left out since it does worse than its siblings. */
  | { readonly kind: 'ejection'; readonly key: string; readonly forMs: number }
  /** Who asks under this key stays with that route. */
  | {
      readonly kind: 'pin'
      readonly key: string
      readonly forMs: number
      readonly stateKey: string
      readonly alias?: string | undefined
      readonly credential?: string | undefined
    }
  /** What has this id, by its hash, is had by nobody else. */
  | {
      readonly kind: 'owner'
      readonly key: string
      readonly forMs: number
      readonly of: OwnedKind
      readonly owner: Owner
    }
  /** A credential rests, by its id: as a whole, or for one model. */
  | {
      readonly kind: 'credential'
      readonly key: string
      readonly forMs: number
      readonly model?: string | undefined
      readonly reason?: string | undefined
    }
  /** What the last check of a backend found, and what the backend is by it; the next one is due after `forMs`. */
  | {
      readonly kind: 'health'
      readonly key: string
      readonly forMs: number
      readonly finding: Finding
      readonly state: HealthState
    }

/** Is told what was learned here; must neither throw nor wait. */
export type Learned = (fact: SharedFact) => void

/** Facts of one identity replace each other. */
export function identityOf(fact: SharedFact): string {
  const model = fact.kind === 'credential' ? (fact.model ?? '') : ''
  return `${scopeOf(fact)}${model}`
}

/** What the identities of facts begin with that end with this one, where it holds no more. */
export function scopeOf({ kind, key }: SharedFact): string {
  return `${kind}\n${key}\n`
}
